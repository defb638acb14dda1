//! Whether a peer's certificate is verified: the path from its leaf to an authority that is
//! trusted, found and checked as Envoy's TLS library does it.
//!
//! The library takes the first certificate that fits at each place, those that are trusted before
//! those that the peer sends, and does not try another one. What is trusted is taken as it is, but
//! for its dates and the names that it may sign.

use super::certificate::{CertificateFacts, SubjectName};
use std::collections::BTreeSet;

/// The extensions that may be critical, because the library knows them.
const KNOWN: [&str; 9] = [
    "2.5.29.15", // key usage
    "2.5.29.17", // subject alternative names
    "2.5.29.19", // basic constraints
    "2.5.29.30", // name constraints
    "2.5.29.32", // policies
    "2.5.29.33", // policy mappings
    "2.5.29.36", // policy constraints
    "2.5.29.37", // extended key usage
    "2.5.29.54", // inhibit any policy
];

/// Whose certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// A server's.
    Server,
    /// A client's.
    Client,
}

impl Side {
    /// The noun in messages.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }

    /// The extended key usage that the side needs.
    pub(super) const fn purpose(self) -> &'static str {
        match self {
            Self::Server => "serverAuth",
            Self::Client => "clientAuth",
        }
    }
}

/// Where a certificate of a path comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// What the peer sends, by the place in it.
    Chain(usize),
    /// What is trusted, by the place in it.
    Trust(usize),
}

/// Why a certificate is not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing that is trusted issued it.
    Unknown,
    /// What would have issued it lacks `keyCertSign`.
    NoCertSign,
    /// The first certificate of the issuer's name has another key.
    OtherKey,
    /// The issuer's kind of key is not known.
    KeyKind,
    /// An authority that the peer sends is none by its basic constraints.
    NoAuthority,
    /// There are more authorities below one than it allows.
    TooDeep,
    /// It is for another purpose.
    Purpose,
    /// It has a critical extension, of this identifier, that is not known.
    Critical(String),
    /// It is not valid now.
    Dates,
    /// An authority may not sign this name, or one without a kind that is compared.
    Name(Option<SubjectName>),
}

/// A certificate that is not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejection {
    /// What is wrong.
    pub(super) why: Why,
    /// The certificate at which it is.
    pub(super) source: Source,
}

/// The first critical extension of a certificate that is not known.
pub(super) fn unknown_extension(facts: &CertificateFacts) -> Option<&String> {
    facts.critical.iter().find(|id| !KNOWN.contains(&id.as_str()))
}

/// Whether a leaf is for a side, by its extended key usages and, for what TLS does with its key, by
/// its key usage.
pub(super) fn is_for(facts: &CertificateFacts, side: Side) -> bool {
    let usage = facts.usage.is_none_or(|usage| match side {
        Side::Server => usage.signs || usage.enciphers || usage.agrees,
        Side::Client => usage.signs || usage.agrees,
    });
    usage && has_purpose(facts, side)
}

fn has_purpose(facts: &CertificateFacts, side: Side) -> bool {
    facts.purposes.is_none_or(|purposes| match side {
        Side::Server => purposes.server,
        Side::Client => purposes.client,
    })
}

/// Whether a certificate may sign others by its key usage.
fn certifies(facts: &CertificateFacts) -> bool {
    facts.usage.is_none_or(|usage| usage.certifies)
}

type Path<'f> = Vec<(Source, &'f CertificateFacts)>;

