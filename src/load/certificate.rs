//! Takes the public facts out of certificates. It computes who issued whom; what that means is for
//! the rules.

use super::certificates::hash;
use crate::parallel;
use crate::rules::{
    CertificateFacts, Constraints, Fingerprint, KeyKind, KeyUsage, Purposes, SubjectName, Subtree,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use x509_parser::error::X509Error;
use x509_parser::extensions::{GeneralName, GeneralSubtree, ParsedExtension};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// The most certificates that may have issued one by their name and are tried.
const ISSUERS_MAX: usize = 64;
/// The moduli, in bits, with which signatures can be computed here.
const RSA_COMPUTED: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The certificate at the start of a block, without what OpenSSL may put behind it.
pub(super) fn bare(mut der: Vec<u8>) -> Vec<u8> {
    if let Ok((rest, _)) = X509Certificate::from_der(&der) {
        der.truncate(der.len() - rest.len());
    }
    der
}

/// A certificate with what finds its issuers.
struct Parsed<'d> {
    id: Fingerprint,
    certificate: X509Certificate<'d>,
    kind: KeyKind,
    subject: Vec<u8>,
    issuer: Vec<u8>,
    /// Its key's identifier.
    key_id: Option<Vec<u8>>,
    /// The identifier of its issuer's key, and the serial number of its issuer.
    issuer_key_id: Option<Vec<u8>>,
    issuer_serial: Option<Vec<u8>>,
}

impl<'d> Parsed<'d> {
    fn read(id: Fingerprint, der: &'d [u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let kind = kind_of(certificate.public_key());
        let (subject, issuer) = (canonical(certificate.subject()), canonical(certificate.issuer()));
        let (mut key_id, mut issuer_key_id, mut issuer_serial) = (None, None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    issuer_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                    issuer_serial = id.authority_cert_serial.map(<[u8]>::to_vec);
                }
                _ => {}
            }
        }
        Some(Self { id, certificate, kind, subject, issuer, key_id, issuer_key_id, issuer_serial })
    }

    /// Whether another may have issued it, by all that names it.
    fn names(&self, by: &Self) -> bool {
        let fits = |wanted: Option<&[u8]>, own: Option<&[u8]>| {
            wanted.zip(own).is_none_or(|(wanted, own)| wanted == own)
        };
        self.issuer == by.subject
            && fits(self.issuer_key_id.as_deref(), by.key_id.as_deref())
            && fits(self.issuer_serial.as_deref(), Some(by.certificate.raw_serial()))
    }

    /// Whether the key of another made its signature, or may have.
    fn is_signed_by(&self, by: &Self) -> bool {
        if matches!(by.kind, KeyKind::Rsa(bits) if !RSA_COMPUTED.contains(&bits)) {
            return true;
        }
        match self.certificate.verify_signature(Some(by.certificate.public_key())) {
            // What cannot be computed here is not called wrong.
            Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
            Err(_) => false,
        }
    }

    fn facts(&self, issuers: BTreeMap<Fingerprint, bool>) -> Option<CertificateFacts> {
        let parsed = &self.certificate;
        let constraints = parsed.basic_constraints().ok()?.map(|extension| extension.value);
        let usage = parsed.key_usage().ok()?.map(|extension| extension.value);
        let purposes = parsed.extended_key_usage().ok()?.map(|extension| extension.value);
        let permits = parsed.name_constraints().ok()?.map(|extension| extension.value);
        let validity = parsed.validity();
        let critical = parsed.extensions().iter().filter(|extension| extension.critical);
        let names = names(parsed)?;
        Some(CertificateFacts {
            id: self.id,
            key: hash(parsed.public_key().raw),
            kind: self.kind,
            bare_name: names.is_none() && common_names(parsed.subject()).any(is_like_dns),
            names: names.unwrap_or_default(),
            from: validity.not_before.timestamp(),
            until: validity.not_after.timestamp(),
            authority: constraints.map(|constraints| constraints.ca),
            depth: constraints.and_then(|constraints| constraints.path_len_constraint),
            usage: usage.map(|usage| KeyUsage {
                signs: usage.digital_signature(),
                enciphers: usage.key_encipherment(),
                agrees: usage.key_agreement(),
                certifies: usage.key_cert_sign(),
            }),
            purposes: purposes.map(|purposes| Purposes {
                server: purposes.server_auth,
                client: purposes.client_auth,
                any: purposes.any,
            }),
            constraints: permits.map(|permits| Constraints {
                permitted: subtrees(permits.permitted_subtrees.as_deref()),
                excluded: subtrees(permits.excluded_subtrees.as_deref()),
            }),
            critical: critical.map(|extension| extension.oid.to_id_string()).collect(),
            issuers,
            trusted_label: false,
        })
    }
}

