//! `kustomization.yaml`: what `kustomize build` would print of the objects among the sources.
//!
//! Names, namespaces and patches are applied; a field that does more is reported with the command that
//! does it. References of App Mesh's objects to each other stay as they are, because kustomize does
//! not know them.

use super::context::Cx;
use super::item::elsewhere;
use super::report::Reason;
use super::sources::folder;
use super::tree::{Node, Value};
use super::{Document, k8s, yaml};
use crate::diag::shell::word;
use crate::span::FileId;
use std::collections::{BTreeMap, BTreeSet};

/// Fields that change nothing of what is imported.
const HARMLESS: [&str; 9] = [
    "apiVersion",
    "kind",
    "metadata",
    "commonAnnotations",
    "images",
    "replicas",
    "generatorOptions",
    "buildMetadata",
    "sortOptions",
];
/// Fields that make objects of Kubernetes, none of which is the mesh's.
const OTHERS: [&str; 2] = ["configMapGenerator", "secretGenerator"];
/// Fields that are applied.
const APPLIED: [&str; 11] = [
    "resources",
    "bases",
    "components",
    "labels",
    "commonLabels",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
];

/// How many kustomizations one import builds: one that lists others several times over ends.
const VISITS_MAX: usize = 1_000;

type All = Vec<(FileId, Document)>;

/// Whether a document says how others are put together.
fn is(document: &Document) -> bool {
    let name = document.path.rsplit('/').next().unwrap_or_default();
    let named = ["kustomization.yaml", "kustomization.yml", "Kustomization"].contains(&name);
    let version = document.node.text_at("apiVersion").unwrap_or_default();
    named && document.node.value != Value::Null || version.starts_with("kustomize.config.k8s.io/")
}

/// Puts documents together as their kustomizations say. Without any, they stay as they are.
pub(super) fn build(cx: &mut Cx<'_>, documents: All) -> All {
    let (roots, others): (All, All) = documents.into_iter().partition(|(_, one)| is(one));
    if roots.is_empty() {
        return others;
    }
    let all: BTreeMap<String, &(FileId, Document)> =
        roots.iter().map(|one| (folder(&one.1.path).to_owned(), one)).collect();
    let mut builder = Builder { all, others: &others, used: BTreeSet::new(), depth: 0, visits: 0 };
    let listed: BTreeSet<String> = builder
        .all
        .iter()
        .flat_map(|(folder, (_, document))| {
            let all = listed(&document.node, &["resources", "bases", "components"]);
            all.map(|node| joined(folder, node.text().unwrap_or_default()))
        })
        .collect();
    let tops: Vec<String> =
        builder.all.keys().filter(|folder| !listed.contains(*folder)).cloned().collect();
    let mut built = Vec::new();
    for top in &tops {
        built.extend(builder.one(cx, top, Vec::new()));
    }
    let Builder { all, used, .. } = builder;
    for (file, document) in &others {
        if used.contains(&document.path) {
            continue;
        }
        let within = |folder: &&String| {
            folder.is_empty() || document.path.starts_with(&format!("{folder}/"))
        };
        if k8s::is(&document.node) && all.keys().any(|folder| within(&folder)) {
            cx.about = None;
            let message = "is in no kustomization's resources, so it is left out";
            cx.note(Reason::Assumed, document.node.loc, "resources", message.to_owned());
            continue;
        }
        built.push((*file, document.clone()));
    }
    built
}

struct Builder<'d> {
    /// Kustomizations by their folders.
    all: BTreeMap<String, &'d (FileId, Document)>,
    others: &'d All,
    /// The files that are resources or patches.
    used: BTreeSet<String>,
    depth: usize,
    /// How many kustomizations were built.
    visits: usize,
}

