//! What variables of HCL are: as they are given, or their defaults, in the types that they declare.

use super::eval::{Env, World, bad};
use super::module::Instance;
use super::types::{self, Asked, Type};
use super::value::{Evaluated, Val};
use crate::import::context::Cx;
use crate::span::{FileId, Loc};
use hcl_edit::expr::Expression;
use std::rc::Rc;

impl<'m> World<'m> {
    /// The value of a variable.
    pub(super) fn variable(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        name: &str,
        place: Loc,
    ) -> Evaluated<'m> {
        let flag = if inst.call.is_none() { cx.value_of(name) } else { None };
        // A value of the command line may be meant for one file only.
        let key = match &flag {
            Some(text) => format!("var.{name}={text}"),
            None => format!("var.{name}"),
        };
        self.remembered(cx, inst, key, |cx| self.given(cx, inst, name, flag.as_deref(), place))
    }

    /// The value of a variable: as it is given, or its default.
    fn given(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        name: &str,
        flag: Option<&str>,
        place: Loc,
    ) -> Evaluated<'m> {
        let what = format!("{}var.{name}", inst.prefix);
        self.once(what, place, || {
            let declared = inst.module.variables.get(name);
            let ty = declared.and_then(|declared| declared.ty.as_ref()).unwrap_or(&Type::Any);
            let given = match (&inst.call, flag) {
                (Some((env, call)), _) => call.attribute(name).map(|(file, attribute)| {
                    let env = Env { file, ..env.clone() };
                    self.eval(cx, &env, &attribute.value)
                }),
                (None, Some(text)) => Some(self.written(cx, inst, text, ty, place)),
                (None, None) => {
                    inst.module.given.get(name).map(|from| self.sourced(cx, inst, from))
                }
            };
            let typed = |cx: &mut Cx<'_>, value| {
                let mut asking =
                    Asking { world: self, cx, inst, file: declared.map(|one| one.file) };
                types::convert(value, ty, &mut asking)
                    .or_else(|why| bad(place, format!("var.{name}: {why}")))
            };
            if let Some(given) = given {
                let given = given?;
                // Null is a value like others, unless the variable says that it is none.
                let nullable = declared.is_none_or(|declared| declared.nullable);
                if nullable || !matches!(given, Val::Null) {
                    return typed(cx, given);
                }
            }
            match declared.and_then(|declared| declared.default.as_ref()) {
                Some(default) => {
                    let default = self.sourced(cx, inst, default)?;
                    typed(cx, default)
                }
                None => Ok(Val::Unknown(match inst.call {
                    Some(_) => format!("{}var.{name}", inst.prefix),
                    None => name.to_owned(),
                })),
            }
        })
    }

    /// The value that a text of the command line writes: an expression if the variable holds more than a
    /// single value, or the text itself.
    pub(super) fn written(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        text: &str,
        ty: &Type,
        place: Loc,
    ) -> Evaluated<'m> {
        let whole = match ty {
            Type::Bool | Type::Num | Type::Str => false,
            Type::Any => text.starts_with(['[', '{']),
            Type::List(_) | Type::Set(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_) => true,
        };
        if whole && let Ok(expr) = text.parse::<Expression>() {
            let env = Env { inst: inst.clone(), file: place.file, each: None, vars: Vec::new() };
            return self.eval(cx, &env, &expr);
        }
        Ok(match ty {
            Type::Any => Val::Loose(text.to_owned()),
            _ => Val::Str(text.to_owned()),
        })
    }
}

/// What the conversion of a variable's value asks of the world.
struct Asking<'a, 'm, 'c, 'o> {
    world: &'a World<'m>,
    cx: &'a mut Cx<'o>,
    inst: &'c Rc<Instance<'m>>,
    /// The file that declares the variable.
    file: Option<FileId>,
}

impl<'m> Asked<'m> for Asking<'_, 'm, '_, '_> {
    fn default(&mut self, expr: &Expression) -> Result<Val<'m>, String> {
        let Some(file) = self.file else { return Ok(Val::Null) };
        let env = Env { inst: self.inst.clone(), file, each: None, vars: Vec::new() };
        self.world.eval(self.cx, &env, expr).map_err(|wrong| wrong.message)
    }

    fn attribute(&mut self, value: &Val<'m>, name: &str) -> Result<Option<Val<'m>>, String> {
        let Val::Res(resource) = value else { return Ok(None) };
        let found = self.world.resource_attribute(self.cx, resource, name);
        found.map(Some).map_err(|wrong| wrong.message)
    }
}
