//! Virtual routers and routes.

use super::Converter;
use super::policy::{port, protocol};
use crate::import::item::Item;
use crate::import::report::Reason;
use crate::import::tree::{Entry, Node};
use crate::model::{
    Kind, Matcher, Method, PathMatch, Pattern, Protocol, Range, RetryEvent, RetryPolicy, Route,
    RouteMatch, RouterListener, RouterName, Scheme, Target, VirtualRouter,
};
use std::collections::BTreeMap;

/// The kinds of route, with the protocol of each.
pub(super) const KINDS: [(&str, Protocol); 4] = [
    ("httpRoute", Protocol::Http),
    ("http2Route", Protocol::Http2),
    ("grpcRoute", Protocol::Grpc),
    ("tcpRoute", Protocol::Tcp),
];

/// The member that says what kind of route it is.
pub(super) fn kind_of(spec: &Node) -> Option<(&Entry, Protocol)> {
    KINDS.iter().find_map(|(key, protocol)| Some((spec.entry(key)?, *protocol)))
}

impl Converter<'_, '_> {
    pub(super) fn router(&mut self, item: &Item, name: String) {
        let mut listeners: Vec<RouterListener> = Vec::new();
        for node in item.spec.get("listeners").map(Node::items).unwrap_or_default() {
            let Some(mapping) = node.get("portMapping") else { continue };
            let Some(port) = port(mapping, "port") else { continue };
            let listener = RouterListener { port, protocol: protocol(mapping.text_at("protocol")) };
            if listeners.iter().any(|known| known.port == port) {
                self.unsupported(node.loc, "portMapping", "a second listener on one port");
            } else {
                listeners.push(listener);
            }
        }
        listeners.sort_by_key(|listener| listener.port);
        let router = VirtualRouter {
            listeners,
            routes: Vec::new(),
            owner: item.owner.clone(),
            tags: item.tags.clone(),
        };
        if let Ok(name) = name.try_into() {
            self.mesh.routers.insert(name, router);
        }
    }

    pub(super) fn route(&mut self, item: &Item, name: String) {
        let (Some(parent), Some((entry, own))) = (&item.parent, kind_of(&item.spec)) else {
            return;
        };
        let body = &entry.node;
        let Ok(router) = RouterName::new(self.names.get(Kind::VirtualRouter, None, &parent.text))
        else {
            return;
        };
        let Ok(name) = name.try_into() else { return };
        let matches = body.get("match").map(|node| self.route_match(node)).unwrap_or_default();
        let targets = body.at(&["action", "weightedTargets"]).map(Node::items).unwrap_or_default();
        let route = Route {
            name,
            priority: self.priority(&item.spec),
            targets: self.targets(targets),
            timeout: body.get("timeout").map(|node| self.timeout(node)).unwrap_or_default(),
            retry: body.get("retryPolicy").and_then(|node| self.retry(node)),
            patch: None,
            tags: item.tags.clone(),
            matches,
        };
        if let Some(existing) = self.mesh.routers.get(&router)
            && let Some(listener) = existing.listener_of(&route.matches)
            && listener.protocol != own
        {
            let message = format!(
                "the router speaks {} there, so the route is one of that kind here",
                listener.protocol
            );
            self.unsupported(entry.at, &entry.key, message);
        }
        if !self.mesh.routers.contains_key(&router) {
            let message = format!("{router} is not in the sources; it is made for its routes");
            self.cx.note(Reason::Assumed, item.loc, "virtualRouterName", message);
        }
        self.mesh.routers.entry(router).or_default().routes.push(route);
    }

    /// A priority, 0 to 1000.
    pub(super) fn priority(&mut self, spec: &Node) -> Option<u16> {
        let node = spec.get("priority")?;
        match node.int().and_then(|n| u16::try_from(n).ok()).filter(|n| *n <= 1000) {
            Some(priority) => Some(priority),
            None => {
                self.cx.bad_field(node.loc, "priority", "a priority is 0 to 1000".to_owned());
                None
            }
        }
    }

