//! HCL: what Terraform and OpenTofu would make of files, without a provider and without AWS.
//!
//! Files become modules (`module`), their expressions values (`eval`, `names`, `functions`), and the
//! bodies of resources the trees that `terraform show -json` prints (`body`), which `terraform` reads.
//! What only an apply tells is taken from a state beside the files, or asked for as a variable.

mod body;
mod eval;
mod functions;
mod json;
mod module;
mod names;
mod state;
mod value;

use super::codes;
use super::context::Cx;
use super::item::{Item, Named, elsewhere};
use super::report::Reason;
use super::terraform;
use super::tree::Node;
use super::{Document, Read};
use crate::diag::Diagnostic;
use crate::span::{FileId, Files};
use eval::World;
use module::{Declared, File, Instance, Module};
use state::State;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use value::{Bad, Resource};

/// Files of HCL that were set aside, to be read together.
#[derive(Default)]
pub(super) struct Set(Vec<File>);

/// Whether a file is of Terraform's or OpenTofu's language, or shows resources in it.
pub(super) fn is(path: &str, text: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let endings = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json"];
    endings.iter().any(|ending| path.ends_with(ending))
        || text.contains("resource \"aws_appmesh_")
            && !text.trim_start().starts_with(['{', '['])
            && !path.ends_with(".md")
}

impl Set {
    pub(super) fn add(&mut self, id: FileId, path: &str, named: bool) {
        self.0.push(File { id, path: path.to_owned(), named });
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
        let modules = module::load(cx, files, &self.0);
        let roots: Vec<String> = module::roots(&modules)
            .into_iter()
            .filter(|root| makes_mesh(&modules, root, 0))
            .collect();
        let mut used = BTreeSet::new();
        for root in &roots {
            let beside =
                |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder) == root;
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
                    busy: RefCell::default(),
                    depth: Cell::new(0),
                    steps: Cell::new(0),
                },
                met: BTreeSet::new(),
            };
            reader.root(cx, root, items);
        }
        let read = self.0.iter().filter(|file| files.get(file.id).text().contains("aws_appmesh_"));
        (read.map(|file| Read { file: file.id, long: Vec::new() }).collect(), used)
    }
}

/// Whether a module or one that it calls has resources of App Mesh.
fn makes_mesh(modules: &BTreeMap<String, Module>, folder: &str, depth: usize) -> bool {
    let Some(module) = modules.get(folder).filter(|_| depth < 16) else { return false };
    module.resources.iter().any(|one| !one.data && one.ty.starts_with("aws_appmesh_"))
        || module.calls.values().any(|call| match module::local_source(folder, call) {
            Some(folder) => makes_mesh(modules, &folder, depth + 1),
            None => names_mesh(call),
        })
}

/// Whether a call of a module that is not among the sources may make resources of App Mesh.
fn names_mesh(call: &Declared) -> bool {
    let source = call.body.get_attribute("source").and_then(|source| source.value.as_str());
    [Some(call.name.as_str()), source].into_iter().flatten().any(|text| {
        let text = text.to_ascii_lowercase().replace(['-', '_'], "");
        text.contains("appmesh")
    })
}

struct Reader<'m> {
    world: World<'m>,
    /// The addresses that the files define.
    met: BTreeSet<String>,
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
                "{address} is in the state, and no file defines it; the state's values are kept"
            );
            cx.note(Reason::Assumed, known.instance.loc, "resources", message);
            let attributes = Some(known.attributes);
            terraform::one(cx, known.ty.as_ref(), attributes, known.instance, items);
        }
    }

    fn module(&mut self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, items: &mut Vec<Item>) {
        for (at, declared) in inst.module.resources.iter().enumerate() {
            if declared.data {
                continue;
            }
            if !declared.ty.starts_with("aws_appmesh_") {
                cx.about = None;
                let message = format!("{} is no resource of the mesh", declared.ty);
                elsewhere(cx, declared.loc, &declared.name, &message);
                continue;
            }
            for key in self.keys(cx, inst, declared) {
                let resource = Resource { within: inst.clone(), at, key };
                self.resource(cx, &Rc::new(resource), declared, items);
            }
        }
        for call in inst.module.calls.values() {
            for key in self.keys(cx, inst, call) {
                match self.world.child(inst, call, key) {
                    Some(child) => self.module(cx, &child, items),
                    None => self.missing(cx, inst, call),
                }
            }
        }
    }

    /// What tells the instances of a block apart. Those of a block whose number is not known are those
    /// of the state.
    fn keys(&self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, block: &Declared) -> names::Keys<'m> {
        match self.world.keys(cx, inst, block) {
            Ok(Ok(keys)) => keys,
            Ok(Err(unknown)) => {
                let base = format!("{}{}.{}[", inst.prefix, block.ty, block.name);
                let in_state = self.world.state.as_ref().is_some_and(|state| {
                    state.all.keys().any(|address| address.starts_with(&base))
                });
                if !in_state {
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

    fn resource(
        &mut self,
        cx: &mut Cx<'_>,
        resource: &Rc<Resource<'m>>,
        declared: &Declared,
        items: &mut Vec<Item>,
    ) {
        let address = self.world.address(resource);
        self.met.insert(address.clone());
        cx.path = self.world.files.get(declared.file).path().to_owned();
        let ty = Named { text: declared.ty.clone(), loc: declared.loc };
        let env = self.world.env_of(resource);
        let known = self.world.state.as_ref().and_then(|state| state.get(&address));
        cx.about = None;
        if let Some(known) = known {
            let (values, open) = cx.trial(|cx| self.world.body(cx, &env, &declared.body, true));
            if open.is_some() || values.is_err() {
                let open = open.unwrap_or_else(|| "an expression".to_owned());
                let message =
                    format!("the files leave {open} open; the values are those of the state");
                cx.note(Reason::Assumed, declared.loc, &address, message);
                terraform::one(cx, Some(&ty), Some(known.attributes), known.instance, items);
                return;
            }
        }
        match self.world.body(cx, &env, &declared.body, true) {
            Ok(values) => {
                let place = Node { loc: declared.loc, ..values.clone() };
                terraform::one(cx, Some(&ty), Some(&values), &place, items);
            }
            Err(wrong) => report(cx, wrong),
        }
    }

    /// Reports a call of a module whose files are not among the sources.
    fn missing(&self, cx: &mut Cx<'_>, inst: &Rc<Instance<'m>>, call: &Declared) {
        let prefix = format!("{}module.{}", inst.prefix, call.name);
        let in_state = self
            .world
            .state
            .as_ref()
            .is_some_and(|state| state.all.keys().any(|address| address.starts_with(&prefix)));
        cx.about = None;
        let local = module::local_source(&inst.folder, call).is_some();
        let message = format!("the files of the module `{}` are not among the sources", call.name);
        if in_state || !(local || names_mesh(call)) {
            elsewhere(cx, call.loc, &call.name, &message);
        } else {
            let help = "Import the folder of the module too, or the state: terraform state pull > \
                        terraform.tfstate";
            cx.generator(call.loc, message, help);
        }
    }
}

fn report(cx: &mut Cx<'_>, Bad { loc, message }: Bad) {
    cx.report_error(Diagnostic::new(&codes::EXPRESSION, loc, message).help(
        "Correct the expression, or import the state: terraform state pull > terraform.tfstate",
    ));
}
