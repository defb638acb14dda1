//! A model as App Mesh's API JSON: the inverse of the import, with a list of what App Mesh could
//! not say.

mod node;
mod policy;
mod route;

use crate::model::{Address, Capture, EgressFilter, IpPreference, Mesh, Tags, VirtualService};
use serde_json::{Map, Value, json};

/// Something of a model that App Mesh's API has no place for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outside {
    /// The resource.
    pub address: Address,
    /// The key, as in the TOML language.
    pub key: String,
    /// What is so.
    pub message: String,
}

/// A model as API JSON.
#[derive(Debug)]
pub struct Exported {
    /// The inputs of `create-mesh`, `create-virtual-node` and so on, in an order in which they can
    /// be made, each with its address.
    pub resources: Vec<(Address, Value)>,
    /// What is not in them.
    pub outside: Vec<Outside>,
}

/// Writes a model as API JSON.
pub fn export(mesh: &Mesh) -> Exported {
    let mut exporter = Exporter { mesh, about: Address::Mesh, outside: Vec::new() };
    let mut resources = vec![(Address::Mesh, exporter.settings())];
    for (name, node) in &mesh.nodes {
        exporter.about = Address::Node(name.clone());
        let spec = exporter.node(node);
        resources.push((
            exporter.about.clone(),
            exporter.named(&[("virtualNodeName", name.as_str())], spec, &node.tags),
        ));
        exporter.owner(node.owner.as_deref());
    }
    for (name, router) in &mesh.routers {
        exporter.about = Address::Router(name.clone());
        let listeners: Vec<Value> = router
            .listeners
            .iter()
            .map(|listener| json!({ "portMapping": policy::mapping(listener.port, listener.protocol) }))
            .collect();
        let spec = json!({ "listeners": listeners });
        resources.push((
            exporter.about.clone(),
            exporter.named(&[("virtualRouterName", name.as_str())], spec, &router.tags),
        ));
        exporter.owner(router.owner.as_deref());
        let priorities = exporter.priorities(
            crate::import::order::router_is_sorted(router),
            router.routes.iter().map(|route| route.priority).collect(),
        );
        for (route, priority) in router.routes.iter().zip(priorities) {
            exporter.about = Address::Route(name.clone(), route.name.clone());
            let spec = exporter.route(router, route, priority);
            let names = [("virtualRouterName", name.as_str()), ("routeName", route.name.as_str())];
            resources.push((exporter.about.clone(), exporter.named(&names, spec, &route.tags)));
        }
    }
    for (name, service) in &mesh.services {
        exporter.about = Address::Service(name.clone());
        let spec = provider(service);
        resources.push((
            exporter.about.clone(),
            exporter.named(&[("virtualServiceName", name.as_str())], spec, &service.tags),
        ));
        exporter.owner(service.owner.as_deref());
    }
    for (name, gateway) in &mesh.gateways {
        exporter.about = Address::Gateway(name.clone());
        let spec = exporter.gateway(gateway);
        resources.push((
            exporter.about.clone(),
            exporter.named(&[("virtualGatewayName", name.as_str())], spec, &gateway.tags),
        ));
        exporter.owner(gateway.owner.as_deref());
        let priorities = exporter.priorities(
            crate::import::order::gateway_is_sorted(gateway),
            gateway.routes.iter().map(|route| route.priority).collect(),
        );
        for (route, priority) in gateway.routes.iter().zip(priorities) {
            exporter.about = Address::GatewayRoute(name.clone(), route.name.clone());
            let spec = exporter.gateway_route(gateway, route, priority);
            let names =
                [("virtualGatewayName", name.as_str()), ("gatewayRouteName", route.name.as_str())];
            resources.push((exporter.about.clone(), exporter.named(&names, spec, &route.tags)));
        }
    }
    for name in mesh.external_services.keys() {
        exporter.about = Address::Service(name.clone());
        exporter.outside("external", "App Mesh's backends may name what nobody defines");
    }
    let mut outside = exporter.outside;
    outside.sort();
    outside.dedup();
    Exported { resources, outside }
}

/// The state of one export.
struct Exporter<'m> {
    mesh: &'m Mesh,
    about: Address,
    outside: Vec<Outside>,
}

impl Exporter<'_> {
    /// Notes something that App Mesh has no place for.
    fn outside(&mut self, key: &str, message: impl Into<String>) {
        let (address, message) = (self.about.clone(), message.into());
        self.outside.push(Outside { address, key: key.to_owned(), message });
    }

    /// Notes a key that is there, and for which App Mesh has no place.
    fn none_of<T>(&mut self, key: &str, value: Option<&T>) {
        if value.is_some() {
            self.outside(key, "App Mesh has no such setting");
        }
    }

    fn owner(&mut self, owner: Option<&str>) {
        self.none_of("owner", owner.as_ref());
    }

    fn settings(&mut self) -> Value {
        let settings = &self.mesh.settings;
        let mut spec = json!({ "egressFilter": { "type": match settings.egress {
            EgressFilter::AllowAll => "ALLOW_ALL",
            EgressFilter::DropAll => "DROP_ALL",
        } } });
        if let Some(preference) = settings.ip_preference {
            spec["serviceDiscovery"] = json!({ "ipPreference": ip_preference(preference) });
        }
        if settings.capture == Capture::Explicit {
            self.outside("capture", "App Mesh always redirected packets");
        }
        let mut all = json!({ "meshName": settings.name, "spec": spec });
        add_tags(&mut all, &settings.tags);
        all
    }

    /// What a `create` call takes.
    fn named(&self, names: &[(&str, &str)], spec: Value, tags: &Tags) -> Value {
        let mut all = Map::new();
        all.insert("meshName".to_owned(), json!(self.mesh.settings.name));
        if let Some(owner) = &self.mesh.settings.owner {
            all.insert("meshOwner".to_owned(), json!(owner));
        }
        for (key, name) in names {
            all.insert((*key).to_owned(), json!(name));
        }
        all.insert("spec".to_owned(), spec);
        let mut all = Value::Object(all);
        add_tags(&mut all, tags);
        all
    }

    /// Priorities that give the order of the files: those that are written, if App Mesh's own rules
    /// do the rest.
    fn priorities(&mut self, sorted: bool, written: Vec<Option<u16>>) -> Vec<Option<u16>> {
        if sorted {
            return written;
        }
        let fits = written.len() <= 1001;
        let message = match fits {
            true => "App Mesh would try the routes in another order, so all get a priority",
            false => "App Mesh would try the routes in another order, and has too few priorities",
        };
        self.outside("routes", message);
        (0..).zip(written).map(|(at, own): (u16, _)| if fits { Some(at) } else { own }).collect()
    }
}

fn add_tags(to: &mut Value, tags: &Tags) {
    if !tags.is_empty() {
        to["tags"] = pairs(tags);
    }
}

/// A table as a list of keys and values.
fn pairs(table: &Tags) -> Value {
    table.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

fn ip_preference(preference: IpPreference) -> &'static str {
    match preference {
        IpPreference::Ipv4Only => "IPv4_ONLY",
        IpPreference::Ipv4Preferred => "IPv4_PREFERRED",
        IpPreference::Ipv6Only => "IPv6_ONLY",
        IpPreference::Ipv6Preferred => "IPv6_PREFERRED",
    }
}

fn provider(service: &VirtualService) -> Value {
    match (&service.node, &service.router) {
        (Some(node), _) => json!({ "provider": { "virtualNode": { "virtualNodeName": node } } }),
        (None, Some(router)) => {
            json!({ "provider": { "virtualRouter": { "virtualRouterName": router } } })
        }
        (None, None) => json!({}),
    }
}
