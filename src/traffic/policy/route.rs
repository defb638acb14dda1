//! What requests meet at routes: how long they may take, and how they are retried.

use super::{FactChange, Facts, list, put};
use crate::model::{
    Duration, Listener, ListenerTimeout, Mesh, Port, Protocol, RetryPolicy, Route, RouteName,
    RouterListener, RouterName, VirtualRouter,
};
use crate::traffic::defaults;
use std::collections::{BTreeMap, BTreeSet};

/// The settings of a route.
pub fn of_route(mesh: &Mesh, router: &RouterName, name: &RouteName) -> Option<Facts> {
    let router = mesh.routers.get(router)?;
    let route = router.route(name)?;
    let Route {
        // Which requests it matches, where they go, and raw fields over both are compared as
        // routing.
        name: _,
        priority: _,
        matches,
        targets: _,
        patch: _,
        timeout,
        retry,
        // Not met by requests.
        tags: _,
    } = route;
    let protocol = router.listener_of(matches)?.protocol;
    Some(of(timeout, retry.as_ref(), protocol))
}

/// The settings of calls to a service that a node provides without a router: the times of the
/// node's listener, and the default retries.
pub fn of_direct(listener: &Listener) -> Facts {
    of(&listener.timeout, None, listener.protocol)
}

fn of(timeout: &ListenerTimeout, retry: Option<&RetryPolicy>, protocol: Protocol) -> Facts {
    let mut facts = Facts::new();
    times(&mut facts, timeout, protocol);
    if !protocol.is_http() {
        return facts;
    }
    let Some(RetryPolicy { on, max_retries, per_retry_timeout }) = retry else {
        put(&mut facts, "retry.max_retries", Some(defaults::RETRIES));
        let codes = defaults::RETRY_CODES.iter().map(ToString::to_string);
        put(
            &mut facts,
            "retry.on",
            list(defaults::RETRY_ON.map(str::to_owned).into_iter().chain(codes)),
        );
        return facts;
    };
    put(&mut facts, "retry.max_retries", Some(max_retries));
    // Without retries there is no policy at all, so nothing limits the only try.
    if *max_retries > 0 {
        put(&mut facts, "retry.on", list(on));
        put(
            &mut facts,
            "retry.per_retry_timeout",
            per_retry_timeout.filter(|time| !time.is_zero()),
        );
    }
    facts
}

/// The two timeouts of a route or a listener, `0s` if there is no limit.
pub(super) fn times(facts: &mut Facts, timeout: &ListenerTimeout, protocol: Protocol) {
    let ListenerTimeout { request, idle } = timeout;
    let or = |own: &Option<Duration>, default: Duration| Some(own.unwrap_or(default));
    put(facts, "timeout.idle", or(idle, defaults::IDLE_TIMEOUT));
    // A connection has no requests.
    if protocol.is_http() {
        put(facts, "timeout.request", or(request, defaults::REQUEST_TIMEOUT));
    }
}

/// What is spoken on each port of a router.
pub(super) fn of_router(router: &VirtualRouter) -> BTreeMap<Port, Protocol> {
    let VirtualRouter {
        listeners,
        // Compared by themselves.
        routes: _,
        // Not met by requests.
        owner: _,
        tags: _,
    } = router;
    listeners.iter().map(|RouterListener { port, protocol }| (*port, *protocol)).collect()
}

/// The ports that speak something else.
pub(super) fn protocols(
    before: &BTreeMap<Port, Protocol>,
    after: &BTreeMap<Port, Protocol>,
) -> Vec<FactChange> {
    let both: BTreeSet<&Port> = before.keys().filter(|port| after.contains_key(port)).collect();
    let change = |port: &Port| FactChange {
        name: format!("listeners.{port}.protocol"),
        before: before.get(port).map(ToString::to_string),
        after: after.get(port).map(ToString::to_string),
        moved: None,
    };
    both.into_iter().map(change).filter(|change| change.before != change.after).collect()
}
