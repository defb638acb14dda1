//! MC06xx: what clients outside of the mesh make of a listener's certificate: of a gateway's, and of
//! a node's that no proxy of the mesh calls by TLS. What proxies of the mesh make of one is judged
//! call by call.

use super::certificate::{CertificateFacts, KeyKind};
use super::certificates::{NOT_VALID, not_valid};
use super::context::{Ctx, listener_pointer};
use super::handshakes::{has_other_tls, replaces_tls};
use super::rejections::{Paths, Words, accepts, cannot_sign, not_loaded, of_leaf};
use super::tls::{each_pair, offered};
use super::verification::{Side, Source};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, ListenerTls};
use std::collections::BTreeSet;

/// A certificate that depends on the client.
const FEW_CLIENTS: Code = Code::warning(
    "MC0629",
    "certificate-rejected-by-some-clients",
    "a listener's certificate is one that some clients reject",
    "No proxy of the mesh calls this listener by TLS, so who its clients are is not known. Browsers \
     and other clients of BoringSSL's kind, Envoys among them, reject P-521 and Ed25519 keys of \
     servers, and RSA keys whose key usage lacks `digitalSignature`; Envoys reject P-384 keys too, \
     which is reported for listeners of nodes. OpenSSL accepts all of them.",
);

pub(super) const RULES: &[Rule] = &[Rule(&[&FEW_CLIENTS], listeners as Check)];

fn listeners(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    if ctx.tls.certificates.is_empty() {
        return;
    }
    let mut called = BTreeSet::new();
    each_pair(ctx, |_, _, end| {
        if offered(end).is_some() {
            called.insert((end.node, end.at));
        }
    });
    let mut told = BTreeSet::new();
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            let patched = replaces_tls(listener.patch.filter_chain.as_ref());
            if let Some(tls) = listener.tls.as_ref().filter(|_| !patched) {
                look(ctx, &Address::Gateway(name.clone()), at, tls, &mut told, found);
            }
        }
    }
    for place in ctx.listeners() {
        let Some(tls) = &place.listener.tls else { continue };
        let known = called.contains(&(place.node_name, place.at));
        if known || !place.node.proxy || has_other_tls(place.listener) {
            continue;
        }
        look(ctx, &place.address(), place.at, tls, &mut told, found);
    }
}

fn look(
    ctx: &Ctx<'_>,
    address: &Address,
    at: usize,
    tls: &ListenerTls,
    told: &mut BTreeSet<(&'static str, String)>,
    found: &mut Diagnostics,
) {
    let Some((chain, file)) = ctx.tls.chain(&tls.certificate).zip(tls.certificate.file()) else {
        return;
    };
    let Some(leaf) = chain.first().filter(|leaf| tls.is_on() && not_loaded(leaf).is_none()) else {
        return;
    };
    let path = &file.chain;
    let gateway = matches!(address, Address::Gateway(_));
    let words = [
        of_leaf(leaf, path, Side::Server).or_else(|| some_clients(leaf, path, gateway)),
        ended(chain, path, ctx.tls.now),
    ];
    for Words { code, message, help } in words.into_iter().flatten() {
        if told.insert((code.id, message.clone())) {
            let pointer = listener_pointer(at, "tls/certificate/file/chain");
            found.push(ctx.find(code, address, &pointer, message).help(help));
        }
    }
}

fn some_clients(leaf: &CertificateFacts, path: &str, gateway: bool) -> Option<Words> {
    let what = if !(accepts(leaf.kind, Side::Server) || gateway && leaf.kind == KeyKind::P384) {
        format!("has {}", leaf.kind)
    } else if cannot_sign(leaf) {
        "has no `digitalSignature` in its key usage".to_owned()
    } else {
        return None;
    };
    Some(Words {
        code: &FEW_CLIENTS,
        message: format!("the certificate in `{path}` {what}, which some clients reject"),
        help: "issue it for a P-256 or RSA key, with `keyUsage = digitalSignature` or without key \
               usages"
            .to_owned(),
    })
}

/// An authority in a chain that clients need and that is not valid.
fn ended(chain: &[CertificateFacts], path: &str, now: i64) -> Option<Words> {
    let mut last = chain.first()?;
    let mut seen = BTreeSet::from([last.id]);
    while let Some((at, by)) =
        chain.iter().enumerate().find(|(_, by)| last.issuers.contains_key(&by.id))
        && !by.is_root()
        && seen.insert(by.id)
    {
        if !by.is_valid_at(now) {
            let name = Paths { chain: path, trust: path }.name(Source::Chain(at));
            return Some(Words {
                code: &NOT_VALID,
                message: not_valid(by, &name, now),
                help: "renew it, and the certificates below it if its key changes".to_owned(),
            });
        }
        last = by;
    }
    None
}
