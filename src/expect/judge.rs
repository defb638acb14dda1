//! Following the request of each trial, and comparing.

use super::codes;
use super::facts::{Facts, in_words};
use super::file::{Expect, Refused, Retry, Target};
use super::trial::{Trial, visible};
use crate::diag::shell::word;
use crate::diag::{Diagnostic, nearest};
use crate::model::{Address, Duration, Mesh, NodeName, Origins, Port};
use crate::span::Loc;
use crate::traffic::{Journey, Passed, Retries, Row, Source, Tracer, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Judges trials by one state of a mesh.
#[derive(Debug)]
pub struct Judging<'m> {
    mesh: &'m Mesh,
    /// Where the mesh is written; `None` for a state that no files say.
    origins: Option<&'m Origins>,
    /// The flags that name the same state in another call, each behind a space.
    flags: String,
    tracer: Tracer<'m>,
}

/// A trial and what came of it.
#[derive(Clone, Debug)]
pub struct Judged<'m> {
    /// The trial.
    pub trial: Trial,
    /// The way of its request; `None` if it is not known where that starts.
    pub journey: Option<Journey<'m>>,
    /// Whether it fares as expected.
    pub verdict: Verdict,
    /// What is to be said about it.
    pub findings: Vec<Diagnostic>,
}

/// Whether a request fares as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Passed,
    /// It does not, in these points.
    Failed(Vec<Mismatch>),
    /// It cannot be told: nobody knows where the request comes from, or what Envoy does with it.
    Undecided(String),
}

impl Verdict {
    /// The points in which the request does not fare as expected.
    pub fn mismatches(&self) -> &[Mismatch] {
        match self {
            Self::Failed(all) => all,
            Self::Passed | Self::Undecided(_) => &[],
        }
    }
}

/// A point in which a request does not fare as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The key of the expectation.
    pub key: &'static str,
    /// Where its value stands.
    pub loc: Loc,
    /// What is expected, in words.
    pub expected: String,
    /// What happens, in words.
    pub found: String,
}

impl<'m> Judging<'m> {
    /// For a mesh that has passed the rules.
    /// `flags` are those of a call about the same state, each behind a space, or empty.
    pub fn new(mesh: &'m Mesh, origins: Option<&'m Origins>, flags: String) -> Self {
        Self { mesh, origins, flags, tracer: Tracer::new(mesh) }
    }

