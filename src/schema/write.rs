//! A model as TOML: the inverse of reading, written the way a person would.
//!
//! The long form of a resource is its JSON (`crate::model`), whose keys are the language's own.
//! What is here is what people leave out, shorten and break into lines.

use crate::model::{Address, Mesh};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Columns that a line should not go beyond.
const WIDTH: usize = 100;

/// A value to be written, its keys in the order in which they are written.
enum Toml {
    Plain(String),
    List(Vec<Self>),
    Table(Vec<(String, Self)>),
}

/// The keys in the order in which people look for them; others follow by name.
const ORDER: [&str; 44] = [
    "name",
    "priority",
    "egress",
    "match",
    "node",
    "router",
    "namespace",
    "service",
    "port",
    "protocol",
    "app",
    "address",
    "hostname",
    "prefix",
    "path",
    "method",
    "scheme",
    "service_name",
    "method_name",
    "headers",
    "query_parameters",
    "metadata",
    "weight",
    "listeners",
    "discovery",
    "backends",
    "backend_defaults",
    "access_log",
    "targets",
    "rewrite",
    "request",
    "idle",
    "interval",
    "timeout",
    "retry",
    "on",
    "mode",
    "enforce",
    "ports",
    "certificate",
    "trust",
    "attributes",
    "ip_preference",
    "capture",
];

/// Writes resources, each with its routes, in the given order. `remarks` gives the lines that
/// stand above a resource as comments.
pub fn write<'a>(
    mesh: &Mesh,
    resources: impl IntoIterator<Item = &'a Address>,
    remarks: impl Fn(&Address) -> Vec<String>,
) -> String {
    let mut out = String::new();
    for address in resources {
        resource(mesh, address, &remarks, &mut out);
    }
    out
}

/// Writes a whole mesh into one text.
pub fn write_mesh(mesh: &Mesh) -> String {
    let addresses = mesh.addresses();
    let mut text = write(mesh, &addresses, |_| Vec::new());
    for (name, service) in &mesh.external_services {
        let path = vec!["external".to_owned(), "virtual_service".to_owned(), name.to_string()];
        section(&path, false, raw(&json(service)), &mut text);
    }
    text
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).expect("invariant: the model is plain data with string keys")
}

fn resource(
    mesh: &Mesh,
    address: &Address,
    remarks: &impl Fn(&Address) -> Vec<String>,
    out: &mut String,
) {
    let kind = address.kind().as_str().to_owned();
    let (path, toml) = match address {
        Address::Mesh => (vec![kind], settings(&json(&mesh.settings))),
        Address::Node(name) => match mesh.nodes.get(name) {
            Some(node) => (vec![kind, name.to_string()], shortened(&json(node))),
            None => return,
        },
        Address::Service(name) => match mesh.services.get(name) {
            Some(service) => (vec![kind, name.to_string()], shortened(&json(service))),
            None => return,
        },
        Address::Router(name) => {
            let Some(router) = mesh.routers.get(name) else { return };
            let crate::model::VirtualRouter { listeners, routes: _, owner, tags } = router;
            let value = serde_json::json!({ "listeners": listeners, "owner": owner, "tags": tags });
            (vec![kind, name.to_string()], shortened(&value))
        }
        Address::Gateway(name) => {
            let Some(gateway) = mesh.gateways.get(name) else { return };
            let crate::model::VirtualGateway {
                listeners,
                backend_defaults,
                access_log,
                routes: _,
                owner,
                tags,
            } = gateway;
            let value = serde_json::json!({
                "listeners": listeners, "backend_defaults": backend_defaults,
                "access_log": access_log, "owner": owner, "tags": tags,
            });
            (vec![kind, name.to_string()], shortened(&value))
        }
        // Routes stand with what they belong to.
        Address::Route(..) | Address::GatewayRoute(..) => return,
    };
    let above = |address: &Address, out: &mut String| {
        if !out.is_empty() {
            out.push('\n');
        }
        for line in remarks(address) {
            // A comment is one line, and TOML has no control characters in it.
            let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            let _ = writeln!(out, "{}", format!("# {line}").trim_end());
        }
    };
    above(address, out);
    section(&path, false, toml, out);
    let mut under = path;
    under.push("routes".to_owned());
    let routes: Vec<(Address, Value)> = match address {
        Address::Router(name) => mesh.routers[name]
            .routes
            .iter()
            .map(|route| (Address::Route(name.clone(), route.name.clone()), json(route)))
            .collect(),
        Address::Gateway(name) => mesh.gateways[name]
            .routes
            .iter()
            .map(|route| (Address::GatewayRoute(name.clone(), route.name.clone()), json(route)))
            .collect(),
        _ => Vec::new(),
    };
    for (address, route) in routes {
        above(&address, out);
        section(&under, true, shortened(&route), out);
    }
}

