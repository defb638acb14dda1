//! Modules of Terraform: what the files of a folder declare.

use super::eval::Env;
use super::fetched::Fetched;
use super::json;
use super::types::{self, Type};
use super::value::Val;
use crate::diag::Diagnostic;
use crate::import::codes;
use crate::import::context::Cx;
use crate::import::report::Reason;
use crate::import::sources::{folder, pass};
use crate::span::{FileId, Files, Loc, Span};
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Body};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A file of Terraform's language.
pub(super) struct File {
    pub(super) id: FileId,
    pub(super) path: String,
    /// Whether the caller named it.
    pub(super) named: bool,
}

/// An expression and its file.
#[derive(Clone)]
pub(super) struct Sourced {
    pub(super) file: FileId,
    pub(super) expr: Expression,
}

/// A block of a resource, a data source or a call of a module.
pub(super) struct Declared {
    pub(super) file: FileId,
    pub(super) loc: Loc,
    /// The resource's type; `module` of a call.
    pub(super) ty: String,
    pub(super) name: String,
    pub(super) data: bool,
    /// What files say of it: no part has an argument that another has.
    pub(super) parts: Vec<(FileId, Body)>,
    /// Of a call: the folder of the module, if it is of the same repository or was fetched.
    pub(super) folder: Option<String>,
}

/// A variable's declaration.
pub(super) struct Variable {
    pub(super) file: FileId,
    pub(super) ty: Option<Type>,
    pub(super) default: Option<Sourced>,
    /// Whether it can be null although it has a default.
    pub(super) nullable: bool,
}

/// What the files of one folder declare.
#[derive(Default)]
pub(super) struct Module {
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) locals: BTreeMap<String, Sourced>,
    pub(super) outputs: BTreeMap<String, Sourced>,
    pub(super) resources: Vec<Declared>,
    pub(super) calls: BTreeMap<String, Declared>,
    /// Values of variables by files of them.
    pub(super) given: BTreeMap<String, Sourced>,
}

/// A module with its inputs.
pub(super) struct Instance<'m> {
    pub(super) folder: String,
    pub(super) module: &'m Module,
    /// What stands before the addresses of what is in it: `module.NAME.`.
    pub(super) prefix: String,
    /// What calls it, which gives its inputs; nothing calls a root module.
    pub(super) call: Option<(Env<'m>, &'m Declared)>,
    /// Locals that were computed.
    pub(super) known: RefCell<BTreeMap<String, Val<'m>>>,
}

/// The place of something of HCL.
pub(super) fn loc(file: FileId, spanned: &impl hcl_edit::Span) -> Loc {
    Loc { file, span: Span::new(spanned.span().unwrap_or(0..0)) }
}

/// Whether a file of variables is loaded without being asked for.
fn is_automatic(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let name = name.strip_suffix(".json").unwrap_or(name);
    name == "terraform.tfvars" || name.ends_with(".auto.tfvars")
}

/// Reads all files, and puts those of each folder together.
pub(super) fn load(
    cx: &mut Cx<'_>,
    files: &Files,
    all: &[File],
    fetched: &Fetched,
) -> BTreeMap<String, Module> {
    let mut modules: BTreeMap<String, Module> = BTreeMap::new();
    // `terraform.tfvars` counts less than the automatic ones, and those less than what was named.
    let mut ordered: Vec<&File> = all.iter().collect();
    // Files that override others come after these, by their names.
    ordered.sort_by_key(|file| {
        let automatic = file.path.contains(".auto.tfvars");
        let overriding = is_override(&file.path).then_some(&file.path);
        (file.named && !is_automatic(&file.path), automatic, overriding)
    });
    let paths: BTreeSet<&str> = all.iter().map(|file| file.path.as_str()).collect();
    for file in ordered {
        // OpenTofu reads a file of its own in place of Terraform's of the same name.
        let own = file.path.strip_suffix(".json").unwrap_or(&file.path);
        if let Some(stem) = own.strip_suffix(".tf")
            && let Some(tofu) = [".tofu", ".tofu.json"]
                .iter()
                .map(|ending| format!("{stem}{ending}"))
                .find(|path| {
                    file.path.ends_with(".json") == path.ends_with(".json")
                        && paths.contains(path.as_str())
                })
        {
            let place = Loc { file: file.id, span: Span::new(0..0) };
            let message = format!("OpenTofu reads {tofu} in its place, and so does this import");
            cx.about = None;
            cx.note(Reason::Assumed, place, "file", message);
            continue;
        }
        let text = files.get(file.id).text();
        let values = file.path.contains(".tfvars");
        let body = match file.path.ends_with(".json") {
            true => json::body(file.id, text, values),
            // A byte order mark counts as white space, so that places stay what they are.
            false => text
                .replacen('\u{feff}', "   ", usize::from(text.starts_with('\u{feff}')))
                .parse::<Body>()
                .map_err(|error| wrong(file.id, text, &error).into()),
        };
        let body = match body {
            Ok(body) => body,
            Err(diagnostic) if file.named || text.contains("aws_appmesh_") => {
                cx.report_error(*diagnostic);
                continue;
            }
            Err(_) => {
                pass(cx, file.id, "cannot be read, and has no resource of App Mesh");
                continue;
            }
        };
        let module = modules.entry(folder(&file.path).to_owned()).or_default();
        if values {
            if file.named || is_automatic(&file.path) {
                for attribute in body.attributes() {
                    module.given.insert(attribute.key.to_string(), sourced(file.id, attribute));
                }
            }
            continue;
        }
        let overriding = is_override(&file.path);
        for block in body.into_blocks() {
            declare(cx, module, file.id, block, overriding);
        }
    }
    for (own, module) in &mut modules {
        for call in module.calls.values_mut() {
            call.folder = match is_local(call) {
                true => source(call).map(|source| crate::import::kustomize::joined(own, source)),
                false => fetched.folder(own, &call.name),
            };
        }
    }
    modules
}

