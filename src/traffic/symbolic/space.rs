//! The requests of an entry point as a product of dimensions, each cut into the finitely many
//! kinds that the conditions of its rows tell apart.

use super::language::{Kind, Kinds, Test, Universe, kinds};
use super::set::Set;
use crate::model::{Port, Protocol};
use crate::traffic::headers::{Treatment, treatment};
use crate::traffic::{Codec, FieldValue, Request};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What of a request a condition looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The path without its query.
    Path,
    /// The host that was called, without case and port.
    Host,
    /// The method.
    Method,
    /// The scheme.
    Scheme,
    /// A header, by its lower-case name.
    Header(String),
    /// The first value of a query parameter, by its name.
    Query(String),
    /// Whether a condition holds that cannot be looked into, by its words.
    Assumed(String),
}

/// How a condition looks at its part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asks {
    /// It is there, and passes the test.
    Is(Test),
    /// It is there, and fails the test.
    IsNot(Test),
    /// It is there.
    Present,
    /// It is not there.
    Absent,
    /// Whether it holds cannot be told here, only that it holds whenever it holds elsewhere; the
    /// text says what it is.
    Unknown(String),
    /// It never holds.
    Never,
}

/// One condition of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// What it looks at.
    pub part: Part,
    /// How.
    pub asks: Asks,
}

impl Condition {
    /// A condition.
    pub fn new(part: Part, asks: Asks) -> Self {
        Self { part, asks }
    }
}

/// One part with its kinds.
#[derive(Clone, Debug)]
pub(super) struct Dimension {
    pub(super) part: Part,
    /// An example of each kind; `None` is a part that is not there.
    examples: Vec<Option<Vec<u8>>>,
    /// The kinds that meet each condition.
    sets: BTreeMap<Asks, Arc<Set>>,
}

impl Dimension {
    pub(super) fn size(&self) -> usize {
        self.examples.len()
    }

    pub(super) fn is_assumed(&self) -> bool {
        matches!(self.part, Part::Assumed(_))
    }
}

/// The kinds of one part that a row is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) dimension: usize,
    pub(super) set: Arc<Set>,
}

/// The conditions of one row, as sets: a box.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Region {
    pub(super) bounds: Vec<Bound>,
    /// Whether a condition is assumed.
    assumed: bool,
}

impl Region {
    /// Whether surely no request is in it.
    pub fn is_empty(&self) -> bool {
        self.bounds.iter().any(|bound| bound.set.is_empty())
    }

    /// Whether all its conditions are understood.
    pub fn is_exact(&self) -> bool {
        !self.assumed
    }

    /// Whether surely every request of this one is in the other.
    pub fn within(&self, other: &Self) -> bool {
        other
            .bounds
            .iter()
            .all(|outer| self.bound(outer.dimension).is_some_and(|own| own.set.within(&outer.set)))
    }

    /// Whether surely some request is in both.
    pub fn meets(&self, other: &Self) -> bool {
        self.is_exact()
            && other.is_exact()
            && !self.is_empty()
            && !other.is_empty()
            && self
                .bounds
                .iter()
                .all(|own| other.bound(own.dimension).is_none_or(|outer| own.set.meets(&outer.set)))
    }

    /// Whether some request may be in both.
    pub fn may_meet(&self, other: &Self) -> bool {
        self.bounds
            .iter()
            .all(|own| other.bound(own.dimension).is_none_or(|outer| own.set.meets(&outer.set)))
    }

    /// Whether the two surely share some of a part, and each has some of it that the other lacks.
    pub fn part_overlaps(&self, other: &Self, space: &Space, part: &Part) -> bool {
        let Some(at) = space.dimensions.iter().position(|d| d.part == *part) else { return false };
        let (Some(own), Some(outer)) = (self.bound(at), other.bound(at)) else { return false };
        own.set.meets(&outer.set) && !own.set.within(&outer.set) && !outer.set.within(&own.set)
    }

    /// The bound on a part, if there is one.
    pub(super) fn bound(&self, dimension: usize) -> Option<&Bound> {
        self.bounds.iter().find(|bound| bound.dimension == dimension)
    }

    fn bind(&mut self, dimension: usize, set: &Arc<Set>) {
        match self.bounds.iter_mut().find(|bound| bound.dimension == dimension) {
            Some(bound) => Arc::make_mut(&mut bound.set).keep(set),
            None => self.bounds.push(Bound { dimension, set: Arc::clone(set) }),
        }
    }
}

