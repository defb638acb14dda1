//! The routing graph as a person reads it: where requests enter, and where they may go.
//!
//! Each gateway and each node that calls others is a root, so no branch is deeper than a route of
//! a router. What stands behind a service is told once.

use super::{Graph, label, lines, short};
use crate::model::{Address, Kind};
use crate::picture::{Edge, Item, Mark, Picture};
use crate::plan::{Places, place_of};
use crate::report::paint;
use std::collections::BTreeSet;
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// How it is written.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Whether it is coloured.
    pub color: bool,
    /// Columns to fit into.
    pub width: usize,
}

/// Columns that places need; narrower terminals go without.
const PLACES_FROM: usize = 80;
/// The columns of places.
const PLACE: usize = 26;

/// The text. Without places no line says where it comes from.
pub fn text(graph: &Graph<'_>, places: Option<Places<'_>>, view: View) -> String {
    let mut writer = Writer {
        graph,
        picture: &graph.picture,
        leaving: graph.picture.leaving(),
        told: BTreeSet::new(),
        lines: Vec::new(),
        view,
    };
    writer.roots();
    let mut text = format!("{}: {}\n", graph.title(), graph.counts());
    if graph.changes {
        let [created, updated, deleted] = graph.picture.marks();
        let _ = writeln!(text, "+ {created} created  ~ {updated} updated  - {deleted} deleted");
    }
    let find = |address: &Address| {
        let place = places.as_ref().and_then(|places| place_of(places, address, ""))?;
        Some(format!("{}:{}", place.path, place.line))
    };
    let with_places = view.width >= PLACES_FROM && places.is_some();
    let widest = if with_places { view.width - PLACE } else { view.width };
    let column = writer.lines.iter().map(|line| line.width().min(widest)).max().unwrap_or(0);
    for line in &writer.lines {
        // What is said about a resource comes before where it stands.
        let fits = with_places && line.width() <= widest;
        let place = line.about.as_ref().filter(|_| fits).and_then(find);
        let room = if place.is_some() { widest } else { view.width };
        let (shown, width) = line.shown(room, view.color);
        let gap = " ".repeat((column + 2).saturating_sub(width).max(1));
        let place = place.map_or_else(String::new, |place| {
            paint(view.color, &format!("{gap}{}", short(&place, PLACE - 2)), "2")
        });
        let _ = writeln!(text, "{}", format!("{shown}{place}").trim_end());
    }
    text
}

/// A line of the tree.
#[derive(Debug, Default)]
struct Line {
    stem: String,
    mark: Option<Mark>,
    words: String,
    bold: bool,
    /// What is said about it, in parentheses.
    notes: Vec<String>,
    about: Option<Address>,
}

impl Line {
    fn plain(&self) -> (String, String) {
        let sign = self.mark.map_or_else(String::new, |mark| format!("{} ", mark.sign()));
        let notes = self.notes.join(", ");
        let notes = if notes.is_empty() { notes } else { format!("  ({notes})") };
        (format!("{sign}{}", self.words), notes)
    }

    fn width(&self) -> usize {
        let (words, notes) = self.plain();
        self.stem.width() + words.width() + notes.width()
    }

    fn shown(&self, room: usize, color: bool) -> (String, usize) {
        let (words, notes) = self.plain();
        let words = short(&words, room.saturating_sub(self.stem.width()).max(8));
        let rest = room.saturating_sub(self.stem.width() + words.width());
        let notes = if rest > 4 { short(&notes, rest) } else { String::new() };
        let width = self.stem.width() + words.width() + notes.width();
        let style = match self.mark {
            Some(mark) => Some(style(mark)),
            None => self.bold.then_some("1"),
        };
        let words = style.map_or_else(|| words.clone(), |style| paint(color, &words, style));
        let notes = if notes.is_empty() { notes } else { paint(color, &notes, "2") };
        (format!("{}{words}{notes}", self.stem), width)
    }
}

fn style(mark: Mark) -> &'static str {
    match mark {
        Mark::Created => "32",
        Mark::Updated => "33",
        Mark::Deleted => "31",
    }
}

