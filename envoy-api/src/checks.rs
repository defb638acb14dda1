//! What each rule of `validate.rules` means for a value, with the words of Envoy's own messages.

use std::cmp::Ordering;

use prost_reflect::{Kind, Value};

use crate::render::seconds_nanos;
use crate::rules::FieldRules;

/// The lower or upper bound of a range: name, argument, whether it is inclusive.
type Bound<'a> = Option<(&'a str, &'a Value, bool)>;

/// Checks one value (not a list, a map or an absent message): the broken rules, each with a
/// message.
pub(crate) fn check(value: &Value, kind: &Kind, rules: &FieldRules) -> Vec<(String, String)> {
    let mut broken = Vec::new();
    if rules.ignore_empty && value.is_default(kind) {
        return broken;
    }
    let (mut lower, mut upper): (Bound, Bound) = (None, None);
    for (name, argument) in &rules.rules {
        match name.as_str() {
            "gt" => lower = Some((name, argument, false)),
            "gte" => lower = Some((name, argument, true)),
            "lt" => upper = Some((name, argument, false)),
            "lte" => upper = Some((name, argument, true)),
            _ => {
                if let Some(message) = check_rule(name, argument, value, kind, rules) {
                    broken.push((format!("{}.{name}", rules.kind), message));
                }
            }
        }
    }
    if let Some((name, message)) = check_range(value, lower, upper) {
        broken.push((format!("{}.{name}", rules.kind), message));
    }
    broken
}

/// Whether [`check`] or the walk over the message knows this rule of this group.
pub(crate) fn is_implemented(group: &str, rule: &str) -> bool {
    match rule {
        "const" | "in" | "not_in" => true,
        "gt" | "gte" | "lt" | "lte" => true,
        "len" | "min_len" | "max_len" | "prefix" | "suffix" | "contains" => true,
        "len_bytes" | "min_bytes" | "max_bytes" | "not_contains" | "well_known_regex" => true,
        "pattern" => group == "string",
        "defined_only" => true,
        "min_items" | "max_items" | "unique" | "min_pairs" | "max_pairs" => true,
        _ => false,
    }
}

fn check_rule(
    name: &str,
    argument: &Value,
    value: &Value,
    kind: &Kind,
    rules: &FieldRules,
) -> Option<String> {
    let limit = argument.as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or_default();
    let bytes = raw(value);
    // Lengths of strings count characters, lengths of bytes count bytes.
    let (length, unit) = match value.as_str() {
        Some(text) => (text.chars().count(), "characters"),
        None => (bytes.len(), "bytes"),
    };
    let text = value.as_str().unwrap_or_default();
    let (ok, message) = match name {
        "const" => (same(value, argument), format!("value must equal {}", show(argument))),
        "in" => (listed(value, argument), format!("value must be in list {}", show(argument))),
        "not_in" => {
            (!listed(value, argument), format!("value must not be in list {}", show(argument)))
        }
        "len" => (length == limit, format!("value length must be {limit} {unit}")),
        "min_len" => (length >= limit, format!("value length must be at least {limit} {unit}")),
        "max_len" => (length <= limit, format!("value length must be at most {limit} {unit}")),
        "len_bytes" => (bytes.len() == limit, format!("value length must be {limit} bytes")),
        "min_bytes" => {
            (bytes.len() >= limit, format!("value length must be at least {limit} bytes"))
        }
        "max_bytes" => {
            (bytes.len() <= limit, format!("value length must be at most {limit} bytes"))
        }
        "pattern" => (
            rules.pattern.as_ref().is_none_or(|pattern| pattern.is_match(text)),
            format!("value does not match regex pattern {}", show(argument)),
        ),
        "prefix" => (
            bytes.starts_with(raw(argument)),
            format!("value does not have prefix {}", show(argument)),
        ),
        "suffix" => (
            bytes.ends_with(raw(argument)),
            format!("value does not have suffix {}", show(argument)),
        ),
        "contains" => (
            contains(bytes, raw(argument)),
            format!("value does not contain substring {}", show(argument)),
        ),
        "not_contains" => (
            !contains(bytes, raw(argument)),
            format!("value contains substring {}", show(argument)),
        ),
        "well_known_regex" => {
            let what = argument.as_enum_number().unwrap_or_default();
            (
                is_header(text, what, rules.strict),
                "value is not a valid HTTP header ".to_owned()
                    + if what == 1 { "name" } else { "value" },
            )
        }
        "defined_only" => (
            argument.as_bool() != Some(true) || is_defined(value, kind),
            "value must be one of the defined enum values".to_owned(),
        ),
        _ => return None,
    };
    (!ok).then_some(message)
}

