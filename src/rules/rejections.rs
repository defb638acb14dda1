//! What is reported where a peer rejects a certificate: codes and words, for servers and clients.

use super::certificate::{CertificateFacts, KeyKind, SubjectName};
use super::verification::{Side, Source, Why, is_for, unknown_extension};
use crate::diag::Code;

/// A key that the other proxy does not use.
pub(super) const KEY_KIND: Code = Code::error(
    "MC0628",
    "key-not-accepted-by-proxies",
    "a certificate has a kind of key that the proxy on the other side does not accept",
    "Proxies accept RSA and P-256 keys from servers, and these, P-384 and P-521 keys from clients. \
     With a P-384, P-521 or Ed25519 key at a listener, or an Ed25519 key at a client, every \
     handshake between proxies fails and every request gets a 503. The keys of authorities may be of \
     any of these kinds.",
);
/// A certificate for another purpose.
pub(super) const USAGE: Code = Code::error(
    "MC0622",
    "certificate-for-another-use",
    "a certificate is not for the side that shows it",
    "Where a certificate lists extended key usages, a server needs `serverAuth` and a client \
     `clientAuth` among them; `anyExtendedKeyUsage` does not count. Where it lists key usages, an \
     RSA key needs `digitalSignature`, because current ciphers sign the handshake with it. The other \
     side rejects the handshake otherwise. A proxy that both serves and calls with one certificate \
     needs both.",
);
/// An extension that must be understood.
pub(super) const EXTENSION: Code = Code::error(
    "MC0630",
    "unknown-critical-extension",
    "a certificate has a critical extension that proxies do not know",
    "Who does not know a critical extension of a certificate must reject it, and proxies do: every \
     handshake fails. Known are key usage, extended key usage, subject alternative names, basic \
     constraints, name constraints and the extensions for policies. What is in the client's or the \
     listener's `trust` itself is not checked for it.",
);
/// A name that its authority may not sign.
pub(super) const CONSTRAINED: Code = Code::error(
    "MC0631",
    "name-outside-name-constraints",
    "an authority may not sign one of the names in a certificate",
    "The name constraints of an authority say which names it may sign. All names of a certificate \
     are compared, not only the one that is expected, and with one outside of them every handshake \
     fails. Proxies cannot compare addresses with a network, so they reject any address below an \
     authority that constrains addresses.",
);

/// Whether a proxy that calls, or is called, accepts a kind of key.
pub(super) const fn accepts(kind: KeyKind, side: Side) -> bool {
    match (kind, side) {
        (KeyKind::Rsa(_) | KeyKind::P256, _) => true,
        (KeyKind::P384 | KeyKind::P521, side) => matches!(side, Side::Client),
        (KeyKind::Ed25519 | KeyKind::P224 | KeyKind::Other, _) => false,
    }
}

/// Whether it is an RSA key that may not sign, so that a peer that looks rejects its handshakes.
pub(super) fn cannot_sign(leaf: &CertificateFacts) -> bool {
    matches!(leaf.kind, KeyKind::Rsa(_)) && leaf.usage.is_some_and(|usage| !usage.signs)
}

/// Why proxies load no certificate with this leaf, if they do not.
pub(super) fn not_loaded(leaf: &CertificateFacts) -> Option<String> {
    const RSA_LEAST: usize = 2048;
    let signs = leaf.usage.is_none_or(|usage| usage.signs);
    match leaf.kind {
        KeyKind::Rsa(bits) if bits < RSA_LEAST => Some(format!("has {}", leaf.kind)),
        KeyKind::P224 => Some(format!("has {}", leaf.kind)),
        KeyKind::Other => Some("has a kind of key that proxies do not know".to_owned()),
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 if !signs => {
            Some("has no `digitalSignature` in its key usage".to_owned())
        }
        KeyKind::Rsa(_) | KeyKind::P256 | KeyKind::P384 | KeyKind::P521 | KeyKind::Ed25519 => None,
    }
}

/// What is wrong with a certificate, for a message and its help.
pub(super) struct Words {
    pub(super) code: &'static Code,
    pub(super) message: String,
    pub(super) help: String,
}

/// What is wrong with a leaf for every peer that verifies it.
pub(super) fn of_leaf(leaf: &CertificateFacts, path: &str, side: Side) -> Option<Words> {
    unknown_extension(leaf)
        .map(|id| critical(&format!("the certificate in `{path}`"), id))
        .or_else(|| (!is_for(leaf, side)).then(|| usage(leaf, path, side)))
}

