//! What is known of the files that a mesh names for TLS: public facts, which `load` hands in.
//!
//! A file that nobody opened is unchecked. No rule takes that for correct or for wrong.

use crate::model::{Certificate, Trust};
use crate::resolve::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A SHA-256 hash: of a certificate, or of a public key.
pub type Fingerprint = [u8; 32];

/// The files of certificates, keys and authorities that a mesh names, by the path as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The day that validity is compared with.
    pub today: Date,
    /// Files that should hold certificates: chains, leaf first, and bundles of authorities.
    pub certificates: BTreeMap<String, Opened<Vec<CertificateFacts>>>,
    /// Files that should hold a private key, as the fingerprint of its public half.
    pub keys: BTreeMap<String, Opened<Fingerprint>>,
}

/// What came of opening a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened<T> {
    /// It was read.
    Known(T),
    /// It was read and does not hold what it should.
    Unusable(Fault),
    /// It was not read.
    Unchecked(Unchecked),
}

impl<T> Opened<T> {
    /// Whether the project has the file.
    const fn is_there(&self) -> bool {
        matches!(
            self,
            Self::Known(_)
                | Self::Unusable(_)
                | Self::Unchecked(Unchecked::OpenToOthers | Unchecked::UnknownKey)
        )
    }
}

/// Why a file that was read is of no use in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It has no PEM block of the kind that its place asks for.
    Nothing,
    /// It has a private key where a certificate belongs, or a certificate where a key belongs.
    Swapped,
    /// A block of the right kind cannot be decoded.
    Malformed,
}

/// Why a file was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// The path, or a link on the way to it, leads out of the project.
    Outside,
    /// The project has no such file. The proxies' hosts may.
    Missing,
    /// It is a folder, a pipe or a device.
    NotRegular,
    /// It is larger than what is read.
    TooLarge,
    /// The system refuses to open or read it.
    Unreadable,
    /// A private key that others than its owner may read.
    OpenToOthers,
    /// A private key of a kind whose public half cannot be derived here.
    UnknownKey,
}

impl Unchecked {
    /// The reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outside => "the path leads out of the project",
            Self::Missing => "the project has no such file",
            Self::NotRegular => "it is not a regular file",
            Self::TooLarge => "it is larger than 1 MiB",
            Self::Unreadable => "it cannot be read",
            Self::OpenToOthers => "it is a key that others than its owner may read",
            Self::UnknownKey => "its kind of key is not supported",
        }
    }
}

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The public facts of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The hash of the certificate.
    pub id: Fingerprint,
    /// The hash of its public key.
    pub key: Fingerprint,
    /// Its subject alternative names: DNS names, URIs and addresses, ordered.
    pub names: BTreeSet<String>,
    /// The first day on which it is valid.
    pub from: Date,
    /// The last day on which it is valid.
    pub until: Date,
    /// How many days it is valid in all.
    pub days: i64,
    /// Whether it may sign others.
    pub authority: bool,
    /// Whether a server may show it.
    pub for_servers: bool,
    /// Whether a client may show it.
    pub for_clients: bool,
    /// Those of all certificates at hand that signed it, itself perhaps among them, ordered.
    pub signers: BTreeSet<Fingerprint>,
}

impl CertificateFacts {
    /// Whether one of its names is this one. A wildcard stands for one label.
    pub fn has_name(&self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        self.names.iter().any(|own| {
            own.eq_ignore_ascii_case(name)
                || own.strip_prefix("*.").is_some_and(|parent| {
                    name.split_once('.').is_some_and(|(label, rest)| {
                        !label.is_empty() && rest.eq_ignore_ascii_case(parent)
                    })
                })
        })
    }

