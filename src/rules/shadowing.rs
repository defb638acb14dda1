//! MC02xx: what the routes of one table leave to each other. Each table, a router's or gateway's
//! port, is looked at as sets of requests, so every finding comes with a request that shows it, and
//! "takes nothing" is a proof.

use super::context::{Ctx, quoted};
use super::{Check, Rule, matching};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::model::{Address, PathMatch, Port, Protocol};
use crate::parallel;
use crate::traffic::headers::{Treatment, treatment};
use crate::traffic::symbolic::{
    Asks, Condition, Part, Region, Space, Taker, Test, conditions, request, takers,
};
use crate::traffic::{Match, gateway_routes_on, re2, routes_on};
use std::collections::BTreeSet;

/// A route behind one that takes all of its requests.
const SHADOWED: Code = Code::error(
    "MC0220",
    "shadowed-route",
    "a route behind another that takes all of its requests",
    "Routes are tried by `priority`, then from top to bottom, and the first that matches decides. \
     Every request that this route matches, an earlier one matches too, so it never takes any. Put \
     the narrower route first, or remove it. Paths are compared as sets, expressions too.",
);
/// The same match twice.
const DUPLICATE: Code = Code::error(
    "MC0221",
    "duplicate-match",
    "two routes match the same requests",
    "The first of the two takes every request, the other none. Remove one, or give it another \
     condition. To share traffic between nodes, list them as `targets` of one route.",
);
/// A route behind several that take all of its requests together.
const COVERED: Code = Code::warning(
    "MC0222",
    "route-covered-by-several",
    "a route behind others that take all of its requests together",
    "No single earlier route takes everything that this one matches, but together they do (one \
     takes GET and another the rest, or one takes a header's presence and another its absence). So \
     it never takes a request.",
);
/// Conditions that no request meets.
const NOTHING: Code = Code::error(
    "MC0223",
    "match-takes-nothing",
    "a match that no request can meet",
    "All conditions of a match must hold at once. These exclude each other, or one of them asks for \
     what no request has, as an expression for a path that the proxy would have normalised away. \
     The route never matches.",
);
/// Two routes with some requests in common.
const ORDER: Code = Code::info(
    "MC0224",
    "order-decides",
    "two routes overlap in part, and their order decides",
    "Some requests match both routes, some only one, and the two lead to different places. The \
     first route takes what both match. That may be right; it changes when the order does.",
);
/// Requests that no route takes.
const UNROUTED: Code = Code::info(
    "MC0225",
    "requests-without-route",
    "a router leaves some requests without a route",
    "One route takes every path, but not every method, header or query, and no other takes the \
     rest: it is answered with 404 by the callers' proxies. A last route with \
     `match = { prefix = \"/\" }` takes it.",
);
/// A prefix that ends within a segment.
const SIBLINGS: Code = Code::info(
    "MC0226",
    "prefix-takes-siblings",
    "a prefix takes paths that only begin alike",
    "A prefix is compared letter by letter: `/api` takes `/apiary` as well as `/api/users`, and \
     another route here is about such a sibling. Where that is not meant, write one route for \
     `prefix = \"/api/\"` and one for `path = \"/api\"`.",
);
/// A prefix that leaves out the path without its slash.
const BARE: Code = Code::info(
    "MC0227",
    "prefix-misses-bare-path",
    "a prefix with a slash at its end leaves out the path without it",
    "`/api/` does not take `/api`: that goes by another route to another place. Add a route for \
     `path = \"/api\"` if clients call it.",
);
/// A regex that says no more than a prefix.
const PLAIN: Code = Code::info(
    "MC0228",
    "regex-equals-prefix",
    "a regex that takes exactly what a prefix takes",
    "A prefix says the same, is easier to read, and is matched faster.",
);
/// Routes that could not be compared.
const UNDECIDED: Code = Code::info(
    "MC0229",
    "overlap-not-decided",
    "routes are too intricate to be compared within the bounds of work",
    "Comparing routes means making one automaton of their paths. Expressions with several `.*` can \
     make it grow without end, so there is a bound. Whether the routes named here overlap is not \
     known; everything that is reported is still certain.",
);
/// A match on what the proxy writes itself.
const OWN_HEADER: Code = Code::warning(
    "MC0232",
    "match-on-proxy-header",
    "a match on a header that the proxy itself sets or removes",
    "Envoy writes `x-forwarded-*`, `x-request-id` and `x-envoy-*` before it looks for a route, and \
     removes headers of clients that would set its timeouts and retries. So the route sees the \
     proxy's value and not the client's.",
);
/// A path with capital letters.
const CAPITALS: Code = Code::info(
    "MC0233",
    "capitals-in-path",
    "a path with capital letters",
    "Paths are compared with regard to case: `/API` does not take `/api`. To take both, write a \
     regex that begins with `(?i)`.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(
        &[
            &SHADOWED, &DUPLICATE, &COVERED, &NOTHING, &ORDER, &UNROUTED, &SIBLINGS, &BARE, &PLAIN,
            &UNDECIDED,
        ],
        tables as Check,
    ),
    Rule(&[&OWN_HEADER, &CAPITALS], each_route),
];