struct Writer<'a> {
    graph: &'a Graph<'a>,
    picture: &'a Picture,
    leaving: Vec<Vec<usize>>,
    told: BTreeSet<usize>,
    lines: Vec<Line>,
    view: View,
}

/// What a branch of the tree hangs on.
#[derive(Clone, Copy)]
struct Stem<'s> {
    before: &'s str,
    last: bool,
}

impl Stem<'_> {
    fn own(self) -> String {
        format!(
            "{}{}",
            self.before,
            if self.last { "\u{2514}\u{2500} " } else { "\u{251c}\u{2500} " }
        )
    }

    fn below(self) -> String {
        format!("{}{}", self.before, if self.last { "   " } else { "\u{2502}  " })
    }
}

impl<'a> Writer<'a> {
    fn roots(&mut self) {
        let entering = self.picture.entering();
        let count = self.picture.items.len();
        let kind = |at: usize| self.picture.items[at].kind();
        let calls = |at: usize| !self.leaving[at].is_empty();
        let gateways = (0..count).filter(|at| kind(*at) == Kind::VirtualGateway);
        let callers = (0..count).filter(|at| kind(*at) == Kind::VirtualNode && calls(*at));
        let idle = (0..count).filter(|at| {
            let root =
                kind(*at) == Kind::VirtualGateway || kind(*at) == Kind::VirtualNode && calls(*at);
            !root && entering[*at].is_empty()
        });
        let idle: Vec<usize> = idle.collect();
        let roots: Vec<usize> = gateways.chain(callers).collect();
        let both = roots.iter().map(|at| (*at, false)).chain(idle.iter().map(|at| (*at, true)));
        for (at, idle) in both.collect::<Vec<_>>() {
            self.lines.push(Line::default());
            self.root(at, idle && self.graph.scope.is_none());
        }
    }

    fn root(&mut self, at: usize, unused: bool) {
        let item = &self.picture.items[at];
        let mut line = self.line(item, String::new());
        line.bold = true;
        if unused {
            line.notes.push("nothing leads here".to_owned());
        }
        if matches!(item.kind(), Kind::VirtualService | Kind::VirtualRouter) {
            self.service(at, line, "");
            return;
        }
        self.lines.push(line);
        let edges = self.leaving[at].clone();
        let direct: Vec<usize> =
            edges.iter().copied().filter(|at| self.picture.edges[*at].row.is_none()).collect();
        let total = item.rows.len() + direct.len();
        for (row, _) in item.rows.iter().enumerate() {
            let stem = Stem { before: "", last: row + 1 == total };
            self.row(at, row, stem);
        }
        for (place, edge) in direct.into_iter().enumerate() {
            let stem = Stem { before: "", last: item.rows.len() + place + 1 == total };
            self.called(edge, stem);
        }
    }

    fn line(&self, item: &Item, stem: String) -> Line {
        let mut notes = lines(item);
        let ports = if item.ports.is_empty() { String::new() } else { format!("  {}", item.ports) };
        notes.retain(|note| *note != item.ports);
        Line {
            stem,
            mark: item.mark,
            words: format!("{}{ports}", item.address),
            bold: false,
            notes,
            about: Some(item.address.clone()),
        }
    }

    /// A route of a gateway with the service that it calls, or of a router with its targets.
    fn row(&mut self, at: usize, row: usize, stem: Stem<'_>) {
        let own = &self.picture.items[at].rows[row];
        let edges: Vec<usize> = self.leaving[at]
            .iter()
            .copied()
            .filter(|edge| self.picture.edges[*edge].row == Some(row))
            .collect();
        let mut line = Line {
            stem: stem.own(),
            mark: own.mark,
            words: format!("{}: {}", own.name(), own.words),
            about: Some(own.address.clone()),
            ..Line::default()
        };
        if edges.is_empty() && self.graph.scope.is_none() {
            line.notes.push("leads nowhere".to_owned());
        }
        let targets: Vec<&Edge> = edges.iter().map(|edge| &self.picture.edges[*edge]).collect();
        if let Some(inline) = self.inline(&targets, &line) {
            line.words.push_str(&inline);
            self.lines.push(line);
            return;
        }
        self.lines.push(line);
        for (place, edge) in edges.iter().enumerate() {
            let below = stem.below();
            self.called(*edge, Stem { before: &below, last: place + 1 == edges.len() });
        }
    }

