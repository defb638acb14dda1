//! MC06xx: certificate and key files of the project, each looked at by itself.

use super::certificate::CertificateFacts;
use super::context::Ctx;
use super::facts::{Fault, Opened, TlsFiles, Unchecked, folder};
use super::rejections::not_loaded;
use super::trust::{Reference, What, references};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::FileCertificate;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A file in the wrong place.
const NO_CERTIFICATE: Code = Code::error(
    "MC0613",
    "no-certificate-in-file",
    "a file that should hold certificates holds none",
    "`chain` and `trust` name PEM files of certificates. The file is in the project, so it was \
     read, and it has no certificate in it, or one that cannot be decoded. Most often `chain` and \
     `key` are swapped, or the file is DER. Envoy rejects the secret, and the listener or cluster \
     that needs it does not work.",
);
/// The other file in the wrong place.
const NO_KEY: Code = Code::error(
    "MC0614",
    "no-key-in-file",
    "a file that should hold a private key holds none",
    "`key` names a PEM file with a private key that is not encrypted. The file is in the project \
     and holds something else, most often the certificate, or the key is in PKCS#8 of version 2 (with \
     its public half), which Envoy does not load.",
);
/// Two files of different certificates.
const OTHER_KEY: Code = Code::error(
    "MC0615",
    "certificate-of-another-key",
    "a certificate and a key do not belong together",
    "The public key in the first certificate of `chain` is not the public half of `key`. Envoy \
     rejects the pair. The leaf must be the first certificate of the file.",
);
/// A certificate outside its time.
pub(super) const NOT_VALID: Code = Code::warning(
    "MC0620",
    "certificate-not-valid-today",
    "a certificate has expired, or is not valid yet",
    "Every new connection checks the dates, to the second, of the certificate and of the authorities \
     that it leads to, so handshakes fail. The file in the project was read; if the proxies' hosts \
     have a newer one, update or remove the copy.",
);
/// A certificate near its end.
const ENDS_SOON: Code = Code::info(
    "MC0621",
    "certificate-ends-soon",
    "a certificate ends within two weeks",
    "After the last day of a certificate every new handshake fails. Envoy reloads a renewed file by \
     itself. Certificates that are valid for a month or less are renewed by a machine and raise \
     nothing.",
);
/// A certificate that no proxy loads.
const NOT_LOADED: Code = Code::error(
    "MC0624",
    "certificate-not-loaded",
    "a certificate of a kind that proxies do not load",
    "Envoy loads certificates with RSA keys of 2048 bits or more, with P-256, P-384 and P-521 keys \
     and with Ed25519 keys. A certificate with an elliptic curve needs `digitalSignature` where it \
     lists key usages. Envoy rejects others, and the listener or cluster that shows one does not \
     work. Certificates of authorities in `trust` may have RSA keys of 1024 bits.",
);
/// A name that is nearly one of a file.
const MISSING: Code = Code::warning(
    "MC0623",
    "certificate-file-missing",
    "a certificate or key file is missing beside others that the mesh names",
    "Other files of the same folder are in the project, and this one is not. Paths are the proxies', \
     so it may exist on their hosts; most often the name is mistyped. A listener or cluster whose \
     file is missing does not work.",
);
/// A key that is no secret.
const OPEN_KEY: Code = Code::warning(
    "MC0625",
    "key-readable-by-others",
    "a private key in the project is readable by others than its owner",
    "Whoever can read the key can pass for the workload. meshctl reads a key only to compare its \
     public half with the certificate, and only if nobody but its owner may read it; this one was \
     not compared.",
);

pub(super) const RULES: &[Rule] = &[Rule(
    &[
        &NO_CERTIFICATE,
        &NO_KEY,
        &OTHER_KEY,
        &NOT_VALID,
        &ENDS_SOON,
        &NOT_LOADED,
        &MISSING,
        &OPEN_KEY,
    ],
    files as Check,
)];

/// The seconds before its end from which a certificate is reported: two weeks.
const SOON: i64 = 14 * 86_400;
/// Certificates that are valid for at most so many seconds, a month, end soon all the time.
const SHORT: i64 = 31 * 86_400;

