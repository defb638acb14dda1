//! Values of HCL's expressions.

use super::module::Instance;
use crate::import::context::Cx;
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
    /// Whether a limit was met or a reference leads back to itself: `try` and `can` do not hide that.
    pub(super) fatal: bool,
}

pub(super) type Evaluated<'m> = Result<Val<'m>, Bad>;

impl<'m> Val<'m> {
    /// The type in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Num(_) => "a number",
            Self::Str(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Res(_) => "a resource",
            Self::Unknown(_) => "a value that is not known",
        }
    }

    /// The text of a single value.
    pub(super) fn text(&self) -> Option<String> {
        Some(match self {
            Self::Str(text) => text.clone(),
            Self::Bool(truth) => truth.to_string(),
            Self::Num(number) => number_text(*number),
            Self::Null | Self::List(_) | Self::Map(_) | Self::Res(_) | Self::Unknown(_) => {
                return None;
            }
        })
    }

    /// The number, also of a text that is one.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Num(number) => Some(*number),
            Self::Str(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
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
            Self::Bool(truth) => Some(*truth),
            Self::Str(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// What in it is not known: the address.
    pub(super) fn unknown(&self, cx: &Cx<'_>) -> Option<String> {
        match self {
            Self::Unknown(name) => Some(name.clone()),
            Self::Str(text) => cx.variable_in(text).map(str::to_owned),
            Self::List(items) => items.iter().find_map(|item| item.unknown(cx)),
            Self::Map(all) => all.values().find_map(|value| value.unknown(cx)),
            _ => None,
        }
    }

    /// How much it is, in values or 64 bytes of text.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Str(text) => 1 + text.len() / 64,
            Self::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(all) => 1 + all.values().map(Self::size).sum::<usize>(),
            _ => 1,
        }
    }

    /// Keys and values: of a map its own, of a list the indices.
    pub(super) fn pairs(&self) -> Option<Vec<(Self, Self)>> {
        match self {
            Self::List(items) => Some(
                items.iter().enumerate().map(|(at, v)| (Self::Num(at as f64), v.clone())).collect(),
            ),
            Self::Map(all) => {
                Some(all.iter().map(|(key, v)| (Self::Str(key.clone()), v.clone())).collect())
            }
            _ => None,
        }
    }

    /// Whether two values are equal.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Self::Map(a), Self::Map(b)) => {
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
            Self::Null | Self::Res(_) => Value::Null,
            Self::Unknown(name) => Value::Scalar(cx.variable(name, loc)),
            Self::List(items) => Value::List(items.iter().map(|item| item.node(cx, loc)).collect()),
            Self::Map(all) => Value::Map(
                all.iter()
                    .map(|(key, v)| Entry { key: key.clone(), at: loc, node: v.node(cx, loc) })
                    .collect(),
            ),
            Self::Bool(_) | Self::Num(_) | Self::Str(_) => {
                Value::Scalar(self.text().unwrap_or_default())
            }
        };
        Node { loc, value }
    }

    /// A tree as a value, as states and files of variables hold them.
    pub(super) fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Scalar(text) => Self::Str(text.clone()),
            Value::List(items) => Self::List(items.iter().map(Self::of).collect()),
            Value::Map(all) => Self::Map(
                all.iter().map(|entry| (entry.key.clone(), Self::of(&entry.node))).collect(),
            ),
        }
    }

    /// The value as JSON, as `jsonencode` writes it.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Null | Self::Res(_) => "null".to_owned(),
            Self::Bool(_) | Self::Num(_) => self.text().unwrap_or_default(),
            Self::Str(text) | Self::Unknown(text) => {
                serde_json::Value::from(text.as_str()).to_string()
            }
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::json).collect::<Vec<_>>().join(","))
            }
            Self::Map(all) => {
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
