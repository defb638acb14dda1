//! Types of values: what constraints of variables and conversions say, and what several values have in
//! common.

use super::number::Num;
use super::value::{Keyed, Seq, Val};
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A type, or a constraint that a variable declares.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// Any type: it is that of the value.
    Any,
    Bool,
    Num,
    Str,
    List(Rc<Self>),
    Set(Rc<Self>),
    Map(Rc<Self>),
    Tuple(Vec<Self>),
    Object(BTreeMap<String, Field>),
}

/// An attribute of an object's type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) ty: Type,
    pub(super) optional: bool,
    /// What an optional attribute is if it is not given.
    pub(super) default: Option<Rc<Expression>>,
}

impl Field {
    fn of(ty: Type) -> Self {
        Self { ty, optional: false, default: None }
    }
}

/// The type that an expression of a `type` argument declares.
pub(super) fn declared(expr: &Expression) -> Option<Type> {
    let any = || Rc::new(Type::Any);
    Some(match expr {
        Expression::Parenthesis(inner) => declared(inner.inner())?,
        Expression::Variable(name) => named(name.as_str())?,
        // Terraform 0.11 wrote types as texts, and JSON does.
        Expression::String(text) => match text.as_str() {
            "list" => Type::List(any()),
            "map" => Type::Map(any()),
            other => declared(&other.parse::<Expression>().ok()?)?,
        },
        Expression::FuncCall(call) => constructed(call)?,
        _ => return None,
    })
}

fn named(name: &str) -> Option<Type> {
    Some(match name {
        "any" => Type::Any,
        "bool" => Type::Bool,
        "number" => Type::Num,
        "string" => Type::Str,
        "list" => Type::List(Rc::new(Type::Any)),
        "set" => Type::Set(Rc::new(Type::Any)),
        "map" => Type::Map(Rc::new(Type::Any)),
        _ => return None,
    })
}

fn constructed(call: &FuncCall) -> Option<Type> {
    let inner = call.args.iter().next()?;
    Some(match (call.name.name.as_str(), inner) {
        ("list", inner) => Type::List(Rc::new(declared(inner)?)),
        ("set", inner) => Type::Set(Rc::new(declared(inner)?)),
        ("map", inner) => Type::Map(Rc::new(declared(inner)?)),
        ("tuple", Expression::Array(items)) => {
            Type::Tuple(items.iter().map(declared).collect::<Option<_>>()?)
        }
        ("object", Expression::Object(object)) => {
            let mut fields = BTreeMap::new();
            for (key, value) in object {
                let key = match key {
                    ObjectKey::Ident(name) => name.to_string(),
                    ObjectKey::Expression(Expression::String(text)) => text.to_string(),
                    ObjectKey::Expression(Expression::Variable(name)) => name.to_string(),
                    ObjectKey::Expression(_) => return None,
                };
                fields.insert(key, field(value.expr())?);
            }
            Type::Object(fields)
        }
        _ => return None,
    })
}

fn field(expr: &Expression) -> Option<Field> {
    let Expression::FuncCall(call) = expr else { return Some(Field::of(declared(expr)?)) };
    if call.name.name.as_str() != "optional" {
        return Some(Field::of(declared(expr)?));
    }
    let mut args = call.args.iter();
    let ty = declared(args.next()?)?;
    Some(Field { ty, optional: true, default: args.next().map(|default| Rc::new(default.clone())) })
}

