//! The routing graph in every form: for people, as documents, and as pictures.

mod dot;
mod json;
mod mermaid;
mod svg;
mod text;
mod xml;

pub use json::document;
pub use text::{View, text};

use crate::picture::{Edge, Folded, Item, Limits, Mark, Picture, count, fold, kind_word};

/// A graph to be shown.
#[derive(Clone, Debug)]
pub struct Graph<'a> {
    /// The mesh's name.
    pub mesh: &'a str,
    /// Which state of the mesh: `files`, or what `--at` named.
    pub at: &'a str,
    /// The resource that it is about, and how many steps around it.
    pub scope: Option<(&'a crate::model::Address, Option<usize>)>,
    /// Whether it shows changes.
    pub changes: bool,
    /// The boxes and edges.
    pub picture: Picture,
}

/// The forms of a drawn graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// A Mermaid flow chart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture.
    Svg,
}

impl Drawing {
    /// What such a picture can hold and still be read. Mermaid takes 500 edges at most.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Mermaid => Limits { boxes: 400, edges: 480 },
            Self::Dot | Self::Svg => Limits { boxes: 600, edges: 1400 },
        }
    }
}

/// A drawn graph, and what was folded so that it can be read.
pub fn draw(graph: &Graph<'_>, form: Drawing) -> (String, Vec<String>) {
    let folded = fold(graph.picture.clone(), form.limits());
    let text = match form {
        Drawing::Mermaid => mermaid::write(graph, &folded),
        Drawing::Dot => dot::write(graph, &folded),
        Drawing::Svg => svg::write(graph, &folded),
    };
    (text, folded.notes)
}

impl Graph<'_> {
    /// What it shows, in a line.
    fn title(&self) -> String {
        let scope = match &self.scope {
            Some((address, Some(depth))) => format!(": {address}, {} around", steps(*depth)),
            Some((address, None)) => format!(": {address}, what leads there and where it leads"),
            None => String::new(),
        };
        let at = if self.at == "files" { String::new() } else { format!(" at {}", self.at) };
        let changes = if self.changes { ", with what changes" } else { "" };
        format!("{}{at}{scope}{changes}", self.mesh)
    }

    /// How much there is of each kind.
    fn counts(&self) -> String {
        let mut words = Vec::new();
        for kind in [
            crate::model::Kind::VirtualGateway,
            crate::model::Kind::VirtualService,
            crate::model::Kind::VirtualRouter,
            crate::model::Kind::VirtualNode,
        ] {
            let number = self.picture.items.iter().filter(|item| item.kind() == kind).count();
            if number > 0 {
                words.push(count(number, kind_word(kind)));
            }
        }
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }
}

fn steps(depth: usize) -> String {
    count(depth, "step")
}

/// The sign of a mark with a space, or nothing.
fn sign(mark: Option<Mark>) -> String {
    mark.map_or_else(String::new, |mark| format!("{} ", mark.sign()))
}

/// What stands at an edge: the port, the share, the share before; `None` if nothing does.
fn label(edge: &Edge) -> Option<String> {
    let mut words = Vec::new();
    words.extend(edge.port.map(|port| format!(":{port}")));
    if let Some(share) = edge.share.filter(|share| !share.sole || edge.before.is_some()) {
        let percent = |share: crate::picture::Share| super::trace::round(share.percent());
        words.push(match edge.before {
            Some(before) => format!("{} -> {} %", percent(before), percent(share)),
            None => format!("{} %", percent(share)),
        });
    }
    let words = words.join(" ");
    match (sign(edge.mark), words.is_empty()) {
        (sign, true) if sign.is_empty() => None,
        (sign, _) => Some(format!("{sign}{words}").trim_end().to_owned()),
    }
}

/// What stands in a box under its name.
fn lines(item: &Item) -> Vec<String> {
    let mut lines = Vec::new();
    match item.state {
        crate::picture::State::Defined => {}
        crate::picture::State::External => lines.push("of another project".to_owned()),
        crate::picture::State::Missing => lines.push("not defined".to_owned()),
    }
    if !item.ports.is_empty() {
        lines.push(item.ports.clone());
    }
    lines.extend(item.notes.iter().cloned());
    lines
}

/// A text of so many characters at most; what is longer ends in `…`.
fn short(text: &str, most: usize) -> String {
    if unicode_width::UnicodeWidthStr::width(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut width = 1;
    for c in text.chars() {
        width += unicode_width::UnicodeWidthChar::width(c).unwrap_or(0);
        if width > most {
            break;
        }
        kept.push(c);
    }
    kept.push('\u{2026}');
    kept
}

/// What was folded, for the foot of a picture.
fn foot(graph: &Graph<'_>, folded: &Folded) -> Vec<String> {
    let mut lines = vec![format!("{}.", graph.counts())];
    lines.extend(folded.notes.iter().cloned());
    lines
}
