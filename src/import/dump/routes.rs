//! Services and routes, from the virtual hosts of the proxy's route tables.

use super::clusters::parse;
use super::{Dump, Fields, duration, millis};
use crate::import::report::Reason;
use crate::import::tree::Node;
use crate::model::{HostnameMatch, Kind};
use crate::traffic::host_of_expression;

/// The statuses by which App Mesh's HTTP events are known.
const STATUSES: [(&str, &str); 3] =
    [("500", "server-error"), ("409", "client-error"), ("504", "gateway-error")];
/// The other conditions of Envoy, and the events that they stand for.
const CONDITIONS: [(&str, &str, &str); 7] = [
    ("refused-stream", "httpRetryEvents", "stream-error"),
    ("connect-failure", "tcpRetryEvents", "connection-error"),
    ("cancelled", "grpcRetryEvents", "cancelled"),
    ("deadline-exceeded", "grpcRetryEvents", "deadline-exceeded"),
    ("internal", "grpcRetryEvents", "internal"),
    ("resource-exhausted", "grpcRetryEvents", "resource-exhausted"),
    ("unavailable", "grpcRetryEvents", "unavailable"),
];

impl Dump<'_, '_> {
    /// Adds services, routers and routes of what the proxy calls, and of a gateway its own routes.
    pub(super) fn routes(&mut self, tables: &[&Node]) {
        for table in tables {
            let name = table.text_at("name").unwrap_or_default().to_owned();
            let port = name.rsplit('_').next().unwrap_or_default().to_owned();
            for host in table.get("virtual_hosts").map(Node::items).unwrap_or_default() {
                if name.starts_with("rds_egress_") {
                    self.service(host, &port);
                } else if name.starts_with("rds_ingress_")
                    && self.proxy.kind == Kind::VirtualGateway
                {
                    let protocol = self.spoken(&port);
                    self.gateway_routes(host, &port, protocol);
                }
            }
        }
    }

