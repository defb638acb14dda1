//! A graph as a Mermaid flow chart, for Markdown.

use super::{Graph, foot, label, lines, short, sign};
use crate::model::Kind;
use crate::picture::{Folded, Item, Mark, kind_word};
use std::fmt::Write;

/// Routes that a box lists; Mermaid's texts have a bound in all.
const ROWS: usize = 12;

pub(super) fn write(graph: &Graph<'_>, folded: &Folded) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "---\ntitle: \"{}\"\n---", plain(&graph.title()));
    let _ = writeln!(text, "flowchart LR");
    for line in foot(graph, folded) {
        let _ = writeln!(text, "  %% {}", plain(&line));
    }
    let picture = &folded.picture;
    for (at, item) in picture.items.iter().enumerate() {
        let (open, close) = match item.kind() {
            Kind::VirtualGateway => ("[[", "]]"),
            Kind::VirtualService => ("([", "])"),
            Kind::VirtualRouter => ("{{", "}}"),
            _ => ("[", "]"),
        };
        let class = item.mark.map_or(String::new(), |mark| format!(":::{}", mark.as_str()));
        let _ = writeln!(text, "  n{at}{open}\"{}\"{close}{class}", words(item));
    }
    for edge in &picture.edges {
        let row = edge.row.map(|row| picture.items[edge.from].rows[row].name().to_owned());
        let all: Vec<String> = row.into_iter().chain(label(edge)).collect();
        let line = match edge.mark {
            Some(Mark::Deleted) => "-.->",
            Some(_) => "==>",
            None => "-->",
        };
        let label = match all.is_empty() {
            true => String::new(),
            false => format!("|\"{}\"|", escape(&all.join("  "))),
        };
        let _ = writeln!(text, "  n{} {line}{label} n{}", edge.from, edge.to);
    }
    if graph.changes {
        text.push_str(
            "  classDef created fill:#dafbe1,stroke:#1a7f37,stroke-width:3px,color:#0b3d17\n",
        );
        text.push_str(
            "  classDef updated fill:#fff8c5,stroke:#9a6700,stroke-width:3px,color:#4d3800\n",
        );
        text.push_str(
            "  classDef deleted fill:#ffebe9,stroke:#cf222e,stroke-dasharray:6 3,color:#66101a\n",
        );
        let words = Mark::ALL.map(|mark| (mark, format!("{} {}", mark.sign(), mark.as_str())));
        for (mark, words) in words {
            let _ = writeln!(text, "  {}[\"{words}\"]:::{}", mark.as_str(), mark.as_str());
        }
    }
    for (mark, color) in
        [(Mark::Created, "#1a7f37"), (Mark::Updated, "#9a6700"), (Mark::Deleted, "#cf222e")]
    {
        let edges = picture.edges.iter().enumerate().filter(|(_, edge)| edge.mark == Some(mark));
        let all: Vec<String> = edges.map(|(at, _)| at.to_string()).collect();
        if !all.is_empty() {
            let _ = writeln!(text, "  linkStyle {} stroke:{color}", all.join(","));
        }
    }
    text
}

fn words(item: &Item) -> String {
    let head = format!("{} {}", kind_word(item.kind()), short(item.name(), 60));
    let mut all = vec![format!("<b>{}{}</b>", sign(item.mark), escape(&head))];
    all.extend(lines(item).iter().map(|line| escape(line)));
    all.extend(item.rows.iter().take(ROWS).map(|row| {
        escape(&format!("{}{}: {}", sign(row.mark), row.name(), short(&row.words, 48)))
    }));
    if item.rows.len() > ROWS {
        all.push(format!("and {} more", item.rows.len() - ROWS));
    }
    all.join("<br/>")
}

/// Mermaid's entities are numbers between `#` and `;`; what is neither letter nor harmless becomes
/// one, so that no text of the files is read as HTML, Markdown or syntax.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || " .:/-+~,=?%".contains(c) {
            escaped.push(c);
        } else if !c.is_control() {
            let _ = write!(escaped, "#{};", u32::from(c));
        }
    }
    escaped
}

/// Words for the title and comments.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .map(|c| if "\"\\{}%".contains(c) { '\'' } else { c })
        .collect()
}
