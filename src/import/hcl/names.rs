//! What names mean in HCL: variables, locals, resources, data sources, modules and their outputs.

use super::eval::{Env, World, bad};
use super::module::{Declared, Instance, Sourced, loc, local_source};
use super::value::{Bad, Evaluated, Resource, Val};
use crate::import::context::Cx;
use crate::span::Loc;
use hcl_edit::expr::{Expression, TraversalOperator};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What tells the instances of a block apart: nothing, or an index or key with its value.
pub(super) type Keys<'m> = Vec<Option<(Val<'m>, Val<'m>)>>;

impl<'m> World<'m> {
    /// The value of a name and what follows it.
    pub(super) fn named(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        name: &str,
        operators: &[&TraversalOperator],
        place: Loc,
    ) -> Evaluated<'m> {
        if let Some((_, value)) = env.vars.iter().rev().find(|(own, _)| own == name) {
            return self.follow(cx, env, value.clone(), operators, place);
        }
        let attribute = |at: usize| match operators.get(at) {
            Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
            _ => None,
        };
        let (value, taken) = match (name, attribute(0), attribute(1)) {
            ("var", Some(own), _) => (self.variable(cx, &env.inst, own, place)?, 1),
            ("local", Some(own), _) => (self.local(cx, &env.inst, own, place)?, 1),
            ("each", Some(word @ ("key" | "value")), _) => match &env.each {
                Some((key, _)) if word == "key" => (key.clone(), 1),
                Some((_, value)) => (value.clone(), 1),
                None => return bad(place, "`each` has a value under for_each only"),
            },
            ("count", Some("index"), _) => match &env.each {
                Some((index, _)) => (index.clone(), 1),
                None => return bad(place, "`count.index` has a value under count only"),
            },
            ("module", Some(own), _) => {
                return self.output(cx, env, own, &operators[1..], place);
            }
            ("data", Some(ty), Some(own)) => (self.resource(cx, &env.inst, true, ty, own)?, 2),
            ("path", Some("module" | "root" | "cwd"), _) => (Val::Str(".".to_owned()), 1),
            ("terraform", Some(own), _) => (Val::Unknown(format!("terraform.{own}")), 1),
            (ty, Some(own), _) => (self.resource(cx, &env.inst, false, ty, own)?, 1),
            _ => return bad(place, format!("`{name}` has no value here")),
        };
        let value =
            self.follow(cx, env, value, operators.get(taken..).unwrap_or_default(), place)?;
        // A value of the command line may be given for anything that is not known.
        match &value {
            Val::Unknown(name) => Ok(cx.value_of(name).map_or(value, Val::Str)),
            _ => Ok(value),
        }
    }

    /// Follows a reference once: one that leads back to itself is an error.
    fn once<T>(
        &self,
        what: String,
        place: Loc,
        follow: impl FnOnce() -> Result<T, Bad>,
    ) -> Result<T, Bad> {
        if !self.busy.borrow_mut().insert(what.clone()) {
            return bad(place, format!("`{what}` refers to itself"));
        }
        let value = follow();
        self.busy.borrow_mut().remove(&what);
        value
    }

    fn sourced(&self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, from: &Sourced) -> Evaluated<'m> {
        let env = Env { inst: inst.clone(), file: from.file, each: None, vars: Vec::new() };
        self.eval(cx, &env, &from.expr)
    }

    fn variable(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        name: &str,
        place: Loc,
    ) -> Evaluated<'m> {
        let what = format!("{}var.{name}", inst.prefix);
        self.once(what, place, || {
            let given = match &inst.call {
                Some((env, call)) => call.body.get_attribute(name).map(|attribute| {
                    let env = Env { file: call.file, ..env.clone() };
                    self.eval(cx, &env, &attribute.value)
                }),
                None => match cx.value_of(name) {
                    Some(text) => Some(self.written(cx, inst, &text, place)),
                    None => inst.module.given.get(name).map(|from| self.sourced(cx, inst, from)),
                },
            };
            if let Some(given) = given {
                let given = given?;
                // A module's variable that is given null takes its default.
                if !matches!(given, Val::Null) || inst.call.is_none() {
                    return Ok(given);
                }
            }
            match inst.module.variables.get(name) {
                Some(Some(default)) => self.sourced(cx, inst, default),
                Some(None) | None => Ok(Val::Unknown(match inst.call {
                    Some(_) => format!("{}var.{name}", inst.prefix),
                    None => name.to_owned(),
                })),
            }
        })
    }

    /// The value that a text of the command line writes: a list or a map, or the text itself.
    fn written(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        text: &str,
        place: Loc,
    ) -> Evaluated<'m> {
        if text.starts_with(['[', '{'])
            && let Ok(expr) = text.parse::<Expression>()
        {
            let env = Env { inst: inst.clone(), file: place.file, each: None, vars: Vec::new() };
            return self.eval(cx, &env, &expr);
        }
        Ok(Val::Str(text.to_owned()))
    }

    fn local(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        name: &str,
        place: Loc,
    ) -> Evaluated<'m> {
        if let Some(known) = inst.known.borrow().get(name) {
            return Ok(known.clone());
        }
        let Some(from) = inst.module.locals.get(name) else {
            return bad(place, format!("no file of this folder declares the local `{name}`"));
        };
        let value = self
            .once(format!("{}local.{name}", inst.prefix), place, || self.sourced(cx, inst, from))?;
        // What is not known may be reported where it is used; the rest is computed once.
        if value.unknown().is_none() {
            inst.known.borrow_mut().insert(name.to_owned(), value.clone());
        }
        Ok(value)
    }

    /// What `count` or `for_each` of a block says; the name of what is not known otherwise.
    pub(super) fn keys(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        block: &Declared,
    ) -> Result<Result<Keys<'m>, String>, Bad> {
        let env = Env { inst: inst.clone(), file: block.file, each: None, vars: Vec::new() };
        if let Some(count) = block.body.get_attribute("count") {
            let place = loc(block.file, &count.value);
            let value = self.eval(cx, &env, &count.value)?;
            if let Some(name) = value.unknown() {
                return Ok(Err(name));
            }
            let number = match &value {
                Val::Bool(truth) => Some(usize::from(*truth)),
                value => value.index(),
            };
            return match number.filter(|number| *number <= 10_000) {
                Some(number) => {
                    let index = |at| Some((Val::Num(at as f64), Val::Num(at as f64)));
                    Ok(Ok((0..number).map(index).collect()))
                }
                None => bad(place, format!("{} is no count", value.kind())),
            };
        }
        if let Some(each) = block.body.get_attribute("for_each") {
            let place = loc(block.file, &each.value);
            return match self.eval(cx, &env, &each.value)? {
                Val::Unknown(name) => Ok(Err(name)),
                // Of a set, each item is key and value.
                Val::List(items) => {
                    let mut keys = Vec::new();
                    for item in items {
                        match (item.unknown(), item.text()) {
                            (Some(name), _) => return Ok(Err(name)),
                            (None, Some(text)) => keys.push(Some((Val::Str(text), item))),
                            (None, None) => {
                                return bad(
                                    place,
                                    format!("{} is no key of for_each", item.kind()),
                                );
                            }
                        }
                    }
                    Ok(Ok(keys))
                }
                Val::Map(all) => Ok(Ok(all
                    .into_iter()
                    .map(|(key, value)| Some((Val::Str(key), value)))
                    .collect())),
                value => bad(place, format!("{} is nothing for_each can loop over", value.kind())),
            };
        }
        Ok(Ok(vec![None]))
    }

    /// A resource or data source: one instance, a list of them, or a map.
    fn resource(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        data: bool,
        ty: &str,
        name: &str,
    ) -> Evaluated<'m> {
        let word = if data { "data." } else { "" };
        let unknown = format!("{}{word}{ty}.{name}", inst.prefix);
        let Some(at) = inst.module.find(data, ty, name) else {
            return Ok(Val::Unknown(unknown));
        };
        let declared = &inst.module.resources[at];
        let keys =
            self.once(format!("{unknown}[]"), declared.loc, || self.keys(cx, inst, declared))?;
        let Ok(keys) = keys else { return Ok(Val::Unknown(unknown)) };
        let one = |key: Option<(Val<'m>, Val<'m>)>| {
            Val::Res(Rc::new(Resource { within: inst.clone(), at, key }))
        };
        if declared.body.has_attribute("count") {
            return Ok(Val::List(keys.into_iter().map(one).collect()));
        }
        if declared.body.has_attribute("for_each") {
            let entry = |key: Option<(Val<'m>, Val<'m>)>| {
                let text = key.as_ref().and_then(|(key, _)| key.text()).unwrap_or_default();
                (text, one(key))
            };
            return Ok(Val::Map(keys.into_iter().map(entry).collect()));
        }
        Ok(one(None))
    }

    /// The address of an instance.
    pub(super) fn address(&self, resource: &Resource<'m>) -> String {
        let declared = &resource.within.module.resources[resource.at];
        let data = if declared.data { "data." } else { "" };
        let base = format!("{}{data}{}.{}", resource.within.prefix, declared.ty, declared.name);
        match &resource.key {
            Some((key, _)) => format!("{base}[{}]", key.text().unwrap_or_default()),
            None => base,
        }
    }

    /// The environment of an instance's own expressions.
    pub(super) fn env_of(&self, resource: &Resource<'m>) -> Env<'m> {
        let declared = &resource.within.module.resources[resource.at];
        Env {
            inst: resource.within.clone(),
            file: declared.file,
            each: resource.key.clone(),
            vars: Vec::new(),
        }
    }

    /// An attribute of an instance: written in the files, or known to the state.
    pub(super) fn resource_attribute(
        &self,
        cx: &mut Cx<'_>,
        resource: &Rc<Resource<'m>>,
        name: &str,
    ) -> Evaluated<'m> {
        let declared = &resource.within.module.resources[resource.at];
        let address = self.address(resource);
        // The provider makes the id of a mesh of its name.
        let of_mesh = declared.ty == "aws_appmesh_mesh" && name == "id";
        let written = if of_mesh { "name" } else { name };
        let own = format!("{address}.{name}");
        self.once(own.clone(), declared.loc, || {
            let env = self.env_of(resource);
            if let Some(attribute) = declared.body.get_attribute(written) {
                return self.eval(cx, &env, &attribute.value);
            }
            if declared.body.has_blocks(name) {
                let node = self.body(cx, &env, &declared.body, false)?;
                return Ok(node.get(name).map_or(Val::Null, Val::of));
            }
            let known = self.state.as_ref().and_then(|state| state.get(&address));
            if let Some(known) = known.and_then(|known| known.attributes.get(name)) {
                return Ok(Val::of(known));
            }
            Ok(Val::Unknown(own.clone()))
        })
    }

    /// An output of a module, and what follows it.
    fn output(
        &self,
        cx: &mut Cx<'_>,
        env: &Env<'m>,
        name: &str,
        operators: &[&TraversalOperator],
        place: Loc,
    ) -> Evaluated<'m> {
        let unknown = format!("{}module.{name}", env.inst.prefix);
        let given = |cx: &mut Cx<'_>, name: String| match cx.value_of(&name) {
            Some(text) => Val::Str(text),
            None => Val::Unknown(name),
        };
        let Some(call) = env.inst.module.calls.get(name) else {
            return bad(place, format!("no file of this folder calls a module `{name}`"));
        };
        let (key, rest) = match operators.split_first() {
            Some((TraversalOperator::Index(index), rest)) => {
                (Some(self.eval(cx, env, index)?), rest)
            }
            Some((TraversalOperator::LegacyIndex(index), rest)) => {
                (Some(Val::Num(**index as f64)), rest)
            }
            _ => (None, operators),
        };
        let keys = self.keys(cx, &env.inst, call)?.unwrap_or_default();
        let text = |value: &Val<'m>| value.text().unwrap_or_default();
        let fits = |own: &&Option<(Val<'m>, Val<'m>)>| match (own, &key) {
            (None, None) => true,
            (Some((own, _)), Some(key)) => text(own) == text(key),
            _ => false,
        };
        let found = keys.iter().find(fits).cloned();
        let child = found.and_then(|key| self.child(&env.inst, call, key));
        let Some(TraversalOperator::GetAttr(output)) = rest.first() else {
            // The module as a value: its outputs, of several instances by their keys.
            let local = keys.iter().all(|key| self.child(&env.inst, call, key.clone()).is_some());
            if !local || keys.is_empty() && !call.body.has_attribute("for_each") {
                return Ok(given(cx, unknown));
            }
            let mut all = Vec::new();
            for own in keys.iter().filter(|own| key.is_none() || fits(own)) {
                let name = own.as_ref().map(|(key, _)| text(key)).unwrap_or_default();
                if let Some(child) = self.child(&env.inst, call, own.clone()) {
                    all.push((name, self.outputs(cx, &child, place)?));
                }
            }
            let value = match (&key, call.body.has_attribute("for_each")) {
                (None, true) => Val::Map(all.into_iter().collect()),
                (None, false) if call.body.has_attribute("count") => {
                    Val::List(all.into_iter().map(|(_, value)| value).collect())
                }
                _ => all.into_iter().next().map_or(Val::Null, |(_, value)| value),
            };
            return self.follow(cx, env, value, rest, place);
        };
        let own = format!("{unknown}.{}", output.as_str());
        let Some(child) = child else { return Ok(given(cx, own)) };
        let Some(from) = child.module.outputs.get(output.as_str()) else {
            return bad(place, format!("the module `{name}` has no output `{}`", output.as_str()));
        };
        let what = format!("{}output.{}", child.prefix, output.as_str());
        let value = self.once(what, place, || self.sourced(cx, &child, from))?;
        self.follow(cx, env, value, &rest[1..], place)
    }

    /// All outputs of a module's instance. One that needs what is not known is not known as a whole.
    fn outputs(&self, cx: &mut Cx<'_>, child: &Rc<Instance<'m>>, place: Loc) -> Evaluated<'m> {
        let mut all = BTreeMap::new();
        for (name, from) in &child.module.outputs {
            let what = format!("{}output.{name}", child.prefix);
            let own = || Val::Unknown(format!("{}{name}", child.prefix));
            let (value, open) =
                cx.trial(|cx| self.once(what.clone(), place, || self.sourced(cx, child, from)));
            all.insert(name.clone(), if open.is_some() { own() } else { value? });
        }
        Ok(Val::Map(all))
    }

    /// The instance of a module that a call makes; `None` if its files are not among the sources.
    pub(super) fn child(
        &self,
        parent: &Rc<Instance<'m>>,
        call: &'m Declared,
        key: Option<(Val<'m>, Val<'m>)>,
    ) -> Option<Rc<Instance<'m>>> {
        let folder = local_source(&parent.folder, call)?;
        let module = self.modules.get(&folder)?;
        let index = match &key {
            Some((key, _)) => format!("[{}]", key.text().unwrap_or_default()),
            None => String::new(),
        };
        let prefix = format!("{}module.{}{index}.", parent.prefix, call.name);
        if prefix.matches("module.").count() > 16 {
            return None;
        }
        if let Some(known) = self.children.borrow().get(&prefix) {
            return Some(known.clone());
        }
        let env = Env { inst: parent.clone(), file: call.file, each: key, vars: Vec::new() };
        let child = Rc::new(Instance {
            folder,
            module,
            prefix: prefix.clone(),
            call: Some((env, call)),
            known: RefCell::new(BTreeMap::new()),
        });
        self.children.borrow_mut().insert(prefix, child.clone());
        Some(child)
    }
}
