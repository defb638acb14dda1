//! A graph as a picture of its own: layers from left to right, readable on light and dark grounds.
//!
//! Texts are in a fixed-width font, so that what fits is known without measuring.

use super::xml::{Element, number};
use super::{Graph, foot, label, lines, short, sign};
use crate::model::Kind;
use crate::picture::layout::{Layout, Line, Point, Size, Spaces, layout};
use crate::picture::{Edge, Folded, Item, Mark, Picture, kind_word};
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// The advance of a character of a fixed-width font, in parts of its size; the widest in use have
/// 0.602.
const ADVANCE: f64 = 0.605;
const NAME: f64 = 13.0;
const SMALL: f64 = 11.0;
const TINY: f64 = 10.0;
const PAD: f64 = 10.0;
const BAR: f64 = 4.0;
const LINE: f64 = 15.0;
const ROW: f64 = 20.0;
const MARGIN: f64 = 24.0;
/// Columns of a name, a line and the conditions of a route, before they are cut.
const NAME_COLUMNS: usize = 44;
const LINE_COLUMNS: usize = 56;
const WORD_COLUMNS: usize = 44;
/// Between two labels at the side of a box.
const INLET: f64 = 15.0;

const SPACES: Spaces =
    Spaces { between: 18.0, layers: 44.0, inlets: INLET, parts: 36.0, width: 700.0 };

