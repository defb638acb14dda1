//! Terraform's JSON syntax, as the HCL that it stands for.

use crate::diag::Diagnostic;
use crate::import::tree::{Node, Parsed, Value};
use crate::import::{codes, json};
use crate::span::{FileId, Loc};
use hcl_edit::Ident;
use hcl_edit::expr::{Array, Expression, Object, ObjectKey, ObjectValue, Parenthesis};
use hcl_edit::structure::{Attribute, Block, Body};
use hcl_edit::template::{Element, StringTemplate, Template};

/// The blocks of a file, each with as many labels as its kind has.
const BLOCKS: [(&str, usize); 8] = [
    ("resource", 2),
    ("data", 2),
    ("variable", 1),
    ("output", 1),
    ("module", 1),
    ("provider", 1),
    ("locals", 0),
    ("terraform", 0),
];

/// Arguments of App Mesh's resources that are values and no blocks.
const VALUES: [&str; 6] = ["tags", "tags_all", "count", "for_each", "depends_on", "provider"];

/// Reads a file: its blocks, or the values of a file of variables, whose texts are no templates.
pub(super) fn body(file: FileId, text: &str, values: bool) -> Parsed<Body> {
    let nodes = json::parse(file, text)?;
    let reader = Reader { text, literal: values };
    let mut body = Body::new();
    for entry in nodes.iter().flat_map(Node::entries) {
        match BLOCKS.iter().find(|(word, _)| !values && *word == entry.key) {
            Some((word, labels)) => {
                reader.blocks(word, *labels, &mut Vec::new(), &entry.node, &mut body)?;
            }
            None => {
                if let Ok(key) = Ident::try_new(entry.key.as_str()) {
                    body.push(Attribute::new(key, reader.expression(&entry.node)?));
                }
            }
        }
    }
    Ok(body)
}

struct Reader<'t> {
    text: &'t str,
    /// Whether texts are no templates.
    literal: bool,
}

