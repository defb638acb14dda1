//! Which layer each box stands in: circles are cut, and lines over several layers get bends.

use super::{Line, Size};

/// The boxes and lines of a part that lines connect, by their indices in the whole.
pub(super) struct Members {
    pub(super) boxes: Vec<usize>,
    pub(super) lines: Vec<usize>,
}

/// A piece of a line between two neighbouring layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) left: usize,
    pub(super) right: usize,
    /// How far below the top of the left one it starts.
    pub(super) out: f64,
    /// How far below the top of the right one it ends, where that is given.
    pub(super) into: Option<f64>,
}

/// A part in layers. Vertices are its boxes, in their order, then the bends of long lines.
pub(super) struct Layered {
    /// How many vertices are boxes.
    pub(super) real: usize,
    pub(super) width: Vec<f64>,
    pub(super) height: Vec<f64>,
    /// The layer of each vertex.
    pub(super) layer: Vec<usize>,
    /// The vertices of each layer, from top to bottom.
    pub(super) layers: Vec<Vec<usize>>,
    /// The vertices of each line, from left to right.
    pub(super) chains: Vec<Vec<usize>>,
    /// Whether a line runs from right to left.
    pub(super) reversed: Vec<bool>,
    pub(super) segments: Vec<Segment>,
    /// The segments of each line, from left to right.
    pub(super) segments_of: Vec<Vec<usize>>,
}

/// Boxes of one layer: this many are never too many,
const LEAST_TALL: usize = 30;
/// and this much times the root of all.
const TALL: f64 = 3.0;

/// The height of a bend.
const BEND: f64 = 2.0;

/// The parts that lines connect, in the order of their first boxes.
pub(super) fn parts(count: usize, lines: &[Line]) -> Vec<Members> {
    let mut parent: Vec<usize> = (0..count).collect();
    fn find(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    for line in lines {
        let (a, b) = (find(&mut parent, line.from), find(&mut parent, line.to));
        parent[a.max(b)] = a.min(b);
    }
    let mut number = vec![usize::MAX; count];
    let mut parts: Vec<Members> = Vec::new();
    for at in 0..count {
        let root = find(&mut parent, at);
        if number[root] == usize::MAX {
            number[root] = parts.len();
            parts.push(Members { boxes: Vec::new(), lines: Vec::new() });
        }
        parts[number[root]].boxes.push(at);
    }
    for (at, line) in lines.iter().enumerate() {
        let root = find(&mut parent, line.from);
        parts[number[root]].lines.push(at);
    }
    parts
}

impl Layered {
    pub(super) fn new(sizes: &[Size], lines: &[Line], of: &Members) -> Self {
        let real = of.boxes.len();
        let own = |at: usize| of.boxes.partition_point(|known| *known < at);
        let ends: Vec<(usize, usize)> =
            of.lines.iter().map(|at| (own(lines[*at].from), own(lines[*at].to))).collect();
        let reversed = backward(real, &ends);
        let forward: Vec<(usize, usize)> = ends
            .iter()
            .zip(&reversed)
            .map(|(&(from, to), back)| if *back { (to, from) } else { (from, to) })
            .collect();
        let layer = assign(real, &forward);
        let mut layered = Self {
            real,
            width: of.boxes.iter().map(|at| sizes[*at].width).collect(),
            height: of.boxes.iter().map(|at| sizes[*at].height).collect(),
            layers: Vec::new(),
            layer,
            chains: Vec::new(),
            reversed,
            segments: Vec::new(),
            segments_of: Vec::new(),
        };
        for (line, &(left, right)) in forward.iter().enumerate() {
            layered.chain(line, left, right, &lines[of.lines[line]]);
        }
        let count = layered.layer.iter().max().map_or(0, |last| last + 1);
        layered.layers = vec![Vec::new(); count];
        for (vertex, layer) in layered.layer.iter().enumerate() {
            layered.layers[*layer].push(vertex);
        }
        layered
    }

    /// Adds a line with its bends and segments.
    fn chain(&mut self, line: usize, left: usize, right: usize, drawn: &Line) {
        let mut chain = vec![left];
        for layer in self.layer[left] + 1..self.layer[right] {
            chain.push(self.layer.len());
            self.layer.push(layer);
            self.width.push(0.0);
            self.height.push(BEND);
        }
        chain.push(right);
        let back = self.reversed[line];
        let last = chain.len() - 2;
        let mut own = Vec::new();
        for (place, pair) in chain.windows(2).enumerate() {
            let out = match place {
                0 if back => self.height[left] / 2.0,
                0 => drawn.outlet,
                _ => BEND / 2.0,
            };
            let into = match place {
                place if place == last => back.then_some(drawn.outlet),
                _ => Some(BEND / 2.0),
            };
            own.push(self.segments.len());
            self.segments.push(Segment { left: pair[0], right: pair[1], out, into });
        }
        self.segments_of.push(own);
        self.chains.push(chain);
    }

    /// How far below the top of the right vertex a segment ends, before inlets are given out.
    pub(super) fn into(&self, segment: &Segment) -> f64 {
        segment.into.unwrap_or(self.height[segment.right] / 2.0)
    }
}

/// Which lines close a circle on a walk that starts where nothing leads to.
fn backward(count: usize, ends: &[(usize, usize)]) -> Vec<bool> {
    let mut leaving = vec![Vec::new(); count];
    let mut entered = vec![0_usize; count];
    for (line, &(from, to)) in ends.iter().enumerate() {
        leaving[from].push(line);
        entered[to] += 1;
    }
    let mut reversed = vec![false; ends.len()];
    // 0 is new, 1 is under way, 2 is done.
    let mut state = vec![0_u8; count];
    let starts = (0..count).filter(|at| entered[*at] == 0).chain(0..count);
    for start in starts.collect::<Vec<_>>() {
        if state[start] != 0 {
            continue;
        }
        let mut stack = vec![(start, 0)];
        state[start] = 1;
        while let Some((at, next)) = stack.pop() {
            let Some(line) = leaving[at].get(next) else {
                state[at] = 2;
                continue;
            };
            stack.push((at, next + 1));
            let to = ends[*line].1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    stack.push((to, 0));
                }
                1 => reversed[*line] = true,
                _ => {}
            }
        }
    }
    reversed
}

