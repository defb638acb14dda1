//! MC04xx: timeouts and retries along whole paths of calls: from a gateway or node through the
//! routes of a service to a node, and on through what that calls.

use super::context::{Ctx, listener_pointer};
use super::timeouts::request_limit;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::End;
use crate::model::{
    Address, Discovery, ListenerTimeout, Method, NodeName, Protocol, RetryEvent, RetryPolicy,
};
use crate::traffic::defaults::REQUEST_TIMEOUT;
use crate::traffic::{Action, Provider, gateway_target, ports, service_rows};
use std::collections::{BTreeMap, BTreeSet};

/// A callee that works on after its caller has given up.
const INVERTED: Code = Code::warning(
    "MC0420",
    "callee-allows-more-time-than-its-caller",
    "a call may take longer than the call that it is made for",
    "A node that is called with a short timeout calls others with a longer one. When the first \
     timeout is over nobody waits for the answer any more, but the inner call, and its retries, go \
     on. Let timeouts shrink from the outside in.",
);
/// Retries of retries.
const AMPLIFIED: Code = Code::warning(
    "MC0421",
    "retries-multiply",
    "one request may become more than a hundred along a path of calls",
    "Every hop retries by itself, so tries multiply: four hops with three retries each make 256 \
     requests of one, at the worst moment. Retry at one hop, nearest to the failure or nearest to \
     the user, and write `retry = { on = [], max_retries = 0 }` at the others. A route without \
     `retry` has App Mesh's default of two.",
);
/// A retry that may do something twice, where no method is named.
const MAY_REPEAT: Code = Code::info(
    "MC0422",
    "retry-may-repeat-unsafe-requests",
    "retries after a failed answer, on a route that also takes POST",
    "A POST or PATCH that ended in a 5xx or a reset may have been carried out, and trying it again \
     can do it twice. The route names no method, so it takes those too. Give them a route of their \
     own before it, or retry on `connection-error` and `stream-error` only.",
);
/// Nodes that call each other in a circle.
const CIRCLE: Code = Code::info(
    "MC0423",
    "calls-in-a-circle",
    "nodes call each other in a circle",
    "Nothing is wrong with the files, but a request can run in a circle, and every hop retries. \
     Such circles are hard to time out and to deploy in order.",
);
/// A stream that is cut.
const STREAM: Code = Code::info(
    "MC0424",
    "default-timeout-below-listener",
    "a route without a timeout leads to a listener that allows more than the default",
    "A route without `timeout.request` ends every request after 15 seconds, streams and long polls \
     too, whatever the listener behind it allows. Write the same time in both places, \"0s\" for \
     streams.",
);
/// Retries that meet the same endpoint.
const ONE_ENDPOINT: Code = Code::info(
    "MC0425",
    "retries-with-one-endpoint",
    "retries of a route whose targets have one endpoint",
    "A retry goes to another endpoint if there is one. Here there is not, so a retry meets the \
     server that has just failed.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&INVERTED], inverted as Check),
    Rule(&[&AMPLIFIED, &CIRCLE], amplified),
    Rule(&[&MAY_REPEAT, &STREAM, &ONE_ENDPOINT], each_route),
];

/// App Mesh's retries of a route that has no policy (`envoy` renders the same).
const DEFAULT_RETRIES: u32 = 2;
/// Most tries that one request may become without a word.
const TRIES_MAX: u64 = 100;

/// One call: what a route makes of a request.
struct Call {
    /// The route, or the service that a node provides by itself.
    address: Address,
    timeout: ListenerTimeout,
    tries: u64,
    to: BTreeSet<NodeName>,
}

fn tries(retry: Option<&RetryPolicy>) -> u64 {
    let retries = match retry {
        None => DEFAULT_RETRIES,
        Some(policy) if policy.on.is_empty() => 0,
        Some(policy) => policy.max_retries,
    };
    1 + u64::from(retries)
}

