//! Opens the certificate files that a mesh names, where they lie in the project, and takes public
//! facts out of them.
//!
//! Paths are the proxies'. One inside the project is taken for the same file. Nothing is opened
//! that a link leads out to, that is no regular file or that is too large. A private key is read
//! only if nobody but its owner may, and only its public half is kept.

use super::certificate::{bare, every_facts};
use crate::model::{FileCertificate, Mesh};
use crate::parallel;
use crate::rules::{self, CertificateFacts, Fault, Fingerprint, Opened, TlsFiles, Unchecked, What};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{PemObject, SectionKind};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use x509_parser::pem::Pem;

/// The largest file that is read, in bytes. A system's bundle of all public authorities has a
/// quarter of it.
const FILE_MAX: u64 = 1 << 20;

/// Opens what the mesh names.
pub(super) fn read(root: &Path, mesh: &Mesh, now: i64) -> TlsFiles {
    let mut files = TlsFiles { now, ..TlsFiles::default() };
    let (mut certificates, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for reference in rules::references(mesh) {
        match reference.what {
            What::Shown(certificate) => {
                if let Some(FileCertificate { chain, key }) = certificate.file() {
                    certificates.insert(chain.clone());
                    keys.insert(key.clone());
                }
            }
            What::Believed(trust) => certificates.extend(trust.file().map(str::to_owned)),
        }
    }
    if certificates.is_empty() && keys.is_empty() {
        return files;
    }
    let folder = Folder::open(root);
    let certificates: Vec<String> = certificates.into_iter().collect();
    let ders = parallel::map(&certificates, |path| match folder.read(path, Secrecy::Public) {
        Ok(bytes) => ders(&bytes),
        Err(why) => Opened::Unchecked(why),
    });
    let known = ders.iter().filter_map(|opened| match opened {
        Opened::Known(ders) => Some(ders),
        Opened::Unusable(_) | Opened::Unchecked(_) => None,
    });
    let all: BTreeMap<Fingerprint, &[u8]> =
        known.flatten().map(|block| (hash(&block.der), block.der.as_slice())).collect();
    let facts = every_facts(&all);
    for (path, opened) in certificates.into_iter().zip(&ders) {
        let opened = match opened {
            Opened::Known(ders) => {
                let facts = ders.iter().map(|block| {
                    let facts = facts.get(&hash(&block.der))?.clone()?;
                    Some(CertificateFacts { trusted_label: block.trusted, ..facts })
                });
                let facts: Option<Vec<CertificateFacts>> = facts.collect();
                facts.map_or(Opened::Unusable(Fault::Malformed), Opened::Known)
            }
            Opened::Unusable(fault) => Opened::Unusable(*fault),
            Opened::Unchecked(why) => Opened::Unchecked(*why),
        };
        files.certificates.insert(path, opened);
    }
    let keys: Vec<String> = keys.into_iter().collect();
    let halves = parallel::map(&keys, |path| match folder.read(path, Secrecy::Owner) {
        Ok(bytes) => public_half(&bytes),
        Err(why) => Opened::Unchecked(why),
    });
    files.keys = keys.into_iter().zip(halves).collect();
    files
}

/// Who may read a file that is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    /// Anybody.
    Public,
    /// Its owner and nobody else.
    Owner,
}

/// The project's folder, out of which no path leads.
struct Folder {
    opened: Option<File>,
    /// Its path without links, for absolute paths that lie in it.
    real: Option<PathBuf>,
}

impl Folder {
    fn open(root: &Path) -> Self {
        Self { opened: File::open(root).ok(), real: fs::canonicalize(root).ok() }
    }

    /// Reads a file of the folder.
    fn read(&self, path: &str, secrecy: Secrecy) -> Result<Vec<u8>, Unchecked> {
        use rustix::io::Errno;
        let folder = self.opened.as_ref().ok_or(Unchecked::Unreadable)?;
        let mut relative = Path::new(path);
        if relative.is_absolute() {
            let real = self.real.as_ref().ok_or(Unchecked::Outside)?;
            relative = relative.strip_prefix(real).map_err(|_| Unchecked::Outside)?;
        }
        // A pipe must not make the check wait.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let opened = openat2(folder, relative, flags, Mode::empty(), inside);
        let file = File::from(opened.map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => Unchecked::Missing,
            Errno::XDEV | Errno::LOOP => Unchecked::Outside,
            _ => Unchecked::Unreadable,
        })?);
        let metadata = file.metadata().map_err(|_| Unchecked::Unreadable)?;
        if !metadata.is_file() {
            return Err(Unchecked::NotRegular);
        }
        if metadata.len() > FILE_MAX {
            return Err(Unchecked::TooLarge);
        }
        if secrecy == Secrecy::Owner && metadata.permissions().mode() & 0o077 != 0 {
            return Err(Unchecked::OpenToOthers);
        }
        let mut bytes = Vec::new();
        file.take(FILE_MAX + 1).read_to_end(&mut bytes).map_err(|_| Unchecked::Unreadable)?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(Unchecked::TooLarge);
        }
        Ok(bytes)
    }
}

