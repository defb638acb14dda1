//! Opens the certificate files that a mesh names, where they lie in the project, and takes public
//! facts out of them.
//!
//! Paths are the proxies'. One inside the project is taken for the same file. Nothing is opened
//! that a link leads out to, that is no regular file or that is too large. A private key is read
//! only if nobody but its owner may, and only its public half is kept.

use crate::model::{FileCertificate, Mesh};
use crate::parallel;
use crate::resolve::Date;
use crate::rules::{self, CertificateFacts, Fault, Fingerprint, Opened, TlsFiles, Unchecked, What};
use jiff::{Timestamp, tz::TimeZone};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{PemObject, SectionKind};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use x509_parser::error::X509Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

/// The largest file that is read, in bytes. A system's bundle of all public authorities has a
/// quarter of it.
const FILE_MAX: u64 = 1 << 20;
/// The most certificates that may have signed one by their name and are tried.
const SIGNERS_MAX: usize = 64;

/// Opens what the mesh names.
pub(super) fn read(root: &Path, mesh: &Mesh, today: Date) -> TlsFiles {
    let mut files = TlsFiles { today, ..TlsFiles::default() };
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
        known.flatten().map(|der| (hash(der), der.as_slice())).collect();
    let facts = every_facts(&all);
    for (path, opened) in certificates.into_iter().zip(&ders) {
        let opened = match opened {
            Opened::Known(ders) => {
                let facts = ders.iter().map(|der| facts.get(&hash(der))?.clone());
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

fn hash(bytes: &[u8]) -> Fingerprint {
    Sha256::digest(bytes).into()
}

/// The blocks of a PEM file, as far as they can be decoded, and whether all can.
fn blocks(pem: &[u8]) -> (Vec<(SectionKind, Vec<u8>)>, bool) {
    let all: Vec<_> = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).collect();
    let whole = all.iter().all(Result::is_ok);
    (all.into_iter().flatten().collect(), whole)
}

fn is_key(kind: SectionKind) -> bool {
    matches!(kind, SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey)
}

/// The certificates of a PEM file.
fn ders(pem: &[u8]) -> Opened<Vec<Vec<u8>>> {
    let (blocks, whole) = blocks(pem);
    let key = blocks.iter().any(|(kind, _)| is_key(*kind));
    let ders: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|(kind, _)| *kind == SectionKind::Certificate)
        .map(|(_, der)| der)
        .collect();
    match (ders.is_empty(), whole, key) {
        (false, true, _) => Opened::Known(ders),
        (_, false, _) => Opened::Unusable(Fault::Malformed),
        (true, true, true) => Opened::Unusable(Fault::Swapped),
        (true, true, false) => Opened::Unusable(Fault::Nothing),
    }
}

/// The fingerprint of the public half of the key in a PEM file.
fn public_half(pem: &[u8]) -> Opened<Fingerprint> {
    let (blocks, whole) = blocks(pem);
    let certificate = blocks.iter().any(|(kind, _)| *kind == SectionKind::Certificate);
    let key = blocks.into_iter().find_map(|(kind, der)| PrivateKeyDer::from_pem(kind, der));
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

/// The facts of all certificates, with who of them signed whom. `None` is one that cannot be
/// decoded.
fn every_facts(
    all: &BTreeMap<Fingerprint, &[u8]>,
) -> BTreeMap<Fingerprint, Option<CertificateFacts>> {
    let parsed: Vec<(Fingerprint, Option<X509Certificate<'_>>)> = all
        .iter()
        .map(|(id, der)| (*id, X509Certificate::from_der(der).ok().map(|(_, parsed)| parsed)))
        .collect();
    let mut by_subject: BTreeMap<&[u8], Vec<(Fingerprint, &X509Certificate<'_>)>> = BTreeMap::new();
    for (id, parsed) in &parsed {
        if let Some(parsed) = parsed {
            by_subject.entry(parsed.subject().as_raw()).or_default().push((*id, parsed));
        }
    }
    let facts = parallel::map(&parsed, |(id, parsed)| {
        let parsed = parsed.as_ref()?;
        let candidates = by_subject.get(parsed.issuer().as_raw()).map_or(&[][..], Vec::as_slice);
        let signers = candidates.iter().take(SIGNERS_MAX).filter(|(_, by)| {
            match parsed.verify_signature(Some(by.public_key())) {
                // What cannot be computed here is not called wrong.
                Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
                Err(_) => false,
            }
        });
        facts_of(*id, parsed, signers.map(|(by, _)| *by).collect())
    });
    parsed.iter().map(|(id, _)| *id).zip(facts).collect()
}

fn facts_of(
    id: Fingerprint,
    parsed: &X509Certificate<'_>,
    signers: BTreeSet<Fingerprint>,
) -> Option<CertificateFacts> {
    let constraints = parsed.basic_constraints().ok()?;
    let usage = parsed.extended_key_usage().ok()?;
    let usage = usage.map(|extension| extension.value);
    let validity = parsed.validity();
    Some(CertificateFacts {
        id,
        key: hash(parsed.public_key().raw),
        names: names(parsed)?,
        from: day(validity.not_before.timestamp())?,
        until: day(validity.not_after.timestamp())?,
        days: (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400,
        // Without the extension only roots of version 1 may sign.
        authority: constraints
            .map_or(parsed.version() == X509Version::V1, |extension| extension.value.ca),
        for_servers: usage.is_none_or(|usage| usage.any || usage.server_auth),
        for_clients: usage.is_none_or(|usage| usage.any || usage.client_auth),
        signers,
    })
}

/// The subject alternative names that are compared: DNS names, URIs and addresses.
fn names(parsed: &X509Certificate<'_>) -> Option<BTreeSet<String>> {
    let Some(extension) = parsed.subject_alternative_name().ok()? else {
        return Some(BTreeSet::new());
    };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from);
            let address = v4.or_else(|| <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from));
            address.map(|address| address.to_string())
        }
        _ => None,
    });
    Some(names.collect())
}

/// The day of a moment, in UTC.
fn day(seconds: i64) -> Option<Date> {
    let day = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).date();
    Some(Date {
        year: u16::try_from(day.year()).ok()?,
        month: day.month().unsigned_abs(),
        day: day.day().unsigned_abs(),
    })
}