/// The certificates that lead from a leaf to what is trusted, and how many of them are not trusted.
fn path<'f>(
    chain: &'f [CertificateFacts],
    trust: &'f [CertificateFacts],
) -> Result<(Path<'f>, usize), Rejection> {
    let Some(leaf) = chain.first() else {
        return Err(Rejection { why: Why::Unknown, source: Source::Chain(0) });
    };
    let issued = |by: &CertificateFacts, it: &CertificateFacts| {
        it.issuers.contains_key(&by.id) && certifies(by)
    };
    let trusted = |it: &CertificateFacts| trust.iter().enumerate().find(|(_, by)| issued(by, it));
    let mut path = vec![(Source::Chain(0), leaf)];
    // Below the first the library reads no certificate of the other label.
    let sent = chain.iter().enumerate().skip(1).filter(|(_, sent)| !sent.trusted_label);
    let mut left: Vec<_> = sent.collect();
    let mut last = leaf;
    while !last.is_root() && trusted(last).is_none() {
        let Some(at) = left.iter().position(|(_, by)| issued(by, last)) else { break };
        let (at, by) = left.remove(at);
        path.push((Source::Chain(at), by));
        last = by;
    }
    if last.is_root() && path.len() > 1 {
        // A root that the peer sends is not trusted for that.
        path.pop();
        last = path.last().map_or(leaf, |(_, facts)| facts);
    }
    let sent = path.len();
    let mut seen = BTreeSet::new();
    while !last.is_root()
        && let Some((at, by)) = trusted(last)
        && seen.insert(by.id)
    {
        path.push((Source::Trust(at), by));
        last = by;
    }
    if path.len() > sent {
        return Ok((path, sent));
    }
    if trust.iter().any(|it| it.id == leaf.id) {
        return Ok((path, 0));
    }
    let near = |by: &CertificateFacts| last.issuers.contains_key(&by.id) && !certifies(by);
    let place = |all: &[CertificateFacts]| all.iter().position(near);
    let near = place(trust).map(Source::Trust).or_else(|| place(chain).map(Source::Chain));
    let end = path.last().map_or(Source::Chain(0), |(source, _)| *source);
    Err(match near {
        Some(source) => Rejection { why: Why::NoCertSign, source },
        None => Rejection { why: Why::Unknown, source: end },
    })
}