/// One row of a table, as this family looks at it.
struct Line<'a> {
    address: Address,
    name: String,
    priority: Option<u16>,
    path: Option<&'a PathMatch>,
    conditions: Vec<Condition>,
    /// Where it leads, to be compared with other rows.
    leads: String,
}

/// The rows of one port.
struct Table<'a> {
    owner: Address,
    /// The host of examples; `None` for what the conditions say.
    host: String,
    port: Port,
    protocol: Protocol,
    lines: Vec<Line<'a>>,
}

fn collect<'a>(ctx: &Ctx<'a>) -> Vec<Table<'a>> {
    let mut all = Vec::new();
    for (name, router) in &ctx.mesh.routers {
        let services = ctx.graph.services_of_router(name);
        let host = services.first().map_or_else(|| name.to_string(), ToString::to_string);
        for listener in router.listeners.iter().filter(|l| l.protocol != Protocol::Tcp) {
            let line = |route: &'a crate::model::Route| Line {
                address: Address::Route(name.clone(), route.name.clone()),
                name: route.name.to_string(),
                priority: route.priority,
                path: route.matches.path.as_ref(),
                conditions: conditions(&Match::route(listener.protocol, &route.matches)),
                leads: format!("{:?}", route.targets),
            };
            all.push(Table {
                owner: Address::Router(name.clone()),
                host: host.clone(),
                port: listener.port,
                protocol: listener.protocol,
                lines: routes_on(router, listener.port).map(line).collect(),
            });
        }
    }
    for (name, gateway) in &ctx.mesh.gateways {
        for listener in gateway.listeners.iter().filter(|l| l.protocol != Protocol::Tcp) {
            let line = |route: &'a crate::model::GatewayRoute| Line {
                address: Address::GatewayRoute(name.clone(), route.name.clone()),
                name: route.name.to_string(),
                priority: route.priority,
                path: route.matches.path.as_ref(),
                conditions: conditions(&Match::gateway(listener.protocol, &route.matches)),
                leads: format!("{:?} {:?}", route.service, route.rewrite),
            };
            all.push(Table {
                owner: Address::Gateway(name.clone()),
                host: name.as_str().to_ascii_lowercase(),
                port: listener.port,
                protocol: listener.protocol,
                lines: gateway_routes_on(gateway, listener.port).map(line).collect(),
            });
        }
    }
    all.retain(|table| !table.lines.is_empty());
    all
}

fn tables(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let all = collect(ctx);
    for findings in parallel::map(&all, |table| look(ctx, table)) {
        for finding in findings {
            found.push(finding);
        }
    }
}

/// The path without the slash at its end, of a prefix that has one.
fn bare(line: &Line<'_>) -> Option<String> {
    let Some(PathMatch::Prefix(prefix)) = line.path else { return None };
    let bare = prefix.strip_suffix('/').filter(|bare| !bare.is_empty())?;
    matching::impossible(bare).is_none().then(|| bare.to_owned())
}

/// The prefix that a regex such as `/api/.*` seems to stand for.
fn plain(line: &Line<'_>) -> Option<String> {
    let Some(PathMatch::Regex(regex)) = line.path else { return None };
    let text = regex.trim_start_matches('^').trim_end_matches('$').strip_suffix(".*")?;
    let plain = text.replace("\\.", ".").replace("\\-", "-").replace("\\/", "/");
    let letters = |c: char| c.is_ascii_alphanumeric() || "/-_~%".contains(c);
    let dots = text.matches("\\.").count() == plain.matches('.').count();
    (dots && plain.chars().all(|c| letters(c) || c == '.')).then_some(plain)
}

fn path(test: Test) -> Condition {
    Condition::new(Part::Path, Asks::Is(test))
}

