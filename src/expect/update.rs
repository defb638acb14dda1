//! Writing down what happens now: in the expectations of tests that fail, and as new tests.

use super::coverage::Witness;
use super::facts::Facts;
use super::judge::Judged;
use crate::model::{Address, Protocol};
use std::collections::BTreeMap;
use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

/// An expectation that was written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updated {
    /// The test's name.
    pub name: String,
    /// The key that did not hold.
    pub key: &'static str,
    /// What was expected.
    pub before: String,
    /// What happens.
    pub after: String,
}

/// The text of a file with the expectations of its failing tests written anew, and what was
/// changed. Tests that pass, comments and order stay as they are. `None`: there is nothing to do.
pub fn update(text: &str, judged: &[&Judged<'_>]) -> Option<(String, Vec<Updated>)> {
    let mut document: DocumentMut = text.parse().ok()?;
    let mut changed = Vec::new();
    for judged in judged {
        let mismatches = judged.verdict.mismatches();
        let Some(Ok(facts)) = judged.journey.as_ref().map(Facts::of) else { continue };
        if mismatches.is_empty() {
            continue;
        }
        let place = judged.trial.place;
        let Some(test) = nth(document.get_mut("test"), place.test) else { continue };
        let inherited = test.get("expect").and_then(Item::as_table_like).map(inline);
        let owner = match place.case {
            Some(case) => nth(test.get_mut("cases"), case),
            None => Some(test),
        };
        let Some(owner) = owner else { continue };
        if let (true, Some(expect)) = (place.inherited, inherited) {
            // Other cases of the test may still be as it says.
            append(owner, "expect", Value::InlineTable(expect));
        }
        let Some(expect) = owner.get_mut("expect").and_then(Item::as_table_like_mut) else {
            continue;
        };
        for mismatch in mismatches {
            mend(expect, mismatch.key, &facts);
            changed.push(Updated {
                name: judged.trial.name.clone(),
                key: mismatch.key,
                before: mismatch.expected.clone(),
                after: mismatch.found.clone(),
            });
        }
    }
    (!changed.is_empty()).then(|| (document.to_string(), changed))
}

/// A table of an array, however the array is written.
fn nth(item: Option<&mut Item>, at: usize) -> Option<&mut dyn TableLike> {
    match item? {
        Item::ArrayOfTables(tables) => tables.get_mut(at).map(|table| table as &mut dyn TableLike),
        Item::Value(Value::Array(items)) => {
            let table = items.get_mut(at)?.as_inline_table_mut()?;
            Some(table as &mut dyn TableLike)
        }
        Item::Value(_) | Item::Table(_) | Item::None => None,
    }
}

fn inline(table: &dyn TableLike) -> InlineTable {
    let mut copy = InlineTable::new();
    for (key, item) in table.iter() {
        if let Ok(value) = item.clone().into_value() {
            copy.insert(key, value);
        }
    }
    copy.fmt();
    copy
}

/// The keys that say how a request ends.
const ENDS: [&str; 5] = ["node", "targets", "status", "refused", "leaves"];
/// The keys that only a request that reaches a node has.
const OF_NODES: [&str; 5] = ["path", "host", "timeout", "retry", "security"];

fn mend(expect: &mut dyn TableLike, key: &'static str, facts: &Facts) {
    if ENDS.contains(&key) {
        let (now, value) = end(facts);
        if now != key {
            expect.remove(key);
        }
        set(expect, now, value);
        if facts.nodes.is_empty() {
            OF_NODES.iter().for_each(|key| drop(expect.remove(key)));
        }
        return;
    }
    let several = expect.get(key).is_some_and(Item::is_array);
    let text = |text: Option<String>| text.map(Value::from);
    let value = match key {
        "route" if several => {
            let routes = facts.routes.iter().map(ToString::to_string);
            (!facts.routes.is_empty()).then(|| Value::Array(routes.collect::<Array>()))
        }
        "route" => text(facts.routes.last().map(ToString::to_string)),
        "service" => text(facts.service.as_ref().map(ToString::to_string)),
        "path" => text(facts.path.clone()),
        "host" => text(facts.host.clone()),
        "timeout" => text(facts.timeout.map(|timeout| timeout.to_string())),
        "security" => match facts.security.as_slice() {
            [only] => Some(Value::from(only.as_str())),
            _ => None,
        },
        _ => {
            // Of retries, what was asked for.
            let asked = expect.get(key).and_then(Item::as_table_like);
            let keys = asked.map(|asked| asked.iter().map(|(key, _)| key.to_owned()).collect());
            retry(facts, keys.unwrap_or_default())
        }
    };
    match value {
        Some(value) => set(expect, key, value),
        None => drop(expect.remove(key)),
    }
    if expect.is_empty() {
        let (now, value) = end(facts);
        set(expect, now, value);
    }
}

fn retry(facts: &Facts, keys: Vec<String>) -> Option<Value> {
    let found = facts.retry.as_ref()?;
    let mut table = InlineTable::new();
    for key in keys {
        let value = match key.as_str() {
            "max_retries" => Value::from(i64::from(found.max_retries)),
            "on" => Value::Array(found.on.iter().map(String::as_str).collect()),
            _ => Value::from(found.per_retry_timeout.unwrap_or_default().to_string()),
        };
        table.insert(key, value);
    }
    Some(Value::InlineTable(table))
}

/// Puts a value where the old one stands, with what stands around it.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(item) => {
            if let Some(old) = item.as_value() {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => append(table, key, value),
    }
}