impl Reader<'_> {
    fn blocks(
        &self,
        word: &str,
        labels: usize,
        found: &mut Vec<String>,
        node: &Node,
        body: &mut Body,
    ) -> Parsed<()> {
        if let Value::List(items) = &node.value {
            return items.iter().try_for_each(|item| self.blocks(word, labels, found, item, body));
        }
        if labels > 0 {
            for entry in node.entries().iter().filter(|entry| entry.key != "//") {
                found.push(entry.key.clone());
                self.blocks(word, labels - 1, found, &entry.node, body)?;
                found.pop();
            }
            return Ok(());
        }
        let labels: Vec<&str> = found.iter().map(String::as_str).collect();
        let of_mesh = labels.first().is_some_and(|ty| ty.starts_with("aws_appmesh_"));
        let members = self.members(node, word == "resource" && of_mesh)?;
        body.push(block(Ident::new_sanitized(word), &labels, members));
        Ok(())
    }

    /// The members of a block: attributes and blocks. JSON does not tell one from the other: where all
    /// objects are blocks, as in resources of App Mesh, these are; elsewhere those with dynamic ones.
    fn members(&self, node: &Node, objects: bool) -> Parsed<Body> {
        let mut body = Body::new();
        for entry in node.entries().iter().filter(|entry| entry.key != "//") {
            let Ok(key) = Ident::try_new(entry.key.as_str()) else { continue };
            let all = one_or_all(&entry.node);
            let is_map = |node: &Node| matches!(node.value, Value::Map(_));
            let blocks = objects
                && !VALUES.contains(&entry.key.as_str())
                && !all.is_empty()
                && all.iter().all(is_map);
            if entry.key == "dynamic" && all.iter().any(is_dynamic) {
                for named in all.iter().flat_map(Node::entries) {
                    for node in one_or_all(&named.node) {
                        let members = self.dynamic(node, objects)?;
                        body.push(block(key.clone(), &[named.key.as_str()], members));
                    }
                }
            } else if blocks || all.iter().any(has_dynamic) {
                for node in all {
                    body.push(block(key.clone(), &[], self.members(node, objects)?));
                }
            } else {
                body.push(Attribute::new(key, self.expression(&entry.node)?));
            }
        }
        Ok(body)
    }

    /// The members of a dynamic block, of which `content` is a block.
    fn dynamic(&self, node: &Node, objects: bool) -> Parsed<Body> {
        let mut body = Body::new();
        for entry in node.entries() {
            let Ok(key) = Ident::try_new(entry.key.as_str()) else { continue };
            if entry.key == "content" {
                for node in one_or_all(&entry.node) {
                    body.push(block(key.clone(), &[], self.members(node, objects)?));
                }
            } else {
                body.push(Attribute::new(key, self.expression(&entry.node)?));
            }
        }
        Ok(body)
    }

    /// A value, whose texts are templates.
    fn expression(&self, node: &Node) -> Parsed<Expression> {
        Ok(match &node.value {
            Value::Null => Expression::null(),
            Value::Scalar(text) => self.scalar(node, text)?,
            Value::List(items) => {
                let mut array = Array::new();
                for item in items {
                    array.push(self.expression(item)?);
                }
                Expression::Array(array)
            }
            Value::Map(entries) => {
                let mut object = Object::new();
                for entry in entries {
                    let key = match self.literal {
                        true => Expression::from(entry.key.as_str()),
                        // A key that is an expression is in parentheses.
                        false => Parenthesis::new(template(&entry.key, entry.at)?).into(),
                    };
                    let value = ObjectValue::new(self.expression(&entry.node)?);
                    object.insert(ObjectKey::Expression(key), value);
                }
                Expression::Object(object)
            }
        })
    }

    fn scalar(&self, node: &Node, scalar: &str) -> Parsed<Expression> {
        let range = node.loc.span.start as usize..node.loc.span.end as usize;
        let is_text = self.text.get(range).is_none_or(|written| written.starts_with('"'));
        match is_text {
            true if self.literal => Ok(Expression::from(scalar)),
            true => template(scalar, node.loc),
            // A number or a boolean.
            false => Ok(scalar.parse().unwrap_or_else(|_| Expression::from(scalar))),
        }
    }
}

fn block(ident: Ident, labels: &[&str], body: Body) -> Block {
    let mut block = Block::builder(ident).labels(labels.iter().copied()).build();
    block.body = body;
    block
}

/// The items of a list, or the one value.
fn one_or_all(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// Whether a mapping has dynamic blocks by their names.
fn is_dynamic(node: &Node) -> bool {
    node.entries().iter().any(|named| one_or_all(&named.node).iter().any(|one| one.has("content")))
}

/// Whether a mapping has a dynamic block in it, in whatever depth.
fn has_dynamic(node: &Node) -> bool {
    node.entries().iter().any(|entry| {
        let all = one_or_all(&entry.node);
        entry.key == "dynamic" && all.iter().any(is_dynamic) || all.iter().any(has_dynamic)
    })
}

/// The expression that a text with templates is.
fn template(text: &str, place: Loc) -> Parsed<Expression> {
    if !text.contains("${") && !text.contains("%{") {
        return Ok(Expression::from(text));
    }
    let template: Template = text.parse().map_err(|error: hcl_edit::parser::Error| {
        let message = format!("this is no template: {}", error.message());
        Box::new(
            Diagnostic::new(&codes::SYNTAX, place, message)
                .help("Correct the file, or import the state: terraform state pull"),
        )
    })?;
    Ok(match template.as_single_element() {
        Some(Element::Interpolation(inner)) => inner.expr.clone(),
        _ => {
            let mut whole = StringTemplate::new();
            template.into_iter().for_each(|element| whole.push(element));
            Expression::StringTemplate(whole)
        }
    })
}
