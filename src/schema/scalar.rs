//! Shapes of single values: strings, numbers, names, durations, words, addresses, lists.

use super::codes;
use super::reader::{Cx, Defs, Shape, list};
use super::tree::{Node, Value};
use crate::diag::{Diagnostic, nearest};
use crate::model::{
    ByteSize, Capture, DnsResponseType, Duration, EgressFilter, GatewayName, HeaderCase,
    IpPreference, MeshName, Method, NodeName, Port, Protocol, RetryEvent, RouteName, RouterName,
    Scheme, ServiceName, TlsMode,
};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

impl Shape for String {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match node.as_str() {
            Some("") => cx.fail(
                &codes::BAD_VALUE,
                node.loc,
                "the string is empty",
                "write a value, or leave the key out",
            ),
            Some(text) => Some(text.to_owned()),
            None => cx.wrong_type(node, "a string"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Shape for bool {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match node.value {
            Value::Boolean(value) => Some(value),
            _ => cx.wrong_type(node, "`true` or `false`"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "boolean" })
    }
}

/// Reads a whole number in a range, both ends included.
pub(super) fn integer(node: &Node, cx: &mut Cx<'_>, low: i64, high: i64) -> Option<i64> {
    match node.as_integer() {
        Some(number) if (low..=high).contains(&number) => Some(number),
        Some(number) => cx.fail(
            &codes::OUT_OF_RANGE,
            node.loc,
            format!("{number} is out of range"),
            format!("write a whole number from {low} to {high}"),
        ),
        None if matches!(node.value, Value::Float(number) if number.is_infinite()) => cx.fail(
            &codes::OUT_OF_RANGE,
            node.loc,
            "the number is out of range",
            format!("write a whole number from {low} to {high}"),
        ),
        None => cx.wrong_type(node, "a whole number"),
    }
}

impl Shape for u32 {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        integer(node, cx, 0, i64::from(Self::MAX)).and_then(|n| Self::try_from(n).ok())
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "integer", "minimum": 0, "maximum": Self::MAX })
    }
}

/// The range of a priority.
impl Shape for u16 {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        integer(node, cx, 0, 1000).and_then(|n| Self::try_from(n).ok())
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "integer", "minimum": 0, "maximum": 1000 })
    }
}

impl Shape for Port {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        integer(node, cx, 1, 65535).and_then(Self::new)
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }
}

impl Shape for Duration {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(text) = node.as_str() else {
            return cx.wrong_type(node, "a duration such as \"15s\"");
        };
        match Self::parse(text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                cx.fail(&codes::BAD_VALUE, node.loc, format!("`{text}` is not a duration"), why)
            }
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
    }
}

impl Shape for ByteSize {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(text) = node.as_str() else {
            return cx.wrong_type(node, "a size such as \"96KiB\"");
        };
        match Self::parse(text) {
            Ok(size) => Some(size),
            Err(why) => {
                cx.fail(&codes::BAD_VALUE, node.loc, format!("`{text}` is not a size"), why)
            }
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB)$" })
    }
}

macro_rules! names {
    ($($name:ident: $pattern:literal, $max:literal;)*) => {$(
        impl Shape for $name {
            fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
                let Some(text) = node.as_str() else {
                    return cx.wrong_type(node, "a name (a string)");
                };
                read_name(text, node.loc, cx, $name::new)
            }

            fn schema(_: &mut Defs) -> serde_json::Value {
                json!({ "type": "string", "pattern": $pattern, "maxLength": $max })
            }
        }
    )*};
}

names! {
    MeshName: "^[A-Za-z0-9_-]{1,128}$", 128;
    NodeName: "^[A-Za-z0-9_-]{1,128}$", 128;
    RouterName: "^[A-Za-z0-9_-]{1,128}$", 128;
    RouteName: "^[A-Za-z0-9_-]{1,128}$", 128;
    GatewayName: "^[A-Za-z0-9_-]{1,128}$", 128;
    ServiceName: "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$", 253;
}

/// Checks a name that stands as a value or as a key.
pub(super) fn read_name<T>(
    text: &str,
    loc: crate::span::Loc,
    cx: &mut Cx<'_>,
    make: impl FnOnce(String) -> Result<T, String>,
) -> Option<T> {
    match make(text.to_owned()) {
        Ok(name) => Some(name),
        Err(why) => cx.fail(&codes::BAD_NAME, loc, format!("`{text}` is not a legal name"), why),
    }
}

impl Shape for IpAddr {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(text) = node.as_str() else {
            return cx.wrong_type(node, "an IP address (a string)");
        };
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => cx.fail(
                &codes::BAD_VALUE,
                node.loc,
                format!("`{text}` is not an IP address"),
                "write an IPv4 or IPv6 address without a port; names are looked up by \
                 `discovery = { dns = \"…\" }`",
            ),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }
}

impl Shape for SocketAddr {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(text) = node.as_str() else {
            return cx.wrong_type(node, "an address with a port, such as \"127.0.0.1:18080\"");
        };
        match text.parse::<Self>() {
            Ok(address) if address.port() != 0 => Some(address),
            _ => cx.fail(
                &codes::BAD_VALUE,
                node.loc,
                format!("`{text}` is not an IP address with a port"),
                "write for example \"127.0.0.1:18080\" or \"[::1]:18080\"",
            ),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "pattern": ":[0-9]+$" })
    }
}

