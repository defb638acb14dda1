//! The admin interfaces of Envoys as a witness.

use super::witness::{ASK_EVERY, Answer, Asking, GONE_AFTER, Standing, Wanted, Witness};
use crate::envoy::{ProxyConfig, ProxyId, ResourceType, files};
use crate::live::StepId;
use crate::live::admin::{Admin, Expected, Seen, Silence, Subject, expected};
use crate::plan::Gain;
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// The admin interfaces that a target knows. Each is of one Envoy.
#[derive(Clone, Debug, Default)]
pub struct Admins(pub BTreeMap<ProxyId, Admin>);

/// What the proxies reported before a step.
struct Before {
    admins: Admins,
    seen: BTreeMap<ProxyId, Seen>,
}

impl Admins {
    fn some(&self, proxies: &BTreeSet<ProxyId>) -> BTreeMap<ProxyId, Admin> {
        let known = self.0.iter().filter(|(proxy, _)| proxies.contains(*proxy));
        known.map(|(proxy, admin)| (proxy.clone(), admin.clone())).collect()
    }
}

impl Witness for Admins {
    fn knows(&self, proxy: &ProxyId) -> bool {
        self.0.contains_key(proxy)
    }

    fn reads_files(&self) -> bool {
        true
    }

    fn before(&self, proxies: BTreeSet<ProxyId>) -> BoxFuture<'static, Box<dyn Asking>> {
        let admins = self.clone();
        Box::pin(async move {
            let seen = look(admins.some(&proxies)).await;
            let seen = seen.into_iter().filter_map(|(proxy, seen)| Some((proxy, seen.ok()?)));
            let seen = seen.collect();
            Box::new(Before { admins, seen }) as Box<dyn Asking>
        })
    }

    fn standing(
        &self,
        proxies: BTreeMap<ProxyId, Wanted>,
    ) -> BoxFuture<'static, BTreeMap<ProxyId, Standing>> {
        let admins = self.some(&proxies.keys().cloned().collect());
        Box::pin(async move {
            let standing = |(proxy, seen): (ProxyId, Result<Seen, Silence>)| {
                let standing = Standing::of(&seen, &versions(proxies.get(&proxy)?));
                Some((proxy, standing))
            };
            look(admins).await.into_iter().filter_map(standing).collect()
        })
    }

    // Folders have no registry: a node that is found in one is a finding of `check` there.
    fn instances(&self, _gain: &Gain) -> Option<usize> {
        None
    }
}

impl Standing {
    /// Of one Envoy: whether it answers as one, and whether it has what it should.
    fn of(seen: &Result<Seen, Silence>, expected: &Expected) -> Self {
        let (running, answer) = match seen {
            Ok(seen) if seen.has(expected) => (1, Answer::Has),
            Ok(seen) => (1, Answer::Late(lacks(seen, expected))),
            Err(Silence::NoAnswer) => (1, Answer::Gone),
            Err(Silence::Gone) => (0, Answer::Gone),
        };
        let acknowledged = usize::from(answer == Answer::Has);
        Self { answer, running, acknowledged, awaited: false }
    }
}

impl Asking for Before {
    fn ask(
        &self,
        _step: StepId,
        proxy: &ProxyId,
        config: &Arc<ProxyConfig>,
        deadline: Instant,
    ) -> BoxFuture<'static, Answer> {
        let Some(admin) = self.admins.0.get(proxy).cloned() else {
            return Box::pin(std::future::ready(Answer::Gone));
        };
        let before = self.seen.get(proxy).cloned().unwrap_or_default();
        let expected = expected(&files(config));
        Box::pin(async move { ask(&admin, &expected, &before, deadline).await })
    }
}

/// The versions that a proxy must report.
fn versions(wanted: &Wanted) -> Expected {
    match wanted {
        Wanted::Config(config) => expected(&files(config)),
        Wanted::Files(files) => expected(files),
        Wanted::InForce => Expected::new(),
    }
}

/// What all of these report now.
async fn look(admins: BTreeMap<ProxyId, Admin>) -> BTreeMap<ProxyId, Result<Seen, Silence>> {
    let mut asking = JoinSet::new();
    for (proxy, admin) in admins {
        asking.spawn(async move { (proxy, admin.seen().await) });
    }
    let mut found = BTreeMap::new();
    while let Some(answer) = asking.join_next().await {
        // A task that panicked has told on stderr; its proxy is simply not heard of.
        found.extend(answer);
    }
    found
}

async fn ask(admin: &Admin, expected: &Expected, before: &Seen, deadline: Instant) -> Answer {
    let mut gone = 0;
    loop {
        let lacks = match admin.seen().await {
            Ok(seen) => {
                gone = 0;
                if seen.has(expected) {
                    return Answer::Has;
                }
                let refused = seen.refused_since(before, expected);
                if !refused.is_empty() {
                    return Answer::Refused(with_reasons(admin, refused).await);
                }
                lacks(&seen, expected)
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

fn lacks(seen: &Seen, expected: &Expected) -> Vec<String> {
    let mut lacks: Vec<String> = seen.missing(expected).iter().map(super::gate::words).collect();
    if seen.warming > 0 {
        lacks.push(format!("{} warming", seen.warming));
    }
    lacks
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
