//! Definitions of App Mesh, in whatever format people still hold them, become a project.
//!
//! Every format is read into trees that know their places, and brought to App Mesh's API shape
//! (`shape`, whose table is `schemas/appmesh-keys.tsv`); one converter turns that into the model.
//! What does not become TOML is in the report. Nothing is read from or written to the machine here.
#![deny(clippy::disallowed_methods)]

mod api;
mod cfn;
mod cfn_value;
pub mod codes;
mod comments;
mod context;
mod convert;
mod crossplane;
mod dump;
mod export;
mod foreign;
mod hcl;
mod item;
mod json;
mod k8s;
mod k8s_gitops;
mod k8s_legacy;
mod k8s_world;
mod kustomize;
mod layout;
mod makers;
mod merge;
mod names;
mod order;
mod report;
mod shape;
mod sources;
mod states;
mod terraform;
mod tree;
mod vars;
mod yaml;

pub use codes::CODES;
pub use export::{Exported, Outside, export};
pub use foreign::is_maker;
pub use report::{Entry, Reason};
pub use sources::{Content, SOURCE_MAX, Source};

use crate::diag::Diagnostics;
use crate::model::{Address, Kind, Mesh, MeshName};
use crate::span::{FileId, Files, Loc};
use context::Cx;
use convert::Converter;
use item::Item;
use std::collections::{BTreeMap, BTreeSet};
use tree::Node;

/// The formats that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// JSON of App Mesh's API: answers and inputs of the AWS CLI and the SDKs, or a `spec` alone.
    Api,
    /// CloudFormation templates.
    CloudFormation,
    /// Kubernetes resources of `appmesh.k8s.aws`.
    Kubernetes,
    /// `terraform show -json` of a state or a plan, a state file, or HCL.
    Terraform,
    /// Envoy's `config_dump` of a proxy that App Mesh configured.
    ConfigDump,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] =
        [Self::Api, Self::CloudFormation, Self::Kubernetes, Self::Terraform, Self::ConfigDump];

    /// The word of the flag and of reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::CloudFormation => "cloudformation",
            Self::Kubernetes => "kubernetes",
            Self::Terraform => "terraform",
            Self::ConfigDump => "config-dump",
        }
    }
}

/// What the caller says about the sources.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Values for parameters, variables and placeholders by their names.
    pub vars: BTreeMap<String, String>,
    /// The format, where the content is not to decide.
    pub from: Option<Format>,
    /// What a file that holds only a `spec` defines.
    pub kind: Option<Kind>,
    /// The names of values that are lists or maps, which only an expression of Terraform can use.
    pub structured: BTreeSet<String>,
    /// Whether a later definition of a resource replaces an earlier one.
    pub later: bool,
    /// The mesh's name: where the sources have none, or to choose one of several.
    pub mesh: Option<String>,
    /// Whether `config_dump`s are set aside ([`Imported::dumps`]) instead of being read.
    pub dumps_aside: bool,
    /// The namespace of objects of Kubernetes that name none.
    pub namespace: Option<String>,
    /// The names of what files define that hold a `spec` alone, by the files' paths or suffixes of them.
    pub names: BTreeMap<String, String>,
}

/// What an import made.
#[derive(Debug, Default)]
pub struct Imported {
    /// The sources, for showing places.
    pub files: Files,
    /// What the sources define.
    pub mesh: Mesh,
    /// The files of a project by their names, `meshctl.toml` among them.
    pub project: BTreeMap<String, String>,
    /// The definitions alone, as one text.
    pub text: String,
    /// What is in the report, in the order of the sources.
    pub report: Vec<Entry>,
    /// What is wrong with the sources.
    pub diagnostics: Diagnostics,
    /// The rows of `schemas/appmesh-keys.tsv` that were met, by format.
    pub fields: BTreeSet<(Format, &'static str)>,
    /// Given flags that nothing asked for, as they were written.
    pub unused: Vec<String>,
    /// The proxies of which a `config_dump` was read.
    pub proxies: Vec<Address>,
    /// The nodes and ports that proxies of dumps call, with the words of Envoy for the families of addresses
    /// that they look up; empty where the dump names none.
    pub called: BTreeMap<(String, u16), BTreeSet<String>>,
    /// The sources with a `config_dump` that was set aside.
    pub dumps: Vec<FileId>,
    /// Variables without a value.
    pub missing: Vec<Missing>,
    /// How the project, read back, differs from what the sources define; never, unless meshctl has
    /// a fault, and then nothing may be written.
    pub differs: Option<String>,
    /// How many sources had definitions.
    pub sources: usize,
}

/// A variable without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name, as `--var` and `--values` take it.
    pub name: String,
    /// The places that ask for it, in the order of the sources.
    pub places: Vec<Loc>,
    /// Where several files ask for it: the names by which each of them gets a value of its own.
    pub keys: Vec<String>,
}

