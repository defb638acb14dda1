//! What names mean in HCL: variables, locals, resources, data sources, modules and their outputs.

use super::eval::{Env, World, bad, limit};
use super::files;
use super::module::{self, Declared, Instance, Sourced, loc};
use super::value::{Bad, Evaluated, Resource, Val};
use crate::import::context::Cx;
use crate::span::Loc;
use hcl_edit::expr::{Expression, TraversalOperator};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What tells the instances of a block apart: nothing, or an index or key with its value.
pub(super) type Keys<'m> = Vec<Option<(Val<'m>, Val<'m>)>>;

/// How many instances the modules below a root module may have.
const MODULES_MAX: usize = 10_000;
/// How deep modules may be within each other.
const MODULE_DEPTH_MAX: usize = 32;

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
                (self.output(cx, env, own, &operators[1..], place)?, operators.len())
            }
            ("data", Some(ty), Some(own)) => (self.resource(cx, &env.inst, true, ty, own)?, 2),
            ("path", Some("module"), _) => {
                (Val::Str(files::way(&env.root().folder, &env.inst.folder)), 1)
            }
            ("path", Some("root" | "cwd"), _) => (Val::Str(".".to_owned()), 1),
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
            return limit(place, format!("`{what}` refers to itself"));
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
            let given = match (&inst.call, flag) {
                (Some((env, call)), _) => call.body.get_attribute(name).map(|attribute| {
                    let env = Env { file: call.file, ..env.clone() };
                    self.eval(cx, &env, &attribute.value)
                }),
                (None, Some(text)) => Some(self.written(cx, inst, text, place)),
                (None, None) => {
                    inst.module.given.get(name).map(|from| self.sourced(cx, inst, from))
                }
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
        let Some(from) = inst.module.locals.get(name) else {
            return bad(place, format!("no file of this folder declares the local `{name}`"));
        };
        let what = format!("{}local.{name}", inst.prefix);
        self.remembered(cx, inst, format!("local.{name}"), |cx| {
            self.once(what, place, || self.sourced(cx, inst, from))
        })
    }

    /// Computes a value of a module once. What is not known may be reported where it is used.
    fn remembered(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        key: String,
        compute: impl FnOnce(&mut Cx<'_>) -> Evaluated<'m>,
    ) -> Evaluated<'m> {
        if let Some(known) = inst.known.borrow().get(&key) {
            return Ok(known.clone());
        }
        let value = compute(cx)?;
        if value.unknown(cx).is_none() {
            inst.known.borrow_mut().insert(key, value.clone());
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
        let address = block.address(&inst.prefix);
        if let Some(known) = self.keys.borrow().get(&address) {
            return Ok(Ok(known.clone()));
        }
        let keys = self.loops(cx, inst, block)?;
        if let Ok(found) = &keys {
            let known = |key: &Option<(Val<'m>, Val<'m>)>| {
                key.as_ref().is_none_or(|(_, value)| value.unknown(cx).is_none())
            };
            if found.iter().all(known) {
                self.keys.borrow_mut().insert(address, found.clone());
            }
        }
        Ok(keys)
    }

    fn loops(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        block: &Declared,
    ) -> Result<Result<Keys<'m>, String>, Bad> {
        let env = Env { inst: inst.clone(), file: block.file, each: None, vars: Vec::new() };
        if let Some(count) = block.body.get_attribute("count") {
            let place = loc(block.file, &count.value);
            let value = self.eval(cx, &env, &count.value)?;
            if let Some(name) = value.unknown(cx) {
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
                None => {
                    let found = value.text().unwrap_or_else(|| value.kind().to_owned());
                    bad(place, format!("count must be a whole number up to 10,000, not {found}"))
                }
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
                        match (item.unknown(cx), item.text()) {
                            (Some(name), _) => return Ok(Err(name)),
                            (None, Some(text)) => keys.push(Some((Val::Str(text), item))),
                            (None, None) => {
                                return bad(
                                    place,
                                    format!(
                                        "for_each needs a map or a set of strings, not a list with {}",
                                        item.kind()
                                    ),
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
                value => bad(
                    place,
                    format!("for_each needs a map or a set of strings, not {}", value.kind()),
                ),
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
        let Some(at) = inst.module.find(data, ty, name) else {
            return Ok(Val::Unknown(module::address(&inst.prefix, data, ty, name)));
        };
        let declared = &inst.module.resources[at];
        let unknown = declared.address(&inst.prefix);
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
        let base = declared.address(&resource.within.prefix);
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
            if let Some(blocks) = self.blocks(cx, &env, &declared.body, name)? {
                return Ok(Val::of(&blocks));
            }
            let known = self.state.as_ref().and_then(|state| state.get(&address));
            let known = known.and_then(|known| known.attribute(cx, name));
            Ok(known.map_or(Val::Unknown(own.clone()), |known| Val::of(&known)))
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
        let child = match keys.iter().find(fits).cloned() {
            Some(key) => self.child(&env.inst, call, key)?,
            None => None,
        };
        let Some(TraversalOperator::GetAttr(output)) = rest.first() else {
            // The module as a value: its outputs, of several instances by their keys.
            if keys.is_empty() && !call.body.has_attribute("for_each") {
                return Ok(Val::Unknown(unknown));
            }
            let mut all = Vec::new();
            for own in keys.iter().filter(|own| key.is_none() || fits(own)) {
                let name = own.as_ref().map(|(key, _)| text(key)).unwrap_or_default();
                match self.child(&env.inst, call, own.clone())? {
                    Some(child) => all.push((name, self.outputs(cx, &child, place)?)),
                    None => return Ok(Val::Unknown(unknown)),
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
        let Some(child) = child else { return Ok(Val::Unknown(own)) };
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
    ) -> Result<Option<Rc<Instance<'m>>>, Bad> {
        let Some(folder) = call.folder.clone() else { return Ok(None) };
        let Some(module) = self.modules.get(&folder) else { return Ok(None) };
        let index = match &key {
            Some((key, _)) => format!("[{}]", key.text().unwrap_or_default()),
            None => String::new(),
        };
        let prefix = format!("{}{index}.", call.address(&parent.prefix));
        if let Some(known) = self.children.borrow().get(&prefix) {
            return Ok(Some(known.clone()));
        }
        let mut above = Some(parent);
        let mut depth = 0;
        while let Some(own) = above {
            depth += 1;
            if own.folder == folder {
                let message = format!("the module `{}` calls itself, in `{folder}`", call.name);
                return limit(call.loc, message);
            }
            above = own.call.as_ref().map(|(env, _)| &env.inst);
        }
        if depth > MODULE_DEPTH_MAX || self.children.borrow().len() >= MODULES_MAX {
            let message = "the modules have more than 10,000 instances, or more than 32 levels";
            return limit(call.loc, message);
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
        Ok(Some(child))
    }

    /// Whether the limit of modules is met.
    pub(super) fn is_full(&self) -> bool {
        self.children.borrow().len() >= MODULES_MAX
    }
}
