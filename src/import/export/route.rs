//! Routes and gateway routes in App Mesh's words.

use super::Exporter;
use super::policy::duration;
use crate::model::{
    GatewayMatch, GatewayRewrite, GatewayRoute, HostnameMatch, Matcher, PathMatch, Pattern,
    PrefixRewrite, Protocol, RetryEvent, RetryPolicy, Route, RouteMatch, Target, VirtualGateway,
    VirtualRouter,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The member that holds routes of a protocol.
fn member(protocol: Protocol) -> String {
    format!("{protocol}Route")
}

impl Exporter<'_> {
    /// The protocol of a listener, or what is taken for it where there is none.
    fn kind(&mut self, protocol: Option<Protocol>) -> Protocol {
        protocol.unwrap_or_else(|| {
            self.outside("match.port", "no listener says what kind of route it is; http is taken");
            Protocol::Http
        })
    }

    pub(super) fn route(
        &mut self,
        router: &VirtualRouter,
        route: &Route,
        priority: Option<u16>,
    ) -> Value {
        let protocol = self.kind(router.listener_of(&route.matches).map(|l| l.protocol));
        let targets: Vec<Value> = route.targets.iter().map(|target| self.target(target)).collect();
        let mut body = json!({ "action": { "weightedTargets": targets } });
        let matches = self.matches(&route.matches, protocol);
        // Routes of connections need no match.
        if protocol != Protocol::Tcp || matches.as_object().is_some_and(|all| !all.is_empty()) {
            body["match"] = matches;
        }
        if let Some(timeout) = self.timeout(route.timeout, protocol) {
            body["timeout"] = timeout;
        }
        match &route.retry {
            Some(_) if protocol == Protocol::Tcp => {
                self.outside("retry", "connections are not tried again");
            }
            Some(retry) => body["retryPolicy"] = self.retry(retry, protocol),
            None => {}
        }
        self.none_of("patch", route.patch.as_ref());
        let mut spec = json!({ member(protocol): body });
        if let Some(priority) = priority {
            spec["priority"] = json!(priority);
        }
        spec
    }

    fn target(&mut self, target: &Target) -> Value {
        if target.weight > 100 {
            self.outside("targets", "weights of App Mesh are at most 100");
        }
        let mut all = json!({ "virtualNode": target.node, "weight": target.weight });
        if let Some(port) = target.port {
            all["port"] = json!(port);
        }
        all
    }

    fn matches(&mut self, matches: &RouteMatch, protocol: Protocol) -> Value {
        let mut all = json!({});
        if let Some(port) = matches.port {
            all["port"] = json!(port);
        }
        path(&mut all, matches.path.as_ref());
        if let Some(method) = matches.method {
            all["method"] = json!(method);
        }
        if let Some(scheme) = matches.scheme {
            all["scheme"] = json!(scheme);
        }
        if !matches.headers.is_empty() {
            all["headers"] = matchers(&matches.headers);
        }
        self.query(&mut all, &matches.query_parameters);
        if let Some(name) = &matches.service_name {
            all["serviceName"] = json!(name);
        }
        if let Some(name) = &matches.method_name {
            all["methodName"] = json!(name);
        }
        if !matches.metadata.is_empty() {
            all["metadata"] = matchers(&matches.metadata);
        }
        let fits = |key: &str| match protocol {
            Protocol::Tcp => key == "port",
            Protocol::Grpc => ["port", "serviceName", "methodName", "metadata"].contains(&key),
            Protocol::Http | Protocol::Http2 => {
                !["serviceName", "methodName", "metadata"].contains(&key)
            }
        };
        self.fitting(all, fits)
    }

    /// Leaves out what does not fit the kind of a route, and notes it.
    fn fitting(&mut self, mut all: Value, fits: impl Fn(&str) -> bool) -> Value {
        if let Some(map) = all.as_object_mut() {
            let strange: Vec<String> = map.keys().filter(|key| !fits(key)).cloned().collect();
            for key in strange {
                map.remove(&key);
                self.outside("match", format!("routes of this kind have no {key}"));
            }
        }
        all
    }

    /// Query parameters are there, or are a text; nothing else.
    fn query(&mut self, all: &mut Value, parameters: &BTreeMap<String, Vec<Matcher>>) {
        let mut list = Vec::new();
        for (name, matchers) in parameters {
            for matcher in matchers {
                match (&matcher.pattern, matcher.invert) {
                    (Pattern::Exact(text), false) => {
                        list.push(json!({ "name": name, "match": { "exact": text } }));
                    }
                    (Pattern::Present(true), false) => list.push(json!({ "name": name })),
                    _ => self.outside("match.query_parameters", "App Mesh has exact matches only"),
                }
            }
        }
        if !list.is_empty() {
            all["queryParameters"] = json!(list);
        }
    }

    fn retry(&mut self, retry: &RetryPolicy, protocol: Protocol) -> Value {
        let grpc = protocol == Protocol::Grpc;
        let of = |wanted: &dyn Fn(RetryEvent) -> bool| -> Vec<RetryEvent> {
            retry.on.iter().copied().filter(|event| wanted(*event)).collect()
        };
        let tcp = of(&|event| event == RetryEvent::ConnectionError);
        let own = of(&RetryEvent::is_grpc);
        let http = of(&|event| event != RetryEvent::ConnectionError && !event.is_grpc());
        // App Mesh asks for a limit; none is a limit of zero.
        let limit = retry.per_retry_timeout.unwrap_or_default();
        let mut all =
            json!({ "maxRetries": retry.max_retries, "perRetryTimeout": duration(limit) });
        if !http.is_empty() {
            all["httpRetryEvents"] = json!(http);
        }
        if !tcp.is_empty() {
            all["tcpRetryEvents"] = json!(tcp);
        }
        match (own.is_empty(), grpc) {
            (true, _) => {}
            (false, true) => all["grpcRetryEvents"] = json!(own),
            (false, false) => self.outside("retry.on", "only gRPC has statuses of its own"),
        }
        all
    }

    pub(super) fn gateway_route(
        &mut self,
        gateway: &VirtualGateway,
        route: &GatewayRoute,
        priority: Option<u16>,
    ) -> Value {
        let protocol = self.kind(gateway.listener_of(&route.matches).map(|l| l.protocol));
        let service = json!({ "virtualServiceName": route.service.name });
        let mut target = json!({ "virtualService": service });
        if let Some(port) = route.service.port {
            target["port"] = json!(port);
        }
        let mut action = json!({ "target": target });
        if let Some(rewrite) = self.rewrite(&route.rewrite, protocol) {
            action["rewrite"] = rewrite;
        }
        let body =
            json!({ "action": action, "match": self.gateway_match(&route.matches, protocol) });
        self.none_of("patch", route.patch.as_ref());
        let mut spec = json!({ member(protocol): body });
        if let Some(priority) = priority {
            spec["priority"] = json!(priority);
        }
        spec
    }

    fn rewrite(&mut self, rewrite: &GatewayRewrite, protocol: Protocol) -> Option<Value> {
        let mut all = json!({});
        if !rewrite.hostname {
            all["hostname"] = json!({ "defaultTargetHostname": "DISABLED" });
        }
        match &rewrite.prefix {
            PrefixRewrite::Root => {}
            PrefixRewrite::Keep => all["prefix"] = json!({ "defaultPrefix": "DISABLED" }),
            PrefixRewrite::Value(text) => all["prefix"] = json!({ "value": text }),
        }
        if let Some(path) = &rewrite.path {
            all["path"] = json!({ "exact": path });
        }
        if protocol == Protocol::Grpc {
            all = self.fitting(all, |key| key == "hostname");
        }
        all.as_object().is_some_and(|all| !all.is_empty()).then_some(all)
    }

    fn gateway_match(&mut self, matches: &GatewayMatch, protocol: Protocol) -> Value {
        let mut all = json!({});
        if let Some(port) = matches.port {
            all["port"] = json!(port);
        }
        match &matches.hostname {
            Some(HostnameMatch::Exact(host)) => all["hostname"] = json!({ "exact": host }),
            Some(HostnameMatch::Suffix(host)) => all["hostname"] = json!({ "suffix": host }),
            None => {}
        }
        path(&mut all, matches.path.as_ref());
        if let Some(method) = matches.method {
            all["method"] = json!(method);
        }
        if !matches.headers.is_empty() {
            all["headers"] = matchers(&matches.headers);
        }
        self.query(&mut all, &matches.query_parameters);
        if let Some(name) = &matches.service_name {
            all["serviceName"] = json!(name);
        }
        if !matches.metadata.is_empty() {
            all["metadata"] = matchers(&matches.metadata);
        }
        let fits = |key: &str| match protocol {
            Protocol::Grpc => ["port", "hostname", "serviceName", "metadata"].contains(&key),
            Protocol::Http | Protocol::Http2 | Protocol::Tcp => {
                !["serviceName", "metadata"].contains(&key)
            }
        };
        self.fitting(all, fits)
    }
}

