//! Services and routes, from the virtual hosts of the proxy's route tables.

use super::clusters::parse;
use super::{Dump, Fields, fields, millis};
use crate::import::item::same;
use crate::import::report::Reason;
use crate::import::tree::{Node, Value};
use crate::model::Kind;

impl Dump<'_, '_> {
    /// Adds services, routers and routes of what the proxy calls, and of a gateway its own routes.
    pub(super) fn routes(&mut self, tables: &[&Node]) {
        for table in tables {
            let name = table.text_at("name").unwrap_or_default().to_owned();
            let port = name.rsplit('_').next().unwrap_or_default().to_owned();
            let (egress, ingress) =
                (name.starts_with("rds_egress_"), name.starts_with("rds_ingress_"));
            let of_gateway = self.proxy.kind == Kind::VirtualGateway;
            self.of_proxy(|dump| match (egress, ingress) {
                (true, _) => dump.rest(table, fields::TABLE),
                (_, true) if of_gateway => dump.rest(table, fields::TABLE),
                (_, true) => dump.rest(table, fields::INBOUND_TABLE),
                _ => dump.unread(table, "route_config", "is a table that App Mesh did not make"),
            });
            let hosts = table.get("virtual_hosts").map(Node::items).unwrap_or_default();
            for host in hosts {
                if egress {
                    self.domains(host, hosts.len() == 1);
                    self.service(host, hosts, &port);
                } else if ingress && of_gateway {
                    self.domains(host, hosts.len() == 1);
                    let protocol = self.spoken(&port);
                    self.gateway_routes(host, &port, protocol);
                }
            }
        }
    }

