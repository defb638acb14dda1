//! CloudFormation's functions: references, texts put together, conditions, mappings.

use super::cfn::kind_of;
use super::context::{Cx, UNSET};
use super::item::{lax, name_of};
use super::tree::{DEPTH_MAX, Entry, Node, Value};
use super::{Document, codes, sources};
use crate::diag::Diagnostic;
use crate::diag::shell::word;
use crate::span::Loc;
use std::cell::Cell;

/// A template, for computing values of it.
pub(super) struct Template<'t> {
    parameters: Option<&'t Node>,
    mappings: Option<&'t Node>,
    conditions: Option<&'t Node>,
    resources: Option<&'t Node>,
    outputs: Option<&'t Node>,
    /// What its file is called, without folders and endings.
    stem: &'t str,
    /// All templates of this import, which may give values to each other.
    all: &'t [&'t Document],
    /// How deep references are within each other: one that leads back to itself ends.
    depth: Cell<usize>,
}

impl<'t> Template<'t> {
    pub(super) fn new(document: &'t Document, all: &'t [&'t Document]) -> Self {
        let node = &document.node;
        Self {
            parameters: node.get("Parameters"),
            mappings: node.get("Mappings"),
            conditions: node.get("Conditions"),
            resources: node.get("Resources"),
            outputs: node.get("Outputs"),
            stem: &document.stem,
            all,
            depth: Cell::new(0),
        }
    }

    /// Another template of this import, asked from this one.
    fn other(&self, document: &'t Document) -> Self {
        let other = Self::new(document, self.all);
        // A value that leads back to itself over several templates ends as well.
        other.depth.set(self.depth.get() + 1);
        other
    }

    /// What another template of this import exports under a name.
    fn exported(&self, cx: &mut Cx<'_>, argument: &Node) -> Option<Node> {
        if self.depth.get() > DEPTH_MAX {
            return None;
        }
        let wanted = cx.aside(|cx| self.text(cx, argument));
        for document in self.all {
            let other = self.other(document);
            for output in other.outputs.map(Node::entries).unwrap_or_default() {
                let Some(name) = output.node.at(&["Export", "Name"]) else { continue };
                if cx.aside(|cx| other.text(cx, name)) == wanted {
                    return Some(other.value(cx, output.node.get("Value")?));
                }
            }
        }
        None
    }

    /// What a stack that nests this template gives to a parameter.
    fn passed(&self, cx: &mut Cx<'_>, parameter: &str) -> Option<Node> {
        if self.depth.get() > DEPTH_MAX {
            return None;
        }
        self.all.iter().find_map(|document| {
            let outer = self.other(document);
            let resources = outer.resources.map(Node::entries).unwrap_or_default();
            let stack = resources.iter().find(|entry| {
                nested(&entry.key, &entry.node)
                    .is_some_and(|stem| !stem.is_empty() && stem == self.stem)
            })?;
            let given = stack.node.at(&["Properties", "Parameters", parameter])?;
            Some(outer.value(cx, given))
        })
    }

    /// An output of a template that a stack of this one nests: `Outputs.NAME`.
    fn output(
        &self,
        cx: &mut Cx<'_>,
        logical: &str,
        stack: &Node,
        attribute: &str,
    ) -> Option<Node> {
        let name = attribute.strip_prefix("Outputs.")?;
        let stem = nested(logical, stack)?;
        let document = self.all.iter().find(|document| document.stem == stem)?;
        let inner = self.other(document);
        let value = inner.outputs?.at(&[name, "Value"])?;
        (self.depth.get() <= DEPTH_MAX).then(|| inner.value(cx, value))
    }

    /// A value with all functions computed. What is to be left out is null.
    pub(super) fn value(&self, cx: &mut Cx<'_>, node: &Node) -> Node {
        if self.depth.get() > DEPTH_MAX {
            let name = "a reference to itself";
            return Node::scalar(node.loc, cx.variable(name, node.loc));
        }
        self.depth.set(self.depth.get() + 1);
        let value = self.computed(cx, node);
        self.depth.set(self.depth.get() - 1);
        value
    }

    fn computed(&self, cx: &mut Cx<'_>, node: &Node) -> Node {
        let loc = node.loc;
        if let [entry] = node.entries()
            && (entry.key == "Ref" || entry.key == "Condition" || entry.key.starts_with("Fn::"))
        {
            return self.function(cx, entry, loc);
        }
        let value = match &node.value {
            Value::Null => Value::Null,
            Value::Scalar(text) => Value::Scalar(text.clone()),
            Value::List(items) => {
                let items = items.iter().map(|item| self.value(cx, item));
                Value::List(items.filter(|item| item.value != Value::Null).collect())
            }
            Value::Map(entries) => {
                let entry = |entry: &Entry| Entry {
                    key: entry.key.clone(),
                    at: entry.at,
                    node: self.value(cx, &entry.node),
                };
                Value::Map(entries.iter().map(entry).collect())
            }
        };
        Node { loc, value }
    }

    fn function(&self, cx: &mut Cx<'_>, entry: &Entry, loc: Loc) -> Node {
        let argument = &entry.node;
        match entry.key.as_str() {
            "Ref" => match argument.text() {
                Some(name) => self.reference(cx, name, loc),
                None => self.wrong(cx, entry, "Ref takes a name"),
            },
            "Fn::GetAtt" => self.attribute(cx, entry, loc),
            "Fn::Sub" => self.sub(cx, entry, loc),
            "Fn::Join" => {
                let [delimiter, parts] = argument.items() else {
                    return self.wrong(cx, entry, "Fn::Join takes a delimiter and a list");
                };
                let delimiter = self.text(cx, delimiter);
                let parts = self.value(cx, parts);
                let parts: Vec<String> = match &parts.value {
                    // A parameter that is a list is one text with commas.
                    Value::Scalar(text) => text.split(',').map(str::to_owned).collect(),
                    _ => parts.items().iter().map(|part| self.text(cx, part)).collect(),
                };
                Node::scalar(loc, parts.join(&delimiter))
            }
            "Fn::Split" => {
                let [delimiter, text] = argument.items() else {
                    return self.wrong(cx, entry, "Fn::Split takes a delimiter and a text");
                };
                let (delimiter, text) = (self.text(cx, delimiter), self.text(cx, text));
                if delimiter.is_empty() {
                    return self.wrong(cx, entry, "Fn::Split takes a delimiter and a text");
                }
                let parts = text.split(&delimiter).map(|part| Node::scalar(loc, part));
                Node::list(loc, parts.collect())
            }
            "Fn::Select" => {
                let [index, list] = argument.items() else {
                    return self.wrong(cx, entry, "Fn::Select takes an index and a list");
                };
                let index = self.value(cx, index);
                let list = self.value(cx, list);
                let items: Vec<Node> = match &list.value {
                    Value::Scalar(text) if text.contains(UNSET) => {
                        return list;
                    }
                    Value::Scalar(text) => {
                        text.split(',').map(|part| Node::scalar(loc, part.trim())).collect()
                    }
                    _ => list.items().to_vec(),
                };
                let index = index.int().and_then(|n| usize::try_from(n).ok());
                match index.and_then(|n| items.get(n)) {
                    Some(item) => item.clone(),
                    // A part of something that is not known is not known either.
                    None if items
                        .iter()
                        .any(|item| item.text().is_some_and(|t| t.contains(UNSET))) =>
                    {
                        items.into_iter().next().unwrap_or(list)
                    }
                    None => self.wrong(cx, entry, "the list has no item of this index"),
                }
            }
            "Fn::If" => {
                let [condition, then, otherwise] = argument.items() else {
                    return self.wrong(cx, entry, "Fn::If takes a condition and two values");
                };
                let name = condition.text().unwrap_or_default();
                match self.condition(cx, name, condition.loc) {
                    Some(false) => self.value(cx, otherwise),
                    // What cannot be told is in the report, under the parameter's name.
                    Some(true) | None => self.value(cx, then),
                }
            }
            "Fn::FindInMap" => {
                let keys: Vec<Node> =
                    argument.items().iter().map(|key| self.value(cx, key)).collect();
                let [map, first, second, ..] = keys.as_slice() else {
                    return self.wrong(cx, entry, "Fn::FindInMap takes a map and two keys");
                };
                let texts = [map, first, second].map(|key| key.text().unwrap_or_default());
                match self.mappings.and_then(|maps| maps.at(&texts)) {
                    Some(value) => value.clone(),
                    None => {
                        let name = format!("{}.{}", texts[0], second.text().unwrap_or_default());
                        Node::scalar(loc, cx.variable(&name, loc))
                    }
                }
            }
            "Fn::ImportValue" => match self.exported(cx, argument) {
                Some(value) => Node { loc, ..value },
                None => {
                    let name = self.text(cx, argument);
                    Node::scalar(loc, cx.variable(&name, loc))
                }
            },
            "Fn::GetAZs" | "Fn::Cidr" | "Fn::Base64" | "Fn::Transform" | "Condition"
            | "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => {
                self.wrong(cx, entry, &format!("{} gives nothing that stands here", entry.key))
            }
            _ => self.wrong(cx, entry, &format!("meshctl cannot compute `{}`", entry.key)),
        }
    }

