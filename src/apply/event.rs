//! What happens during an apply: the only thing that reports see of it.

use super::Missing;
use crate::envoy::{ProxyId, ResourceType};
use crate::live::admin::Silence;
use crate::model::Address;
use crate::plan::Wave;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// Something that happened. As JSON it is what a control plane sends to who follows an apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A rollout that was interrupted goes on.
    Resume {
        /// The revision that it brings into force.
        revision: u64,
        /// The digest of its plan.
        plan: String,
        /// The steps that are in force already.
        done: usize,
    },
    /// A revision was committed.
    Commit {
        /// Its number.
        revision: u64,
        /// The digest of its plan.
        plan: String,
    },
    /// A step was brought into force.
    Step {
        /// Its revision.
        revision: u64,
        /// Its number, from 1.
        number: usize,
        /// How many steps there are.
        of: usize,
        /// What it does.
        kind: String,
        /// Whom it is for.
        #[serde(default)]
        wave: Wave,
        /// The proxies that get something else.
        proxies: usize,
    },
    /// A proxy was seen to take a step, to refuse it, or not to answer.
    Proxy {
        /// The proxy.
        proxy: ProxyId,
        /// What it did.
        state: ProxyState,
    },
    /// Nothing can prove that the step arrived, so it is given time.
    Settle {
        /// How long.
        time: Duration,
        /// The proxies without a known admin address.
        proxies: usize,
    },
    /// Those that go first have it, and are watched for a while.
    Watch {
        /// How long.
        time: Duration,
    },
    /// What goes away is given time to finish its long streams.
    Drain {
        /// How long.
        time: Duration,
    },
    /// Some nodes are about to gain requests, and nothing can tell whether they can serve.
    Unverified {
        /// Their proxies.
        nodes: BTreeSet<ProxyId>,
    },
    /// The rollout stops before a switch, or goes on with consent, because targets that would gain
    /// requests cannot serve them.
    Missing {
        /// The targets.
        targets: Vec<Missing>,
        /// Whether the switch goes on because each of their routes was accepted.
        accepted: bool,
    },
    /// A canary was asked for, and no step was cut in two.
    NoCanary {},
    /// A step has ended.
    StepDone {
        /// Its number, from 1.
        number: usize,
        /// Whom it was for.
        #[serde(default)]
        wave: Wave,
        /// How many proxies were seen to have it.
        proven: usize,
        /// How many proxies got something else.
        proxies: usize,
    },
    /// The model before is brought back as a new revision.
    Rollback {
        /// The new revision.
        revision: u64,
        /// The revision whose content it has.
        to: u64,
        /// What it removes, because the rejected revision had added it.
        #[serde(default)]
        removes: Vec<Address>,
    },
}

impl Event {
    /// Whether something may be wrong, or had no effect.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Unverified { .. } | Self::Missing { .. } | Self::NoCanary {})
    }
}

/// What a proxy did with a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyState {
    /// It has taken it.
    Acked,
    /// It has refused a part of it.
    Refused(Rejection),
    /// It did not tell.
    Silent(Silence),
    /// It had not taken it when the time was up.
    Late {
        /// What it lacks, in words.
        lacks: Vec<String>,
    },
}

/// What a proxy refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The proxy.
    pub proxy: ProxyId,
    /// The type of what it refused.
    pub kind: ResourceType,
    /// The resources that it may be about: of listeners and clusters Envoy refuses whole sets.
    pub resources: Vec<Suspect>,
    /// Envoy's reason, where it tells one.
    pub reason: Option<String>,
}

/// A resource that a proxy may have refused, and what it is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// Its xDS name.
    pub name: String,
    /// What it is made from, the main thing first, with JSON pointers.
    pub origins: Vec<(Address, String)>,
}