/// The settings of a mesh; what is left to the default is not said, but for egress.
fn settings(value: &Value) -> Toml {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut()
        && map.get("capture") == Some(&Value::from("redirect"))
    {
        map.remove("capture");
    }
    shortened(&value)
}

/// A value as it is.
fn raw(value: &Value) -> Toml {
    match value {
        Value::Null => Toml::Table(Vec::new()),
        Value::Bool(value) => Toml::Plain(value.to_string()),
        Value::Number(number) => Toml::Plain(number.to_string()),
        Value::String(text) => Toml::Plain(quoted(text)),
        Value::Array(items) => Toml::List(items.iter().map(raw).collect()),
        Value::Object(map) => {
            let there = map.iter().filter(|(_, value)| !value.is_null());
            Toml::Table(there.map(|(key, value)| (key.clone(), raw(value))).collect())
        }
    }
}

/// An object in short: keys in order, defaults left out, single members without their tables.
fn shortened(value: &Value) -> Toml {
    let Some(map) = value.as_object() else { return raw(value) };
    let mut entries: Vec<(String, Toml)> = Vec::new();
    for (key, value) in map {
        if value.is_null() || is_empty(key, value) {
            continue;
        }
        let short = match (key.as_str(), value) {
            ("patch" | "tags" | "attributes" | "json", _) => raw(value),
            ("headers" | "query_parameters" | "metadata", Value::Object(named)) => matchers(named),
            ("match", _) => matches(value),
            ("targets", Value::Array(items)) => targets(items),
            ("backends", Value::Array(items)) => {
                Toml::List(items.iter().map(|item| alone(item, "service")).collect())
            }
            ("bind", Value::Object(bind)) => self::bind(bind),
            ("dns", Value::Object(dns)) => {
                let mut dns = dns.clone();
                if dns.get("response_type") == Some(&Value::from("loadbalancer")) {
                    dns.remove("response_type");
                }
                alone(&Value::Object(dns), "hostname")
            }
            ("service", Value::Object(_)) => alone(value, "name"),
            ("rewrite", _) => rewrite(value),
            (_, Value::Array(items)) => Toml::List(items.iter().map(shortened).collect()),
            _ => shortened(value),
        };
        entries.push((key.clone(), short));
    }
    ordered(entries)
}

/// Whether a key says no more than its absence does.
fn is_empty(key: &str, value: &Value) -> bool {
    match value {
        // Events and targets are asked for, even if there are none; no upgrades are not the default.
        Value::Array(items) => {
            items.is_empty()
                && !["on", "targets", "static", "acm", "ignore_upgrades"].contains(&key)
        }
        Value::Object(map) => match key {
            "match" | "tags" | "backend_defaults" => {
                map.values().all(Value::is_null) || map.is_empty()
            }
            _ => false,
        },
        _ => false,
    }
}

fn ordered(mut entries: Vec<(String, Toml)>) -> Toml {
    entries
        .sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len()));
    Toml::Table(entries)
}

/// A table, or the value of its one key.
fn alone(value: &Value, key: &str) -> Toml {
    match value.as_object() {
        Some(map) if map.len() == 1 && map.contains_key(key) => raw(&map[key]),
        _ => shortened(value),
    }
}

fn matches(value: &Value) -> Toml {
    let Some(map) = value.as_object() else { return raw(value) };
    let mut rest = map.clone();
    let path = rest.remove("path");
    let hostname = rest.remove("hostname");
    let Toml::Table(mut entries) = shortened(&Value::Object(rest)) else { return raw(value) };
    match path.as_ref().and_then(Value::as_object).and_then(|path| path.iter().next()) {
        Some((way, text)) if way == "prefix" => entries.push((way.clone(), raw(text))),
        Some((way, text)) if way == "exact" => entries.push(("path".to_owned(), raw(text))),
        Some(_) => entries.push(("path".to_owned(), raw(&path.unwrap_or_default()))),
        None => {}
    }
    if let Some(hostname) = hostname {
        entries.push(("hostname".to_owned(), alone(&hostname, "exact")));
    }
    ordered(entries)
}

fn matchers(named: &Map<String, Value>) -> Toml {
    let one = |matcher: &Value| alone(matcher, "exact");
    let entry = |(name, all): (&String, &Value)| {
        let all = all.as_array().map(Vec::as_slice).unwrap_or_default();
        let short = match all {
            [only] => one(only),
            several => Toml::List(several.iter().map(one).collect()),
        };
        (name.clone(), short)
    };
    Toml::Table(named.iter().map(entry).collect())
}

