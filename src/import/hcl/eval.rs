//! Evaluating HCL's expressions: operators, templates, conditionals and loops. What names mean is in
//! `names`.

use super::functions::{self, Wrong};
use super::module::{Instance, Module, loc};
use super::names::Keys;
use super::number::Num;
use super::state::State;
use super::types::{self, Type};
use super::value::{Bad, Evaluated, Val};
use crate::import::context::Cx;
use crate::span::{FileId, Files, Loc};
use hcl_edit::expr::{
    BinaryOperator, Expression, ForExpr, FuncCall, ObjectKey, TraversalOperator, UnaryOperator,
};
use hcl_edit::template::Element;
use sha2::{Digest as _, Sha256};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How deep expressions and references may be within each other.
const DEPTH_MAX: usize = 96;
/// How many expressions a root module may evaluate: what refers to itself many times over ends.
const STEPS_MAX: usize = 1_000_000;
/// How many values, or pieces of 64 bytes of text, these may make in all.
const SIZE_MAX: usize = 40_000_000;

/// All modules of an import.
pub(super) struct World<'m> {
    pub(super) modules: &'m BTreeMap<String, Module>,
    pub(super) files: &'m Files,
    /// The state beside the root module at hand.
    pub(super) state: Option<State<'m>>,
    /// Instances of modules by their prefixes.
    pub(super) children: RefCell<BTreeMap<String, Rc<Instance<'m>>>>,
    /// How many instances of modules the calls that were met ask for.
    pub(super) planned: Cell<usize>,
    /// References that are being followed.
    pub(super) busy: RefCell<BTreeSet<String>>,
    pub(super) depth: Cell<usize>,
    pub(super) steps: Cell<usize>,
    pub(super) size: Cell<usize>,
    /// What tells the instances of blocks apart, by the addresses of the blocks.
    pub(super) keys: RefCell<BTreeMap<String, Keys<'m>>>,
}

/// Where an expression is evaluated.
#[derive(Clone)]
pub(super) struct Env<'m> {
    pub(super) inst: Rc<Instance<'m>>,
    pub(super) file: FileId,
    /// The key and the value of `each`, or the index of `count`.
    pub(super) each: Option<(Val<'m>, Val<'m>)>,
    /// Variables of loops.
    pub(super) vars: Vec<(String, Val<'m>)>,
}

pub(super) fn bad<T>(loc: Loc, message: impl Into<String>) -> Result<T, Bad> {
    Err(Bad { loc, message: message.into(), fatal: false })
}

/// An error that `try` and `can` do not hide.
pub(super) fn limit<T>(loc: Loc, message: impl Into<String>) -> Result<T, Bad> {
    Err(Bad { loc, message: message.into(), fatal: true })
}

impl<'m> Env<'m> {
    /// The root module.
    pub(super) fn root(&self) -> &Instance<'m> {
        let mut own = &self.inst;
        while let Some((env, _)) = &own.call {
            own = &env.inst;
        }
        own
    }

    pub(super) fn with(&self, names: [Option<&str>; 2], key: &Val<'m>, value: &Val<'m>) -> Self {
        let mut env = self.clone();
        for (name, value) in names.into_iter().zip([key, value]) {
            env.vars.extend(name.map(|name| (name.to_owned(), value.clone())));
        }
        env
    }
}

impl<'m> World<'m> {
    /// The value of an expression.
    pub(super) fn eval(&self, cx: &mut Cx<'_>, env: &Env<'m>, expr: &Expression) -> Evaluated<'m> {
        if self.depth.get() >= DEPTH_MAX {
            return limit(
                loc(env.file, expr),
                "this expression is nested too deep, or refers to itself",
            );
        }
        self.steps.set(self.steps.get() + 1);
        if self.spent() {
            return limit(
                loc(env.file, expr),
                "the files need more than 1,000,000 evaluations, or make more than 40,000,000 values",
            );
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.inner(cx, env, expr);
        self.depth.set(self.depth.get() - 1);
        if let Ok(value) = &value {
            self.size.set(self.size.get() + value.size());
        }
        value
    }

    /// Whether the limit of work is met.
    pub(super) fn spent(&self) -> bool {
        self.steps.get() > STEPS_MAX || self.size.get() > SIZE_MAX
    }