    /// Follows the request of a trial.
    pub fn judge(&self, trial: Trial) -> Judged<'m> {
        let from = trial.from.as_ref();
        let source = match Source::named(self.mesh, from.map(|from| from.value.as_str())) {
            Ok(source) => source,
            Err(why) => {
                let all = sources(self.mesh);
                let known: Vec<String> = all.iter().map(ToString::to_string).collect();
                let wanted = from.map_or("", |from| from.value.as_str());
                let known = known.iter().map(String::as_str);
                let help = match nearest(wanted, known.clone()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let some: Vec<&str> = known.take(KNOWN).collect();
                        let some = if some.is_empty() { "none".into() } else { some.join(", ") };
                        format!("write `from = \"…\"`; requests can come from {some}")
                    }
                };
                let loc = from.map_or(trial.loc, |from| from.loc);
                let finding = Diagnostic::new(&codes::NO_SOURCE, loc, why.to_string()).help(help);
                let verdict = Verdict::Undecided(why.to_string());
                return Judged { trial, journey: None, verdict, findings: vec![finding] };
            }
        };
        let journey = self.tracer.follow(&source, &trial.request);
        let (verdict, findings) = match Facts::of(&journey) {
            Err(why) => {
                let message = format!("what becomes of `{}` cannot be told: {why}", trial.name);
                let finding = Diagnostic::new(&codes::UNDECIDED, trial.loc, message)
                    .help("ask a running mesh, or take the test out");
                (Verdict::Undecided(why), vec![finding])
            }
            Ok(facts) => match mismatches(&trial.expect, &facts) {
                all if all.is_empty() => (Verdict::Passed, Vec::new()),
                all => {
                    let of = |mismatch| self.finding(&trial, &journey, &source, mismatch);
                    let findings = all.iter().map(of).collect();
                    (Verdict::Failed(all), findings)
                }
            },
        };
        Judged { trial, journey: Some(journey), verdict, findings }
    }

    fn finding(
        &self,
        trial: &Trial,
        journey: &Journey<'_>,
        source: &Source,
        mismatch: &Mismatch,
    ) -> Diagnostic {
        let Mismatch { key, loc, expected, found } = mismatch;
        let message = format!("`{}`: {key} is {found}, not {expected}", trial.name);
        let message = match *key {
            "node" | "targets" | "status" | "refused" | "leaves" => {
                format!("`{}`: {found}; expected {expected}", trial.name)
            }
            _ => message,
        };
        let mut finding = Diagnostic::new(&codes::FAILED, *loc, message).label("expected here");
        let mut help = Vec::new();
        let mut point = |address: &Address, pointer: &str, text: String| match self
            .origins
            .and_then(|origins| origins.find(address, pointer))
        {
            Some(loc) => finding.related.push(crate::diag::Label { loc, text }),
            None => help.push(text),
        };
        let taken: Vec<&Row<'_>> = journey.hops.iter().filter_map(|h| h.taken.as_ref()).collect();
        for row in &taken {
            point(&row.address, "", format!("`{}` takes it", row.address));
        }
        let wanted = self.wanted(&trial.expect);
        // A gateway route may be two rows, of which one takes what the other does not.
        let other = |passed: &&Passed| taken.iter().all(|row| row.address != passed.address);
        let all: Vec<&Passed> =
            journey.hops.iter().flat_map(|hop| &hop.passed).filter(other).collect();
        let mut left: Vec<&Passed> =
            all.iter().copied().filter(|passed| wanted.contains(&passed.address)).collect();
        if left.is_empty() && journey.hops.last().is_some_and(|hop| hop.taken.is_none()) {
            left = all;
        }
        for passed in left.into_iter().take(SHOWN) {
            let text = format!("`{}` does not: {}", passed.address, passed.miss.why);
            point(&passed.address, &passed.miss.pointer, text);
        }
        help.extend(self.missing(&trial.expect, key));
        help.push(format!("the way that it takes: {}{}", command(trial, source), self.flags));
        finding.address = Some(trial.name.clone());
        finding.help(help.join("\n"))
    }

    /// The routes that would have done what is expected.
    fn wanted(&self, expect: &Expect) -> BTreeSet<Address> {
        let mut wanted: BTreeSet<Address> = BTreeSet::new();
        if let Some(routes) = &expect.route {
            wanted.extend(routes.value.0.iter().cloned());
        }
        let mut nodes: BTreeSet<&NodeName> = BTreeSet::new();
        nodes.extend(expect.node.iter().map(|node| &node.value.node));
        nodes.extend(expect.targets.iter().flat_map(|all| all.value.keys().map(|t| &t.node)));
        for (name, router) in &self.mesh.routers {
            for route in &router.routes {
                if route.targets.iter().any(|target| nodes.contains(&target.node)) {
                    wanted.insert(Address::Route(name.clone(), route.name.clone()));
                }
            }
        }
        let leads = |service: &crate::model::ServiceName| {
            let item = self.mesh.services.get(service);
            expect.service.as_ref().is_some_and(|wanted| wanted.value == *service)
                || item.is_some_and(|item| {
                    item.node.as_ref().is_some_and(|node| nodes.contains(node))
                        || item.router.as_ref().is_some_and(|router| {
                            let of = |address: &Address| match address {
                                Address::Route(own, _) => own == router,
                                _ => false,
                            };
                            wanted.iter().any(of)
                        })
                })
        };
        let mut more = Vec::new();
        for (name, gateway) in &self.mesh.gateways {
            let routes = gateway.routes.iter().filter(|route| leads(&route.service.name));
            more.extend(routes.map(|r| Address::GatewayRoute(name.clone(), r.name.clone())));
        }
        wanted.extend(more);
        wanted
    }

    /// What the expectation names and the mesh does not have.
    fn missing(&self, expect: &Expect, key: &str) -> Vec<String> {
        let mut all = Vec::new();
        let mut nodes: Vec<&Target> = Vec::new();
        match key {
            "node" => nodes.extend(expect.node.iter().map(|node| &node.value)),
            "targets" => nodes.extend(expect.targets.iter().flat_map(|all| all.value.keys())),
            "service" => {
                let service = expect.service.as_ref().map(|service| &service.value);
                if let Some(service) = service.filter(|s| !self.mesh.services.contains_key(*s)) {
                    let known = self.mesh.services.keys().map(|name| name.as_str());
                    let near = nearest(service.as_str(), known);
                    all.push(absent(&format!("virtual_service/{service}"), near));
                }
            }
            "route" => {
                let known = self.routes();
                let routes = expect.route.iter().flat_map(|routes| &routes.value.0);
                for route in routes.filter(|route| !known.contains(*route)) {
                    let names: Vec<String> = known.iter().map(ToString::to_string).collect();
                    let near = nearest(&route.to_string(), names.iter().map(String::as_str))
                        .map(str::to_owned);
                    all.push(absent(&route.to_string(), near.as_deref()));
                }
            }
            _ => {}
        }
        for target in nodes.iter().filter(|t| !self.mesh.nodes.contains_key(&t.node)) {
            let known = self.mesh.nodes.keys().map(|name| name.as_str());
            let near = nearest(target.node.as_str(), known);
            all.push(absent(&format!("virtual_node/{}", target.node), near));
        }
        all
    }

    fn routes(&self) -> BTreeSet<Address> {
        let mut all = BTreeSet::new();
        for (name, router) in &self.mesh.routers {
            all.extend(router.routes.iter().map(|r| Address::Route(name.clone(), r.name.clone())));
        }
        for (name, gateway) in &self.mesh.gateways {
            let routes = gateway.routes.iter();
            all.extend(routes.map(|r| Address::GatewayRoute(name.clone(), r.name.clone())));
        }
        all
    }
}