fn targets(items: &[Value]) -> Toml {
    let mut nodes: Vec<&str> = items.iter().filter_map(|item| item["node"].as_str()).collect();
    nodes.dedup();
    if nodes.len() < items.len() || items.iter().any(|item| item.get("port").is_some()) {
        return Toml::List(items.iter().map(shortened).collect());
    }
    let weight =
        |item: &Value| (item["node"].as_str().unwrap_or_default().to_owned(), raw(&item["weight"]));
    Toml::Table(items.iter().map(weight).collect())
}

/// A port of 127.0.0.1 is written as a number.
fn bind(bind: &Map<String, Value>) -> Toml {
    let local = |address: &Value| {
        let port = address.as_str().and_then(|text| text.strip_prefix("127.0.0.1:"));
        port.map_or_else(|| raw(address), |port| Toml::Plain(port.to_owned()))
    };
    if let Some(only) = bind.get("only") {
        return local(only);
    }
    let by_port = bind.get("by_port").and_then(Value::as_object);
    let entries = by_port.into_iter().flatten().map(|(port, to)| (port.clone(), local(to)));
    let mut entries: Vec<(String, Toml)> = entries.collect();
    entries.sort_by_key(|(port, _)| port.parse::<u16>().unwrap_or_default());
    Toml::Table(entries)
}

fn rewrite(value: &Value) -> Toml {
    let Some(map) = value.as_object() else { return raw(value) };
    let short = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("prefix", Value::String(word)) => (key.clone(), Toml::Plain((word == "root").to_string())),
        ("prefix", Value::Object(text)) => (key.clone(), raw(&text["value"])),
        _ => (key.clone(), raw(value)),
    };
    ordered(map.iter().map(short).collect())
}

/// Writes a table under its header. What does not fit on a line becomes a table of its own; a header that
/// would have only tables under it is left out, because theirs say the same.
fn section(path: &[String], item: bool, toml: Toml, out: &mut String) {
    let (open, close) = if item { ("[[", "]]") } else { ("[", "]") };
    let name: Vec<String> = path.iter().map(|part| key(part)).collect();
    let header = format!("{open}{}{close}\n", name.join("."));
    let Toml::Table(entries) = toml else {
        out.push_str(&header);
        return;
    };
    let start = out.len();
    out.push_str(&header);
    let bare = out.len();
    let mut later = Vec::new();
    for (word, value) in entries {
        let line = format!("{} = {}", key(&word), inline(&value));
        match value {
            _ if line.chars().count() <= WIDTH => {
                let _ = writeln!(out, "{line}");
            }
            Toml::Plain(_) => {
                let _ = writeln!(out, "{line}");
            }
            Toml::List(items) if !breaks(&items) => {
                let _ = writeln!(out, "{} = [", key(&word));
                for item in &items {
                    let _ = writeln!(out, "  {},", inline(item));
                }
                let _ = writeln!(out, "]");
            }
            value => later.push((word, value)),
        }
    }
    // Tables in a list need the header that begins their item.
    let mut first = !item && out.len() == bare && !later.is_empty();
    if first {
        out.truncate(start);
    }
    for (word, value) in later {
        let mut under = path.to_vec();
        under.push(word);
        match value {
            Toml::List(items) => {
                for item in items {
                    if !std::mem::take(&mut first) {
                        out.push('\n');
                    }
                    section(&under, true, item, out);
                }
            }
            value => {
                if !std::mem::take(&mut first) {
                    out.push('\n');
                }
                section(&under, false, value, out);
            }
        }
    }
}

/// Whether the items of a list are better written as tables of their own.
fn breaks(items: &[Toml]) -> bool {
    items.iter().all(|item| matches!(item, Toml::Table(entries) if !entries.is_empty()))
        && items.iter().any(|item| inline(item).chars().count() + 3 > WIDTH)
}

fn inline(value: &Toml) -> String {
    match value {
        Toml::Plain(text) => text.clone(),
        Toml::List(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Toml::Table(entries) if entries.is_empty() => "{}".to_owned(),
        Toml::Table(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(word, value)| format!("{} = {}", key(word), inline(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !text.is_empty() && text.chars().all(bare) { text.to_owned() } else { quoted(text) }
}

/// A text in quotes: with backslashes in single ones, if that is possible.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains('\\') && !text.contains(|c: char| c == '\'' || c.is_control()) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
