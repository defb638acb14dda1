//! The functions of HCL that make and read texts.

use super::format::{format, formatted};
use super::functions::{Outcome, TEXT_MAX, int, list, strings, text};
use super::pattern::Pattern;
use super::types::{Type, converted};
use super::value::Val;
use std::rc::Rc;

pub(super) fn texts<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let changed = |change: fn(&str) -> String| text(args.first()).map(|t| Val::Str(change(&t)));
    let with_second = |change: fn(&str, &str) -> String| {
        Ok(Val::Str(change(&text(args.first())?, &text(args.get(1))?)))
    };
    Some(match name {
        "lower" => changed(|t| t.chars().map(|c| single(c, c.to_lowercase())).collect()),
        "upper" => changed(|t| t.chars().map(|c| single(c, c.to_uppercase())).collect()),
        "trimspace" => changed(|t| t.trim().to_owned()),
        "chomp" => changed(|t| t.trim_end_matches(['\r', '\n']).to_owned()),
        "title" => changed(|t| {
            let mut start = true;
            let one = |c: char| {
                let begins = start;
                start = match c.is_ascii() {
                    true => !c.is_ascii_alphanumeric() && c != '_',
                    false => c.is_whitespace(),
                };
                if begins { titled(c) } else { c }
            };
            t.chars().map(one).collect()
        }),
        "strrev" => match text(args.first()) {
            Ok(text) => Ok(Val::Str(letters(&text)?.into_iter().rev().collect())),
            Err(wrong) => Err(wrong),
        },
        "indent" => (|| {
            let spaces = usize::try_from(int(args.first())?).unwrap_or(0);
            let spaces = format!("\n{}", " ".repeat(spaces.min(TEXT_MAX)));
            let whole = text(args.get(1))?;
            match whole.matches('\n').count().saturating_mul(spaces.len()) > TEXT_MAX {
                true => Err("the text is longer than 1 MiB".to_owned()),
                false => Ok(Val::Str(whole.replace('\n', &spaces))),
            }
        })(),
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
        "split" => match text(args.first()).and_then(|s| Ok((s, text(args.get(1))?))) {
            Ok((separator, whole)) if separator.is_empty() => {
                Ok(strings(letters(&whole)?.into_iter().map(String::from)))
            }
            Ok((separator, whole)) => Ok(strings(whole.split(&separator).map(str::to_owned))),
            Err(wrong) => Err(wrong),
        },
        "substr" => match text(args.first()) {
            Ok(whole) => {
                let whole = letters(&whole)?;
                int(args.get(1)).and_then(|offset| {
                    let length = int(args.get(2))?;
                    let from = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                    let start = if offset < 0 { whole.len().saturating_sub(from) } else { from };
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    Ok(Val::Str(whole.into_iter().skip(start).take(length).collect()))
                })
            }
            Err(wrong) => Err(wrong),
        },
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
        serde_json::Value::Number(number) => Val::bare(&number.to_string()),
        serde_json::Value::String(text) => Val::Str(text.clone()),
        serde_json::Value::Array(items) => Val::tuple(items.iter().map(decoded).collect()),
        serde_json::Value::Object(all) => {
            Val::object(all.iter().map(|(key, value)| (key.clone(), decoded(value))).collect())
        }
    }
}

/// The characters of a text as Terraform counts them; `None` if some of them belong together.
pub(super) fn letters(text: &str) -> Option<Vec<char>> {
    // Marks that join letters start at U+0300; a line break of two characters counts as one.
    let alone = |c: char| c < '\u{300}' && c != '\r';
    text.chars().all(alone).then(|| text.chars().collect())
}

/// A letter as it begins a word.
fn titled(letter: char) -> char {
    match letter {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        other => single(other, other.to_uppercase()),
    }
}

/// The letter that takes the place of another; a letter that would become several stays.
fn single(letter: char, mut changed: impl ExactSizeIterator<Item = char>) -> char {
    match changed.len() {
        1 => changed.next().unwrap_or(letter),
        _ => letter,
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
                "regexall" => converted(Val::tuple(all), &Type::List(Rc::new(Type::Any))),
                _ => all.into_iter().next().ok_or_else(|| "nothing is matched".to_owned()),
            })
        }
        _ => None,
    }
}