    /// What a gateway speaks on a port: its table of routes is called after it.
    fn spoken(&self, port: &str) -> &'static str {
        let is = |protocol: &&&str| self.tables.contains(&format!("rds_ingress_{protocol}_{port}"));
        ["http2", "grpc"].iter().find(is).copied().unwrap_or("http")
    }

    /// Adds a service, and a router that has its routes.
    fn service(&mut self, host: &Node, port: &str) {
        let Some(name) =
            host.text_at("name").filter(|name| name.contains('.') || *name != "default_backend")
        else {
            return;
        };
        let routes = host.get("routes").map(Node::items).unwrap_or_default();
        // `NAME:PORT` is the better witness of the port: a gateway's table has that of its hop.
        let domains = host.get("domains").map(Node::items).unwrap_or_default();
        let own = domains.iter().rev().find_map(|domain| domain.text()?.rsplit_once(':'));
        let port = own.map_or(port, |(_, port)| port).to_owned();
        let router = format!("{}-router", name.split('.').next().unwrap_or(name));
        let router =
            match self.items.iter().any(|i| i.kind == Kind::VirtualRouter && i.name.text == router)
            {
                true => format!("{}-router", name.replace('.', "-")),
                false => router,
            };
        let loc = host.loc;
        if routes.is_empty() {
            let mut nothing = Fields::new(loc);
            self.add(Kind::VirtualService, name, None, &nothing.done());
            return;
        }
        let provider =
            Node::map(loc, vec![("virtualRouterName", Node::scalar(loc, router.clone()))]);
        let provider = Node::map(loc, vec![("virtualRouter", provider)]);
        self.add(Kind::VirtualService, name, None, &Node::map(loc, vec![("provider", provider)]));
        self.cx.about = Some(format!("virtual_service/{name}"));
        let message = format!("the dump has no names of routers; {router} is made for it");
        self.cx.note(Reason::Assumed, loc, "virtual_hosts", message);
        let protocol = routes
            .iter()
            .find_map(|route| self.protocol(route))
            .unwrap_or_else(|| "http".to_owned());
        let mut mapping = Fields::new(loc);
        mapping.text("port", port).text("protocol", protocol.clone());
        let listener = Node::map(loc, vec![("portMapping", mapping.done())]);
        let listeners = Node::map(loc, vec![("listeners", Node::list(loc, vec![listener]))]);
        self.add(Kind::VirtualRouter, &router, None, &listeners);
        for (at, route) in routes.iter().enumerate() {
            let own = route.text_at("name").and_then(|name| name.rsplit('/').next());
            let own = own
                .filter(|own| *own != name)
                .map_or_else(|| format!("route-{}", at + 1), str::to_owned);
            self.cx.about = Some(format!("route/{router}/{own}"));
            let spec = self.route(route, &protocol, at);
            self.add(Kind::Route, &own, Some(&router), &spec);
        }
        self.cx.about = None;
    }

    /// The clusters of a route with their weights.
    fn clusters(route: &Node) -> Vec<(&Node, String)> {
        let Some(action) = route.get("route") else { return Vec::new() };
        if let Some(cluster) = action.get("cluster") {
            return vec![(cluster, "1".to_owned())];
        }
        let weighted = action.at(&["weighted_clusters", "clusters"]).map(Node::items);
        let one = |item| {
            let item: &Node = item;
            Some((item.get("name")?, item.text_at("weight").unwrap_or("0").to_owned()))
        };
        weighted.unwrap_or_default().iter().filter_map(one).collect()
    }

    /// What the nodes behind a route speak.
    fn protocol(&self, route: &Node) -> Option<String> {
        let clusters = Self::clusters(route);
        let name = clusters.first()?.0.text()?;
        Some(parse(name, "cds_egress_", &self.proxy.mesh)?.protocol.to_owned())
    }

    fn route(&mut self, route: &Node, protocol: &str, at: usize) -> Node {
        let loc = route.loc;
        let mut targets = Vec::new();
        for (cluster, weight) in Self::clusters(route) {
            let name = cluster.text().unwrap_or_default();
            let Some(name) = parse(name, "cds_egress_", &self.proxy.mesh) else {
                self.unread(cluster, "cluster", "is no node of the mesh");
                continue;
            };
            let mut target = Fields::new(cluster.loc);
            target.text("virtualNode", name.node).text("port", name.port).text("weight", weight);
            targets.push(target.done());
        }
        let mut body = Fields::new(loc);
        let targets = Node::list(loc, targets);
        body.set("action", Node::map(loc, vec![("weightedTargets", targets)]));
        let matches = route.get("match").map(|node| self.matches(node, protocol == "grpc"));
        body.set("match", matches.unwrap_or_else(|| Fields::new(loc)).done());
        let action = route.get("route");
        let limit = |key: &str, default: i64| {
            let node = action?.get(key)?;
            duration(node).filter(|_| millis(Some(node)) != Some(default))
        };
        let mut timeout = Fields::new(loc);
        if let Some(request) = limit("timeout", 15_000) {
            timeout.set("perRequest", request);
        }
        if let Some(idle) = limit("idle_timeout", 300_000) {
            timeout.set("idle", idle);
        }
        if !timeout.entries.is_empty() {
            body.set("timeout", timeout.done());
        }
        if let Some(retry) = action.and_then(|action| action.get("retry_policy")).and_then(retry) {
            body.set("retryPolicy", retry);
        }
        // A dump has the order, which App Mesh knows as priorities.
        let mut spec = Fields::new(loc);
        spec.set(&format!("{protocol}Route"), body.done());
        spec.text("priority", at.min(1000).to_string());
        spec.done()
    }

    fn unread(&mut self, node: &Node, field: &str, message: &str) {
        self.cx.note(Reason::Unsupported, node.loc, field, message.to_owned());
    }

    fn matches(&mut self, node: &Node, grpc: bool) -> Fields {
        let mut all = Fields::new(node.loc);
        let regex = node.at(&["safe_regex", "regex"]);
        let exact = node.get("path");
        match (node.get("prefix"), exact, regex) {
            (Some(prefix), _, _) if grpc => {
                if let Some(service) =
                    prefix.text().and_then(|t| t.strip_prefix('/')?.strip_suffix('/'))
                {
                    all.text("serviceName", service);
                }
            }
            (_, Some(path), _) if grpc => {
                let text = path.text().unwrap_or_default().trim_start_matches('/');
                if let Some((service, method)) = text.split_once('/') {
                    all.text("serviceName", service).text("methodName", method);
                }
            }
            (Some(prefix), _, _) => {
                all.set("prefix", prefix.clone());
            }
            (_, Some(path), _) => {
                all.set("path", Node::map(path.loc, vec![("exact", path.clone())]));
            }
            (_, _, Some(regex)) => {
                all.set("path", Node::map(regex.loc, vec![("regex", regex.clone())]));
            }
            _ => self.unread(node, "match", "has a path of a kind that App Mesh did not make"),
        }
        let mut headers = Vec::new();
        for header in node.get("headers").map(Node::items).unwrap_or_default() {
            let name = header.text_at("name").unwrap_or_default();
            let value = header.get("exact_match").or_else(|| header.at(&["string_match", "exact"]));
            match (name, value) {
                (":method", Some(method)) => {
                    all.set("method", method.clone());
                }
                (":scheme", Some(scheme)) => {
                    all.set("scheme", scheme.clone());
                }
                (":authority", Some(host)) => {
                    all.set("hostname", Node::map(host.loc, vec![("exact", host.clone())]));
                }
                (":authority", None) => match host(header) {
                    Some(host) => {
                        all.set("hostname", host);
                    }
                    None => {
                        self.unread(
                            header,
                            "headers",
                            "matches hosts in another way than App Mesh",
                        );
                    }
                },
                ("content-type", _) if grpc => {}
                _ => headers.extend(self.header(header)),
            }
        }
        if !headers.is_empty() {
            let key = if grpc { "metadata" } else { "headers" };
            all.set(key, Node::list(node.loc, headers));
        }
        let parameters = node.get("query_parameters").map(Node::items).unwrap_or_default();
        let parameters: Vec<Node> = parameters
            .iter()
            .filter_map(|parameter| {
                let mut item = Fields::new(parameter.loc);
                item.set("name", parameter.get("name")?.clone());
                if let Some(exact) = parameter.at(&["string_match", "exact"]) {
                    item.set("match", Node::map(exact.loc, vec![("exact", exact.clone())]));
                }
                Some(item.done())
            })
            .collect();
        if !parameters.is_empty() {
            all.set("queryParameters", Node::list(node.loc, parameters));
        }
        all
    }

    fn header(&mut self, header: &Node) -> Option<Node> {
        let mut item = Fields::new(header.loc);
        item.set("name", header.get("name")?.clone());
        let ways = [
            ("exact", header.get("exact_match").or_else(|| header.at(&["string_match", "exact"]))),
            (
                "prefix",
                header.get("prefix_match").or_else(|| header.at(&["string_match", "prefix"])),
            ),
            (
                "suffix",
                header.get("suffix_match").or_else(|| header.at(&["string_match", "suffix"])),
            ),
            (
                "regex",
                header
                    .at(&["safe_regex_match", "regex"])
                    .or_else(|| header.at(&["string_match", "safe_regex", "regex"])),
            ),
            ("range", header.get("range_match")),
        ];
        match ways.into_iter().find_map(|(way, node)| Some((way, node?))) {
            Some((way, node)) => {
                item.set("match", Node::map(node.loc, vec![(way, node.clone())]));
            }
            None if header.has("present_match") => {}
            None => {
                self.unread(header, "headers", "has a match of a kind that App Mesh did not make");
                return None;
            }
        }
        if header.get("invert_match").and_then(Node::boolean) == Some(true) {
            item.text("invert", "true");
        }
        Some(item.done())
    }

    /// Adds the routes of a gateway's listener.
    fn gateway_routes(&mut self, host: &Node, port: &str, protocol: &'static str) {
        let gateway = self.proxy.name.clone();
        let routes = host.get("routes").map(Node::items).unwrap_or_default();
        let mut before: Option<(String, String)> = None;
        for (at, route) in routes.iter().enumerate() {
            let own = route.text_at("name").and_then(|name| name.rsplit('/').next());
            let mut name = own.map_or_else(|| format!("route-{port}-{}", at + 1), str::to_owned);
            self.cx.about = Some(format!("gateway_route/{gateway}/{name}"));
            let action = route.get("route");
            let Some(service) = action.and_then(|action| service_of(route, action)) else {
                self.unread(route, "route", "names no service of the mesh");
                continue;
            };
            let prefix = route.at(&["match", "prefix"]).and_then(Node::text).map(str::to_owned);
            // `/x/` and `/x` are one prefix of App Mesh.
            let pair = prefix.clone().map(|prefix| (prefix, service.clone()));
            let next = routes.get(at + 1).and_then(|next| next.at(&["match", "prefix"])?.text());
            let goes_on = pair
                .as_ref()
                .is_some_and(|(prefix, _)| prefix.len() > 1 && prefix.strip_suffix('/') == next);
            if goes_on {
                before = pair;
                continue;
            }
            if before.take().is_some() && own.is_none() {
                name = format!("route-{port}-{at}");
            }
            let mut matches = route.get("match").map_or_else(
                || Fields::new(route.loc),
                |node| self.matches(node, protocol == "grpc"),
            );
            if self.ports > 1 {
                matches.text("port", port);
            }
            let loc = route.loc;
            let target = Node::map(loc, vec![("virtualServiceName", Node::scalar(loc, service))]);
            let target = Node::map(loc, vec![("virtualService", target)]);
            let mut to = Fields::new(loc);
            to.set("target", target);
            if let Some(rewrite) = action.and_then(|action| rewrite(action, prefix.as_deref())) {
                to.set("rewrite", rewrite);
            }
            let mut body = Fields::new(loc);
            body.set("action", to.done()).set("match", matches.done());
            let mut spec = Fields::new(loc);
            spec.set(&format!("{protocol}Route"), body.done())
                .text("priority", at.min(1000).to_string());
            let spec = spec.done();
            self.add(Kind::GatewayRoute, &name, Some(&gateway), &spec);
        }
        self.cx.about = None;
    }

    /// Adds a gateway with its ports, and notes chains of connections, whose services have no name.
    pub(super) fn listeners(&mut self, listeners: &[&Node]) {
        let mut ports = Vec::new();
        for listener in listeners {
            let name = listener.text_at("name").unwrap_or_default();
            if name.starts_with("lds_ingress_") && self.proxy.kind == Kind::VirtualGateway {
                let loc = listener.loc;
                let port = name.rsplit('_').next().unwrap_or_default();
                let mut mapping = Fields::new(loc);
                mapping.text("port", port).text("protocol", self.spoken(port));
                ports.push(Node::map(loc, vec![("portMapping", mapping.done())]));
            }
            for chain in listener.get("filter_chains").map(Node::items).unwrap_or_default() {
                let filters = chain.get("filters").map(Node::items).unwrap_or_default();
                let tcp = filters.iter().any(|filter| {
                    filter.text_at("name").is_some_and(|name| name.contains("tcp_proxy"))
                });
                if tcp && name.starts_with("lds_egress_") {
                    self.unread(
                        chain,
                        "filter_chains",
                        "the name of a tcp service is not in the dump",
                    );
                }
            }
        }
        if self.proxy.kind == Kind::VirtualGateway {
            let (name, loc) = (self.proxy.name.clone(), self.proxy.loc);
            let spec = Node::map(loc, vec![("listeners", Node::list(loc, ports))]);
            self.add(Kind::VirtualGateway, &name, None, &spec);
        }
    }
}

