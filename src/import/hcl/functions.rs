//! The functions of HCL that definitions of a mesh use. What reads the network or the clock is not
//! computed; what reads files is in `files`.

use super::conversions::{conversions, numbers};
use super::encoded::encoded;
use super::number::Num;
use super::texts::{patterns, texts};
use super::types::{self, Type, common, converted};
use super::value::{Keyed, Seq, Val};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

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
        .or_else(|| encoded(name, args))
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
        Val::List(_, items) if items.len() > ITEMS_MAX => {
            too_large(format!("the list has more than {ITEMS_MAX} items"))
        }
        Val::List(_, items) if items.iter().map(Val::size).sum::<usize>() > LIST_MAX => {
            too_large("the list has more than 4,000,000 values".to_owned())
        }
        _ => Ok(value),
    }
}

/// Whether a value is one that `coalesce` takes.
pub(super) fn is_there(value: &Val<'_>) -> bool {
    match value {
        Val::Null => false,
        Val::Str(text) | Val::Loose(text) => !text.is_empty(),
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

pub(super) fn number(value: Option<&Val<'_>>) -> Result<Num, String> {
    match value {
        Some(value) => value.number().ok_or_else(|| format!("{} is not a number", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

/// A whole number.
pub(super) fn int(value: Option<&Val<'_>>) -> Result<i64, String> {
    let number = number(value)?;
    number.int().ok_or_else(|| format!("{} is not a whole number", number.text()))
}

/// A whole number that is not negative.
pub(super) fn size(value: Option<&Val<'_>>) -> Result<usize, String> {
    let number = int(value)?;
    usize::try_from(number).map_err(|_| format!("{number} is negative"))
}

/// The items of a list, a tuple or a set.
pub(super) fn list<'m>(value: Option<&Val<'m>>) -> Result<Vec<Val<'m>>, String> {
    sequence(value).map(|(_, items)| items)
}

fn sequence<'m>(value: Option<&Val<'m>>) -> Result<(Seq, Vec<Val<'m>>), String> {
    match value {
        Some(Val::List(kind, items)) => Ok((kind.clone(), items.clone())),
        Some(value) => Err(format!("{} is not a list", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

/// The items of a list or a tuple: those of a set have no places.
fn ordered<'m>(value: Option<&Val<'m>>) -> Result<(Seq, Vec<Val<'m>>), String> {
    match sequence(value)? {
        (Seq::Set(_), _) => Err("the items of a set have no order; make a list of it".to_owned()),
        found => Ok(found),
    }
}

fn map<'m>(value: Option<&Val<'m>>) -> Result<(Keyed, BTreeMap<String, Val<'m>>), String> {
    match value {
        Some(Val::Map(kind, all)) => Ok((kind.clone(), all.clone())),
        Some(value) => Err(format!("{} is not a map", value.kind())),
        None => Err("an argument is missing".to_owned()),
    }
}

/// A list of texts.
pub(super) fn strings<'m>(all: impl IntoIterator<Item = String>) -> Val<'m> {
    Val::List(Seq::List(Rc::new(Type::Str)), all.into_iter().map(Val::Str).collect())
}

/// A list of items that have one type.
pub(super) fn uniform(items: Vec<Val<'_>>) -> Result<Val<'_>, String> {
    converted(Val::tuple(items), &Type::List(Rc::new(Type::Any)))
}

/// The items of a list of texts.
fn texts_of(value: Option<&Val<'_>>) -> Result<Vec<String>, String> {
    list(value)?.iter().map(|item| text(Some(item))).collect()
}

fn collections<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    Some(match name {
        "length" => match first {
            Some(Val::Map(_, all)) => Ok(Val::count(all.len())),
            Some(Val::Str(text) | Val::Loose(text)) => {
                return super::texts::letters(text).map(|all| Ok(Val::count(all.len())));
            }
            other => list(other).map(|items| Val::count(items.len())),
        },
        "concat" => concat(args),
        "flatten" => list(first).map(|items| {
            let mut all = Vec::new();
            flat(&items, &mut all);
            Val::tuple(all)
        }),
        "compact" => list(first).map(|items| {
            let there = |item: &Val<'_>| item.text().filter(|text| !text.is_empty());
            strings(items.iter().filter_map(there))
        }),
        "distinct" => list(first).and_then(uniform).map(|all| match all {
            Val::List(kind, items) => Val::List(kind, distinct(items)),
            other => other,
        }),
        "reverse" => sequence(first).map(|(kind, items)| {
            let kind = match kind {
                Seq::Set(inner) => Seq::List(inner),
                kind => kind,
            };
            Val::List(kind, items.into_iter().rev().collect())
        }),
        "sort" => texts_of(first).map(|mut all| {
            all.sort();
            strings(all)
        }),
        "slice" => (|| {
            let (kind, items) = ordered(first)?;
            let (from, to) = (size(args.get(1))?, size(args.get(2))?);
            items
                .get(from..to)
                .map(|part| Val::List(kind, part.to_vec()))
                .ok_or_else(|| format!("the list has no items from {from} to {to}"))
        })(),
        "chunklist" => (|| {
            let Val::List(kind, items) = uniform(list(first)?)? else { return Ok(Val::Null) };
            let length = match size(args.get(1))? {
                0 => items.len().max(1),
                length => length,
            };
            let chunk = |part: &[Val<'m>]| Val::List(kind.clone(), part.to_vec());
            uniform(items.chunks(length).map(chunk).collect())
        })(),
        "element" => (|| {
            let ((kind, items), at) = (ordered(first)?, int(args.get(1))?);
            if at < 0 && kind == Seq::Tuple {
                return Err(format!("{at} is negative, which only lists of one type allow"));
            }
            let length = i64::try_from(items.len().max(1)).unwrap_or(i64::MAX);
            let found = items.get(usize::try_from(at.rem_euclid(length)).unwrap_or(0));
            found.cloned().ok_or_else(|| "the list is empty".to_owned())
        })(),
        "index" => (|| {
            let wanted = args.get(1).ok_or("an argument is missing")?;
            let found = ordered(first)?.1.iter().position(|item| item.same(wanted));
            found.map(Val::count).ok_or_else(|| "the list has no such item".to_owned())
        })(),
        "contains" => (|| {
            let wanted = args.get(1).filter(|wanted| !matches!(wanted, Val::Null));
            let wanted = wanted.ok_or("the value is null or missing")?;
            Ok(Val::Bool(list(first)?.iter().any(|item| item.same(wanted))))
        })(),
        "one" => list(first).and_then(|items| match items.as_slice() {
            [] => Ok(Val::Null),
            [one] => Ok(one.clone()),
            _ => Err("the list has more than one item".to_owned()),
        }),
        "alltrue" | "anytrue" => (|| {
            let mut truths = Vec::new();
            for item in list(first)? {
                truths.push(match converted(item, &Type::Bool)? {
                    Val::Bool(truth) => truth,
                    _ => false,
                });
            }
            let all = name == "alltrue";
            Ok(Val::Bool(if all { truths.iter().all(|t| *t) } else { truths.contains(&true) }))
        })(),
        "matchkeys" => (|| {
            let (values, keys, wanted) = (list(first)?, list(args.get(1))?, list(args.get(2))?);
            if values.len() != keys.len() {
                return Err("there are not as many keys as values".to_owned());
            }
            let common = common(keys.iter().chain(&wanted), "the keys")?;
            let in_one = |items: Vec<Val<'m>>| -> Result<Vec<Val<'m>>, String> {
                items.into_iter().map(|item| converted(item, &common)).collect()
            };
            let (keys, wanted) = (in_one(keys)?, in_one(wanted)?);
            let is_wanted = |key: &Val<'m>| wanted.iter().any(|one| one.same(key));
            let pairs = values.into_iter().zip(keys);
            uniform(pairs.filter(|(_, key)| is_wanted(key)).map(|(value, _)| value).collect())
        })(),
        _ => return maps(name, args).or_else(|| sets(name, args)),
    })
}

fn concat<'m>(args: &[Val<'m>]) -> Result<Val<'m>, String> {
    let mut all = Vec::new();
    let mut types = Vec::new();
    for arg in args {
        let (kind, items) = ordered(Some(arg))?;
        if let Seq::List(inner) = kind {
            types.push((*inner).clone());
        }
        all.extend(items);
    }
    match args {
        [] => Err("an argument is missing".to_owned()),
        // Lists become one if their items have a type in common.
        _ if types.len() == args.len()
            && let Some(ty) = types::unified(&types) =>
        {
            converted(Val::tuple(all), &Type::List(Rc::new(ty)))
        }
        _ => Ok(Val::tuple(all)),
    }
}

fn maps<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    let first = args.first();
    Some(match name {
        "keys" => map(first).map(|(kind, all)| match kind {
            Keyed::Object => Val::tuple(all.into_keys().map(Val::Str).collect()),
            Keyed::Map(_) => strings(all.into_keys()),
        }),
        "values" => map(first).map(|(kind, all)| {
            let kind = match kind {
                Keyed::Object => Seq::Tuple,
                Keyed::Map(inner) => Seq::List(inner),
            };
            Val::List(kind, all.into_values().collect())
        }),
        "lookup" => (|| {
            let ((kind, mut all), key) = (map(first)?, text(args.get(1))?);
            let default = match (kind, args.get(2)) {
                (Keyed::Map(inner), Some(default)) => Some(converted(default.clone(), &inner)?),
                (_, default) => default.cloned(),
            };
            all.remove(&key).or(default).ok_or_else(|| format!("the map has no key `{key}`"))
        })(),
        "merge" => (|| {
            let mut merged = BTreeMap::new();
            let mut kinds = Vec::new();
            for arg in args.iter().filter(|arg| !matches!(arg, Val::Null)) {
                let (kind, all) = map(Some(arg))?;
                kinds.push(kind);
                merged.extend(all);
            }
            let kind = match kinds.split_first() {
                Some((first, rest)) if rest.iter().all(|kind| kind == first) => first.clone(),
                _ => Keyed::Object,
            };
            Ok(Val::Map(kind, merged))
        })(),
        "zipmap" => (|| {
            let (keys, (kind, values)) = (texts_of(first)?, ordered(args.get(1))?);
            if keys.len() != values.len() {
                return Err("there are not as many keys as values".to_owned());
            }
            let kind = match kind {
                Seq::List(inner) | Seq::Set(inner) => Keyed::Map(inner),
                Seq::Tuple => Keyed::Object,
            };
            Ok(Val::Map(kind, keys.into_iter().zip(values).collect()))
        })(),
        "transpose" => (|| {
            let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for (key, value) in map(first)?.1 {
                for item in texts_of(Some(&value))? {
                    found.entry(item).or_default().push(key.clone());
                }
            }
            let all = found.into_iter().map(|(key, mut all)| {
                all.sort();
                (key, strings(all))
            });
            Ok(Val::Map(Keyed::Map(Rc::new(Type::List(Rc::new(Type::Str)))), all.collect()))
        })(),
        // As Terraform 0.11 had it.
        "map" => (|| {
            let mut all = BTreeMap::new();
            for pair in args.chunks(2) {
                let value = pair.get(1).ok_or("the last key has no value")?;
                all.insert(text(pair.first())?, value.clone());
            }
            converted(Val::object(all), &Type::Map(Rc::new(Type::Any)))
        })(),
        _ => return None,
    })
}

fn sets<'m>(name: &str, args: &[Val<'m>]) -> Outcome<'m> {
    Some(match name {
        "setunion" | "setintersection" | "setsubtract" => (|| {
            let all: Vec<Vec<Val<'m>>> =
                args.iter().map(|arg| list(Some(arg))).collect::<Result<_, _>>()?;
            let inner = Rc::new(common(all.iter().flatten(), "the sets")?);
            let mut found: Option<Vec<Val<'m>>> = None;
            for items in all {
                let items: Vec<Val<'m>> = items
                    .into_iter()
                    .map(|item| converted(item, &inner))
                    .collect::<Result<_, _>>()?;
                let within = |item: &Val<'m>| items.iter().any(|own| own.same(item));
                found = Some(match (found, name) {
                    (None, _) => items,
                    (Some(mut found), "setunion") => {
                        found.extend(items);
                        found
                    }
                    (Some(found), "setintersection") => found.into_iter().filter(within).collect(),
                    (Some(found), _) => found.into_iter().filter(|item| !within(item)).collect(),
                });
            }
            let found = found.ok_or("an argument is missing")?;
            Ok(types::set(inner, found))
        })(),
        "setproduct" => (|| {
            let mut rows: Vec<Vec<Val<'_>>> = vec![Vec::new()];
            let mut is_list = true;
            for arg in args {
                let (kind, items) = sequence(Some(arg))?;
                let items = match kind {
                    Seq::Tuple => list(Some(&uniform(items)?))?,
                    Seq::List(_) | Seq::Set(_) => items,
                };
                is_list &= !matches!(arg, Val::List(Seq::Set(_), _));
                let with = |row: &Vec<Val<'m>>, item: &Val<'m>| {
                    [row.as_slice(), std::slice::from_ref(item)].concat()
                };
                let product = rows.iter().flat_map(|row| items.iter().map(move |i| with(row, i)));
                rows = product.take(ITEMS_MAX + 1).collect();
            }
            let rows = Val::tuple(rows.into_iter().map(Val::tuple).collect());
            let inner = Rc::new(Type::Any);
            converted(rows, &if is_list { Type::List(inner) } else { Type::Set(inner) })
        })(),
        "range" => (|| {
            let numbers: Vec<Num> =
                args.iter().map(|arg| number(Some(arg))).collect::<Result<_, _>>()?;
            let (zero, one) = (Num::from(0), Num::from(1));
            let (from, to, step) = match numbers.as_slice() {
                [to] => (zero.clone(), to.clone(), if *to < zero { one.negated() } else { one }),
                [from, to] => {
                    (from.clone(), to.clone(), if from > to { one.negated() } else { one })
                }
                [from, to, step] => (from.clone(), to.clone(), step.clone()),
                _ => return Err("range takes one to three numbers".to_owned()),
            };
            if step == zero || (step > zero) != (from < to) && from != to {
                return Err("the step leads away from the end".to_owned());
            }
            let mut all = Vec::new();
            let mut next = from;
            while if step > zero { next < to } else { next > to } {
                all.push(Val::Num(next.clone()));
                if all.len() > ITEMS_MAX {
                    break;
                }
                next = next.plus(&step).ok_or("a number is too large")?;
            }
            Ok(Val::List(Seq::List(Rc::new(Type::Num)), all))
        })(),
        _ => return None,
    })
}

fn flat<'m>(items: &[Val<'m>], all: &mut Vec<Val<'m>>) {
    for item in items {
        match item {
            Val::List(_, inner) => flat(inner, all),
            item => all.push(item.clone()),
        }
    }
}

/// Each item once, in the order of the first of each.
pub(super) fn distinct(items: Vec<Val<'_>>) -> Vec<Val<'_>> {
    let mut all: Vec<Val<'_>> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for item in items {
        // Items of one text have different types only where Terraform does not compare them.
        if seen.insert(item.json()) {
            all.push(item);
        }
    }
    all
}
