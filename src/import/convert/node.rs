//! Virtual nodes.

use super::policy::{port, protocol};
use super::{Converter, ip_preference};
use crate::import::item::Item;
use crate::import::report::Reason;
use crate::import::tree::Node;
use crate::model::{
    Backend, Bind, Discovery, DnsDiscovery, DnsResponseType, Kind, Listener, OutlierDetection,
    RegistryDiscovery, VirtualNode,
};

impl Converter<'_, '_> {
    pub(super) fn node(&mut self, item: &Item, name: String) {
        let spec = &item.spec;
        let listeners = spec.get("listeners").map(Node::items).unwrap_or_default();
        let backends = spec.get("backends").map(Node::items).unwrap_or_default();
        let node = VirtualNode {
            listeners: self.listeners(listeners),
            discovery: spec.get("serviceDiscovery").and_then(|node| self.discovery(node)),
            backends: self.backends(backends),
            backend_defaults: self.backend_defaults(spec.get("backendDefaults")),
            access_log: self.access_log(spec.get("logging")),
            owner: item.owner.clone(),
            tags: item.tags.clone(),
            ..Default::default()
        };
        if let Ok(name) = name.try_into() {
            self.mesh.nodes.insert(name, node);
        }
    }

    fn listeners(&mut self, items: &[Node]) -> Vec<Listener> {
        let mut all: Vec<Listener> = Vec::new();
        for item in items {
            let Some(listener) = self.listener(item) else { continue };
            if all.iter().any(|known| known.port == listener.port) {
                self.unsupported(item.loc, "portMapping", "a second listener on one port");
                continue;
            }
            all.push(listener);
        }
        all.sort_by_key(|listener| listener.port);
        all
    }

    fn listener(&mut self, node: &Node) -> Option<Listener> {
        let mapping = node.get("portMapping")?;
        let own = protocol(mapping.text_at("protocol"));
        Some(Listener {
            port: port(mapping, "port")?,
            protocol: own,
            app: None,
            address: None,
            connection_pool: node.get("connectionPool").and_then(|node| self.pool(node, own)),
            health_check: node.get("healthCheck").and_then(|node| self.health_check(node)),
            outlier_detection: node.get("outlierDetection").and_then(|node| self.outlier(node)),
            timeout: match node.get("timeout") {
                Some(node) => self.listener_timeout(node, own),
                None => Default::default(),
            },
            http: Default::default(),
            tls: node.get("tls").and_then(|node| self.listener_tls(node)),
            patch: Default::default(),
        })
    }

    fn outlier(&mut self, node: &Node) -> Option<OutlierDetection> {
        let interval = self.duration(node.get("interval")?);
        let base = self.duration(node.get("baseEjectionDuration")?);
        Some(OutlierDetection {
            max_server_errors: self.count(node.get("maxServerErrors"), "maxServerErrors")?,
            interval: interval?,
            base_ejection_duration: base?,
            max_ejection_percent: self
                .count(node.get("maxEjectionPercent"), "maxEjectionPercent")?,
        })
    }

    fn discovery(&mut self, node: &Node) -> Option<Discovery> {
        if let Some(dns) = node.get("dns") {
            return Some(Discovery::Dns(DnsDiscovery {
                hostname: self.text(dns.get("hostname")?, "hostname")?,
                response_type: match dns.text_at("responseType") {
                    Some("ENDPOINTS") => DnsResponseType::Endpoints,
                    _ => DnsResponseType::Loadbalancer,
                },
                ip_preference: ip_preference(dns),
            }));
        }
        let map = node.get("awsCloudMap")?;
        let message = "Cloud Map; a registry must know this service now";
        self.cx.note(Reason::AwsOnly, map.loc, "awsCloudMap", message.to_owned());
        let attributes = map.get("attributes").map(Node::items).unwrap_or_default();
        Some(Discovery::Registry(RegistryDiscovery {
            namespace: self.text(map.get("namespaceName")?, "namespaceName")?,
            service: self.text(map.get("serviceName")?, "serviceName")?,
            attributes: self.pairs(attributes),
            ip_preference: ip_preference(map),
        }))
    }

    fn backends(&mut self, items: &[Node]) -> Vec<Backend> {
        let mut all: Vec<Backend> = Vec::new();
        for item in items {
            let Some(service) = item.get("virtualService") else { continue };
            let Some(name) = service.get("virtualServiceName") else { continue };
            let Some(Ok(name)) =
                self.reference(Kind::VirtualService, name).map(|name| name.try_into())
            else {
                continue;
            };
            let policy = service.get("clientPolicy").and_then(|node| self.client_policy(node));
            let backend = Backend { service: name, client_policy: policy, bind: Bind::default() };
            match all.iter().find(|known| known.service == backend.service) {
                Some(known) if *known == backend => {}
                Some(_) => {
                    let message = "a second backend of one service, with another policy";
                    self.unsupported(item.loc, "backends", message);
                }
                None => all.push(backend),
            }
        }
        all.sort_by(|a, b| a.service.cmp(&b.service));
        all
    }
}
