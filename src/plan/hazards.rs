//! MC08xx: findings about a change as a whole. They do not stop a plan, but for another mesh.

use super::{Action, Change, Input, PlannedStep, codes, policy};
use crate::compile::reach_of;
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::envoy::ProxyId;
use crate::graph::Graph;
use crate::model::{Address, ClientPolicy, ClientTls, Listener, ListenerTls, Mesh, TlsMode};
use crate::revision::{Object, canonical_json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Looks at a change; the desired mesh is that after the plan.
pub(super) fn find(
    input: &Input<'_>,
    desired: &Mesh,
    changes: &[Change],
    steps: &[PlannedStep],
) -> Diagnostics {
    let mut found = Diagnostics::default();
    policy::find(input, desired, changes, steps, &mut found);
    other_mesh(input, &mut found);
    renamed(input, changes, &mut found);
    in_place(input, desired, changes, &mut found);
    found
}

/// A finding about a resource, at its place in the files if there is one.
pub(super) fn finding(
    input: &Input<'_>,
    code: &'static Code,
    address: &Address,
    pointer: &str,
    message: String,
) -> Diagnostic {
    let diagnostic = Diagnostic::unplaced(code, message).about(address);
    let loc = input.places.and_then(|places| places.origins.find(address, pointer));
    match loc {
        Some(loc) => diagnostic.at(loc, ""),
        None => diagnostic,
    }
}

fn other_mesh(input: &Input<'_>, found: &mut Diagnostics) {
    let (live, desired) = (&input.live.mesh.settings.name, &input.desired.settings.name);
    if input.live.revision.is_some() && live != desired {
        let message = format!("the target holds the mesh `{live}`, the files define `{desired}`");
        found.push(
            finding(input, &codes::OTHER_MESH, &Address::Mesh, "/name", message)
                .help("use another target, or give the mesh its name back"),
        );
    }
}

/// A delete and a create of the same content are most often one thing with another name.
fn renamed(input: &Input<'_>, changes: &[Change], found: &mut Diagnostics) {
    let key = |address: &Address, object: Option<&Object>| {
        let mut value = object?.value();
        let map = value.as_object_mut()?;
        map.remove("name");
        (!map.is_empty()).then(|| (address.kind(), canonical_json(&value)))
    };
    let mut removed: BTreeMap<_, Vec<&Address>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.action == Action::Delete) {
        if let Some(key) = key(&change.address, change.before.as_ref()) {
            removed.entry(key).or_default().push(&change.address);
        }
    }
    if removed.is_empty() {
        return;
    }
    for change in changes.iter().filter(|change| change.action == Action::Create) {
        let twins = key(&change.address, change.after.as_ref())
            .and_then(|key| removed.get_mut(&key).filter(|twins| !twins.is_empty()));
        if let Some(twins) = twins {
            let message = format!("`{}` looks like `{}` renamed", change.address, twins.remove(0));
            found.push(
                finding(input, &codes::RENAMED, &change.address, "", message).help(
                    "nothing need be done: the steps add the one before they remove the other",
                ),
            );
        }
    }
}

/// What cannot be changed under those who use it without both sides changing at one instant.
fn in_place(input: &Input<'_>, desired: &Mesh, changes: &[Change], found: &mut Diagnostics) {
    let mut graph = None;
    for change in changes.iter().filter(|change| change.action == Action::Update) {
        let Address::Node(name) = &change.address else { continue };
        let live = input.live.mesh.nodes.get(name);
        let (Some(live), Some(node)) = (live, desired.nodes.get(name)) else { continue };
        if live.listeners == node.listeners {
            continue;
        }
        let graph = graph.get_or_insert_with(|| Graph::new(&input.live.mesh));
        if graph.users(&change.address).is_empty() {
            continue;
        }
        for (at, listener) in node.listeners.iter().enumerate() {
            if let Some(was) = live.listener(listener.port) {
                changed_listener(input, &change.address, at, was, listener, found);
                authority(input, desired, &change.address, at, (was, listener), found);
            }
        }
    }
}

