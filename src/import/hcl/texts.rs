//! The functions of HCL that make and read texts.

use super::functions::{LIST_MAX, Outcome, TEXT_MAX, list, number, strings, text};
use super::pattern::Pattern;
use super::value::Val;

pub(super) fn texts<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let changed = |change: fn(&str) -> String| text(args.first()).map(|t| Val::Str(change(&t)));
    let with_second = |change: fn(&str, &str) -> String| {
        Ok(Val::Str(change(&text(args.first())?, &text(args.get(1))?)))
    };
    Some(match name {
        "lower" => changed(|t| t.to_lowercase()),
        "upper" => changed(|t| t.to_uppercase()),
        "trimspace" => changed(|t| t.trim().to_owned()),
        "chomp" => changed(|t| t.trim_end_matches(['\r', '\n']).to_owned()),
        "title" => changed(|t| {
            let mut start = true;
            let one = |c: char| {
                let upper = start && c.is_alphabetic();
                start = !c.is_alphanumeric();
                if upper { c.to_uppercase().collect::<String>() } else { c.to_string() }
            };
            t.chars().map(one).collect()
        }),
        "strrev" => changed(|t| t.chars().rev().collect()),
        "trimprefix" => with_second(|t, p| t.strip_prefix(p).unwrap_or(t).to_owned()),
        "trimsuffix" => with_second(|t, p| t.strip_suffix(p).unwrap_or(t).to_owned()),
        "trim" => with_second(|t, set| t.trim_matches(|c| set.contains(c)).to_owned()),
        "startswith" | "endswith" | "strcontains" => (|| {
            let (whole, part) = (text(args.first())?, text(args.get(1))?);
            Ok(Val::Bool(match name {
                "startswith" => whole.starts_with(&part),
                "endswith" => whole.ends_with(&part),
                _ => whole.contains(&part),
            }))
        })(),
        "replace" if !is_pattern(args.get(1)) => (|| {
            let (whole, from, to) = (text(args.first())?, text(args.get(1))?, text(args.get(2))?);
            let mut parts = whole.split(from.as_str());
            let mut out = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                if out.len() > TEXT_MAX {
                    break;
                }
                out.push_str(&to);
                out.push_str(part);
            }
            Ok(Val::Str(out))
        })(),
        "join" => (|| {
            let separator = text(args.first())?;
            let mut out = String::new();
            let mut first = true;
            for arg in args.iter().skip(1) {
                for item in list(Some(arg))? {
                    if !std::mem::take(&mut first) {
                        out.push_str(&separator);
                    }
                    out.push_str(&text(Some(&item))?);
                    if out.len() > TEXT_MAX {
                        return Ok(Val::Str(out));
                    }
                }
            }
            Ok(Val::Str(out))
        })(),
        "split" => (|| {
            let (separator, whole) = (text(args.first())?, text(args.get(1))?);
            if whole.is_empty() {
                return Ok(Val::List(vec![Val::Str(String::new())]));
            }
            Ok(strings(match separator.is_empty() {
                true => whole.chars().map(String::from).collect::<Vec<_>>(),
                false => whole.split(&separator).map(str::to_owned).collect(),
            }))
        })(),
        "substr" => (|| {
            let whole: Vec<char> = text(args.first())?.chars().collect();
            let (offset, length) = (number(args.get(1))?, number(args.get(2))?);
            let start = if offset < 0.0 { whole.len() as f64 + offset } else { offset };
            let start = start.max(0.0) as usize;
            let length = if length < 0.0 { usize::MAX } else { length as usize };
            Ok(Val::Str(whole.into_iter().skip(start).take(length).collect()))
        })(),
        "format" => match text(args.first()).and_then(|form| format(&form, &args[1..])) {
            Ok(text) => Ok(Val::Str(text?)),
            Err(wrong) => Err(wrong),
        },
        "formatlist" => match formatted(args) {
            Ok(all) => Ok(strings(all?)),
            Err(wrong) => Err(wrong),
        },
        "jsonencode" => match args.first() {
            Some(value) => Ok(Val::Str(value.json())),
            None => Err("an argument is missing".to_owned()),
        },
        "jsondecode" => text(args.first()).and_then(|text| {
            let value: serde_json::Value =
                serde_json::from_str(&text).map_err(|error| error.to_string())?;
            Ok(decoded(&value))
        }),
        _ => return None,
    })
}

