//! The gate after a step: every proxy that can be asked has it, or the time is up.

use super::{Event, ProxyState, Rejection, Stop, Suspect};
use crate::envoy::{ProxyConfig, ProxyId, ResourceType, file_stem};
use crate::live::admin::{Admin, Expected, Seen, Silence, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// How often a proxy is asked.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// A proxy that is not running when asked so often is not waited for: it reads the files when it
/// starts.
const GONE_AFTER: u32 = 4;

/// A proxy at the gate.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its admin interface.
    pub(super) admin: Admin,
    /// What it must have.
    pub(super) expected: Expected,
    /// What it reported before the step.
    pub(super) before: Seen,
}

/// What the gate found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// The proxies that have the step.
    pub(super) proven: BTreeSet<ProxyId>,
    /// What was refused, by proxy and type.
    pub(super) refused: BTreeMap<ProxyId, BTreeMap<Subject, Option<String>>>,
    /// The proxies that do not run.
    pub(super) gone: BTreeSet<ProxyId>,
    /// The proxies that run and did not take the step in time.
    pub(super) late: BTreeMap<ProxyId, Vec<String>>,
    /// Whether the wait was cut short.
    pub(super) stopped: bool,
}

/// What all proxies report now, those that answer.
pub(super) async fn look(admins: &BTreeMap<ProxyId, Admin>) -> BTreeMap<ProxyId, Seen> {
    let mut asking = JoinSet::new();
    for (proxy, admin) in admins.clone() {
        asking.spawn(async move { (proxy, admin.seen().await) });
    }
    let mut found = BTreeMap::new();
    while let Some(answer) = asking.join_next().await {
        if let Ok((proxy, Ok(seen))) = answer {
            found.insert(proxy, seen);
        }
    }
    found
}

enum Answer {
    Has,
    Refused(BTreeMap<Subject, Option<String>>),
    Gone,
    Late(Vec<String>),
}

/// Waits until every proxy has taken or refused what it must have, or the time is up.
pub(super) async fn wait(
    asked: BTreeMap<ProxyId, Asked>,
    patience: Duration,
    stop: &Stop,
    tell: &mut dyn FnMut(Event),
) -> Passed {
    let deadline = Instant::now() + patience;
    let mut asking = JoinSet::new();
    for (proxy, one) in asked {
        asking.spawn(async move { (proxy, ask(one, deadline).await) });
    }
    let mut passed = Passed::default();
    loop {
        let answer = tokio::select! {
            answer = asking.join_next() => answer,
            () = stop.requested() => {
                passed.stopped = true;
                return passed;
            }
        };
        let Some(answer) = answer else { return passed };
        // A task that panicked has told on stderr; its proxy is simply not proven.
        let Ok((proxy, answer)) = answer else { continue };
        let state = match answer {
            Answer::Has => {
                passed.proven.insert(proxy.clone());
                Some(ProxyState::Acked)
            }
            Answer::Gone => {
                passed.gone.insert(proxy.clone());
                Some(ProxyState::Silent(Silence::Gone))
            }
            Answer::Late(lacks) => {
                passed.late.insert(proxy.clone(), lacks.clone());
                Some(ProxyState::Late { lacks })
            }
            Answer::Refused(what) => {
                passed.refused.insert(proxy.clone(), what);
                None
            }
        };
        if let Some(state) = state {
            tell(Event::Proxy { proxy, state });
        }
    }
}

async fn ask(one: Asked, deadline: Instant) -> Answer {
    let mut gone = 0;
    loop {
        let lacks = match one.admin.seen().await {
            Ok(seen) => {
                gone = 0;
                if seen.has(&one.expected) {
                    return Answer::Has;
                }
                let refused = seen.refused_since(&one.before, &one.expected);
                if !refused.is_empty() {
                    return Answer::Refused(with_reasons(&one.admin, refused).await);
                }
                let mut lacks: Vec<String> =
                    seen.missing(&one.expected).iter().map(words).collect();
                if seen.warming > 0 {
                    lacks.push(format!("{} warming", seen.warming));
                }
                lacks
            }
            Err(Silence::Gone) => {
                gone += 1;
                if gone >= GONE_AFTER {
                    return Answer::Gone;
                }
                vec![Silence::Gone.to_string()]
            }
            Err(Silence::NoAnswer) => vec![Silence::NoAnswer.to_string()],
        };
        if Instant::now() + ASK_EVERY > deadline {
            return Answer::Late(lacks);
        }
        sleep(ASK_EVERY).await;
    }
}

/// A subject for people.
pub(super) fn words((kind, name): &Subject) -> String {
    match name.as_str() {
        "" => kind.to_string(),
        name => format!("{kind} {name}"),
    }
}

async fn with_reasons(admin: &Admin, refused: Vec<Subject>) -> BTreeMap<Subject, Option<String>> {
    let listeners = refused.iter().any(|(kind, _)| *kind == ResourceType::Listener);
    let reasons = if listeners { admin.reasons().await } else { BTreeMap::new() };
    let mut found = BTreeMap::new();
    for subject in refused {
        if subject.0 == ResourceType::Listener && !reasons.is_empty() {
            for (name, reason) in &reasons {
                found.insert((subject.0, name.clone()), Some(reason.clone()));
            }
        } else {
            found.insert(subject, None);
        }
    }
    found
}

/// What a refusal may be about: the named resource, or those of the set that were new to the proxy.
pub(super) fn rejection(
    proxy: &ProxyId,
    (kind, name): &Subject,
    reason: Option<String>,
    before: Option<&ProxyConfig>,
    after: Option<&ProxyConfig>,
) -> Rejection {
    let resources = after.into_iter().flat_map(|config| config.of(*kind));
    let suspects = resources.filter(|resource| match name.as_str() {
        "" => {
            let was = before.and_then(|config| config.get(*kind, &resource.name));
            was.is_none_or(|was| was.version != resource.version)
        }
        // Those that share a file are told by name, the others by their file.
        name => resource.name == name || file_stem(*kind, &resource.name) == name,
    });
    let resources = suspects
        .map(|resource| Suspect { name: resource.name.clone(), origins: resource.origins.clone() })
        .collect();
    Rejection { proxy: proxy.clone(), kind: *kind, resources, reason }
}