/// A lower bound above the upper one means "outside of the range".
fn check_range<'a>(value: &Value, lower: Bound<'a>, upper: Bound<'a>) -> Option<(&'a str, String)> {
    let above = |(_, bound, inclusive): (&str, &Value, bool)| match compare(value, bound) {
        Some(Ordering::Less) => false,
        Some(Ordering::Equal) => inclusive,
        _ => true,
    };
    let below = |(_, bound, inclusive): (&str, &Value, bool)| match compare(value, bound) {
        Some(Ordering::Greater) => false,
        Some(Ordering::Equal) => inclusive,
        _ => true,
    };
    let or_equal = |inclusive| if inclusive { " or equal to" } else { "" };
    match (lower, upper) {
        (Some(low), None) => (!above(low)).then(|| {
            (low.0, format!("value must be greater than{} {}", or_equal(low.2), show(low.1)))
        }),
        (None, Some(high)) => (!below(high)).then(|| {
            (high.0, format!("value must be less than{} {}", or_equal(high.2), show(high.1)))
        }),
        (Some(low), Some(high)) => {
            let inside = compare(low.1, high.1) != Some(Ordering::Greater);
            let (low_ok, high_ok) = (above(low), below(high));
            let ok = if inside { low_ok && high_ok } else { low_ok || high_ok };
            let (open, close) = (if low.2 { '[' } else { '(' }, if high.2 { ']' } else { ')' });
            (!ok).then(|| {
                let side = if inside { "inside" } else { "outside" };
                let range = format!("{open}{}, {}{close}", show(low.1), show(high.1));
                let broken = if low_ok { high.0 } else { low.0 };
                (broken, format!("value must be {side} range {range}"))
            })
        }
        (None, None) => None,
    }
}

/// A number, or a duration or timestamp in nanoseconds.
enum Number {
    Integer(i128),
    Float(f64),
}

fn number(value: &Value) -> Option<Number> {
    Some(match value {
        Value::I32(value) | Value::EnumNumber(value) => Number::Integer((*value).into()),
        Value::I64(value) => Number::Integer((*value).into()),
        Value::U32(value) => Number::Integer((*value).into()),
        Value::U64(value) => Number::Integer((*value).into()),
        Value::F32(value) => Number::Float((*value).into()),
        Value::F64(value) => Number::Float(*value),
        Value::Message(message) => {
            let (seconds, nanos) = seconds_nanos(message);
            Number::Integer(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
        }
        _ => return None,
    })
}

fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (number(a)?, number(b)?) {
        (Number::Integer(a), Number::Integer(b)) => Some(a.cmp(&b)),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
        _ => None,
    }
}

fn same(value: &Value, argument: &Value) -> bool {
    value == argument || compare(value, argument) == Some(Ordering::Equal)
}

fn listed(value: &Value, list: &Value) -> bool {
    list.as_list().is_some_and(|list| list.iter().any(|item| same(value, item)))
}

fn is_defined(value: &Value, kind: &Kind) -> bool {
    match (value.as_enum_number(), kind.as_enum()) {
        (Some(number), Some(kind)) => kind.get_value(number).is_some(),
        _ => true,
    }
}

fn raw(value: &Value) -> &[u8] {
    match value {
        Value::String(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => &[],
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

/// `validate.KnownRegex`: 1 is a header name, 2 a header value.
fn is_header(text: &str, what: i32, strict: bool) -> bool {
    match (what, strict) {
        (1, true) => {
            let name = text.strip_prefix(':').unwrap_or(text);
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+,-.^_|~`".contains(&b))
        }
        (2, true) => !text.bytes().any(|b| matches!(b, 0..=8 | 10..=31 | 127)),
        (1 | 2, false) => !text.contains(['\0', '\n', '\r']),
        _ => true,
    }
}

/// A rule's argument as text.
fn show(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::I32(value) | Value::EnumNumber(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::U32(value) => value.to_string(),
        Value::U64(value) => value.to_string(),
        Value::F32(value) => value.to_string(),
        Value::F64(value) => value.to_string(),
        Value::String(value) => format!("{value:?}"),
        Value::Bytes(value) => format!("{value:?}"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(", "))
        }
        Value::Message(message) => {
            let (seconds, nanos) = seconds_nanos(message);
            format!("{}s", seconds as f64 + f64::from(nanos) / 1e9)
        }
        Value::Map(_) => String::new(),
    }
}
