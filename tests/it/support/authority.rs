//! Certificates for tests, from a table of text: what a case needs of them and nothing else.
//!
//! A line is `NAME SIGNER NAMES [WORD…]`: `-` as the signer makes an authority that signed itself;
//! `NAMES` are subject alternative names with commas between them, or `-`. Words: `authority`
//! and `leaf` (what basic constraints say; `plain`: there are none), `serverAuth`, `clientAuth`,
//! `anyPurpose`, `open` (others may read the key), `FROM..UNTIL` (dates, or hours from now as
//! `-2h`; otherwise 2026-01-01..2036-01-01), `usage=U,U`, `permits=NAME` and `excludes=NAME` (DNS
//! names that it may and may not sign), `depth=N`, `critical` (an extension that nobody knows),
//! `cn=NAME`, `key=KIND`, `later` (its form) and `label=LABEL` with `_` for spaces. `NAME.pem` has the certificate,
//! `NAME.key` its key, `NAME.chain` the certificate and those of its signers below the last.
//!
//! A line `FILE = FILE FILE…` puts files together. Keys of the kinds `rsa:BITS` and `ec:CURVE` and
//! what they sign need openssl.

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// Makes the certificates of a table in a folder.
pub(crate) fn make(table: &str, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let mut issuers: BTreeMap<String, Issuer<'static, KeyPair>> = BTreeMap::new();
    let mut chains: BTreeMap<String, String> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some((file, parts)) = line.split_once(" = ") {
            let texts = parts.split(' ').map(|part| fs::read_to_string(folder.join(part)).unwrap());
            fs::write(folder.join(file), texts.collect::<String>()).unwrap();
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, signer, names, words @ ..] = words.as_slice() else {
            panic!("three words: {line}")
        };
        let (mode, label) = (mode(words), label(words));
        let key = words.iter().find_map(|word| word.strip_prefix("key="));
        let foreign = key.is_some_and(|key| key.contains(':'));
        let mut pem = if foreign || (*signer != "-" && !issuers.contains_key(*signer)) {
            by_openssl(folder, name, signer, names, words)
        } else {
            let params = params(name, signer, names, words);
            let key = KeyPair::generate_for(match key {
                None => &rcgen::PKCS_ECDSA_P256_SHA256,
                Some("P-384") => &rcgen::PKCS_ECDSA_P384_SHA384,
                Some("Ed25519") => &rcgen::PKCS_ED25519,
                Some(other) => panic!("no kind of key: {other}"),
            });
            let key = key.unwrap();
            let certificate = match *signer {
                "-" => params.self_signed(&key).unwrap(),
                signer => params.signed_by(&key, &issuers[signer]).unwrap(),
            };
            fs::write(folder.join(format!("{name}.key")), private_key(&key, words)).unwrap();
            issuers.insert((*name).to_owned(), Issuer::new(params, key));
            certificate.pem()
        };
        if let Some(label) = label {
            pem = pem.replace("CERTIFICATE", &label);
        }
        let above = chains.get(*signer).cloned().unwrap_or_default();
        fs::write(folder.join(format!("{name}.pem")), &pem).unwrap();
        fs::write(folder.join(format!("{name}.chain")), format!("{pem}{above}")).unwrap();
        let path = folder.join(format!("{name}.key"));
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        // An authority that signed itself is in the bundles, not in the chains.
        let own = if *signer == "-" { String::new() } else { format!("{pem}{above}") };
        chains.insert((*name).to_owned(), own);
    }
}

/// The lines of a table that need no openssl.
pub(crate) fn without_openssl(table: &str) -> String {
    let mut foreign = BTreeSet::new();
    let mut kept = String::new();
    for line in table.lines() {
        let mut words = line.split_whitespace();
        let (name, signer) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let by_kind = line.split_whitespace().any(|w| w.starts_with("key=") && w.contains(':'));
        if by_kind || foreign.contains(signer) {
            foreign.insert(name);
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// A private key in PKCS#8 of version 1. Those of Ed25519 are made in version 2 here, which Envoy does
/// not load (word `later`).
fn private_key(key: &KeyPair, words: &[&str]) -> String {
    const FIRST: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    if *key.algorithm() != rcgen::PKCS_ED25519 || words.contains(&"later") {
        return key.serialize_pem();
    }
    let made = key.serialize_der();
    let text = base64(&[&FIRST, &made[FIRST.len()..FIRST.len() + 32]].concat());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

/// Base64 of bytes whose number three divides.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks_exact(3).flat_map(|three| {
        let number = three.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(DIGITS[(number >> shift) & 63]))
    });
    digits.collect()
}

fn mode(words: &[&str]) -> u32 {
    if words.contains(&"open") { 0o644 } else { 0o600 }
}

fn label(words: &[&str]) -> Option<String> {
    let label = words.iter().find_map(|word| word.strip_prefix("label="));
    label.map(|label| label.replace('_', " "))
}