/// Both ends of a TLS connection changing together: what one shows, and what the other believes.
fn authority(
    input: &Input<'_>,
    desired: &Mesh,
    address: &Address,
    at: usize,
    (was, is): (&Listener, &Listener),
    found: &mut Diagnostics,
) {
    let (Some(before), Some(after)) = (&was.tls, &is.tls) else { return };
    let believed = |tls: &ListenerTls| tls.validation.as_ref().map(|v| v.trust.clone());
    let shows_another = before.certificate != after.certificate;
    let believes_another = believed(before) != believed(after);
    if !shows_another && !believes_another {
        return;
    }
    let callers = reach_of(&input.live.mesh, &BTreeSet::from([address]));
    for caller in callers.iter().filter(|caller| caller.address() != *address) {
        let (then, now) = (client_tls(&input.live.mesh, caller), client_tls(desired, caller));
        if now.is_empty() {
            continue;
        }
        let differ = |part: fn(&ClientTls) -> Value| {
            let parts = |all: &[&ClientTls]| all.iter().map(|tls| part(tls)).collect::<Vec<_>>();
            parts(&then) != parts(&now)
        };
        let (pointer, shown, believing) = if shows_another && differ(|tls| json!(tls.validation)) {
            ("certificate", address.clone(), caller.address())
        } else if believes_another && differ(|tls| json!(tls.certificate)) {
            ("validation", caller.address(), address.clone())
        } else {
            continue;
        };
        let message = format!(
            "the certificate of `{shown}` and what `{believing}` trusts change together, on port {}",
            is.port
        );
        let pointer = format!("/listeners/{at}/tls/{pointer}");
        let finding = finding(input, &codes::TRUST_WITH_CERTIFICATE, address, &pointer, message);
        found.push(finding.help(
            "trust a bundle of both authorities first, then change the certificate, then take the \
             old authority out: a plan each",
        ));
        // One caller shows it; the others are no other problem.
        return;
    }
}

/// The TLS settings with which a proxy calls, in the order of its backends.
fn client_tls<'a>(mesh: &'a Mesh, proxy: &ProxyId) -> Vec<&'a ClientTls> {
    let policies: Vec<&ClientPolicy> = match proxy {
        ProxyId::Node(name) => mesh.nodes.get(name).map_or_else(Vec::new, |node| {
            let own = node.backends.iter().filter_map(|backend| backend.client_policy.as_ref());
            own.chain(&node.backend_defaults.client_policy).collect()
        }),
        ProxyId::Gateway(name) => {
            let gateway = mesh.gateways.get(name);
            gateway.and_then(|g| g.backend_defaults.client_policy.as_ref()).into_iter().collect()
        }
    };
    policies.into_iter().filter_map(|policy| policy.tls.as_ref()).collect()
}

fn changed_listener(
    input: &Input<'_>,
    address: &Address,
    at: usize,
    was: &Listener,
    is: &Listener,
    found: &mut Diagnostics,
) {
    let port = is.port;
    if was.protocol != is.protocol {
        let message = format!(
            "`{address}` changes port {port} from {} to {} while it is in use",
            was.protocol, is.protocol
        );
        let pointer = format!("/listeners/{at}/protocol");
        found.push(finding(input, &codes::PROTOCOL_IN_PLACE, address, &pointer, message).help(
            "give the new protocol a port of its own, move the callers to it, then remove the old \
             port",
        ));
    }
    let mode = |tls: Option<&ListenerTls>| tls.map_or(TlsMode::Disabled, |tls| tls.mode);
    let (before, after) = (mode(was.tls.as_ref()), mode(is.tls.as_ref()));
    if before == TlsMode::Disabled && after == TlsMode::Strict {
        let message =
            format!("`{address}` goes from plain text to strict TLS on port {port} at once");
        let pointer = format!("/listeners/{at}/tls/mode");
        found.push(finding(input, &codes::STRICT_AT_ONCE, address, &pointer, message).help(
            "apply it with mode = \"permissive\" first, then with \"strict\": callers of \
                 another pace go on meanwhile",
        ));
    }
    if was.health_check.is_none() && is.health_check.is_some() {
        let message = format!("`{address}` gets a health check on port {port} while it is in use");
        let pointer = format!("/listeners/{at}/health_check");
        found.push(
            finding(input, &codes::HEALTH_CHECK_IN_PLACE, address, &pointer, message)
                .help("make sure that the probe is answered before it decides about traffic"),
        );
    }
}
