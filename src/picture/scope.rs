//! The surroundings of one resource: what leads to it, and where it leads.

use super::{Picture, count};
use crate::model::Address;

/// What leads to the resource and where it leads, so many steps far (all the way if unset). A step
/// is one edge; a router's and a gateway's routes stand in their box. `None`: it is not there.
pub fn scoped(picture: &Picture, address: &Address, depth: Option<usize>) -> Option<Picture> {
    if *address == Address::Mesh {
        return Some(picture.clone());
    }
    let (start, row) = find(picture, address)?;
    let depth = depth.unwrap_or(usize::MAX);
    let mut keep = vec![false; picture.items.len()];
    let leaving = picture.leaving();
    let entering = picture.entering();
    let down = |item: usize| {
        let edges = leaving[item].iter().map(|at| &picture.edges[*at]);
        let own = edges.filter(|edge| item != start || row.is_none() || edge.row == row);
        own.map(|edge| edge.to).collect()
    };
    let up =
        |item: usize| entering[item].iter().map(|at| picture.edges[*at].from).collect::<Vec<_>>();
    walk(start, depth, &mut keep, down);
    // Nothing enters a gateway, and what enters a router may take any of its routes.
    walk(start, depth, &mut keep, up);
    Some(cut(picture, &keep, start, row))
}

fn find(picture: &Picture, address: &Address) -> Option<(usize, Option<usize>)> {
    picture.items.iter().enumerate().find_map(|(at, item)| {
        if item.address == *address {
            return Some((at, None));
        }
        let row = item.rows.iter().position(|row| row.address == *address)?;
        Some((at, Some(row)))
    })
}

/// Breadth first, so that each box is met on its shortest way.
fn walk(start: usize, depth: usize, keep: &mut [bool], next: impl Fn(usize) -> Vec<usize>) {
    let mut met = vec![false; keep.len()];
    let mut level = vec![start];
    met[start] = true;
    keep[start] = true;
    for _ in 0..depth.min(keep.len()) {
        let mut further = Vec::new();
        for item in level {
            for to in next(item) {
                if !met[to] {
                    met[to] = true;
                    keep[to] = true;
                    further.push(to);
                }
            }
        }
        level = further;
    }
}

/// The kept boxes with the edges between them. Routes that lead out of them are counted, not shown.
fn cut(picture: &Picture, keep: &[bool], start: usize, only: Option<usize>) -> Picture {
    let mut cut = picture.clone();
    cut.edges.retain(|edge| edge.from != start || only.is_none() || edge.row == only);
    let mut used: Vec<Vec<bool>> =
        cut.items.iter().map(|item| vec![false; item.rows.len()]).collect();
    let mut lost = vec![[0, 0]; cut.items.len()];
    for edge in &cut.edges {
        match (keep[edge.from], keep[edge.to]) {
            (true, true) => {
                if let Some(row) = edge.row {
                    used[edge.from][row] = true;
                }
            }
            (false, true) => lost[edge.to][1] += 1,
            _ => {}
        }
    }
    match only {
        Some(row) => used[start][row] = true,
        None => used[start].fill(true),
    }
    for edge in cut.edges.iter().filter(|edge| keep[edge.from] && !keep[edge.to]) {
        // Where a hidden route leads goes without saying.
        lost[edge.from][0] += usize::from(edge.row.is_none_or(|row| used[edge.from][row]));
    }
    for (at, item) in cut.items.iter_mut().enumerate() {
        let mut row = 0;
        item.rows.retain(|_| {
            row += 1;
            used[at][row - 1]
        });
        let hidden = row - item.rows.len();
        if hidden > 0 {
            item.notes.push(format!("{} not shown", count(hidden, "more route")));
        }
        if lost[at][0] > 0 {
            item.notes.push(format!("leads to {} more", lost[at][0]));
        }
        if lost[at][1] > 0 {
            item.notes.push(format!("reached from {} more", lost[at][1]));
        }
    }
    cut.retain(keep);
    // Rows moved up where others went.
    let kept: Vec<&Vec<bool>> =
        keep.iter().zip(&used).filter(|(kept, _)| **kept).map(|(_, used)| used).collect();
    for edge in &mut cut.edges {
        let used = kept[edge.from];
        edge.row = edge.row.map(|row| used[..row].iter().filter(|used| **used).count());
    }
    cut
}