/// The facts of all certificates, with who of them issued whom. `None` is one that cannot be
/// decoded.
pub(super) fn every_facts(
    all: &BTreeMap<Fingerprint, &[u8]>,
) -> BTreeMap<Fingerprint, Option<CertificateFacts>> {
    let parsed: Vec<(Fingerprint, Option<Parsed<'_>>)> =
        all.iter().map(|(id, der)| (*id, Parsed::read(*id, der))).collect();
    let mut by_subject: BTreeMap<&[u8], Vec<&Parsed<'_>>> = BTreeMap::new();
    for parsed in parsed.iter().filter_map(|(_, parsed)| parsed.as_ref()) {
        by_subject.entry(&parsed.subject).or_default().push(parsed);
    }
    let facts = parallel::map(&parsed, |(_, parsed)| {
        let parsed = parsed.as_ref()?;
        let candidates = by_subject.get(parsed.issuer.as_slice()).map_or(&[][..], Vec::as_slice);
        let issuers = candidates.iter().filter(|by| parsed.names(by)).take(ISSUERS_MAX);
        parsed.facts(issuers.map(|by| (by.id, parsed.is_signed_by(by))).collect())
    });
    parsed.iter().map(|(id, _)| *id).zip(facts).collect()
}

/// A distinguished name in the form in which two are compared: without case and outer spaces, and
/// whichever kind of string it is.
fn canonical(name: &X509Name<'_>) -> Vec<u8> {
    let mut all = Vec::new();
    for part in name.iter() {
        all.push(1);
        for attribute in part.iter() {
            all.push(2);
            all.extend_from_slice(attribute.attr_type().as_bytes());
            all.push(3);
            match attribute.as_str() {
                Ok(text) => {
                    let words: Vec<&str> = text.split_ascii_whitespace().collect();
                    all.extend(words.join(" ").to_ascii_lowercase().into_bytes());
                }
                Err(_) => all.extend_from_slice(attribute.as_slice()),
            }
        }
    }
    all
}

fn kind_of(key: &SubjectPublicKeyInfo<'_>) -> KeyKind {
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.1" => match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => KeyKind::Rsa(bits(rsa.modulus)),
            Ok(_) | Err(_) => KeyKind::Other,
        },
        "1.2.840.10045.2.1" => {
            let curve = key.algorithm.parameters.as_ref().and_then(|any| any.as_oid().ok());
            match curve.map(|curve| curve.to_id_string()).as_deref() {
                Some("1.3.132.0.33") => KeyKind::P224,
                Some("1.2.840.10045.3.1.7") => KeyKind::P256,
                Some("1.3.132.0.34") => KeyKind::P384,
                Some("1.3.132.0.35") => KeyKind::P521,
                Some(_) | None => KeyKind::Other,
            }
        }
        "1.3.101.112" => KeyKind::Ed25519,
        _ => KeyKind::Other,
    }
}

/// The bits of a number, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let first = number.get(start).map_or(0, |byte| byte.leading_zeros());
    (number.len() - start) * 8 - usize::try_from(first).unwrap_or_default()
}

/// The subject alternative names: `None` where they cannot be decoded, `Some(None)` where there is no
/// list of them.
fn names(parsed: &X509Certificate<'_>) -> Option<Option<BTreeSet<SubjectName>>> {
    let Some(extension) = parsed.subject_alternative_name().ok()? else {
        return Some(None);
    };
    Some(Some(extension.value.general_names.iter().map(subject_name).collect()))
}

fn subject_name(name: &GeneralName<'_>) -> SubjectName {
    match name {
        GeneralName::DNSName(name) => SubjectName::Dns((*name).to_owned()),
        GeneralName::URI(name) => SubjectName::Uri((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).ok().map(IpAddr::from);
            let address = v4.or_else(|| <[u8; 16]>::try_from(*bytes).ok().map(IpAddr::from));
            address.map_or(SubjectName::Other, |address| SubjectName::Address(address.to_string()))
        }
        _ => SubjectName::Other,
    }
}

fn subtrees(all: Option<&[GeneralSubtree<'_>]>) -> Vec<Subtree> {
    let of = |tree: &GeneralSubtree<'_>| match &tree.base {
        GeneralName::DNSName(base) => Subtree::Dns((*base).to_owned()),
        GeneralName::URI(base) => Subtree::Uri((*base).to_owned()),
        GeneralName::IPAddress(_) => Subtree::Addresses,
        _ => Subtree::Other,
    };
    all.unwrap_or_default().iter().map(of).collect()
}

fn common_names<'n>(name: &'n X509Name<'_>) -> impl Iterator<Item = &'n str> {
    name.iter_common_name().filter_map(|attribute| attribute.as_str().ok())
}

/// Whether a text looks like a DNS name: labels of letters, digits, `-`, `_` and `:`.
fn is_like_dns(text: &str) -> bool {
    let text = text.strip_prefix("*.").unwrap_or(text);
    let text = text.strip_suffix('.').unwrap_or(text);
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
    text.split('.')
        .all(|label| !label.is_empty() && !label.starts_with('-') && label.chars().all(legal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_bits_of_its_first_byte_that_counts() {
        for (number, count) in
            [(&[0, 0x80, 0][..], 16), (&[0x80, 0], 16), (&[1, 0], 9), (&[0, 0], 0), (&[], 0)]
        {
            assert_eq!(bits(number), count, "{number:?}");
        }
    }

    #[test]
    fn a_common_name_may_look_like_a_dns_name() {
        for name in ["shop.internal", "shop", "*.internal", "a_b.c", "shop.internal."] {
            assert!(is_like_dns(name), "{name}");
        }
        for name in ["Shop 1", "", "a..b", ".a", "-a", "é"] {
            assert!(!is_like_dns(name), "{name}");
        }
    }
}
