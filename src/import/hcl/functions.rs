//! The functions of HCL that definitions of a mesh use. What reads files, the network or the clock is
//! not computed.

use super::value::Val;
use std::collections::{BTreeMap, BTreeSet};

/// How many items a function may make.
const ITEMS_MAX: usize = 10_000;
/// How long a text may become.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// What a function gives; `None` if there is no such function here.
pub(super) fn call<'m>(name: &str, args: &[Val<'m>]) -> Option<Result<Val<'m>, String>> {
    let found = texts(name, args)
        .or_else(|| collections(name, args))
        .or_else(|| numbers(name, args))
        .or_else(|| conversions(name, args))?;
    Some(found.and_then(bounded))
}

fn bounded(value: Val<'_>) -> Result<Val<'_>, String> {
    match &value {
        Val::Str(text) if text.len() > TEXT_MAX => Err("the text is longer than 1 MiB".to_owned()),
        Val::List(items) if items.len() > ITEMS_MAX => {
            Err(format!("the list has more than {ITEMS_MAX} items"))
        }
        _ => Ok(value),
    }
}

type Outcome<'m> = Option<Result<Val<'m>, String>>;

fn text(value: Option<&Val<'_>>) -> Result<String, String> {
    match value {
        Some(value) => value.text().ok_or_else(|| format!("{} is not a string", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

fn number(value: Option<&Val<'_>>) -> Result<f64, String> {
    match value {
        Some(value) => value.number().ok_or_else(|| format!("{} is not a number", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

fn list<'m>(value: Option<&Val<'m>>) -> Result<Vec<Val<'m>>, String> {
    match value {
        Some(Val::List(items)) => Ok(items.clone()),
        Some(Val::Map(all)) => Ok(all.values().cloned().collect()),
        Some(Val::Null) => Ok(Vec::new()),
        Some(value) => Err(format!("{} is not a list", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

fn map<'m>(value: Option<&Val<'m>>) -> Result<BTreeMap<String, Val<'m>>, String> {
    match value {
        Some(Val::Map(all)) => Ok(all.clone()),
        Some(Val::Null) => Ok(BTreeMap::new()),
        Some(value) => Err(format!("{} is not a map", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

fn strings<'m>(all: impl IntoIterator<Item = String>) -> Val<'m> {
    Val::List(all.into_iter().map(Val::Str).collect())
}

fn texts<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
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
        "replace" => (|| {
            let (whole, from, to) = (text(args.first())?, text(args.get(1))?, text(args.get(2))?);
            if from.len() > 1 && from.starts_with('/') && from.ends_with('/') {
                return Err("replace with a regular expression is not computed".to_owned());
            }
            Ok(Val::Str(whole.replace(&from, &to)))
        })(),
        "join" => (|| {
            let separator = text(args.first())?;
            let mut parts = Vec::new();
            for arg in args.iter().skip(1) {
                for item in list(Some(arg))? {
                    parts.push(text(Some(&item))?);
                }
            }
            Ok(Val::Str(parts.join(&separator)))
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
        "format" => text(args.first()).and_then(|form| format(&form, &args[1..]).map(Val::Str)),
        "formatlist" => (|| {
            let form = text(args.first())?;
            let length = args.iter().skip(1).find_map(|arg| match arg {
                Val::List(items) => Some(items.len()),
                _ => None,
            });
            let mut all = Vec::new();
            for at in 0..length.unwrap_or(1) {
                let row: Option<Vec<Val<'_>>> = args[1..]
                    .iter()
                    .map(|arg| match arg {
                        Val::List(items) => items.get(at).cloned(),
                        value => Some(value.clone()),
                    })
                    .collect();
                let row = row.ok_or("the lists have different lengths")?;
                all.push(format(&form, &row)?);
            }
            Ok(strings(all))
        })(),
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

/// `format`: `%s`, `%d`, `%v`, `%q`, `%t`, `%f` and `%%`, with widths and zeros before numbers.
fn format(form: &str, args: &[Val<'_>]) -> Result<String, String> {
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
            _ => return Err(format!("the verb %{verb} is not computed")),
        };
        let width = flags.split('.').next().unwrap_or_default();
        let left = width.starts_with('-');
        let zero = width.starts_with('0') && verb != 's';
        let wanted: usize = width.trim_start_matches(['-', '+', ' ', '#']).parse().unwrap_or(0);
        let missing = wanted.min(1000).saturating_sub(piece.chars().count());
        let pad = if zero { "0" } else { " " }.repeat(missing);
        out.push_str(&if left { piece + &pad } else { pad + &piece });
    }
    Ok(out)
}

fn collections<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    Some(match name {
        "length" => match first {
            Some(Val::Str(text)) => Ok(Val::Num(text.chars().count() as f64)),
            other => list(other).map(|items| Val::Num(items.len() as f64)),
        },
        "concat" => (|| {
            let mut all = Vec::new();
            for arg in args {
                all.extend(list(Some(arg))?);
            }
            Ok(Val::List(all))
        })(),
        "flatten" => list(first).map(|items| {
            let mut all = Vec::new();
            flat(&items, &mut all);
            Val::List(all)
        }),
        "compact" => list(first).map(|items| {
            let there = |item: &Val<'_>| item.text().is_some_and(|text| !text.is_empty());
            Val::List(items.into_iter().filter(there).collect())
        }),
        "distinct" => list(first).map(|items| Val::List(distinct(items))),
        "reverse" => list(first).map(|items| Val::List(items.into_iter().rev().collect())),
        "sort" => list(first).map(|items| {
            let mut all: Vec<String> = items.iter().filter_map(Val::text).collect();
            all.sort();
            strings(all)
        }),
        "slice" => (|| {
            let (items, from, to) = (list(first)?, number(args.get(1))?, number(args.get(2))?);
            let (from, to) = (from.max(0.0) as usize, to.max(0.0) as usize);
            items
                .get(from..to)
                .map(|part| Val::List(part.to_vec()))
                .ok_or_else(|| format!("the list has no items from {from} to {to}"))
        })(),
        "chunklist" => (|| {
            let size = number(args.get(1))?.max(1.0) as usize;
            Ok(Val::List(list(first)?.chunks(size).map(|part| Val::List(part.to_vec())).collect()))
        })(),
        "element" => (|| {
            let (items, at) = (list(first)?, number(args.get(1))?);
            let length = items.len() as f64;
            let found = items.get(at.rem_euclid(length.max(1.0)) as usize);
            found.cloned().ok_or_else(|| "the list is empty".to_owned())
        })(),
        "index" => (|| {
            let wanted = args.get(1).ok_or("an argument is missing")?;
            let found = list(first)?.iter().position(|item| item.same(wanted));
            found
                .map(|at| Val::Num(at as f64))
                .ok_or_else(|| "the list has no such item".to_owned())
        })(),
        "contains" => (|| {
            let wanted = args.get(1).ok_or("an argument is missing")?;
            Ok(Val::Bool(list(first)?.iter().any(|item| item.same(wanted))))
        })(),
        "one" => list(first).and_then(|items| match items.as_slice() {
            [] => Ok(Val::Null),
            [one] => Ok(one.clone()),
            _ => Err("the list has more than one item".to_owned()),
        }),
        "keys" => map(first).map(|all| strings(all.into_keys())),
        "values" => map(first).map(|all| Val::List(all.into_values().collect())),
        "lookup" => (|| {
            let (all, key) = (map(first)?, text(args.get(1))?);
            let found = all.get(&key).or(args.get(2)).cloned();
            found.ok_or_else(|| format!("the map has no key `{key}`"))
        })(),
        "merge" => (|| {
            let mut all = BTreeMap::new();
            for arg in args {
                all.extend(map(Some(arg))?);
            }
            Ok(Val::Map(all))
        })(),
        "zipmap" => (|| {
            let (keys, values) = (list(first)?, list(args.get(1))?);
            let keys: Result<Vec<String>, String> =
                keys.iter().map(|key| text(Some(key))).collect();
            Ok(Val::Map(keys?.into_iter().zip(values).collect()))
        })(),
        "setunion" | "setintersection" | "setsubtract" => (|| {
            let (mut all, other) = (list(first)?, list(args.get(1))?);
            match name {
                "setunion" => all.extend(other),
                "setintersection" => all.retain(|item| other.iter().any(|o| o.same(item))),
                _ => all.retain(|item| !other.iter().any(|o| o.same(item))),
            }
            Ok(set(all))
        })(),
        "setproduct" => (|| {
            let mut rows: Vec<Vec<Val<'_>>> = vec![Vec::new()];
            for arg in args {
                let items = list(Some(arg))?;
                if rows.len().saturating_mul(items.len()) > ITEMS_MAX {
                    return Err(format!("the product has more than {ITEMS_MAX} items"));
                }
                let with = |row: &Vec<Val<'m>>, item: &Val<'m>| {
                    [row.as_slice(), std::slice::from_ref(item)].concat()
                };
                rows = rows.iter().flat_map(|row| items.iter().map(|i| with(row, i))).collect();
            }
            Ok(Val::List(rows.into_iter().map(Val::List).collect()))
        })(),
        "range" => (|| {
            let numbers: Result<Vec<f64>, String> =
                args.iter().map(|arg| number(Some(arg))).collect();
            let (from, to, step) = match numbers?.as_slice() {
                [to] => (0.0, *to, 1.0),
                [from, to] => (*from, *to, if from <= to { 1.0 } else { -1.0 }),
                [from, to, step] => (*from, *to, *step),
                _ => return Err("range takes one to three numbers".to_owned()),
            };
            let count = ((to - from) / step).ceil().max(0.0);
            if !count.is_finite() || count > ITEMS_MAX as f64 {
                return Err(format!("the range has more than {ITEMS_MAX} numbers"));
            }
            Ok(Val::List((0..count as usize).map(|n| Val::Num(from + n as f64 * step)).collect()))
        })(),
        _ => return None,
    })
}

fn flat<'m>(items: &[Val<'m>], all: &mut Vec<Val<'m>>) {
    for item in items {
        match item {
            Val::List(inner) => flat(inner, all),
            item => all.push(item.clone()),
        }
    }
}

fn distinct(items: Vec<Val<'_>>) -> Vec<Val<'_>> {
    let mut all: Vec<Val<'_>> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for item in items {
        if seen.insert(item.json()) {
            all.push(item);
        }
    }
    all
}

/// A set: each item once, in their own order.
pub(super) fn set(items: Vec<Val<'_>>) -> Val<'_> {
    let mut all = distinct(items);
    all.sort_by_cached_key(|item| item.text().unwrap_or_else(|| item.json()));
    Val::List(all)
}

fn numbers<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let one = |change: fn(f64) -> f64| number(args.first()).map(|n| Val::Num(change(n)));
    let several = |pick: fn(f64, f64) -> f64| {
        let mut all = Vec::new();
        for arg in args {
            match arg {
                Val::List(items) => all.extend(items.iter().map(|item| number(Some(item)))),
                arg => all.push(number(Some(arg))),
            }
        }
        let all: Result<Vec<f64>, String> = all.into_iter().collect();
        let found = all?.into_iter().reduce(pick);
        found.map(Val::Num).ok_or_else(|| "there are no numbers".to_owned())
    };
    Some(match name {
        "floor" => one(f64::floor),
        "ceil" => one(f64::ceil),
        "abs" => one(f64::abs),
        "min" => several(f64::min),
        "max" => several(f64::max),
        "sum" => several(|a, b| a + b),
        _ => return None,
    })
}

fn conversions<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    Some(match name {
        "tostring" => match first {
            Some(Val::Null) => Ok(Val::Null),
            other => text(other).map(Val::Str),
        },
        "tonumber" => match first {
            Some(Val::Null) => Ok(Val::Null),
            other => number(other).map(Val::Num),
        },
        "tobool" => match first {
            Some(Val::Null) => Ok(Val::Null),
            Some(value) => {
                let truth = value.truth().map(Val::Bool);
                truth.ok_or_else(|| format!("{} is not a boolean", value.kind()))
            }
            None => Err("an argument is missing".to_owned()),
        },
        "tolist" => list(first).map(Val::List),
        "toset" => list(first).map(set),
        "tomap" => map(first).map(Val::Map),
        "list" => Ok(Val::List(args.to_vec())),
        "sensitive" | "nonsensitive" => match first {
            Some(value) => Ok(value.clone()),
            None => Err("an argument is missing".to_owned()),
        },
        "coalesce" => {
            let there = |value: &&Val<'_>| match value {
                Val::Null => false,
                Val::Str(text) => !text.is_empty(),
                _ => true,
            };
            args.iter().find(there).cloned().ok_or_else(|| "every value is empty".to_owned())
        }
        "coalescelist" => {
            let there = |value: &&Val<'_>| matches!(value, Val::List(items) if !items.is_empty());
            args.iter().find(there).cloned().ok_or_else(|| "every list is empty".to_owned())
        }
        _ => return None,
    })
}
