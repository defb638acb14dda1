//! Telling sources apart, and reading each by its format.

use super::context::Cx;
use super::foreign::Foreign;
use super::item::{Item, elsewhere};
use super::report::Reason;
use super::tree::{Node, Parsed, Value};
use super::{
    Document, Format, Options, Read, api, cfn, codes, comments, dump, foreign, hcl, json, k8s,
    kustomize, terraform, vars, yaml,
};
use crate::diag::Diagnostic;
use crate::span::{FileId, Files, Loc, Span};
use std::collections::BTreeMap;

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
    /// It cannot be read, for this reason.
    Unreadable(String),
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
            // A folder has much that nobody meant to import.
            Content::NotUtf8(_) if !named => {
                let file = files.add(path, "");
                pass(cx, file, "is not text");
                continue;
            }
            Content::Unreadable(why) if !named => {
                let file = files.add(path, "");
                pass(cx, file, &format!("cannot be read: {why}"));
                continue;
            }
            Content::NotUtf8(at) => (
                &codes::SYNTAX,
                format!("`{path}` is neither UTF-8 nor UTF-16 text (byte {at} is not)"),
            ),
            Content::Unreadable(why) => (&codes::SYNTAX, format!("`{path}` cannot be read: {why}")),
            Content::TooLarge(size) => {
                (&codes::TOO_LARGE, format!("`{path}` has {} MiB; the limit is 32 MiB", size >> 20))
            }
        };
        let loc = Loc { file: files.add(path, ""), span: Span::new(0..0) };
        cx.report_error(
            Diagnostic::new(code, loc, message)
                .help("Import the part that has the mesh, as a file of its own"),
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
    let mut terraform_files = hcl::Set::default();
    cx.paths = files.iter().map(|(_, file)| file.path().to_owned()).collect();
    for text in texts {
        let file = files.get(text.file);
        let (path, stem) = (file.path().to_owned(), stem(file.path()));
        if foreign::is_by_name(&path, file.text()) {
            foreign_text(cx, text, files);
            continue;
        }
        if hcl::is_manifest(&path) {
            terraform_files.list(text.file, file.text(), &path);
            continue;
        }
        if path.ends_with("terragrunt.hcl") {
            terragrunt(cx, text.file, file.text());
            continue;
        }
        if hcl::is(&path, file.text()) {
            // What a fetched module shows as an example is not applied.
            if !hcl::is_fetched(&path) || !path.contains("/examples/") {
                hidden(cx, files, text.file);
            }
            terraform_files.add(text.file, &path, text.named);
            continue;
        }
        match parse(text.file, file.text()) {
            Ok(nodes) => {
                let document = |node| Document { node, path: path.clone(), stem: stem.clone() };
                documents.extend(nodes.into_iter().map(|node| (text.file, document(node))));
            }
            Err(diagnostic) if text.named || mentions(file.text()) => {
                match foreign::explain(text.file, &path, file.text(), &cx.paths) {
                    Some(found) => foreign_found(cx, text, found),
                    None => cx.report_error(*diagnostic),
                }
            }
            Err(_) if hidden(cx, files, text.file) => {}
            Err(_) => pass(cx, text.file, "cannot be read, and has no definition of App Mesh"),
        }
    }
    let documents = documents.into_iter().flat_map(|(file, document)| {
        let nodes = cfn::unwrapped(&document.node);
        nodes.into_iter().map(move |node| (file, Document { node, ..document.clone() }))
    });
    let mut documents = kustomize::build(cx, documents.collect());
    // A template of CloudFormation has its own way to name values, and gives some to others.
    for (_, document) in documents.iter_mut().filter(|(_, one)| cfn::is_template(&one.node)) {
        document.node = vars::restored(&document.node);
    }
    let states: Vec<(FileId, &Document)> = documents
        .iter()
        .filter(|(_, document)| terraform::is_state(&document.node))
        .map(|(file, document)| (*file, document))
        .collect();
    cx.format = Format::Terraform;
    let (mut found, used) = terraform_files.read(cx, files, &states, items);
    let dumped = documents.iter().filter(|(_, document)| dump::is(&document.node));
    cx.routers = dump::routers(dumped.map(|(_, document)| &document.node));
    let mut objects: Vec<(FileId, Document)> = Vec::new();
    let is_template = |(_, document): &&(FileId, Document)| cfn::is_template(&document.node);
    let templates: Vec<&Document> =
        documents.iter().filter(is_template).map(|(_, document)| document).collect();
    // A file of many documents is searched once.
    let mut searched: BTreeMap<FileId, bool> = BTreeMap::new();
    for (file, document) in &documents {
        let file = *file;
        // A state beside files was read with them.
        if used.contains(&file) {
            found.push(Read { file, long: Vec::new() });
            continue;
        }
        let format = options.from.or_else(|| detect(document, options));
        let Some(format) = format else {
            if document.node.value != Value::Null
                && !*searched.entry(file).or_insert_with(|| hidden(cx, files, file))
            {
                pass(cx, file, "has no definition of App Mesh");
            }
            continue;
        };
        if options.dumps_aside && format == Format::ConfigDump {
            if !cx.dumps.contains(&file) {
                cx.dumps.push(file);
            }
            continue;
        }
        cx.format = format;
        cx.path.clone_from(&document.path);
        found.push(Read { file, long: long(&document.node) });
        let node = match format {
            // Placeholders of other objects are nobody's business here.
            Format::CloudFormation | Format::Terraform | Format::ConfigDump => {
                vars::restored(&document.node)
            }
            Format::Kubernetes if !k8s::is_read(&document.node) => vars::restored(&document.node),
            Format::Api | Format::Kubernetes => vars::substitute(cx, &document.node),
        };
        let document = Document { node, ..document.clone() };
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

/// Notes that a file has nothing to import.
pub(super) fn pass(cx: &mut Cx<'_>, file: FileId, why: &str) {
    let loc = Loc { file, span: Span::new(0..0) };
    cx.about = None;
    elsewhere(cx, loc, "", why);
}

/// Reports what a text holds or runs that makes definitions, once a file; false if there is nothing.
fn hidden(cx: &mut Cx<'_>, files: &Files, file: FileId) -> bool {
    if cx.generators.iter().any(|known| known.loc.file == file) {
        return true;
    }
    let text = files.get(file);
    if !text.text().contains("ppmesh") && !text.text().contains("AppMesh") {
        return false;
    }
    let found = foreign::within(file, text.path(), text.text(), &cx.paths);
    let there = found.is_some();
    cx.generators.extend(found);
    there
}

/// Reports a file of Terragrunt, which gives a module its values.
fn terragrunt(cx: &mut Cx<'_>, file: FileId, text: &str) {
    let loc = Loc { file, span: Span::new(0..0) };
    if !text.contains("source") && !text.contains("inputs") {
        pass(cx, file, "has no definition of App Mesh");
        return;
    }
    let message = "Terragrunt gives the values of this file to a module when it runs";
    let help = "Import the state: terragrunt state pull > terraform.tfstate";
    cx.generator(loc, message, help);
}

/// Reports a text that makes definitions: as an error if it was named, or else with the other losses.
fn foreign_text(cx: &mut Cx<'_>, text: &Text, files: &Files) {
    let file = files.get(text.file);
    match foreign::explain(text.file, file.path(), file.text(), &cx.paths) {
        Some(found) => foreign_found(cx, text, found),
        None => pass(cx, text.file, "is no definition of App Mesh"),
    }
}

fn foreign_found(cx: &mut Cx<'_>, text: &Text, found: Foreign) {
    match found {
        found if text.named => cx.report_error(found.error()),
        found if found.defines => cx.generator(found.loc, found.message, found.help),
        _ => pass(cx, text.file, "is no definition of App Mesh"),
    }
}

/// Reports what makes definitions: as errors where nothing else was found, or else as losses.
pub(super) fn generators(cx: &mut Cx<'_>, alone: bool) {
    cx.about = None;
    for found in std::mem::take(&mut cx.generators) {
        if alone {
            cx.report_error(found.error());
        } else {
            let message = format!("{}. {}", found.message, found.help);
            cx.note(Reason::Generator, found.loc, "", message);
        }
    }
}

/// Whether a text that cannot be read may have a definition of App Mesh in it. The name of the service
/// alone also stands in policies and in texts about it.
fn mentions(text: &str) -> bool {
    let words = [
        "appmesh.k8s.aws",
        "AWS::AppMesh",
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
    if cfn::is(&document.node) || cfn::refers(&document.node) {
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
    let start = comments::after_comments(text);
    if !start.starts_with(['{', '[']) || start.starts_with("{{") {
        return yaml::parse(file, text);
    }
    json::parse(file, text).or_else(|wrong| {
        // A template or a manifest in flow style has keys without quotes.
        yaml::parse(file, text).map_err(|_| wrong)
    })
}

/// The folder that a file is in; the files of the topmost one have none.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The file's name without folders and without the endings that say what is in it.
pub(super) fn stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = [
        ".json",
        ".jsonc",
        ".yaml",
        ".yml",
        ".template",
        ".tpl",
        ".tmpl",
        ".jq",
        ".j2",
        ".jinja",
        ".jinja2",
        ".erb",
        ".mustache",
        ".hbs",
        ".gotmpl",
        ".in",
        ".tfstate",
        ".tf",
        ".tofu",
    ];
    let mut name = name;
    while let Some(shorter) = endings.iter().find_map(|ending| {
        let at = name.len().checked_sub(ending.len())?;
        name.get(at..)?.eq_ignore_ascii_case(ending).then(|| &name[..at])
    }) {
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
    let known = "Known are API JSON, CloudFormation, Kubernetes resources of appmesh.k8s.aws, \
                 Terraform's files and states, and Envoy's config_dump";
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