/// How many names a help shows.
const KNOWN: usize = 5;
/// How many routes a finding explains.
const SHOWN: usize = 3;

fn absent(address: &str, near: Option<&str>) -> String {
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    format!("there is no {address}{near}")
}

/// The call of `trace` that shows a request's way.
fn command(trial: &Trial, source: &Source) -> String {
    let request = &trial.request;
    let mut url = request.url();
    let mut host = None;
    // A `Host` header may name another host than the URL, which says where the request goes.
    if request.explicit_port && !request.authority.ends_with(&format!(":{}", request.port)) {
        url = format!("{}://localhost:{}{}", request.scheme, request.port, request.path);
        host = Some(format!("host: {}", request.authority));
    }
    let mut words =
        vec!["meshctl trace".to_owned(), word(&request.method).into(), word(&url).into()];
    let headers = request.headers.iter().map(|(name, value)| format!("{name}: {}", value.text()));
    for header in host.into_iter().chain(headers) {
        words.push(format!("-H {}", word(&header)));
    }
    words.push(format!("--from {}", word(&source.to_string())));
    words.join(" ")
}

/// The points in which facts are not as expected.
fn mismatches(expect: &Expect, facts: &Facts) -> Vec<Mismatch> {
    let mut all = Vec::new();
    let mut wrong = |key, loc, expected: String, found: String| {
        all.push(Mismatch { key, loc, expected: visible(&expected), found: visible(&found) });
    };
    let Expect {
        node,
        targets,
        status,
        refused,
        leaves,
        route,
        service,
        path,
        host,
        timeout,
        retry,
        security,
    } = expect;
    if let Some(node) = node {
        let wanted = BTreeMap::from([(node.value.clone(), 1)]);
        if !same_shares(&wanted, &facts.nodes) {
            let ports = node.value.port.is_some();
            let found = if ports { facts.with_ports() } else { facts.words.clone() };
            wrong("node", node.loc, format!("virtual_node/{}", node.value), found);
        }
    }
    if let Some(targets) = targets
        && !same_shares(&targets.value, &facts.nodes)
    {
        let shares: Vec<(String, u32)> =
            targets.value.iter().map(|(target, weight)| (target.to_string(), *weight)).collect();
        let ports = targets.value.keys().any(|target| target.port.is_some());
        let found = if ports { facts.with_ports() } else { facts.words.clone() };
        wrong("targets", targets.loc, in_words(&shares), found);
    }
    if let Some(status) = status
        && facts.status != Some(status.value.0)
    {
        let expected = format!("a proxy's answer {}", status.value.0);
        wrong("status", status.loc, expected, facts.words.clone());
    }
    if let Some(refused) = refused {
        let expected = match refused.value {
            Refused::Somehow if facts.reason.is_none() => Some("that it is refused".to_owned()),
            Refused::For(reason) if facts.reason != Some(reason) => {
                Some(format!("that it is refused for the reason `{}`", reason.as_str()))
            }
            Refused::Somehow | Refused::For(_) => None,
        };
        if let Some(expected) = expected {
            let found = match facts.reason {
                Some(reason) => format!("{} (`{}`)", facts.words, reason.as_str()),
                None => facts.words.clone(),
            };
            wrong("refused", refused.loc, expected, found);
        }
    }
    if let Some(leaves) = leaves
        && !facts.leaves
    {
        wrong("leaves", leaves.loc, "that it leaves the mesh".to_owned(), facts.words.clone());
    }
    if let Some(route) = route {
        let absent: Vec<String> = (route.value.0.iter())
            .filter(|route| !facts.routes.contains(route))
            .map(ToString::to_string)
            .collect();
        if !absent.is_empty() {
            let taken: Vec<String> = facts.routes.iter().map(ToString::to_string).collect();
            let found = if taken.is_empty() { "none".to_owned() } else { taken.join(", ") };
            wrong("route", route.loc, absent.join(", "), found);
        }
    }
    let none = || "none".to_owned();
    if let Some(service) = service
        && facts.service.as_ref() != Some(&service.value)
    {
        let found = facts.service.as_ref().map_or_else(none, ToString::to_string);
        wrong("service", service.loc, service.value.to_string(), found);
    }
    for (key, wanted, found) in [("path", path, &facts.path), ("host", host, &facts.host)] {
        if let Some(wanted) = wanted
            && found.as_ref() != Some(&wanted.value)
        {
            let found = found.clone().unwrap_or_else(none);
            wrong(key, wanted.loc, wanted.value.clone(), found);
        }
    }
    if let Some(timeout) = timeout
        && facts.timeout != Some(timeout.value)
    {
        let found = facts.timeout.map_or_else(none, |timeout| timeout.to_string());
        wrong("timeout", timeout.loc, timeout.value.to_string(), found);
    }
    if let Some(retry) = retry
        && !facts.retry.as_ref().is_some_and(|found| same_retry(&retry.value, found))
    {
        let found = facts.retry.as_ref().map_or_else(none, retries_in_words);
        wrong("retry", retry.loc, retry_in_words(&retry.value), found);
    }
    if let Some(security) = security
        && facts.security != [security.value]
    {
        let words: Vec<&str> = facts.security.iter().map(|word| word.as_str()).collect();
        let found = if words.is_empty() { none() } else { words.join(" and ") };
        wrong("security", security.loc, security.value.as_str().to_owned(), found);
    }
    all
}

