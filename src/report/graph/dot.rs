//! A graph in Graphviz's language.

use super::{Graph, foot, label, lines, short, sign};
use crate::model::Kind;
use crate::picture::{Folded, Item, Mark, kind_word};
use std::fmt::Write;

pub(super) fn write(graph: &Graph<'_>, folded: &Folded) -> String {
    let mut text = String::new();
    let mut foot: Vec<String> = foot(graph, folded);
    if graph.changes {
        foot.push(
            "+ created (green, bold), ~ updated (yellow, bold), - deleted (red, dashed)".into(),
        );
    }
    let all: Vec<String> =
        [graph.title()].into_iter().chain(foot).map(|line| html(&line)).collect();
    let _ = writeln!(text, "digraph mesh {{");
    let _ = writeln!(
        text,
        "  graph [rankdir=LR, ranksep=0.9, nodesep=0.25, bgcolor=white, labelloc=b, labeljust=l, fontname=\"Helvetica\", fontsize=11, label=<{}<BR ALIGN=\"LEFT\"/>>];",
        all.join("<BR ALIGN=\"LEFT\"/>")
    );
    text.push_str("  node [shape=plain, fontname=\"Helvetica\", fontsize=11];\n");
    text.push_str(
        "  edge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.7, color=\"#57606a\"];\n",
    );
    let picture = &folded.picture;
    for (at, item) in picture.items.iter().enumerate() {
        let _ = writeln!(
            text,
            "  n{at} [label=<{}>, tooltip={}];",
            table(item),
            quoted(&item.address.to_string())
        );
    }
    for edge in &picture.edges {
        let port = edge.row.map_or(String::new(), |row| format!(":r{row}:e"));
        let mut attributes: Vec<String> = Vec::new();
        attributes.extend(label(edge).map(|label| format!("label={}", quoted(&label))));
        attributes.extend(edge.mark.map(|mark| {
            let (color, style) = look(mark);
            format!("color=\"{color}\", fontcolor=\"{color}\", style={style}")
        }));
        let attributes = match attributes.is_empty() {
            true => String::new(),
            false => format!(" [{}]", attributes.join(", ")),
        };
        let _ = writeln!(text, "  n{}{port} -> n{}:h{attributes};", edge.from, edge.to);
    }
    text.push_str("}\n");
    text
}

fn look(mark: Mark) -> (&'static str, &'static str) {
    match mark {
        Mark::Created => ("#1a7f37", "bold"),
        Mark::Updated => ("#9a6700", "bold"),
        Mark::Deleted => ("#cf222e", "dashed"),
    }
}

fn table(item: &Item) -> String {
    let color = match item.kind() {
        Kind::VirtualGateway => "#ddf4ff",
        Kind::VirtualService => "#fbefff",
        Kind::VirtualRouter => "#f6f8fa",
        _ => "#eaf5ea",
    };
    let (border, style) = match item.mark {
        Some(Mark::Deleted) => (look(Mark::Deleted).0, "DASHED"),
        Some(mark) => (look(mark).0, "SOLID"),
        None => ("#57606a", "ROUNDED"),
    };
    let width = if item.mark.is_some() { 2 } else { 1 };
    let mut head = format!(
        "<FONT POINT-SIZE=\"9\" COLOR=\"#57606a\">{}</FONT><BR ALIGN=\"LEFT\"/><B>{}{}</B><BR ALIGN=\"LEFT\"/>",
        kind_word(item.kind()),
        sign(item.mark),
        html(&short(item.name(), 60))
    );
    for line in lines(item) {
        let _ = write!(head, "<FONT POINT-SIZE=\"9\">{}</FONT><BR ALIGN=\"LEFT\"/>", html(&line));
    }
    let mut rows = String::new();
    for (at, row) in item.rows.iter().enumerate() {
        let color = row.mark.map_or("#24292f", |mark| look(mark).0);
        let _ = write!(
            rows,
            "<TR><TD PORT=\"r{at}\" ALIGN=\"LEFT\" BALIGN=\"LEFT\"><FONT COLOR=\"{color}\">{}<B>{}</B>  {}</FONT></TD></TR>",
            sign(row.mark),
            html(&short(row.name(), 40)),
            html(&short(&row.words, 60)),
        );
    }
    format!(
        "<TABLE BORDER=\"{width}\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"4\" STYLE=\"{style}\" COLOR=\"{border}\" BGCOLOR=\"{color}\"><TR><TD PORT=\"h\" ALIGN=\"LEFT\" BALIGN=\"LEFT\">{head}</TD></TR>{rows}</TABLE>"
    )
}

/// Text in Graphviz's labels of HTML.
fn html(text: &str) -> String {
    crate::report::formats::xml(text)
}

/// Text as a quoted string.
fn quoted(text: &str) -> String {
    let inner: String = text
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| match c {
            '"' => vec!['\\', '"'],
            '\\' => vec!['\\', '\\'],
            c => vec![c],
        })
        .collect();
    format!("\"{inner}\"")
}
