//! What names mean in HCL: variables, locals, resources, data sources, modules and their outputs.

use super::eval::{Env, World, bad, limit};
use super::files;
use super::functions;
use super::module::{self, Declared, Instance, Sourced, loc};
use super::types::Type;
use super::value::{Bad, Evaluated, Resource, Seq, Val};
use crate::import::context::Cx;
use crate::import::tree::Node;
use crate::span::Loc;
use hcl_edit::expr::TraversalOperator;
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
            Val::Unknown(name) => match cx.value_of(name) {
                Some(text) => self.written(cx, &env.inst, &text, &Type::Any, place),
                None => Ok(value),
            },
            _ => Ok(value),
        }
    }

    /// Follows a reference once: one that leads back to itself is an error.
    pub(super) fn once<T>(
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

    pub(super) fn sourced(
        &self,
        cx: &mut Cx<'_>,
        inst: &Rc<Instance<'m>>,
        from: &Sourced,
    ) -> Evaluated<'m> {
        let env = Env { inst: inst.clone(), file: from.file, each: None, vars: Vec::new() };
        self.eval(cx, &env, &from.expr)
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
    pub(super) fn remembered(
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
        if let Some((file, count)) = block.attribute("count") {
            let env = Env { file, ..env };
            let place = loc(file, &count.value);
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
                    let index = |at| Some((Val::count(at), Val::count(at)));
                    Ok(Ok((0..number).map(index).collect()))
                }
                None => {
                    let found = value.text().unwrap_or_else(|| value.kind().to_owned());
                    bad(place, format!("count must be a whole number up to 10,000, not {found}"))
                }
            };
        }
        if let Some((file, each)) = block.attribute("for_each") {
            let env = Env { file, ..env };
            let place = loc(file, &each.value);
            return match self.eval(cx, &env, &each.value)? {
                Val::Unknown(name) => Ok(Err(name)),
                // Of a set, each item is key and value.
                Val::List(kind, items) => {
                    let mut keys = Vec::new();
                    let items = match kind {
                        Seq::Set(_) => items,
                        Seq::Tuple | Seq::List(_) => functions::distinct(items),
                    };
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
                Val::Map(_, all) => Ok(Ok(all
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
        if declared.attribute("count").is_some() {
            return Ok(Val::tuple(keys.into_iter().map(one).collect()));
        }
        if declared.attribute("for_each").is_some() {
            let entry = |key: Option<(Val<'m>, Val<'m>)>| {
                let text = key.as_ref().and_then(|(key, _)| key.text()).unwrap_or_default();
                (text, one(key))
            };
            return Ok(Val::object(keys.into_iter().map(entry).collect()));
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
            if let Some((file, attribute)) = declared.attribute(written) {
                let value = self.eval(cx, &Env { file, ..env }, &attribute.value)?;
                return Ok(match value {
                    // The provider decides what a single value is, and its own of a mesh are texts.
                    Val::Bool(_) | Val::Num(_) | Val::Str(_) => {
                        let text = value.text().unwrap_or_default();
                        match declared.ty.starts_with("aws_appmesh_") {
                            true => Val::Str(text),
                            false => Val::Loose(text),
                        }
                    }
                    value => value,
                });
            }
            if let Some(blocks) = self.blocks(cx, &env, declared, name)? {
                return Ok(Val::of(&blocks, &|_, text| Val::Loose(text.to_owned())));
            }
            let known = self.state.as_ref().and_then(|state| state.get(&address));
            let known = known.and_then(|known| known.attribute(cx, name));
            let typed = |node: &Node, text: &str| {
                let range = node.loc.span.start as usize..node.loc.span.end as usize;
                match self.files.get(node.loc.file).text().get(range) == Some(text) {
                    true => Val::bare(text),
                    false => Val::Str(text.to_owned()),
                }
            };
            Ok(known.map_or(Val::Unknown(own.clone()), |known| Val::of(&known, &typed)))
        })
    }
}