impl Imported {
    /// How much of the sources is not in the result.
    pub fn losses(&self) -> usize {
        self.report.iter().filter(|entry| entry.reason.is_loss()).count()
    }
}

/// One document of a source.
#[derive(Clone, Debug)]
struct Document {
    node: Node,
    /// The file's path.
    path: String,
    /// The file's name without folders and endings.
    stem: String,
}

/// Reads sources, and writes what they define as TOML.
pub fn import(sources: Vec<Source>, options: &Options) -> Imported {
    let mut cx = Cx::new(options);
    let mut files = Files::default();
    let texts = sources::open(&mut cx, &mut files, sources);
    let mut items: Vec<Item> = Vec::new();
    let read = sources::read(&mut cx, &files, &texts, options, &mut items);
    let broken = cx.diagnostics.has_errors();
    sources::generators(&mut cx, items.is_empty());
    if items.is_empty() && !broken && !cx.diagnostics.has_errors() {
        cx.report_error(sources::nothing(&files));
    }
    comments::attach(&files, &read, &mut items);
    states::place(&mut cx, &mut items);
    states::wanted(&mut cx, &items, options);
    let mut items = states::select(&mut cx, items, options);
    let name = states::mesh_name(&mut cx, &items, options);
    states::missing(&mut cx, &items);
    items.sort_by_key(|item| item.loc);
    let owner = states::owner(&mut cx);
    let mut converter = Converter::new(&mut cx, &items);
    converter.mesh.settings.owner = owner;
    converter.all(&items);
    let Converter { mut mesh, names, certificates, authorities, remarks: of_order, .. } = converter;
    let legal = names::made_legal(Kind::Mesh, &name);
    if let Ok(legal) = MeshName::new(legal) {
        mesh.settings.name = legal;
    }
    let mut remarks = layout::remarks(&items, &names);
    for (address, remark) in of_order {
        remarks.entry(address).or_default().push(remark);
    }
    let (project, text) = layout::project(&mesh, &remarks, &certificates, &authorities);
    cx.unresolved(&files);
    let mut report = std::mem::take(&mut cx.report);
    report.sort_by(|a, b| (a.loc, a.reason, &a.field).cmp(&(b.loc, b.reason, &b.field)));
    report.dedup();
    let differs = match cx.diagnostics.has_errors() {
        true => None,
        false => layout::differs(&mesh, &project),
    };
    let unused = options.vars.keys().filter(|name| !cx.used.contains(*name));
    let unused = unused.map(|name| format!("--var {name}"));
    let names = options.names.keys().filter(|file| !cx.used_names.contains(*file));
    let unused = unused.chain(names.map(|file| format!("--name {file}"))).collect();
    let proxies = std::mem::take(&mut cx.proxies);
    let called = std::mem::take(&mut cx.called);
    let dumps = std::mem::take(&mut cx.dumps);
    let missing = cx.missing.iter().map(|asked| {
        let mut places: Vec<Loc> = asked.places.iter().map(|place| place.loc).collect();
        places.sort();
        let several = places.iter().any(|place| place.file != places[0].file);
        let keys: BTreeSet<String> =
            asked.places.iter().filter_map(|place| asked.key(&files, place)).collect();
        let keys = if several { keys.into_iter().collect() } else { Vec::new() };
        Missing { name: asked.name.clone(), places, keys }
    });
    let missing = missing.collect();
    Imported {
        mesh,
        project,
        text,
        report,
        diagnostics: cx.diagnostics,
        fields: cx.seen,
        unused,
        missing,
        proxies,
        called,
        dumps,
        differs,
        sources: read.iter().map(|read| read.file).collect::<BTreeSet<FileId>>().len(),
        files,
    }
}

/// Comments that stand above the TOML of resources.
type Remarks = BTreeMap<Address, Vec<String>>;

/// A document that had definitions, with the places of its texts of several lines.
struct Read {
    file: FileId,
    long: Vec<Loc>,
}
