//! The public facts of one certificate, and what its names match.

use super::facts::Fingerprint;
use crate::traffic::NameKind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The public facts of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The hash of the certificate.
    pub id: Fingerprint,
    /// The hash of its public key.
    pub key: Fingerprint,
    /// What kind of key it has.
    pub kind: KeyKind,
    /// Its subject alternative names, ordered.
    pub names: BTreeSet<SubjectName>,
    /// Whether it has no list of such names, and a common name that looks like a DNS name.
    pub bare_name: bool,
    /// The first second at which it is valid, since 1970.
    pub from: i64,
    /// The last second at which it is valid, since 1970.
    pub until: i64,
    /// Whether its basic constraints make it an authority; `None` where it has none.
    pub authority: Option<bool>,
    /// How many authorities may stand between it and a leaf, if that is limited.
    pub depth: Option<u32>,
    /// What its key may be used for, if that is limited.
    pub usage: Option<KeyUsage>,
    /// Which purposes it is for, if that is limited.
    pub purposes: Option<Purposes>,
    /// Which names it may sign, if that is limited.
    pub constraints: Option<Constraints>,
    /// The identifiers of its extensions that are critical, ordered.
    pub critical: BTreeSet<String>,
    /// Those of all certificates at hand that its issuer's name and key identifier fit, itself
    /// perhaps among them, each with whether that one's key made the signature. A signature that
    /// cannot be computed counts as made.
    pub issuers: BTreeMap<Fingerprint, bool>,
    /// Whether the file labels it `TRUSTED CERTIFICATE`.
    pub trusted_label: bool,
}

/// A kind of public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with the bits of its modulus.
    Rsa(usize),
    /// The elliptic curve P-224.
    P224,
    /// The elliptic curve P-256.
    P256,
    /// The elliptic curve P-384.
    P384,
    /// The elliptic curve P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// Another one.
    Other,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "an RSA key of {bits} bits"),
            Self::P224 => f.write_str("a P-224 key"),
            Self::P256 => f.write_str("a P-256 key"),
            Self::P384 => f.write_str("a P-384 key"),
            Self::P521 => f.write_str("a P-521 key"),
            Self::Ed25519 => f.write_str("an Ed25519 key"),
            Self::Other => f.write_str("a key of another kind"),
        }
    }
}

/// What a key may be used for, as far as TLS asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// `digitalSignature`.
    pub signs: bool,
    /// `keyEncipherment`.
    pub enciphers: bool,
    /// `keyAgreement`.
    pub agrees: bool,
    /// `keyCertSign`.
    pub certifies: bool,
}

/// Which of the purposes that TLS asks for are among the extended key usages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purposes {
    /// `serverAuth`.
    pub server: bool,
    /// `clientAuth`.
    pub client: bool,
    /// `anyExtendedKeyUsage`.
    pub any: bool,
}

/// A subject alternative name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectName {
    /// A DNS name, perhaps with a wildcard.
    Dns(String),
    /// A URI.
    Uri(String),
    /// An address, as it is written by default.
    Address(String),
    /// A name of a kind that TLS does not compare.
    Other,
}

/// Which names an authority may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Where it has one of a name's kind, one of them must hold the name.
    pub permitted: Vec<Subtree>,
    /// None of them may hold a name.
    pub excluded: Vec<Subtree>,
}

/// A part of all names of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subtree {
    /// DNS names that end so.
    Dns(String),
    /// URIs of this host.
    Uri(String),
    /// Addresses of a network.
    Addresses,
    /// Names of another kind.
    Other,
}

impl CertificateFacts {
    /// Whether it says of itself that it issued itself.
    pub(super) fn is_root(&self) -> bool {
        self.issuers.contains_key(&self.id)
    }

    /// Whether it is valid at a moment.
    pub(super) const fn is_valid_at(&self, now: i64) -> bool {
        self.from <= now && now <= self.until
    }

    /// Whether a peer that expects this name accepts it: DNS names in any case, with one wildcard
    /// in the first label, all others as they are written.
    pub(super) fn has_name(&self, expected: &str) -> bool {
        let kind = NameKind::of(expected);
        self.names.iter().any(|own| match (own, kind) {
            (SubjectName::Dns(own), NameKind::Dns) => dns_matches(own, expected),
            (SubjectName::Uri(own), NameKind::Uri)
            | (SubjectName::Address(own), NameKind::Address) => own == expected,
            (_, NameKind::Dns | NameKind::Uri | NameKind::Address) => false,
        })
    }

