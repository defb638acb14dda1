//! The folder of a proxy's identity: its key, which never leaves it, and its certificate.
//!
//! ```text
//!  DIR/certificate.yaml, trust.yaml    what Envoy reads: paths
//!  DIR/current -> v-…                  moved as a whole: Envoy never sees half of a renewal
//!  DIR/v-…/{certificate,key,authorities}.pem
//! ```

use super::private;
use super::server::joining::IdentityDocument;
use crate::envoy::identity_files;
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The link to what counts.
const CURRENT: &str = "current";
/// The beginning of what it leads to.
const VERSION: &str = "v-";

/// Why there is no identity.
#[derive(Debug)]
pub enum Error {
    /// A file or folder.
    Io(PathBuf, io::Error),
    /// A certificate that is none.
    NotOne(PathBuf),
    /// No key could be made.
    Key(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, _) => write!(f, "cannot use {}", path.display()),
            Self::NotOne(path) => write!(f, "{} holds no certificate", path.display()),
            Self::Key(why) => write!(f, "cannot make a key: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::NotOne(_) | Self::Key(_) => None,
        }
    }
}

/// A new key, and the request to have it certified.
pub struct Request {
    key: KeyPair,
    text: String,
}

/// Without the key.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("text", &self.text).finish_non_exhaustive()
    }
}

impl Request {
    /// Makes a key.
    pub fn new() -> Result<Self, Error> {
        let failed = |error: rcgen::Error| Error::Key(error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key).map_err(failed)?;
        let text = request.pem().map_err(failed)?;
        Ok(Self { key, text })
    }

    /// The signing request as PEM.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Puts the key and what was issued for it in place, all at once.
    pub fn keep(&self, folder: &Path, issued: &IdentityDocument) -> Result<(), Error> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| Error::Io(path, error)
        };
        private::folder(folder).map_err(at(folder))?;
        for (name, text) in identity_files(&folder.display().to_string()) {
            let path = folder.join(name);
            // Envoy watches these: what is as it should be is left alone.
            if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                private::write(&path, &text).map_err(at(&path))?;
            }
        }
        let before = fs::read_link(folder.join(CURRENT)).ok();
        let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{VERSION}{}", nanos.as_nanos());
        let version = folder.join(&name);
        private::folder(&version).map_err(at(&version))?;
        for (name, text) in [
            ("certificate.pem", issued.certificate.as_str()),
            ("key.pem", &self.key.serialize_pem()),
            ("authorities.pem", &issued.authorities),
        ] {
            let path = version.join(name);
            private::write(&path, text).map_err(at(&path))?;
        }
        let link = folder.join(".current.part");
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Io(link, error));
            }
            Ok(()) | Err(_) => {}
        }
        symlink(&name, &link).map_err(at(&link))?;
        fs::rename(&link, folder.join(CURRENT)).map_err(at(folder))?;
        // Before the former one goes: after a power failure the link must not lead to what is gone.
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
        // The one before stays for whoever is reading it.
        for entry in fs::read_dir(folder).map_err(at(folder))?.flatten() {
            let found = PathBuf::from(entry.file_name());
            let kept = found.as_os_str() == name.as_str() || Some(&found) == before.as_ref();
            if !kept && entry.file_name().to_string_lossy().starts_with(VERSION) {
                fs::remove_dir_all(entry.path()).map_err(at(&entry.path()))?;
            }
        }
        Ok(())
    }
}

/// The paths of certificate and key.
pub fn pair(folder: &Path) -> (PathBuf, PathBuf) {
    let current = folder.join(CURRENT);
    (current.join("certificate.pem"), current.join("key.pem"))
}

/// Whether there is an identity.
pub fn check(folder: &Path) -> Result<(), Error> {
    due(folder).map(|_| ())
}

/// When the certificate should be renewed: after two thirds of its life.
pub fn due(folder: &Path) -> Result<SystemTime, Error> {
    let (path, _) = pair(folder);
    let text = fs::read(&path).map_err(|error| Error::Io(path.clone(), error))?;
    let leaf = CertificateDer::from_pem_slice(&text).map_err(|_| Error::NotOne(path.clone()))?;
    let (_, leaf) = X509Certificate::from_der(&leaf).map_err(|_| Error::NotOne(path.clone()))?;
    let validity = leaf.validity();
    let seconds = |time: i64| u64::try_from(time).unwrap_or_default();
    let since = seconds(validity.not_before.timestamp());
    let until = seconds(validity.not_after.timestamp());
    let life = until.saturating_sub(since);
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(since) + Duration::from_secs(life) * 2 / 3)
}
