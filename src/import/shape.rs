//! App Mesh's API as a table, and what any dialect of it becomes: the API's own shape, checked.
//!
//! The table is `schemas/appmesh-keys.tsv`, which also says where each field stands in TOML. A
//! dialect differs in how it spells a key and in how it writes lists and structures; what a key
//! means is the table's alone.

use super::codes;
use super::context::Cx;
use super::report::Reason;
use super::tree::{Entry, Node, Value};
use crate::diag::Diagnostic;
use crate::diag::shell::word;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// One field of one structure.
#[derive(Debug)]
pub(super) struct Field {
    /// `Structure.field`: the row's name in the table.
    pub(super) id: &'static str,
    /// The field's name in the API.
    pub(super) name: &'static str,
    /// Whether it must be there.
    pub(super) required: bool,
    /// Whether exactly one of the fields with this mark must be there.
    pub(super) union: bool,
    /// Whether it is a list.
    pub(super) list: bool,
    /// What it is, or what the items of the list are.
    pub(super) ty: Type,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Type {
    /// A string.
    Text,
    /// A whole number.
    Int,
    /// A port.
    Port,
    /// A truth.
    Bool,
    /// One of these words.
    Word(Vec<&'static str>),
    /// A structure of the table.
    Structure(&'static str),
}

/// The structures, each with its fields in the order of the table.
pub(super) static TABLE: LazyLock<BTreeMap<&'static str, Vec<Field>>> = LazyLock::new(|| {
    let mut table: BTreeMap<&'static str, Vec<Field>> = BTreeMap::new();
    for line in include_str!("../../schemas/appmesh-keys.tsv").lines() {
        let mut columns = line.split('\t');
        let (Some(id), Some(_), Some(ty)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let Some((structure, name)) = id.split_once('.') else { continue };
        let (required, ty) = marked(ty, '!');
        let (union, ty) = marked(ty, '|');
        let inner = ty.strip_prefix('[').and_then(|ty| ty.strip_suffix(']'));
        let field = Field {
            id,
            name,
            required,
            union,
            list: inner.is_some(),
            ty: match inner.unwrap_or(ty) {
                "str" => Type::Text,
                "int" => Type::Int,
                "port" => Type::Port,
                "bool" => Type::Bool,
                ty => match ty.strip_prefix("enum ") {
                    Some(words) => Type::Word(words.split('|').collect()),
                    None => Type::Structure(ty),
                },
            },
        };
        table.entry(structure).or_default().push(field);
    }
    table
});

fn marked(text: &'static str, mark: char) -> (bool, &'static str) {
    match text.strip_prefix(mark) {
        Some(rest) => (true, rest),
        None => (false, text),
    }
}

/// How a format spells App Mesh's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As the API does; any case of letters is taken, which covers the SDKs and CloudFormation.
    Api,
    /// In snake case, lists under the singular, structures as lists of one, zero for unset.
    Terraform,
}

/// A key without what dialects differ in.
pub(super) fn folded(key: &str) -> String {
    key.chars().filter(|c| !"_-".contains(*c)).map(|c| c.to_ascii_lowercase()).collect()
}

impl Dialect {
    fn names(self, field: &Field, key: &str) -> bool {
        let (key, name) = (folded(key), folded(field.name));
        // The preview of App Mesh had another word for the host.
        let preview = field.id == "DnsServiceDiscovery.hostname" && key == "servicename";
        // Pulumi gives every list a plural: `https` are the pools of `http`.
        let plural = self == Self::Terraform && key.strip_suffix('s') == Some(name.as_str());
        let singular = self == Self::Terraform && field.list && format!("{key}s") == name;
        key == name || preview || singular || plural
    }

