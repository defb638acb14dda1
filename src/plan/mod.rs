//! Plans: what must change so that the live state becomes the desired one, in which order, and at
//! what cost.
//!
//! Planning is a pure function: it decides everything, and `apply` only obeys. It compares two
//! models; it does not know where the live one came from.
#![deny(clippy::disallowed_methods)]

mod change;
pub mod codes;
mod cost;
mod diff;
mod digest;
mod edit;
mod guard;
mod merge;
mod steps;
#[cfg(test)]
mod tests;

pub use change::{Action, Change, Edit, EditOp, Place, Summary};
pub use codes::CODES;
pub use cost::{Cost, ResourceAction, ResourceChange};
pub use digest::{DIGEST_PREFIX, digest_matches, short};
pub use guard::{Consent, GuardVerdict, Guards, Refusal};
pub use merge::{apply_changes, desired_of};
pub use steps::{Step, StepKind, steps};

use crate::diag::{Diagnostic, Diagnostics};
use crate::envoy::{ProxyId, Settings};
use crate::model::{Address, Mesh, MeshName, Origins};
use crate::revision::{Live, ObjectId};
use crate::span::{FileId, Files};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the plan's form, and its version.
pub const FORMAT: &str = "meshctl.plan";
/// The version of the plan's form.
pub const FORMAT_VERSION: &str = "1.0";

/// The target that a plan is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its name in `meshctl.toml`.
    pub name: String,
    /// `directory`.
    pub kind: String,
    /// Its identity: a plan for one target does not apply to another of the same name.
    pub id: String,
}

/// What a plan looks at, when only a part of the mesh is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these resources; empty is all.
    pub only: BTreeSet<Address>,
    /// Whether what is live, owned and no longer in the files stays.
    pub keep_removed: bool,
}

/// Everything that a plan is made from.
pub struct Input<'a> {
    /// The target.
    pub target: Target,
    /// The live state.
    pub live: &'a Live,
    /// The files.
    pub desired: &'a Mesh,
    /// Who plans; resources of other owners are left alone.
    pub owner: Option<&'a str>,
    /// Where things stand in the files, if there are files.
    pub places: Option<Places<'a>>,
    /// How proxies are configured.
    pub settings: &'a Settings,
    /// Which part of the mesh.
    pub scope: Scope,
    /// What plans may not do.
    pub guards: Guards,
    /// What the caller consents to.
    pub consent: Consent,
    /// What the proxies have that the live model does not say; found by `live`.
    pub drift: Vec<Drift>,
}

/// Where things stand in the files.
#[derive(Clone, Copy)]
pub struct Places<'a> {
    /// The places.
    pub origins: &'a Origins,
    /// The files.
    pub files: &'a Files,
    /// The overlay's file.
    pub overlay: Option<FileId>,
}

/// Something that a proxy has and that the live model does not say, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// The proxy.
    pub proxy: ProxyId,
    /// What differs, for example a file.
    pub what: String,
    /// How: `changed`, `missing` or `unexpected`.
    pub how: String,
}

/// A plan. It is complete: applying it needs no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Always `meshctl.plan`.
    pub format: String,
    /// The version of this form.
    pub format_version: String,
    /// `p1-` and the SHA-256 over target, reads, changes and steps.
    pub digest: String,
    /// The mesh.
    pub mesh: MeshName,
    /// The target.
    pub target: Target,
    /// The revision that it was made against.
    pub base_revision: Option<u64>,
    /// Who planned.
    pub owner: Option<String>,
    /// False if `--only` or `--no-prune` left something out.
    pub complete: bool,
    /// What the plan depends on: live objects, or that there is none. It is stale if one changed.
    pub reads: BTreeMap<Address, Option<ObjectId>>,
    /// What changes, in the order of addresses.
    pub changes: Vec<Change>,
    /// How it is carried out.
    pub steps: Vec<PlannedStep>,
    /// What was found to differ from the live model before any change.
    pub drift: Vec<Drift>,
    /// What the guards say.
    pub guards: Vec<GuardVerdict>,
    /// Addresses that the files and `guards` protect from deletion.
    pub protected: BTreeSet<Address>,
    /// Counts.
    pub summary: Summary,
}

/// One step of a plan: what each proxy gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// What the step does.
    pub kind: StepKind,
    /// The Envoy resources that change, by proxy.
    pub proxies: BTreeMap<ProxyId, Vec<ResourceChange>>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What the guards refuse.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.guards.iter().filter_map(|verdict| verdict.refusal.as_ref())
    }

    /// Every proxy that the plan reaches.
    pub fn proxies(&self) -> BTreeSet<&ProxyId> {
        self.steps.iter().flat_map(|step| step.proxies.keys()).collect()
    }

    /// `+1 ~2 -0`
    pub fn counts(&self) -> String {
        let Summary { create, update, delete, .. } = &self.summary;
        format!("+{create} ~{update} -{delete}")
    }
}

/// Makes a plan. The diagnostics are findings about the change itself (MC08xx).
pub fn plan(input: &Input<'_>) -> (Plan, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let desired = desired_of(input.live, input.desired, input.owner, &input.scope);
    let mut changes = diff::changes(input, &desired);
    let affected = cost::affected(&input.live.mesh, &desired, &changes);
    let steps = steps(&input.live.mesh, &desired, input.settings, &affected);
    let planned = cost::planned(&steps);
    cost::charge(&input.live.mesh, &desired, &planned, &mut changes);
    let reads = digest::reads(input.live, &desired, &changes);
    let guards = guard::check(input, &changes);
    findings(input, &mut diagnostics, &changes);
    let summary = Summary::of(&changes, &planned, &input.drift);
    let protected = guard::protected(input);
    let mut plan = Plan {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION.to_owned(),
        digest: String::new(),
        mesh: desired.settings.name.clone(),
        target: input.target.clone(),
        base_revision: input.live.revision,
        owner: input.owner.map(str::to_owned),
        complete: input.scope == Scope::default(),
        reads,
        changes,
        steps: planned,
        drift: input.drift.clone(),
        guards,
        protected,
        summary,
    };
    plan.digest = digest::of(&plan);
    (plan, diagnostics)
}

/// Findings about the change as a whole.
fn findings(input: &Input<'_>, diagnostics: &mut Diagnostics, changes: &[Change]) {
    let (live, desired) = (&input.live.mesh.settings.name, &input.desired.settings.name);
    if input.live.revision.is_some() && live != desired {
        let mut diagnostic = Diagnostic::unplaced(
            &codes::OTHER_MESH,
            format!("the target holds the mesh `{live}`, the files define `{desired}`"),
        )
        .help("use another target, or give the mesh its name back");
        if let Some(places) = &input.places
            && let Some(loc) = places.origins.find(&Address::Mesh, "/name")
        {
            diagnostic = diagnostic.at(loc, "");
        }
        diagnostics.push(diagnostic);
    }
    for removed in changes.iter().filter(|change| change.action == Action::Delete) {
        let twin = changes.iter().find(|change| {
            change.action == Action::Create
                && change.address.kind() == removed.address.kind()
                && diff::same_but_name(removed.before.as_ref(), change.after.as_ref())
        });
        if let Some(twin) = twin {
            diagnostics.push(
                Diagnostic::unplaced(
                    &codes::RENAMED,
                    format!("`{}` looks like `{}` renamed", twin.address, removed.address),
                )
                .about(&twin.address)
                .help("nothing need be done: the steps add the one before they remove the other"),
            );
        }
    }
}
