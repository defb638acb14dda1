//! Reading with all mistakes reported: the [`Shape`] trait, its context and the `table!` macro.

use super::codes;
use super::tree::{Node, Table, Value};
use crate::diag::{Code, Diagnostic, Diagnostics, nearest};
use crate::model::{Address, Origins, Section};
use crate::span::Loc;
use serde_json::{Map, json};
use std::collections::BTreeMap;

/// A type that can be read from TOML and can describe what it reads.
pub trait Shape: Sized {
    /// Reads the value. `None` means that a diagnostic says why there is none.
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self>;

    /// The JSON Schema of what [`Shape::read`] takes.
    fn schema(defs: &mut Defs) -> serde_json::Value;
}

/// What a reading is about, and what it has found.
pub struct Cx<'a> {
    /// The findings so far.
    pub diagnostics: &'a mut Diagnostics,
    /// Where the fields stand.
    pub origins: &'a mut Origins,
    about: Option<(Address, Section)>,
    pointer: String,
}

impl<'a> Cx<'a> {
    /// A context that is about no resource yet.
    pub fn new(diagnostics: &'a mut Diagnostics, origins: &'a mut Origins) -> Self {
        Self { diagnostics, origins, about: None, pointer: String::new() }
    }

    /// Reads something that belongs to a resource, whose own place is `loc`.
    pub fn about<T>(&mut self, address: Address, loc: Loc, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer_pointer = std::mem::take(&mut self.pointer);
        let section = self.origins.section(&address);
        self.origins.set(section, "", loc);
        let outer = self.about.replace((address, section));
        let value = read(self);
        self.about = outer;
        self.pointer = outer_pointer;
        value
    }

    /// Reads something under a part of the resource's JSON, and notes its place.
    pub fn under<T>(&mut self, part: &str, loc: Loc, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        if part.contains(['~', '/']) {
            self.pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        } else {
            self.pointer.push_str(part);
        }
        if let Some((_, section)) = &self.about {
            self.origins.set(*section, &self.pointer, loc);
        }
        let value = read(self);
        self.pointer.truncate(length);
        value
    }

    /// Notes a place under the current one without reading anything.
    pub fn note(&mut self, part: &str, loc: Loc) {
        self.under(part, loc, |_| ());
    }

    /// Reports a finding, with the address of the resource that is being read.
    pub fn report(&mut self, mut diagnostic: Diagnostic) {
        if let (None, Some((address, _))) = (&diagnostic.address, &self.about) {
            diagnostic.address = Some(address.to_string());
        }
        self.diagnostics.push(diagnostic);
    }

    /// Reports an error at a node and gives `None`, for use in `read`.
    pub fn fail<T>(
        &mut self,
        code: &'static Code,
        loc: Loc,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.report(Diagnostic::new(code, loc, message).help(help));
        None
    }

    /// Reports that a value has the wrong type.
    pub fn wrong_type<T>(&mut self, node: &Node, wanted: &str) -> Option<T> {
        let found = node.value.kind();
        self.report(
            Diagnostic::new(
                &codes::WRONG_TYPE,
                node.loc,
                format!("expected {wanted}, found {found}"),
            )
            .label(format!("this is {found}"))
            .help(format!("write {wanted} here")),
        );
        None
    }

    /// Starts reading a table: reports another type, keys that are not known, and emptiness.
    pub fn table<'n>(&mut self, node: &'n Node, known: &[&str]) -> Option<TableReader<'n>> {
        let Value::Table(table) = &node.value else {
            return self.wrong_type(node, "a table");
        };
        for (key, entry) in &table.entries {
            if !known.contains(&key.as_str()) {
                let help = match nearest(key, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known here: {}", list(known)),
                };
                self.report(
                    Diagnostic::new(&codes::UNKNOWN_KEY, entry.key, format!("unknown key `{key}`"))
                        .help(help),
                );
            }
        }
        Some(TableReader { table, loc: node.loc })
    }

    /// Reports a table that must have exactly one of some keys and has not; else names the one.
    pub fn choose<'k>(&mut self, table: &TableReader<'_>, keys: &[&'k str]) -> Option<&'k str> {
        let there: Vec<&'k str> = keys.iter().copied().filter(|key| table.has(key)).collect();
        match there.as_slice() {
            [one] => Some(one),
            [] => {
                // An unknown key was reported already and is the likelier cause.
                if table.table.entries.keys().all(|key| keys.contains(&key.as_str())) {
                    self.report(
                        Diagnostic::new(
                            &codes::BAD_CHOICE,
                            table.loc,
                            format!("one of {} is required here", list(keys)),
                        )
                        .help(format!("add exactly one of {}", list(keys))),
                    );
                }
                None
            }
            [first, second, ..] => {
                let diagnostic = Diagnostic::new(
                    &codes::BAD_CHOICE,
                    table.key_loc(second),
                    format!("`{second}` and `{first}` exclude each other"),
                )
                .related(table.key_loc(first), format!("`{first}` is here"))
                .help(format!("keep exactly one of {}", list(keys)));
                self.report(diagnostic);
                None
            }
        }
    }
}

/// Names in backticks with commas between them.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A table whose keys have been checked.
pub struct TableReader<'n> {
    /// The table.
    pub table: &'n Table,
    /// Its place.
    pub loc: Loc,
}