fn sourced(file: FileId, attribute: &Attribute) -> Sourced {
    Sourced { file, expr: attribute.value.clone() }
}

/// Why a file is no HCL.
fn wrong(file: FileId, text: &str, error: &hcl_edit::parser::Error) -> Diagnostic {
    let at = error.location().offset().min(text.len());
    let message = format!("this is not HCL: {}", error.message().replace('\n', "; "));
    let place = Loc { file, span: Span::new(at..at) };
    let shown = text.contains("(known after apply)") || text.contains("(sensitive value)");
    let help = match shown {
        true => "Import what `terraform show -json` prints, or the state: terraform state pull",
        false => "Correct the file, or import the state: terraform state pull > terraform.tfstate",
    };
    Diagnostic::new(&codes::SYNTAX, place, message).help(help)
}

/// Whether a file's blocks change those of other files.
fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = [".tf", ".tofu", ".tf.json", ".tofu.json"].iter().find_map(|e| name.strip_suffix(e));
    stem.is_some_and(|stem| stem == "override" || stem.ends_with("_override"))
}

fn declare(cx: &mut Cx<'_>, module: &mut Module, file: FileId, block: Block, overriding: bool) {
    let place = loc(file, &block);
    let labels: Vec<String> = block.labels.iter().map(|label| label.as_str().to_owned()).collect();
    let ident = block.ident.as_str().to_owned();
    match (ident.as_str(), labels.as_slice()) {
        ("variable", [name]) => {
            let new = variable(file, &block.body);
            match module.variables.get_mut(name).filter(|_| overriding) {
                Some(known) => {
                    known.default = new.default.or(known.default.take());
                    if new.ty.is_some() {
                        (known.ty, known.file) = (new.ty, file);
                    }
                    if block.body.has_attribute("nullable") {
                        known.nullable = new.nullable;
                    }
                }
                None => {
                    module.variables.insert(name.clone(), new);
                }
            }
        }
        ("output", [name]) => {
            if let Some(value) = block.body.get_attribute("value") {
                module.outputs.insert(name.clone(), sourced(file, value));
            }
        }
        ("locals", []) => {
            for attribute in block.body.attributes() {
                module.locals.insert(attribute.key.to_string(), sourced(file, attribute));
            }
        }
        ("resource" | "data", [ty, name]) => {
            let data = ident == "data";
            let known = module
                .resources
                .iter_mut()
                .find(|known| known.data == data && known.ty == *ty && known.name == *name);
            if let Some(known) = known {
                if overriding {
                    known.change(file, block.body);
                } else if ty.starts_with("aws_appmesh_") {
                    cx.report_error(twice(known, place));
                }
                return;
            }
            let parts = vec![(file, block.body)];
            let (ty, name) = (ty.clone(), name.clone());
            let folder = None;
            module.resources.push(Declared { file, loc: place, ty, name, data, parts, folder });
        }
        ("module", [name]) => match module.calls.get_mut(name).filter(|_| overriding) {
            Some(known) => known.change(file, block.body),
            None => {
                let (ty, parts) = ("module".to_owned(), vec![(file, block.body)]);
                let (name, folder) = (name.clone(), None);
                let call = Declared { file, loc: place, ty, name, data: false, parts, folder };
                module.calls.insert(call.name.clone(), call);
            }
        },
        _ => {}
    }
}

fn variable(file: FileId, body: &Body) -> Variable {
    let nullable = body.get_attribute("nullable").map(|attribute| &attribute.value);
    let no = |value: &Expression| {
        value.as_bool() == Some(false) || value.as_str().is_some_and(|text| text == "false")
    };
    Variable {
        file,
        ty: body.get_attribute("type").and_then(|ty| types::declared(&ty.value)),
        default: body.get_attribute("default").map(|default| sourced(file, default)),
        nullable: !nullable.is_some_and(no),
    }
}

