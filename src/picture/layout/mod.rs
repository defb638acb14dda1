//! Places for boxes and ways for lines: layers from left to right, in the manner of Sugiyama.
//!
//! Parts that no line connects are laid out alone and packed. Every step makes a fixed number of
//! passes, so the time is near linear in the boxes, the lines and the layers that lines cross.

mod layers;
mod order;
mod place;

use layers::Layered;

/// A box to be placed. Units are those of the picture; `y` grows downward.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// A line to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The index of the box that it leaves.
    pub from: usize,
    /// How far below the top of that box it leaves.
    pub outlet: f64,
    /// The index of the box that it enters; another one.
    pub to: usize,
    /// The room that its label needs before the box that it enters.
    pub label: f64,
}

/// Distances.
#[derive(Clone, Copy, Debug)]
pub struct Spaces {
    /// Between boxes of one layer.
    pub between: f64,
    /// Between layers, at least.
    pub layers: f64,
    /// Between two lines that enter a box, at most.
    pub inlets: f64,
    /// Between parts that no line connects.
    pub parts: f64,
    /// How wide parts are packed at least.
    pub width: f64,
}

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// The straight end of a line.
const LEAD: f64 = 14.0;

/// Where everything is.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// The left upper corner of each box.
    pub boxes: Vec<Point>,
    /// The way of each line: it is straight from the first to the second point, a curve from there
    /// to the third, straight to the fourth, and so on.
    pub ways: Vec<Vec<Point>>,
    /// The width of all.
    pub width: f64,
    /// The height of all.
    pub height: f64,
}

/// Lays out boxes and lines. The same input gives the same places.
pub fn layout(sizes: &[Size], lines: &[Line], spaces: Spaces) -> Layout {
    let mut whole = Layout {
        boxes: vec![Point { x: 0.0, y: 0.0 }; sizes.len()],
        ways: vec![Vec::new(); lines.len()],
        ..Layout::default()
    };
    let mut parts: Vec<Part> = layers::parts(sizes.len(), lines)
        .into_iter()
        .map(|of| part(sizes, lines, of, spaces))
        .collect();
    // The order is that of sizes, then that of boxes; sorting is stable.
    parts.sort_by_key(|part| std::cmp::Reverse(part.boxes.len()));
    let widest = parts.iter().map(|part| part.width).fold(spaces.width, f64::max);
    // Beside a part that is most of the whole there would be much empty ground.
    let width = match parts.first() {
        Some(first) if 2 * first.boxes.len() > sizes.len() => widest,
        _ => {
            let area = |part: &Part| (part.width + spaces.parts) * (part.height + spaces.parts);
            widest.max((parts.iter().map(area).sum::<f64>() * 1.6).sqrt())
        }
    };
    let (mut x, mut y, mut row) = (0.0, 0.0, 0.0_f64);
    for part in parts {
        if x > 0.0 && x + part.width > width {
            (x, y, row) = (0.0, y + row + spaces.parts, 0.0);
        }
        for (at, point) in part.boxes {
            whole.boxes[at] = Point { x: x + point.x, y: y + point.y };
        }
        for (at, way) in part.ways {
            whole.ways[at] =
                way.into_iter().map(|point| Point { x: x + point.x, y: y + point.y }).collect();
        }
        whole.width = whole.width.max(x + part.width);
        whole.height = whole.height.max(y + part.height);
        row = row.max(part.height);
        x += part.width + spaces.parts;
    }
    whole
}

/// A part that lines connect, placed from the origin.
struct Part {
    boxes: Vec<(usize, Point)>,
    ways: Vec<(usize, Vec<Point>)>,
    width: f64,
    height: f64,
}

fn part(sizes: &[Size], lines: &[Line], of: layers::Members, spaces: Spaces) -> Part {
    let mut layered = Layered::new(sizes, lines, &of);
    order::order(&mut layered);
    let y = place::place(&layered, spaces);
    let columns = columns(&layered, lines, &of, spaces);
    let mut boxes = Vec::new();
    for (own, at) in of.boxes.iter().enumerate() {
        let column = columns[layered.layer[own]];
        boxes.push((*at, Point { x: column.0, y: y[own] }));
    }
    let inlets = place::inlets(&layered, &y, spaces);
    let mut ways = Vec::new();
    for (line, at) in of.lines.iter().enumerate() {
        let chain = &layered.chains[line];
        let mut points = Vec::new();
        for (place, pair) in chain.windows(2).enumerate() {
            let (left, right) = (pair[0], pair[1]);
            let segment = layered.segments_of[line][place];
            let start = y[left] + layered.segments[segment].out;
            let column = columns[layered.layer[left]];
            let from = if place == 0 { column.0 + layered.width[left] } else { column.0 };
            points.push(Point { x: from, y: start });
            points.push(Point { x: column.0 + column.1, y: start });
            if place + 2 == chain.len() {
                let end = inlets[segment];
                let x = columns[layered.layer[right]].0;
                // A label stands on a straight piece.
                let lead = match lines[*at].label {
                    label if label > 0.0 && !layered.reversed[line] => label + LEAD,
                    _ => LEAD,
                };
                points.push(Point { x: x - lead, y: end });
                points.push(Point { x, y: end });
            }
        }
        if layered.reversed[line] {
            points.reverse();
        }
        ways.push((*at, points));
    }
    let width = columns.last().map_or(0.0, |(x, width)| x + width);
    let bottom = |own: usize| y[own] + layered.height[own];
    let height = (0..layered.layer.len()).map(bottom).fold(0.0, f64::max);
    Part { boxes, ways, width, height }
}

/// The left edge and the width of each layer. The more lines pass between two, the more room.
fn columns(
    layered: &Layered,
    lines: &[Line],
    of: &layers::Members,
    spaces: Spaces,
) -> Vec<(f64, f64)> {
    let count = layered.layers.len();
    let mut widths = vec![0.0_f64; count];
    for (own, layer) in layered.layer.iter().enumerate() {
        widths[*layer] = widths[*layer].max(layered.width[own]);
    }
    let mut passing = vec![0_u32; count];
    let mut labels = vec![0.0_f64; count];
    for (line, at) in of.lines.iter().enumerate() {
        let chain = &layered.chains[line];
        for own in &chain[1..] {
            passing[layered.layer[*own]] += 1;
        }
        let last = layered.layer[chain[chain.len() - 1]];
        labels[last] = labels[last].max(lines[*at].label);
    }
    let mut x = 0.0;
    let mut columns = Vec::new();
    for layer in 0..count {
        if layer > 0 {
            let more = 9.0 * f64::from(passing[layer]).sqrt();
            x += (spaces.layers + more.min(4.0 * spaces.layers)) + labels[layer];
        }
        columns.push((x, widths[layer]));
        x += widths[layer];
    }
    columns
}