/// Layers by longest ways, then each box as far right as shortens more lines than it lengthens.
fn assign(count: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut leaving = vec![Vec::new(); count];
    let mut entering = vec![Vec::new(); count];
    for &(from, to) in forward {
        leaving[from].push(to);
        entering[to].push(from);
    }
    let mut open: Vec<usize> = entering.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..count).filter(|at| open[*at] == 0).collect();
    let mut layer = vec![0; count];
    let mut next = 0;
    while let Some(&at) = order.get(next) {
        next += 1;
        for &to in &leaving[at] {
            layer[to] = layer[to].max(layer[at] + 1);
            open[to] -= 1;
            if open[to] == 0 {
                order.push(to);
            }
        }
    }
    for _ in 0..4 {
        for &at in order.iter().rev() {
            if let Some(nearest) = leaving[at].iter().map(|to| layer[*to]).min()
                && leaving[at].len() > entering[at].len()
            {
                layer[at] = nearest - 1;
            }
        }
    }
    limit(&order, &leaving, &mut layer);
    let first = layer.iter().copied().min().unwrap_or(0);
    layer.iter().map(|layer| layer - first).collect()
}

/// Moves what is too much for a layer to the next one: first what leads to the least.
fn limit(order: &[usize], leaving: &[Vec<usize>], layer: &mut [usize]) {
    let most = LEAST_TALL.max(((order.len() as f64).sqrt() * TALL).ceil() as usize);
    let mut now = 0;
    while now <= layer.iter().copied().max().unwrap_or(0) {
        let mut members: Vec<usize> = (0..layer.len()).filter(|at| layer[*at] == now).collect();
        if members.len() > most {
            members.sort_by_key(|at| leaving[*at].len());
            for at in &members[..members.len() - most] {
                layer[*at] += 1;
            }
            for &at in order {
                for &to in &leaving[at] {
                    layer[to] = layer[to].max(layer[at] + 1);
                }
            }
        }
        now += 1;
    }
}