const STYLE: &str = "
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;fill:#1f2328}
.ground{fill:#fff}
.name,.title,.row tspan.own{font-weight:600}
.soft{fill:#59636e}
.box{fill:#f6f8fa;stroke:#818b98;stroke-width:1}
.rule{stroke:#d1d9e0;stroke-width:1}
.bar-gateway{fill:#0969da}.bar-service{fill:#8250df}.bar-router{fill:#bc4c00}.bar-node{fill:#1a7f37}
.edge path{fill:none;stroke:#818b98;stroke-width:1.4}
.edge path.tip{fill:#818b98;stroke:none}
.edge:hover path{stroke-width:3}
.label{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}
.absent .box{stroke-dasharray:2 3}
.created .box,.created path,.created .tick{stroke:#1a7f37;stroke-width:2.4}
.updated .box,.updated path,.updated .tick{stroke:#9a6700;stroke-width:2.4}
.deleted .box,.deleted path,.deleted .tick{stroke:#cf222e;stroke-width:2;stroke-dasharray:7 4}
.created path.tip{fill:#1a7f37;stroke:none}.updated path.tip{fill:#9a6700;stroke:none}.deleted path.tip{fill:#cf222e;stroke:none}
text.created,tspan.created,.edge.created text{fill:#1a7f37}
text.updated,tspan.updated,.edge.updated text{fill:#9a6700}
text.deleted,tspan.deleted,.edge.deleted text{fill:#cf222e}
@media (prefers-color-scheme:dark){
text{fill:#f0f6fc}.ground{fill:#0d1117}.soft{fill:#9198a1}
.box{fill:#151b23;stroke:#656c76}.rule{stroke:#3d444d}
.bar-gateway{fill:#4493f8}.bar-service{fill:#ab7df8}.bar-router{fill:#db6d28}.bar-node{fill:#3fb950}
.edge path{stroke:#656c76}.edge path.tip{fill:#656c76}.label{stroke:#0d1117}
.created .box,.created path,.created .tick{stroke:#3fb950}.created path.tip{fill:#3fb950}
.updated .box,.updated path,.updated .tick{stroke:#d29922}.updated path.tip{fill:#d29922}
.deleted .box,.deleted path,.deleted .tick{stroke:#f85149}.deleted path.tip{fill:#f85149}
text.created,tspan.created,.edge.created text{fill:#3fb950}
text.updated,tspan.updated,.edge.updated text{fill:#d29922}
text.deleted,tspan.deleted,.edge.deleted text{fill:#f85149}
}
";

pub(super) fn write(graph: &Graph<'_>, folded: &Folded) -> String {
    let picture = &folded.picture;
    let cards: Vec<Card> = cards(picture);
    let sizes: Vec<Size> = cards.iter().map(|card| card.size).collect();
    let edges: Vec<&Edge> = picture.edges.iter().collect();
    let drawn: Vec<Line> = edges
        .iter()
        .map(|edge| Line {
            from: edge.from,
            outlet: cards[edge.from].outlet(edge.row),
            to: edge.to,
            label: label(edge).map_or(0.0, |label| columns(&label, TINY)),
        })
        .collect();
    let laid = layout(&sizes, &drawn, SPACES);
    let foot = foot(graph, folded);
    let legend = Legend::of(graph, picture);
    let top = MARGIN + 34.0;
    let widths = foot.iter().map(|line| columns(line, SMALL));
    let widest = widths
        .chain([columns(&graph.title(), 16.0), legend.width(), laid.width])
        .fold(0.0, f64::max);
    let below = top + laid.height + 30.0;
    let width = widest + 2.0 * MARGIN;
    let height = below + legend.height() + LINE * foot.len() as f64 + MARGIN;

    let mut root = Element::new("svg")
        .set("xmlns", "http://www.w3.org/2000/svg")
        .set("viewBox", &format!("0 0 {} {}", number(width), number(height)))
        .set("width", &number(width))
        .set("height", &number(height))
        .set("role", "img");
    root.add(Element::new("title").text(&graph.title()));
    root.add(Element::new("style").text(STYLE));
    let ground = rectangle(0.0, 0.0, width, height).set("class", "ground");
    root.add(ground);
    root.add(text(MARGIN, MARGIN + 8.0, 16.0, "title", &graph.title()));
    let shift = |point: Point| Point { x: point.x + MARGIN, y: point.y + top };
    for (at, edge) in edges.iter().enumerate() {
        root.add(line(picture, edge, &laid, at, shift));
    }
    for (at, card) in cards.iter().enumerate() {
        root.add(card.draw(shift(laid.boxes[at])));
    }
    legend.draw(&mut root, below);
    for (at, line) in foot.iter().enumerate() {
        let y = below + legend.height() + LINE * (at as f64) + 6.0;
        root.add(text(MARGIN, y, SMALL, "soft", line));
    }
    root.document()
}

/// The columns of a text in a size.
fn columns(text: &str, size: f64) -> f64 {
    text.width() as f64 * size * ADVANCE
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Element {
    Element::new("rect")
        .set("x", &number(x))
        .set("y", &number(y))
        .set("width", &number(width))
        .set("height", &number(height))
}

fn text(x: f64, y: f64, size: f64, class: &str, words: &str) -> Element {
    Element::new("text")
        .set("x", &number(x))
        .set("y", &number(y))
        .set("font-size", &number(size))
        .set("class", class)
        .text(words)
}

fn class(mark: Option<Mark>) -> &'static str {
    mark.map_or("", Mark::as_str)
}

/// The height of the kind and the name; small boxes tell their kind by colour alone, and by a
/// tooltip.
fn head(item: &Item) -> f64 {
    if item.small { 23.0 } else { 36.0 }
}

/// A box with its lines and rows.
struct Card<'a> {
    item: &'a Item,
    size: Size,
    name: String,
    lines: Vec<String>,
}

fn cards(picture: &Picture) -> Vec<Card<'_>> {
    let entering = picture.entering();
    picture
        .items
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let labels = entering[at].iter().filter(|edge| label(&picture.edges[**edge]).is_some());
            Card::new(item, labels.count())
        })
        .collect()
}

impl<'a> Card<'a> {
    fn new(item: &'a Item, labels: usize) -> Self {
        let name = format!("{}{}", sign(item.mark), short(item.name(), NAME_COLUMNS));
        let lines: Vec<String> = lines(item).iter().map(|line| short(line, LINE_COLUMNS)).collect();
        let mut width = columns(&name, NAME).max(columns(kind_word(item.kind()), TINY));
        for line in &lines {
            width = width.max(columns(line, SMALL));
        }
        for row in &item.rows {
            let words = short(&row.words, WORD_COLUMNS);
            let all = format!("{}{}  {words}", sign(row.mark), short(row.name(), NAME_COLUMNS));
            width = width.max(columns(&all, SMALL));
        }
        let rows = item.rows.len() as f64 * ROW;
        let height = head(item) + lines.len() as f64 * LINE + 6.0 + rows;
        let height = height.max(INLET * (labels as f64 + 1.0));
        let size = Size { width: (width + 2.0 * PAD + BAR).max(96.0), height };
        Self { item, size, name, lines }
    }

    /// Where rows start.
    fn body(&self) -> f64 {
        head(self.item) + self.lines.len() as f64 * LINE + 6.0
    }

    fn outlet(&self, row: Option<usize>) -> f64 {
        match row {
            Some(row) => self.body() + ROW * (row as f64 + 0.5),
            None if self.item.rows.is_empty() => self.size.height / 2.0,
            None => self.body() / 2.0,
        }
    }

    fn draw(&self, at: Point) -> Element {
        let item = self.item;
        let absent = if item.state == crate::picture::State::Defined { "" } else { " absent" };
        let classes = format!("item {}{absent}", class(item.mark));
        let mut group = Element::new("g").set("class", classes.trim_end());
        let mut title = item.address.to_string();
        for line in self.item.mark.map(|mark| mark.as_str().to_owned()).iter().chain(&lines(item)) {
            let _ = write!(title, "\n{line}");
        }
        group.add(Element::new("title").text(&title));
        let Size { width, height } = self.size;
        group.add(rectangle(at.x, at.y, width, height).set("rx", "4").set("class", "box"));
        let bar = format!("bar-{}", kind_word(item.kind()));
        group.add(rectangle(at.x, at.y, BAR, height).set("rx", "2").set("class", &bar));
        let x = at.x + BAR + PAD;
        if !item.small {
            group.add(text(x, at.y + 13.0, TINY, "soft", kind_word(item.kind())));
        }
        let name = format!("name {}", class(item.mark));
        group.add(text(x, at.y + head(item) - 7.0, NAME, name.trim_end(), &self.name));
        for (place, line) in self.lines.iter().enumerate() {
            let y = at.y + head(item) + LINE * (place as f64) + 8.0;
            group.add(text(x, y, SMALL, "soft", line));
        }
        for (place, row) in item.rows.iter().enumerate() {
            let y = at.y + self.body() + ROW * place as f64;
            let rule = Element::new("line")
                .set("x1", &number(at.x + BAR))
                .set("x2", &number(at.x + width))
                .set("y1", &number(y))
                .set("y2", &number(y));
            group.add(rule.set("class", "rule"));
            let mut words = text(x, y + 14.0, SMALL, "row", "");
            let all = format!("{}: {}", row.address, row.words);
            words.add(Element::new("title").text(&all));
            let own = format!("own {}", class(row.mark));
            let name = format!("{}{}", sign(row.mark), short(row.name(), NAME_COLUMNS));
            words.add(Element::new("tspan").set("class", own.trim_end()).text(&name));
            let rest = Element::new("tspan").set("class", "soft").set("dx", &number(SMALL));
            words.add(rest.text(&short(&row.words, WORD_COLUMNS)));
            group.add(words);
        }
        group
    }
}

/// A line with its tip and label.
fn line(
    picture: &Picture,
    edge: &Edge,
    laid: &Layout,
    at: usize,
    shift: impl Fn(Point) -> Point,
) -> Element {
    let points: Vec<Point> = laid.ways[at].iter().map(|point| shift(*point)).collect();
    let classes = format!("edge {}", class(edge.mark));
    let mut group = Element::new("g").set("class", classes.trim_end());
    let item = &picture.items[edge.from];
    let from = edge.row.map_or(&item.address, |row| &item.rows[row].address);
    let words = label(edge).map_or_else(String::new, |label| format!(" ({label})"));
    let to = &picture.items[edge.to].address;
    let many = if edge.count > 1 { format!(", {} in one", edge.count) } else { String::new() };
    group.add(Element::new("title").text(&format!("{from} -> {to}{words}{many}")));
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return group };
    let back = first.x > last.x;
    let tip = if back { 8.0 } else { -8.0 };
    let mut path = format!("M{} {}", number(first.x), number(first.y));
    for pair in points[1..].chunks(2) {
        let _ = write!(path, "H{}", number(pair[0].x));
        if let [from, to] = pair
            && from != to
        {
            let middle = (from.x + to.x) / 2.0;
            let _ = write!(
                path,
                "C{} {} {} {} {} {}",
                number(middle),
                number(from.y),
                number(middle),
                number(to.y),
                number(to.x),
                number(to.y)
            );
        }
    }
    group.add(Element::new("path").set("d", &path));
    let head = format!("M{} {}l{} -4v8z", number(last.x), number(last.y), number(tip));
    group.add(Element::new("path").set("class", "tip").set("d", &head));
    if let Some(label) = label(edge) {
        let anchor = if back { "start" } else { "end" };
        let x = last.x + 1.6 * tip;
        group.add(text(x, last.y - 4.0, TINY, "label", &label).set("text-anchor", anchor));
    }
    group
}

/// What colours and signs mean.
struct Legend {
    kinds: Vec<Kind>,
    marks: bool,
}

impl Legend {
    fn of(graph: &Graph<'_>, picture: &Picture) -> Self {
        let all =
            [Kind::VirtualGateway, Kind::VirtualService, Kind::VirtualRouter, Kind::VirtualNode];
        let there = |kind: &Kind| picture.items.iter().any(|item| item.kind() == *kind);
        Self { kinds: all.into_iter().filter(there).collect(), marks: graph.changes }
    }

    fn words(&self) -> Vec<(String, String)> {
        let mut words = Vec::new();
        for kind in &self.kinds {
            words.push((format!("bar-{}", kind_word(*kind)), kind_word(*kind).to_owned()));
        }
        if self.marks {
            for mark in Mark::ALL {
                words
                    .push((mark.as_str().to_owned(), format!("{} {}", mark.sign(), mark.as_str())));
            }
        }
        words
    }

    fn width(&self) -> f64 {
        self.words().iter().map(|(_, words)| columns(words, SMALL) + 44.0).sum()
    }

    fn height(&self) -> f64 {
        if self.kinds.is_empty() && !self.marks { 0.0 } else { 26.0 }
    }

    fn draw(&self, root: &mut Element, y: f64) {
        let mut x = MARGIN;
        let mut group = Element::new("g").set("class", "legend");
        for (class, words) in self.words() {
            if class.starts_with("bar-") {
                group.add(rectangle(x, y - 9.0, 10.0, 10.0).set("rx", "2").set("class", &class));
            } else {
                let mut sample = Element::new("g").set("class", &class);
                let line = Element::new("line")
                    .set("x1", &number(x - 8.0))
                    .set("x2", &number(x + 11.0))
                    .set("y1", &number(y - 4.0))
                    .set("y2", &number(y - 4.0));
                sample.add(line.set("class", "tick"));
                group.add(sample);
            }
            let own = if class.starts_with("bar-") { "soft".to_owned() } else { class };
            group.add(text(x + 16.0, y, SMALL, &own, &words));
            x += columns(&words, SMALL) + 44.0;
        }
        root.add(group);
    }
}
