//! MC06xx: whether both sides of a call accept what the other one shows. Only what was read is
//! compared: certificate files inside the project.

use super::context::{Ctx, listener_pointer};
use super::facts::leads_to;
use super::tls::{each_pair, offered, policy, policy_place, tls_for};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::End;
use crate::model::{Address, ClientTls, HostnameMatch, ListenerTls};
use crate::traffic::expected_names;
use std::collections::{BTreeMap, BTreeSet};

/// A server that its client does not take for itself.
const SERVER_NAME: Code = Code::error(
    "MC0616",
    "server-name-not-in-certificate",
    "a server's certificate has none of the names that its client expects",
    "A client accepts a server's certificate if one of its subject alternative names is among the \
     policy's `subject_alternative_names`, or, where these are not written, is the name by which \
     the node is discovered. The common name is not looked at. Otherwise every handshake fails and \
     every request gets a 503.",
);
/// A server of another authority.
const SERVER_AUTHORITY: Code = Code::error(
    "MC0617",
    "server-certificate-not-trusted",
    "a server's certificate is not signed by an authority that its client trusts",
    "The server's chain must lead to a certificate of the client's `trust`, by the certificates in \
     the chain. It does not, so every handshake fails and every request gets a 503. To change the \
     authority, let clients trust both first.",
);
/// A client of another authority.
const CLIENT_AUTHORITY: Code = Code::warning(
    "MC0618",
    "client-certificate-not-trusted",
    "a client's certificate is not signed by an authority that the server trusts",
    "The listener asks for a client certificate, and this client's does not lead to a certificate \
     of the listener's `trust`. Its handshakes fail. If the client is meant to be kept out, remove \
     its backend.",
);
/// A client that is not on the list.
const CLIENT_NAME: Code = Code::warning(
    "MC0619",
    "client-name-not-accepted",
    "a client's certificate has none of the names that the server accepts",
    "The listener's `subject_alternative_names` list which clients may call, and this client's \
     certificate has none of these names. Its handshakes fail. If the client is meant to be kept \
     out, remove its backend.",
);
/// A permission that nothing uses.
const NO_EFFECT: Code = Code::info(
    "MC0626",
    "enforce-without-effect",
    "`enforce = false` where every listener behind the policy has TLS",
    "A caller speaks TLS wherever the listener offers it. `enforce = false` only lets it fall back to \
     plain text where a listener has none, and here every listener has TLS. As it stands, the line \
     changes nothing today and turns a listener that loses its TLS into plain text without a \
     failure.",
);
/// A host that clients will not accept.
const GATEWAY_HOST: Code = Code::warning(
    "MC0627",
    "host-not-in-gateway-certificate",
    "a gateway serves a host that its certificate does not name",
    "Clients compare the host that they call with the names in the certificate. They reject this \
     host, unless something in front of the gateway ends their TLS.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&SERVER_NAME, &SERVER_AUTHORITY, &CLIENT_AUTHORITY, &CLIENT_NAME], pairs as Check),
    Rule(&[&NO_EFFECT], without_effect),
    Rule(&[&GATEWAY_HOST], hosts),
];

/// One call by TLS, and where both sides stand.
struct Call<'c> {
    client: Address,
    /// A pointer to the client's `tls`.
    pointer: String,
    tls: &'c ClientTls,
    end: End<'c>,
    server: &'c ListenerTls,
}

fn pairs(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    // A gateway with many routes to one listener is reported once.
    let mut seen = BTreeSet::new();
    each_pair(ctx, |_, caller, end| {
        let Some(tls) = tls_for(policy(ctx, caller), end.listener.port) else { return };
        let Some(server) = offered(end) else { return };
        let (client, place) = policy_place(caller);
        if !seen.insert((client.clone(), place.clone(), end.node.as_str(), end.at)) {
            return;
        }
        let call = Call { client, pointer: format!("{place}/tls"), tls, end: *end, server };
        toward_server(ctx, &call, found);
        toward_client(ctx, &call, found);
    });
}

