//! XML that is well formed whatever the texts are.

use crate::report::formats::xml;

/// An element with its attributes and what is in it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    content: Vec<Content>,
}

#[derive(Clone, Debug)]
enum Content {
    Element(Element),
    Text(String),
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: Vec::new(), content: Vec::new() }
    }

    pub(super) fn set(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.push((name, value.to_owned()));
        self
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.content.push(Content::Text(text.to_owned()));
        }
        self
    }

    pub(super) fn add(&mut self, element: Self) {
        self.content.push(Content::Element(element));
    }

    /// The whole as a text, children of the root and of groups on lines of their own.
    pub(super) fn document(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text.push('\n');
        text
    }

    fn write(&self, text: &mut String) {
        text.push('<');
        text.push_str(self.name);
        for (name, value) in &self.attributes {
            text.push(' ');
            text.push_str(name);
            text.push_str("=\"");
            text.push_str(&xml(value));
            text.push('"');
        }
        if self.content.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        let lines = matches!(self.name, "svg" | "g");
        for content in &self.content {
            if lines {
                text.push('\n');
            }
            match content {
                Content::Element(element) => element.write(text),
                Content::Text(own) => text.push_str(&xml(own)),
            }
        }
        if lines {
            text.push('\n');
        }
        text.push_str("</");
        text.push_str(self.name);
        text.push('>');
    }
}

/// A number of the picture: a tenth is as fine as anyone sees.
pub(super) fn number(value: f64) -> String {
    let tenths = (value * 10.0).round();
    // No `-0`.
    let text = format!("{:.1}", if tenths == 0.0 { 0.0 } else { tenths / 10.0 });
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
