//! MC06xx: certificates, authorities and the names in them, each looked at by itself.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{
    Address, Certificate, ClientPolicy, ClientTls, ListenerTls, MappedCertificate, MappedTrust,
    Mesh, Trust,
};

/// A secret that may be any kind of name.
const NO_NAMES: Code = Code::warning(
    "MC0606",
    "sds-trust-without-names",
    "a client that trusts by SDS does not say which names it expects",
    "Without `subject_alternative_names` the server's certificate must carry the name by which the \
     node is discovered. What SDS servers hand out mostly carries a SPIFFE ID instead, and then \
     every handshake fails. Name the IDs that are expected.",
);
/// A SPIFFE ID that is none.
const BAD_SPIFFE: Code = Code::error(
    "MC0607",
    "malformed-spiffe-id",
    "a name that starts like a SPIFFE ID and is none",
    "A SPIFFE ID is `spiffe://TRUST-DOMAIN/PATH`: a domain of lower-case letters, digits, `.`, `-` \
     and `_`, and a path without empty parts, query or trailing slash. Names are compared as they \
     are, so a malformed one matches no certificate.",
);
/// A star in an expected name.
const WILDCARD: Code = Code::warning(
    "MC0608",
    "wildcard-in-expected-name",
    "an expected certificate name with a wildcard",
    "Expected names are compared exactly: `*.example.com` is met only by a certificate that \
     carries this very text, not by one for `a.example.com`. List the names.",
);
/// A dot that certificates do not have.
const ROOT_DOT: Code = Code::warning(
    "MC0238",
    "root-dot-in-expected-name",
    "an expected certificate name ends with the root dot",
    "Names in certificates have no dot at their end, and expected names are compared exactly, so \
     `shop.example.` is met by no certificate for `shop.example`. Write the name without the dot.",
);
/// An ARN that nobody can read.
const UNMAPPED: Code = Code::error(
    "MC0610",
    "acm-not-mapped",
    "an ACM certificate that the project does not map to a file or SDS",
    "ACM gave certificates to App Mesh's own Envoys; no other proxy can fetch them. Map the ARN in \
     meshctl.toml to a file or an SDS secret (`certificates`, `authorities`), or name one of these \
     here. Another mapping is a change of what uses it: a plan shows it with its line.",
);
/// ACM where App Mesh had none.
const MISPLACED: Code = Code::error(
    "MC0611",
    "acm-not-possible-here",
    "an ACM certificate where none can be",
    "Client certificates, and the authorities by which a listener checks its clients, come from a \
     file or from SDS. App Mesh took no ACM there either, because ACM never hands out keys.",
);

/// A secret that nobody hands out.
const NO_SERVER: Code = Code::warning(
    "MC0612",
    "sds-without-server",
    "a certificate comes by SDS and the project names no SDS server",
    "`{ sds = \"NAME\" }` is fetched from the SDS server whose socket `sds_socket` under `[envoy]` in \
     meshctl.toml names; `meshctl bootstrap` writes the cluster for it. Without one Envoy rejects \
     what refers to the secret. If you write your bootstraps yourself, suppress this with that \
     reason.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&NO_NAMES], no_names as Check),
    Rule(&[&BAD_SPIFFE, &WILDCARD, &ROOT_DOT], names),
    Rule(&[&UNMAPPED, &MISPLACED], acm),
    Rule(&[&NO_SERVER], no_server),
];

/// What a reference is to.
pub enum What<'a> {
    /// A certificate that is shown.
    Shown(&'a Certificate),
    /// Authorities that are believed.
    Believed(&'a Trust),
}

/// A reference to a certificate or to authorities, and where it stands.
pub struct Reference<'a> {
    /// The resource that has it.
    pub address: Address,
    /// A pointer to it.
    pub pointer: String,
    /// What it is to.
    pub what: What<'a>,
    /// Whether a client has it (else a listener).
    pub client: bool,
    /// The names that are expected with it.
    pub names: &'a [String],
}

