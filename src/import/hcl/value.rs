//! Values of HCL's expressions.

use super::module::Instance;
use crate::import::context::{Cx, UNSET};
use crate::import::tree::{Entry, Node, Value};
use crate::span::Loc;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value.
#[derive(Clone)]
pub(super) enum Val<'m> {
    Null,
    Bool(bool),
    Num(f64),
    Str(String),
    List(Vec<Self>),
    Map(BTreeMap<String, Self>),
    /// An instance of a resource or data source: its attributes are computed when they are asked for.
    Res(Rc<Resource<'m>>),
    /// What only an apply tells, by the address that says what it is.
    Unknown(String),
}

/// An instance of a resource or data source.
pub(super) struct Resource<'m> {
    /// The module's instance that it is in.
    pub(super) within: Rc<Instance<'m>>,
    /// Its place among the resources of the module.
    pub(super) at: usize,
    /// What tells it from others of its block: an index or a key, with the value under `for_each`.
    pub(super) key: Option<(Val<'m>, Val<'m>)>,
}

/// Why there is no value.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) loc: Loc,
    pub(super) message: String,
}

pub(super) type Evaluated<'m> = Result<Val<'m>, Bad>;

impl<'m> Val<'m> {
    /// The type in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Val::Null => "null",
            Val::Bool(_) => "a boolean",
            Val::Num(_) => "a number",
            Val::Str(_) => "a string",
            Val::List(_) => "a list",
            Val::Map(_) => "a map",
            Val::Res(_) => "a resource",
            Val::Unknown(_) => "a value that is not known",
        }
    }

    /// The text of a single value.
    pub(super) fn text(&self) -> Option<String> {
        Some(match self {
            Val::Str(text) => text.clone(),
            Val::Bool(truth) => truth.to_string(),
            Val::Num(number) => number_text(*number),
            Val::Null | Val::List(_) | Val::Map(_) | Val::Res(_) | Val::Unknown(_) => return None,
        })
    }

    /// The number, also of a text that is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Val::Num(number) => Some(*number),
            Val::Str(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// The index that the value is.
    pub(super) fn index(&self) -> Option<usize> {
        let number = self.number()?;
        (number >= 0.0 && number.fract() == 0.0 && number < 1e9).then_some(number as usize)
    }

    /// The truth, also of a text that is one.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Val::Bool(truth) => Some(*truth),
            Val::Str(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What in it is not known: the address.
    pub(super) fn unknown(&self) -> Option<String> {
        match self {
            Val::Unknown(name) => Some(name.clone()),
            Val::Str(text) if text.contains(UNSET) => Some(text.clone()),
            Val::List(items) => items.iter().find_map(Val::unknown),
            Val::Map(all) => all.values().find_map(Val::unknown),
            _ => None,
        }
    }

    /// Keys and values: of a map its own, of a list the indices.
    pub(super) fn pairs(&self) -> Option<Vec<(Val<'m>, Val<'m>)>> {
        match self {
            Val::List(items) => Some(
                items.iter().enumerate().map(|(at, v)| (Val::Num(at as f64), v.clone())).collect(),
            ),
            Val::Map(all) => {
                Some(all.iter().map(|(key, v)| (Val::Str(key.clone()), v.clone())).collect())
            }
            _ => None,
        }
    }

    /// Whether two values are equal.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::List(a), Val::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Val::Map(a), Val::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            _ => match (self.text(), other.text()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }

    /// The value as a tree. What is not known gets a text by which it is found again.
    pub(super) fn node(&self, cx: &mut Cx<'_>, loc: Loc) -> Node {
        let value = match self {
            Val::Null | Val::Res(_) => Value::Null,
            Val::Unknown(name) => Value::Scalar(cx.variable(name, loc)),
            Val::List(items) => Value::List(items.iter().map(|item| item.node(cx, loc)).collect()),
            Val::Map(all) => Value::Map(
                all.iter()
                    .map(|(key, v)| Entry { key: key.clone(), at: loc, node: v.node(cx, loc) })
                    .collect(),
            ),
            Val::Bool(_) | Val::Num(_) | Val::Str(_) => {
                Value::Scalar(self.text().unwrap_or_default())
            }
        };
        Node { loc, value }
    }

    /// A tree as a value, as states and files of variables hold them.
    pub(super) fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Val::Null,
            Value::Scalar(text) => Val::Str(text.clone()),
            Value::List(items) => Val::List(items.iter().map(Val::of).collect()),
            Value::Map(all) => Val::Map(
                all.iter().map(|entry| (entry.key.clone(), Val::of(&entry.node))).collect(),
            ),
        }
    }

    /// The value as JSON, as `jsonencode` writes it.
    pub(super) fn json(&self) -> String {
        match self {
            Val::Null | Val::Res(_) => "null".to_owned(),
            Val::Bool(_) | Val::Num(_) => self.text().unwrap_or_default(),
            Val::Str(text) | Val::Unknown(text) => {
                serde_json::Value::from(text.as_str()).to_string()
            }
            Val::List(items) => {
                format!("[{}]", items.iter().map(Val::json).collect::<Vec<_>>().join(","))
            }
            Val::Map(all) => {
                let pair = |(key, v): (&String, &Self)| {
                    format!("{}:{}", serde_json::Value::from(key.as_str()), v.json())
                };
                format!("{{{}}}", all.iter().map(pair).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// A number as HCL writes it: without a point where there is no fraction.
fn number_text(number: f64) -> String {
    match number.fract() == 0.0 && number.abs() < 1e15 {
        true => format!("{number:.0}"),
        false => number.to_string(),
    }
}
