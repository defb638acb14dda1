//! Telling sources apart, and reading each by its format.

use super::context::Cx;
use super::item::Item;
use super::report::Reason;
use super::tree::{Node, Parsed, Value};
use super::{
    Document, Format, Options, Read, api, cfn, codes, dump, foreign, json, k8s, terraform, vars,
    yaml,
};
use crate::diag::Diagnostic;
use crate::span::{FileId, Files, Loc, Span};

/// The largest source that is read, in bytes.
pub const SOURCE_MAX: u64 = 32 << 20;

/// A source to import.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path, as shown to people.
    pub path: String,
    /// What is in it.
    pub content: Content,
    /// Whether the caller named it, rather than a folder that it is in.
    pub named: bool,
}

/// What is in a source.
#[derive(Clone, Debug)]
pub enum Content {
    /// Text.
    Text(String),
    /// It is no UTF-8 text from this byte on.
    NotUtf8(usize),
    /// It has more than [`SOURCE_MAX`] bytes: so many.
    TooLarge(u64),
}

/// A source whose text can be read.
pub(super) struct Text {
    file: FileId,
    named: bool,
}

/// Adds the sources to the table of files, and reports those that cannot be read.
pub(super) fn open(cx: &mut Cx<'_>, files: &mut Files, sources: Vec<Source>) -> Vec<Text> {
    let mut texts = Vec::new();
    for Source { path, content, named } in sources {
        let (code, message) = match content {
            Content::Text(text) => {
                texts.push(Text { file: files.add(path, text), named });
                continue;
            }
            Content::NotUtf8(at) => (
                &codes::SYNTAX,
                format!("`{path}` is not UTF-8 text (byte {at} is where it breaks)"),
            ),
            Content::TooLarge(size) => {
                (&codes::TOO_LARGE, format!("`{path}` has {} MiB; the limit is 32 MiB", size >> 20))
            }
        };
        let loc = Loc { file: files.add(path, ""), span: Span::new(0..0) };
        cx.report_error(
            Diagnostic::new(code, loc, message)
                .help("import the part that has the mesh, as a file of its own"),
        );
    }
    texts
}

/// Reads all sources. Those of a folder that have nothing of App Mesh are passed over, with a note.
pub(super) fn read(
    cx: &mut Cx<'_>,
    files: &Files,
    texts: &[Text],
    options: &Options,
    items: &mut Vec<Item>,
) -> Vec<Read> {
    let mut documents: Vec<(FileId, Document)> = Vec::new();
    for text in texts {
        let file = files.get(text.file);
        let stem = stem(file.path());
        if file.path().ends_with(".tf") {
            hcl(cx, text.file, file.text());
            continue;
        }
        match parse(text.file, file.text()) {
            Ok(nodes) => {
                documents.extend(
                    nodes
                        .into_iter()
                        .map(|node| (text.file, Document { node, stem: stem.clone() })),
                );
            }
            Err(diagnostic) if text.named || mentions(file.text()) => {
                let other = foreign::explain(text.file, file.path(), file.text());
                cx.report_error(other.unwrap_or(*diagnostic));
            }
            Err(_) => pass(cx, text.file, "cannot be read, and does not speak of App Mesh"),
        }
    }
    let mut found = Vec::new();
    let mut objects: Vec<(FileId, Document)> = Vec::new();
    let is_template = |(_, document): &&(FileId, Document)| cfn::is_template(&document.node);
    let templates: Vec<&Document> =
        documents.iter().filter(is_template).map(|(_, document)| document).collect();
    for (file, document) in &documents {
        let file = *file;
        let format = options.from.or_else(|| detect(document, options));
        let Some(format) = format else {
            if document.node.value != Value::Null {
                pass(cx, file, "has no definition of App Mesh");
            }
            continue;
        };
        cx.format = format;
        cx.stem.clone_from(&document.stem);
        found.push(Read { file, long: long(&document.node) });
        let node = match format {
            // A template has its own way to say it, and the placeholders of other objects are
            // nobody's business here.
            Format::CloudFormation | Format::Terraform | Format::ConfigDump => {
                document.node.clone()
            }
            Format::Kubernetes if !k8s::is_read(&document.node) => document.node.clone(),
            Format::Api | Format::Kubernetes => vars::substitute(cx, &document.node),
        };
        let document = Document { node, stem: document.stem.clone() };
        match format {
            Format::Api => api::read(cx, &document, options.kind, items),
            Format::CloudFormation => cfn::read(cx, &document, &templates, items),
            Format::Terraform => terraform::read(cx, &document, items),
            Format::ConfigDump => dump::read(cx, &document, items),
            Format::Kubernetes => objects.push((file, document)),
        }
    }
    if !objects.is_empty() {
        cx.format = Format::Kubernetes;
        let all: Vec<&Document> = objects.iter().map(|(_, document)| document).collect();
        k8s::read(cx, &all, items);
    }
    found
}