fn params(name: &str, signer: &str, names: &str, words: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let common = words.iter().find_map(|word| word.strip_prefix("cn=")).unwrap_or(name);
    params.distinguished_name.push(DnType::CommonName, common);
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
    let mut constraints =
        NameConstraints { permitted_subtrees: Vec::new(), excluded_subtrees: Vec::new() };
    for word in words {
        match (*word, word.split_once('=')) {
            ("authority", _) => params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained),
            ("leaf", _) => params.is_ca = IsCa::ExplicitNoCa,
            ("plain", _) => params.is_ca = IsCa::NoCa,
            ("serverAuth", _) => {
                params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
            }
            ("clientAuth", _) => {
                params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
            }
            ("anyPurpose", _) => params.extended_key_usages.push(ExtendedKeyUsagePurpose::Any),
            ("critical", _) => {
                let text = b"\x0c\x01x".to_vec();
                let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], text);
                extension.set_criticality(true);
                params.custom_extensions.push(extension);
            }
            (_, Some(("usage", all))) => {
                params.key_usages.extend(all.split(',').map(|usage| match usage {
                    "digitalSignature" => KeyUsagePurpose::DigitalSignature,
                    "keyEncipherment" => KeyUsagePurpose::KeyEncipherment,
                    "keyCertSign" => KeyUsagePurpose::KeyCertSign,
                    other => panic!("no usage: {other}"),
                }));
            }
            (_, Some(("permits", name))) => {
                constraints.permitted_subtrees.push(GeneralSubtree::DnsName(name.into()));
            }
            (_, Some(("excludes", name))) => {
                constraints.excluded_subtrees.push(GeneralSubtree::DnsName(name.into()));
            }
            (_, Some(("depth", depth))) => {
                let depth = BasicConstraints::Constrained(depth.parse().unwrap());
                params.is_ca = IsCa::Ca(depth);
            }
            ("open" | "later", _) | (_, Some(("key" | "label" | "cn", _))) => {}
            (word, _) => {
                let (from, until) = word.split_once("..").unwrap_or_else(|| panic!("{word}"));
                valid(&mut params, from, until);
            }
        }
    }
    if !(constraints.permitted_subtrees.is_empty() && constraints.excluded_subtrees.is_empty()) {
        params.name_constraints = Some(constraints);
    }
    params
}

/// A certificate that is made with openssl, for kinds of keys that nothing here makes.
fn by_openssl(folder: &Path, name: &str, signer: &str, names: &str, words: &[&str]) -> String {
    let run = |args: String| {
        let mut command = Command::new("openssl");
        command.args(args.split(' ')).current_dir(folder).stderr(Stdio::null());
        let output = command.output().unwrap();
        assert!(output.status.success(), "openssl {args}");
    };
    let kind = words.iter().find_map(|word| word.strip_prefix("key=")).unwrap_or("ec:P-256");
    let (algorithm, option) = match kind.split_once(':').unwrap() {
        ("rsa", bits) => ("RSA", format!("rsa_keygen_bits:{bits}")),
        (_, curve) => ("EC", format!("ec_paramgen_curve:{curve}")),
    };
    run(format!("genpkey -algorithm {algorithm} -pkeyopt {option} -out {name}.key"));
    run(format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
    let mut extensions = vec![match signer {
        "-" => "basicConstraints=critical,CA:TRUE".to_owned(),
        _ => format!("subjectAltName=DNS:{names}"),
    }];
    let usage = words.iter().find_map(|word| word.strip_prefix("usage="));
    extensions.extend(usage.map(|usage| format!("keyUsage=critical,{usage}")));
    fs::write(folder.join(format!("{name}.ext")), extensions.join("\n")).unwrap();
    let signer = match signer {
        "-" => format!("-signkey {name}.key"),
        signer => format!("-CA {signer}.pem -CAkey {signer}.key -CAcreateserial"),
    };
    run(format!(
        "x509 -req -in {name}.csr {signer} -days 300 -sha256 -extfile {name}.ext -out {name}.pem"
    ));
    fs::read_to_string(folder.join(format!("{name}.pem"))).unwrap()
}

fn valid(params: &mut CertificateParams, from: &str, until: &str) {
    let moment = |text: &str| match text.strip_suffix('h') {
        Some(hours) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            let seconds = now.checked_add_signed(hours.parse::<i64>().unwrap() * 3600).unwrap();
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
        }
        None => {
            let (year, month, day) = date(text);
            rcgen::date_time_ymd(year, month, day)
        }
    };
    (params.not_before, params.not_after) = (moment(from), moment(until));
}

/// The year, month and day of a date.
fn date(text: &str) -> (i32, u8, u8) {
    let mut parts = text.split('-').map(|part| part.parse::<u16>().unwrap());
    let mut part = || parts.next().unwrap_or_else(|| panic!("a date: {text}"));
    let (year, month, day) = (part(), part(), part());
    (i32::from(year), u8::try_from(month).unwrap(), u8::try_from(day).unwrap())
}
