//! The gate after a step: every proxy that can be asked has it, or the time is up.

use super::witness::{Answer, Answers, Asking};
use super::{Event, ProxyState, Rejection, Stop, Suspect};
use crate::envoy::{ProxyConfig, ProxyId, file_stem};
use crate::live::StepId;
use crate::live::admin::{Silence, Subject};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

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

/// Waits until every proxy has taken or refused what it must have, or the time is up.
pub(super) async fn wait(
    asking: &dyn Asking,
    step: StepId,
    proxies: BTreeMap<ProxyId, Arc<ProxyConfig>>,
    patience: Duration,
    stop: &Stop,
    tell: &mut dyn FnMut(Event),
) -> Passed {
    let deadline = Instant::now() + patience;
    let mut answers = JoinSet::new();
    for (proxy, config) in proxies {
        let answer = asking.ask(step, &proxy, &config, deadline);
        answers.spawn(async move { (proxy, answer.await) });
    }
    let mut passed = Passed::default();
    loop {
        let answer = tokio::select! {
            answer = answers.join_next() => answer,
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

/// What became of proxies that had a step: who is gone or refuses it now does not have it.
pub(super) fn left(answers: Answers) -> Passed {
    let mut passed = Passed::default();
    for (proxy, answer) in answers {
        match answer {
            Answer::Gone => {
                passed.late.insert(proxy, vec!["it went away while it was watched".to_owned()]);
            }
            Answer::Refused(what) => {
                passed.refused.insert(proxy, what);
            }
            // Another instance of it may just be taking it.
            Answer::Has | Answer::Late(_) => {}
        }
    }
    passed
}

/// A subject for people.
pub(super) fn words((kind, name): &Subject) -> String {
    match name.as_str() {
        "" => kind.to_string(),
        name => format!("{kind} {name}"),
    }
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