    fn inner(&self, cx: &mut Cx<'_>, env: &Env<'m>, expr: &Expression) -> Evaluated<'m> {
        let place = || loc(env.file, expr);
        Ok(match expr {
            Expression::Null(_) => Val::Null,
            Expression::Bool(truth) => Val::Bool(**truth),
            Expression::Number(number) => {
                let text = match number.as_repr() {
                    Some(written) => written.replace(' ', ""),
                    None => number.value().to_string(),
                };
                match Num::parse(&text) {
                    Some(number) => Val::Num(number),
                    None => return bad(place(), "the number is too large"),
                }
            }
            Expression::String(text) => Val::Str(text.to_string()),
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.eval(cx, env, item));
                Val::tuple(items.collect::<Result<_, _>>()?)
            }
            Expression::Object(object) => {
                let mut all = BTreeMap::new();
                for (key, value) in object {
                    let key = match key {
                        ObjectKey::Ident(name) => name.to_string(),
                        ObjectKey::Expression(Expression::Traversal(_)) => {
                            return bad(place(), "a key that is an expression needs parentheses");
                        }
                        ObjectKey::Expression(expr) => {
                            let key = self.eval(cx, env, expr)?;
                            self.text(cx, &key, loc(env.file, expr))?
                        }
                    };
                    all.insert(key, self.eval(cx, env, value.expr())?);
                }
                Val::object(all)
            }
            Expression::StringTemplate(whole) => match whole.as_single_element() {
                Some(Element::Interpolation(inner)) => self.eval(cx, env, &inner.expr)?,
                _ => self.template(cx, env, whole.iter(), false, place())?,
            },
            Expression::HeredocTemplate(heredoc) => {
                let text = self.files.get(env.file).text();
                let start = place().span.start as usize;
                let indented = text.get(start..).is_some_and(|text| text.starts_with("<<-"));
                self.template(cx, env, heredoc.template.iter(), indented, place())?
            }
            Expression::Parenthesis(inner) => self.eval(cx, env, inner.inner())?,
            Expression::Variable(name) => self.named(cx, env, name.as_str(), &[], place())?,
            Expression::Conditional(conditional) => {
                let condition = self.eval(cx, env, &conditional.cond_expr)?;
                if let Some(name) = condition.unknown(cx) {
                    return Ok(Val::Unknown(name));
                }
                let (yes, no) = (&conditional.true_expr, &conditional.false_expr);
                match condition.truth() {
                    Some(true) => self.chosen(cx, env, yes, no, place())?,
                    Some(false) => self.chosen(cx, env, no, yes, place())?,
                    None => return bad(place(), format!("{} is not a boolean", condition.kind())),
                }
            }
            Expression::FuncCall(call) => self.function(cx, env, call, place())?,
            Expression::Traversal(traversal) => {
                let operators: Vec<&TraversalOperator> =
                    traversal.operators.iter().map(|operator| operator.value()).collect();
                match &traversal.expr {
                    Expression::Variable(name) => {
                        self.named(cx, env, name.as_str(), &operators, place())?
                    }
                    inner => {
                        let value = self.eval(cx, env, inner)?;
                        self.follow(cx, env, value, &operators, place())?
                    }
                }
            }
            Expression::UnaryOp(op) => {
                let value = self.eval(cx, env, &op.expr)?;
                if let Some(name) = value.unknown(cx) {
                    return Ok(Val::Unknown(name));
                }
                let done = match op.operator.value() {
                    UnaryOperator::Neg => value.number().map(|number| Val::Num(number.negated())),
                    UnaryOperator::Not => value.truth().map(|truth| Val::Bool(!truth)),
                };
                match done {
                    Some(value) => value,
                    None => {
                        return bad(
                            place(),
                            format!("this operator cannot be applied to {}", value.kind()),
                        );
                    }
                }
            }
            Expression::BinaryOp(op) => {
                let left = self.eval(cx, env, &op.lhs_expr)?;
                let operator = *op.operator.value();
                match (operator, left.truth()) {
                    (BinaryOperator::And, Some(false)) => return Ok(Val::Bool(false)),
                    (BinaryOperator::Or, Some(true)) => return Ok(Val::Bool(true)),
                    _ => {}
                }
                let right = self.eval(cx, env, &op.rhs_expr)?;
                if let Some(name) = left.unknown(cx).or_else(|| right.unknown(cx)) {
                    return Ok(Val::Unknown(name));
                }
                match operate(operator, &left, &right) {
                    Some(value) => value,
                    // Terraform goes on with an infinite number.
                    None if matches!(operator, BinaryOperator::Div | BinaryOperator::Mod)
                        && right.number().is_some_and(|number| number == Num::from(0)) =>
                    {
                        return limit(place(), "this is a division by zero");
                    }
                    None => {
                        let (left, right) = (left.kind(), right.kind());
                        return bad(
                            place(),
                            format!("this operator cannot be applied to {left} and {right}"),
                        );
                    }
                }
            }
            Expression::ForExpr(each) => self.each(cx, env, each, place())?,
        })
    }

    /// The branch of a conditional that is chosen, in the type that both have in common.
    fn chosen(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        chosen: &Expression,
        other: &Expression,
        place: Loc,
    ) -> Evaluated<'m> {
        let value = self.eval(cx, env, chosen)?;
        // A text stays a text beside any other single value.
        if matches!(value, Val::Null | Val::Str(_) | Val::Res(_) | Val::Unknown(_)) {
            return Ok(value);
        }
        // What is wrong with the other branch does not matter, and neither does what it does not know.
        let (Ok(other), None) = cx.trial(|cx| self.eval(cx, env, other)) else { return Ok(value) };
        if other.unknown(cx).is_some() {
            return Ok(value);
        }
        match (Type::of(&value), Type::of(&other)) {
            (own, other) if own == other || other == Type::Any => Ok(value),
            (own, other) => match types::unified(&[own, other]) {
                Some(ty) => types::converted(value, &ty).or_else(|why| bad(place, why)),
                None => bad(place, "the two branches of this condition have different types"),
            },
        }
    }

    /// The text of a single value; of what is not known, one that stands for it.
    pub(super) fn text(&self, cx: &mut Cx<'_>, value: &Val<'m>, loc: Loc) -> Result<String, Bad> {
        match value {
            Val::Unknown(name) => Ok(cx.variable(name, loc)),
            value => match value.text() {
                Some(text) => Ok(text),
                None => bad(loc, format!("{} is not a string", value.kind())),
            },
        }
    }

    fn each(&self, cx: &mut Cx<'_>, env: &Env<'m>, each: &ForExpr, place: Loc) -> Evaluated<'m> {
        let over = self.eval(cx, env, &each.intro.collection_expr)?;
        if let Val::Unknown(_) = over {
            return Ok(over);
        }
        let Some(pairs) = over.pairs() else {
            return bad(place, format!("{} cannot be looped over", over.kind()));
        };
        let key = each.intro.key_var.as_ref().map(|name| name.as_str());
        let mut list = Vec::new();
        let mut map: BTreeMap<String, Val<'m>> = BTreeMap::new();
        for (k, v) in &pairs {
            let env = env.with([key, Some(each.intro.value_var.as_str())], k, v);
            if let Some(condition) = &each.cond {
                let met = self.eval(cx, &env, &condition.expr)?;
                match (met.truth(), met.unknown(cx)) {
                    (Some(true), _) => {}
                    (Some(false), _) => continue,
                    (None, Some(name)) => return Ok(Val::Unknown(name)),
                    (None, None) => return bad(place, format!("{} is not a boolean", met.kind())),
                }
            }
            let value = self.eval(cx, &env, &each.value_expr)?;
            let Some(key) = &each.key_expr else {
                list.push(value);
                continue;
            };
            let at = loc(env.file, key);
            let key = self.eval(cx, &env, key)?;
            let key = self.text(cx, &key, at)?;
            match (each.grouping, map.get_mut(&key)) {
                (true, Some(Val::List(_, group))) => group.push(value),
                (true, _) => {
                    map.insert(key, Val::tuple(vec![value]));
                }
                (false, Some(_)) => return bad(at, format!("the key `{key}` comes twice")),
                (false, None) => {
                    map.insert(key, value);
                }
            }
        }
        Ok(if each.key_expr.is_some() { Val::object(map) } else { Val::tuple(list) })
    }

    fn function(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        call: &FuncCall,
        place: Loc,
    ) -> Evaluated<'m> {
        let name = call.name.name.as_str();
        if call.name.is_namespaced() {
            return Ok(self.source(env, place));
        }
        if name == "try" || name == "can" {
            let mut last = None;
            for arg in call.args.iter() {
                match self.eval(cx, env, arg) {
                    Ok(value) if name == "can" => {
                        let unknown = value.unknown(cx).map(Val::Unknown);
                        return Ok(unknown.unwrap_or(Val::Bool(true)));
                    }
                    Ok(value) => return Ok(value),
                    Err(wrong) if wrong.fatal => return Err(wrong),
                    Err(wrong) => last = Some(wrong),
                }
            }
            return match (name, last) {
                ("can", _) => Ok(Val::Bool(false)),
                (_, Some(wrong)) => Err(wrong),
                (_, None) => bad(place, "try takes at least one value"),
            };
        }
        let mut args = Vec::new();
        for arg in call.args.iter() {
            args.push(self.eval(cx, env, arg)?);
        }
        if call.args.expand_final() {
            match args.pop() {
                Some(Val::List(_, items)) => args.extend(items),
                Some(value @ Val::Unknown(_)) => return Ok(value),
                _ => return bad(place, "only a list can be expanded into arguments"),
            }
        }
        // Texts are put together with what stands for an unknown part; anything else is not known then.
        if functions::WRITING.contains(&name) {
            args = args.into_iter().map(|arg| stood_for(cx, arg, place)).collect();
        } else if name == "coalesce" {
            // What is not known after the first value that is there does not matter.
            let known = |arg: &Val<'m>| arg.unknown(cx).is_none() && functions::is_there(arg);
            if let Some(at) = args.iter().position(known) {
                for arg in &mut args[at + 1..] {
                    if arg.unknown(cx).is_some() {
                        *arg = Val::Null;
                    }
                }
            }
        }
        let moves = functions::MOVING.contains(&name);
        let unknown = args.iter().find_map(|arg| match arg {
            Val::Unknown(name) => Some(name.clone()),
            Val::List(..) | Val::Map(..) if moves => None,
            arg => arg.unknown(cx).filter(|_| !functions::WRITING.contains(&name)),
        });
        if let Some(name) = unknown {
            return Ok(Val::Unknown(name));
        }
        if let Some(read) = self.reading(cx, env, name, &args, place) {
            return read;
        }
        match functions::call(name, &args) {
            Some(Ok(value)) => Ok(value),
            Some(Err(Wrong::Value(message))) => bad(place, format!("{name}: {message}")),
            Some(Err(Wrong::Limit(message))) => limit(place, format!("{name}: {message}")),
            // What reads other files or the clock gives what only a run of Terraform tells.
            None => Ok(self.source(env, place)),
        }
    }

    /// What an expression that is not computed stands for: its own text, and what tells one value of it from
    /// another.
    fn source(&self, env: &Env<'m>, place: Loc) -> Val<'m> {
        let text = self.files.get(place.file).text();
        let range = place.span.start as usize..place.span.end as usize;
        let words: Vec<&str> = text.get(range).unwrap_or_default().split_whitespace().collect();
        let mut whole = words.join(" ");
        let mut own: Vec<String> = Vec::new();
        if let Some((key, _)) = &env.each
            && (whole.contains("each.") || whole.contains("count."))
        {
            own.extend(key.text());
        }
        let within = env.vars.iter().filter(|(name, _)| whole.contains(name.as_str()));
        own.extend(within.filter_map(|(_, value)| value.text()));
        if !own.is_empty() {
            whole.push_str(&format!(" [{}]", own.join(", ")));
        }
        whole.insert_str(0, &env.inst.prefix);
        // Long expressions may begin alike.
        if whole.chars().count() > 120 {
            let digest = Sha256::digest(whole.as_bytes());
            let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
            whole = format!("{}… {mark}", whole.chars().take(110).collect::<String>());
        }
        Val::Unknown(whole)
    }
}

