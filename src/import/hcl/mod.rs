//! HCL: what Terraform and OpenTofu would make of files, without a provider and without AWS.
//!
//! Files become modules (`module`), their expressions values (`eval`, `names`, `variables`, `calls`, `follow`,
//! `template`) of Terraform's types (`types`) and numbers (`number`), with its functions (`functions`,
//! `conversions`, `texts`, `format`, `encoded`, `pattern`, and of files among the sources `files`), and the
//! bodies of resources the trees that `terraform show -json` prints (`body`), which `terraform` reads.
//! What only an apply tells is taken from a state beside the files, or asked for as a variable.

mod body;
mod calls;
mod conversions;
mod disagreement;
mod elsewhere;
mod encoded;
mod eval;
mod fetched;
mod files;
mod follow;
mod format;
mod functions;
mod json;
mod module;
mod names;
mod number;
mod pattern;
mod state;
mod template;
mod texts;
mod types;
mod value;
mod variables;

use super::codes;
use super::context::Cx;
use super::item::{Item, Named, elsewhere};
use super::report::Reason;
use super::sources::folder;
use super::terraform;
use super::tree::Node;
use super::{Document, Read};
use crate::diag::Diagnostic;
use crate::span::{FileId, Files};
use eval::World;
use fetched::Fetched;
use module::{Declared, File, Instance, Module};
use state::State;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use value::{Bad, Resource};

/// Files of HCL that were set aside, to be read together.
#[derive(Default)]
pub(super) struct Set {
    files: Vec<File>,
    /// The modules that Terraform fetched.
    fetched: Fetched,
}

/// Whether a file is Terraform's list of the modules that it fetched.
pub(super) fn is_manifest(path: &str) -> bool {
    path == ".terraform/modules/modules.json" || path.ends_with("/.terraform/modules/modules.json")
}

/// Whether a file or folder is one of those that Terraform fetched.
pub(super) fn is_fetched(path: &str) -> bool {
    path.split('/').any(|part| part == ".terraform")
}

/// Whether a file is of Terraform's or OpenTofu's language, or shows resources in it.
pub(super) fn is(path: &str, text: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let endings = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json"];
    endings.iter().any(|ending| path.ends_with(ending))
        || text.contains("resource \"aws_appmesh_") && !text.trim_start().starts_with(['{', '['])
}

impl Set {
    pub(super) fn add(&mut self, id: FileId, path: &str, named: bool) {
        self.files.push(File { id, path: path.to_owned(), named });
    }

    /// Adds a list of modules that Terraform fetched.
    pub(super) fn list(&mut self, id: FileId, text: &str, path: &str) {
        self.fetched.add(id, text, path);
    }

    /// Reads the resources of all root modules. A state in the folder of a root module, or the only
    /// state there is, belongs to that module and decides what its files leave open. Returns the
    /// states that were used up in this way.
    pub(super) fn read(
        &self,
        cx: &mut Cx<'_>,
        files: &Files,
        states: &[(FileId, &Document)],
        items: &mut Vec<Item>,
    ) -> (Vec<Read>, BTreeSet<FileId>) {
        let modules = module::load(cx, files, &self.files, &self.fetched);
        let mut roots = module::roots(&modules);
        roots.retain(|(root, reached)| {
            !is_fetched(root) && reached.iter().any(|folder| makes_mesh(&modules, folder))
        });
        let mut used = BTreeSet::new();
        for (root, _) in &roots {
            let beside = |path: &str| folder(path) == root;
            let own: Vec<&(FileId, &Document)> = match states {
                [only] if roots.len() == 1 => vec![only],
                all => all.iter().filter(|(_, document)| beside(&document.path)).collect(),
            };
            let mut state = State::default();
            for (file, document) in &own {
                state.add(&document.node);
                used.insert(*file);
            }
            let reader = Reader {
                world: World {
                    modules: &modules,
                    files,
                    state: (!own.is_empty()).then_some(state),
                    children: RefCell::default(),
                    planned: Cell::new(0),
                    busy: RefCell::default(),
                    depth: Cell::new(0),
                    steps: Cell::new(0),
                    size: Cell::new(0),
                    keys: RefCell::default(),
                },
                met: BTreeSet::new(),
                full: false,
            };
            reader.root(cx, root, items);
        }
        let read =
            self.files.iter().filter(|file| files.get(file.id).text().contains("aws_appmesh_"));
        (read.map(|file| Read { file: file.id, long: Vec::new() }).collect(), used)
    }
}