impl Type {
    /// Whether a part of it is that of the value.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Any => true,
            Self::Bool | Self::Num | Self::Str => false,
            Self::List(inner) | Self::Set(inner) | Self::Map(inner) => inner.is_open(),
            Self::Tuple(items) => items.iter().any(Self::is_open),
            Self::Object(fields) => fields.values().any(|field| field.ty.is_open()),
        }
    }

    /// Without what an object may leave out: the type of a value.
    pub(super) fn plain(&self) -> Self {
        let inner = |inner: &Rc<Self>| Rc::new(inner.plain());
        match self {
            Self::Any | Self::Bool | Self::Num | Self::Str => self.clone(),
            Self::List(ty) => Self::List(inner(ty)),
            Self::Set(ty) => Self::Set(inner(ty)),
            Self::Map(ty) => Self::Map(inner(ty)),
            Self::Tuple(items) => Self::Tuple(items.iter().map(Self::plain).collect()),
            Self::Object(fields) => Self::Object(
                fields.iter().map(|(key, one)| (key.clone(), Field::of(one.ty.plain()))).collect(),
            ),
        }
    }

    /// The type of a value.
    pub(super) fn of(value: &Val<'_>) -> Self {
        match value {
            Val::Null | Val::Res(_) | Val::Unknown(_) | Val::Loose(_) => Self::Any,
            Val::Bool(_) => Self::Bool,
            Val::Num(_) => Self::Num,
            Val::Str(_) => Self::Str,
            Val::List(Seq::List(inner), _) => Self::List(inner.clone()),
            Val::List(Seq::Set(inner), _) => Self::Set(inner.clone()),
            Val::List(Seq::Tuple, items) => Self::Tuple(items.iter().map(Self::of).collect()),
            Val::Map(Keyed::Map(inner), _) => Self::Map(inner.clone()),
            Val::Map(Keyed::Object, all) => Self::Object(
                all.iter().map(|(key, value)| (key.clone(), Field::of(Self::of(value)))).collect(),
            ),
        }
    }

    /// The type in words.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Bool => "a boolean",
            Self::Num => "a number",
            Self::Str => "a string",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Tuple(_) => "a tuple",
            Self::Object(_) => "an object",
        }
    }
}

/// The one type that values of all these types can have; `None` if there is none.
pub(super) fn unified(types: &[Type]) -> Option<Type> {
    let (first, rest) = types.split_first()?;
    if rest.iter().all(|ty| ty == first) {
        return Some(first.clone());
    }
    // What is not known or null takes any type.
    let known: Vec<&Type> = types.iter().filter(|ty| **ty != Type::Any).collect();
    let all = |fits: fn(&Type) -> bool| known.iter().all(|ty| fits(ty));
    if all(|ty| matches!(ty, Type::Bool | Type::Num | Type::Str)) {
        let single = known.windows(2).all(|pair| pair[0] == pair[1]);
        return match known.first() {
            Some(one) if single => Some((*one).clone()),
            _ if known.contains(&&Type::Str) => Some(Type::Str),
            _ => None,
        };
    }
    if all(|ty| matches!(ty, Type::Object(_))) {
        let mut fields: BTreeMap<&String, Vec<Type>> = BTreeMap::new();
        for ty in &known {
            let Type::Object(own) = ty else { return None };
            for (key, field) in own {
                fields.entry(key).or_default().push(field.ty.clone());
            }
        }
        if fields.values().all(|types| types.len() == known.len()) {
            let one = |(key, types): (&String, Vec<Type>)| {
                Some((key.clone(), Field::of(unified(&types)?)))
            };
            return Some(Type::Object(fields.into_iter().map(one).collect::<Option<_>>()?));
        }
        let every: Vec<Type> = fields.into_values().flatten().collect();
        return Some(Type::Map(Rc::new(unified(&every)?)));
    }
    if all(|ty| matches!(ty, Type::Object(_) | Type::Map(_))) {
        let every: Vec<Type> = known.iter().flat_map(|ty| inner(ty)).collect();
        return Some(Type::Map(Rc::new(unified(&every)?)));
    }
    if all(|ty| matches!(ty, Type::Tuple(_))) {
        let rows: Vec<Vec<Type>> = known.iter().map(|ty| inner(ty)).collect();
        let length = rows.first().map_or(0, Vec::len);
        if rows.iter().all(|row| row.len() == length) {
            let one = |at: usize| {
                let column: Vec<Type> =
                    rows.iter().filter_map(|row| row.get(at).cloned()).collect();
                unified(&column)
            };
            return Some(Type::Tuple((0..length).map(one).collect::<Option<_>>()?));
        }
    }
    if all(|ty| matches!(ty, Type::Tuple(_) | Type::List(_) | Type::Set(_))) {
        let every: Vec<Type> = known.iter().flat_map(|ty| inner(ty)).collect();
        let item = Rc::new(if every.is_empty() { Type::Any } else { unified(&every)? });
        let sets = known.iter().all(|ty| matches!(ty, Type::Set(_)));
        return Some(if sets { Type::Set(item) } else { Type::List(item) });
    }
    None
}

