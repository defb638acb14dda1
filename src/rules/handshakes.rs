//! MC06xx: whether both sides of a call accept what the other one shows. Only what was read is
//! compared: certificate files inside the project.

use super::certificate::CertificateFacts;
use super::certificates::{NOT_VALID, not_valid};
use super::context::{Ctx, listener_pointer};
use super::facts::TlsFiles;
use super::rejections::{
    CONSTRAINED, EXTENSION, KEY_KIND, Paths, USAGE, Words, accepts, cannot_sign, key_kind,
    not_loaded, of_authority, of_extension, of_leaf, usage,
};
use super::tls::{each_pair, offered, policy, policy_place, tls_for};
use super::verification::{Rejection, Side, Source, Why, verify};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::End;
use crate::model::{
    Address, ClientTls, HostnameMatch, Listener, ListenerTls, Patch, Trust, is_field,
};
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
     the chain. It does not, so every handshake fails and every request gets a 503. An authority in \
     the chain needs `CA:TRUE`, and any authority that limits its key usage `keyCertSign`. Of \
     certificates with one name the first is taken, of `trust` before those of the chain. To change \
     the authority, let clients trust both first.",
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
    Rule(
        &[
            &SERVER_NAME,
            &SERVER_AUTHORITY,
            &CLIENT_AUTHORITY,
            &CLIENT_NAME,
            &KEY_KIND,
            &USAGE,
            &EXTENSION,
            &CONSTRAINED,
        ],
        pairs as Check,
    ),
    Rule(&[&NO_EFFECT], without_effect),
    Rule(&[&GATEWAY_HOST], hosts),
];

/// One call by TLS, and where both sides stand.
struct Call<'c> {
    client: Address,
    /// A pointer to the client's `tls`.
    pointer: String,
    end: End<'c>,
    server: &'c ListenerTls,
}

fn pairs(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    // A gateway with many routes to one listener is reported once.
    let mut seen = BTreeSet::new();
    let mut calls = Calls { ctx, found, told: BTreeSet::new() };
    each_pair(ctx, |_, caller, end| {
        let Some(server) = offered(end) else { return };
        if has_other_tls(end.listener) {
            return;
        }
        let (client, place) = policy_place(caller);
        if !seen.insert((client.clone(), place.clone(), end.node.as_str(), end.at)) {
            return;
        }
        let call = Call { client, pointer: format!("{place}/tls"), end: *end, server };
        let tls = tls_for(policy(ctx, caller), end.listener.port);
        calls.toward_server(&call, tls);
        if let Some(tls) = tls {
            calls.toward_client(&call, tls);
        }
    });
}

/// Whether a patch replaces the TLS of a listener or of those who call it: what they accept is not
/// known then.
pub(super) fn has_other_tls(listener: &Listener) -> bool {
    replaces_tls(listener.patch.filter_chain.as_ref())
        || replaces_tls(listener.patch.cluster.as_ref())
}

/// Whether a patch replaces what makes TLS.
pub(super) fn replaces_tls(patch: Option<&Patch>) -> bool {
    let fields = ["transport_socket", "transport_socket_matches"];
    let mut keys = patch.and_then(Patch::as_object).into_iter().flat_map(|patch| patch.keys());
    keys.any(|key| fields.iter().any(|field| is_field(key, field)))
}

/// A certificate that one side shows to the other.
struct Shown<'s, 'c> {
    side: Side,
    call: &'s Call<'c>,
    chain: &'c [CertificateFacts],
    /// The path of the chain.
    path: &'c str,
    /// Where it is written.
    place: (Address, String),
    /// What the other side trusts, and where that is written.
    trust: Option<&'c Trust>,
    trust_place: (Address, String),
}

