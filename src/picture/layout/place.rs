//! Heights: each vertex as near to what it is connected with as its neighbours allow.

use super::Spaces;
use super::layers::Layered;

/// Passes over all layers.
const PASSES: usize = 40;

/// The top of each vertex. The least is 0.
pub(super) fn place(layered: &Layered, spaces: Spaces) -> Vec<f64> {
    let mut y = vec![0.0; layered.layer.len()];
    for layer in &layered.layers {
        let mut top = 0.0;
        for (at, vertex) in layer.iter().enumerate() {
            if at > 0 {
                top += gap(layered, layer[at - 1], *vertex, spaces);
            }
            y[*vertex] = top;
            top += layered.height[*vertex];
        }
    }
    let (left, right) = neighbours(layered);
    for pass in 0..PASSES {
        let last = pass + 8 >= PASSES;
        let forward = pass % 2 == 0;
        let count = layered.layers.len();
        for step in 0..count {
            let layer = if forward { step } else { count - 1 - step };
            let sides: &[&[Vec<Pull>]] = match (last, forward) {
                (true, _) => &[&left, &right],
                (false, true) => &[&left],
                (false, false) => &[&right],
            };
            settle(layered, &layered.layers[layer], sides, &mut y, spaces);
        }
    }
    let top = y.iter().copied().fold(f64::INFINITY, f64::min);
    if top.is_finite() {
        y.iter_mut().for_each(|y| *y -= top);
    }
    y
}

/// Where a segment wants a vertex to be: so far below the top of the other one.
#[derive(Clone, Copy)]
struct Pull {
    other: usize,
    by: f64,
    weight: f64,
}

fn neighbours(layered: &Layered) -> (Vec<Vec<Pull>>, Vec<Vec<Pull>>) {
    let count = layered.layer.len();
    let (mut left, mut right) = (vec![Vec::new(); count], vec![Vec::new(); count]);
    for segment in &layered.segments {
        let bend = |vertex: usize| vertex >= layered.real;
        // Long lines shall be straight.
        let weight = match (bend(segment.left), bend(segment.right)) {
            (true, true) => 8.0,
            (false, false) => 1.0,
            _ => 2.0,
        };
        let by = segment.out - layered.into(segment);
        left[segment.right].push(Pull { other: segment.left, by, weight });
        right[segment.left].push(Pull { other: segment.right, by: -by, weight });
    }
    (left, right)
}

/// The least distance between the top of one and the bottom of the one above it.
fn gap(layered: &Layered, above: usize, below: usize, spaces: Spaces) -> f64 {
    let bend = |vertex: usize| vertex >= layered.real;
    match (bend(above), bend(below)) {
        (false, false) => spaces.between,
        (true, true) => spaces.between / 2.5,
        _ => spaces.between / 1.6,
    }
}

/// Moves the vertices of a layer to where their squared distances from what they want are least,
/// their order and gaps kept: blocks that would overlap become one and want the mean.
fn settle(
    layered: &Layered,
    layer: &[usize],
    sides: &[&[Vec<Pull>]],
    y: &mut [f64],
    spaces: Spaces,
) {
    struct Block {
        sum: f64,
        weight: f64,
        first: usize,
    }
    let mut below = Vec::with_capacity(layer.len());
    let mut blocks: Vec<Block> = Vec::new();
    let mut offset = 0.0;
    for (at, vertex) in layer.iter().enumerate() {
        if at > 0 {
            let above = layer[at - 1];
            offset += layered.height[above] + gap(layered, above, *vertex, spaces);
        }
        below.push(offset);
        let pulls = sides.iter().flat_map(|side| &side[*vertex]);
        let (mut sum, mut weight) = (0.0, 0.0);
        for pull in pulls {
            sum += pull.weight * (y[pull.other] + pull.by);
            weight += pull.weight;
        }
        if weight == 0.0 {
            (sum, weight) = (y[*vertex] * 0.1, 0.1);
        }
        let mut block = Block { sum: sum - weight * offset, weight, first: at };
        while let Some(top) = blocks.last()
            && top.sum / top.weight > block.sum / block.weight
        {
            block.sum += top.sum;
            block.weight += top.weight;
            block.first = top.first;
            blocks.pop();
        }
        blocks.push(block);
    }
    for (place, block) in blocks.iter().enumerate() {
        let end = blocks.get(place + 1).map_or(layer.len(), |next| next.first);
        for at in block.first..end {
            y[layer[at]] = block.sum / block.weight + below[at];
        }
    }
}

/// Where each segment ends: lines that enter one box are spread over its side, in the order in
/// which they come.
pub(super) fn inlets(layered: &Layered, y: &[f64], spaces: Spaces) -> Vec<f64> {
    let mut ends = vec![0.0; layered.segments.len()];
    let mut entering: Vec<Vec<usize>> = vec![Vec::new(); layered.layer.len()];
    for (at, segment) in layered.segments.iter().enumerate() {
        match segment.into {
            Some(into) => ends[at] = y[segment.right] + into,
            None => entering[segment.right].push(at),
        }
    }
    for (vertex, mut segments) in entering.into_iter().enumerate() {
        let start = |at: usize| y[layered.segments[at].left] + layered.segments[at].out;
        segments.sort_by(|a, b| start(*a).total_cmp(&start(*b)).then(a.cmp(b)));
        let room = layered.height[vertex] / (segments.len() + 1) as f64;
        let step = room.min(spaces.inlets);
        let middle = y[vertex] + layered.height[vertex] / 2.0;
        let first = middle - step * (segments.len() as f64 - 1.0) / 2.0;
        for (place, at) in segments.into_iter().enumerate() {
            ends[at] = first + step * place as f64;
        }
    }
    ends
}
