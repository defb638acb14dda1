//! MC01xx: references to what does not exist, and places where one is missing.

use super::context::{Ctx, quoted};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostic, Diagnostics, nearest};
use crate::model::{Address, ServiceName};

/// A name that nothing has.
pub(super) const UNKNOWN_REFERENCE: Code = Code::error(
    "MC0101",
    "unknown-reference",
    "a reference to something that does not exist",
    "A backend, a target or a provider names a resource that no file defines. Envoy would take \
     the configuration and answer 503, so meshctl refuses it. Define the resource, mend the name, \
     or, if another project owns the service, declare it: `[external.virtual_service.\"NAME\"]`.",
);
/// A service that is called and that nothing provides.
pub(super) const NO_PROVIDER: Code = Code::warning(
    "MC0102",
    "called-service-without-provider",
    "a service that is called has no provider",
    "A virtual service without `node` and `router` is legal: it has no traffic yet. But a node or \
     gateway calls this one, and each call gets a 404 until it has a provider.",
);
/// A router that decides nothing.
pub(super) const NO_ROUTES: Code = Code::warning(
    "MC0103",
    "router-without-routes",
    "a router has no routes",
    "Every request to the services of this router gets a 404, because no route takes it. Add a \
     route, or remove the router.",
);
/// A route that sends nowhere.
const NO_TARGETS: Code = Code::error(
    "MC0104",
    "route-without-targets",
    "a route has no targets",
    "A route must say where its requests go: `targets = { NODE = WEIGHT }`. To take a node out of \
     service keep it with weight 0 beside another one.",
);
/// A name that is defined here and declared as someone else's.
const EXTERNAL_DEFINED: Code = Code::error(
    "MC0105",
    "external-also-defined",
    "a service is both defined and declared as external",
    "`[external.virtual_service.\"NAME\"]` says that another project owns the service; a \
     definition of the same name says that this one does. Only one of them can be true.",
);
/// One node twice in a split.
const DUPLICATE_TARGET: Code = Code::warning(
    "MC0106",
    "duplicate-target",
    "the same target stands twice in one route",
    "The shares of the two entries add up, which is hard to read and most often the rest of a \
     copy. Write the target once, with the weight that is meant.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&UNKNOWN_REFERENCE], unknown_reference as Check),
    Rule(&[&NO_PROVIDER], called_without_provider),
    Rule(&[&NO_ROUTES], router_without_routes),
    Rule(&[&NO_TARGETS], route_without_targets),
    Rule(&[&EXTERNAL_DEFINED], external_also_defined),
    Rule(&[&DUPLICATE_TARGET], duplicate_target),
];

/// So many findings get a suggestion.
const SUGGESTIONS: usize = 50;

/// The finding about a name that nothing has.
fn unknown<'n>(
    ctx: &Ctx<'_>,
    address: &Address,
    pointer: &str,
    (kind, table, name): (&str, &str, &str),
    known: impl Iterator<Item = &'n str>,
    found: &Diagnostics,
) -> Diagnostic {
    // Looking for near names costs a pass over all names. Where a whole file is missing, so that
    // thousands dangle, the first few suggestions say enough.
    let known = known.take(if found.len() < SUGGESTIONS { usize::MAX } else { 0 });
    let finding = ctx
        .find(&UNKNOWN_REFERENCE, address, pointer, format!("{}{name}`", no(kind)))
        .label("nothing has this name");
    // Services share their domain, so it is the first part that has to be near.
    let head = |name: &'n str| name.split('.').next().unwrap_or(name);
    let wrong_head = name.split('.').next().unwrap_or(name);
    let length = name.len();
    let known = known.filter(|known| {
        known.len().abs_diff(length) <= length / 3 + 1
            && nearest(wrong_head, [head(known)]).is_some()
    });
    finding.help(match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it under `[{table}.{}]`, or mend the name", key(name)),
    })
}

/// Whether a finding says that a name of this kind leads to nothing.
pub(super) fn is_unknown(finding: &Diagnostic, kind: &str) -> bool {
    finding.code.id == UNKNOWN_REFERENCE.id && finding.message.starts_with(&no(kind))
}

/// How a finding begins that a name of this kind leads to nothing.
fn no(kind: &str) -> String {
    format!("there is no {kind} `")
}

/// A name as a TOML key.
fn key(name: &str) -> String {
    if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() }
}