struct Calls<'l, 'c> {
    ctx: &'l Ctx<'c>,
    found: &'l mut Diagnostics,
    /// What is wrong with a certificate whoever the other side is, by code, place and file.
    told: BTreeSet<(&'static str, Address, String, String)>,
}

impl<'c> Calls<'_, 'c> {
    fn files(&self) -> &'c TlsFiles {
        self.ctx.tls
    }

    fn toward_server(&mut self, call: &Call<'c>, tls: Option<&'c ClientTls>) {
        let certificate = &call.server.certificate;
        let Some((chain, file)) = self.files().chain(certificate).zip(certificate.file()) else {
            return;
        };
        let node = Address::Node(call.end.node.clone());
        let place = (node, listener_pointer(call.end.at, "tls/certificate"));
        let Some(leaf) = chain.first().filter(|leaf| not_loaded(leaf).is_none()) else { return };
        let shown = Shown {
            side: Side::Server,
            call,
            chain,
            path: &file.chain,
            place,
            trust: tls.map(|tls| &tls.validation.trust),
            trust_place: (call.client.clone(), format!("{}/validation/trust", call.pointer)),
        };
        self.certificate(leaf, &shown);
        if let Some((tls, peer)) = tls.zip(self.ctx.mesh.nodes.get(call.end.node)) {
            self.server_name(leaf, &shown, tls, &expected_names(tls, peer));
        }
    }

    fn toward_client(&mut self, call: &Call<'c>, tls: &'c ClientTls) {
        let Some(validation) = &call.server.validation else { return };
        let Some(certificate) = &tls.certificate else { return };
        let Some((chain, file)) = self.files().chain(certificate).zip(certificate.file()) else {
            return;
        };
        let Some(leaf) = chain.first().filter(|leaf| not_loaded(leaf).is_none()) else { return };
        let node = Address::Node(call.end.node.clone());
        let shown = Shown {
            side: Side::Client,
            call,
            chain,
            path: &file.chain,
            place: (call.client.clone(), format!("{}/certificate", call.pointer)),
            trust: Some(&validation.trust),
            trust_place: (node, listener_pointer(call.end.at, "tls/validation/trust")),
        };
        self.certificate(leaf, &shown);
        self.client_name(leaf, &shown, &validation.subject_alternative_names);
    }

    /// Whether the other side accepts what is shown, but for its names.
    fn certificate(&mut self, leaf: &CertificateFacts, shown: &Shown<'_, 'c>) {
        if !accepts(leaf.kind, shown.side) {
            self.own(shown, key_kind(leaf, shown.path, shown.side));
        }
        let unsigned = cannot_sign(leaf);
        if unsigned {
            self.own(shown, usage(leaf, shown.path, shown.side));
        }
        let Some(trust) = shown.trust else { return };
        let (Some(bundle), Some(trusted)) = (self.files().authorities(trust), trust.file()) else {
            if let Some(words) = of_leaf(leaf, shown.path, shown.side).filter(|_| !unsigned) {
                self.own(shown, words);
            }
            return;
        };
        let now = self.files().now;
        let Err(Rejection { why, source }) = verify(shown.chain, bundle, shown.side, now) else {
            return;
        };
        let paths = Paths { chain: shown.path, trust: trusted };
        if let Some(words) = of_extension(&why, source, paths) {
            return match source {
                Source::Chain(_) => self.own(shown, words),
                Source::Trust(_) => self.other(shown, words),
            };
        }
        match (&why, source) {
            (Why::Purpose, Source::Chain(0)) if unsigned => {}
            (Why::Purpose, Source::Chain(0)) => {
                self.own(shown, usage(leaf, shown.path, shown.side));
            }
            // What a file says by itself is reported with the file.
            (Why::Dates, Source::Chain(0)) => {}
            (Why::Dates, Source::Trust(_)) if !bundle.iter().any(|it| it.is_valid_at(now)) => {}
            (Why::Dates, source) => {
                let all = match source {
                    Source::Chain(_) => shown.chain,
                    Source::Trust(_) => bundle,
                };
                let (Source::Chain(at) | Source::Trust(at)) = source;
                let Some(facts) = all.get(at) else { return };
                let message = not_valid(facts, &paths.name(source), now);
                let help = "renew it, and the certificates below it if its key changes".to_owned();
                let words = Words { code: &NOT_VALID, message, help };
                match source {
                    Source::Chain(_) => self.own(shown, words),
                    Source::Trust(_) => self.other(shown, words),
                }
            }
            _ => self.authority(shown, of_authority(&why, source, paths, shown.side)),
        }
    }

    /// Reports what is wrong with a certificate, once for all who meet it.
    fn own(&mut self, shown: &Shown<'_, '_>, words: Words) {
        let (address, pointer) = &shown.place;
        let key = (words.code.id, address.clone(), pointer.clone(), words.message.clone());
        if self.told.insert(key) {
            let pointer = format!("{pointer}/file/chain");
            let finding = self.ctx.find(words.code, address, &pointer, words.message);
            self.found.push(finding.help(words.help));
        }
    }

    /// Reports what is wrong with a certificate for one who trusts something else.
    fn other(&mut self, shown: &Shown<'_, '_>, words: Words) {
        let (address, pointer) = &shown.trust_place;
        let finding = self.ctx.find(words.code, address, pointer, words.message).help(words.help);
        let (address, pointer) = &shown.place;
        let text = format!("the {}'s certificate", shown.side.as_str());
        self.found.push(self.ctx.also(finding, address, pointer, text));
    }

    fn authority(&mut self, shown: &Shown<'_, '_>, (why, help): (String, &str)) {
        let Call { client, end, .. } = shown.call;
        let finding = match shown.side {
            Side::Server => {
                let message = match why.as_str() {
                    "" => format!(
                        "`{client}` does not trust the authority that signed the certificate of `{}`",
                        end.node
                    ),
                    why => {
                        format!(
                            "`{client}` does not trust the certificate of `{}`: {why}",
                            end.node
                        )
                    }
                };
                let help = match help {
                    "" => {
                        "add that authority to `trust`, or let a trusted one sign the certificate"
                    }
                    help => help,
                };
                let (address, pointer) = &shown.trust_place;
                let finding =
                    self.ctx.find(&SERVER_AUTHORITY, address, pointer, message).help(help);
                let (address, pointer) = &shown.place;
                self.ctx.also(finding, address, pointer, "the server's certificate")
            }
            Side::Client => {
                let because = if why.is_empty() { why } else { format!(": {why}") };
                let message =
                    format!("`{}` does not trust the certificate of `{client}`{because}", end.node);
                let help = match help {
                    "" => {
                        "let an authority sign it that the listener trusts, or add that authority \
                           there"
                    }
                    help => help,
                };
                let (address, pointer) = &shown.place;
                let finding =
                    self.ctx.find(&CLIENT_AUTHORITY, address, pointer, message).help(help);
                let (address, pointer) = &shown.trust_place;
                self.ctx.also(finding, address, pointer, "what the listener trusts")
            }
        };
        self.found.push(finding);
    }

    fn server_name(
        &mut self,
        leaf: &CertificateFacts,
        shown: &Shown<'_, '_>,
        tls: &ClientTls,
        names: &[String],
    ) {
        if names.is_empty() || names.iter().any(|name| leaf.has_name(name)) {
            return;
        }
        let call = shown.call;
        let message = format!(
            "`{}` expects {}, and the certificate of `{}` has {}",
            call.client,
            super::context::quoted(names),
            call.end.node,
            leaf.shown_names()
        );
        let (field, help) = match tls.validation.subject_alternative_names.is_empty() {
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
        let finding = self.ctx.find(&SERVER_NAME, &call.client, &pointer, message).help(help);
        let (address, pointer) = &shown.place;
        self.found.push(self.ctx.also(finding, address, pointer, "the server's certificate"));
    }

    fn client_name(&mut self, leaf: &CertificateFacts, shown: &Shown<'_, '_>, names: &[String]) {
        if names.is_empty() || names.iter().any(|name| leaf.has_name(name)) {
            return;
        }
        let Call { client, end, .. } = shown.call;
        let message = format!(
            "`{}` does not accept `{client}`, whose certificate has {}",
            end.node,
            leaf.shown_names()
        );
        let help =
            "add the name to the listener's `subject_alternative_names`, or remove the backend";
        let (address, pointer) = &shown.place;
        let finding = self.ctx.find(&CLIENT_NAME, address, pointer, message).help(help);
        let address = Address::Node(end.node.clone());
        let pointer = listener_pointer(end.at, "tls/validation/subject_alternative_names");
        let text = "the names that the listener accepts";
        self.found.push(self.ctx.also(finding, &address, &pointer, text));
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
        // Clients leave out the root dot.
        if leaf.has_name(host.strip_suffix('.').unwrap_or(host))
            || !seen.insert((at.gateway_name, listener.port, host))
        {
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