    /// The targets on the line of their route, if they are plain nodes and there is room.
    fn inline(&self, targets: &[&Edge], line: &Line) -> Option<String> {
        let plain = |edge: &&Edge| {
            let to = &self.picture.items[edge.to];
            to.kind() == Kind::VirtualNode && edge.mark.is_none() && to.mark.is_none()
        };
        if targets.is_empty() || !targets.iter().all(plain) {
            return None;
        }
        let words: Vec<String> = targets.iter().map(|edge| self.target(edge)).collect();
        let text = format!(" -> {}", words.join(", "));
        (line.width() + text.width() + PLACE <= self.view.width.max(PLACES_FROM)
            || line.width() + text.width() <= self.view.width.saturating_sub(PLACE))
        .then_some(text)
        .filter(|text| line.width() + text.width() <= self.view.width)
    }

    fn target(&self, edge: &Edge) -> String {
        let name = self.picture.items[edge.to].name();
        match label(&Edge { mark: None, ..edge.clone() }) {
            Some(label) => format!("{name} {label}"),
            None => name.to_owned(),
        }
    }

    /// What an edge leads to, on a line of its own.
    fn called(&mut self, edge: usize, stem: Stem<'_>) {
        let edge = &self.picture.edges[edge];
        let item = &self.picture.items[edge.to];
        let mut line = self.line(item, stem.own());
        if let Some(label) = label(&Edge { mark: None, ..edge.clone() }) {
            line.words = format!("{label}  {}", line.words);
        }
        // The line is about the edge; what becomes of the box is said where the box is told.
        if let (Some(mark), true) = (edge.mark, edge.mark != item.mark) {
            line.mark = Some(mark);
            line.notes.extend(item.mark.map(|mark| format!("itself {}", mark.as_str())));
        }
        if item.kind() == Kind::VirtualNode {
            let calls = self.leaving[edge.to].len();
            if calls > 0 {
                line.notes
                    .push(format!("calls {}, below", crate::picture::count(calls, "service")));
            }
            line.about = None;
            self.lines.push(line);
        } else {
            self.service(edge.to, line, &stem.below());
        }
    }

    /// A service or router, and what stands behind it if that was not told yet.
    fn service(&mut self, at: usize, mut line: Line, below: &str) {
        if !self.told.insert(at) {
            line.notes = vec!["see above".to_owned()];
            line.about = None;
            self.lines.push(line);
            return;
        }
        let behind: Vec<usize> = self.leaving[at].clone();
        let mut routed = at;
        let direct: Vec<&Edge> = behind.iter().map(|edge| &self.picture.edges[*edge]).collect();
        // A router that stands alone behind a service shares its line.
        if let [only] = direct.as_slice()
            && self.picture.items[only.to].kind() == Kind::VirtualRouter
            && only.mark.is_none_or(|mark| Some(mark) == self.picture.items[only.to].mark)
        {
            let router = &self.picture.items[only.to];
            if self.picture.items[at].mark == router.mark {
                line.words.push_str(&format!(", router {}  {}", router.name(), router.ports));
                line.notes.extend(router.notes.iter().cloned());
                if !self.told.insert(only.to) {
                    line.notes.push("its routes see above".to_owned());
                    self.lines.push(line);
                    return;
                }
                routed = only.to;
            }
        }
        if direct.is_empty()
            && self.picture.items[at].kind() == Kind::VirtualService
            && line.notes.is_empty()
        {
            line.notes.push("nothing provides it".to_owned());
        }
        self.lines.push(line);
        let rows = self.picture.items[routed].rows.len();
        for row in 0..rows {
            self.row(routed, row, Stem { before: below, last: row + 1 == rows });
        }
        if routed == at {
            let edges: Vec<usize> =
                behind.into_iter().filter(|edge| self.picture.edges[*edge].row.is_none()).collect();
            for (place, edge) in edges.iter().enumerate() {
                self.called(*edge, Stem { before: below, last: place + 1 == edges.len() });
            }
        }
    }
}
