//! Files of tests: their tables, read with the places of all values, and described as JSON Schema.

use crate::model::{Address, Duration, NodeName, Port, ServiceName};
use crate::schema::{Cx, Defs, Node, Shape, Value, codes, object, schema_of, table};
use crate::span::Loc;
use crate::traffic::{Reason, Security};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub loc: Loc,
}

impl<T: Shape> Shape for At<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        T::read(node, cx).map(|value| Self { value, loc: node.loc })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        T::schema(defs)
    }
}

/// The items of an array that could be read, each with its place in the array: a bad one does not
/// take the others with it.
#[derive(Clone, Debug)]
pub(super) struct Items<T>(pub(super) Vec<(usize, At<T>)>);

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Shape> Shape for Items<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Array(items) = &node.value else {
            return cx.wrong_type(node, "an array of tables");
        };
        let items = items.iter().enumerate();
        Some(Self(items.filter_map(|(at, item)| Some((at, At::read(item, cx)?))).collect()))
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        json!({ "type": "array", "items": T::schema(defs) })
    }
}

/// One value, or several in an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several<T>(pub Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Shape> Shape for Several<T> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.value {
            Value::Array(_) => Vec::<T>::read(node, cx).map(Self),
            _ => T::read(node, cx).map(|one| Self(vec![one])),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let one = T::schema(defs);
        json!({ "oneOf": [one, { "type": "array", "items": one }] })
    }
}

/// A request's first line: `GET http://…`, a URL alone, or a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The method; `None` is GET, or what the URL's scheme asks for.
    pub(super) method: Option<String>,
    pub(super) url: String,
}

table! {
    /// A request in parts.
    Parts {
        /// The method; GET unless set.
        "method" => method: optional,
        /// The URL.
        "url" => url: required,
    }
}

struct Parts {
    method: Option<String>,
    url: String,
}

impl Shape for Line {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match &node.value {
            Value::Table(_) => {
                let Parts { method, url } = Parts::read(node, cx)?;
                Some(Self { method, url })
            }
            Value::String(text) => Some(match text.trim().split_once(' ') {
                Some((method, url)) => {
                    Self { method: Some(method.to_owned()), url: url.trim().to_owned() }
                }
                None => Self { method: None, url: text.trim().to_owned() },
            }),
            _ => cx.wrong_type(node, "a request such as \"GET http://shop.example/cart\""),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        json!({ "oneOf": [{ "type": "string", "minLength": 1 }, Parts::schema(defs)] })
    }
}

/// Headers by name, each with its values in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers(pub(super) BTreeMap<String, Vec<String>>);

impl Shape for Headers {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            return cx.wrong_type(node, "a table of headers");
        };
        let mut map = BTreeMap::new();
        let mut whole = true;
        for (name, entry) in &table.entries {
            // Unlike elsewhere, an empty string says something: the header is there, and empty.
            let items = match &entry.node.value {
                Value::Array(items) => items.iter().collect(),
                _ => vec![&entry.node],
            };
            let mut values = Vec::new();
            for item in items {
                match item.as_str() {
                    Some(text) => values.push(text.to_owned()),
                    None => {
                        whole = false;
                        cx.wrong_type::<()>(item, "a string");
                    }
                }
            }
            map.insert(name.clone(), values);
        }
        whole.then_some(Self(map))
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        let text = json!({ "type": "string" });
        let several = json!({ "type": "array", "items": text });
        json!({ "type": "object", "additionalProperties": { "oneOf": [text, several] } })
    }
}

/// A node, and its port if that matters: `cart-v2` or `cart-v2:8081`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The node.
    pub node: NodeName,
    /// Its port; `None` is any.
    pub port: Option<Port>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.node),
            None => write!(f, "{}", self.node),
        }
    }
}

impl Target {
    fn parse(text: &str, loc: Loc, cx: &mut Cx<'_>) -> Option<Self> {
        let bare = text.strip_prefix("virtual_node/").unwrap_or(text);
        let (name, port) = match bare.split_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok().and_then(Port::new))),
            None => (bare, None),
        };
        match (NodeName::new(name), port) {
            (Ok(node), None) => Some(Self { node, port: None }),
            (Ok(node), Some(Some(port))) => Some(Self { node, port: Some(port) }),
            (Err(why), _) => {
                cx.fail(&codes::BAD_NAME, loc, format!("`{text}` is not a node's name"), why)
            }
            (Ok(_), Some(None)) => cx.fail(
                &codes::BAD_VALUE,
                loc,
                format!("`{text}` does not end with a port"),
                "write a node's name, or NAME:PORT",
            ),
        }
    }
}

