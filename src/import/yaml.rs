//! YAML with places: CloudFormation's short tags become their long forms, aliases are expanded.

use super::codes;
use super::tree::{DEPTH_MAX, Entry, Node, Parsed, VALUES_MAX, Value, unique};
use crate::diag::Diagnostic;
use crate::span::{FileId, Loc, Span};
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How many values aliases may add to a file.
const ALIASED_MAX: usize = 100_000;

/// Stand for the braces of `{{NAME}}`, which YAML would take for mappings: two bytes each, so that
/// places stay what they are.
pub(super) const OPEN: char = '\u{7fe}';
pub(super) const CLOSE: char = '\u{7ff}';

/// Reads every document of a text. What stands before a mistake is lost with it.
pub(super) fn parse(file: FileId, text: &str) -> Parsed<Vec<Node>> {
    let text = guarded(text);
    let places = Places::new(&text);
    let mut builder = Builder {
        file,
        places,
        documents: Vec::new(),
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        values: 0,
        aliased: 0,
    };
    let mut parser = Parser::new_from_str(&text);
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((event, span))) => {
                let range = builder.places.byte(span.start.index())
                    ..builder.places.byte(span.end.index().max(span.start.index()));
                let loc = Loc { file, span: Span::new(range) };
                builder.event(event, loc)?;
            }
            Some(Err(error)) => {
                let at = builder.places.byte(error.marker().index());
                let loc = Loc { file, span: Span::new(at..at) };
                // `[${ROUTES}]` is text that is put in before it becomes YAML.
                if let Some(name) = placeholder(&text, at) {
                    let message = format!("this is not YAML before `${{{name}}}` is replaced");
                    return Err(Diagnostic::new(&codes::SYNTAX, loc, message)
                        .help(format!(
                            "Replace the variables first: {name}=... envsubst < FILE > all.yaml"
                        ))
                        .into());
                }
                return Err(Diagnostic::new(
                    &codes::SYNTAX,
                    loc,
                    format!("this is not YAML: {}", error.info()),
                )
                .help("Correct the file: meshctl imports a file as a whole or not at all")
                .into());
            }
        }
    }
    Ok(builder.documents)
}