/// Whether nodes have the shares that are expected: the same parts of the whole.
fn same_shares(wanted: &BTreeMap<Target, u32>, found: &[(NodeName, Port, u32)]) -> bool {
    let sum_wanted: u64 = wanted.values().map(|weight| u64::from(*weight)).sum();
    let sum_found: u64 = found.iter().map(|(_, _, weight)| u64::from(*weight)).sum();
    if found.is_empty() || sum_wanted == 0 {
        return false;
    }
    let of = |target: &Target, (name, port, _): &(NodeName, Port, u32)| {
        target.node == *name && target.port.is_none_or(|wanted| wanted == *port)
    };
    let shares = wanted.iter().all(|(target, weight)| {
        let own = found.iter().filter(|share| of(target, share));
        let own: u64 = own.map(|(_, _, weight)| u64::from(*weight)).sum();
        u128::from(*weight) * u128::from(sum_found) == u128::from(own) * u128::from(sum_wanted)
    });
    shares && found.iter().all(|share| wanted.keys().any(|target| of(target, share)))
}

fn same_retry(wanted: &Retry, found: &Retries) -> bool {
    let Retry { max_retries, on, per_retry_timeout } = wanted;
    let set = |words: &[String]| words.iter().cloned().collect::<BTreeSet<String>>();
    let each = found.per_retry_timeout.unwrap_or_default();
    max_retries.is_none_or(|wanted| wanted == found.max_retries)
        && on.as_ref().is_none_or(|wanted| set(wanted) == set(&found.on))
        && per_retry_timeout.is_none_or(|wanted| wanted == each)
}

fn retry_words(max: Option<u32>, on: Option<&[String]>, each: Option<Duration>) -> String {
    let mut words = Vec::new();
    words.extend(max.map(|max| format!("max_retries = {max}")));
    words.extend(on.map(|on| {
        let on: Vec<String> = on.iter().map(|word| format!("\"{word}\"")).collect();
        format!("on = [{}]", on.join(", "))
    }));
    words.extend(each.map(|each| format!("per_retry_timeout = \"{each}\"")));
    format!("{{ {} }}", words.join(", "))
}

fn retry_in_words(wanted: &Retry) -> String {
    retry_words(wanted.max_retries, wanted.on.as_deref(), wanted.per_retry_timeout)
}

fn retries_in_words(found: &Retries) -> String {
    retry_words(Some(found.max_retries), Some(&found.on), found.per_retry_timeout)
}
