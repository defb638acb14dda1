//! Certificates for tests, from a table of text: what a case needs of them and nothing else.
//!
//! A line is `NAME SIGNER NAMES [WORD…]`: `-` as the signer makes an authority that signed itself;
//! `NAMES` are subject alternative names with commas between them, or `-`. Words: `authority`,
//! `serverAuth`, `clientAuth`, `open` (others may read the key) and `FROM..UNTIL` (dates; otherwise
//! 2026-01-01..2036-01-01). `NAME.pem` has the certificate, `NAME.key` its key, `NAME.chain` the
//! certificate and those of its signers below the last.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Makes the certificates of a table in a folder.
pub(crate) fn make(table: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut issuers: BTreeMap<String, Issuer<'static, KeyPair>> = BTreeMap::new();
    let mut chains: BTreeMap<String, String> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("three words: {line}"));
        let (name, signer, names) = (word(), word(), word());
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        valid(&mut params, "2026-01-01", "2036-01-01");
        if signer == "-" {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        for name in names.split(',').filter(|name| *name != "-") {
            params.subject_alt_names.push(match (name.parse(), name.contains("://")) {
                (Ok(address), _) => SanType::IpAddress(address),
                (Err(_), true) => SanType::URI(name.try_into().unwrap()),
                (Err(_), false) => SanType::DnsName(name.try_into().unwrap()),
            });
        }
        let mut mode = 0o600;
        for word in words {
            match word {
                "authority" => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
                "serverAuth" => {
                    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
                }
                "clientAuth" => {
                    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
                }
                "open" => mode = 0o644,
                _ => {
                    let (from, until) = word.split_once("..").unwrap_or_else(|| panic!("{line}"));
                    valid(&mut params, from, until);
                }
            }
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match signer {
            "-" => params.self_signed(&key).unwrap(),
            signer => params.signed_by(&key, &issuers[signer]).unwrap(),
        };
        let pem = certificate.pem();
        let above = chains.get(signer).cloned().unwrap_or_default();
        fs::write(folder.join(format!("{name}.pem")), &pem).unwrap();
        fs::write(folder.join(format!("{name}.chain")), format!("{pem}{above}")).unwrap();
        let path = folder.join(format!("{name}.key"));
        fs::write(&path, key.serialize_pem()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        // An authority that signed itself is in the bundles, not in the chains.
        let own = if signer == "-" { String::new() } else { format!("{pem}{above}") };
        chains.insert(name.to_owned(), own);
        issuers.insert(name.to_owned(), Issuer::new(params, key));
    }
}

/// The year, month and day of a date.
fn date(text: &str) -> (i32, u8, u8) {
    let mut parts = text.split('-').map(|part| part.parse::<u16>().unwrap());
    let mut part = || parts.next().unwrap_or_else(|| panic!("a date: {text}"));
    let (year, month, day) = (part(), part(), part());
    (i32::from(year), u8::try_from(month).unwrap(), u8::try_from(day).unwrap())
}

fn valid(params: &mut CertificateParams, from: &str, until: &str) {
    let ((year, month, day), (last_year, last_month, last_day)) = (date(from), date(until));
    params.not_before = rcgen::date_time_ymd(year, month, day);
    params.not_after = rcgen::date_time_ymd(last_year, last_month, last_day);
}