fn look(ctx: &Ctx<'_>, table: &Table<'_>) -> Vec<Diagnostic> {
    let http = table.protocol != Protocol::Grpc;
    let lines = &table.lines;
    let bares: Vec<Option<Condition>> =
        lines.iter().map(|l| bare(l).filter(|_| http).map(|b| path(Test::Exact(b)))).collect();
    let plains: Vec<Option<Condition>> =
        lines.iter().map(|l| plain(l).filter(|_| http).map(|p| path(Test::Prefix(p)))).collect();
    let rows = lines.iter().map(|line| line.conditions.as_slice());
    let more = bares.iter().chain(&plains).flatten().map(std::slice::from_ref);
    let space = Space::new(rows.chain(more));
    let regions: Vec<Region> = lines.iter().map(|line| space.region(&line.conditions)).collect();
    let view = View { ctx, table, space: &space, regions: &regions };
    let mut found = Vec::new();
    let taken = takers(&space, &[&regions], None);
    let alive: BTreeSet<usize> = taken
        .found
        .keys()
        .filter_map(|key| match key[0] {
            Taker::Row(row) => Some(row),
            Taker::Nothing => None,
        })
        .collect();
    if taken.cut_short {
        let message = format!("whether the routes of `{}` overlap is not decided", table.owner);
        let finding = ctx.find(&UNDECIDED, &table.owner, "", message);
        found.push(finding.help("use fewer conditions on different headers, or several routers"));
    }
    for (at, line) in lines.iter().enumerate() {
        if regions[at].is_empty() {
            found.extend(view.nothing(at));
            continue;
        }
        if !alive.contains(&at) && !taken.cut_short {
            found.push(view.dead(at));
            continue;
        }
        let unread: Vec<&str> = space.unread(&line.conditions).collect();
        // What RE2 cannot read is told by `envoy::limits`.
        let readable = line.conditions.iter().all(|condition| match &condition.asks {
            Asks::Is(Test::Regex(text)) | Asks::IsNot(Test::Regex(text)) => {
                re2::program_size(text).is_ok()
            }
            _ => true,
        });
        if !unread.is_empty() && readable {
            let message = format!(
                "what `{}` shares with other routes is not decided: {}",
                line.name,
                unread.join(", ")
            );
            let finding = ctx.find(&UNDECIDED, &line.address, "/match", message);
            found.push(finding.help("write the expression with fewer `.*`"));
        }
        if http {
            found.extend(view.siblings(at));
        }
        if let Some(bare) = &bares[at] {
            let region = space.region(std::slice::from_ref(bare));
            let known = space.region(&line.conditions);
            let taker = (0..lines.len()).find(|other| {
                let other = &regions[*other];
                other.is_exact() && !other.is_empty() && region.within(other)
            });
            if let (Some(taker), true) = (taker, known.is_exact())
                && lines[taker].leads != line.leads
            {
                found.extend(view.misses(at, taker));
            }
        }
        if let Some(plain) = &plains[at] {
            let own = line.conditions.iter().find(|c| c.part == Part::Path).cloned();
            let own = space.region(&own.into_iter().collect::<Vec<_>>());
            let prefix = space.region(std::slice::from_ref(plain));
            if own.is_exact() && own.within(&prefix) && prefix.within(&own) {
                found.extend(view.plain(at, plain));
            }
        }
    }
    found.extend(view.overlaps(&alive));
    // Where a route takes all paths, the rest was meant to be taken too.
    let every_path = lines.iter().any(|l| l.conditions.iter().all(|c| c.part != Part::Path));
    if matches!(table.owner, Address::Router(_))
        && http
        && every_path
        && let Some(shown) = taken.found.get(&vec![Taker::Nothing])
        && !shown.assumed
    {
        let message = format!(
            "no route of `{}` takes, for example, {}",
            table.owner,
            view.spelled(&shown.example)
        );
        let finding = ctx.find(&UNROUTED, &table.owner, "", message);
        found.push(finding.help("fine if 404 is the answer; else add a last route for `/`"));
    }
    found
}

/// A table with its sets.
struct View<'v, 'a> {
    ctx: &'v Ctx<'a>,
    table: &'v Table<'a>,
    space: &'v Space,
    regions: &'v [Region],
}