    /// Whether a value stands for an absent one.
    fn absent(self, field: &Field, node: &Node) -> bool {
        match &node.value {
            Value::Null => true,
            Value::List(items) => items.is_empty() && self == Self::Terraform,
            Value::Scalar(text) => {
                self == Self::Terraform
                    && !field.required
                    && (text.is_empty() || text == "0" && !matches!(field.ty, Type::Text))
            }
            Value::Map(_) => false,
        }
    }
}

/// Whether a structure has a field of this name.
pub(super) fn has_field(structure: &str, key: &str) -> bool {
    let fields = TABLE.get(structure).map_or(&[][..], Vec::as_slice);
    fields.iter().any(|field| Dialect::Api.names(field, key))
}

/// Whether a tree has the form of a structure of the API: no other keys, lists and structures where the table
/// has them, and what is required.
pub(super) fn fits(structure: &str, node: &Node) -> bool {
    let (Value::Map(entries), Some(fields)) = (&node.value, TABLE.get(structure)) else {
        return false;
    };
    let one = |field: &Field, node: &Node| match field.ty {
        Type::Structure(inner) => fits(inner, node),
        _ => node.text().is_some(),
    };
    let known = |entry: &Entry| {
        let field = fields.iter().find(|field| Dialect::Api.names(field, &entry.key));
        field.is_some_and(|field| match (&entry.node.value, field.list) {
            (Value::Null, _) => !field.required,
            (Value::List(items), true) => items.iter().all(|item| one(field, item)),
            (_, list) => !list && one(field, &entry.node),
        })
    };
    let there = |field: &Field| entries.iter().any(|e| Dialect::Api.names(field, &e.key));
    entries.iter().all(known) && fields.iter().all(|field| !field.required || there(field))
}

/// Brings a structure into the API's shape: keys are spelt as there, and every value has been
/// looked at. What App Mesh does not know is reported and left out; `None` says that a diagnostic
/// tells why there is nothing.
pub(super) fn normalize(
    cx: &mut Cx<'_>,
    structure: &'static str,
    node: &Node,
    dialect: Dialect,
    path: &str,
) -> Option<Node> {
    let node = match (&node.value, dialect) {
        (Value::List(items), Dialect::Terraform) if items.len() == 1 => &items[0],
        _ => node,
    };
    let fields = TABLE.get(structure).map_or(&[][..], Vec::as_slice);
    let nothing = Value::Map(Vec::new());
    let entries = match &node.value {
        Value::Map(entries) => entries,
        // An empty mapping in YAML is often written as nothing at all.
        Value::Null => node_entries(&nothing),
        Value::Scalar(_) | Value::List(_) => {
            cx.bad_field(node.loc, path, format!("{} is no {structure}", node.value.kind()));
            return None;
        }
    };
    let mut whole = true;
    let mut out: Vec<(usize, Entry)> = Vec::new();
    for entry in entries {
        let inner =
            if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
        let Some(place) = fields.iter().position(|field| dialect.names(field, &entry.key)) else {
            if !unset(&entry.node) {
                cx.unknown_field(entry.at, &inner, structure);
            }
            continue;
        };
        let field = &fields[place];
        if dialect.absent(field, &entry.node) {
            continue;
        }
        cx.saw(field.id);
        match value(cx, field, &entry.node, dialect, &inner) {
            Some(node) if empty_union(field, &node) => {}
            Some(node) => {
                let key = field.name.to_owned();
                out.push((place, Entry { key, at: entry.at, node }));
            }
            None => whole = false,
        }
    }
    whole &= complete(cx, structure, node, fields, &out, path) || !whole;
    out.sort_by_key(|(place, _)| *place);
    let entries = out.into_iter().map(|(_, entry)| entry).collect();
    whole.then_some(Node { loc: node.loc, value: Value::Map(entries) })
}

fn node_entries(value: &Value) -> &[Entry] {
    match value {
        Value::Map(entries) => entries,
        Value::Null | Value::Scalar(_) | Value::List(_) => &[],
    }
}

/// Whether a value says nothing, as those of tools that write every key do.
fn unset(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Scalar(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(_) => false,
    }
}

/// Whether a union has no member, which an optional field may say for "not set".
fn empty_union(field: &Field, node: &Node) -> bool {
    let Type::Structure(name) = field.ty else { return false };
    let union = TABLE.get(name).is_some_and(|fields| fields.iter().any(|field| field.union));
    union && !field.required && !field.list && node.entries().is_empty()
}

/// Reports fields that are missing, and unions without exactly one member.
fn complete(
    cx: &mut Cx<'_>,
    structure: &'static str,
    node: &Node,
    fields: &[Field],
    out: &[(usize, Entry)],
    path: &str,
) -> bool {
    let mut whole = true;
    let there = |field: &Field| out.iter().any(|(_, entry)| entry.key == field.name);
    for field in fields.iter().filter(|field| field.required && !there(field)) {
        // What was there and was wrong is reported already.
        if !node.entries().iter().any(|entry| folded(&entry.key).starts_with(&folded(field.name))) {
            whole = false;
            cx.bad_field(
                node.loc,
                path,
                format!("`{}` is missing in this {structure}", field.name),
            );
        }
    }
    let members: Vec<&str> =
        fields.iter().filter(|field| field.union && there(field)).map(|f| f.name).collect();
    if let [first, second, ..] = members.as_slice() {
        whole = false;
        let message = format!("`{first}` and `{second}` exclude each other in a {structure}");
        cx.bad_field(node.loc, path, message);
    }
    whole
}

fn value(
    cx: &mut Cx<'_>,
    field: &Field,
    node: &Node,
    dialect: Dialect,
    path: &str,
) -> Option<Node> {
    if !field.list {
        return one(cx, field, node, dialect, path);
    }
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        // Attributes, log fields and metadata are mappings in some formats.
        Value::Map(entries) if pairs(field) => {
            let pair = |entry: &Entry| {
                let key = Node::scalar(entry.at, entry.key.clone());
                Node::map(entry.at, vec![("key", key), ("value", entry.node.clone())])
            };
            let list = Node::list(node.loc, entries.iter().map(pair).collect());
            return value(cx, field, &list, dialect, path);
        }
        Value::Map(_) | Value::Scalar(_) | Value::Null => {
            cx.bad_field(node.loc, path, format!("{} should be a list", node.value.kind()));
            return None;
        }
    };
    let mut out = Vec::with_capacity(items.len());
    let mut whole = true;
    for (at, item) in items.iter().enumerate().filter(|(_, item)| item.value != Value::Null) {
        match one(cx, field, item, dialect, &format!("{path}[{at}]")) {
            Some(item) => out.push(item),
            None => whole = false,
        }
    }
    whole.then(|| Node::list(node.loc, out))
}