fn files(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    // A file that many resources name is reported once for each code.
    let mut told = BTreeSet::new();
    let first = ctx.tls.first_in_folders();
    for reference in references(ctx.mesh) {
        match reference.what {
            What::Shown(certificate) => {
                if let Some(paths) = certificate.file() {
                    let mut look =
                        Look { ctx, reference: &reference, first: &first, told: &mut told, found };
                    look.pair(paths);
                }
            }
            What::Believed(trust) => {
                if let Some(path) = trust.file() {
                    let mut look =
                        Look { ctx, reference: &reference, first: &first, told: &mut told, found };
                    look.bundle(path);
                }
            }
        }
    }
}

struct Look<'l, 'c> {
    ctx: &'l Ctx<'c>,
    reference: &'l Reference<'c>,
    /// The first file in each folder.
    first: &'l BTreeMap<&'c str, &'c str>,
    told: &'l mut BTreeSet<(&'static str, String)>,
    found: &'l mut Diagnostics,
}

impl<'c> Look<'_, 'c> {
    /// Reports a file that is missing in a folder that has others.
    fn missing(&mut self, field: &str, path: &str) {
        let Some(near) = self.first.get(folder(path)) else { return };
        let message = format!("the project has no `{path}`, and it has `{near}`");
        self.report(&MISSING, field, path, message, "add the file, or correct the name");
    }

    fn report(
        &mut self,
        code: &'static Code,
        field: &str,
        path: &str,
        message: String,
        help: &str,
    ) {
        if self.told.insert((code.id, path.to_owned())) {
            let pointer = format!("{}/file{field}", self.reference.pointer);
            let finding = self.ctx.find(code, &self.reference.address, &pointer, message);
            self.found.push(finding.help(help));
        }
    }

    fn certificates(&mut self, field: &str, path: &str) -> Option<&'c [CertificateFacts]> {
        let files: &'c TlsFiles = self.ctx.tls;
        match files.certificates.get(path)? {
            Opened::Known(all) => Some(all),
            Opened::Unchecked(Unchecked::Missing) => {
                self.missing(field, path);
                None
            }
            Opened::Unchecked(_) => None,
            Opened::Unusable(fault) => {
                let (what, help) = match fault {
                    Fault::Nothing => ("has no certificate in PEM form", "name a PEM file"),
                    Fault::Swapped => (
                        "is the file of a private key",
                        "name the certificate's file; `key` takes the key",
                    ),
                    Fault::Malformed | Fault::LaterForm => {
                        ("has a certificate that cannot be decoded", "issue the certificate again")
                    }
                };
                self.report(&NO_CERTIFICATE, field, path, format!("`{path}` {what}"), help);
                None
            }
        }
    }

    fn pair(&mut self, paths: &FileCertificate) {
        let chain = self.certificates("/chain", &paths.chain);
        if let Some(leaf) = chain.and_then(<[_]>::first) {
            self.dates(leaf, "/chain", &paths.chain);
            self.loads(leaf, &paths.chain);
        }
        let place = self.ctx.tls.certificates.get(&paths.chain);
        let swapped = matches!(place, Some(Opened::Unusable(Fault::Swapped)));
        let is_certificate =
            matches!(self.ctx.tls.certificates.get(&paths.key), Some(Opened::Known(_)));
        match self.ctx.tls.keys.get(&paths.key) {
            Some(Opened::Known(key)) => {
                if let Some(chain) = chain {
                    self.compare(paths, chain, key);
                }
            }
            Some(Opened::Unusable(fault)) => self.no_key(&paths.key, *fault),
            Some(Opened::Unchecked(Unchecked::OpenToOthers)) if is_certificate => {
                self.no_key(&paths.key, Fault::Swapped);
            }
            // Where the chain is a key, this most likely is the certificate.
            Some(Opened::Unchecked(Unchecked::OpenToOthers)) if swapped => {}
            Some(Opened::Unchecked(Unchecked::OpenToOthers)) => {
                let message = format!("others than its owner may read `{}`", paths.key);
                let help = "run `chmod 600` on it, or keep the key out of the project";
                self.report(&OPEN_KEY, "/key", &paths.key, message, help);
            }
            Some(Opened::Unchecked(Unchecked::Missing)) => self.missing("/key", &paths.key),
            Some(Opened::Unchecked(_)) | None => {}
        }
    }

    fn no_key(&mut self, path: &str, fault: Fault) {
        let (what, help) = match fault {
            Fault::Nothing => {
                ("has no private key in PEM form", "name a PEM file without a password")
            }
            Fault::Swapped => (
                "is the file of a certificate",
                "name the key's file; `chain` takes the certificate",
            ),
            Fault::Malformed => ("has a private key that cannot be decoded", "name the right file"),
            Fault::LaterForm => (
                "has a private key in PKCS#8 of version 2, which proxies do not load",
                "write it again in version 1: openssl pkey -in KEY -out KEY",
            ),
        };
        self.report(&NO_KEY, "/key", path, format!("`{path}` {what}"), help);
    }

    fn compare(&mut self, paths: &FileCertificate, chain: &[CertificateFacts], key: &[u8; 32]) {
        let Some(leaf) = chain.first() else { return };
        if leaf.key == *key {
            return;
        }
        let (message, help) = match chain.iter().position(|other| other.key == *key) {
            Some(at) => (
                format!("`{}` belongs to certificate {} of `{}`", paths.key, at + 1, paths.chain),
                "put the leaf first, then those that signed it",
            ),
            None => (
                format!("`{}` is not the key of the certificate in `{}`", paths.key, paths.chain),
                "name the key that the certificate was issued for",
            ),
        };
        let both = format!("{}\n{}", paths.chain, paths.key);
        if self.told.insert((OTHER_KEY.id, both)) {
            let pointer = format!("{}/file/key", self.reference.pointer);
            let address = &self.reference.address;
            let finding = self.ctx.find(&OTHER_KEY, address, &pointer, message).help(help);
            let pointer = format!("{}/file/chain", self.reference.pointer);
            self.found.push(self.ctx.also(finding, address, &pointer, "the certificate"));
        }
    }

    fn dates(&mut self, facts: &CertificateFacts, field: &str, path: &str) {
        let now = self.ctx.tls.now;
        let name = format!("the certificate in `{path}`");
        if !facts.is_valid_at(now) {
            let help = if now < facts.from { "use it from then on" } else { "renew it" };
            self.report(&NOT_VALID, field, path, not_valid(facts, &name, now), help);
        } else if facts.until.saturating_sub(facts.from) > SHORT && facts.until - now <= SOON {
            let message = format!("{name} ends on {}", shown(facts.until));
            self.report(&ENDS_SOON, field, path, message, "renew it before");
        }
    }

    fn loads(&mut self, leaf: &CertificateFacts, path: &str) {
        if let Some(why) = not_loaded(leaf) {
            let message = format!("the certificate in `{path}` {why}");
            let help = "issue it for a P-256 key or an RSA key of 2048 bits or more, with \
                        `keyUsage = digitalSignature` or without key usages";
            self.report(&NOT_LOADED, "/chain", path, message, help);
        }
    }

    fn bundle(&mut self, path: &str) {
        let Some(all) = self.certificates("", path) else { return };
        let now = self.ctx.tls.now;
        // An authority that ended does no harm beside one that holds; where it signed what is
        // shown, the call is reported.
        if let Some(last) = all.iter().max_by_key(|facts| facts.until)
            && !all.iter().any(|facts| facts.is_valid_at(now))
        {
            self.dates(last, "", path);
        }
    }
}

/// That a certificate is not valid at a moment.
pub(super) fn not_valid(facts: &CertificateFacts, name: &str, now: i64) -> String {
    match now < facts.from {
        true => format!("{name} is valid from {}", shown(facts.from)),
        false => format!("{name} ended on {}", shown(facts.until)),
    }
}

/// A moment in UTC, for messages.
fn shown(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| format!("second {seconds}"),
        |at| at.strftime("%Y-%m-%d at %H:%M:%S UTC").to_string(),
    )
}
