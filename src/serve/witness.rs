//! What the connected Envoys have acknowledged, as a witness for the gate.

use super::mesh::Mesh;
use crate::apply::{Answer, Asking, Standing, Wanted, Witness};
use crate::envoy::{ProxyConfig, ProxyId};
use crate::live::StepId;
use crate::live::server::wire::EnvoyStatus;
use crate::plan::Gain;
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Reports of many Envoys that acknowledge at once are read together.
const GATHER: Duration = Duration::from_millis(2);
/// After a refusal: what the same Envoy refuses besides is told with it. Sets are taken apart until
/// the resource that is refused stands alone.
const REFUSALS: Duration = Duration::from_millis(250);

/// The gate before a switch looks again after so long without any change.
const RECHECK: Duration = Duration::from_millis(100);

type Report = BTreeMap<ProxyId, Vec<EnvoyStatus>>;

/// The data plane of one mesh as a witness.
#[derive(Clone)]
pub(super) struct Connected {
    pub(super) mesh: Arc<Mesh>,
    /// Until when Envoys that were connected before may come back.
    pub(super) awaited_until: Option<Instant>,
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected").field("mesh", &self.mesh.name).finish_non_exhaustive()
    }
}

/// The reports as they come, read once for all who ask.
struct Watching {
    reports: watch::Receiver<Arc<Report>>,
    awaited_until: Option<Instant>,
    reader: tokio::task::JoinHandle<()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Witness for Connected {
    fn knows(&self, _proxy: &ProxyId) -> bool {
        true
    }

    fn reads_files(&self) -> bool {
        false
    }

    fn before(&self, _proxies: BTreeSet<ProxyId>) -> BoxFuture<'static, Box<dyn Asking>> {
        let (plane, mesh) = (Arc::clone(&self.mesh.plane), self.mesh.name.clone());
        let awaited_until = self.awaited_until;
        Box::pin(async move {
            let mut changes = plane.changes();
            let (sender, reports) = watch::channel(Arc::new(plane.report(&mesh)));
            let reader = tokio::spawn(async move {
                while changes.changed().await.is_ok() {
                    sleep(GATHER).await;
                    changes.mark_unchanged();
                    if sender.send(Arc::new(plane.report(&mesh))).is_err() {
                        return;
                    }
                }
            });
            Box::new(Watching { reports, awaited_until, reader }) as Box<dyn Asking>
        })
    }

    fn standing(
        &self,
        proxies: BTreeMap<ProxyId, Wanted>,
    ) -> BoxFuture<'static, BTreeMap<ProxyId, Standing>> {
        let report = self.mesh.plane.report(&self.mesh.name);
        let more = self.awaited_until.is_some_and(|at| at > Instant::now());
        let standing = proxies.into_keys().map(|proxy| {
            let envoys = report.get(&proxy).map(Vec::as_slice).unwrap_or_default();
            let acknowledged = envoys.iter().filter(|envoy| envoy.is_in_force()).count();
            let awaited = more && envoys.is_empty();
            let answer = judge(envoys, None);
            (proxy, Standing { answer, running: envoys.len(), acknowledged, awaited })
        });
        Box::pin(std::future::ready(standing.collect()))
    }

    fn changed(&self) -> BoxFuture<'static, ()> {
        let mut changes = self.mesh.plane.changes();
        Box::pin(async move {
            // That somebody is no longer waited for is no change.
            if let Ok(Ok(())) = timeout(RECHECK, changes.changed()).await {
                sleep(GATHER).await;
            }
        })
    }

    fn instances(&self, gain: &Gain) -> Option<usize> {
        let selector = gain.selector.as_ref()?;
        Some(self.mesh.registry.live(selector, &gain.gives_up))
    }
}

impl Asking for Watching {
    fn ask(
        &self,
        step: StepId,
        proxy: &ProxyId,
        _config: &Arc<ProxyConfig>,
        deadline: Instant,
    ) -> BoxFuture<'static, Answer> {
        let (mut reports, awaited_until) = (self.reports.clone(), self.awaited_until);
        let proxy = proxy.clone();
        Box::pin(async move {
            let mut until = deadline;
            let mut last = Answer::Gone;
            loop {
                let report = Arc::clone(&reports.borrow_and_update());
                let envoys = report.get(&proxy).map(Vec::as_slice).unwrap_or_default();
                let answer = judge(envoys, Some(step));
                match &answer {
                    Answer::Has => return answer,
                    Answer::Gone => {
                        let awaited = awaited_until.filter(|at| *at > Instant::now());
                        let Some(awaited) = awaited else { return answer };
                        until = deadline.min(awaited);
                    }
                    Answer::Refused(_) => {
                        if !matches!(last, Answer::Refused(_)) {
                            until = deadline.min(Instant::now() + REFUSALS);
                        }
                    }
                    Answer::Late(_) => until = deadline,
                }
                last = answer;
                match timeout_at(until, reports.changed()).await {
                    Ok(Ok(())) => {}
                    // The time is up, or nobody reads reports any more.
                    Ok(Err(_)) | Err(_) => return last,
                }
            }
        })
    }
}

/// What the Envoys of one proxy have; of a step, or of what is in force.
fn judge(envoys: &[EnvoyStatus], step: Option<StepId>) -> Answer {
    if envoys.is_empty() {
        return Answer::Gone;
    }
    let mut refused = BTreeMap::new();
    for resource in envoys.iter().flat_map(|envoy| &envoy.refused) {
        let subject = (resource.kind, resource.name.clone());
        refused.insert(subject, Some(resource.reason.clone()));
    }
    if !refused.is_empty() {
        return Answer::Refused(refused);
    }
    let has = |envoy: &&EnvoyStatus| match step {
        Some(step) => envoy.lacks.is_empty() && envoy.step.is_some_and(|had| had >= step),
        None => envoy.is_in_force(),
    };
    let having = envoys.iter().filter(has).count();
    if having == envoys.len() {
        return Answer::Has;
    }
    let mut lacks: Vec<String> = vec![format!("{having} of {} Envoys have it", envoys.len())];
    let lacking: BTreeSet<String> = envoys
        .iter()
        .flat_map(|envoy| &envoy.lacks)
        .map(|(kind, name)| format!("{kind} {name}"))
        .collect();
    lacks.extend(lacking);
    Answer::Late(lacks)
}