    /// Reports domains of a virtual host that are not the host's own name. Of several hosts none may
    /// take what the others leave.
    fn domains(&mut self, host: &Node, alone: bool) {
        let name = host.text_at("name").unwrap_or_default().to_owned();
        let domains = host.get("domains").map(Node::items).unwrap_or_default();
        for domain in domains {
            let text = domain.text().unwrap_or_default();
            let own = text.strip_prefix(name.as_str());
            let own = own.is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok())
            });
            if !own && !(text == "*" && (alone || NO_SERVICES.contains(&name.as_str()))) {
                let message =
                    format!("`{name}` takes requests for `{text}`, which App Mesh did not let it");
                self.of_proxy(|dump| dump.unread(domain, "domains", &message));
            }
        }
    }

    /// What a gateway speaks on a port: its table of routes is called after it.
    pub(super) fn spoken(&self, port: &str) -> &'static str {
        let is = |protocol: &&&str| self.tables.contains(&format!("rds_ingress_{protocol}_{port}"));
        ["http2", "grpc"].iter().find(is).copied().unwrap_or("http")
    }

    /// Adds a service, and a router that has its routes.
    fn service(&mut self, host: &Node, hosts: &[Node], port: &str) {
        let name = host.text_at("name").unwrap_or_default();
        match name {
            "" => return,
            KEPT_HOST => return self.kept_hosts(host, hosts),
            PASSED => return,
            _ => {}
        }
        self.of_proxy(|dump| dump.rest(host, fields::HOST));
        let routes = host.get("routes").map(Node::items).unwrap_or_default();
        // `NAME:PORT` is the better witness of the port: a gateway's table has that of its hop.
        let domains = host.get("domains").map(Node::items).unwrap_or_default();
        let own = domains.iter().rev().find_map(|domain| domain.text()?.rsplit_once(':'));
        let port = own.map_or(port, |(_, port)| port).to_owned();
        let router = self.cx.routers.get(name).cloned();
        let router = router.unwrap_or_else(|| format!("{name}-router"));
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
            self.rest(route, fields::EGRESS_ROUTE);
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
        if targets.is_empty() && Self::clusters(route).is_empty() {
            self.unread(route, "route", "leads to no node: it is a route without targets here");
        }
        let mut body = Fields::new(loc);
        let targets = Node::list(loc, targets);
        body.set("action", Node::map(loc, vec![("weightedTargets", targets)]));
        let matches = route.get("match").map(|node| self.matches(node, protocol == "grpc"));
        body.set("match", matches.unwrap_or_else(|| Fields::new(loc)).done());
        if let Some(action) = route.get("route") {
            let mut timeout = Fields::new(loc);
            for (key, name, default) in
                [("timeout", "perRequest", 15_000), ("idle_timeout", "idle", 300_000)]
            {
                let limit = action.get(key).filter(|limit| millis(Some(limit)) != Some(default));
                if let Some(limit) = limit.and_then(|limit| self.length(limit, key)) {
                    timeout.set(name, limit);
                }
            }
            if !timeout.entries.is_empty() {
                body.set("timeout", timeout.done());
            }
            if let Some(retry) = self.retry(action) {
                body.set("retryPolicy", retry);
            }
        }
        // A dump has the order, which App Mesh knows as priorities.
        let mut spec = Fields::new(loc);
        spec.set(&format!("{protocol}Route"), body.done());
        spec.text("priority", self.priority(route, at));
        spec.done()
    }

    /// The place of a route as a priority, of which App Mesh has 1001.
    fn priority(&mut self, route: &Node, at: usize) -> String {
        if at > 1000 {
            self.unread(
                route,
                "routes",
                "is behind 1001 others, and App Mesh has no more priorities",
            );
        }
        at.min(1000).to_string()
    }

    /// Reports the routes for requests that kept their host, unless they are those of the services.
    fn kept_hosts(&mut self, host: &Node, hosts: &[Node]) {
        self.of_proxy(|dump| dump.rest(host, fields::HOST));
        let routes = host.get("routes").map(Node::items).unwrap_or_default();
        for route in routes {
            self.of_proxy(|dump| dump.rest(route, fields::KEPT_ROUTE));
        }
        let of = |service: &Node| {
            let name = service.text_at("name").unwrap_or_default();
            let own: Vec<Node> =
                routes.iter().filter_map(|route| without_service(route, name)).collect();
            let all = service.get("routes").map(Node::items).unwrap_or_default();
            let equal = own.len() == all.len()
                && own.iter().zip(all).all(|(own, other)| same(own, &plain(other)));
            (own.len(), equal)
        };
        let others = hosts.iter().filter(|other| other.text_at("name") != Some(KEPT_HOST));
        let compared: Vec<(usize, bool)> = others.map(of).collect();
        let known: usize = compared.iter().map(|(count, _)| count).sum();
        if known != routes.len() || compared.iter().any(|(count, equal)| *count > 0 && !equal) {
            let message =
                "routes requests that kept their host in another way than the services do";
            self.of_proxy(|dump| dump.unread(host, KEPT_HOST, message));
        }
    }

    /// Adds the routes of a gateway's listener.
    fn gateway_routes(&mut self, host: &Node, port: &str, protocol: &'static str) {
        let gateway = self.proxy.name.clone();
        let routes = host.get("routes").map(Node::items).unwrap_or_default();
        self.of_proxy(|dump| dump.rest(host, fields::HOST));
        let mut paired = false;
        for (at, route) in routes.iter().enumerate() {
            let own = route.text_at("name").and_then(|name| name.rsplit('/').next());
            let mut name = own.map_or_else(|| format!("route-{port}-{}", at + 1), str::to_owned);
            self.cx.about = Some(format!("gateway_route/{gateway}/{name}"));
            self.rest(route, fields::GATEWAY_ROUTE);
            let action = route.get("route");
            let Some(service) = action.and_then(|action| service_of(route, action)) else {
                self.unread(route, "route", "names no service of the mesh");
                continue;
            };
            let prefix = route.at(&["match", "prefix"]).and_then(Node::text).map(str::to_owned);
            if routes.get(at + 1).is_some_and(|next| is_pair(route, next)) {
                paired = true;
                continue;
            }
            if std::mem::take(&mut paired) && own.is_none() {
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
            if let Some(action) = action {
                self.hop(action, host);
                if let Some(rewrite) = self.rewrite(action, prefix.as_deref()) {
                    to.set("rewrite", rewrite);
                }
            }
            let mut body = Fields::new(loc);
            body.set("action", to.done()).set("match", matches.done());
            let mut spec = Fields::new(loc);
            let priority = self.priority(route, at);
            spec.set(&format!("{protocol}Route"), body.done()).text("priority", priority);
            let spec = spec.done();
            self.add(Kind::GatewayRoute, &name, Some(&gateway), &spec);
        }
        self.cx.about = None;
    }

    /// Reports what a gateway's first hop does beside rewriting: its second one has the limits.
    fn hop(&mut self, action: &Node, host: &Node) {
        let known = ["0s", "15s", "300s"];
        for key in ["timeout", "idle_timeout"] {
            if let Some(limit) = action.get(key)
                && !limit
                    .text()
                    .is_some_and(|text| known.contains(&text) || self.limits.contains(text))
            {
                self.unread(limit, key, "is a limit that no route of a service has");
            }
        }
        let own = action.text_at("cluster").is_some_and(|name| name.contains("_self_redirect_"));
        if !own {
            let at = action.get("cluster").unwrap_or(host);
            self.unread(at, "cluster", "leads past the routes of the service");
        }
    }

    /// What a gateway's route changes, where that is not the default.
    fn rewrite(&mut self, action: &Node, prefix: Option<&str>) -> Option<Node> {
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
        let regex = action.get("regex_rewrite");
        let whole = match (prefix, to, regex) {
            // Envoy rewrites what matched, which is the whole of an exact path or an expression.
            (None, Some(to), None) => Some(to.to_owned()),
            (None, None, Some(regex)) => self.whole_path(regex),
            (_, _, Some(regex)) => {
                self.unread(regex, "regex_rewrite", "stands beside a prefix, as App Mesh had none");
                None
            }
            _ => None,
        };
        if let Some(whole) = whole {
            let whole = Node::scalar(action.loc, whole);
            all.set("path", Node::map(action.loc, vec![("exact", whole)]));
        }
        (!all.entries.is_empty()).then(|| all.done())
    }

    /// The path that a rewrite of the whole path gives.
    fn whole_path(&mut self, rewrite: &Node) -> Option<String> {
        let text = rewrite.text_at("substitution").unwrap_or_default();
        // A backslash names a group, or is one if there are two.
        let plain = text.replace("\\\\", "\u{0}");
        if plain.contains('\\') {
            self.unread(rewrite, "regex_rewrite.substitution", "uses groups, as App Mesh had none");
            return None;
        }
        Some(plain.replace('\u{0}', "\\"))
    }
}