/// The types of what is in a collection.
fn inner(ty: &Type) -> Vec<Type> {
    match ty {
        Type::List(inner) | Type::Set(inner) | Type::Map(inner) => vec![(**inner).clone()],
        Type::Tuple(items) => items.clone(),
        Type::Object(fields) => fields.values().map(|field| field.ty.clone()).collect(),
        Type::Any | Type::Bool | Type::Num | Type::Str => Vec::new(),
    }
}

/// The one type of all items; `Any` of none.
pub(super) fn common<'v, 'm: 'v>(
    items: impl IntoIterator<Item = &'v Val<'m>>,
    what: &str,
) -> Result<Type, String> {
    let types: Vec<Type> = items.into_iter().map(Type::of).collect();
    match types.is_empty() {
        true => Ok(Type::Any),
        false => {
            unified(&types).ok_or_else(|| format!("the items of {what} have no type in common"))
        }
    }
}

/// What conversions ask of the world: defaults of attributes, attributes of resources.
pub(super) trait Asked<'m> {
    /// The value of an attribute's default.
    fn default(&mut self, expr: &Expression) -> Result<Val<'m>, String>;
    /// An attribute of a resource; `None` if it has none.
    fn attribute(&mut self, value: &Val<'m>, name: &str) -> Result<Option<Val<'m>>, String>;
}

/// Nothing to ask: types of values have no defaults.
pub(super) struct Nothing;

impl<'m> Asked<'m> for Nothing {
    fn default(&mut self, _: &Expression) -> Result<Val<'m>, String> {
        Err("a default has no value here".to_owned())
    }

    fn attribute(&mut self, value: &Val<'m>, _: &str) -> Result<Option<Val<'m>>, String> {
        Err(format!("{} cannot be converted", value.kind()))
    }
}

/// A value in another type.
pub(super) fn converted<'m>(value: Val<'m>, ty: &Type) -> Result<Val<'m>, String> {
    convert(value, ty, &mut Nothing)
}

