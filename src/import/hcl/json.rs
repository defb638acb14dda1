//! Terraform's JSON syntax, as the HCL that it stands for.

use crate::diag::Diagnostic;
use crate::import::tree::{Node, Parsed, Value};
use crate::import::{codes, json};
use crate::span::FileId;
use hcl_edit::Ident;
use hcl_edit::expr::{Array, Expression, Object, ObjectKey, ObjectValue};
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

/// Reads a file: its blocks, or the values of a file of variables.
pub(super) fn body(file: FileId, text: &str) -> Parsed<Body> {
    let nodes = json::parse(file, text)?;
    let mut body = Body::new();
    for entry in nodes.iter().flat_map(Node::entries) {
        match BLOCKS.iter().find(|(word, _)| *word == entry.key) {
            Some((word, labels)) => blocks(word, *labels, &mut Vec::new(), &entry.node, &mut body)?,
            None => {
                if let Ok(key) = Ident::try_new(entry.key.as_str()) {
                    body.push(Attribute::new(key, expression(&entry.node)?));
                }
            }
        }
    }
    Ok(body)
}

fn blocks(
    word: &str,
    labels: usize,
    found: &mut Vec<String>,
    node: &Node,
    body: &mut Body,
) -> Parsed<()> {
    if let Value::List(items) = &node.value {
        return items.iter().try_for_each(|item| blocks(word, labels, found, item, body));
    }
    if labels > 0 {
        for entry in node.entries() {
            found.push(entry.key.clone());
            blocks(word, labels - 1, found, &entry.node, body)?;
            found.pop();
        }
        return Ok(());
    }
    let labels: Vec<&str> = found.iter().map(String::as_str).collect();
    body.push(block(Ident::new_sanitized(word), &labels, members(node)?));
    Ok(())
}

fn block(ident: Ident, labels: &[&str], body: Body) -> Block {
    let mut block = Block::builder(ident).labels(labels.iter().copied()).build();
    block.body = body;
    block
}

/// The members of a block: attributes, and as blocks what has dynamic ones. JSON does not tell blocks from
/// values otherwise, and need not.
fn members(node: &Node) -> Parsed<Body> {
    let mut body = Body::new();
    for entry in node.entries().iter().filter(|entry| entry.key != "//") {
        let Ok(key) = Ident::try_new(entry.key.as_str()) else { continue };
        let all = one_or_all(&entry.node);
        if entry.key == "dynamic" && all.iter().any(is_dynamic) {
            for named in all.iter().flat_map(Node::entries) {
                for node in one_or_all(&named.node) {
                    body.push(block(key.clone(), &[named.key.as_str()], dynamic(node)?));
                }
            }
        } else if all.iter().any(has_dynamic) {
            for node in all {
                body.push(block(key.clone(), &[], members(node)?));
            }
        } else {
            body.push(Attribute::new(key, expression(&entry.node)?));
        }
    }
    Ok(body)
}

/// The members of a dynamic block, of which `content` is a block.
fn dynamic(node: &Node) -> Parsed<Body> {
    let mut body = Body::new();
    for entry in node.entries() {
        let Ok(key) = Ident::try_new(entry.key.as_str()) else { continue };
        if entry.key == "content" {
            for node in one_or_all(&entry.node) {
                body.push(block(key.clone(), &[], members(node)?));
            }
        } else {
            body.push(Attribute::new(key, expression(&entry.node)?));
        }
    }
    Ok(body)
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

/// A value, whose texts are templates.
fn expression(node: &Node) -> Parsed<Expression> {
    Ok(match &node.value {
        Value::Null => Expression::null(),
        // Numbers and booleans are kept as texts, which HCL converts where it needs them.
        Value::Scalar(text) if !text.contains("${") && !text.contains("%{") => {
            Expression::from(text.as_str())
        }
        Value::Scalar(text) => {
            let template: Template = text.parse().map_err(|error: hcl_edit::parser::Error| {
                let message = format!("this is no template: {}", error.message());
                Box::new(
                    Diagnostic::new(&codes::SYNTAX, node.loc, message)
                        .help("Correct the file, or import the state: terraform state pull"),
                )
            })?;
            match template.as_single_element() {
                Some(Element::Interpolation(inner)) => inner.expr.clone(),
                _ => {
                    let mut whole = StringTemplate::new();
                    template.into_iter().for_each(|element| whole.push(element));
                    Expression::StringTemplate(whole)
                }
            }
        }
        Value::List(items) => {
            let mut array = Array::new();
            for item in items {
                array.push(expression(item)?);
            }
            Expression::Array(array)
        }
        Value::Map(entries) => {
            let mut object = Object::new();
            for entry in entries {
                let key = ObjectKey::Expression(Expression::from(entry.key.as_str()));
                object.insert(key, ObjectValue::new(expression(&entry.node)?));
            }
            Expression::Object(object)
        }
    })
}