/// A variable of a shell that stands for a structure, as an item in flow style, in the line of a place
/// or in the one before it.
fn placeholder(text: &str, place: usize) -> Option<&str> {
    let place = (0..=place.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let end = text[place..].find('\n').map_or(text.len(), |line| place + line);
    let start = text[..place].rmatch_indices('\n').nth(1).map_or(0, |(at, _)| at + 1);
    let text = &text[start..end];
    text.match_indices("${").find_map(|(at, _)| {
        let before = text[..at].trim_end();
        let name = text[at + 2..].split_once('}')?.0;
        let legal = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (legal && before.ends_with(['[', '{', ','])).then_some(name)
    })
}

/// Replaces the braces of `{{NAME}}`.
fn guarded(text: &str) -> Cow<'_, str> {
    if !text.contains("{{") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let (before, inner) = rest.split_at(start);
        out.push_str(before);
        let name = |c: char| c.is_ascii_alphanumeric() || "_-. ".contains(c);
        match inner[2..].find("}}").filter(|end| *end > 0 && inner[2..2 + end].chars().all(name)) {
            Some(end) => {
                out.push(OPEN);
                out.push_str(&inner[2..2 + end]);
                out.push(CLOSE);
                rest = &inner[end + 4..];
            }
            None => {
                out.push_str("{{");
                rest = &inner[2..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// From characters to bytes.
struct Places {
    bytes: Option<Vec<u32>>,
    length: usize,
}

impl Places {
    fn new(text: &str) -> Self {
        let bytes = (!text.is_ascii()).then(|| {
            text.char_indices().map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX)).collect()
        });
        Self { bytes, length: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.bytes {
            None => character.min(self.length),
            Some(bytes) => bytes.get(character).map_or(self.length, |at| *at as usize),
        }
    }
}

/// A mapping or list that is not closed yet.
enum Open {
    List {
        loc: Loc,
        items: Vec<Node>,
        anchor: usize,
        tag: Option<String>,
    },
    Map {
        loc: Loc,
        entries: Vec<Entry>,
        merged: Vec<Entry>,
        key: Option<(String, Loc)>,
        anchor: usize,
        tag: Option<String>,
    },
}

struct Builder {
    file: FileId,
    places: Places,
    documents: Vec<Node>,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    values: usize,
    aliased: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, loc: Loc) -> Parsed<()> {
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let value = match &*text {
                    "" | "~" | "null" | "Null" | "NULL" if plain => Value::Null,
                    text => Value::Scalar(text.to_owned()),
                };
                self.finish(tagged(tag, Node { loc, value }), anchor)?;
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return self.wrong(loc, "this alias stands within its own anchor");
                };
                self.aliased += size;
                if self.aliased > ALIASED_MAX {
                    return Err(Diagnostic::new(
                        &codes::TOO_LARGE,
                        loc,
                        format!(
                            "the aliases of this file stand for more than {ALIASED_MAX} values"
                        ),
                    )
                    .help("write out what is meant; no mesh needs that many")
                    .into());
                }
                self.finish(node, 0)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Open::List { loc, items: Vec::new(), anchor, tag: name(tag) }, loc)?;
            }
            Event::MappingStart(anchor, tag) => {
                let tag = name(tag);
                let (entries, merged) = (Vec::new(), Vec::new());
                self.open(Open::Map { loc, entries, merged, key: None, anchor, tag }, loc)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (node, anchor) = match self.stack.pop() {
                    Some(Open::List { loc, items, anchor, tag }) => {
                        (wrapped(tag, Node { loc, value: Value::List(items) }), anchor)
                    }
                    Some(Open::Map { loc, entries, merged, anchor, tag, .. }) => {
                        let mut entries = unique(entries)?;
                        merge(&mut entries, merged);
                        (wrapped(tag, Node { loc, value: Value::Map(entries) }), anchor)
                    }
                    None => return self.wrong(loc, "nothing is open here"),
                };
                let node = Node { loc: self.up_to(node.loc, loc), value: node.value };
                self.finish(node, anchor)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn up_to(&self, start: Loc, end: Loc) -> Loc {
        let span = Span { start: start.span.start, end: end.span.end.max(start.span.end) };
        Loc { file: self.file, span }
    }

    fn wrong<T>(&self, loc: Loc, message: impl Into<String>) -> Parsed<T> {
        Err(Diagnostic::new(&codes::SYNTAX, loc, message)
            .help("Correct the file: meshctl imports a file as a whole or not at all")
            .into())
    }

    fn open(&mut self, open: Open, loc: Loc) -> Parsed<()> {
        if self.stack.len() >= DEPTH_MAX {
            return self.wrong(loc, format!("nested deeper than {DEPTH_MAX} levels"));
        }
        self.stack.push(open);
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Parsed<()> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return self.wrong(node.loc, format!("more than {VALUES_MAX} values"));
        }
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, merged, key, .. }) => match key.take() {
                None => match node.value {
                    Value::Scalar(text) => *key = Some((text, node.loc)),
                    Value::Null => *key = Some((String::new(), node.loc)),
                    Value::List(_) | Value::Map(_) => {
                        return self.wrong(node.loc, "a key must be a single value");
                    }
                },
                Some((key, at)) if key == "<<" => merged.push(Entry { key, at, node }),
                Some((key, at)) => entries.push(Entry { key, at, node }),
            },
        }
        Ok(())
    }
}

/// YAML's merge key: what is written out counts, then what is merged first.
fn merge(entries: &mut Vec<Entry>, merged: Vec<Entry>) {
    for Entry { at, node, .. } in merged {
        let parts = match node.value {
            Value::List(items) => items,
            Value::Map(_) | Value::Scalar(_) | Value::Null => vec![node],
        };
        for entry in parts.iter().flat_map(Node::entries) {
            if !entries.iter().any(|known| known.key == entry.key) {
                entries.push(Entry { at, ..entry.clone() });
            }
        }
    }
}

/// How many values there are in a node, itself included.
fn size(node: &Node) -> usize {
    let inner: usize = match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.node)).sum(),
    };
    inner + 1
}

/// The name of a tag that is not one of YAML's own.
fn name(tag: Option<Cow<'_, Tag>>) -> Option<String> {
    let tag = tag?;
    (tag.handle == "!" && !tag.suffix.is_empty()).then(|| tag.suffix.clone())
}

fn tagged(tag: Option<Cow<'_, Tag>>, node: Node) -> Node {
    // `!Ref ""` is an empty text, not nothing.
    wrapped(name(tag), node)
}

/// `!Sub x` is `{ "Fn::Sub": x }`, and so on.
fn wrapped(tag: Option<String>, node: Node) -> Node {
    let Some(tag) = tag else { return node };
    let key = match tag.as_str() {
        "Ref" | "Condition" => tag,
        _ => format!("Fn::{tag}"),
    };
    let loc = node.loc;
    Node { loc, value: Value::Map(vec![Entry { key, at: loc, node }]) }
}