/// The calls that go out by one service port.
fn of_port(ctx: &Ctx<'_>, port: &crate::traffic::ServicePort<'_>) -> Vec<Call> {
    if !port.protocol.is_http() {
        return Vec::new();
    }
    let rows = service_rows(ctx.mesh, port);
    let call = |row: crate::traffic::Row<'_>| {
        let Action::Targets(shares) = &row.action else { return None };
        let to = shares.iter().filter(|s| s.weight > 0).map(|s| s.to.name.clone());
        Some(Call {
            timeout: row.timeout.unwrap_or_default(),
            tries: tries(row.retry),
            to: to.collect(),
            address: match port.provider {
                Provider::Node(_) => Address::Service(port.name.clone()),
                Provider::Router(..) => row.address,
            },
        })
    };
    rows.into_iter().filter_map(call).collect()
}

/// What a node's proxy calls, each with the number of the backend: without a proxy no call of the
/// node has a timeout or is retried.
fn of_node(ctx: &Ctx<'_>, name: &NodeName) -> Vec<(usize, Call)> {
    let Some(node) = ctx.mesh.nodes.get(name).filter(|node| node.proxy) else { return Vec::new() };
    let mut all = Vec::new();
    for (at, backend) in node.backends.iter().enumerate() {
        let Some((service, item)) = ctx.mesh.services.get_key_value(&backend.service) else {
            continue;
        };
        for port in ports(ctx.mesh, service, item) {
            all.extend(of_port(ctx, &port).into_iter().map(|call| (at, call)));
        }
    }
    all
}

fn inverted(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    // The longest time that somebody wrote for a call out of each node.
    let mut longest: BTreeMap<&NodeName, Option<(u64, Call)>> = BTreeMap::new();
    for at in ctx.routes() {
        if !at.protocol().is_some_and(Protocol::is_http) {
            continue;
        }
        let Some(limit) = request_limit(&at.route.timeout) else { continue };
        let mut told = false;
        for target in at.route.targets.iter().filter(|target| target.weight > 0) {
            let inner = longest.entry(&target.node).or_insert_with(|| {
                let written = of_node(ctx, &target.node)
                    .into_iter()
                    .filter(|(_, call)| call.timeout.request.is_some())
                    .map(|(_, call)| {
                        let limit = request_limit(&call.timeout);
                        (limit.map_or(u64::MAX, |limit| limit.millis()), call)
                    });
                written.max_by_key(|(limit, _)| *limit)
            });
            let Some((millis, call)) = inner else { continue };
            if *millis <= limit.millis() || told {
                continue;
            }
            told = true;
            let time = request_limit(&call.timeout);
            let time = time.map_or_else(|| "any time".to_owned(), |time| time.to_string());
            let message = format!(
                "`{}` waits {limit} for `{}`, which by `{}` waits {time} for others",
                at.route.name, target.node, call.address
            );
            let place = if at.route.timeout.request.is_some() { "/timeout/request" } else { "" };
            let finding = ctx
                .find(&INVERTED, &at.address(), place, message)
                .help(format!("let `{}` wait less than {limit}", call.address));
            found.push(ctx.also(finding, &call.address, "/timeout/request", "the longer time"));
        }
    }
}