/// Adds a value behind the others; what an inline table has before its end stays there.
fn append(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(last) = table.iter_mut().last().and_then(|(_, item)| item.as_value_mut()) {
        let suffix = last.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default();
        if !suffix.is_empty() && suffix.chars().all(|c| c == ' ') {
            value.decor_mut().set_prefix(" ");
            value.decor_mut().set_suffix(suffix.to_owned());
            last.decor_mut().set_suffix("");
        }
    }
    table.insert(key, Item::Value(value));
}

/// How a request ends, as an expectation.
fn end(facts: &Facts) -> (&'static str, Value) {
    match facts.nodes.as_slice() {
        [(only, ..)] => ("node", Value::from(only.as_str())),
        [] => match (facts.status, facts.leaves) {
            (Some(status), _) => ("status", Value::from(i64::from(status))),
            (None, true) => ("leaves", Value::from(true)),
            (None, false) => {
                let word = facts.reason.map(|reason| Value::from(reason.as_str()));
                ("refused", word.unwrap_or_else(|| Value::from(true)))
            }
        },
        several => {
            let mut weights: BTreeMap<String, i64> = BTreeMap::new();
            let ambiguous = several.iter().any(|(name, port, _)| {
                several.iter().any(|(other, another, _)| name == other && port != another)
            });
            for (name, port, weight) in several {
                let name = if ambiguous { format!("{name}:{port}") } else { name.to_string() };
                *weights.entry(name).or_default() += i64::from(*weight);
            }
            let mut table = InlineTable::new();
            for (name, weight) in weights {
                table.insert(name, Value::from(weight));
            }
            ("targets", Value::InlineTable(table))
        }
    }
}

/// A test of a route by its witness, as TOML; `None` if it cannot be told what becomes of that.
pub fn as_test(name: &str, address: &Address, witness: &Witness<'_>) -> Option<String> {
    let facts = Facts::of(&witness.journey).ok()?;
    let request = &witness.request;
    let url = request.url();
    let line = match witness.protocol {
        Protocol::Tcp => url,
        Protocol::Grpc if request.scheme == "http" => url.replacen("http", "grpc", 1),
        Protocol::Grpc | Protocol::Http | Protocol::Http2 => format!("{} {url}", request.method),
    };
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &request.headers {
        // TOML has no other text than UTF-8.
        headers.entry(name).or_default().push(value.as_str()?);
    }
    let mut table = InlineTable::new();
    for (name, values) in headers {
        let value = match values.as_slice() {
            [only] => Value::from(*only),
            several => Value::Array(several.iter().copied().collect()),
        };
        table.insert(name, value);
    }
    let (key, value) = end(&facts);
    let mut expect = InlineTable::new();
    expect.insert(key, value);
    if matches!(address, Address::Service(_)) {
        if let Address::Service(service) = address {
            expect.insert("service", Value::from(service.as_str()));
        }
    } else {
        expect.insert("route", Value::from(address.to_string()));
    }
    let mut test = format!(
        "[[test]]\nname = {}\nfrom = {}\nrequest = {}\n",
        Value::from(name),
        Value::from(witness.source.to_string()),
        Value::from(line)
    );
    if !table.is_empty() {
        test.push_str(&format!("headers = {table}\n"));
    }
    test.push_str(&format!("expect = {expect}\n"));
    Some(test)
}