/// Whether a module itself has resources of App Mesh, or calls one elsewhere that may have some.
fn makes_mesh(modules: &BTreeMap<String, Module>, folder: &str) -> bool {
    let Some(module) = modules.get(folder) else { return false };
    let away =
        |call: &&Declared| call.folder.as_ref().is_none_or(|folder| !modules.contains_key(folder));
    module.resources.iter().any(|one| !one.data && one.ty.starts_with("aws_appmesh_"))
        || module.calls.values().filter(away).any(names_mesh)
}

/// Whether a call of a module that is not among the sources speaks of a mesh: in its name, its source or
/// what it gives to the module. In a module that has resources of App Mesh, any call may make more.
fn names_mesh(call: &Declared) -> bool {
    let says = |text: String| text.to_ascii_lowercase().contains("mesh");
    !module::is_of_others(call)
        && (says(call.name.clone()) || call.parts.iter().any(|(_, body)| says(body.to_string())))
}

struct Reader<'m> {
    world: World<'m>,
    /// The addresses that the files define.
    met: BTreeSet<String>,
    /// Whether it was reported that there are too many instances of modules.
    full: bool,
}

impl<'m> Reader<'m> {
    fn root(mut self, cx: &mut Cx<'_>, folder: &str, items: &mut Vec<Item>) {
        let Some(module) = self.world.modules.get(folder) else { return };
        self.module(cx, &Instance::root(folder, module), items);
        let Some(state) = &self.world.state else { return };
        for (address, known) in &state.all {
            let of_mesh = known.ty.as_ref().is_some_and(|ty| ty.text.starts_with("aws_appmesh_"));
            if !of_mesh || known.data || self.met.contains(address) {
                continue;
            }
            cx.about = None;
            let message = format!(
                "{address} is in the state, and the files do not create it; the state's values are kept"
            );
            cx.note(Reason::Assumed, known.instance.loc, "resources", message);
            terraform::known(cx, known, items);
        }
    }

    fn module(&mut self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, items: &mut Vec<Item>) {
        for (at, declared) in inst.module.resources.iter().enumerate() {
            if declared.data {
                continue;
            }
            if !declared.ty.starts_with("aws_appmesh_") {
                cx.about = None;
                if elsewhere::report(cx, declared) {
                    continue;
                }
                let message = format!("{} is not an App Mesh resource", declared.ty);
                elsewhere(cx, declared.loc, &declared.name, &message);
                continue;
            }
            self.at(cx, declared);
            for key in self.keys(cx, inst, declared) {
                if self.world.spent() {
                    return;
                }
                let resource = Resource { within: inst.clone(), at, key };
                self.resource(cx, &Rc::new(resource), declared, items);
            }
        }
        for call in inst.module.calls.values() {
            self.at(cx, call);
            let keys = self.keys(cx, inst, call);
            // What is too much is an error before any of it is made.
            if let Err(wrong) = self.world.plan(call, keys.len()) {
                self.full = true;
                report(cx, wrong);
                return;
            }
            for key in keys {
                match self.world.child(inst, call, key) {
                    Ok(Some(child)) => self.module(cx, &child, items),
                    // The files of the others are missing too.
                    Ok(None) => {
                        self.missing(cx, inst, call);
                        break;
                    }
                    Err(wrong) => report(cx, wrong),
                }
                if self.world.spent() || self.full {
                    return;
                }
            }
        }
    }