impl View<'_, '_> {
    fn line(&self, at: usize) -> &Line<'_> {
        &self.table.lines[at]
    }

    fn spelled(&self, example: &crate::traffic::symbolic::Example) -> String {
        let host = example.host.as_ref().unwrap_or(&self.table.host);
        let request = request(host, self.table.port, self.table.protocol, example);
        format!("`{request}`")
    }

    /// A request that is in all these rows.
    fn example(&self, rows: &[usize]) -> Option<String> {
        let regions: Vec<&Region> = rows.iter().map(|row| &self.regions[*row]).collect();
        self.space.example(&regions).map(|example| self.spelled(&example))
    }

    fn nothing(&self, at: usize) -> Option<Diagnostic> {
        let line = self.line(at);
        let told = match line.path {
            Some(PathMatch::Prefix(text) | PathMatch::Exact(text)) => {
                matching::impossible(text).is_some()
            }
            Some(PathMatch::Regex(text)) => matching::anchored_inside(text),
            None => false,
        };
        // Pairs of conditions on one name and empty ranges have findings of their own.
        let one = |condition: &Condition| {
            let region = self.space.region(std::slice::from_ref(condition));
            !region.is_empty() || condition.part == Part::Path
        };
        let several = |part: &Part| line.conditions.iter().filter(|c| c.part == *part).count() > 1;
        let path = self.space.region(
            &line.conditions.iter().filter(|c| c.part == Part::Path).cloned().collect::<Vec<_>>(),
        );
        let elsewhere = line.conditions.iter().any(|c| !one(c))
            || (!path.is_empty() && line.conditions.iter().any(|c| several(&c.part)));
        if told || elsewhere {
            return None;
        }
        let message = format!("no request meets all conditions of `{}`", line.name);
        let finding = self.ctx.find(&NOTHING, &line.address, "/match", message);
        Some(finding.help("a path is compared as the proxy normalises it, and as a whole"))
    }

    /// A row that never takes a request.
    fn dead(&self, at: usize) -> Diagnostic {
        let line = self.line(at);
        let request = self.example(&[at]);
        let shown = |takes: &str| match &request {
            Some(request) => format!(": {request} goes to {takes}"),
            None => String::new(),
        };
        let earlier = (0..at).find(|other| self.regions[at].within(&self.regions[*other]));
        let Some(earlier) = earlier else {
            let all = takers(self.space, &[self.regions], Some(&self.regions[at]));
            let rows: BTreeSet<usize> = all
                .found
                .keys()
                .filter_map(|key| match key[0] {
                    Taker::Row(row) => Some(row),
                    Taker::Nothing => None,
                })
                .collect();
            let names = quoted(rows.iter().map(|row| &self.line(*row).name));
            let first = rows.first().map(|row| format!("`{}`", self.line(*row).name));
            let message = format!(
                "`{}` takes nothing, because {names} together take all of it{}",
                line.name,
                shown(&first.unwrap_or_default())
            );
            let mut finding = self
                .ctx
                .find(&COVERED, &line.address, "/match", message)
                .help("put it before them, or remove it");
            for row in rows {
                let text = "this takes a part of it";
                finding = self.ctx.also(finding, &self.line(row).address, "/match", text);
            }
            return finding;
        };
        let other = self.line(earlier);
        let same = self.regions[at] == self.regions[earlier];
        let (code, message) = match same {
            true => (
                &DUPLICATE,
                format!(
                    "`{}` matches the same requests as `{}` before it{}",
                    line.name,
                    other.name,
                    shown(&format!("`{}`", other.name))
                ),
            ),
            false => (
                &SHADOWED,
                format!(
                    "`{}` takes nothing, because `{}` before it takes all of it{}",
                    line.name,
                    other.name,
                    shown(&format!("`{}`", other.name))
                ),
            ),
        };
        let help = match (same, other.priority == line.priority) {
            (true, _) => "remove one of the two, or give it another condition".to_owned(),
            (false, true) => format!("put `{}` before `{}`, or remove it", line.name, other.name),
            (false, false) => {
                format!("give `{}` a lower `priority` than `{}`", line.name, other.name)
            }
        };
        let finding = self.ctx.find(code, &line.address, "/match", message).help(help);
        self.ctx.also(finding, &other.address, "/match", "this takes every request first")
    }

    fn siblings(&self, at: usize) -> Option<Diagnostic> {
        let line = self.line(at);
        let Some(PathMatch::Prefix(prefix)) = line.path else { return None };
        if prefix.ends_with('/') || matching::impossible(prefix).is_some() {
            return None;
        }
        let last = prefix.chars().last()?;
        // `/v` for `/v1`, `/v2` is meant to go on.
        if !last.is_ascii_alphanumeric() || prefix.rsplit('/').next()?.len() < 2 {
            return None;
        }
        // Only where a sibling is known: everything else is as likely meant.
        let sibling = self.table.lines.iter().find_map(|other| {
            let (PathMatch::Prefix(text) | PathMatch::Exact(text)) = other.path? else {
                return None;
            };
            let rest = text.strip_prefix(prefix.as_str())?;
            rest.starts_with(|c: char| c.is_ascii_alphanumeric()).then_some((other, text))
        });
        let (other, text) = sibling?;
        let message = format!("the prefix `{prefix}` takes `{text}` of `{}` too", other.name);
        let finding = self.ctx.find(&SIBLINGS, &line.address, "/match/path/prefix", message);
        let finding = self.ctx.also(finding, &other.address, "/match/path", "begins alike");
        Some(finding.help(format!(
            "where that is not meant, match `prefix = \"{prefix}/\"` and `path = \"{prefix}\"`"
        )))
    }

    fn misses(&self, at: usize, taker: usize) -> Option<Diagnostic> {
        let (line, other) = (self.line(at), self.line(taker));
        let bare = bare(line)?;
        let message = format!("`{}` leaves out `{bare}`, which `{}` takes", line.name, other.name);
        let finding = self.ctx.find(&BARE, &line.address, "/match/path/prefix", message);
        let finding = self.ctx.also(finding, &other.address, "/match", "this takes it");
        Some(finding.help(format!("if clients call it, add a route for `path = \"{bare}\"`")))
    }

    fn plain(&self, at: usize, plain: &Condition) -> Option<Diagnostic> {
        let line = self.line(at);
        let (Asks::Is(Test::Prefix(prefix)), Some(PathMatch::Regex(regex))) =
            (&plain.asks, line.path)
        else {
            return None;
        };
        let message = format!("the regex `{regex}` takes what the prefix `{prefix}` takes");
        let finding = self.ctx.find(&PLAIN, &line.address, "/match/path/regex", message);
        Some(finding.help(format!("write `prefix = \"{prefix}\"`")))
    }

    /// Rows whose paths overlap in part, and that lead elsewhere.
    fn overlaps(&self, alive: &BTreeSet<usize>) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for second in alive {
            let first = alive.range(..second).find(|first| {
                let (a, b) = (&self.regions[**first], &self.regions[*second]);
                self.line(**first).leads != self.line(*second).leads
                    && a.part_overlaps(b, self.space, &Part::Path)
                    && a.meets(b)
            });
            let Some(first) = first else { continue };
            let Some(request) = self.example(&[*first, *second]) else { continue };
            let (one, two) = (self.line(*first), self.line(*second));
            let message = format!(
                "`{}` and `{}` both match {request}; `{}` takes it, because it comes first",
                one.name, two.name, one.name
            );
            let finding = self
                .ctx
                .find(&ORDER, &two.address, "/match", message)
                .help(format!("if that is not meant, put `{}` before `{}`", two.name, one.name));
            found.push(self.ctx.also(finding, &one.address, "/match", "this comes first"));
        }
        found
    }
}