    fn wrong(&self, cx: &mut Cx<'_>, entry: &Entry, message: &str) -> Node {
        cx.report_error(
            Diagnostic::new(&codes::UNKNOWN_FUNCTION, entry.at, message)
                .help("write the value out, or import the template as CloudFormation processed it"),
        );
        Node { loc: entry.at, value: Value::Null }
    }

    fn text(&self, cx: &mut Cx<'_>, node: &Node) -> String {
        self.value(cx, node).text().unwrap_or_default().to_owned()
    }

    /// What `Ref` gives: a parameter's value, or what stands for a resource.
    fn reference(&self, cx: &mut Cx<'_>, name: &str, loc: Loc) -> Node {
        if name == "AWS::NoValue" {
            return Node { loc, value: Value::Null };
        }
        let parameter = self.parameters.and_then(|all| all.entry(name));
        if let Some(value) = cx.value_of(name) {
            return Node::scalar(loc, value);
        }
        // What a parameter of Systems Manager is given, or has by default, is the name of its value.
        let of_store = parameter
            .and_then(|entry| entry.node.text_at("Type"))
            .is_some_and(|ty| ty.starts_with("AWS::SSM::Parameter::Value"));
        if parameter.is_some()
            && let Some(value) = self.passed(cx, name)
            && !of_store
        {
            return Node { loc, ..value };
        }
        if let Some(parameter) = parameter.filter(|_| of_store) {
            let key = parameter.node.text_at("Default").unwrap_or("NAME");
            let how = format!(
                "its value is in Systems Manager: aws ssm get-parameter --name {} --query \
                 Parameter.Value --output text",
                word(key)
            );
            return Node::scalar(loc, cx.variable_from(name, loc, &how));
        }
        if let Some(default) = parameter.and_then(|entry| entry.node.get("Default")) {
            return match default.text() {
                Some(text) => Node::scalar(loc, text),
                None => default.clone(),
            };
        }
        if let Some(resource) = self.resources.and_then(|all| all.get(name))
            && kind_of(resource).is_some()
        {
            return self.own_name(cx, name, resource, loc);
        }
        Node::scalar(loc, cx.variable(name, loc))
    }