    /// Values that are given to one file are those of the file of this block.
    fn at(&self, cx: &mut Cx<'_>, block: &Declared) {
        cx.path = self.world.files.get(block.file).path().to_owned();
    }

    /// What tells the instances of a block apart. Those of a block whose number is not known are those
    /// of the state.
    fn keys(&self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, block: &Declared) -> names::Keys<'m> {
        match self.world.keys(cx, inst, block) {
            Ok(Ok(keys)) => keys,
            Ok(Err(unknown)) => {
                if !self.in_state(inst, block) {
                    cx.about = None;
                    cx.variable(&unknown, block.loc);
                }
                Vec::new()
            }
            Err(wrong) => {
                report(cx, wrong);
                Vec::new()
            }
        }
    }

    /// Whether the state has instances of a block.
    fn in_state(&self, inst: &Instance<'m>, block: &Declared) -> bool {
        let address = block.address(&inst.prefix);
        self.world.state.as_ref().is_some_and(|state| state.has_under(&address))
    }

    fn resource(
        &mut self,
        cx: &mut Cx<'_>,
        resource: &Rc<Resource<'m>>,
        declared: &Declared,
        items: &mut Vec<Item>,
    ) {
        let address = self.world.address(resource);
        self.met.insert(address.clone());
        let ty = Named { text: declared.ty.clone(), loc: declared.loc };
        let env = self.world.env_of(resource);
        let known = self.world.state.as_ref().and_then(|state| state.get(&address));
        cx.about = None;
        if let Some(known) = known {
            match cx.trial(|cx| self.world.whole(cx, &env, declared)) {
                (Ok(values), None) => {
                    disagreement::report(cx, &address, &values, known.attributes);
                    defined(cx, &ty, &values, declared, items);
                }
                (_, open) => {
                    let open = open.unwrap_or_else(|| "an expression".to_owned());
                    let message =
                        format!("the files leave {open} open; the values are those of the state");
                    cx.note(Reason::Assumed, declared.loc, &address, message);
                    terraform::known(cx, known, items);
                }
            }
            return;
        }
        match self.world.whole(cx, &env, declared) {
            Ok(values) => defined(cx, &ty, &values, declared, items),
            Err(wrong) => report(cx, wrong),
        }
    }

    /// Reports a call of a module whose files are not among the sources.
    fn missing(&self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, call: &Declared) {
        let in_state = self.in_state(inst, call);
        cx.about = None;
        let local = module::is_local(call);
        let message = format!("the files of the module `{}` are not among the sources", call.name);
        if in_state || !local && module::is_of_others(call) {
            elsewhere(cx, call.loc, &call.name, &message);
            return;
        }
        let help = match local {
            true => {
                "Import the folder of the module too, or the state: terraform state pull > \
                     terraform.tfstate"
            }
            false => {
                "Import the state: terraform state pull > terraform.tfstate, or import this folder \
                      after `terraform init`, which fetches the module into .terraform/modules"
            }
        };
        cx.generator(call.loc, message, help);
    }
}

/// Reads a resource whose values the files define.
fn defined(cx: &mut Cx<'_>, ty: &Named, values: &Node, declared: &Declared, items: &mut Vec<Item>) {
    let spec = values.get("spec").map(Node::items).unwrap_or_default();
    let spec = spec.iter().find_map(|spec| spec.entry("priority"));
    if let Some(priority) = spec.filter(|priority| priority.node.int() == Some(0)) {
        cx.about = None;
        let message = "a priority of zero never reached App Mesh: the route has none".to_owned();
        cx.note(Reason::Assumed, priority.at, "priority", message);
    }
    let place = Node { loc: declared.loc, ..values.clone() };
    terraform::one(cx, Some(ty), Some(values), &place, items);
}

fn report(cx: &mut Cx<'_>, Bad { loc, message, .. }: Bad) {
    cx.report_error(Diagnostic::new(&codes::EXPRESSION, loc, message).help(
        "Correct the expression, or import the state: terraform state pull > terraform.tfstate",
    ));
}