/// Notes every resource of a file of Terraform's own language.
fn hcl(cx: &mut Cx<'_>, file: FileId, text: &str) {
    cx.about = None;
    for (at, line) in text.match_indices("resource \"aws_appmesh_") {
        let loc = Loc { file, span: Span::new(at..at + line.len()) };
        let message = "HCL is not read: import what `terraform show -json` prints".to_owned();
        cx.note(Reason::Unsupported, loc, "resource", message);
    }
}

/// Notes that a file has nothing to import.
fn pass(cx: &mut Cx<'_>, file: FileId, why: &str) {
    let loc = Loc { file, span: Span::new(0..0) };
    cx.about = None;
    cx.note(Reason::Elsewhere, loc, "", why.to_owned());
}

/// Whether a text that cannot be read may have something of App Mesh in it.
fn mentions(text: &str) -> bool {
    let words = [
        "appmesh",
        "AppMesh",
        "irtualNode",
        "irtualRouter",
        "irtualService",
        "irtualGateway",
        "weightedTargets",
        "WeightedTargets",
        "aws_appmesh",
        "portMapping",
    ];
    words.iter().any(|word| text.contains(word))
}

fn detect(document: &Document, options: &Options) -> Option<Format> {
    if k8s::is(&document.node) {
        return Some(Format::Kubernetes);
    }
    if cfn::is(&document.node) {
        return Some(Format::CloudFormation);
    }
    if dump::is(&document.node) {
        return Some(Format::ConfigDump);
    }
    if terraform::is(&document.node) {
        return Some(Format::Terraform);
    }
    api::is(document, options.kind).then_some(Format::Api)
}

/// Reads a text as what it looks like. What opens like JSON may still be YAML.
fn parse(file: FileId, text: &str) -> Parsed<Vec<Node>> {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if !start.starts_with(['{', '[']) || start.starts_with("{{") {
        return yaml::parse(file, text);
    }
    json::parse(file, text).or_else(|wrong| {
        // A template or a manifest in flow style has keys without quotes.
        yaml::parse(file, text).map_err(|_| wrong)
    })
}

/// The file's name without folders and without the endings that say what is in it.
pub(super) fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings =
        [".json", ".yaml", ".yml", ".template", ".tpl", ".tmpl", ".jq", ".tfstate", ".tf"];
    let mut name = name;
    while let Some(shorter) = endings.iter().find_map(|ending| name.strip_suffix(ending)) {
        name = shorter;
    }
    name.to_owned()
}

/// The texts of a tree that have several lines, in which `#` starts no comment.
fn long(node: &Node) -> Vec<Loc> {
    fn walk(node: &Node, all: &mut Vec<Loc>) {
        match &node.value {
            Value::Scalar(text) if text.contains('\n') => all.push(node.loc),
            Value::Null | Value::Scalar(_) => {}
            Value::List(items) => items.iter().for_each(|item| walk(item, all)),
            Value::Map(entries) => entries.iter().for_each(|entry| walk(&entry.node, all)),
        }
    }
    let mut all = Vec::new();
    walk(node, &mut all);
    all
}

/// What to say if no source has a definition.
pub(super) fn nothing(files: &Files) -> Diagnostic {
    let known = "known are API JSON, CloudFormation, Kubernetes resources of appmesh.k8s.aws, \
                 `terraform show -json`, and Envoy's config_dump";
    let message = "the sources have no definition of App Mesh";
    match files.iter().next() {
        Some((file, _)) => {
            let loc = Loc { file, span: Span::new(0..0) };
            Diagnostic::new(&codes::NOTHING, loc, message).help(known)
        }
        None => Diagnostic::unplaced(&codes::NOTHING, message)
            .help("name files, or a folder that has some that end in .json, .yaml or .yml"),
    }
}