    /// The name of an App Mesh resource of the template.
    fn own_name(&self, cx: &mut Cx<'_>, logical: &str, resource: &Node, loc: Loc) -> Node {
        let kind = kind_of(resource);
        let written = kind.and_then(|kind| lax(resource.get("Properties")?, name_of(kind)));
        match written {
            Some(node) => Node::scalar(loc, self.text(cx, node)),
            None => Node::scalar(loc, logical),
        }
    }

    /// What `Fn::GetAtt` gives: `[Resource, Attribute]` or `Resource.Attribute`.
    fn attribute(&self, cx: &mut Cx<'_>, entry: &Entry, loc: Loc) -> Node {
        let whole = match &entry.node.value {
            Value::Scalar(text) => text.clone(),
            Value::List(items) => {
                items.iter().map(|item| self.text(cx, item)).collect::<Vec<_>>().join(".")
            }
            Value::Null | Value::Map(_) => String::new(),
        };
        match whole.split_once('.') {
            Some((logical, attribute)) => self.got(cx, logical, attribute, loc),
            None => self.wrong(cx, entry, "Fn::GetAtt takes a resource and an attribute"),
        }
    }

    fn got(&self, cx: &mut Cx<'_>, logical: &str, attribute: &str, loc: Loc) -> Node {
        let name = format!("{logical}.{attribute}");
        let resource = self.resources.and_then(|all| all.get(logical));
        if let Some(value) = cx.value_of(&name) {
            return Node::scalar(loc, value);
        }
        if let Some(resource) = resource {
            if let Some(value) = self.output(cx, logical, resource, attribute) {
                return Node { loc, ..value };
            }
            let properties = resource.get("Properties");
            let own = kind_of(resource);
            if own.is_some_and(|kind| attribute.eq_ignore_ascii_case(name_of(kind)))
                || own.is_some() && attribute == "Arn"
            {
                return self.own_name(cx, logical, resource, loc);
            }
            // Many resources have an attribute that is one of their properties.
            if let Some(node) = properties.and_then(|properties| properties.get(attribute)) {
                let value = self.value(cx, node);
                if value.text().is_some() {
                    return Node { loc, ..value };
                }
            }
        }
        Node::scalar(loc, cx.variable(&name, loc))
    }