pub(super) fn hash(bytes: &[u8]) -> Fingerprint {
    Sha256::digest(bytes).into()
}

/// The blocks of a PEM file with their labels, as far as they can be decoded, and whether all can.
fn blocks(pem: &[u8]) -> (Vec<Pem>, bool) {
    let all: Vec<_> = Pem::iter_from_buffer(pem).collect();
    let whole = all.iter().all(Result::is_ok);
    (all.into_iter().flatten().collect(), whole)
}

/// The kind of private key that a label stands for.
fn key_kind(label: &str) -> Option<SectionKind> {
    SectionKind::try_from(label.as_bytes()).ok().filter(|kind| {
        matches!(
            kind,
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey
        )
    })
}

/// The label of a certificate that carries settings of OpenSSL with it.
const TRUSTED: &str = "TRUSTED CERTIFICATE";

fn is_certificate(label: &str) -> bool {
    matches!(label, "CERTIFICATE" | "X509 CERTIFICATE" | TRUSTED)
}

/// A certificate of a file.
struct Block {
    der: Vec<u8>,
    /// Whether its label is the one of OpenSSL's settings.
    trusted: bool,
}

/// The certificates of a PEM file.
fn ders(pem: &[u8]) -> Opened<Vec<Block>> {
    let (blocks, whole) = blocks(pem);
    let key = blocks.iter().any(|block| key_kind(&block.label).is_some());
    let ders: Vec<Block> = blocks
        .into_iter()
        .filter(|block| is_certificate(&block.label))
        .map(|block| Block { trusted: block.label == TRUSTED, der: bare(block.contents) })
        .collect();
    match (ders.is_empty(), whole, key) {
        (false, true, _) => Opened::Known(ders),
        (_, false, _) => Opened::Unusable(Fault::Malformed),
        (true, true, true) => Opened::Unusable(Fault::Swapped),
        (true, true, false) => Opened::Unusable(Fault::Nothing),
    }
}

/// Whether a private key is PKCS#8 of a later version than the first, which has the number 0.
fn is_later_form(pkcs8: &[u8]) -> bool {
    let content = match pkcs8 {
        [0x30, 0x81, _, content @ ..] | [0x30, 0x82, _, _, content @ ..] => content,
        [0x30, length, content @ ..] if *length < 0x80 => content,
        _ => return false,
    };
    matches!(content, [2, 1, version, ..] if *version != 0)
}

/// The fingerprint of the public half of the key in a PEM file.
fn public_half(pem: &[u8]) -> Opened<Fingerprint> {
    let (blocks, whole) = blocks(pem);
    let certificate = blocks.iter().any(|block| is_certificate(&block.label));
    let first = blocks.iter().find(|block| key_kind(&block.label).is_some());
    if first.is_some_and(|block| block.label == "PRIVATE KEY" && is_later_form(&block.contents)) {
        return Opened::Unusable(Fault::LaterForm);
    }
    let key = blocks
        .into_iter()
        .find_map(|block| PrivateKeyDer::from_pem(key_kind(&block.label)?, block.contents));
    let Some(key) = key else {
        return Opened::Unusable(match (whole, certificate) {
            (false, _) => Fault::Malformed,
            (true, true) => Fault::Swapped,
            (true, false) => Fault::Nothing,
        });
    };
    // Curves that are not supported look like broken keys here, so neither is called wrong.
    let Ok(key) = any_supported_type(&key) else { return Opened::Unchecked(Unchecked::UnknownKey) };
    key.public_key()
        .map_or(Opened::Unchecked(Unchecked::UnknownKey), |half| Opened::Known(hash(half.as_ref())))
}
