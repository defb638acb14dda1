//! Findings that follow from others are left out: what is wrong with a resource that was read in
//! part, and what is computed from routes and references that are known to be wrong.

use super::context::Ctx;
use super::{Rule, references, rewrites, shadowing, usage, weights};
use crate::diag::{Code, Diagnostic, Diagnostics, Severity};
use crate::model::{Address, RouterName, ServiceName};
use std::collections::BTreeSet;

/// Keeps the findings that hold whatever becomes of the others.
pub(super) fn leave_out(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let errors = |taints: fn(&Diagnostic) -> bool| -> BTreeSet<Address> {
        let errors = found.iter().filter(|found| found.severity == Severity::Error);
        let errors = errors.filter(|found| !is_computed(found) && taints(found));
        let all = errors.filter_map(address).chain(ctx.broken.iter().cloned());
        all.flat_map(|address| concerned(ctx, &address)).collect()
    };
    let wrong = errors(|_| true);
    // Which route takes a request does not depend on where routes send it.
    let wrong_matches = errors(|found| !is_of(found, &[references::RULES, weights::RULES]));
    let unknown = |kind| found.iter().any(|found| references::is_unknown(found, kind));
    // What nothing seems to use may be what a name that leads to nothing is meant for.
    let mut meant: Vec<&Code> = Vec::new();
    if unknown("virtual node") {
        meant.push(&usage::UNREACHED_NODE);
    }
    if unknown("virtual router") {
        meant.push(&usage::UNUSED_ROUTER);
    }
    if unknown("virtual service") {
        meant.extend([&usage::UNUSED_SERVICE, &usage::UNUSED_EXTERNAL]);
    }
    found.retain_mut(|finding| {
        let Some(address) = address(finding) else { return true };
        if may_be_there(ctx, finding)
            || is(finding, &meant)
            || (ctx.incomplete && is_computed(finding))
        {
            return false;
        }
        if is_computed(finding) {
            let by_match = is_of(finding, &[shadowing::RULES]);
            let wrong = if by_match { &wrong_matches } else { &wrong };
            return concerned(ctx, &address).is_disjoint(wrong);
        }
        // What a resource names it names, whatever else is wrong with it.
        finding.code.id == references::UNKNOWN_REFERENCE.id || !ctx.broken.contains(&address)
    });
}

fn address(finding: &Diagnostic) -> Option<Address> {
    finding.address.as_ref()?.parse().ok()
}

/// Whether a finding is computed from whole tables of routes.
fn is_computed(finding: &Diagnostic) -> bool {
    is_of(finding, &[rewrites::RULES, shadowing::RULES])
}

/// Whether a finding is of one of these families.
fn is_of(finding: &Diagnostic, families: &[&[Rule]]) -> bool {
    let codes = families.iter().copied().flatten().flat_map(|rule| rule.0.iter());
    codes.into_iter().any(|code| code.id == finding.code.id)
}

/// Whether a finding says that something is missing which may be in what was not read.
fn may_be_there(ctx: &Ctx<'_>, finding: &Diagnostic) -> bool {
    let absent = [
        &references::UNKNOWN_REFERENCE,
        &references::NO_PROVIDER,
        &references::NO_ROUTES,
        &usage::IDLE_GATEWAY,
    ];
    // Also a resource that was read in part may name what nothing else does.
    (ctx.incomplete && is(finding, &absent))
        || ((ctx.incomplete || !ctx.broken.is_empty()) && is_unused(finding))
}

fn is(finding: &Diagnostic, codes: &[&Code]) -> bool {
    codes.iter().any(|code| code.id == finding.code.id)
}

/// Whether a finding says that nothing uses a resource.
fn is_unused(finding: &Diagnostic) -> bool {
    is(
        finding,
        &[
            &usage::UNREACHED_NODE,
            &usage::UNUSED_ROUTER,
            &usage::UNUSED_SERVICE,
            &usage::UNUSED_EXTERNAL,
        ],
    )
}

/// The services, routers and gateways whose requests a resource has a part in.
fn concerned(ctx: &Ctx<'_>, address: &Address) -> BTreeSet<Address> {
    let mut all = BTreeSet::new();
    match address {
        Address::Mesh => {}
        Address::Service(name) => service(ctx, name, &mut all),
        Address::Router(name) | Address::Route(name, _) => router(ctx, name, &mut all),
        Address::Gateway(name) => {
            all.insert(address.clone());
            let routes = ctx.mesh.gateways.get(name).into_iter().flat_map(|it| &it.routes);
            routes.for_each(|route| service(ctx, &route.service.name, &mut all));
        }
        Address::GatewayRoute(gateway, route) => {
            all.insert(Address::Gateway(gateway.clone()));
            let routes = ctx.mesh.gateways.get(gateway).into_iter().flat_map(|it| &it.routes);
            let routes = routes.filter(|it| it.name == *route);
            routes.for_each(|route| service(ctx, &route.service.name, &mut all));
        }
        Address::Node(name) => {
            let backends = ctx.mesh.nodes.get(name).into_iter().flat_map(|node| &node.backends);
            backends.for_each(|backend| service(ctx, &backend.service, &mut all));
            for name in ctx.graph.services_of_node(name) {
                service(ctx, name, &mut all);
            }
        }
    }
    all
}

fn service(ctx: &Ctx<'_>, name: &ServiceName, all: &mut BTreeSet<Address>) {
    all.insert(Address::Service(name.clone()));
    if let Some(router) = ctx.mesh.services.get(name).and_then(|it| it.router.as_ref()) {
        all.insert(Address::Router(router.clone()));
    }
}

fn router(ctx: &Ctx<'_>, name: &RouterName, all: &mut BTreeSet<Address>) {
    all.insert(Address::Router(name.clone()));
    for name in ctx.graph.services_of_router(name) {
        all.insert(Address::Service((*name).clone()));
    }
}