/// A value in another type, with what that type's attributes are if they are left out.
pub(super) fn convert<'m>(
    value: Val<'m>,
    ty: &Type,
    asked: &mut impl Asked<'m>,
) -> Result<Val<'m>, String> {
    let wrong = |value: &Val<'m>| Err(format!("{} is not {}", value.kind(), ty.words()));
    match (value, ty) {
        (value, Type::Any) => Ok(value),
        (value @ (Val::Null | Val::Unknown(_)), _) => Ok(value),
        (value, Type::Bool) => match value.truth() {
            Some(truth) => Ok(Val::Bool(truth)),
            None => wrong(&value),
        },
        (value, Type::Num) => match value.number() {
            Some(number) => Ok(Val::Num(number)),
            None => wrong(&value),
        },
        (value, Type::Str) => match value.text() {
            Some(text) => Ok(Val::Str(text)),
            None => wrong(&value),
        },
        (Val::List(_, items), Type::List(inner)) => {
            let (inner, items) = collected(items, inner, "the list", asked)?;
            Ok(Val::List(Seq::List(inner), items))
        }
        (Val::List(_, items), Type::Set(inner)) => {
            let (inner, items) = collected(items, inner, "the set", asked)?;
            Ok(set(inner, items))
        }
        (Val::List(_, items), Type::Tuple(types)) if items.len() == types.len() => {
            let all = items.into_iter().zip(types).map(|(item, ty)| convert(item, ty, asked));
            Ok(Val::List(Seq::Tuple, all.collect::<Result<_, _>>()?))
        }
        (Val::Map(_, all), Type::Map(inner)) => {
            let (keys, values): (Vec<String>, Vec<Val<'m>>) = all.into_iter().unzip();
            let (inner, values) = collected(values, inner, "the map", asked)?;
            Ok(Val::Map(Keyed::Map(inner), keys.into_iter().zip(values).collect()))
        }
        (value @ (Val::Map(..) | Val::Res(_)), Type::Object(fields)) => {
            let mut found = BTreeMap::new();
            for (key, field) in fields {
                let given = match &value {
                    Val::Map(_, all) => all.get(key).cloned(),
                    resource => asked.attribute(resource, key)?,
                };
                let given = match (given, &field.default) {
                    (None | Some(Val::Null), Some(default)) => Some(asked.default(default)?),
                    (given, _) => given,
                };
                let given = match given {
                    Some(given) => given,
                    None if field.optional => Val::Null,
                    None => return Err(format!("the attribute `{key}` is missing")),
                };
                let one = convert(given, &field.ty, asked);
                found.insert(key.clone(), one.map_err(|why| format!("attribute `{key}`: {why}"))?);
            }
            Ok(Val::Map(Keyed::Object, found))
        }
        (value, _) => wrong(&value),
    }
}

/// Items in one type, and that type.
fn collected<'m>(
    items: Vec<Val<'m>>,
    inner: &Rc<Type>,
    what: &str,
    asked: &mut impl Asked<'m>,
) -> Result<(Rc<Type>, Vec<Val<'m>>), String> {
    let mut all = Vec::with_capacity(items.len());
    for item in items {
        all.push(convert(item, inner, asked)?);
    }
    if !inner.is_open() {
        return Ok((Rc::new(inner.plain()), all));
    }
    let found = common(&all, what)?;
    for item in &mut all {
        *item = converted(std::mem::replace(item, Val::Null), &found)?;
    }
    Ok((Rc::new(found), all))
}

/// A set of items of one type: each once, in the order of sets.
pub(super) fn set(inner: Rc<Type>, items: Vec<Val<'_>>) -> Val<'_> {
    let mut items = super::functions::distinct(items);
    match &*inner {
        Type::Num => items.sort_by(|a, b| {
            let order = |value: &Val<'_>| value.number();
            order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal)
        }),
        Type::Str => items.sort_by_cached_key(Val::text),
        _ => items.sort_by_cached_key(order),
    }
    Val::List(Seq::Set(inner), items)
}

/// The text by which Terraform orders the items of sets that are not single values.
fn order(value: &Val<'_>) -> String {
    let each = |items: Vec<String>| items.iter().map(|item| format!("{item};")).collect::<String>();
    match value {
        Val::Null | Val::Res(_) => "~".to_owned(),
        Val::Unknown(_) => "?".to_owned(),
        Val::Bool(truth) => if *truth { "T" } else { "F" }.to_owned(),
        Val::Num(number) => Num::general(number, Some(10), 'e'),
        Val::Str(_) | Val::Loose(_) => value.json(),
        Val::List(Seq::Tuple, items) => format!("<{}>", each(items.iter().map(order).collect())),
        Val::List(_, items) => format!("[{}]", each(items.iter().map(order).collect())),
        Val::Map(Keyed::Object, all) => format!("<{}>", each(all.values().map(order).collect())),
        Val::Map(Keyed::Map(_), all) => {
            let pair = |(key, value): (&String, &Val<'_>)| {
                format!("{}:{}", Val::Str(key.clone()).json(), order(value))
            };
            format!("{{{}}}", each(all.iter().map(pair).collect()))
        }
    }
}