/// Reads one of a fixed set of words.
pub(super) fn word<T: Copy>(node: &Node, cx: &mut Cx<'_>, known: &[(&str, T)]) -> Option<T> {
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let Some(text) = node.as_str() else {
        return cx.wrong_type(node, &format!("one of the words {}", list(&words)));
    };
    if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let help = match nearest(text, words.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? Known are {}", list(&words)),
        None => format!("known are {}", list(&words)),
    };
    cx.report(
        Diagnostic::new(&codes::UNKNOWN_WORD, node.loc, format!("`{text}` is not known here"))
            .help(help),
    );
    None
}

macro_rules! words {
    ($($type:ident { $($word:literal => $variant:ident,)* })*) => {$(
        impl Shape for $type {
            fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
                word(node, cx, &[$(($word, Self::$variant)),*])
            }

            fn schema(_: &mut Defs) -> serde_json::Value {
                json!({ "enum": [$($word),*] })
            }
        }
    )*};
}

words! {
    Protocol { "http" => Http, "http2" => Http2, "grpc" => Grpc, "tcp" => Tcp, }
    EgressFilter { "drop-all" => DropAll, "allow-all" => AllowAll, }
    Capture { "redirect" => Redirect, "explicit" => Explicit, }
    TlsMode { "strict" => Strict, "permissive" => Permissive, "disabled" => Disabled, }
    DnsResponseType { "loadbalancer" => Loadbalancer, "endpoints" => Endpoints, }
    IpPreference {
        "ipv4-preferred" => Ipv4Preferred,
        "ipv6-preferred" => Ipv6Preferred,
        "ipv4-only" => Ipv4Only,
        "ipv6-only" => Ipv6Only,
    }
    HeaderCase { "lower" => Lower, "preserve" => Preserve, }
    Scheme { "http" => Http, "https" => Https, }
    Method {
        "GET" => Get, "HEAD" => Head, "POST" => Post, "PUT" => Put, "DELETE" => Delete,
        "CONNECT" => Connect, "OPTIONS" => Options, "TRACE" => Trace, "PATCH" => Patch,
    }
    RetryEvent {
        "server-error" => ServerError,
        "gateway-error" => GatewayError,
        "client-error" => ClientError,
        "stream-error" => StreamError,
        "connection-error" => ConnectionError,
        "cancelled" => Cancelled,
        "deadline-exceeded" => DeadlineExceeded,
        "internal" => Internal,
        "resource-exhausted" => ResourceExhausted,
        "unavailable" => Unavailable,
    }
}

/// Raw Envoy fields: any table; `envoy` checks it against Envoy's own descriptors.
impl Shape for serde_json::Value {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match node.value {
            Value::Table(_) => Some(node.to_json()),
            _ => cx.wrong_type(node, "a table of Envoy fields"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "object" })
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Array(items) = &node.value else {
            return cx.wrong_type(node, "an array");
        };
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| cx.under(&at.to_string(), item.loc, |cx| T::read(item, cx)))
            .collect();
        read.into_iter().collect()
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        json!({ "type": "array", "items": T::schema(defs) })
    }
}

/// String to string: tags, registry attributes, fields of a JSON log.
impl Shape for BTreeMap<String, String> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            return cx.wrong_type(node, "a table of strings");
        };
        let mut map = Self::new();
        let mut whole = true;
        for (key, entry) in &table.entries {
            match &entry.node.value {
                Value::String(text) => {
                    cx.note(key, entry.node.loc);
                    map.insert(key.clone(), text.clone());
                }
                _ => {
                    whole = false;
                    cx.wrong_type::<()>(&entry.node, "a string");
                }
            }
        }
        whole.then_some(map)
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": { "type": "string" } })
    }
}

/// Reads a list of tables in the order of a key of theirs, so that the order in the file does
/// not matter, and reports two items with one key.
pub(super) fn sorted_list<T: Shape, K: Ord>(
    node: &Node,
    cx: &mut Cx<'_>,
    peek: impl Fn(&Node) -> Option<K>,
    what: &str,
) -> Option<Vec<T>> {
    let Value::Array(items) = &node.value else {
        return cx.wrong_type(node, "an array");
    };
    let mut keyed: Vec<(Option<K>, &Node)> = items.iter().map(|item| (peek(item), item)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    let mut whole = true;
    for pair in keyed.windows(2) {
        if pair[0].0.is_some() && pair[0].0 == pair[1].0 {
            whole = false;
            cx.report(
                Diagnostic::new(
                    &codes::DUPLICATE_ITEM,
                    pair[1].1.loc,
                    format!("a second item of this list has the same {what}"),
                )
                .related(pair[0].1.loc, format!("the first with this {what}"))
                .help(format!("keep one of them, or give one another {what}")),
            );
        }
    }
    let read: Vec<Option<T>> = keyed
        .iter()
        .enumerate()
        .map(|(at, (_, item))| cx.under(&at.to_string(), item.loc, |cx| T::read(item, cx)))
        .collect();
    let read: Option<Vec<T>> = read.into_iter().collect();
    read.filter(|_| whole)
}