/// The host that a match of `:authority` is about, in any case of letters and with any port.
fn host(header: &Node) -> Option<Node> {
    let suffix = header.get("suffix_match").or_else(|| header.at(&["string_match", "suffix"]));
    if let Some(suffix) = suffix {
        return Some(Node::map(suffix.loc, vec![("suffix", suffix.clone())]));
    }
    let regex = header.at(&["string_match", "safe_regex", "regex"])?;
    let (way, name) = match host_of_expression(regex.text()?)? {
        HostnameMatch::Exact(name) => ("exact", name),
        HostnameMatch::Suffix(name) => ("suffix", name),
    };
    Some(Node::map(regex.loc, vec![(way, Node::scalar(regex.loc, name))]))
}

/// The service that a gateway's route sends to.
fn service_of(route: &Node, action: &Node) -> Option<String> {
    if let Some(host) = action.get("host_rewrite_literal").or_else(|| action.get("host_rewrite")) {
        return host.text().map(str::to_owned);
    }
    let added = route.get("request_headers_to_add").map(Node::items).unwrap_or_default();
    let own = added.iter().find(|item| {
        item.at(&["header", "key"]).and_then(Node::text) == Some("x-app-mesh-virtual-service")
    });
    if let Some(own) = own {
        return own.at(&["header", "value"])?.text().map(str::to_owned);
    }
    // The proxies of meshctl say it in the name of the cluster: SERVICE_PORT, with the port of the
    // gateway before it where there are several.
    let (_, rest) = action.text_at("cluster")?.split_once("_self_redirect_")?;
    let (service, _) = rest.rsplit_once('_')?;
    let service = match service.split_once('_') {
        Some((port, rest)) if port.parse::<u16>().is_ok() => rest,
        _ => service,
    };
    (!["http", "http2", "grpc"].contains(&service)).then(|| service.to_owned())
}