impl Shape for Target {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match node.as_str() {
            Some(text) => Self::parse(text, node.loc, cx),
            None => cx.wrong_type(node, "a node's name"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^(virtual_node/)?[A-Za-z0-9_-]{1,128}(:[0-9]+)?$" })
    }
}

/// Nodes with their weights.
impl Shape for BTreeMap<Target, u32> {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            return cx.wrong_type(node, "a table of weights by node, such as { cart-v1 = 95 }");
        };
        let mut map = Self::new();
        let mut whole = true;
        for (key, entry) in &table.entries {
            let target = Target::parse(key, entry.key, cx);
            match (target, u32::read(&entry.node, cx)) {
                (Some(target), Some(weight)) => {
                    map.insert(target, weight);
                }
                _ => whole = false,
            }
        }
        if whole && map.values().all(|weight| *weight == 0) {
            return cx.fail(
                &codes::BAD_VALUE,
                node.loc,
                "no node gets a share",
                "give one of them a weight above zero, or expect `refused = true`",
            );
        }
        whole.then_some(map)
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        json!({ "type": "object", "minProperties": 1, "additionalProperties": u32::schema(defs) })
    }
}

/// An HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u16);

impl Shape for Status {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match node.as_integer().map(u16::try_from) {
            Some(Ok(status @ 100..=599)) => Some(Self(status)),
            Some(_) => cx.fail(
                &codes::OUT_OF_RANGE,
                node.loc,
                "this is no HTTP status",
                "write a whole number from 100 to 599",
            ),
            None => cx.wrong_type(node, "a whole number"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "integer", "minimum": 100, "maximum": 599 })
    }
}

/// That no server gets the request, and perhaps why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// For whatever reason.
    Somehow,
    /// For this one.
    For(Reason),
}

impl Shape for Refused {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let words = Reason::ALL.map(|reason| format!("\"{}\"", reason.as_str())).join(", ");
        match &node.value {
            Value::Boolean(true) => Some(Self::Somehow),
            Value::String(text) => {
                let found = Reason::ALL.into_iter().find(|reason| reason.as_str() == text);
                found.map(Self::For).or_else(|| {
                    cx.fail(
                        &codes::UNKNOWN_WORD,
                        node.loc,
                        format!("`{text}` is no reason to refuse a request"),
                        format!("write true for any reason, or one of {words}"),
                    )
                })
            }
            _ => cx.wrong_type(node, "`true`, or the reason as a word"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        let words = Reason::ALL.map(Reason::as_str);
        json!({ "oneOf": [{ "const": true }, { "enum": words }] })
    }
}

/// `true`, for what is said by being there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yes;

impl Shape for Yes {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        match node.value {
            Value::Boolean(true) => Some(Self),
            _ => cx.wrong_type(node, "`true`"),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "const": true })
    }
}

impl Shape for Security {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let all = [Self::Plain, Self::Tls, Self::Mutual];
        let found = all.into_iter().find(|word| node.as_str() == Some(word.as_str()));
        found.or_else(|| {
            cx.fail(
                &codes::UNKNOWN_WORD,
                node.loc,
                "this is no word for what protects a connection",
                "known are \"plain\", \"tls\" and \"mutual-tls\"",
            )
        })
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "enum": ["plain", "tls", "mutual-tls"] })
    }
}

/// How failed requests are expected to be tried again. What is unset may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// Tries after the first.
    pub max_retries: Option<u32>,
    /// What counts as failed.
    pub on: Option<Vec<String>>,
    /// For each try.
    pub per_retry_timeout: Option<Duration>,
}

table! {
    /// How failed requests are tried again; what is left out may be anything.
    Retry {
        /// Tries after the first; 0 is none.
        "max_retries" => max_retries: optional,
        /// What counts as failed, in any order.
        "on" => on: optional,
        /// For each try; "0s" is no limit.
        "per_retry_timeout" => per_retry_timeout: optional,
    }
}