/// Verifies a chain, leaf first, by what is trusted, at a moment.
pub(super) fn verify(
    chain: &[CertificateFacts],
    trust: &[CertificateFacts],
    side: Side,
    now: i64,
) -> Result<(), Rejection> {
    let (path, sent) = path(chain, trust)?;
    let reject = |source: Source, why: Why| Err(Rejection { why, source });
    for pair in path.windows(2) {
        let [(_, it), (source, by)] = pair else { continue };
        if by.kind == super::certificate::KeyKind::Other {
            return reject(*source, Why::KeyKind);
        }
        if it.issuers.get(&by.id) == Some(&false) {
            return reject(*source, Why::OtherKey);
        }
    }
    let mut below = 0_u32;
    for (at, (source, it)) in path.iter().take(sent).enumerate() {
        if let Some(id) = unknown_extension(it) {
            return reject(*source, Why::Critical(id.clone()));
        }
        if at > 0 && (it.authority != Some(true) || !certifies(it)) {
            return reject(*source, Why::NoAuthority);
        }
        if !(if at == 0 { is_for(it, side) } else { has_purpose(it, side) }) {
            return reject(*source, Why::Purpose);
        }
        if at > 1 && it.depth.is_some_and(|depth| below > depth.saturating_add(1)) {
            return reject(*source, Why::TooDeep);
        }
        below = below.saturating_add(1);
    }
    if let Some((source, _)) = path.iter().find(|(_, it)| !it.is_valid_at(now)) {
        return reject(*source, Why::Dates);
    }
    for (at, (_, it)) in path.iter().enumerate() {
        if at > 0 && it.is_root() {
            continue;
        }
        for (source, by) in path.iter().skip(at + 1) {
            let Some(constraints) = &by.constraints else { continue };
            if let Some(name) = it.names.iter().find(|name| constraints.forbid(name)) {
                return reject(*source, Why::Name(Some(name.clone())));
            }
            if at == 0 && it.bare_name {
                return reject(*source, Why::Name(None));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::certificate::tests::facts;
    use super::super::certificate::{Constraints, KeyUsage, Purposes, Subtree};
    use super::*;

    fn why(chain: &[CertificateFacts], trust: &[CertificateFacts]) -> Option<Why> {
        verify(chain, trust, Side::Server, 50).err().map(|rejection| rejection.why)
    }

    #[test]
    fn a_chain_leads_by_authorities_only() {
        let (leaf, between, root) =
            (facts(1, &[2], false), facts(2, &[3], true), facts(3, &[3], true));
        let other = facts(4, &[4], true);
        let one = std::slice::from_ref;
        assert_eq!(why(&[leaf.clone(), between.clone()], one(&root)), None);
        assert_eq!(why(one(&leaf), one(&between)), None, "a partial chain");
        assert_eq!(why(one(&leaf), one(&leaf)), None, "a pinned leaf");
        assert_eq!(why(one(&leaf), one(&root)), Some(Why::Unknown), "without the intermediate");
        assert_eq!(why(&[leaf.clone(), between.clone()], &[other]), Some(Why::Unknown));
        let none = facts(2, &[3], false);
        assert_eq!(why(&[leaf.clone(), none.clone()], one(&root)), Some(Why::NoAuthority));
        assert_eq!(why(one(&leaf), one(&none)), None, "what is trusted may be no authority");
        assert_eq!(why(&[leaf.clone(), root.clone()], one(&root)), Some(Why::Unknown));
        assert_eq!(why(&[], &[]), Some(Why::Unknown));
        let mut labelled = between;
        labelled.trusted_label = true;
        assert_eq!(why(&[leaf, labelled], &[root]), Some(Why::Unknown), "a label that is not read");
    }

    #[test]
    fn the_first_that_fits_is_taken() {
        let mut leaf = facts(1, &[2, 3], false);
        leaf.issuers.insert([3; 32], false);
        let (right, other) = (facts(2, &[2], true), facts(3, &[3], true));
        let leaf = &[leaf][..];
        assert_eq!(why(leaf, &[right.clone(), other.clone()]), None);
        assert_eq!(why(leaf, &[other, right.clone()]), Some(Why::OtherKey));
        let mut old = facts(3, &[3], true);
        old.until = 49;
        let leaf = &[facts(1, &[2, 3], false)][..];
        assert_eq!(why(leaf, &[right.clone(), old.clone()]), None);
        assert_eq!(why(leaf, &[old, right]), Some(Why::Dates));
    }

    #[test]
    fn what_is_trusted_is_taken_as_it_is_and_what_is_sent_is_not() {
        let leaf = facts(1, &[2], false);
        let root = facts(3, &[3], true);
        type Change = fn(&mut CertificateFacts);
        let rows: [(Change, Why, Option<Why>); 5] = [
            (|it| it.critical = ["1.2.3.4".into()].into(), Why::Critical("1.2.3.4".into()), None),
            (|it| it.authority = Some(false), Why::NoAuthority, None),
            (
                |it| it.purposes = Some(Purposes { server: false, client: true, any: true }),
                Why::Purpose,
                None,
            ),
            (|it| it.until = 49, Why::Dates, Some(Why::Dates)),
            (
                |it| {
                    let (signs, enciphers, agrees) = (true, false, false);
                    it.usage = Some(KeyUsage { signs, enciphers, agrees, certifies: false });
                },
                Why::NoCertSign,
                Some(Why::NoCertSign),
            ),
        ];
        for (change, sent, trusted) in rows {
            let mut between = facts(2, &[3], true);
            change(&mut between);
            let chain = [leaf.clone(), between.clone()];
            assert_eq!(why(&chain, std::slice::from_ref(&root)), Some(sent.clone()), "{sent:?}");
            assert_eq!(why(&chain, &[between]), trusted, "{sent:?}");
        }
    }

    #[test]
    fn depth_and_names_are_limited() {
        let leaf = facts(1, &[2], false);
        let (low, mut high) = (facts(2, &[3], true), facts(3, &[4], true));
        let mut root = facts(4, &[4], true);
        let trust = [root.clone()];
        high.depth = Some(1);
        assert_eq!(why(&[leaf.clone(), low.clone(), high.clone()], &trust), None);
        high.depth = Some(0);
        assert_eq!(why(&[leaf.clone(), low.clone(), high.clone()], &trust), Some(Why::TooDeep));
        assert_eq!(why(&[leaf, low], &[high]), None, "a trusted one is not counted");

        root.constraints =
            Some(Constraints { permitted: vec![Subtree::Dns("x".into())], excluded: Vec::new() });
        let trust = [root];
        let mut leaf = facts(1, &[4], false);
        leaf.names = [SubjectName::Dns("a.x".into())].into();
        assert_eq!(why(std::slice::from_ref(&leaf), &trust), None);
        leaf.names.insert(SubjectName::Dns("b.y".into()));
        let outside = Why::Name(Some(SubjectName::Dns("b.y".into())));
        assert_eq!(why(std::slice::from_ref(&leaf), &trust), Some(outside));
        leaf.names.clear();
        leaf.bare_name = true;
        assert_eq!(why(&[leaf], &trust), Some(Why::Name(None)));
    }
}
