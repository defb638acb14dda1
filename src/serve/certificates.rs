//! The certificates of the listeners: read from their files, and read again when these change.
//!
//! A pair that cannot be used is refused and told, and the one before stays. Connections that are
//! open live on with what they were made with.

use super::listen::{Clients, Stop, Tls, TlsError, TlsPem};
use super::start::{Error, Files};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::{mpsc, watch};
use tokio::time::interval;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// How often the files are looked at. A change counts when it has been there for one more look:
/// certificate and key are rarely written at once.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Something about certificates that whoever runs the server should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// New certificates are in use.
    Loaded {
        /// Which listener: `admin` or `xds`.
        listener: &'static str,
        /// Until when, in RFC 3339.
        until: String,
    },
    /// New files are not used; those from before are.
    Refused {
        /// Which listener.
        listener: &'static str,
        /// Why, with the file.
        why: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded { listener, until } => {
                write!(f, "new certificates of {listener} are in use; valid until {until}")
            }
            Self::Refused { listener, why } => {
                write!(
                    f,
                    "the new certificates of {listener} are not used, the old ones are: {why}"
                )
            }
        }
    }
}

/// Figures about certificates.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    until: Family<Vec<(String, String)>, Gauge>,
    reloads: Counter,
    failures: Counter,
}

impl Figures {
    /// The figures as OpenMetrics, without an end.
    pub(super) fn text(&self) -> String {
        let mut registry = Registry::with_prefix("meshctl");
        let until = "When the certificate of a listener ends, in seconds since 1970";
        registry.register("certificate_not_after_timestamp_seconds", until, self.until.clone());
        let reloads = "Certificates that were taken into use while the server ran";
        registry.register("certificate_reloads", reloads, self.reloads.clone());
        let failures = "New certificate files that could not be used";
        registry.register("certificate_reload_failures", failures, self.failures.clone());
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text.strip_suffix("# EOF\n").unwrap_or(&text).to_owned()
    }
}

/// A listener under TLS.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    listener: &'static str,
    address: SocketAddr,
    files: Files,
    protocols: &'static [&'static str],
    tls: Tls,
    loaded: Stamp,
}

/// What tells whether files have changed: times, sizes and inodes.
type Stamp = Vec<Option<(SystemTime, u64, u64)>>;

fn stamp(files: &Files) -> Stamp {
    let all = [&files.certificate, &files.key].into_iter().chain(&files.clients);
    all.map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len(), found.ino()))
    })
    .collect()
}

/// The files of a listener, read.
struct Pem {
    certificates: Vec<u8>,
    key: Vec<u8>,
    clients: Vec<u8>,
}

impl Pem {
    fn read(files: &Files) -> Result<Self, Error> {
        let mut clients = Vec::new();
        for path in &files.clients {
            clients.extend(read(path)?);
            clients.push(b'\n');
        }
        Ok(Self { certificates: read(&files.certificate)?, key: read(&files.key)?, clients })
    }

    fn tls<'a>(&'a self, protocols: &'a [&'a str]) -> TlsPem<'a> {
        TlsPem {
            certificates: &self.certificates,
            key: &self.key,
            clients: match self.clients.is_empty() {
                true => Clients::Any,
                false => Clients::Known(&self.clients),
            },
            protocols,
        }
    }

    /// Until when the certificate is valid, in seconds since 1970.
    fn until(&self) -> Option<i64> {
        until(&self.certificates)
    }
}

/// Until when the first certificate of a PEM text is valid, in seconds since 1970.
pub(super) fn until(pem: &[u8]) -> Option<i64> {
    let leaf = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, leaf) = X509Certificate::from_der(&leaf).ok()?;
    Some(leaf.validity().not_after.timestamp())
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })
}

impl Watched {
    /// Reads the files of a listener for the first time.
    pub(super) fn open(
        listener: &'static str,
        address: SocketAddr,
        files: &Files,
        protocols: &'static [&'static str],
    ) -> Result<Self, Error> {
        let loaded = stamp(files);
        let pem = Pem::read(files)?;
        let failed = |source| Error::Tls { address, source };
        let tls = Tls::new(&pem.tls(protocols)).map_err(failed)?;
        Ok(Self { listener, address, files: files.clone(), protocols, tls, loaded })
    }

    /// What connections are made with.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Notes in the figures until when the certificate is valid.
    fn note(&self, pem: &Pem, figures: &Figures) -> String {
        let until = pem.until().unwrap_or_default();
        let label = vec![("listener".to_owned(), self.listener.to_owned())];
        figures.until.get_or_create(&label).set(until);
        rfc3339(until)
    }

    fn replace(&self, figures: &Figures) -> Result<String, String> {
        let pem = Pem::read(&self.files).map_err(|error| words(&error))?;
        let ended = pem.until().is_none_or(|until| until <= unix(SystemTime::now()));
        if ended {
            let at = self.files.certificate.display();
            return Err(format!("the certificate in {at} is not valid any more"));
        }
        let replaced = self.tls.replace(&pem.tls(self.protocols));
        replaced
            .map_err(|source: TlsError| words(&Error::Tls { address: self.address, source }))?;
        Ok(self.note(&pem, figures))
    }

    /// Looks at the files until the server stops; at once when it is asked to.
    pub(super) async fn watch(
        mut self,
        figures: Figures,
        notices: mpsc::UnboundedSender<Notice>,
        mut asked: watch::Receiver<u64>,
        mut stop: Stop,
    ) {
        if let Ok(pem) = Pem::read(&self.files) {
            self.note(&pem, &figures);
        }
        let mut beat = interval(LOOK_EVERY);
        let mut seen = self.loaded.clone();
        loop {
            let forced = tokio::select! {
                _ = beat.tick() => false,
                changed = asked.changed() => match changed {
                    Ok(()) => true,
                    Err(_) => return,
                },
                () = stop.requested() => return,
            };
            let now = stamp(&self.files);
            let settled = now == seen;
            seen.clone_from(&now);
            if !forced && (now == self.loaded || !settled) {
                continue;
            }
            self.loaded = now;
            let listener = self.listener;
            let notice = match self.replace(&figures) {
                Ok(until) => {
                    figures.reloads.inc();
                    Notice::Loaded { listener, until }
                }
                Err(why) => {
                    figures.failures.inc();
                    Notice::Refused { listener, why }
                }
            };
            // Whoever runs the server may not listen.
            let _ = notices.send(notice);
        }
    }
}

/// Seconds since 1970.
pub(super) fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// A time for people and programs.
pub(super) fn rfc3339(unix: i64) -> String {
    let time = jiff::Timestamp::from_second(unix).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An error with what caused it.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Whether certificates lead to one of the authorities of some files. Files that cannot be read
/// lead nowhere.
pub(super) fn lead_to(files: &[PathBuf], certificates: &[CertificateDer<'static>]) -> bool {
    let Some((leaf, between)) = certificates.split_first() else { return false };
    let mut roots = RootCertStore::empty();
    for path in files {
        for authority in CertificateDer::pem_file_iter(path).into_iter().flatten().flatten() {
            // One of several that is of no use takes nothing from the others.
            let _ = roots.add(authority);
        }
    }
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier
        .is_ok_and(|verifier| verifier.verify_client_cert(leaf, between, UnixTime::now()).is_ok())
}
