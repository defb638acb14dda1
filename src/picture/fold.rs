//! Making a large picture small enough to be read, and saying what was folded.
//!
//! In three steps, each taken only if the one before did not do: routers into the services that
//! they alone provide (nothing is lost); nodes into the service that they alone stand behind, and
//! routes into counts; and at last boxes with few edges are left out.

use super::{Edge, EdgeKind, Item, Mark, Picture, Row, count};
use crate::model::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// How much a form of picture can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Boxes at most.
    pub boxes: usize,
    /// Edges at most.
    pub edges: usize,
}

/// A picture to be drawn.
#[derive(Clone, Debug)]
pub struct Folded {
    /// The boxes and edges to draw.
    pub picture: Picture,
    /// What was folded or left out, a sentence each; empty if nothing was.
    pub notes: Vec<String>,
}

/// What is drawn as it is.
const WHOLE: Limits = Limits { boxes: 48, edges: 96 };
/// What is drawn with routers folded into services.
const ROUTES: Limits = Limits { boxes: 110, edges: 220 };
/// Boxes of which each is small if there are more.
const SMALL: usize = 100;
/// Rows of one box, once nodes are rows.
const ROWS: usize = 12;

impl Limits {
    fn hold(self, picture: &Picture) -> bool {
        let rows: usize = picture.items.iter().map(|item| item.rows.len()).sum();
        picture.items.len() <= self.boxes
            && picture.edges.len() <= self.edges
            && rows <= 2 * self.boxes
    }

    fn least(self, other: Self) -> Self {
        Self { boxes: self.boxes.min(other.boxes), edges: self.edges.min(other.edges) }
    }
}

/// Folds a picture until it is within the limits.
pub fn fold(picture: Picture, limits: Limits) -> Folded {
    let mut folded = Folded { picture, notes: Vec::new() };
    if WHOLE.least(limits).hold(&folded.picture) {
        return folded;
    }
    routers(&mut folded);
    if ROUTES.least(limits).hold(&folded.picture) {
        return folded;
    }
    nodes(&mut folded);
    rare(&mut folded, limits);
    folded
}

/// Draws a router in the service that it alone provides, with its routes.
fn routers(folded: &mut Folded) {
    let picture = &mut folded.picture;
    let (leaving, entering) = (picture.leaving(), picture.entering());
    let mut keep = vec![true; picture.items.len()];
    let mut into: Vec<usize> = (0..picture.items.len()).collect();
    for router in 0..picture.items.len() {
        let [only] = entering[router].as_slice() else { continue };
        let service = picture.edges[*only].from;
        if picture.items[router].kind() != Kind::VirtualRouter || leaving[service].len() != 1 {
            continue;
        }
        let from = picture.items[router].clone();
        let item = &mut picture.items[service];
        item.notes.push(format!("{}router {}", sign(from.mark), from.name()));
        item.notes.extend(from.notes);
        item.mark = both(item.mark, from.mark);
        (item.ports, item.rows) = (from.ports, from.rows);
        keep[router] = false;
        into[router] = service;
    }
    for edge in &mut picture.edges {
        edge.from = into[edge.from];
    }
    let count = keep.iter().filter(|kept| !**kept).count();
    picture.retain(&keep);
    if count > 0 {
        folded.notes.push(match count {
            1 => "1 router is drawn in its service.".to_owned(),
            _ => format!("{count} routers are drawn in their services."),
        });
    }
}

/// Draws nodes as rows of the one service or router that they stand behind, and routes as counts.
fn nodes(folded: &mut Folded) {
    let picture = &mut folded.picture;
    let entering = picture.entering();
    let size = picture.items.len();
    let mut keep = vec![true; size];
    let mut into: Vec<usize> = (0..size).collect();
    let mut taken: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for node in 0..size {
        let owners: BTreeSet<usize> =
            entering[node].iter().map(|at| picture.edges[*at].from).collect();
        if picture.items[node].kind() != Kind::VirtualNode || owners.len() != 1 {
            continue;
        }
        for owner in owners {
            keep[node] = false;
            into[node] = owner;
            taken.entry(owner).or_default().push(node);
        }
    }
    let small = keep.iter().filter(|kept| **kept).count() > SMALL;
    let (mut routes, mut folded_nodes) = (0, 0);
    let mut plain = vec![false; size];
    for (at, plain) in plain.iter_mut().enumerate() {
        let members = taken.remove(&at).unwrap_or_default();
        let many = picture.items[at].rows.len() > ROWS;
        let gateway = picture.items[at].kind() == Kind::VirtualGateway;
        if gateway && !many {
            continue;
        }
        *plain = true;
        routes += picture.items[at].rows.len();
        folded_nodes += members.len();
        let inner: Vec<Item> = members.iter().map(|node| picture.items[*node].clone()).collect();
        let item = &mut picture.items[at];
        counted(item, "route");
        item.rows = inner
            .into_iter()
            .map(|node| Row { words: node.ports, address: node.address, mark: node.mark })
            .collect();
        if item.rows.len() > ROWS || small {
            counted(item, "node");
        }
        if small {
            shrink(item);
        }
        if item.rows.iter().any(|row| row.mark.is_some()) {
            item.mark = item.mark.or(Some(Mark::Updated));
        }
    }
    merge(picture, &into, &plain);
    picture.retain(&keep);
    if folded_nodes > 0 {
        let nodes = count(folded_nodes, "node");
        folded.notes.push(format!("{nodes} drawn in the services that they alone stand behind."));
    }
    if routes > 0 {
        folded.notes.push(format!("{} not drawn, only counted.", count(routes, "route")));
    }
}