/// The dimensions of a set of rows.
#[derive(Clone, Debug, Default)]
pub struct Space {
    pub(super) dimensions: Vec<Dimension>,
    work: usize,
}

/// Methods, the commonest first; the last stands for all others.
const METHODS: [&str; 9] =
    ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND"];
const SCHEMES: [&str; 2] = ["http", "https"];

impl Space {
    /// Cuts the requests by every condition of some rows.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a [Condition]>) -> Self {
        let mut parts: BTreeMap<&Part, Vec<&Asks>> = BTreeMap::new();
        // The most tests of one part that one row wants to be passed.
        let mut wanted: BTreeMap<&Part, usize> = BTreeMap::new();
        for row in rows {
            for condition in row {
                parts.entry(&condition.part).or_default().push(&condition.asks);
                let same = |c: &&Condition| {
                    c.part == condition.part && matches!(c.asks, Asks::Is(_) | Asks::Present)
                };
                let most = wanted.entry(&condition.part).or_default();
                *most = row.iter().filter(same).count().max(*most);
            }
        }
        let mut space = Self::default();
        let mut assumed = BTreeSet::new();
        for (part, mut asks) in parts {
            asks.sort();
            asks.dedup();
            let (dimension, unread, work) = dimension(part, &asks, wanted[part]);
            assumed.extend(unread.into_iter().map(|test| label(part, test)));
            assumed.extend(asks.iter().filter_map(|ask| match ask {
                Asks::Unknown(text) => Some(text.clone()),
                _ => None,
            }));
            space.work += work;
            space.dimensions.push(dimension);
        }
        for text in assumed {
            let examples = vec![None, Some(text.clone().into_bytes())];
            let part = Part::Assumed(text);
            space.dimensions.push(Dimension { part, examples, sets: BTreeMap::new() });
        }
        space
    }

    /// How much was looked at, in states and kinds: it follows from the conditions alone.
    pub fn work(&self) -> usize {
        self.work
    }

    /// How many kinds a part has.
    pub fn kinds(&self, part: &Part) -> usize {
        self.dimensions.iter().find(|d| d.part == *part).map_or(1, Dimension::size)
    }

    fn at(&self, part: &Part) -> usize {
        let found = self.dimensions.iter().position(|d| d.part == *part);
        found.expect("invariant: the space was made from these conditions")
    }

    /// What could not be looked into among some conditions, in words.
    pub fn unread(&self, conditions: &[Condition]) -> impl Iterator<Item = &str> {
        let labels: BTreeSet<String> = conditions
            .iter()
            .filter_map(|condition| match &condition.asks {
                Asks::Is(test) | Asks::IsNot(test) => Some(label(&condition.part, test)),
                Asks::Present | Asks::Absent | Asks::Unknown(_) | Asks::Never => None,
            })
            .collect();
        self.dimensions.iter().filter_map(move |dimension| match &dimension.part {
            Part::Assumed(text) if labels.contains(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The region of conditions that must all hold. They must have been known to [`Self::new`].
    pub fn region(&self, conditions: &[Condition]) -> Region {
        let mut region = Region::default();
        for condition in conditions {
            let at = self.at(&condition.part);
            region.bind(at, &self.dimensions[at].sets[&condition.asks]);
            let (text, holds) = match &condition.asks {
                Asks::Is(test) => (label(&condition.part, test), true),
                Asks::IsNot(test) => (label(&condition.part, test), false),
                Asks::Unknown(text) => (text.clone(), true),
                Asks::Present | Asks::Absent | Asks::Never => continue,
            };
            let part = Part::Assumed(text);
            if let Some(at) = self.dimensions.iter().position(|d| d.part == part) {
                let mut set = Set::none(2);
                set.insert(usize::from(holds));
                region.bind(at, &Arc::new(set));
                region.assumed = true;
            }
        }
        region.bounds.sort_by_key(|bound| bound.dimension);
        region
    }

    /// A request that is surely in all the regions, if there is one.
    pub fn example(&self, regions: &[&Region]) -> Option<Example> {
        let mut point = vec![None; self.dimensions.len()];
        for (at, chosen) in point.iter_mut().enumerate() {
            let mut set: Option<Set> = None;
            for bound in regions.iter().filter_map(|region| region.bound(at)) {
                match &mut set {
                    Some(set) => set.keep(&bound.set),
                    None => set = Some((*bound.set).clone()),
                }
            }
            if let Some(set) = set {
                if self.dimensions[at].is_assumed() {
                    return None;
                }
                *chosen = Some(set.first()?);
            }
        }
        Some(self.spell(&point))
    }

    /// The request of a choice of atoms; parts without one are as they come.
    pub(super) fn spell(&self, point: &[Option<usize>]) -> Example {
        let mut example = Example::default();
        for (dimension, chosen) in self.dimensions.iter().zip(point) {
            let Some(bytes) = &dimension.examples[chosen.unwrap_or(0)] else { continue };
            // Only values of headers have other bytes than ASCII.
            let text = String::from_utf8_lossy(bytes).into_owned();
            match &dimension.part {
                Part::Path => example.path = Some(text),
                Part::Host => example.host = Some(text),
                Part::Method => example.method = Some(text),
                Part::Scheme => example.scheme = Some(text),
                Part::Header(name) => {
                    let values = bytes.split(|byte| *byte == AGAIN);
                    let values = values.map(|value| FieldValue::from(value.to_vec()));
                    example.headers.insert(name.clone(), values.collect());
                }
                Part::Query(name) => {
                    example.query.insert(name.clone(), text);
                }
                Part::Assumed(_) => {}
            }
        }
        example
    }
}

/// A request of a region, as far as its conditions say.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Example {
    /// The path.
    pub path: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The method.
    pub method: Option<String>,
    /// The scheme.
    pub scheme: Option<String>,
    /// Headers, each with its values.
    pub headers: BTreeMap<String, Vec<FieldValue>>,
    /// Query parameters with their values.
    pub query: BTreeMap<String, String>,
}

/// An example as a request to a host and port.
pub fn request(host: &str, port: Port, protocol: Protocol, example: &Example) -> Request {
    let tcp = protocol == Protocol::Tcp;
    let scheme = if tcp { "tcp" } else { example.scheme.as_deref().unwrap_or("http") };
    let method = match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Grpc => "POST",
        Protocol::Http | Protocol::Http2 => "GET",
    };
    let mut path = example.path.clone().unwrap_or_else(|| "/".to_owned());
    for (at, (name, value)) in example.query.iter().enumerate() {
        path.push(if at == 0 { '?' } else { '&' });
        path.push_str(&format!("{name}={value}"));
    }
    let headers = example.headers.iter();
    let values = |(name, values): (&String, &Vec<FieldValue>)| {
        values.iter().map(|value| (name.clone(), value.clone())).collect::<Vec<_>>()
    };
    // HTTP/2 joins several values of `cookie`, so that they are told apart on HTTP/1 only.
    let apart = |(name, values): (&String, &Vec<FieldValue>)| {
        treatment(name) == Treatment::Cookie && values.len() > 1
    };
    Request {
        method: example.method.clone().unwrap_or_else(|| method.to_owned()),
        scheme: scheme.to_owned(),
        authority: format!("{host}:{port}"),
        port: port.get(),
        explicit_port: true,
        path: if tcp { String::new() } else { path },
        codec: headers.clone().any(apart).then_some(Codec::Http1),
        headers: headers.flat_map(values).collect(),
    }
}

/// What is said of a test that could not be looked into.
fn label(part: &Part, test: &Test) -> String {
    let part = match part {
        Part::Path => "the path".to_owned(),
        Part::Host => "the host".to_owned(),
        Part::Method => "the method".to_owned(),
        Part::Scheme => "the scheme".to_owned(),
        Part::Header(name) => format!("the header `{name}`"),
        Part::Query(name) => format!("the query parameter `{name}`"),
        Part::Assumed(text) => return text.clone(),
    };
    match test {
        Test::Regex(text) | Test::Behind { regex: text, .. } => format!("{part} matches `{text}`"),
        other => format!("{part} meets {other:?}"),
    }
}

/// The kinds of one part, the tests that could not be looked into, and the work.
fn dimension<'a>(
    part: &Part,
    asks: &[&'a Asks],
    wanted: usize,
) -> (Dimension, Vec<&'a Test>, usize) {
    let mut tests: Vec<&Test> = Vec::new();
    for ask in asks {
        if let Asks::Is(test) | Asks::IsNot(test) = ask {
            tests.push(test);
        }
    }
    tests.sort();
    tests.dedup();
    let optional = matches!(part, Part::Header(_) | Part::Query(_));
    let Kinds { mut kinds, mut unread, work } = match part {
        Part::Path => kinds(Universe::Path, &tests),
        Part::Host => kinds(Universe::Host, &tests),
        Part::Header(name) if treatment(name) == Treatment::Referer => {
            kinds(Universe::Referer, &tests)
        }
        Part::Header(_) => kinds(Universe::Header, &tests),
        Part::Query(_) => kinds(Universe::Query, &tests),
        Part::Method => listed(&METHODS, &tests),
        Part::Scheme => listed(&SCHEMES, &tests),
        Part::Assumed(_) => listed(&[], &tests),
    };
    if matches!(part, Part::Header(name) if treatment(name).repeats()) {
        let inverted = asks.iter().filter(|ask| matches!(ask, Asks::IsNot(_))).count();
        // Two tables are compared, and each may want its tests passed and others' failed.
        match repeated(&kinds, 2 * wanted + inverted) {
            Some(more) => kinds = more,
            None => unread = Set::all(tests.len()),
        }
    }
    // The first kind of an optional part is its absence.
    let first = usize::from(optional);
    let size = first + kinds.len();
    let mut examples = Vec::with_capacity(size);
    if optional {
        examples.push(None);
    }
    let mut by_test: Vec<Set> = tests.iter().map(|_| Set::none(size)).collect();
    for (at, kind) in kinds.into_iter().enumerate() {
        for test in kind.passes.iter() {
            by_test[test].insert(first + at);
        }
        examples.push(Some(kind.text));
    }
    let mut there = Set::all(size);
    let mut absent = Set::none(size);
    if optional {
        absent.insert(0);
        there.remove(0);
    }
    let mut sets = BTreeMap::new();
    for ask in asks {
        let of = |test: &Test| tests.binary_search(&test).expect("invariant: all were collected");
        let set = match ask {
            // Of these only that the part is there; the rest is assumed.
            Asks::Is(test) | Asks::IsNot(test) if unread.has(of(test)) => there.clone(),
            Asks::Is(test) => by_test[of(test)].clone(),
            Asks::IsNot(test) => {
                let mut rest = there.clone();
                rest.drop(&by_test[of(test)]);
                rest
            }
            Asks::Present => there.clone(),
            Asks::Absent => absent.clone(),
            Asks::Unknown(_) => Set::all(size),
            Asks::Never => Set::none(size),
        };
        sets.insert((*ask).clone(), Arc::new(set));
    }
    let unread = unread.iter().map(|at| tests[at]).collect();
    (Dimension { part: part.clone(), examples, sets }, unread, work + size)
}

/// Most kinds of one header with all its repetitions.
const KINDS_MAX: usize = 4096;

/// A header may stand several times, and a test is passed as soon as one of its values passes it
/// (that is how Envoy looks at them): the kinds of up to so many values. `None`: too many.
fn repeated(single: &[Kind], values: usize) -> Option<Vec<Kind>> {
    let mut all = single.to_vec();
    let mut known: BTreeSet<Set> = single.iter().map(|kind| kind.passes.clone()).collect();
    let mut last = single.to_vec();
    for _ in 1..values {
        let mut next = Vec::new();
        for (one, other) in last.iter().flat_map(|one| single.iter().map(move |o| (one, o))) {
            let mut passes = one.passes.clone();
            passes.add(&other.passes);
            if known.insert(passes.clone()) {
                let text = [one.text.as_slice(), &[AGAIN], &other.text].concat();
                next.push(Kind { passes, text });
                if known.len() > KINDS_MAX {
                    return None;
                }
            }
        }
        all.extend(next.iter().cloned());
        last = next;
    }
    Some(all)
}

/// What stands between the values of a header that stands several times.
const AGAIN: u8 = b'\n';

/// The kinds of a part that has few values.
fn listed(values: &[&str], tests: &[&Test]) -> Kinds {
    let mut kinds: Vec<Kind> = Vec::new();
    let mut unread = Set::none(tests.len());
    for (at, test) in tests.iter().enumerate() {
        if !matches!(test, Test::Exact(_)) {
            unread.insert(at);
        }
    }
    for value in values {
        let mut passes = Set::none(tests.len());
        for (at, test) in tests.iter().enumerate() {
            if matches!(test, Test::Exact(text) if text == value) {
                passes.insert(at);
            }
        }
        if !kinds.iter().any(|kind| kind.passes == passes) {
            kinds.push(Kind { passes, text: value.as_bytes().to_vec() });
        }
    }
    Kinds { kinds, unread, work: values.len() * tests.len() }
}
