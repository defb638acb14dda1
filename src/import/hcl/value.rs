//! Values of HCL's expressions.

use super::module::Instance;
use super::number::Num;
use super::types::Type;
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
    Num(Num),
    Str(String),
    /// A single value whose type only the provider or the caller knows: it equals any with its text.
    Loose(String),
    List(Seq, Vec<Self>),
    Map(Keyed, BTreeMap<String, Self>),
    /// An instance of a resource or data source: its attributes are computed when they are asked for.
    Res(Rc<Resource<'m>>),
    /// What only an apply tells, by the address that says what it is.
    Unknown(String),
}

/// What kind of list a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Seq {
    /// Each item has its own type.
    Tuple,
    /// All items have one type.
    List(Rc<Type>),
    /// All items have one type, and each comes once, in the order of sets.
    Set(Rc<Type>),
}

/// What kind of map a value is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Keyed {
    /// Each attribute has its own type.
    Object,
    /// All values have one type.
    Map(Rc<Type>),
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
            Self::Str(_) | Self::Loose(_) => "a string",
            Self::List(Seq::Set(_), _) => "a set",
            Self::List(Seq::Tuple | Seq::List(_), _) => "a list",
            Self::Map(..) => "a map",
            Self::Res(_) => "a resource",
            Self::Unknown(_) => "a value that is not known",
        }
    }

    /// The text of a single value.
    pub(super) fn text(&self) -> Option<String> {
        Some(match self {
            Self::Str(text) | Self::Loose(text) => text.clone(),
            Self::Bool(truth) => truth.to_string(),
            Self::Num(number) => number.text(),
            Self::Null | Self::List(..) | Self::Map(..) | Self::Res(_) | Self::Unknown(_) => {
                return None;
            }
        })
    }

    /// The number, also of a text that is one.
    pub(super) fn number(&self) -> Option<Num> {
        match self {
            Self::Num(number) => Some(number.clone()),
            Self::Str(text) | Self::Loose(text) => Num::parse(text),
            _ => None,
        }
    }

    /// The index that the value is.
    pub(super) fn index(&self) -> Option<usize> {
        usize::try_from(self.number()?.int()?).ok()
    }

    /// The truth, also of a text that is one.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::Str(text) | Self::Loose(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A list whose items have types of their own.
    pub(super) fn tuple(items: Vec<Self>) -> Self {
        Self::List(Seq::Tuple, items)
    }

    /// A map whose values have types of their own.
    pub(super) fn object(all: BTreeMap<String, Self>) -> Self {
        Self::Map(Keyed::Object, all)
    }

    /// A number that counts something.
    pub(super) fn count(count: usize) -> Self {
        Self::Num(Num::from(count))
    }

    /// What in it is not known: the address.
    pub(super) fn unknown(&self, cx: &Cx<'_>) -> Option<String> {
        match self {
            Self::Unknown(name) => Some(name.clone()),
            Self::Str(text) | Self::Loose(text) => cx.variable_in(text).map(str::to_owned),
            Self::List(_, items) => items.iter().find_map(|item| item.unknown(cx)),
            Self::Map(_, all) => all.values().find_map(|value| value.unknown(cx)),
            _ => None,
        }
    }

    /// How much it is, in values or 64 bytes of text.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Str(text) | Self::Loose(text) => 1 + text.len() / 64,
            Self::List(_, items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Self::Map(_, all) => 1 + all.values().map(Self::size).sum::<usize>(),
            _ => 1,
        }
    }

    /// Keys and values: of a map its own, of a list the indices, of a set each item as both.
    pub(super) fn pairs(&self) -> Option<Vec<(Self, Self)>> {
        match self {
            Self::List(Seq::Set(_), items) => {
                Some(items.iter().map(|item| (item.clone(), item.clone())).collect())
            }
            Self::List(Seq::Tuple | Seq::List(_), items) => {
                Some(items.iter().enumerate().map(|(at, v)| (Self::count(at), v.clone())).collect())
            }
            Self::Map(_, all) => {
                Some(all.iter().map(|(key, v)| (Self::Str(key.clone()), v.clone())).collect())
            }
            _ => None,
        }
    }

    /// Whether two values are equal: they have one type, too.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Loose(text), other) | (other, Self::Loose(text)) => {
                other.text().is_some_and(|other| other == *text)
            }
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Num(a), Self::Num(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::List(x, a), Self::List(y, b)) => {
                x == y && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Self::Map(x, a), Self::Map(y, b)) => {
                let pairs = a.iter().zip(b);
                x == y
                    && a.len() == b.len()
                    && pairs.into_iter().all(|((k, a), (l, b))| k == l && a.same(b))
            }
            _ => false,
        }
    }

    /// The value as a tree. What is not known gets a text by which it is found again.
    pub(super) fn node(&self, cx: &mut Cx<'_>, loc: Loc) -> Node {
        let value = match self {
            Self::Null | Self::Res(_) => Value::Null,
            Self::Unknown(name) => Value::Scalar(cx.variable(name, loc)),
            Self::List(_, items) => {
                Value::List(items.iter().map(|item| item.node(cx, loc)).collect())
            }
            Self::Map(_, all) => Value::Map(
                all.iter()
                    .map(|(key, v)| Entry { key: key.clone(), at: loc, node: v.node(cx, loc) })
                    .collect(),
            ),
            Self::Bool(_) | Self::Num(_) | Self::Str(_) | Self::Loose(_) => {
                Value::Scalar(self.text().unwrap_or_default())
            }
        };
        Node { loc, value }
    }

    /// A tree as a value, as states and texts of JSON and YAML hold them: what `typed` says of a scalar.
    pub(super) fn of(node: &Node, typed: &impl Fn(&Node, &str) -> Self) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Scalar(text) => typed(node, text),
            Value::List(items) => {
                Self::tuple(items.iter().map(|item| Self::of(item, typed)).collect())
            }
            Value::Map(all) => Self::object(
                all.iter().map(|entry| (entry.key.clone(), Self::of(&entry.node, typed))).collect(),
            ),
        }
    }

    /// What a text without quotes means in JSON.
    pub(super) fn bare(text: &str) -> Self {
        match text {
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            _ => Num::parse(text).map_or_else(|| Self::Str(text.to_owned()), Self::Num),
        }
    }

    /// The value as JSON, as `jsonencode` writes it.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Null | Self::Res(_) => "null".to_owned(),
            Self::Bool(_) | Self::Num(_) => self.text().unwrap_or_default(),
            Self::Str(text) | Self::Loose(text) | Self::Unknown(text) => json_text(text),
            Self::List(_, items) => {
                format!("[{}]", items.iter().map(Self::json).collect::<Vec<_>>().join(","))
            }
            Self::Map(_, all) => {
                let pair = |(key, v): (&String, &Self)| format!("{}:{}", json_text(key), v.json());
                format!("{{{}}}", all.iter().map(pair).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// A text of JSON, with what HTML would obey written as numbers, as Go does it.
fn json_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let named = |c: char| match c {
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    match quoted.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        true => quoted.chars().map(named).collect(),
        false => quoted,
    }
}