fn of_listener<'a>(
    address: &Address,
    pointer: &str,
    tls: &'a ListenerTls,
    all: &mut Vec<Reference<'a>>,
) {
    all.push(Reference {
        address: address.clone(),
        pointer: format!("{pointer}/certificate"),
        what: What::Shown(&tls.certificate),
        client: false,
        names: &[],
    });
    if let Some(validation) = &tls.validation {
        all.push(Reference {
            address: address.clone(),
            pointer: format!("{pointer}/validation/trust"),
            what: What::Believed(&validation.trust),
            client: false,
            names: &validation.subject_alternative_names,
        });
    }
}

fn of_client<'a>(
    address: &Address,
    pointer: &str,
    policy: Option<&'a ClientPolicy>,
    all: &mut Vec<Reference<'a>>,
) {
    let Some(tls): Option<&ClientTls> = policy.and_then(|policy| policy.tls.as_ref()) else {
        return;
    };
    let pointer = format!("{pointer}/client_policy/tls");
    if let Some(certificate) = &tls.certificate {
        all.push(Reference {
            address: address.clone(),
            pointer: format!("{pointer}/certificate"),
            what: What::Shown(certificate),
            client: true,
            names: &[],
        });
    }
    all.push(Reference {
        address: address.clone(),
        pointer: format!("{pointer}/validation/trust"),
        what: What::Believed(&tls.validation.trust),
        client: true,
        names: &tls.validation.subject_alternative_names,
    });
}

/// Every reference of a mesh to a certificate or to authorities.
pub fn references(mesh: &Mesh) -> Vec<Reference<'_>> {
    let mut all = Vec::new();
    for (name, node) in &mesh.nodes {
        let address = Address::Node(name.clone());
        for (at, listener) in node.listeners.iter().enumerate() {
            if let Some(tls) = &listener.tls {
                of_listener(&address, &listener_pointer(at, "tls"), tls, &mut all);
            }
        }
        let defaults = node.backend_defaults.client_policy.as_ref();
        of_client(&address, "/backend_defaults", defaults, &mut all);
        for (at, backend) in node.backends.iter().enumerate() {
            let policy = backend.client_policy.as_ref();
            of_client(&address, &format!("/backends/{at}"), policy, &mut all);
        }
    }
    for (name, gateway) in &mesh.gateways {
        let address = Address::Gateway(name.clone());
        for (at, listener) in gateway.listeners.iter().enumerate() {
            if let Some(tls) = &listener.tls {
                of_listener(&address, &listener_pointer(at, "tls"), tls, &mut all);
            }
        }
        let defaults = gateway.backend_defaults.client_policy.as_ref();
        of_client(&address, "/backend_defaults", defaults, &mut all);
    }
    all
}

fn no_names(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for reference in references(ctx.mesh) {
        if let (What::Believed(Trust::Sds(name)), true, []) =
            (&reference.what, reference.client, reference.names)
        {
            let message = format!("nothing says which names certificates of `{name}` must carry");
            found.push(
                ctx.find(&NO_NAMES, &reference.address, &reference.pointer, message)
                    .help("add `subject_alternative_names = [\"spiffe://…\"]` beside `trust`"),
            );
        }
    }
}

/// What is wrong with a text that starts like a SPIFFE ID.
pub(super) fn spiffe(text: &str) -> Option<&'static str> {
    let scheme = text.get(..7)?;
    if !scheme.eq_ignore_ascii_case("spiffe:") {
        return None;
    }
    let Some(rest) = text.strip_prefix("spiffe://") else {
        return Some("does not start with `spiffe://` in lower case");
    };
    let (domain, path) = rest.split_once('/').unwrap_or((rest, ""));
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if domain.is_empty() || !domain.chars().all(|c| lower(c) || "-._".contains(c)) {
        return Some("has no legal trust domain");
    }
    if !rest.contains('/') {
        return None;
    }
    let part = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
    };
    if path.split('/').all(part) { None } else { Some("has no legal path") }
}