impl Builder<'_> {
    /// What the kustomization of a folder builds: of its resources, and as a component of what another
    /// has so far.
    fn one(&mut self, cx: &mut Cx<'_>, own: &str, mut built: All) -> All {
        let Some((_, document)) = self.all.get(own).copied() else { return built };
        let node = document.node.clone();
        cx.about = None;
        cx.path.clone_from(&document.path);
        self.visits += 1;
        if self.depth > 32 || self.visits > VISITS_MAX {
            let message = "the kustomization is one of its own resources".to_owned();
            cx.note(Reason::Unsupported, node.loc, "resources", message);
            return built;
        }
        let command = format!(
            "Import what it makes: kustomize build {} > all.yaml",
            word(if own.is_empty() { "." } else { own })
        );
        for entry in node.entries() {
            let key = entry.key.as_str();
            if OTHERS.contains(&key) {
                elsewhere(cx, entry.at, key, "makes objects of Kubernetes, none of the mesh");
                continue;
            }
            if !HARMLESS.contains(&key) && !APPLIED.contains(&key) {
                let message = format!("`{key}` of a kustomization is not applied here");
                cx.generator(entry.at, message, command.clone());
            }
        }
        for resource in listed(&node, &["resources", "bases"]) {
            let Some(text) = resource.text() else { continue };
            let path = joined(own, text);
            if self.all.contains_key(&path) {
                self.depth += 1;
                built.extend(self.one(cx, &path, Vec::new()));
                self.depth -= 1;
                continue;
            }
            let before = built.len();
            for (file, document) in self.others.iter().filter(|(_, one)| one.path == path) {
                let mut objects = Vec::new();
                k8s::flatten(&document.node, &mut objects);
                let object = |node: &Node| Document { node: node.clone(), ..document.clone() };
                built.extend(objects.into_iter().map(|node| (*file, object(node))));
            }
            self.used.insert(path);
            if built.len() == before {
                let message = format!("the resource `{text}` is not among the sources");
                let help = format!("Import its folder too. {command}");
                cx.generator(resource.loc, message, help);
            }
        }
        for component in listed(&node, &["components"]) {
            let text = component.text().unwrap_or_default();
            let path = joined(own, text);
            if self.all.contains_key(&path) {
                self.depth += 1;
                built = self.one(cx, &path, built);
                self.depth -= 1;
            } else {
                let message = format!("the component `{text}` is not among the sources");
                let help = format!("Import its folder too. {command}");
                cx.generator(component.loc, message, help);
            }
        }
        for patch in node.get("patchesStrategicMerge").map(Node::items).unwrap_or_default() {
            self.patch(cx, own, &mut built, patch, None, &command);
        }
        for key in ["patches", "patchesJson6902"] {
            for patch in node.get(key).map(Node::items).unwrap_or_default() {
                let Some(text) = patch.get("patch").or_else(|| patch.get("path")) else { continue };
                self.patch(cx, own, &mut built, text, patch.get("target"), &command);
            }
        }
        let objects = built.iter_mut().filter(|(_, one)| k8s::is(&one.node));
        for (_, document) in objects {
            named(&node, &mut document.node);
        }
        built
    }

    /// Applies a patch: a file's path, or the text itself.
    fn patch(
        &mut self,
        cx: &mut Cx<'_>,
        own: &str,
        built: &mut All,
        patch: &Node,
        target: Option<&Node>,
        command: &str,
    ) {
        let text = patch.text().unwrap_or_default();
        let path = joined(own, text);
        let mut parts: Vec<Node> = Vec::new();
        if self.others.iter().any(|(_, one)| one.path == path) {
            let of_file = self.others.iter().filter(|(_, one)| one.path == path);
            parts.extend(of_file.map(|(_, one)| one.node.clone()));
            self.used.insert(path);
        } else if let Ok(nodes) = yaml::parse(patch.loc.file, text)
            && nodes.iter().all(|node| node.text().is_none())
        {
            parts.extend(nodes.iter().map(|node| node.relocated(patch.loc)));
        } else {
            cx.generator(patch.loc, "the patch is not among the sources", command);
        }
        for part in parts {
            let mut met = false;
            for (_, document) in built.iter_mut() {
                let fits = match (target, &part.value) {
                    (Some(target), _) => matches(target, &document.node),
                    (None, _) => same_object(&part, &document.node),
                };
                if !fits {
                    continue;
                }
                met = true;
                let done = match &part.value {
                    Value::List(operations) => {
                        operations.iter().all(|one| operate(&mut document.node, one))
                    }
                    _ => {
                        merge(&mut document.node, &part, target.is_some());
                        true
                    }
                };
                if !done {
                    cx.generator(patch.loc, "the patch cannot be applied here", command);
                }
            }
            // A patch of something else, a Deployment for example, is nothing to the mesh.
            if !met && part.items().is_empty() && !k8s::is_read(&part) {
                elsewhere(cx, patch.loc, "patches", "matches no object of the mesh");
            } else if !met {
                cx.generator(patch.loc, "the patch matches no object among the sources", command);
            }
        }
    }
}

/// What a kustomization lists in some of its fields.
fn listed<'n>(node: &'n Node, keys: &'static [&str]) -> impl Iterator<Item = &'n Node> {
    keys.iter().filter_map(|key| node.get(key)).flat_map(|node| node.items().iter())
}

/// Gives an object the namespace, the name and the labels that a kustomization says. A Namespace is
/// renamed by the namespace alone.
fn named(kustomization: &Node, object: &mut Node) {
    let text_at = |key| kustomization.text_at(key).unwrap_or_default();
    let is_namespace = object.text_at("kind") == Some("Namespace");
    let Some(metadata) = object.get_mut("metadata") else { return };
    labelled(kustomization, metadata);
    if let Some(namespace) = kustomization.get("namespace") {
        metadata.set(if is_namespace { "name" } else { "namespace" }, namespace.clone());
    }
    if is_namespace {
        return;
    }
    if let Some(Node { value: Value::Scalar(text), .. }) = metadata.get_mut("name") {
        *text = format!("{}{text}{}", text_at("namePrefix"), text_at("nameSuffix"));
    }
}