/// What becomes of a request. What is unset may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The node that gets all of it.
    pub node: Option<At<Target>>,
    /// The nodes that share it, with relative weights.
    pub targets: Option<At<BTreeMap<Target, u32>>>,
    /// The status that a proxy answers with itself.
    pub status: Option<At<Status>>,
    /// No server gets it.
    pub refused: Option<At<Refused>>,
    /// It leaves the mesh as it is.
    pub leaves: Option<At<Yes>>,
    /// Routes that take it.
    pub route: Option<At<Several<Address>>>,
    /// The virtual service that it reaches.
    pub service: Option<At<ServiceName>>,
    /// The path and query that the server sees.
    pub path: Option<At<String>>,
    /// The host that the server sees.
    pub host: Option<At<String>>,
    /// How long it may take.
    pub timeout: Option<At<Duration>>,
    /// How it is tried again.
    pub retry: Option<At<Retry>>,
    /// What protects the connection to the node.
    pub security: Option<At<Security>>,
}

table! {
    /// What becomes of a request; what is left out may be anything. At most one of node, targets,
    /// status, refused and leaves.
    Expect {
        /// The node that gets all such requests, as NAME or NAME:PORT.
        "node" => node: optional,
        /// The nodes that share such requests, with relative weights.
        "targets" => targets: optional,
        /// The status that a proxy answers with itself.
        "status" => status: optional,
        /// No server gets it: true, or the reason.
        "refused" => refused: optional,
        /// It leaves the mesh as it is (egress = "allow-all").
        "leaves" => leaves: optional,
        /// A route or gateway route that takes it, as an address, or several.
        "route" => route: optional,
        /// The virtual service that it reaches.
        "service" => service: optional,
        /// The path and query that the server sees.
        "path" => path: optional,
        /// The host that the server sees.
        "host" => host: optional,
        /// How long the answer may take, or a TCP connection may be silent; "0s" is no limit.
        "timeout" => timeout: optional,
        /// How failed requests are tried again.
        "retry" => retry: optional,
        /// What protects the connection to the node: plain, tls or mutual-tls.
        "security" => security: optional,
    }
}

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct TestFile {
    pub(super) from: Option<At<String>>,
    pub(super) test: Items<Test>,
}

table! {
    /// Tests of a mesh: requests, and what becomes of them.
    TestFile {
        /// Where requests come from unless a test says otherwise: a node or gateway.
        "from" => from: optional,
        /// The tests.
        "test" => test: or_default,
    }
}

/// A test.
#[derive(Clone, Debug)]
pub(super) struct Test {
    pub(super) name: At<String>,
    pub(super) env: Several<String>,
    pub(super) from: Option<At<String>>,
    pub(super) request: Option<At<Line>>,
    pub(super) headers: Option<At<Headers>>,
    pub(super) expect: Option<At<Expect>>,
    pub(super) cases: Items<Case>,
}

table! {
    /// A request and what becomes of it, or several in cases.
    Test {
        /// What it shows; once in a file.
        "name" => name: required,
        /// The overlays (--env) under which it holds; any, and none, unless set.
        "env" => env: or_default,
        /// Where the request comes from: a node or gateway.
        "from" => from: optional,
        /// The request: METHOD URL, a URL, or { method, url }.
        "request" => request: optional,
        /// Its headers, each with its value or values.
        "headers" => headers: optional,
        /// What becomes of it.
        "expect" => expect: optional,
        /// Several requests; what a case does not say it takes from its test.
        "cases" => cases: or_default,
    }
}

/// A case of a test.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: Option<At<String>>,
    pub(super) from: Option<At<String>>,
    pub(super) request: Option<At<Line>>,
    pub(super) headers: Option<At<Headers>>,
    pub(super) expect: Option<At<Expect>>,
}

table! {
    /// A case of a test.
    Case {
        /// What it shows; the request unless set.
        "name" => name: optional,
        /// Where the request comes from: a node or gateway.
        "from" => from: optional,
        /// The request: METHOD URL, a URL, or { method, url }.
        "request" => request: optional,
        /// Its headers, instead of those of the test.
        "headers" => headers: optional,
        /// What becomes of it, instead of what the test says.
        "expect" => expect: optional,
    }
}

/// The JSON Schema of a file of tests.
pub fn tests_schema() -> serde_json::Value {
    let mut defs = Defs::default();
    let properties = vec![
        (
            "from",
            "Where requests come from unless a test says otherwise: a node or gateway.",
            schema_of(|| None::<TestFile>.map(|file| file.from), &mut defs),
        ),
        ("test", "The tests.", Items::<Test>::schema(&mut defs)),
    ];
    let about = "Tests of a mesh: requests, and what becomes of them.";
    let mut schema = object(about, properties, &[]);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("meshctl tests");
    schema["$defs"] = serde_json::Value::Object(defs.into_map());
    schema
}
