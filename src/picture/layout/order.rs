//! The order in each layer: few crossings, by barycentres and by changing neighbours.

use super::layers::Layered;

/// Passes over all layers.
const PASSES: usize = 24;
/// Up to so many vertices neighbours are changed where that helps.
const EXCHANGED: usize = 4000;

/// A neighbour of a vertex in the next layer, and where on it and on the vertex the line ends.
#[derive(Clone, Copy, Debug)]
struct Side {
    other: usize,
    /// How far down the other end is on its vertex, from 0 to 1.
    there: f64,
    /// The same on this vertex.
    here: f64,
}

struct Sides {
    left: Vec<Vec<Side>>,
    right: Vec<Vec<Side>>,
}

pub(super) fn order(layered: &mut Layered) {
    let sides = sides(layered);
    let mut place = vec![0; layered.layer.len()];
    start(layered, &sides, &mut place);
    let mut best = layered.layers.clone();
    let mut fewest = crossings(layered, &sides, &place);
    for pass in 0..PASSES {
        if fewest == 0 {
            break;
        }
        let count = layered.layers.len();
        if pass % 2 == 0 {
            for layer in 1..count {
                sort(layered, layer, &sides.left, &mut place);
            }
        } else {
            for layer in (0..count.saturating_sub(1)).rev() {
                sort(layered, layer, &sides.right, &mut place);
            }
        }
        if layered.layer.len() <= EXCHANGED {
            exchange(layered, &sides, &mut place);
        }
        let now = crossings(layered, &sides, &place);
        if now < fewest {
            fewest = now;
            best = layered.layers.clone();
        }
    }
    layered.layers = best;
}

fn sides(layered: &Layered) -> Sides {
    let count = layered.layer.len();
    let mut sides = Sides { left: vec![Vec::new(); count], right: vec![Vec::new(); count] };
    for segment in &layered.segments {
        let out = segment.out / layered.height[segment.left];
        let into = layered.into(segment) / layered.height[segment.right];
        sides.right[segment.left].push(Side { other: segment.right, there: into, here: out });
        sides.left[segment.right].push(Side { other: segment.left, there: out, here: into });
    }
    sides
}

/// The first order: as a walk from the left meets the vertices.
fn start(layered: &mut Layered, sides: &Sides, place: &mut [usize]) {
    let mut met = vec![false; place.len()];
    let mut layers: Vec<Vec<usize>> = vec![Vec::new(); layered.layers.len()];
    let all: Vec<usize> = layered.layers.iter().flatten().copied().collect();
    for first in all {
        let mut stack = vec![first];
        while let Some(at) = stack.pop() {
            if std::mem::replace(&mut met[at], true) {
                continue;
            }
            layers[layered.layer[at]].push(at);
            let mut next: Vec<&Side> = sides.right[at].iter().collect();
            next.sort_by(|a, b| b.here.total_cmp(&a.here).then(b.other.cmp(&a.other)));
            stack.extend(next.into_iter().map(|side| side.other));
        }
    }
    layered.layers = layers;
    for layer in &layered.layers {
        number(layer, place);
    }
}

fn number(layer: &[usize], place: &mut [usize]) {
    for (at, vertex) in layer.iter().enumerate() {
        place[*vertex] = at;
    }
}

/// Sorts a layer by the mean place of each vertex's neighbours. One without any keeps its place.
fn sort(layered: &mut Layered, layer: usize, sides: &[Vec<Side>], place: &mut [usize]) {
    let mut keyed: Vec<(f64, usize)> = Vec::new();
    for vertex in &layered.layers[layer] {
        let near = &sides[*vertex];
        let sum: f64 =
            near.iter().map(|side| place[side.other] as f64 + side.there - side.here / 2.0).sum();
        let mean = if near.is_empty() { place[*vertex] as f64 } else { sum / near.len() as f64 };
        keyed.push((mean, *vertex));
    }
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    layered.layers[layer] = keyed.into_iter().map(|(_, vertex)| vertex).collect();
    number(&layered.layers[layer], place);
}

/// Changes neighbours as long as that takes crossings away, twice over all at most.
fn exchange(layered: &mut Layered, sides: &Sides, place: &mut [usize]) {
    for _ in 0..2 {
        let mut better = false;
        for layer in &mut layered.layers {
            for at in 1..layer.len() {
                let (above, below) = (layer[at - 1], layer[at]);
                let both = [&sides.left, &sides.right];
                let gain: i64 = both
                    .iter()
                    .map(|side| {
                        between(&side[above], &side[below], place)
                            - between(&side[below], &side[above], place)
                    })
                    .sum();
                if gain > 0 {
                    layer.swap(at - 1, at);
                    (place[above], place[below]) = (at, at - 1);
                    better = true;
                }
            }
        }
        if !better {
            break;
        }
    }
}

/// Crossings of the lines of two neighbours, the first above the second.
fn between(above: &[Side], below: &[Side], place: &[usize]) -> i64 {
    let spot = |side: &Side| place[side.other] as f64 + side.there;
    let mut spots: Vec<f64> = below.iter().map(spot).collect();
    spots.sort_by(f64::total_cmp);
    let count = |side: &Side| spots.partition_point(|other| *other < spot(side)) as i64;
    above.iter().map(count).sum()
}

/// All crossings, by sorting: pairs of segments that are in another order left than right.
fn crossings(layered: &Layered, sides: &Sides, place: &[usize]) -> u64 {
    let mut sum = 0;
    for layer in &layered.layers {
        let mut ends: Vec<(f64, f64)> = Vec::new();
        for vertex in layer {
            for side in &sides.right[*vertex] {
                let left = place[*vertex] as f64 + side.here;
                ends.push((left, place[side.other] as f64 + side.there));
            }
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut right: Vec<f64> = ends.iter().map(|end| end.1).collect();
        sum += inversions(&mut right);
    }
    sum
}

/// Pairs in falling order; sorts the list.
fn inversions(list: &mut [f64]) -> u64 {
    if list.len() < 2 {
        return 0;
    }
    let middle = list.len() / 2;
    let (low, high) = list.split_at_mut(middle);
    let mut sum = inversions(low) + inversions(high);
    let mut merged = Vec::with_capacity(low.len() + high.len());
    let (mut a, mut b) = (0, 0);
    while a < low.len() && b < high.len() {
        if low[a] <= high[b] {
            merged.push(low[a]);
            a += 1;
        } else {
            sum += (low.len() - a) as u64;
            merged.push(high[b]);
            b += 1;
        }
    }
    merged.extend_from_slice(&low[a..]);
    merged.extend_from_slice(&high[b..]);
    list.copy_from_slice(&merged);
    sum
}