impl<'n> TableReader<'n> {
    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.entries.contains_key(key)
    }

    /// The value under a key.
    pub fn node(&self, key: &str) -> Option<&'n Node> {
        self.table.entries.get(key).map(|entry| &entry.node)
    }

    /// The place of a key, or of the table if it is absent.
    pub fn key_loc(&self, key: &str) -> Loc {
        self.table.entries.get(key).map_or(self.loc, |entry| entry.key)
    }

    /// Reads a key that must be there.
    pub fn required<T: Shape>(&self, key: &str, cx: &mut Cx<'_>) -> Option<T> {
        match self.optional(key, cx)? {
            Some(value) => Some(value),
            None => cx.fail(
                &codes::MISSING_KEY,
                self.loc,
                format!("`{key}` is missing"),
                format!("add `{key} = …` to this table"),
            ),
        }
    }

    /// Reads a key that may be absent: `Some(None)`.
    pub fn optional<T: Shape>(&self, key: &str, cx: &mut Cx<'_>) -> Option<Option<T>> {
        match self.table.entries.get(key) {
            None => Some(None),
            Some(entry) => {
                if entry.node.as_table().is_some_and(|table| table.entries.is_empty()) {
                    cx.report(
                        Diagnostic::new(
                            &codes::EMPTY,
                            entry.node.loc,
                            format!("`{key}` is there but says nothing"),
                        )
                        .help("fill it, or remove it"),
                    );
                }
                cx.under(key, entry.node.loc, |cx| T::read(&entry.node, cx)).map(Some)
            }
        }
    }

    /// Reads a key that has a default.
    pub fn or_default<T: Shape + Default>(&self, key: &str, cx: &mut Cx<'_>) -> Option<T> {
        self.optional(key, cx).map(Option::unwrap_or_default)
    }
}

/// The definitions that a JSON Schema collects.
#[derive(Default)]
pub struct Defs {
    map: BTreeMap<String, serde_json::Value>,
}

impl Defs {
    /// Defines a type once and gives the reference to it.
    pub fn define(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Self) -> serde_json::Value,
    ) -> serde_json::Value {
        if !self.map.contains_key(name) {
            // Holds the place, for types that contain themselves.
            self.map.insert(name.to_owned(), serde_json::Value::Null);
            let schema = make(self);
            self.map.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// All definitions.
    pub fn into_map(self) -> Map<String, serde_json::Value> {
        self.map.into_iter().collect()
    }
}

/// A schema of an object from its properties; what is not named is refused.
pub fn object(
    description: &str,
    properties: Vec<(&str, &str, serde_json::Value)>,
    required: &[&str],
) -> serde_json::Value {
    let properties: Map<String, serde_json::Value> = properties
        .into_iter()
        .map(|(name, doc, schema)| (name.to_owned(), described(doc, schema)))
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": description.trim(),
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A schema with a description of its own.
pub(super) fn described(doc: &str, mut schema: serde_json::Value) -> serde_json::Value {
    if let (false, Some(map)) = (doc.is_empty(), schema.as_object_mut()) {
        map.insert("description".into(), doc.trim().into());
    }
    schema
}

/// Implements [`Shape`] for a struct of the model whose TOML table has the same keys.
///
/// Every field is read before any failure ends the reading, so that one run reports them all.
macro_rules! table {
    (
        $(#[doc = $doc:literal])*
        $type:ident {
            $($(#[doc = $fdoc:literal])* $key:literal => $field:ident: $how:ident,)*
        }
    ) => {
        impl $crate::schema::Shape for $type {
            fn read(
                node: &$crate::schema::Node,
                cx: &mut $crate::schema::Cx<'_>,
            ) -> Option<Self> {
                let table = cx.table(node, &[$($key),*])?;
                $(let $field = table.$how($key, cx);)*
                Some(Self { $($field: $field?,)* })
            }

            fn schema(defs: &mut $crate::schema::Defs) -> serde_json::Value {
                defs.define(stringify!($type), |defs| {
                    let mut required: Vec<&str> = Vec::new();
                    $(if stringify!($how) == "required" { required.push($key); })*
                    let properties = vec![$((
                        $key,
                        concat!($($fdoc),*),
                        $crate::schema::schema_of(|| None::<Self>.map(|s| s.$field), defs),
                    )),*];
                    $crate::schema::object(concat!($($doc),*), properties, &required)
                })
            }
        }
    };
}
pub(crate) use table;

/// The schema of a field's type, told from an accessor that is never called.
pub fn schema_of<T: FieldShape>(
    _accessor: impl FnOnce() -> Option<T>,
    defs: &mut Defs,
) -> serde_json::Value {
    T::field_schema(defs)
}

/// The schema of a field: that of the type, or of what is optional.
pub trait FieldShape {
    /// The schema.
    fn field_schema(defs: &mut Defs) -> serde_json::Value;
}

impl<T: Shape> FieldShape for T {
    fn field_schema(defs: &mut Defs) -> serde_json::Value {
        T::schema(defs)
    }
}

impl<T: Shape> FieldShape for Option<T> {
    fn field_schema(defs: &mut Defs) -> serde_json::Value {
        T::schema(defs)
    }
}