/// Says what there is in one line. That a router is in it goes without saying, unless it changes.
fn shrink(item: &mut Item) {
    item.small = true;
    item.ports.clear();
    let words = std::mem::take(&mut item.notes);
    let words: Vec<String> =
        words.into_iter().filter(|words| !words.starts_with("router ")).collect();
    item.notes.extend((!words.is_empty()).then(|| words.join(", ")));
}

/// Says how many rows there are, in place of the rows.
fn counted(item: &mut Item, noun: &str) {
    if item.rows.is_empty() {
        return;
    }
    item.notes.push(count(item.rows.len(), noun));
    for mark in Mark::ALL {
        let changed = item.rows.iter().filter(|row| row.mark == Some(mark)).count();
        if changed > 0 {
            let words = format!("{} {} {}", mark.sign(), count(changed, noun), mark.as_str());
            item.notes.push(words);
            item.mark = item.mark.or(Some(Mark::Updated));
        }
    }
    item.rows.clear();
}

/// Makes one edge of all between the same two boxes.
fn merge(picture: &mut Picture, into: &[usize], plain: &[bool]) {
    let mut merged: BTreeMap<(usize, Option<usize>, usize), Edge> = BTreeMap::new();
    let mut themselves = BTreeSet::new();
    for mut edge in std::mem::take(&mut picture.edges) {
        let inside = into[edge.to] != edge.to;
        (edge.from, edge.to) = (into[edge.from], into[edge.to]);
        if plain[edge.from] {
            edge.row = None;
        }
        if edge.from == edge.to {
            if !inside {
                themselves.insert(edge.from);
            }
            continue;
        }
        match merged.get_mut(&(edge.from, edge.row, edge.to)) {
            Some(known) => {
                known.mark = both(known.mark, edge.mark);
                known.count += edge.count;
                (known.share, known.before, known.port) = (None, None, None);
                known.kind = known.kind.min(edge.kind);
            }
            None => {
                if edge.kind == EdgeKind::Sends {
                    (edge.share, edge.before) = (None, None);
                }
                merged.insert((edge.from, edge.row, edge.to), edge);
            }
        }
    }
    for at in themselves {
        picture.items[at].notes.push("calls itself".to_owned());
    }
    picture.edges = merged.into_values().collect();
}

/// Leaves out the boxes with the fewest edges, until the rest fits.
fn rare(folded: &mut Folded, limits: Limits) {
    let picture = &mut folded.picture;
    let total = picture.items.len();
    if total <= limits.boxes && picture.edges.len() <= limits.edges {
        return;
    }
    let mut edges = vec![0_usize; total];
    for edge in &picture.edges {
        edges[edge.from] += 1;
        edges[edge.to] += 1;
    }
    let mut order: Vec<usize> = (0..total).collect();
    order.sort_by_key(|at| {
        let item = &picture.items[*at];
        let gateway = item.kind() == Kind::VirtualGateway;
        (item.mark.is_none(), !gateway, usize::MAX - edges[*at], *at)
    });
    let mut rank = vec![0; total];
    for (place, at) in order.iter().enumerate() {
        rank[*at] = place;
    }
    // An edge is there once both ends are, so edges by the later end tell how many boxes fit.
    let mut ready = vec![0_usize; total];
    for edge in &picture.edges {
        ready[rank[edge.from].max(rank[edge.to])] += 1;
    }
    let (mut fit, mut sum) = (0, 0);
    while fit < total.min(limits.boxes) && sum + ready[fit] <= limits.edges {
        sum += ready[fit];
        fit += 1;
    }
    let keep: Vec<bool> = (0..total).map(|at| rank[at] < fit).collect();
    let before = picture.edges.len();
    let mut lost = vec![0_usize; total];
    for edge in &picture.edges {
        if keep[edge.from] != keep[edge.to] {
            lost[if keep[edge.from] { edge.from } else { edge.to }] += 1;
        }
    }
    for (item, lost) in picture.items.iter_mut().zip(lost) {
        if lost > 0 {
            item.notes.push(format!("{} not drawn", count(lost, "more edge")));
        }
    }
    picture.retain(&keep);
    folded.notes.push(format!(
        "Of {} and {} only {} and {} are drawn, those with most edges first; \
         `meshctl graph ADDR --depth 2` shows any of them.",
        boxes(total),
        count(before, "edge"),
        boxes(picture.items.len()),
        count(picture.edges.len(), "edge"),
    ));
}

fn boxes(number: usize) -> String {
    if number == 1 { "1 box".to_owned() } else { format!("{number} boxes") }
}

fn sign(mark: Option<Mark>) -> String {
    mark.map_or_else(String::new, |mark| format!("{} ", mark.sign()))
}

/// The mark of two things drawn as one.
fn both(one: Option<Mark>, other: Option<Mark>) -> Option<Mark> {
    match (one, other) {
        (None, None) => None,
        (one, other) if one == other => one,
        _ => Some(Mark::Updated),
    }
}