fn path(all: &mut Value, path: Option<&PathMatch>) {
    match path {
        Some(PathMatch::Prefix(text)) => all["prefix"] = json!(text),
        Some(PathMatch::Exact(text)) => all["path"] = json!({ "exact": text }),
        Some(PathMatch::Regex(text)) => all["path"] = json!({ "regex": text }),
        None => {}
    }
}

/// Headers or metadata. That something is absent is said by inverting that it is there.
fn matchers(named: &BTreeMap<String, Vec<Matcher>>) -> Value {
    let mut list = Vec::new();
    for (name, matchers) in named {
        for Matcher { pattern, invert } in matchers {
            let mut item = json!({ "name": name });
            let mut invert = *invert;
            match pattern {
                Pattern::Exact(text) => item["match"] = json!({ "exact": text }),
                Pattern::Prefix(text) => item["match"] = json!({ "prefix": text }),
                Pattern::Suffix(text) => item["match"] = json!({ "suffix": text }),
                Pattern::Regex(text) => item["match"] = json!({ "regex": text }),
                Pattern::Range(range) => {
                    item["match"] = json!({ "range": { "start": range.start, "end": range.end } });
                }
                Pattern::Present(there) => invert ^= !there,
            }
            if invert {
                item["invert"] = json!(true);
            }
            list.push(item);
        }
    }
    json!(list)
}
