//! What is known of the files that a mesh names for TLS: public facts, which `load` hands in.
//!
//! A file that nobody opened is unchecked. No rule takes that for correct or for wrong.

use super::certificate::CertificateFacts;
use crate::model::{Certificate, Trust};
use std::collections::BTreeMap;
use std::fmt;

/// A SHA-256 hash: of a certificate, or of a public key.
pub type Fingerprint = [u8; 32];

/// The files of certificates, keys and authorities that a mesh names, by the path as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The moment that validity is compared with, in seconds since 1970.
    pub now: i64,
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
    /// It has a private key as PKCS#8 of a later version than the first.
    LaterForm,
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