fn decoded<'m>(value: &serde_json::Value) -> Val<'m> {
    match value {
        serde_json::Value::Null => Val::Null,
        serde_json::Value::Bool(truth) => Val::Bool(*truth),
        serde_json::Value::Number(number) => Val::Num(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Val::Str(text.clone()),
        serde_json::Value::Array(items) => Val::List(items.iter().map(decoded).collect()),
        serde_json::Value::Object(all) => {
            Val::Map(all.iter().map(|(key, value)| (key.clone(), decoded(value))).collect())
        }
    }
}

/// `formatlist`: a text for each row of the lists; `None` if the format is not computed.
fn formatted(args: &[Val<'_>]) -> Result<Option<Vec<String>>, String> {
    let form = text(args.first())?;
    let length = args.iter().skip(1).find_map(|arg| match arg {
        Val::List(items) => Some(items.len()),
        _ => None,
    });
    let mut all = Vec::new();
    let mut bytes = 0;
    for at in 0..length.unwrap_or(1) {
        let row: Option<Vec<Val<'_>>> = args[1..]
            .iter()
            .map(|arg| match arg {
                Val::List(items) => items.get(at).cloned(),
                value => Some(value.clone()),
            })
            .collect();
        let row = row.ok_or("the lists have different lengths")?;
        let Some(text) = format(&form, &row)? else { return Ok(None) };
        bytes += text.len();
        all.push(text);
        if bytes / 64 > LIST_MAX {
            break;
        }
    }
    Ok(Some(all))
}

/// `format`: `%s`, `%d`, `%v`, `%q`, `%t`, `%f` and `%%`, with widths and zeros before numbers; `None` if
/// the format has other verbs or flags.
fn format(form: &str, args: &[Val<'_>]) -> Result<Option<String>, String> {
    let mut out = String::new();
    let mut args = args.iter();
    let mut rest = form.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = String::new();
        let verb = loop {
            match rest.next() {
                Some(c) if c.is_ascii_digit() || "-+ .#".contains(c) => flags.push(c),
                Some(c) => break c,
                None => return Err("the format ends within a verb".to_owned()),
            }
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let arg = args.next().ok_or("the format has more verbs than there are values")?;
        let piece = match verb {
            's' | 'd' | 't' => text(Some(arg))?,
            'v' => arg.text().unwrap_or_else(|| arg.json()),
            'q' => Val::Str(text(Some(arg))?).json(),
            'f' => {
                let digits = flags.split_once('.').and_then(|(_, d)| d.parse().ok()).unwrap_or(6);
                format!("{:.*}", std::cmp::min(digits, 20), number(Some(arg))?)
            }
            _ => return Ok(None),
        };
        if flags.contains(['+', ' ', '#']) || flags.contains('.') && verb != 'f' {
            return Ok(None);
        }
        let width = flags.split('.').next().unwrap_or_default();
        let left = width.starts_with('-');
        let zero = width.starts_with('0') && verb != 's';
        let wanted: usize = width.trim_start_matches('-').parse().unwrap_or(0);
        let missing = wanted.min(1000).saturating_sub(piece.chars().count());
        let pad = if zero { "0" } else { " " }.repeat(missing);
        out.push_str(&match piece.strip_prefix('-') {
            _ if left => piece + &pad,
            Some(digits) if zero => format!("-{pad}{digits}"),
            _ => pad + &piece,
        });
    }
    match args.next() {
        Some(_) => Err("the format has fewer verbs than there are values".to_owned()),
        None => Ok(Some(out)),
    }
}

/// Whether an argument of `replace` is a regular expression: it is between slashes.
fn is_pattern(value: Option<&Val<'_>>) -> bool {
    value
        .and_then(Val::text)
        .is_some_and(|text| text.len() > 1 && text.starts_with('/') && text.ends_with('/'))
}

/// Functions with regular expressions; what they do not compute is known to Terraform alone.
pub(super) fn patterns<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let part = |at: usize| args.get(at).and_then(Val::text);
    match name {
        "replace" => {
            let (whole, expression, by) = (part(0)?, part(1)?, part(2)?);
            let expression = expression.strip_prefix('/')?.strip_suffix('/')?;
            let text = Pattern::new(expression)?.replace(&whole, &by, TEXT_MAX)?;
            Some(Ok(Val::Str(text)))
        }
        "regex" | "regexall" => {
            let all = Pattern::new(&part(0)?)?.matches(&part(1)?)?;
            Some(match name {
                "regexall" => Ok(Val::List(all)),
                _ => all.into_iter().next().ok_or_else(|| "nothing is matched".to_owned()),
            })
        }
        _ => None,
    }
}