/// The nodes in groups that call each other in circles, each group after those that it calls.
fn groups(calls: &BTreeMap<&NodeName, Vec<(usize, Call)>>) -> Vec<Vec<NodeName>> {
    // Tarjan's algorithm, with a stack of its own: meshes can be deep.
    let names: Vec<&NodeName> = calls.keys().copied().collect();
    let number: BTreeMap<&NodeName, usize> =
        names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let next: Vec<Vec<usize>> = names
        .iter()
        .map(|name| {
            let to = calls[name].iter().flat_map(|(_, call)| &call.to);
            to.filter_map(|name| number.get(name).copied()).collect()
        })
        .collect();
    let (mut index, mut low) = (vec![usize::MAX; names.len()], vec![0; names.len()]);
    let mut on_stack = vec![false; names.len()];
    let (mut stack, mut all, mut count) = (Vec::new(), Vec::new(), 0);
    for root in 0..names.len() {
        if index[root] != usize::MAX {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, child)) = work.pop() {
            if child == 0 {
                (index[node], low[node]) = (count, count);
                count += 1;
                stack.push(node);
                on_stack[node] = true;
            }
            if let Some(to) = next[node].get(child).copied() {
                work.push((node, child + 1));
                if index[to] == usize::MAX {
                    work.push((to, 0));
                } else if on_stack[to] {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            if low[node] == index[node] {
                let mut group = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member] = false;
                    group.push(names[member].clone());
                    if member == node {
                        break;
                    }
                }
                all.push(group);
            }
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    all
}

/// The worst that can become of one request to a node.
#[derive(Clone)]
struct Worst {
    tries: u64,
    /// The routes on the way, each with its tries.
    way: Vec<(Address, u64)>,
}

fn amplified(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let calls: BTreeMap<&NodeName, Vec<(usize, Call)>> =
        ctx.mesh.nodes.keys().map(|name| (name, of_node(ctx, name))).collect();
    let mut worst: BTreeMap<NodeName, Worst> = BTreeMap::new();
    for group in groups(&calls) {
        let members: BTreeSet<&NodeName> = group.iter().collect();
        let none = Worst { tries: 1, way: Vec::new() };
        let out = group.iter().flat_map(|name| &calls[name]);
        let mut best = none;
        for (_, call) in out {
            for to in call.to.iter().filter(|to| !members.contains(to)) {
                best = longer(best, call, worst.get(to));
            }
        }
        if group.len() > 1 {
            circle(ctx, &group, &calls, found);
        }
        for name in &group {
            worst.insert(name.clone(), best.clone());
        }
    }
    // Whoever nobody calls is where requests begin.
    let called: BTreeSet<&NodeName> =
        calls.values().flatten().flat_map(|(_, call)| &call.to).collect();
    for (name, out) in &calls {
        if called.contains(*name) {
            continue;
        }
        let mut best: Option<(usize, Worst)> = None;
        for (at, call) in out {
            for to in &call.to {
                let one = longer(Worst { tries: 0, way: Vec::new() }, call, worst.get(to));
                if best.as_ref().is_none_or(|(_, best)| best.tries < one.tries) {
                    best = Some((*at, one));
                }
            }
        }
        if let Some((at, best)) = best {
            report(ctx, &Address::Node((*name).clone()), &format!("/backends/{at}"), &best, found);
        }
    }
    for at in ctx.gateway_routes() {
        let Some(port) = gateway_target(ctx.mesh, at.route) else { continue };
        let mut best = Worst { tries: 0, way: Vec::new() };
        for call in of_port(ctx, &port) {
            for to in &call.to {
                best = longer(best, &call, worst.get(to));
            }
        }
        report(ctx, &at.address(), "/service", &best, found);
    }
}

/// The worse of what is known and of a call with what comes behind it.
fn longer(known: Worst, call: &Call, behind: Option<&Worst>) -> Worst {
    let after = behind.map_or(1, |worst| worst.tries);
    let tries = call.tries.saturating_mul(after);
    if tries <= known.tries {
        return known;
    }
    let mut way = vec![(call.address.clone(), call.tries)];
    way.extend(behind.into_iter().flat_map(|worst| worst.way.iter().cloned()));
    Worst { tries, way }
}

fn report(ctx: &Ctx<'_>, from: &Address, pointer: &str, worst: &Worst, found: &mut Diagnostics) {
    if worst.tries <= TRIES_MAX {
        return;
    }
    let factors: Vec<String> = worst.way.iter().map(|(_, tries)| tries.to_string()).collect();
    let message = format!(
        "one request from `{from}` may become {}: {} = {} tries over {} hops",
        worst.tries,
        factors.join(" x "),
        worst.tries,
        worst.way.len()
    );
    let mut finding = ctx
        .find(&AMPLIFIED, from, pointer, message)
        .help("retry at one hop only, and write `retry = { on = [], max_retries = 0 }` at others");
    for (address, tries) in &worst.way {
        let pointer = if ctx.origins.exact(address, "/retry/max_retries").is_some() {
            "/retry/max_retries"
        } else {
            ""
        };
        finding = ctx.also(finding, address, pointer, format!("{tries} tries"));
    }
    found.push(finding);
}

fn circle(
    ctx: &Ctx<'_>,
    group: &[NodeName],
    calls: &BTreeMap<&NodeName, Vec<(usize, Call)>>,
    found: &mut Diagnostics,
) {
    let members: BTreeSet<&NodeName> = group.iter().collect();
    let Some(first) = members.first() else { return };
    let mut names: Vec<String> = members.iter().take(4).map(|name| format!("`{name}`")).collect();
    if members.len() > 4 {
        names.push(format!("{} more", members.len() - 4));
    }
    let place = |name: &NodeName| {
        let inside = |call: &Call| call.to.iter().any(|to| members.contains(to));
        calls[name].iter().find(|(_, call)| inside(call)).map(|(at, _)| format!("/backends/{at}"))
    };
    let message = format!("{} call each other in a circle", names.join(", "));
    let address = Address::Node((*first).clone());
    let mut finding = ctx
        .find(&CIRCLE, &address, &place(first).unwrap_or_default(), message)
        .help("fine if a request never runs in it twice; else let one of them not call the next");
    for name in members.iter().skip(1).take(3) {
        let pointer = place(name).unwrap_or_default();
        let address = Address::Node((*name).clone());
        finding = ctx.also(finding, &address, &pointer, "calls on within the circle");
    }
    found.push(finding);
}

fn each_route(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let Some(protocol) = at.protocol() else { continue };
        let longer = |end: &End<'_>| {
            let limit = request_limit(&end.listener.timeout);
            protocol.is_http() && limit.is_none_or(|limit| limit > REQUEST_TIMEOUT)
        };
        let targets = at.route.targets.iter().filter(|target| target.weight > 0);
        let end = targets.filter_map(|target| ctx.graph.end(target)).find(longer);
        if let (None, Some(end)) = (at.route.timeout.request, end) {
            let message = format!(
                "`{}` ends requests after {REQUEST_TIMEOUT}, and `{}` would allow more",
                at.route.name, end.node
            );
            let finding = ctx
                .find(&STREAM, &at.address(), "", message)
                .help("write `timeout = { request = … }` on the route too, \"0s\" for streams");
            let pointer = listener_pointer(end.at, "timeout/request");
            let node = Address::Node(end.node.clone());
            found.push(ctx.also(finding, &node, &pointer, "the longer time"));
        }
        let Some(retry) = at.route.retry.as_ref().filter(|retry| retry.max_retries > 0) else {
            continue;
        };
        // What a gateway answers has mostly not been handled behind it.
        let risky = |event: &RetryEvent| matches!(event, RetryEvent::ServerError);
        if matches!(protocol, Protocol::Http | Protocol::Http2)
            && at.route.matches.method.is_none()
            && let Some(event) = retry.on.iter().position(risky)
        {
            let message = format!(
                "`{}` also takes {}, and retries it on `{}`",
                at.route.name,
                Method::Post,
                retry.on[event]
            );
            let finding = ctx
                .find(&MAY_REPEAT, &at.address(), &format!("/retry/on/{event}"), message)
                .help("give POST and PATCH a route of their own before it, without retries");
            found.push(ctx.also(finding, &at.address(), "/match", "any method"));
        }
        let single = |node: &NodeName| {
            let discovery = ctx.mesh.nodes.get(node).and_then(|node| node.discovery.as_ref());
            matches!(discovery, Some(Discovery::Static(all)) if all.len() == 1)
        };
        if let [only] = at.route.targets.as_slice()
            && !retry.on.is_empty()
            && single(&only.node)
        {
            let message =
                format!("`{}` retries at the one endpoint of `{}`", at.route.name, only.node);
            let finding = ctx
                .find(&ONE_ENDPOINT, &at.address(), "/retry", message)
                .help("give the node a second endpoint, or leave `retry` out");
            let node = Address::Node(only.node.clone());
            found.push(ctx.also(finding, &node, "/discovery", "the one endpoint"));
        }
    }
}
