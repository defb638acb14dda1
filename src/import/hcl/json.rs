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
    let mut block = Block::builder(Ident::new_sanitized(word));
    for label in found.iter() {
        block = block.label(label.as_str());
    }
    for entry in node.entries().iter().filter(|entry| entry.key != "//") {
        let Ok(key) = Ident::try_new(entry.key.as_str()) else { continue };
        block = block.attribute(Attribute::new(key, expression(&entry.node)?));
    }
    body.push(block.build());
    Ok(())
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