fn toward_server(ctx: &Ctx<'_>, call: &Call<'_>, found: &mut Diagnostics) {
    let Some(chain) = ctx.tls.chain(&call.server.certificate) else { return };
    let node = Address::Node(call.end.node.clone());
    let shown = listener_pointer(call.end.at, "tls/certificate");
    let validation = &call.tls.validation;
    if let Some(bundle) = ctx.tls.authorities(&validation.trust)
        && !leads_to(chain, bundle)
    {
        let message = format!(
            "`{}` does not trust the authority that signed the certificate of `{}`",
            call.client, call.end.node
        );
        let pointer = format!("{}/validation/trust", call.pointer);
        let finding = ctx
            .find(&SERVER_AUTHORITY, &call.client, &pointer, message)
            .help("add that authority to `trust`, or let a trusted one sign the certificate");
        found.push(ctx.also(finding, &node, &shown, "the server's certificate"));
    }
    let Some((leaf, peer)) = chain.first().zip(ctx.mesh.nodes.get(call.end.node)) else { return };
    let names = expected_names(call.tls, peer);
    if !names.is_empty() && !names.iter().any(|name| leaf.has_name(name)) {
        let message = format!(
            "`{}` expects {}, and the certificate of `{}` has {}",
            call.client,
            super::context::quoted(&names),
            call.end.node,
            leaf.shown_names()
        );
        let (field, help) = match validation.subject_alternative_names.is_empty() {
            true => (
                "validation",
                "write `subject_alternative_names` with a name of the certificate, or issue it for \
                 the discovery name",
            ),
            false => (
                "validation/subject_alternative_names",
                "name one that the certificate has, or issue it for this name",
            ),
        };
        let pointer = format!("{}/{field}", call.pointer);
        let finding = ctx.find(&SERVER_NAME, &call.client, &pointer, message).help(help);
        found.push(ctx.also(finding, &node, &shown, "the server's certificate"));
    }
}

fn toward_client(ctx: &Ctx<'_>, call: &Call<'_>, found: &mut Diagnostics) {
    let Some(validation) = &call.server.validation else { return };
    let Some(chain) = call.tls.certificate.as_ref().and_then(|own| ctx.tls.chain(own)) else {
        return;
    };
    let node = Address::Node(call.end.node.clone());
    let pointer = format!("{}/certificate", call.pointer);
    let mut report = |code, message, field: &str, help: &str, text| {
        let finding = ctx.find(code, &call.client, &pointer, message).help(help);
        let asks = listener_pointer(call.end.at, &format!("tls/validation/{field}"));
        found.push(ctx.also(finding, &node, &asks, text));
    };
    if let Some(bundle) = ctx.tls.authorities(&validation.trust)
        && !leads_to(chain, bundle)
    {
        let message =
            format!("`{}` does not trust the certificate of `{}`", call.end.node, call.client);
        let help = "let an authority sign it that the listener trusts, or add that authority there";
        report(&CLIENT_AUTHORITY, message, "trust", help, "what the listener trusts");
    }
    let names = &validation.subject_alternative_names;
    let Some(leaf) = chain.first() else { return };
    if !names.is_empty() && !names.iter().any(|name| leaf.has_name(name)) {
        let message = format!(
            "`{}` does not accept `{}`, whose certificate has {}",
            call.end.node,
            call.client,
            leaf.shown_names()
        );
        let help =
            "add the name to the listener's `subject_alternative_names`, or remove the backend";
        let text = "the names that the listener accepts";
        report(&CLIENT_NAME, message, "subject_alternative_names", help, text);
    }
}

fn without_effect(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut lenient: BTreeMap<(Address, String), bool> = BTreeMap::new();
    each_pair(ctx, |_, caller, end| {
        if tls_for(policy(ctx, caller), end.listener.port).is_some_and(|tls| !tls.enforce) {
            *lenient.entry(policy_place(caller)).or_insert(true) &= offered(end).is_some();
        }
    });
    for ((address, place), needless) in lenient {
        if needless {
            let message = format!("`enforce = false` of `{address}` changes nothing");
            found.push(
                ctx.find(&NO_EFFECT, &address, &format!("{place}/tls/enforce"), message)
                    .help("remove it: `enforce` is true unless written"),
            );
        }
    }
}

fn hosts(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut seen = BTreeSet::new();
    for at in ctx.gateway_routes() {
        let Some(listener) = at.gateway.listener_of(&at.route.matches) else { continue };
        let Some(tls) = listener.tls.as_ref().filter(|tls| tls.is_on()) else {
            continue;
        };
        let Some(HostnameMatch::Exact(host)) = &at.route.matches.hostname else { continue };
        let Some(leaf) = ctx.tls.chain(&tls.certificate).and_then(<[_]>::first) else { continue };
        if leaf.has_name(host) || !seen.insert((at.gateway_name, listener.port, host)) {
            continue;
        }
        let message = format!(
            "the certificate of `{}` has {}, not `{host}`",
            at.gateway_name,
            leaf.shown_names()
        );
        let finding = ctx
            .find(&GATEWAY_HOST, &at.address(), "/match/hostname", message)
            .help("issue the certificate for this host too");
        let gateway = Address::Gateway(at.gateway_name.clone());
        found.push(ctx.also(finding, &gateway, "/listeners", "the listener"));
    }
}
