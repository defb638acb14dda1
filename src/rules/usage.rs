//! MC01xx: what nothing uses, and what uses itself.

use super::context::Ctx;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Discovery, NodeName};
use std::collections::BTreeMap;

/// A node that serves and that no traffic reaches.
pub(super) const UNREACHED_NODE: Code = Code::warning(
    "MC0110",
    "unreached-node",
    "no service and no route leads to a node that listens",
    "The node has listeners, so it means to serve, but no virtual service has it as provider and \
     no route has it as target. Often it is the rest of an earlier canary. A node that only calls \
     others needs no listeners.",
);
/// A router that no service has.
pub(super) const UNUSED_ROUTER: Code = Code::warning(
    "MC0111",
    "unused-router",
    "no service uses a router",
    "Routers get traffic through virtual services. This one has no service, so its routes never \
     take a request. Name it in a service: `router = \"NAME\"`.",
);
/// A service that nobody calls.
pub(super) const UNUSED_SERVICE: Code = Code::info(
    "MC0112",
    "uncalled-service",
    "no node and no gateway calls a service",
    "No backend list and no gateway route names the service. Under `egress = \"drop-all\"` no \
     proxy of the mesh will let a request to it pass.",
);
/// A gateway that takes requests and has no route for them.
pub(super) const IDLE_GATEWAY: Code = Code::warning(
    "MC0113",
    "gateway-without-routes",
    "a gateway has no routes",
    "Every request that enters by this gateway gets a 404. Add a route: \
     `[[virtual_gateway.NAME.routes]]` with `name` and `service`.",
);
/// A backend that only leads back.
const SELF_CALL: Code = Code::warning(
    "MC0114",
    "backend-reaches-only-its-caller",
    "a backend leads to nothing but the node that calls it",
    "All traffic of the backend's service ends at the very node that lists it, so the node calls \
     itself through its own proxy, twice. Mostly another service was meant.",
);
/// A router that always decides the same.
const ONE_NODE: Code = Code::info(
    "MC0115",
    "router-with-one-destination",
    "every route of a router reaches the same node",
    "Several routes, one destination: they differ at most in timeouts and retries. If they do not \
     even differ in that, one route or `node = \"…\"` in the service says the same.",
);
/// Two nodes whose callers end at the same place.
const SHARED_ENDPOINTS: Code = Code::warning(
    "MC0116",
    "shared-endpoints",
    "two nodes are found at the same endpoints",
    "Both nodes have the same discovery and a listener on the same port, so a split between them \
     sends all its parts to the same processes, and health and outlier detection of one judge the \
     other. Give each its own host name, attributes or addresses.",
);
/// A service whose name is looked up to find the node behind it.
const OWN_NAME: Code = Code::info(
    "MC0117",
    "discovery-by-own-service-name",
    "a node is found by the name of a service that it serves",
    "The proxies look this name up to find the node, and applications call it to reach the \
     service. Callers outside the mesh that use the name reach this node directly, past the \
     service's routes.",
);
/// A declaration that nothing needs.
pub(super) const UNUSED_EXTERNAL: Code = Code::info(
    "MC0118",
    "unused-external-service",
    "nothing calls a service that is declared as external",
    "`[external.virtual_service.\"NAME\"]` exists so that backends and gateway routes may name a \
     service of another project. None does.",
);

// Who uses what is only known when everything could be read: the first, second, third and last
// of these are silent until then.
/// One route, several owners.
const SEVERAL_OWNERS: Code = Code::info(
    "MC0119",
    "route-to-several-owners",
    "a route leads to nodes of different owners",
    "The nodes that share the traffic of this route say different owners. What one of them deploys \
     is seen by a part of the same callers, so a change of the weights is a matter for all of them. \
     Where the nodes belong together, give them one owner.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&UNREACHED_NODE], unreached_node as Check),
    Rule(&[&UNUSED_ROUTER], unused_router),
    Rule(&[&UNUSED_SERVICE], uncalled_service),
    Rule(&[&IDLE_GATEWAY], gateway_without_routes),
    Rule(&[&SELF_CALL], self_call),
    Rule(&[&ONE_NODE], one_node),
    Rule(&[&SHARED_ENDPOINTS], shared_endpoints),
    Rule(&[&OWN_NAME], own_name),
    Rule(&[&UNUSED_EXTERNAL], unused_external),
    Rule(&[&SEVERAL_OWNERS], several_owners),
];

fn unreached_node(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let address = Address::Node(name.clone());
        if !node.listeners.is_empty() && ctx.graph.users(&address).is_empty() {
            let message = format!("no service and no route leads to the node `{name}`");
            found.push(ctx.find(&UNREACHED_NODE, &address, "", message).help(
                "name it in a route's `targets` or a service's `node`, drop its listeners, or \
                 remove it",
            ));
        }
    }
}

fn unused_router(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for name in ctx.mesh.routers.keys() {
        if ctx.graph.services_of_router(name).is_empty() {
            let address = Address::Router(name.clone());
            let message = format!("no service uses the router `{name}`");
            found.push(
                ctx.find(&UNUSED_ROUTER, &address, "", message)
                    .help(format!("add `router = \"{name}\"` to a service, or remove the router")),
            );
        }
    }
}

fn uncalled_service(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for name in ctx.mesh.services.keys() {
        if ctx.graph.callers(name).is_empty() {
            let address = Address::Service(name.clone());
            let message = format!("nothing calls `{name}`");
            found.push(
                ctx.find(&UNUSED_SERVICE, &address, "", message)
                    .help("list it in the `backends` of the nodes that call it"),
            );
        }
    }
}

