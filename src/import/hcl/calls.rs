//! Calls of modules: their instances, which are counted, and their outputs.

use super::eval::{Env, World, bad, limit};
use super::module::{Declared, Instance};
use super::value::{Bad, Evaluated, Val};
use crate::import::context::Cx;
use crate::span::Loc;
use hcl_edit::expr::TraversalOperator;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many instances the modules below a root module may have.
const MODULES_MAX: usize = 10_000;
/// How deep modules may be within each other.
const MODULE_DEPTH_MAX: usize = 32;

impl<'m> World<'m> {
    /// An output of a module, and what follows it.
    pub(super) fn output(
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
                (Some(Val::count(usize::try_from(**index).unwrap_or(usize::MAX))), rest)
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
            if keys.is_empty() && call.attribute("for_each").is_none() {
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
            let value = match (&key, call.attribute("for_each").is_some()) {
                (None, true) => Val::object(all.into_iter().collect()),
                (None, false) if call.attribute("count").is_some() => {
                    Val::tuple(all.into_iter().map(|(_, value)| value).collect())
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
        Ok(Val::object(all))
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
        if depth > MODULE_DEPTH_MAX || self.children.borrow().len() > MODULES_MAX {
            return too_many(call);
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

    /// Counts the instances that a call asks for, before any of them is made.
    pub(super) fn plan(&self, call: &Declared, instances: usize) -> Result<(), Bad> {
        self.planned.set(self.planned.get().saturating_add(instances));
        match self.planned.get() > MODULES_MAX || self.children.borrow().len() > MODULES_MAX {
            true => too_many(call),
            false => Ok(()),
        }
    }
}

fn too_many<T>(call: &Declared) -> Result<T, Bad> {
    limit(call.loc, "the modules have more than 10,000 instances, or more than 32 levels")
}
