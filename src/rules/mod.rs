//! The checks on a whole model: what the files mean together, before anything is rendered.
//!
//! A rule is a [`Code`], a function, and one line in the `RULES` table of its family. Rules only
//! look and report: they know nothing of Envoy's messages and change nothing. Each is one linear
//! pass over the model with the maps of [`Graph`](crate::graph::Graph), because a mesh can have
//! 50,000 routes.
#![deny(clippy::disallowed_methods)]

mod calls;
mod capture;
mod captured;
mod certificate;
mod certificates;
mod context;
mod discovery;
mod facts;
mod following;
mod handshakes;
mod health;
mod http;
mod keys;
mod logs;
mod matchers;
mod matching;
mod names;
mod outside;
mod pools;
mod ports;
mod protocols;
mod references;
mod rejections;
mod retries;
mod rewrites;
mod shadowing;
mod sidecar;
mod timeouts;
mod tls;
mod trust;
mod unsent;
mod usage;
mod verification;
mod weights;

pub use certificate::{
    CertificateFacts, Constraints, KeyKind, KeyUsage, Purposes, SubjectName, Subtree,
};
pub use context::Ctx;
pub use facts::{Fault, Fingerprint, Opened, TlsFiles, Unchecked};
pub use trust::{Reference, What, references};

use crate::diag::{Code, Diagnostics};
use crate::parallel;

/// What a rule is: it walks the model and reports what it finds.
type Check = fn(&Ctx<'_>, &mut Diagnostics);

/// A rule: the codes that it raises, and the function that raises them.
struct Rule(&'static [&'static Code], Check);

const FAMILIES: &[&[Rule]] = &[
    names::RULES,
    logs::RULES,
    references::RULES,
    usage::RULES,
    matching::RULES,
    matchers::RULES,
    unsent::RULES,
    shadowing::RULES,
    rewrites::RULES,
    weights::RULES,
    timeouts::RULES,
    pools::RULES,
    retries::RULES,
    calls::RULES,
    health::RULES,
    protocols::RULES,
    keys::RULES,
    ports::RULES,
    capture::RULES,
    sidecar::RULES,
    captured::RULES,
    http::RULES,
    tls::RULES,
    trust::RULES,
    certificates::RULES,
    handshakes::RULES,
    outside::RULES,
    discovery::RULES,
];

/// Runs every rule over a model.
pub fn check(ctx: &Ctx<'_>) -> Diagnostics {
    let rules: Vec<&Rule> = FAMILIES.iter().copied().flatten().collect();
    let by_rule = parallel::map(&rules, |Rule(_, run)| {
        let mut found = Diagnostics::default();
        run(ctx, &mut found);
        found
    });
    let mut found = Diagnostics::default();
    for findings in by_rule {
        found.append(findings);
    }
    if found.has_errors() || ctx.incomplete || !ctx.broken.is_empty() {
        following::leave_out(ctx, &mut found);
    }
    found
}

/// Every code that a rule can raise, by id.
pub fn codes() -> Vec<&'static Code> {
    let mut all: Vec<&'static Code> = FAMILIES
        .iter()
        .copied()
        .flatten()
        .flat_map(|Rule(codes, _)| codes.iter().copied())
        .collect();
    all.sort_by_key(|code| code.id);
    all
}

#[cfg(test)]
mod tests;