    /// Its names for messages, at most three of them.
    pub(super) fn shown_names(&self) -> String {
        const MOST: usize = 3;
        // A file may hold anything; only plain characters go into a message.
        let texts = self.names.iter().filter_map(|name| match name {
            SubjectName::Dns(text) | SubjectName::Uri(text) | SubjectName::Address(text) => {
                text.chars().all(|c| c.is_ascii_graphic()).then_some(text)
            }
            SubjectName::Other => None,
        });
        let names: Vec<String> = texts.take(MOST).map(|name| format!("`{name}`")).collect();
        match (names.is_empty(), self.names.len().saturating_sub(names.len())) {
            (true, _) => "no name".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

/// Whether a DNS name of a certificate is an expected one.
fn dns_matches(own: &str, expected: &str) -> bool {
    if own.eq_ignore_ascii_case(expected) {
        return true;
    }
    let (Some((own, own_rest)), Some((label, rest))) =
        (own.split_once('.'), expected.split_once('.'))
    else {
        return false;
    };
    let encoded = own.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    if encoded || own_rest.contains('*') || !own_rest.eq_ignore_ascii_case(rest) {
        return false;
    }
    let (own, label) = (own.to_ascii_lowercase(), label.to_ascii_lowercase());
    own == "*"
        || own.split_once('*').is_some_and(|(start, end)| {
            !end.contains('*')
                && start.len() + end.len() <= label.len()
                && label.starts_with(start)
                && label.ends_with(end)
        })
}

impl Constraints {
    /// Whether the authority may not sign a certificate with this name. Kinds of names that are
    /// not compared here are never called wrong.
    pub(super) fn forbid(&self, name: &SubjectName) -> bool {
        // Networks cannot be compared by proxies, so an address beside one is rejected.
        if matches!(name, SubjectName::Address(_)) {
            return self.permitted.iter().chain(&self.excluded).any(|it| *it == Subtree::Addresses);
        }
        let of_kind = |tree: &&Subtree| {
            matches!(
                (tree, name),
                (Subtree::Dns(_), SubjectName::Dns(_)) | (Subtree::Uri(_), SubjectName::Uri(_))
            )
        };
        let mut permitted = self.permitted.iter().filter(of_kind).peekable();
        (permitted.peek().is_some() && !permitted.any(|tree| tree.holds(name)))
            || self.excluded.iter().any(|tree| tree.holds(name) || tree.has_one_of(name))
    }
}

impl Subtree {
    /// Whether a name with a wildcard stands for one that this begins with: `*.x.y` and `a.x.y`. Only
    /// the first label is compared so; what is below it is not looked at.
    fn has_one_of(&self, name: &SubjectName) -> bool {
        let (Self::Dns(base), SubjectName::Dns(name)) = (self, name) else { return false };
        let Some((rest, at)) = name.strip_prefix('*').zip(base.find('.')) else { return false };
        base.get(at..).is_some_and(|base| base.eq_ignore_ascii_case(rest))
    }

    fn holds(&self, name: &SubjectName) -> bool {
        let ends = |text: &str, end: &str| {
            text.len()
                .checked_sub(end.len())
                .is_some_and(|at| text.get(at..).is_some_and(|own| own.eq_ignore_ascii_case(end)))
        };
        match (self, name) {
            (Self::Dns(base), SubjectName::Dns(name)) => {
                let whole = base.is_empty() || base.starts_with('.') || name.len() == base.len();
                ends(name, base) && (whole || ends(name, &format!(".{base}")))
            }
            (Self::Uri(base), SubjectName::Uri(uri)) => {
                let Some((_, rest)) = uri.split_once("://") else { return false };
                let host = rest.split(['/', ':']).next().unwrap_or_default();
                match base.starts_with('.') {
                    true => host.len() > base.len() && ends(host, base),
                    false => host.eq_ignore_ascii_case(base),
                }
            }
            (Self::Dns(_) | Self::Uri(_) | Self::Addresses | Self::Other, _) => false,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A certificate that was issued by those of other ids, as an authority or not.
    pub(in crate::rules) fn facts(id: u8, issuers: &[u8], authority: bool) -> CertificateFacts {
        CertificateFacts {
            id: [id; 32],
            key: [id; 32],
            kind: KeyKind::P256,
            names: BTreeSet::new(),
            bare_name: false,
            from: 0,
            until: 100,
            authority: authority.then_some(true),
            depth: None,
            usage: None,
            purposes: None,
            constraints: None,
            critical: BTreeSet::new(),
            issuers: issuers.iter().map(|by| ([*by; 32], true)).collect(),
            trusted_label: false,
        }
    }

    #[test]
    fn names_match_as_envoy_matches_them() {
        let dns = |own: &str| SubjectName::Dns(own.into());
        let uri = |own: &str| SubjectName::Uri(own.into());
        let address = |own: &str| SubjectName::Address(own.into());
        let rows = [
            (dns("payment.internal"), "PAYMENT.internal", true),
            (dns("*.internal"), "payment.internal", true),
            (dns("*.internal"), "xn--payment.internal", true),
            (dns("*.internal"), ".internal", true),
            (dns("*.internal"), "*.internal", true),
            (dns("p*.internal"), "payment.internal", true),
            (dns("P*.internal"), "payment.internal", true),
            (dns("*t.internal"), "payment.internal", true),
            (dns("pay*ment.internal"), "payment.internal", true),
            (dns("payment*.internal"), "payment.internal", true),
            (dns("payment.internal."), "payment.internal.", true),
            (dns("payment*ment.internal"), "payment.internal", false),
            (dns("**.internal"), "payment.internal", false),
            (dns("p*a*.internal"), "payment.internal", false),
            (dns("payment.*"), "payment.internal", false),
            (dns("*.*"), "payment.internal", false),
            (dns("*"), "payment", false),
            (dns("*.internal"), "a.payment.internal", false),
            (dns("*.internal"), "internal", false),
            (dns("xn--p*.internal"), "xn--payment.internal", false),
            (dns("payment.internal"), "payment.internal.", false),
            (dns("payment.internal."), "payment.internal", false),
            (dns("10.0.0.1"), "10.0.0.1", false),
            (dns("spiffe://x/y"), "spiffe://x/y", false),
            (uri("spiffe://x/y"), "spiffe://x/y", true),
            (uri("spiffe://X/y"), "spiffe://x/y", false),
            (uri("payment.internal"), "payment.internal", false),
            (address("10.0.0.1"), "10.0.0.1", true),
            (address("::1"), "0:0::1", false),
            (address("fd00::a"), "fd00::A", false),
        ];
        for (own, expected, matches) in rows {
            let mut facts = facts(1, &[], false);
            facts.names = [own.clone()].into();
            assert_eq!(facts.has_name(expected), matches, "{own:?} {expected}");
        }
    }

    #[test]
    fn constraints_hold_names_as_envoy_compares_them() {
        let dns = |base: &str| Subtree::Dns(base.into());
        let uri = |base: &str| Subtree::Uri(base.into());
        let payment = SubjectName::Dns("payment.internal".into());
        let spiffe = SubjectName::Uri("spiffe://a.x/payment".into());
        let address = SubjectName::Address("10.0.0.1".into());
        let rows = [
            (dns("internal"), &payment, true),
            (dns(".internal"), &payment, true),
            (dns("payment.internal"), &payment, true),
            (dns("INTERNAL"), &payment, true),
            (dns(""), &payment, true),
            (dns(".payment.internal"), &payment, false),
            (dns("nternal"), &payment, false),
            (dns("example"), &payment, false),
            (uri(".x"), &spiffe, true),
            (uri("a.x"), &spiffe, true),
            (uri("x"), &spiffe, false),
            (uri(".a.x"), &spiffe, false),
        ];
        for (tree, name, holds) in rows {
            let permitted = Constraints { permitted: vec![tree.clone()], ..Default::default() };
            assert_eq!(!permitted.forbid(name), holds, "{tree:?} {name:?}");
            let excluded = Constraints { excluded: vec![tree.clone()], ..Default::default() };
            assert_eq!(excluded.forbid(name), holds, "{tree:?} {name:?}");
        }
        // A wildcard stands for what is excluded, and not for what is permitted.
        let any = SubjectName::Dns("*.internal".into());
        for (base, forbidden) in [
            ("payment.internal", true),
            ("PAYMENT.internal", true),
            ("a.payment.internal", false),
            ("payment.example", false),
            ("internal", true),
        ] {
            let excluded = Constraints { excluded: vec![dns(base)], ..Default::default() };
            assert_eq!(excluded.forbid(&any), forbidden, "{base}");
        }
        let permitted =
            Constraints { permitted: vec![dns("payment.internal")], ..Default::default() };
        assert!(permitted.forbid(&any));
        let other = Constraints { permitted: vec![dns("example")], ..Default::default() };
        assert!(!other.forbid(&spiffe) && !other.forbid(&address) && other.forbid(&payment));
        let network = Constraints { permitted: vec![Subtree::Addresses], ..Default::default() };
        assert!(network.forbid(&address) && !network.forbid(&payment));
    }
}