/// A resource of App Mesh that two files of a folder define.
fn twice(known: &Declared, place: Loc) -> Diagnostic {
    let message = format!("`{}.{}` is declared twice in one folder", known.ty, known.name);
    Diagnostic::new(&codes::CONFLICT, place, message)
        .related(known.loc, "it is declared here too")
        .help("Keep one of them, or import the state: terraform state pull")
}

/// The address of a block: `PREFIX[data.]TYPE.NAME`.
pub(super) fn address(prefix: &str, data: bool, ty: &str, name: &str) -> String {
    format!("{prefix}{}{ty}.{name}", if data { "data." } else { "" })
}

impl Declared {
    /// Its address in a module's instance, which has this prefix.
    pub(super) fn address(&self, prefix: &str) -> String {
        address(prefix, self.data, &self.ty, &self.name)
    }

    /// An argument, and the file that has it.
    pub(super) fn attribute(&self, name: &str) -> Option<(FileId, &Attribute)> {
        self.parts.iter().find_map(|(file, body)| Some((*file, body.get_attribute(name)?)))
    }

    /// Changes it as a file that overrides says: its arguments and its blocks take the place of others of
    /// the same names.
    fn change(&mut self, file: FileId, new: Body) {
        for (_, body) in &mut self.parts {
            for attribute in new.attributes() {
                body.remove_attribute(attribute.key.as_str());
            }
            for name in new.blocks().map(name_of) {
                let kept = std::mem::take(body).into_iter().filter(|structure| {
                    structure.as_block().is_none_or(|block| name_of(block) != name)
                });
                *body = kept.collect();
            }
        }
        self.parts.push((file, new));
    }
}

impl Module {
    /// The place of a resource or data source among those of the module.
    pub(super) fn find(&self, data: bool, ty: &str, name: &str) -> Option<usize> {
        self.resources.iter().position(|one| one.data == data && one.ty == ty && one.name == name)
    }
}

impl<'m> Instance<'m> {
    /// A module that no other calls.
    pub(super) fn root(folder: &str, module: &'m Module) -> Rc<Self> {
        Rc::new(Self {
            folder: folder.to_owned(),
            module,
            prefix: String::new(),
            call: None,
            known: RefCell::default(),
        })
    }
}

fn source(call: &Declared) -> Option<&str> {
    call.attribute("source")?.1.value.as_str()
}

/// Whether a call's source is a folder of the same repository.
pub(super) fn is_local(call: &Declared) -> bool {
    source(call).is_some_and(|source| source.starts_with("./") || source.starts_with("../"))
}

/// Whether a call's source is one of the registry's modules that are known to make no resource of App Mesh:
/// those of `terraform-aws-modules`, one for each other service of AWS.
pub(super) fn is_of_others(call: &Declared) -> bool {
    source(call).is_some_and(|source| {
        let source = source.strip_prefix("registry.terraform.io/").unwrap_or(source);
        source.starts_with("terraform-aws-modules/") && !source.contains("mesh")
    })
}

/// The name of the blocks that a block stands for.
pub(super) fn name_of(block: &Block) -> &str {
    match (block.ident.as_str(), block.labels.first()) {
        ("dynamic", Some(label)) => label.as_str(),
        (name, _) => name,
    }
}

/// The folders that a module reaches by its calls, its own among them.
pub(super) fn reached(modules: &BTreeMap<String, Module>, from: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(folder) = open.pop() {
        if let Some(module) = modules.get(&folder).filter(|_| !all.contains(&folder)) {
            open.extend(module.calls.values().filter_map(|call| call.folder.clone()));
            all.insert(folder);
        }
    }
    all
}

/// The modules that are applied, with the folders that each reaches: those that nobody calls, and one of
/// each circle that nobody else calls, whose evaluation reports the circle.
pub(super) fn roots(modules: &BTreeMap<String, Module>) -> Vec<(String, BTreeSet<String>)> {
    let called: BTreeSet<String> = modules
        .values()
        .flat_map(|module| module.calls.values().filter_map(|call| call.folder.clone()))
        .collect();
    let (inner, outer): (Vec<&String>, Vec<&String>) =
        modules.keys().partition(|folder| called.contains(*folder));
    let mut met: BTreeSet<String> = BTreeSet::new();
    let mut roots = Vec::new();
    for folder in outer.into_iter().chain(inner) {
        if !met.contains(folder) {
            let own = reached(modules, folder);
            met.extend(own.iter().cloned());
            roots.push((folder.clone(), own));
        }
    }
    roots
}
