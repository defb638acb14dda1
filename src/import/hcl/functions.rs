//! The functions of HCL that definitions of a mesh use. What reads the network or the clock is not
//! computed; what reads files is in `files`.

use super::texts::{patterns, texts};
use super::value::Val;
use std::collections::{BTreeMap, BTreeSet};

/// How many items a function may make.
const ITEMS_MAX: usize = 10_000;
/// How many values, or pieces of 64 bytes of text, a list may have in all.
pub(super) const LIST_MAX: usize = 4_000_000;
/// How many bytes a text may have.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// Functions that write a text of what stands for an unknown part.
pub(super) const WRITING: [&str; 4] = ["join", "format", "formatlist", "jsonencode"];
/// Functions that move values without looking into them: what they give is known as far as the values are.
pub(super) const MOVING: [&str; 18] = [
    "chunklist",
    "concat",
    "element",
    "flatten",
    "keys",
    "length",
    "list",
    "lookup",
    "merge",
    "nonsensitive",
    "one",
    "reverse",
    "sensitive",
    "slice",
    "tolist",
    "tomap",
    "toset",
    "values",
];

/// Why a function gives nothing.
pub(super) enum Wrong {
    /// Its arguments are wrong.
    Value(String),
    /// Its result is too large.
    Limit(String),
}

/// What a function gives; `None` if it is not computed here.
pub(super) fn call<'m>(name: &str, args: &[Val<'m>]) -> Option<Result<Val<'m>, Wrong>> {
    let found = texts(name, args)
        .or_else(|| patterns(name, args))
        .or_else(|| collections(name, args))
        .or_else(|| numbers(name, args))
        .or_else(|| conversions(name, args))?;
    Some(found.map_err(Wrong::Value).and_then(bounded))
}

/// What is too large is an error. Functions stop soon after a limit, rather than make all of it.
fn bounded(value: Val<'_>) -> Result<Val<'_>, Wrong> {
    let too_large = |message: String| Err(Wrong::Limit(message));
    match &value {
        Val::Str(text) if text.len() > TEXT_MAX => {
            too_large("the text is longer than 1 MiB".to_owned())
        }
        Val::List(items) if items.len() > ITEMS_MAX => {
            too_large(format!("the list has more than {ITEMS_MAX} items"))
        }
        Val::List(items) if items.iter().map(Val::size).sum::<usize>() > LIST_MAX => {
            too_large("the list has more than 4,000,000 values".to_owned())
        }
        _ => Ok(value),
    }
}

/// Whether a value is one that `coalesce` takes.
pub(super) fn is_there(value: &Val<'_>) -> bool {
    match value {
        Val::Null => false,
        Val::Str(text) => !text.is_empty(),
        _ => true,
    }
}

pub(super) type Outcome<'m> = Option<Result<Val<'m>, String>>;

pub(super) fn text(value: Option<&Val<'_>>) -> Result<String, String> {
    match value {
        Some(value) => value.text().ok_or_else(|| format!("{} is not a string", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

pub(super) fn number(value: Option<&Val<'_>>) -> Result<f64, String> {
    match value {
        Some(value) => value.number().ok_or_else(|| format!("{} is not a number", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

pub(super) fn list<'m>(value: Option<&Val<'m>>) -> Result<Vec<Val<'m>>, String> {
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

pub(super) fn strings<'m>(all: impl IntoIterator<Item = String>) -> Val<'m> {
    Val::List(all.into_iter().map(Val::Str).collect())
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
                let with = |row: &Vec<Val<'m>>, item: &Val<'m>| {
                    [row.as_slice(), std::slice::from_ref(item)].concat()
                };
                let product = rows.iter().flat_map(|row| items.iter().map(move |i| with(row, i)));
                rows = product.take(ITEMS_MAX + 1).collect();
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
            let count = ((to - from) / step).ceil().max(0.0).min(ITEMS_MAX as f64 + 1.0);
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
            let found = args.iter().find(|value| is_there(value));
            found.cloned().ok_or_else(|| "every value is empty".to_owned())
        }
        "coalescelist" => {
            let there = |value: &&Val<'_>| matches!(value, Val::List(items) if !items.is_empty());
            args.iter().find(there).cloned().ok_or_else(|| "every list is empty".to_owned())
        }
        _ => return None,
    })
}