    fn targets(&mut self, items: &[Node]) -> Vec<Target> {
        let mut all: Vec<Target> = Vec::new();
        for item in items {
            let Some(node) = item.get("virtualNode") else { continue };
            let Some(Ok(name)) =
                self.reference(Kind::VirtualNode, node).map(|name| name.try_into())
            else {
                continue;
            };
            let Some(weight) = self.count(item.get("weight"), "weight") else { continue };
            let target = Target { node: name, port: port(item, "port"), weight };
            match all.iter_mut().find(|t| t.node == target.node && t.port == target.port) {
                Some(known) => {
                    known.weight = known.weight.saturating_add(target.weight);
                    let message = format!("{} stands twice; its weights are added", target.node);
                    self.cx.note(Reason::Assumed, item.loc, "weightedTargets", message);
                }
                None => all.push(target),
            }
        }
        all.sort();
        all
    }

    fn retry(&mut self, node: &Node) -> Option<RetryPolicy> {
        let mut on = Vec::new();
        for key in ["httpRetryEvents", "tcpRetryEvents", "grpcRetryEvents"] {
            for event in node.get(key).map(Node::items).unwrap_or_default() {
                let word = event.text().unwrap_or_default();
                match RetryEvent::ALL.iter().find(|known| known.as_str() == word) {
                    Some(event) => on.push(*event),
                    None => self.unsupported(event.loc, key, format!("`{word}` is no known event")),
                }
            }
        }
        on.sort_unstable();
        on.dedup();
        Some(RetryPolicy {
            on,
            max_retries: self.count(node.get("maxRetries"), "maxRetries")?,
            // App Mesh asks for one; zero is none.
            per_retry_timeout: node
                .get("perRetryTimeout")
                .and_then(|node| self.duration(node))
                .filter(|limit| !limit.is_zero()),
        })
    }

    fn route_match(&mut self, node: &Node) -> RouteMatch {
        let scheme = node.text_at("scheme");
        RouteMatch {
            port: port(node, "port"),
            path: self.path(node),
            method: method(node),
            scheme: Scheme::ALL.iter().copied().find(|known| scheme == Some(known.as_str())),
            headers: self.matchers(node.get("headers")),
            query_parameters: self.matchers(node.get("queryParameters")),
            service_name: node.get("serviceName").and_then(|node| self.text(node, "serviceName")),
            method_name: node.get("methodName").and_then(|node| self.text(node, "methodName")),
            metadata: self.matchers(node.get("metadata")),
        }
    }

    pub(super) fn path(&mut self, node: &Node) -> Option<PathMatch> {
        let prefix = node.get("prefix");
        let path = node.get("path");
        if let (Some(prefix), Some(_)) = (prefix, path) {
            let message = "`prefix` and `path` exclude each other in a match".to_owned();
            self.cx.bad_field(prefix.loc, "match", message);
        }
        if let Some(prefix) = prefix {
            return self.text(prefix, "prefix").map(PathMatch::Prefix);
        }
        let path = path?;
        match (path.get("exact"), path.get("regex")) {
            (Some(text), None) => self.text(text, "exact").map(PathMatch::Exact),
            (None, Some(text)) => self.text(text, "regex").map(PathMatch::Regex),
            _ => {
                let message = "exactly one of `exact` and `regex` is needed".to_owned();
                self.cx.bad_field(path.loc, "path", message);
                None
            }
        }
    }

    pub(super) fn matchers(&mut self, list: Option<&Node>) -> BTreeMap<String, Vec<Matcher>> {
        let mut all: BTreeMap<String, Vec<Matcher>> = BTreeMap::new();
        for item in list.map(Node::items).unwrap_or_default() {
            let Some(name) = item.get("name").and_then(|node| self.text(node, "name")) else {
                continue;
            };
            let Some(pattern) = self.pattern(item.get("match")) else { continue };
            let invert = item.get("invert").and_then(Node::boolean).unwrap_or(false);
            all.entry(name).or_default().push(Matcher { pattern, invert });
        }
        all
    }

    fn pattern(&mut self, node: Option<&Node>) -> Option<Pattern> {
        let Some(entry) = node.and_then(|node| node.entries().first()) else {
            return Some(Pattern::Present(true));
        };
        let make = match entry.key.as_str() {
            "exact" => Pattern::Exact,
            "prefix" => Pattern::Prefix,
            "suffix" => Pattern::Suffix,
            "regex" => Pattern::Regex,
            _ => {
                let start = entry.node.int_at("start")?;
                return Some(Pattern::Range(Range { start, end: entry.node.int_at("end")? }));
            }
        };
        self.text(&entry.node, &entry.key).map(make)
    }
}

/// The method of a match.
pub(super) fn method(node: &Node) -> Option<Method> {
    let word = node.text_at("method")?;
    Method::ALL.iter().copied().find(|known| known.as_str() == word)
}