fn gateway_without_routes(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, gateway) in &ctx.mesh.gateways {
        if gateway.routes.is_empty() {
            let address = Address::Gateway(name.clone());
            let message = format!("the gateway `{name}` has no routes");
            found.push(ctx.find(&IDLE_GATEWAY, &address, "", message).help(format!(
                "add a route: `[[virtual_gateway.{name}.routes]]` with `name` and `service`"
            )));
        }
    }
}

fn self_call(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let routers = ctx.graph.routers_of_node(name).iter();
        let routed = routers.flat_map(|router| ctx.graph.services_of_router(router));
        let served: Vec<_> = ctx.graph.services_of_node(name).iter().chain(routed).collect();
        for (at, backend) in node.backends.iter().enumerate() {
            let own = served.iter().any(|service| ***service == backend.service);
            if own && ctx.graph.nodes_behind(&backend.service).len() == 1 {
                let address = Address::Node(name.clone());
                let message =
                    format!("`{name}` calls `{}`, which leads only to itself", backend.service);
                found.push(
                    ctx.find(&SELF_CALL, &address, &format!("/backends/{at}/service"), message)
                        .help("name the service that is meant, or drop the backend"),
                );
            }
        }
    }
}

fn one_node(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, router) in &ctx.mesh.routers {
        let mut nodes: Vec<&NodeName> =
            router.routes.iter().flat_map(|r| r.targets.iter().map(|t| &t.node)).collect();
        nodes.dedup();
        let whole = router.routes.iter().all(|route| !route.targets.is_empty());
        if let ([one], true) = (nodes.as_slice(), whole && router.routes.len() > 1) {
            let address = Address::Router(name.clone());
            let message = format!("every route of `{name}` leads to `{one}`");
            found.push(
                ctx.find(&ONE_NODE, &address, "", message)
                    .help("fine if the routes differ in timeouts or retries; else one is enough"),
            );
        }
    }
}

fn shared_endpoints(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut first: BTreeMap<(String, u16), &NodeName> = BTreeMap::new();
    for (name, node) in &ctx.mesh.nodes {
        let Some(discovery) = &node.discovery else { continue };
        let places: Vec<String> = match discovery {
            Discovery::Dns(dns) => vec![dns.hostname.to_ascii_lowercase()],
            Discovery::Registry(registry) => vec![format!(
                "{}/{}/{:?}",
                registry.namespace, registry.service, registry.attributes
            )],
            Discovery::Static(addresses) => addresses.iter().map(ToString::to_string).collect(),
        };
        let mut shared: Option<(String, u16, &NodeName)> = None;
        for place in places {
            for listener in &node.listeners {
                let port = listener.port.get();
                match first.get(&(place.clone(), port)) {
                    Some(other) if *other != name => {
                        shared.get_or_insert((place.clone(), port, other));
                    }
                    Some(_) => {}
                    None => {
                        first.insert((place.clone(), port), name);
                    }
                }
            }
        }
        if let Some((place, port, other)) = shared {
            let shown = match discovery {
                Discovery::Registry(registry) => {
                    format!("{}/{}", registry.namespace, registry.service)
                }
                Discovery::Dns(_) | Discovery::Static(_) => place,
            };
            let message =
                format!("`{name}` and `{other}` are both found at `{shown}`, port {port}");
            let address = Address::Node(name.clone());
            let finding = ctx
                .find(&SHARED_ENDPOINTS, &address, "/discovery", message)
                .help("give each node its own host name, attributes or addresses");
            let text = format!("`{other}` is found here");
            found.push(ctx.also(finding, &Address::Node(other.clone()), "/discovery", text));
        }
    }
}

fn own_name(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let Some(Discovery::Dns(dns)) = &node.discovery else { continue };
        let own = ctx.graph.services_of_node(name).iter().copied();
        let routed = ctx.graph.routers_of_node(name).iter();
        let mut served =
            own.chain(routed.flat_map(|r| ctx.graph.services_of_router(r).iter().copied()));
        if let Some(service) = served.find(|s| s.as_str().eq_ignore_ascii_case(&dns.hostname)) {
            let address = Address::Node(name.clone());
            let message = format!("`{name}` is looked up by `{service}`, a service that it serves");
            let finding = ctx
                .find(&OWN_NAME, &address, "/discovery/dns/hostname", message)
                .help("give the node a host name of its own if the service has other nodes");
            let service = Address::Service(service.clone());
            found.push(ctx.also(finding, &service, "", "the service"));
        }
    }
}

fn unused_external(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for name in ctx.mesh.external_services.keys() {
        if ctx.graph.callers(name).is_empty() {
            let address = Address::Service(name.clone());
            let message = format!("nothing calls the external service `{name}`");
            found.push(
                ctx.find(&UNUSED_EXTERNAL, &address, "", message).help("remove the declaration"),
            );
        }
    }
}

fn several_owners(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let mut owners: BTreeMap<&str, &NodeName> = BTreeMap::new();
        for target in at.route.targets.iter().filter(|target| target.weight > 0) {
            let node = ctx.mesh.nodes.get(&target.node);
            if let Some(owner) = node.and_then(|node| node.owner.as_deref()) {
                owners.entry(owner).or_insert(&target.node);
            }
        }
        if owners.len() < 2 {
            continue;
        }
        let each: Vec<String> =
            owners.iter().map(|(owner, node)| format!("`{node}` is of `{owner}`")).collect();
        let message =
            format!("the route `{}` leads to several owners: {}", at.route.name, each.join(", "));
        let mut finding = ctx
            .find(&SEVERAL_OWNERS, &at.address(), "/targets", message)
            .help("let the owners agree on the weights, or give the nodes one owner");
        for (owner, node) in &owners {
            let address = Address::Node((*node).clone());
            finding = ctx.also(finding, &address, "/owner", format!("`{owner}`"));
        }
        found.push(finding);
    }
}