    /// Its names for messages, at most three of them.
    pub(super) fn shown_names(&self) -> String {
        const MOST: usize = 3;
        // A file may hold anything; only plain characters go into a message.
        let plain = |name: &&String| name.chars().all(|c| c.is_ascii_graphic());
        let names: Vec<String> =
            self.names.iter().filter(plain).take(MOST).map(|name| format!("`{name}`")).collect();
        match (names.is_empty(), self.names.len().saturating_sub(names.len())) {
            (true, _) => "no name".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

impl TlsFiles {
    /// The certificates of a chain, leaf first, if its file was read.
    pub(super) fn chain(&self, certificate: &Certificate) -> Option<&[CertificateFacts]> {
        self.known(&certificate.file()?.chain)
    }

    /// The authorities of a bundle, if its file was read.
    pub(super) fn authorities(&self, trust: &Trust) -> Option<&[CertificateFacts]> {
        self.known(trust.file()?)
    }

    fn known(&self, path: &str) -> Option<&[CertificateFacts]> {
        match self.certificates.get(path)? {
            Opened::Known(all) => Some(all),
            Opened::Unusable(_) | Opened::Unchecked(_) => None,
        }
    }

    /// The folders that have files of the project, each with the first of them.
    pub(super) fn first_in_folders(&self) -> BTreeMap<&str, &str> {
        let keys = self.keys.iter().filter(|(_, opened)| opened.is_there());
        let others = self.certificates.iter().filter(|(_, opened)| opened.is_there());
        let paths = keys.map(|(path, _)| path).chain(others.map(|(path, _)| path));
        let mut all: BTreeMap<&str, &str> = BTreeMap::new();
        for path in paths {
            let first = all.entry(folder(path)).or_insert(path);
            *first = (*first).min(path);
        }
        all
    }

    /// Every path that was not read, ordered, with the reason.
    pub fn unchecked(&self) -> BTreeMap<&str, Unchecked> {
        fn of<T>(opened: &Opened<T>) -> Option<Unchecked> {
            match opened {
                Opened::Unchecked(why) => Some(*why),
                Opened::Known(_) | Opened::Unusable(_) => None,
            }
        }
        let keys = self.keys.iter().filter_map(|(path, opened)| Some((path, of(opened)?)));
        let others =
            self.certificates.iter().filter_map(|(path, opened)| Some((path, of(opened)?)));
        keys.chain(others).map(|(path, why)| (path.as_str(), why)).collect()
    }
}

/// The folder of a path.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a chain leads from its leaf, by its own certificates and those of a bundle, to one of
/// the bundle.
pub(super) fn leads_to(chain: &[CertificateFacts], bundle: &[CertificateFacts]) -> bool {
    let Some(leaf) = chain.first() else { return false };
    if bundle.iter().any(|authority| authority.id == leaf.id) {
        return true;
    }
    let mut seen = BTreeSet::from([leaf.id]);
    let mut todo = vec![leaf];
    while let Some(next) = todo.pop() {
        let signed = |by: &&CertificateFacts| by.authority && next.signers.contains(&by.id);
        if bundle.iter().any(|by| signed(&by)) {
            return true;
        }
        todo.extend(chain.iter().filter(signed).filter(|by| seen.insert(by.id)));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(id: u8, signers: &[u8], authority: bool) -> CertificateFacts {
        CertificateFacts {
            id: [id; 32],
            key: [id; 32],
            names: BTreeSet::new(),
            from: Date::default(),
            until: Date::default(),
            days: 1,
            authority,
            for_servers: true,
            for_clients: true,
            signers: signers.iter().map(|by| [*by; 32]).collect(),
        }
    }

    #[test]
    fn a_chain_leads_by_authorities_only() {
        let (leaf, between, root) =
            (facts(1, &[2], false), facts(2, &[3], true), facts(3, &[3], true));
        let other = facts(4, &[4], true);
        assert!(leads_to(&[leaf.clone(), between.clone()], std::slice::from_ref(&root)));
        assert!(
            leads_to(std::slice::from_ref(&leaf), std::slice::from_ref(&between)),
            "a partial chain"
        );
        assert!(
            leads_to(std::slice::from_ref(&leaf), std::slice::from_ref(&leaf)),
            "a pinned leaf"
        );
        assert!(
            !leads_to(std::slice::from_ref(&leaf), std::slice::from_ref(&root)),
            "without the intermediate"
        );
        assert!(!leads_to(&[leaf.clone(), between.clone()], &[other]));
        assert!(!leads_to(&[leaf, facts(2, &[3], false)], &[root]), "signed by no authority");
        assert!(!leads_to(&[], &[]));
    }

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let mut facts = facts(1, &[], false);
        facts.names = ["*.shop.internal".to_owned(), "Pay.example".to_owned()].into();
        for name in ["cart.shop.internal", "CART.shop.internal", "pay.example", "pay.example."] {
            assert!(facts.has_name(name), "{name}");
        }
        for name in ["shop.internal", "a.cart.shop.internal", ".shop.internal", "pay.example.com"] {
            assert!(!facts.has_name(name), "{name}");
        }
    }
}