/// A value with a text in place of each part that is not known.
fn stood_for<'m>(cx: &mut Cx<'_>, value: Val<'m>, place: Loc) -> Val<'m> {
    match value {
        Val::Unknown(name) => Val::Str(cx.variable(&name, place)),
        Val::List(kind, items) => {
            Val::List(kind, items.into_iter().map(|item| stood_for(cx, item, place)).collect())
        }
        Val::Map(kind, all) => Val::Map(
            kind,
            all.into_iter().map(|(key, value)| (key, stood_for(cx, value, place))).collect(),
        ),
        value => value,
    }
}

fn operate<'m>(operator: BinaryOperator, left: &Val<'m>, right: &Val<'m>) -> Option<Val<'m>> {
    let numbers = left.number().zip(right.number());
    let truths = left.truth().zip(right.truth());
    Some(match operator {
        BinaryOperator::Eq => Val::Bool(left.same(right)),
        BinaryOperator::NotEq => Val::Bool(!left.same(right)),
        BinaryOperator::And => Val::Bool(truths.map(|(a, b)| a && b)?),
        BinaryOperator::Or => Val::Bool(truths.map(|(a, b)| a || b)?),
        BinaryOperator::LessEq => Val::Bool(numbers.map(|(a, b)| a <= b)?),
        BinaryOperator::GreaterEq => Val::Bool(numbers.map(|(a, b)| a >= b)?),
        BinaryOperator::Less => Val::Bool(numbers.map(|(a, b)| a < b)?),
        BinaryOperator::Greater => Val::Bool(numbers.map(|(a, b)| a > b)?),
        BinaryOperator::Plus => Val::Num(numbers.and_then(|(a, b)| a.plus(&b))?),
        BinaryOperator::Minus => Val::Num(numbers.and_then(|(a, b)| a.minus(&b))?),
        BinaryOperator::Mul => Val::Num(numbers.and_then(|(a, b)| a.times(&b))?),
        BinaryOperator::Div => Val::Num(numbers.and_then(|(a, b)| a.over(&b))?),
        BinaryOperator::Mod => Val::Num(numbers.and_then(|(a, b)| a.modulo(&b))?),
    })
}
