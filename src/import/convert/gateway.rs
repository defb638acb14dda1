//! Virtual gateways and gateway routes.

use super::Converter;
use super::policy::{port, protocol};
use super::route::{kind_of, method};
use crate::import::item::Item;
use crate::import::report::Reason;
use crate::import::tree::Node;
use crate::model::{
    GatewayListener, GatewayMatch, GatewayName, GatewayRewrite, GatewayRoute, GatewayTarget,
    HostnameMatch, Kind, PrefixRewrite, VirtualGateway,
};

impl Converter<'_, '_> {
    pub(super) fn gateway(&mut self, item: &Item, name: String) {
        let mut listeners: Vec<GatewayListener> = Vec::new();
        for node in item.spec.get("listeners").map(Node::items).unwrap_or_default() {
            let Some(listener) = self.gateway_listener(node) else { continue };
            if listeners.iter().any(|known| known.port == listener.port) {
                self.unsupported(node.loc, "portMapping", "a second listener on one port");
            } else {
                listeners.push(listener);
            }
        }
        listeners.sort_by_key(|listener| listener.port);
        let gateway = VirtualGateway {
            listeners,
            backend_defaults: self.backend_defaults(item.spec.get("backendDefaults")),
            access_log: self.access_log(item.spec.get("logging")),
            routes: Vec::new(),
            owner: item.owner.clone(),
            tags: item.tags.clone(),
        };
        if let Ok(name) = name.try_into() {
            self.mesh.gateways.insert(name, gateway);
        }
    }

    fn gateway_listener(&mut self, node: &Node) -> Option<GatewayListener> {
        let mapping = node.get("portMapping")?;
        let own = protocol(mapping.text_at("protocol"));
        Some(GatewayListener {
            port: port(mapping, "port")?,
            protocol: own,
            address: None,
            connection_pool: node.get("connectionPool").and_then(|node| self.pool(node, own)),
            health_check: node.get("healthCheck").and_then(|node| self.health_check(node)),
            http: Default::default(),
            tls: node.get("tls").and_then(|node| self.listener_tls(node)),
            patch: Default::default(),
        })
    }

    pub(super) fn gateway_route(&mut self, item: &Item, name: String) {
        let (Some(parent), Some((entry, own))) = (&item.parent, kind_of(&item.spec)) else {
            return;
        };
        let body = &entry.node;
        let Ok(gateway) =
            GatewayName::new(self.names.get(Kind::VirtualGateway, None, &parent.text))
        else {
            return;
        };
        let Ok(name) = name.try_into() else { return };
        let Some(target) = body.at(&["action", "target"]) else { return };
        let service = target.at(&["virtualService", "virtualServiceName"]);
        let Some(Ok(service)) = service
            .and_then(|name| self.reference(Kind::VirtualService, name))
            .map(|name| name.try_into())
        else {
            return;
        };
        let matches = body.get("match").map(|node| self.gateway_match(node)).unwrap_or_default();
        let rewrite = body.at(&["action", "rewrite"]);
        let route = GatewayRoute {
            name,
            priority: self.priority(&item.spec),
            rewrite: rewrite.map(|node| self.rewrite(node)).unwrap_or_default(),
            service: GatewayTarget { name: service, port: port(target, "port") },
            patch: None,
            tags: item.tags.clone(),
            matches,
        };
        if let Some(existing) = self.mesh.gateways.get(&gateway)
            && let Some(listener) = existing.listener_of(&route.matches)
            && listener.protocol != own
        {
            let message = format!(
                "the gateway speaks {} there, so the route is one of that kind here",
                listener.protocol
            );
            self.unsupported(entry.at, &entry.key, message);
        }
        if !self.mesh.gateways.contains_key(&gateway) {
            let message = format!("{gateway} is not in the sources; it is made for its routes");
            self.cx.note(Reason::Assumed, item.loc, "virtualGatewayName", message);
        }
        self.mesh.gateways.entry(gateway).or_default().routes.push(route);
    }

    fn gateway_match(&mut self, node: &Node) -> GatewayMatch {
        GatewayMatch {
            port: port(node, "port"),
            hostname: node.get("hostname").and_then(|node| self.hostname(node)),
            path: self.path(node),
            method: method(node),
            headers: self.matchers(node.get("headers")),
            query_parameters: self.matchers(node.get("queryParameters")),
            service_name: node.get("serviceName").and_then(|node| self.text(node, "serviceName")),
            metadata: self.matchers(node.get("metadata")),
        }
    }

    fn hostname(&mut self, node: &Node) -> Option<HostnameMatch> {
        match (node.get("exact"), node.get("suffix")) {
            (Some(text), None) => self.text(text, "exact").map(HostnameMatch::Exact),
            (None, Some(text)) => self.text(text, "suffix").map(HostnameMatch::Suffix),
            _ => {
                let message = "exactly one of `exact` and `suffix` is needed".to_owned();
                self.cx.bad_field(node.loc, "hostname", message);
                None
            }
        }
    }

    fn rewrite(&mut self, node: &Node) -> GatewayRewrite {
        let on = |text: Option<&str>| text != Some("DISABLED");
        let hostname = node.at(&["hostname", "defaultTargetHostname"]).and_then(Node::text);
        let prefix = node.get("prefix");
        let value = prefix.and_then(|node| node.get("value"));
        let path = node.at(&["path", "exact"]);
        if let (Some(prefix), Some(_)) = (prefix, path) {
            let message = "`prefix` and `path` exclude each other in a rewrite".to_owned();
            self.cx.bad_field(prefix.loc, "rewrite", message);
        }
        GatewayRewrite {
            hostname: on(hostname),
            prefix: match value {
                Some(text) => match self.text(text, "value") {
                    Some(text) => PrefixRewrite::Value(text),
                    None => PrefixRewrite::Root,
                },
                None if on(prefix.and_then(|node| node.text_at("defaultPrefix"))) => {
                    PrefixRewrite::Root
                }
                None => PrefixRewrite::Keep,
            },
            path: path.and_then(|node| self.text(node, "exact")),
        }
    }
}