/// Whether a list is one of keys and values.
fn pairs(field: &Field) -> bool {
    matches!(field.ty, Type::Structure("JsonFormatRef" | "AwsCloudMapInstanceAttribute"))
}

fn one(cx: &mut Cx<'_>, field: &Field, node: &Node, dialect: Dialect, path: &str) -> Option<Node> {
    if let Type::Structure(structure) = field.ty {
        if let (Some(name), "Backend") = (node.text(), structure) {
            let message = "the service's name alone, as App Mesh's preview took it".to_owned();
            cx.note(Reason::Assumed, node.loc, path, message);
            let service =
                Node::map(node.loc, vec![("virtualServiceName", Node::scalar(node.loc, name))]);
            let backend = Node::map(node.loc, vec![("virtualService", service)]);
            return normalize(cx, structure, &backend, dialect, path);
        }
        return normalize(cx, structure, node, dialect, path);
    }
    let Some(text) = node.text() else {
        let found = node.value.kind();
        cx.bad_field(node.loc, path, format!("{found} should be {}", words(&field.ty)));
        return None;
    };
    let right = match &field.ty {
        Type::Text | Type::Structure(_) => Some(text.to_owned()),
        Type::Int => node.int().map(|n| n.to_string()),
        Type::Port => node.int().filter(|n| (1..=65535).contains(n)).map(|n| n.to_string()),
        Type::Bool => node.boolean().map(|truth| truth.to_string()),
        Type::Word(known) => {
            known.iter().find(|word| word.eq_ignore_ascii_case(text)).map(|w| (*w).to_owned())
        }
    };
    match right {
        Some(text) => Some(Node::scalar(node.loc, text)),
        None => {
            match cx.variable_in(text) {
                Some(name) => cx.report_error(
                    Diagnostic::new(
                        &codes::BAD_FIELD,
                        node.loc,
                        format!("`{path}` is given by `{name}`, which has no value"),
                    )
                    .help(format!(
                        "give it: --var {} ({})",
                        word(&format!("{name}=VALUE")),
                        words(&field.ty)
                    )),
                ),
                None => {
                    cx.bad_field(node.loc, path, format!("`{text}` is not {}", words(&field.ty)));
                }
            }
            None
        }
    }
}

/// A type in words.
fn words(ty: &Type) -> String {
    match ty {
        Type::Text => "a text".to_owned(),
        Type::Int => "a whole number".to_owned(),
        Type::Port => "a port, 1 to 65535".to_owned(),
        Type::Bool => "true or false".to_owned(),
        Type::Word(known) => format!("one of {}", known.join(", ")),
        Type::Structure(name) => format!("a {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let leaves = |field: &Field| match field.ty {
            Type::Structure(name) => TABLE.contains_key(name) || name == "TagRef",
            _ => true,
        };
        assert!(TABLE.values().flatten().count() >= 290);
        for field in TABLE.values().flatten() {
            assert!(leaves(field), "{} has an unknown type", field.id);
        }
    }
}