/// What a gateway's route changes, where that is not the default.
fn rewrite(action: &Node, prefix: Option<&str>) -> Option<Node> {
    let mut all = Fields::new(action.loc);
    if action.get("host_rewrite_literal").or_else(|| action.get("host_rewrite")).is_none() {
        let mut hostname = Fields::new(action.loc);
        hostname.text("defaultTargetHostname", "DISABLED");
        all.set("hostname", hostname.done());
    }
    let to = action.text_at("prefix_rewrite");
    let mut change = Fields::new(action.loc);
    match (prefix, to) {
        (Some(prefix), Some(to)) if prefix == to && to != "/" => {
            change.text("defaultPrefix", "DISABLED");
        }
        (Some(_), Some("/")) => {}
        (Some(_), Some(to)) => {
            change.text("value", to);
        }
        (Some(prefix), None) if prefix != "/" => {
            change.text("defaultPrefix", "DISABLED");
        }
        _ => {}
    }
    if !change.entries.is_empty() {
        all.set("prefix", change.done());
    }
    let whole = action.at(&["regex_rewrite", "substitution"]);
    if let (None, Some(whole)) = (prefix, whole) {
        all.set("path", Node::map(whole.loc, vec![("exact", whole.clone())]));
    }
    (!all.entries.is_empty()).then(|| all.done())
}