/// Gives an object the labels of a kustomization, which selectors of gateways look at.
fn labelled(kustomization: &Node, metadata: &mut Node) {
    let common = kustomization.get("commonLabels").into_iter();
    let pairs = listed(kustomization, &["labels"]).filter_map(|one| one.get("pairs"));
    for label in common.chain(pairs).flat_map(|labels| labels.entries()) {
        if metadata.get("labels").is_none() {
            metadata.set("labels", Node { loc: label.at, value: Value::Map(Vec::new()) });
        }
        if let Some(labels) = metadata.get_mut("labels") {
            labels.set(&label.key, label.node.clone());
        }
    }
}

/// A path from a folder on, without `.` and `..`.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let rooted = if folder.starts_with('/') { "/" } else { "" };
    format!("{rooted}{}", parts.join("/"))
}

fn text_of<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n str> {
    node.at(keys).and_then(Node::text)
}

/// Whether a patch is one of this object: of its kind and name, and of its namespace if it has one.
fn same_object(patch: &Node, object: &Node) -> bool {
    let name = ["metadata", "name"];
    let namespace = text_of(patch, &["metadata", "namespace"]);
    patch.text_at("kind") == object.text_at("kind")
        && text_of(patch, &name) == text_of(object, &name)
        && namespace.is_none_or(|own| text_of(object, &["metadata", "namespace"]) == Some(own))
}

/// Whether a target means this object.
fn matches(target: &Node, object: &Node) -> bool {
    let version = object.text_at("apiVersion").unwrap_or_default();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let fits = |key: &str, own: Option<&str>| {
        target.text_at(key).is_none_or(|wanted| {
            let wanted = wanted.trim_start_matches('^').trim_end_matches('$');
            wanted == ".*" || own == Some(wanted)
        })
    };
    !target.has("labelSelector")
        && !target.has("annotationSelector")
        && fits("kind", object.text_at("kind"))
        && fits("group", Some(group))
        && fits("version", Some(version))
        && fits("name", text_of(object, &["metadata", "name"]))
        && fits("namespace", text_of(object, &["metadata", "namespace"]))
}

/// Merges a patch into an object as kustomize does for objects whose schema it does not know: mappings
/// are merged, lists and single values replaced, and null takes away.
fn merge(into: &mut Node, patch: &Node, keeps_name: bool) {
    let Value::Map(entries) = &patch.value else {
        *into = patch.clone();
        return;
    };
    if !matches!(into.value, Value::Map(_)) {
        *into = Node { loc: patch.loc, value: Value::Map(Vec::new()) };
    }
    for entry in entries {
        if keeps_name && ["metadata", "kind", "apiVersion"].contains(&entry.key.as_str()) {
            continue;
        }
        if entry.node.value == Value::Null {
            if let Value::Map(own) = &mut into.value {
                own.retain(|own| own.key != entry.key);
            }
            continue;
        }
        match into.get_mut(&entry.key) {
            Some(inner) => merge(inner, &entry.node, false),
            None => into.set(&entry.key, entry.node.clone()),
        }
    }
}

/// Applies one operation of JSON Patch; false if it cannot be.
fn operate(object: &mut Node, operation: &Node) -> bool {
    let (Some(op), Some(path)) = (operation.text_at("op"), operation.text_at("path")) else {
        return false;
    };
    let parts: Vec<String> =
        path.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    let Some((last, above)) = parts.split_last() else { return false };
    let mut node = object;
    for part in above {
        let next = match &mut node.value {
            Value::Map(entries) => entries.iter_mut().find(|e| e.key == *part).map(|e| &mut e.node),
            Value::List(items) => part.parse::<usize>().ok().and_then(|at| items.get_mut(at)),
            Value::Null | Value::Scalar(_) => None,
        };
        match next {
            Some(next) => node = next,
            None => return false,
        }
    }
    let value = operation.entry("value").map(|entry| entry.node.clone());
    match (&mut node.value, op, value) {
        (Value::Map(entries), "remove", _) => {
            let before = entries.len();
            entries.retain(|entry| entry.key != *last);
            entries.len() < before
        }
        (Value::Map(entries), "replace", Some(_)) if !entries.iter().any(|e| e.key == *last) => {
            false
        }
        (Value::Map(_), "add" | "replace", Some(value)) => {
            node.set(last, value);
            true
        }
        (Value::List(items), "add", Some(value)) if last == "-" => {
            items.push(value);
            true
        }
        (Value::List(items), op, value) => {
            let Some(at) = last.parse::<usize>().ok() else { return false };
            match (op, value) {
                ("add", Some(value)) if at <= items.len() => items.insert(at, value),
                ("replace", Some(value)) if at < items.len() => items[at] = value,
                ("remove", _) if at < items.len() => {
                    items.remove(at);
                }
                _ => return false,
            }
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_without_dots() {
        assert_eq!(joined("overlays/eu", "../../base"), "base");
        assert_eq!(joined("", "./a.yaml"), "a.yaml");
        assert_eq!(joined("/tmp/x", "a/b"), "/tmp/x/a/b");
        assert_eq!(joined("", "../base"), "../base");
    }
}