fn each_route(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut header = |address: &Address, field: &str, name: &str| {
        // Pseudo headers and the host are another finding.
        let pseudo = name.starts_with(':') || name.eq_ignore_ascii_case("host");
        if treatment(name) == Treatment::Proxys && !pseudo {
            let message = format!("the header `{name}` is the proxy's own");
            let pointer = crate::model::pointer(["match", field, name]);
            found.push(
                ctx.find(&OWN_HEADER, address, &pointer, message)
                    .help("match on a header of your own that clients send"),
            );
        }
    };
    for at in ctx.routes() {
        let matches = &at.route.matches;
        for (field, map) in [("headers", &matches.headers), ("metadata", &matches.metadata)] {
            for name in map.keys() {
                header(&at.address(), field, name);
            }
        }
    }
    for at in ctx.gateway_routes() {
        let matches = &at.route.matches;
        for (field, map) in [("headers", &matches.headers), ("metadata", &matches.metadata)] {
            for name in map.keys() {
                header(&at.address(), field, name);
            }
        }
    }
    let mut capitals = |address: Address, path: Option<&PathMatch>| {
        let (text, field) = match path {
            Some(PathMatch::Prefix(text)) => (text, "prefix"),
            Some(PathMatch::Exact(text)) => (text, "exact"),
            Some(PathMatch::Regex(_)) | None => return,
        };
        if text.chars().any(|c| c.is_ascii_uppercase()) && !text.contains('%') {
            let message = format!("`{text}` does not take `{}`", text.to_ascii_lowercase());
            let finding = ctx.find(&CAPITALS, &address, &format!("/match/path/{field}"), message);
            found.push(finding.help("write a regex that begins with `(?i)` to take both"));
        }
    };
    for at in ctx.routes() {
        capitals(at.address(), at.route.matches.path.as_ref());
    }
    for at in ctx.gateway_routes() {
        capitals(at.address(), at.route.matches.path.as_ref());
    }
}