    /// What `Fn::Sub` gives: a text with `${…}`, alone or with a mapping of its own names.
    fn sub(&self, cx: &mut Cx<'_>, entry: &Entry, loc: Loc) -> Node {
        let (text, own) = match (&entry.node.value, entry.node.items()) {
            (Value::Scalar(text), _) => (text.as_str(), None),
            (_, [text, own]) => (text.text().unwrap_or_default(), Some(own)),
            (_, [text]) => (text.text().unwrap_or_default(), None),
            _ => return self.wrong(cx, entry, "Fn::Sub takes a text"),
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let inner = &rest[at + 2..];
            let Some(end) = inner.find('}') else {
                rest = &rest[at..];
                break;
            };
            let name = inner[..end].trim();
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
            } else if let Some(node) = own.and_then(|own| own.get(name)) {
                out.push_str(&self.text(cx, node));
            } else if let Some((logical, attribute)) = name.split_once('.') {
                let node = self.got(cx, logical, attribute, loc);
                out.push_str(node.text().unwrap_or_default());
            } else {
                let node = self.reference(cx, name, loc);
                out.push_str(node.text().unwrap_or_default());
            }
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Node::scalar(loc, out)
    }

    /// Whether a condition holds; `None` if that depends on something without a value.
    pub(super) fn condition(&self, cx: &mut Cx<'_>, name: &str, loc: Loc) -> Option<bool> {
        let Some(node) = self.conditions.and_then(|all| all.get(name)) else {
            cx.variable(name, loc);
            return None;
        };
        self.truth(cx, node)
    }

    fn truth(&self, cx: &mut Cx<'_>, node: &Node) -> Option<bool> {
        if self.depth.get() > DEPTH_MAX {
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        let truth = self.tested(cx, node);
        self.depth.set(self.depth.get() - 1);
        truth
    }

    fn tested(&self, cx: &mut Cx<'_>, node: &Node) -> Option<bool> {
        let [entry] = node.entries() else { return node.boolean() };
        let items = entry.node.items();
        match (entry.key.as_str(), items) {
            ("Condition", _) => self.condition(cx, entry.node.text()?, entry.at),
            ("Fn::Equals", [left, right]) => {
                let (left, right) = (self.value(cx, left), self.value(cx, right));
                let unknown = |node: &Node| node.text().is_some_and(|text| text.contains(UNSET));
                if unknown(&left) || unknown(&right) {
                    return None;
                }
                Some(super::item::same(&left, &right))
            }
            ("Fn::Not", [inner]) => self.truth(cx, inner).map(|truth| !truth),
            ("Fn::And", all) => {
                let all: Vec<Option<bool>> = all.iter().map(|one| self.truth(cx, one)).collect();
                if all.contains(&Some(false)) {
                    return Some(false);
                }
                all.iter().all(Option::is_some).then_some(true)
            }
            ("Fn::Or", all) => {
                let all: Vec<Option<bool>> = all.iter().map(|one| self.truth(cx, one)).collect();
                if all.contains(&Some(true)) {
                    return Some(true);
                }
                all.iter().all(Option::is_some).then_some(false)
            }
            _ => {
                self.wrong(cx, entry, &format!("`{}` is no condition", entry.key));
                None
            }
        }
    }
}

/// The file, without folders and endings, of the template that a resource nests: of its address, of the
/// asset that the CDK made of it, or else what the resource is called.
pub(super) fn nested(logical: &str, resource: &Node) -> Option<String> {
    let key = match resource.text_at("Type")? {
        "AWS::CloudFormation::Stack" | "AWS::CloudFormation::StackSet" => "TemplateURL",
        "AWS::Serverless::Application" => "Location",
        _ => return None,
    };
    let asset = resource.at(&["Metadata", "aws:asset:path"]).and_then(Node::text);
    let address = resource.at(&["Properties", key]).and_then(last_text);
    let path = asset.or(address).map(|path| path.split(['?', '#']).next().unwrap_or_default());
    let stem = sources::stem(path.unwrap_or_default());
    Some(if stem.is_empty() { logical.to_owned() } else { stem })
}

/// The text that a value ends in, if that is known: `${Bucket}/mesh.yaml` is known by its end as well.
fn last_text(node: &Node) -> Option<&str> {
    if let Some(text) = node.text() {
        return Some(text);
    }
    let sub = node.get("Fn::Sub").and_then(|sub| sub.items().first().unwrap_or(sub).text());
    let joined = || node.get("Fn::Join")?.items().get(1)?.items().last().and_then(last_text);
    sub.or_else(joined)
}
