//! The routing graph as a JSON document: whole, whatever its size.

use super::Graph;
use crate::model::Address;
use crate::picture::{Item, Mark, Row, Share, State, name_of};
use crate::plan::{Place, Places, place_of};
use serde::Serialize;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    format_version: &'static str,
    mesh: &'a str,
    at: &'a str,
    scope: Option<Scope<'a>>,
    changes: bool,
    summary: Summary,
    resources: Vec<Resource<'a>>,
    edges: Vec<EdgeDocument<'a>>,
}

#[derive(Serialize)]
struct Scope<'a> {
    address: &'a Address,
    depth: Option<usize>,
}

#[derive(Serialize)]
struct Summary {
    boxes: usize,
    routes: usize,
    edges: usize,
    created: usize,
    updated: usize,
    deleted: usize,
}

#[derive(Serialize)]
struct Resource<'a> {
    address: &'a Address,
    kind: &'static str,
    name: &'a str,
    parent: Option<&'a Address>,
    state: &'static str,
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    left_out: &'a [String],
    origin: Option<Place>,
}

#[derive(Serialize)]
struct EdgeDocument<'a> {
    from: &'a Address,
    to: &'a Address,
    kind: &'static str,
    port: Option<u16>,
    share: Option<ShareDocument>,
    change: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<ShareDocument>,
}

#[derive(Serialize)]
struct ShareDocument {
    weight: u32,
    percent: f64,
}

/// The document of a graph. Without places nothing has an origin.
pub fn document(graph: &Graph<'_>, places: Option<Places<'_>>) -> String {
    let origin = |address: &Address| places.as_ref().and_then(|it| place_of(it, address, ""));
    let picture = &graph.picture;
    let mut resources = Vec::new();
    for item in &picture.items {
        resources.push(of_item(item, origin(&item.address)));
        resources.extend(item.rows.iter().map(|row| of_row(item, row, origin(&row.address))));
    }
    let edges: Vec<EdgeDocument<'_>> = picture
        .edges
        .iter()
        .map(|edge| {
            let item = &picture.items[edge.from];
            EdgeDocument {
                from: edge.row.map_or(&item.address, |row| &item.rows[row].address),
                to: &picture.items[edge.to].address,
                kind: edge.kind.as_str(),
                port: edge.port.map(crate::model::Port::get),
                share: edge.share.map(share),
                change: edge.mark.map(Mark::as_str),
                before: edge.before.map(share),
            }
        })
        .collect();
    let [created, updated, deleted] = picture.marks();
    let document = Document {
        format: "meshctl.graph",
        format_version: "1.0",
        mesh: graph.mesh,
        at: graph.at,
        scope: graph.scope.map(|(address, depth)| Scope { address, depth }),
        changes: graph.changes,
        summary: Summary {
            boxes: picture.items.len(),
            routes: picture.items.iter().map(|item| item.rows.len()).sum(),
            edges: edges.len(),
            created,
            updated,
            deleted,
        },
        resources,
        edges,
    };
    let mut text = serde_json::to_string_pretty(&document)
        .expect("invariant: the document has no map with other keys than text");
    text.push('\n');
    text
}

fn of_item(item: &Item, origin: Option<Place>) -> Resource<'_> {
    Resource {
        address: &item.address,
        kind: item.kind().as_str(),
        name: item.name(),
        parent: None,
        state: match item.state {
            State::Defined => "defined",
            State::External => "external",
            State::Missing => "missing",
        },
        change: item.mark.map(Mark::as_str),
        ports: (!item.ports.is_empty()).then_some(item.ports.as_str()),
        matches: None,
        left_out: &item.notes,
        origin,
    }
}

fn of_row<'a>(item: &'a Item, row: &'a Row, origin: Option<Place>) -> Resource<'a> {
    Resource {
        address: &row.address,
        kind: row.address.kind().as_str(),
        name: name_of(&row.address),
        parent: Some(&item.address),
        state: "defined",
        change: row.mark.map(Mark::as_str),
        ports: None,
        matches: Some(&row.words),
        left_out: &[],
        origin,
    }
}

fn share(share: Share) -> ShareDocument {
    ShareDocument { weight: share.weight, percent: share.percent() }
}
