//! Who can tell whether proxies have what they were given: the gate asks nobody else.

use crate::envoy::{ProxyConfig, ProxyId};
use crate::live::admin::Subject;
use crate::live::{ProxyFiles, StepId};
use crate::plan::Gain;
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a proxy is asked that does not tell of changes itself.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(25);
/// A proxy that is not running when asked so often is not waited for: it gets what is in force when
/// it starts.
pub(super) const GONE_AFTER: u32 = 4;

/// What is known of the Envoys of one proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// They have it.
    Has,
    /// They refused a part of it, for this reason if one is told.
    Refused(BTreeMap<Subject, Option<String>>),
    /// None is running or connected.
    #[default]
    Gone,
    /// They run and lack this, in words.
    Late(Vec<String>),
}

/// Something that can be asked what proxies have.
pub trait Witness: fmt::Debug + Send + Sync {
    /// Whether it can tell of a proxy at all. Steps that reach others are given time instead.
    fn knows(&self, proxy: &ProxyId) -> bool;

    /// Whether its proxies read files that only the target can tell of: then these decide what a
    /// proxy should have that was not given anything.
    fn reads_files(&self) -> bool;

    /// Looks at some proxies before a step is put into force, so that what they refused long ago
    /// is not taken for an answer to it.
    fn before(&self, proxies: BTreeSet<ProxyId>) -> BoxFuture<'static, Box<dyn Asking>>;

    /// What some proxies have now of what is in force.
    fn now(&self, proxies: BTreeMap<ProxyId, Wanted>) -> BoxFuture<'static, Answers> {
        let standing = self.standing(proxies);
        Box::pin(async move {
            let standing = standing.await.into_iter();
            standing.map(|(proxy, standing)| (proxy, standing.answer)).collect()
        })
    }

    /// What some proxies have now of what is in force, and how many of their Envoys run and have
    /// acknowledged it.
    fn standing(
        &self,
        proxies: BTreeMap<ProxyId, Wanted>,
    ) -> BoxFuture<'static, BTreeMap<ProxyId, Standing>>;

    /// Returns when it is time to ask again: something may have changed since the call.
    fn changed(&self) -> BoxFuture<'static, ()> {
        Box::pin(sleep(ASK_EVERY))
    }

    /// How many live registrations lead to a node that gains requests; `None`: there is no registry to
    /// ask, or the node is not found in one.
    fn instances(&self, gain: &Gain) -> Option<usize>;
}

/// The Envoys of one proxy. By default none runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What they have.
    pub answer: Answer,
    /// How many run.
    pub running: usize,
    /// How many of them have acknowledged what is in force.
    pub acknowledged: usize,
    /// Whether more may come back soon, because the server was started a moment ago.
    pub awaited: bool,
}

/// What each of some proxies has.
pub type Answers = BTreeMap<ProxyId, Answer>;

/// What a proxy should have: as it was compiled, or as it stands in the files that it reads.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// As it was compiled.
    Config(Arc<ProxyConfig>),
    /// As it stands in the files.
    Files(ProxyFiles),
    /// As the witness knows it.
    InForce,
}

/// Asks about one step.
pub trait Asking: Send {
    /// Returns when a proxy has taken or refused the step, or the time is up.
    fn ask(
        &self,
        step: StepId,
        proxy: &ProxyId,
        config: &Arc<ProxyConfig>,
        deadline: Instant,
    ) -> BoxFuture<'static, Answer>;
}