/// What is wrong with the use that a leaf is for.
pub(super) fn usage(leaf: &CertificateFacts, path: &str, side: Side) -> Words {
    let purpose = side.purpose();
    let listed = leaf.purposes.is_some_and(|purposes| match side {
        Side::Server => !purposes.server,
        Side::Client => !purposes.client,
    });
    let (lacks, help) = match listed {
        true => (
            format!("no `{purpose}`"),
            format!("issue it with `extendedKeyUsage = serverAuth, clientAuth` or `{purpose}`"),
        ),
        false => (
            "no `digitalSignature` in its key usage".to_owned(),
            "issue it with `keyUsage = digitalSignature`".to_owned(),
        ),
    };
    let message = format!("the certificate in `{path}` is not for a {}: {lacks}", side.as_str());
    Words { code: &USAGE, message, help }
}

/// The key of a leaf that proxies do not accept.
pub(super) fn key_kind(leaf: &CertificateFacts, path: &str, side: Side) -> Words {
    let other = match side {
        Side::Server => "calling it",
        Side::Client => "called with it",
    };
    Words {
        code: &KEY_KIND,
        message: format!(
            "the certificate in `{path}` has {}; proxies {other} reject it",
            leaf.kind
        ),
        help: "issue it for a P-256 key, or for an RSA key of 2048 bits or more".to_owned(),
    }
}

fn critical(certificate: &str, id: &str) -> Words {
    Words {
        code: &EXTENSION,
        message: format!("{certificate} has the critical extension {id}"),
        help: "issue it without the extension, or with one that is not critical".to_owned(),
    }
}

/// The paths of what is shown and of what is trusted.
#[derive(Clone, Copy)]
pub(super) struct Paths<'p> {
    pub(super) chain: &'p str,
    pub(super) trust: &'p str,
}

impl Paths<'_> {
    /// A certificate of one of them.
    pub(super) fn name(self, source: Source) -> String {
        match source {
            Source::Chain(0) => format!("the certificate in `{}`", self.chain),
            Source::Chain(at) => format!("certificate {} in `{}`", at + 1, self.chain),
            Source::Trust(at) => format!("certificate {} in `{}`", at + 1, self.trust),
        }
    }
}

/// Why one side does not trust what signed the other's certificate; empty where nothing that it
/// trusts did.
pub(super) fn of_authority(
    why: &Why,
    source: Source,
    paths: Paths<'_>,
    side: Side,
) -> (String, &'static str) {
    let name = paths.name(source);
    match why {
        Why::NoCertSign => (
            format!("{name} may not sign certificates: no `keyCertSign` in its key usage"),
            "issue that authority with `keyUsage = keyCertSign`",
        ),
        Why::OtherKey => (
            format!("{name} has the issuer's name and another key"),
            "of certificates with one name the first is taken: put the one that signed first",
        ),
        Why::KeyKind => (
            format!("{name} has a kind of key that proxies do not know"),
            "use an authority with an RSA, P-256, P-384, P-521 or Ed25519 key",
        ),
        Why::NoAuthority => (
            format!("{name} is no authority"),
            "issue it with `basicConstraints = CA:TRUE` and `keyUsage = keyCertSign`",
        ),
        Why::TooDeep => (
            format!("{name} allows fewer authorities between it and a leaf"),
            "issue it with a larger `pathlen`, or sign the certificate with an authority above",
        ),
        Why::Purpose => (
            format!("{name} has extended key usages without `{}`", side.purpose()),
            "issue that authority without extended key usages, or with both",
        ),
        Why::Unknown | Why::Critical(_) | Why::Dates | Why::Name(_) => (String::new(), ""),
    }
}

/// What is wrong for all who verify: an extension that is not known, or a name that an authority
/// may not sign.
pub(super) fn of_extension(why: &Why, source: Source, paths: Paths<'_>) -> Option<Words> {
    match why {
        Why::Critical(id) => Some(critical(&paths.name(source), id)),
        Why::Name(name) => {
            let by = paths.name(source);
            let (what, help) = match name {
                Some(
                    SubjectName::Dns(text) | SubjectName::Uri(text) | SubjectName::Address(text),
                ) if text.chars().all(|c| c.is_ascii_graphic()) => {
                    (format!("the name `{text}`"), "issue the certificate without this name")
                }
                Some(_) => {
                    ("one of the names".to_owned(), "issue the certificate without this name")
                }
                None => (
                    "a certificate without alternative names".to_owned(),
                    "issue the certificate with `subjectAltName`",
                ),
            };
            let message = match name {
                Some(_) => format!("{by} may not sign {what} in `{}`", paths.chain),
                None => format!("{by} may not sign {what}, as in `{}`", paths.chain),
            };
            let help = format!("{help}, or let another authority sign it");
            Some(Words { code: &CONSTRAINED, message, help })
        }
        Why::Unknown
        | Why::NoCertSign
        | Why::OtherKey
        | Why::KeyKind
        | Why::NoAuthority
        | Why::TooDeep
        | Why::Purpose
        | Why::Dates => None,
    }
}