fn names(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for reference in references(ctx.mesh) {
        let list = reference.pointer.replace("/validation/trust", "/validation");
        for (at, name) in reference.names.iter().enumerate() {
            let pointer = format!("{list}/subject_alternative_names/{at}");
            if let Some(why) = spiffe(name) {
                let message = format!("`{name}` {why}");
                found.push(
                    ctx.find(&BAD_SPIFFE, &reference.address, &pointer, message)
                        .help("write for example \"spiffe://shop.example/cart\""),
                );
            } else if name.contains('*') {
                let message = format!("the `*` in `{name}` is compared as a character");
                found.push(
                    ctx.find(&WILDCARD, &reference.address, &pointer, message)
                        .help("list the names that are expected"),
                );
            } else if let Some(bare) = name.strip_suffix('.') {
                let message = format!("no certificate has the name `{name}`");
                let finding = ctx.find(&ROOT_DOT, &reference.address, &pointer, message);
                found.push(finding.help(format!("write \"{bare}\"")));
            }
        }
    }
}

fn acm(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for reference in references(ctx.mesh) {
        let arns: &[String] = match reference.what {
            What::Shown(Certificate::Acm(arn)) => std::slice::from_ref(arn),
            What::Believed(Trust::Acm(arns)) => arns,
            What::Shown(Certificate::Mapped(MappedCertificate { acm, to: _ })) => {
                std::slice::from_ref(acm)
            }
            What::Believed(Trust::Mapped(MappedTrust { acm, to: _ })) => acm,
            What::Shown(_) | What::Believed(_) => continue,
        };
        let shown = matches!(reference.what, What::Shown(_));
        let pointer = format!("{}/acm", reference.pointer);
        if shown == reference.client {
            let what = if shown { "a client certificate" } else { "a listener's trust" };
            let message = format!("{what} cannot come from ACM");
            found.push(
                ctx.find(&MISPLACED, &reference.address, &pointer, message)
                    .help("write `{ file = … }` or `{ sds = \"NAME\" }`"),
            );
            continue;
        }
        // A mapping never leads to another.
        let unmapped = match reference.what {
            What::Shown(certificate) => {
                matches!(certificate.shown(), Certificate::Acm(_) | Certificate::Mapped(_))
            }
            What::Believed(trust) => matches!(trust.believed(), Trust::Acm(_) | Trust::Mapped(_)),
        };
        // Those that are mapped are not what is missing, unless it is the other kind of mapping.
        let other = arns.iter().all(|arn| ctx.certificates.contains(arn));
        let missing = |arn: &&String| unmapped && (other || !ctx.certificates.contains(*arn));
        for arn in arns.iter().filter(missing) {
            let message = format!("nothing says what stands in for `{arn}`");
            found.push(
                ctx.find(&UNMAPPED, &reference.address, &pointer, message).help(
                    "map the ARN to a file or an SDS secret in meshctl.toml, or name one here",
                ),
            );
        }
    }
}

fn no_server(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    if ctx.sds {
        return;
    }
    let all = references(ctx.mesh);
    let by_sds = |reference: &&Reference<'_>| {
        matches!(reference.what, What::Shown(Certificate::Sds(_)) | What::Believed(Trust::Sds(_)))
    };
    let count = all.iter().filter(by_sds).count();
    // Told once: one line in meshctl.toml mends them all.
    if let Some(first) = all.iter().find(by_sds) {
        let others = match count {
            1 => String::new(),
            2 => ", nor for 1 more secret".to_owned(),
            n => format!(", nor for {} more secrets", n - 1),
        };
        let message = format!("no SDS server is named for this secret{others}");
        found.push(
            ctx.find(&NO_SERVER, &first.address, &first.pointer, message)
                .help("add to meshctl.toml: `[envoy]` with `sds_socket = \"/run/sds.sock\"`"),
        );
    }
}
