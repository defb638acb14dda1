//! How a revision comes into force: what is committed, the rollout, and its steps.

use super::{Manifest, ObjectId};
use crate::model::Address;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Names one step of one rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepId {
    /// The revision that the rollout brings into force.
    pub revision: u64,
    /// The step's number in it, from 1.
    pub number: usize,
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.revision, self.number)
    }
}

impl TryFrom<String> for StepId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` names no step: it has the form 5-2"))
    }
}

impl From<StepId> for String {
    fn from(step: StepId) -> Self {
        step.to_string()
    }
}

impl StepId {
    /// Reads the name of a step.
    pub fn parse(text: &str) -> Option<Self> {
        let (revision, number) = text.split_once('-')?;
        // A number of more digits is no step of ours, and the one after it must exist.
        let (revision, number): (u32, u32) = (revision.parse().ok()?, number.parse().ok()?);
        Some(Self { revision: revision.into(), number: usize::try_from(number).ok()? })
    }
}

/// A rollout that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// The digest of the plan.
    pub plan: String,
    /// The revision that was in force before; `None` if there was none.
    pub from: Option<u64>,
    /// What each step does, in their order.
    pub steps: Vec<String>,
    /// How many steps have arrived at the proxies, or were given the time to.
    pub arrived: usize,
    /// Why it was halted; a rollout that was merely interrupted has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halted: Option<String>,
    /// Who has each step before the others; `None`: all have it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Canary>,
    /// Of a rollout that takes a refused revision back: what that was like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<Back>,
    /// Why it stopped before a switch; going on with it looks again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// The routes that may switch to nodes that cannot serve (MC0908).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<Address>,
    /// How it was asked for, in the words of who carries it out: who goes on with it does the same.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub carry: Value,
}

/// Who has the steps of a rollout first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canary {
    /// For each step of the plan, in their order, the proxies that have it first, by their names.
    pub first: Vec<BTreeSet<String>>,
    /// How long they are watched before the others follow, in milliseconds.
    pub wait_ms: u64,
}

/// The way back from a refused revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// The revision whose content it brings back.
    pub to: u64,
    /// If traffic had not switched everywhere: the proxies that had, by their names.
    pub ahead: Option<BTreeSet<String>>,
}

/// The word for a step that takes back what was only added.
pub const ADD_BACK: &str = "add back";

/// How the word of a switch begins.
const SWITCH: &str = "switch";
/// How the word of a switch ends that is taken back before everybody had it.
const PARTLY: &str = "partly";

/// What stands for a plan where a refused revision is taken back.
pub fn way_back_from(refused: u64) -> String {
    format!("rollback-of-{refused}")
}

impl Rollout {
    /// One of which no step has arrived, for all proxies at once.
    pub fn new(plan: impl Into<String>, from: Option<u64>, steps: Vec<String>) -> Self {
        Self {
            plan: plan.into(),
            from,
            steps,
            arrived: 0,
            halted: None,
            canary: None,
            back: None,
            stopped: None,
            accepted: BTreeSet::new(),
            carry: Value::Null,
        }
    }

    /// Of a way back from what had not switched everywhere: the proxies that had.
    pub fn undoes(&self) -> Option<&BTreeSet<String>> {
        self.back.as_ref()?.ahead.as_ref()
    }

    /// Keeps so many steps as they are, which are in force, and has these instead of the others.
    pub fn replace(&mut self, done: usize, steps: impl IntoIterator<Item = String>) {
        // Of steps that a record does not tell of nobody says that they switched.
        self.steps.resize(done, ADD_BACK.to_owned());
        self.steps.extend(steps);
    }

    /// Whether traffic has switched everywhere after so many of its steps. A switch that has not
    /// arrived has not switched everybody; who takes a rollout back finishes it in any case.
    pub fn has_switched(&self, done: usize) -> bool {
        let mut steps = self.steps.iter().take(done).enumerate();
        steps.any(|(at, step)| {
            let partly = step.starts_with(SWITCH) && self.back.is_none() && at >= self.arrived;
            !step.starts_with("add")
                && !step.ends_with("canary")
                && !step.ends_with(PARTLY)
                && !partly
        })
    }

    /// Notes that the switches among so many steps have not switched everybody: they are taken back.
    pub fn switched_partly(&mut self, done: usize) {
        let steps = self.steps.iter_mut().take(done);
        for step in steps.filter(|step| *step == SWITCH) {
            *step = format!("{SWITCH} {PARTLY}");
        }
    }

    /// Whether a switch of all proxies, among so many steps, was put into force and not taken by all.
    pub fn is_partly_switched(&self, done: usize) -> bool {
        let mut steps = self.steps.iter().take(done);
        steps.any(|step| {
            step.strip_prefix(SWITCH).is_some_and(|rest| rest.is_empty() || rest.ends_with(PARTLY))
        }) && !self.has_switched(done)
    }
}

/// A new revision.
#[derive(Clone, Debug)]
pub struct Commit {
    /// What it is; its parent must be the newest revision.
    pub manifest: Manifest,
    /// The content of its entries; what the target has already may be left out.
    pub objects: BTreeMap<ObjectId, Value>,
    /// How it will be brought into force; `None` if no proxy gets anything else.
    pub rollout: Option<Rollout>,
}