/// The retry policy in App Mesh's words; its default policy is none.
fn retry(node: &Node) -> Option<Node> {
    let on: Vec<&str> = node.text_at("retry_on").unwrap_or_default().split(',').collect();
    let codes: Vec<&str> = node
        .get("retriable_status_codes")
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::text)
        .collect();
    if codes == ["503"] && on.contains(&"unavailable") && on.contains(&"connect-failure") {
        return None;
    }
    let mut events: Vec<(&str, &str)> = Vec::new();
    for (code, event) in STATUSES {
        // 504 is part of the server's errors too.
        if codes.contains(&code) && !(event == "gateway-error" && codes.contains(&"500")) {
            events.push(("httpRetryEvents", event));
        }
    }
    for (condition, list, event) in CONDITIONS {
        if on.contains(&condition) {
            events.push((list, event));
        }
    }
    let mut all = Fields::new(node.loc);
    for list in ["httpRetryEvents", "tcpRetryEvents", "grpcRetryEvents"] {
        let own: Vec<Node> = events
            .iter()
            .filter(|(name, _)| *name == list)
            .map(|(_, event)| Node::scalar(node.loc, *event))
            .collect();
        if !own.is_empty() {
            all.set(list, Node::list(node.loc, own));
        }
    }
    all.text("maxRetries", node.text_at("num_retries").unwrap_or("1"));
    let none = Node::map(node.loc, vec![("value", Node::scalar(node.loc, "0"))]);
    all.set("perRetryTimeout", node.get("per_try_timeout").and_then(duration).unwrap_or(none));
    Some(all.done())
}