/// The virtual host of requests that kept their host behind a gateway.
const KEPT_HOST: &str = "default_backend";
/// The virtual host of everything that is no service; the report says that it is not read.
const PASSED: &str = "mesh-allow-all";
/// The virtual hosts that are no services.
pub(super) const NO_SERVICES: [&str; 2] = [KEPT_HOST, PASSED];
/// The header by which a gateway says which service is meant.
const SERVICE_HEADER: &str = "x-app-mesh-virtual-service";

/// Whether two routes are `/x/` and `/x`, by which App Mesh rendered one prefix.
fn is_pair(route: &Node, next: &Node) -> bool {
    let prefix = |route: &Node| route.at(&["match", "prefix"])?.text().map(str::to_owned);
    let (Some(long), Some(short)) = (prefix(route), prefix(next)) else { return false };
    let bare = |route: &Node| {
        let mut route = route.clone();
        if let Some(prefix) = route.get_mut("match").and_then(|m| m.get_mut("prefix")) {
            prefix.value = Value::Null;
        }
        route
    };
    long.len() > 1
        && long.strip_suffix('/') == Some(short.as_str())
        && same(&bare(route), &bare(next))
}

/// A route without its name, which differs where one thing stands twice.
fn plain(route: &Node) -> Node {
    let mut route = route.clone();
    if let Value::Map(entries) = &mut route.value {
        entries
            .retain(|entry| !["name", "response_headers_to_remove"].contains(&entry.key.as_str()));
    }
    route
}

/// A route for requests to a service that kept their host, without what says so.
fn without_service(route: &Node, service: &str) -> Option<Node> {
    let mut route = plain(route);
    let matches = route.get_mut("match")?;
    let headers = matches.get_mut("headers")?;
    let Value::List(items) = &mut headers.value else { return None };
    let own = |item: &Node| {
        let value = item.get("exact_match").or_else(|| item.at(&["string_match", "exact"]));
        item.text_at("name") == Some(SERVICE_HEADER) && value.and_then(Node::text) == Some(service)
    };
    let at = items.iter().position(own)?;
    items.remove(at);
    if items.is_empty()
        && let Value::Map(entries) = &mut matches.value
    {
        entries.retain(|entry| entry.key != "headers");
    }
    Some(route)
}

/// The service that a gateway's route sends to.
fn service_of(route: &Node, action: &Node) -> Option<String> {
    if let Some(host) = action.get("host_rewrite_literal").or_else(|| action.get("host_rewrite")) {
        return host.text().map(str::to_owned);
    }
    let added = route.get("request_headers_to_add").map(Node::items).unwrap_or_default();
    let own = added
        .iter()
        .find(|item| item.at(&["header", "key"]).and_then(Node::text) == Some(SERVICE_HEADER));
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