fn unknown_reference(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mesh = ctx.mesh;
    let exists = |service: &ServiceName| {
        mesh.services.contains_key(service)
            || mesh.external_services.contains_key(service)
            || ctx.broken.contains(&Address::Service(service.clone()))
    };
    let service = |address: &Address, pointer: &str, name: &ServiceName, found: &Diagnostics| {
        let known = mesh.services.keys().chain(mesh.external_services.keys());
        let what = ("virtual service", "virtual_service", name.as_str());
        unknown(ctx, address, pointer, what, known.map(ServiceName::as_str), found)
    };
    for (name, node) in &mesh.nodes {
        for (at, backend) in node.backends.iter().enumerate() {
            if !exists(&backend.service) {
                let pointer = format!("/backends/{at}/service");
                let address = Address::Node(name.clone());
                let finding = service(&address, &pointer, &backend.service, found);
                found.push(finding);
            }
        }
    }
    for at in ctx.gateway_routes() {
        if !exists(&at.route.service.name) {
            let finding = service(&at.address(), "/service/name", &at.route.service.name, found);
            found.push(finding);
        }
    }
    for (name, item) in &mesh.services {
        let address = Address::Service(name.clone());
        if let Some(router) = &item.router
            && !mesh.routers.contains_key(router)
            && !ctx.broken.contains(&Address::Router(router.clone()))
        {
            let what = ("virtual router", "virtual_router", router.as_str());
            let known = mesh.routers.keys().map(|name| name.as_str());
            let finding = unknown(ctx, &address, "/router", what, known, found);
            found.push(finding);
        }
        if let Some(node) = &item.node
            && !mesh.nodes.contains_key(node)
            && !ctx.broken.contains(&Address::Node(node.clone()))
        {
            let what = ("virtual node", "virtual_node", node.as_str());
            let known = mesh.nodes.keys().map(|name| name.as_str());
            let finding = unknown(ctx, &address, "/node", what, known, found);
            found.push(finding);
        }
    }
    for at in ctx.routes() {
        for (index, target) in at.route.targets.iter().enumerate() {
            if !mesh.nodes.contains_key(&target.node)
                && !ctx.broken.contains(&Address::Node(target.node.clone()))
            {
                let what = ("virtual node", "virtual_node", target.node.as_str());
                let known = mesh.nodes.keys().map(|name| name.as_str());
                let pointer = format!("/targets/{index}/node");
                let finding = unknown(ctx, &at.address(), &pointer, what, known, found);
                found.push(finding);
            }
        }
    }
}

fn called_without_provider(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, service) in &ctx.mesh.services {
        let callers = ctx.graph.callers(name);
        if service.node.is_some() || service.router.is_some() || callers.is_empty() {
            continue;
        }
        let address = Address::Service(name.clone());
        let mut finding = ctx
            .find(&NO_PROVIDER, &address, "", format!("nothing provides `{name}`"))
            .label("no `router` and no `node`")
            .help("add `router = \"…\"` or `node = \"…\"`");
        for caller in callers.iter().take(3) {
            let pointer = match caller {
                crate::graph::Caller::Node { at, .. } => format!("/backends/{at}/service"),
                crate::graph::Caller::Gateway { .. } => "/service/name".to_owned(),
            };
            let address = caller.address();
            finding = ctx.also(finding, &address, &pointer, format!("`{address}` calls it"));
        }
        found.push(finding);
    }
}

fn router_without_routes(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, router) in &ctx.mesh.routers {
        if router.routes.is_empty() {
            let address = Address::Router(name.clone());
            let services = ctx.graph.services_of_router(name);
            let message = if services.is_empty() {
                format!("the router `{name}` has no routes")
            } else {
                format!("the router `{name}` of {} has no routes", quoted(services))
            };
            found.push(ctx.find(&NO_ROUTES, &address, "", message).help(format!(
                "add a route: `[[virtual_router.{name}.routes]]` with `name` and `targets`"
            )));
        }
    }
}

fn route_without_targets(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        if at.route.targets.is_empty() {
            let message = format!("the route `{}` sends nowhere", at.route.name);
            found.push(
                ctx.find(&NO_TARGETS, &at.address(), "/targets", message)
                    .help("add `targets = { NODE = 1 }`"),
            );
        }
    }
}

fn external_also_defined(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for name in ctx.mesh.external_services.keys() {
        if ctx.mesh.services.contains_key(name) {
            let address = Address::Service(name.clone());
            let message = format!("`{name}` is defined here and declared as external");
            found.push(
                ctx.find(&EXTERNAL_DEFINED, &address, "", message)
                    .help(format!("remove `[external.virtual_service.\"{name}\"]` or this")),
            );
        }
    }
}

fn duplicate_target(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        // Targets are ordered by node and port, so equal ones are neighbours.
        for (index, pair) in at.route.targets.windows(2).enumerate() {
            if pair[0].node == pair[1].node && pair[0].port == pair[1].port {
                let address = at.address();
                let message = format!(
                    "the route `{}` names `{}` twice, with weights {} and {}",
                    at.route.name, pair[0].node, pair[0].weight, pair[1].weight
                );
                let pointer = format!("/targets/{}", index + 1);
                let finding =
                    ctx.find(&DUPLICATE_TARGET, &address, &pointer, message).help(format!(
                        "keep one, with weight {}",
                        pair[0].weight.saturating_add(pair[1].weight)
                    ));
                let pointer = format!("/targets/{index}");
                found.push(ctx.also(finding, &address, &pointer, "the first is here"));
            }
        }
    }
}
