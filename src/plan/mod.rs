//! Plans: what must change so that the live state becomes the desired one, in which order, and at
//! what cost.
//!
//! Planning is a pure function: it decides everything, and `apply` only obeys. It compares two
//! models; it does not know where the live one came from.
#![deny(clippy::disallowed_methods)]

mod again;
mod change;
pub mod codes;
mod cost;
mod diff;
mod digest;
mod edit;
mod found;
mod gains;
mod guard;
mod hazards;
mod marks;
mod merge;
mod policy;
mod saved;
mod stale;
mod steps;
#[cfg(test)]
mod tests;
mod traffic;
mod under_way;
mod waves;
#[cfg(test)]
mod whole;

pub use again::{Against, Unlike, again, verify};
pub use change::{Action, Change, Edit, EditOp, EnvoyName, Place, Summary};
pub use codes::CODES;
pub use cost::{Cost, ResourceAction, ResourceChange};
pub use diff::place_of;
pub use digest::{DIGEST_PREFIX, digest_matches, of as digest_of, short};
pub use gains::{Gain, gains};
pub use guard::{Consent, GuardVerdict, Guards, Refusal};
pub use merge::{apply_changes, desired_of, entries_after};
pub use saved::checksum;
pub use stale::Stale;
pub use steps::{Step, StepKind, Wave, steps};
pub use traffic::{
    End, NodeShare, Outcome, Percent, PolicyEntry, PolicyPlace, Traffic, TrafficChange,
    TrafficEntry, TrafficPolicy, TrafficSeverity, Witness,
};
pub use under_way::{added, steps_of, undo};
pub use waves::{Share, choose, in_waves};

use crate::diag::Diagnostics;
use crate::envoy::{ProxyId, Settings};
use crate::model::{Address, Mesh, MeshName, Origins};
use crate::revision::{Live, ObjectId};
use crate::span::{FileId, Files};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the plan's form, and its version.
pub const FORMAT: &str = "meshctl.plan";
/// The version of the plan's form.
pub const FORMAT_VERSION: &str = "1.2";

/// The target that a plan is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The overlay with which the files were read.
    pub env: Option<String>,
}

/// Everything that a plan is made from.
pub struct Input<'a> {
    /// The target.
    pub target: Target,
    /// The live state.
    pub live: &'a Live,
    /// The files.
    pub desired: &'a Mesh,
    /// Whether proxies have files of the target although it holds no revision.
    pub unrecorded: bool,
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
pub struct Drift {
    /// The proxy.
    pub proxy: ProxyId,
    /// What differs, for example a file.
    pub what: String,
    /// How: `changed`, `missing`, `unexpected`, or `not_taken` by a running proxy.
    pub how: String,
}

/// A plan. It is complete: applying it needs no file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Always `meshctl.plan`.
    pub format: String,
    /// The version of this form.
    pub format_version: String,
    /// `p2-` and the SHA-256 over all that the plan does and says that it does.
    pub digest: String,
    /// The mesh.
    pub mesh: MeshName,
    /// The target.
    pub target: Target,
    /// The revision that it was made against.
    pub base_revision: Option<u64>,
    /// Who planned.
    pub owner: Option<String>,
    /// The overlay with which the files were read (`--env`), if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// False if `--only` or `--no-prune` left something out.
    pub complete: bool,
    /// What `--only` named.
    #[serde(default)]
    pub only: BTreeSet<Address>,
    /// What had to come along with it, so that no reference dangles.
    #[serde(default)]
    pub pulled_in: BTreeSet<Address>,
    /// Whether what is live, owned and no longer in the files is deleted.
    pub prune: bool,
    /// What the plan depends on: live objects, or that there is none. It is stale if one changed.
    pub reads: BTreeMap<Address, Option<ObjectId>>,
    /// What changes, in the order of addresses.
    pub changes: Vec<Change>,
    /// How many deletes need no consent, as the project says.
    pub max_deletes: usize,
    /// What was consented to.
    #[serde(default)]
    pub consents: Consent,
    /// Of a plan that is refused: what it is with the consent that would let it pass, if any does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_consent: Option<Consented>,
    /// How it is carried out.
    pub steps: Vec<PlannedStep>,
    /// What was found to differ from the live model before any change.
    pub drift: Vec<Drift>,
    /// What the guards say.
    pub guards: Vec<GuardVerdict>,
    /// Counts.
    pub summary: Summary,
    /// What it does to requests.
    #[serde(default)]
    pub traffic: Traffic,
    /// Findings about the change, in order. What was found by asking running proxies is not among
    /// them: that may be otherwise a moment later, and `apply` asks again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

/// A finding about the change itself, as it was made with the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Its code, for example `MC0803`.
    pub code: String,
    /// What was found.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// A plan with more consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consented {
    /// Its digest.
    pub digest: String,
    /// What it consents to.
    pub consents: Consent,
}

/// One step of a plan: what each proxy gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// What the step does.
    pub kind: StepKind,
    /// The Envoy resources that change, by proxy.
    pub proxies: BTreeMap<ProxyId, Vec<ResourceChange>>,
}

impl Plan {
    /// The overlay that it was made with. `None`: it is a document of before that was recorded.
    pub fn made_with(&self) -> Option<Option<&str>> {
        let records = !matches!(self.format_version.as_str(), "1.0" | "1.1");
        records.then_some(self.env.as_deref())
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What the guards refuse.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.guards.iter().filter_map(|verdict| verdict.refusal.as_ref())
    }

    /// Whether there is something to do, and no guard refuses it.
    pub fn is_applyable(&self) -> bool {
        !self.is_empty() && self.refusals().next().is_none()
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

/// What differs between two states, without guards: for `diff`, and for what a revision did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The differences, in the order of addresses.
    pub changes: Vec<Change>,
    /// Counts.
    pub summary: Summary,
    /// What they do to requests.
    pub traffic: Traffic,
}

/// Compares two states.
pub fn compare(
    live: &Live,
    desired: &Mesh,
    places: Option<Places<'_>>,
    settings: &Settings,
) -> Comparison {
    // Owners and protection are of entries; here only what the mesh is counts.
    let live = Live { entries: BTreeMap::new(), ..live.clone() };
    let none = String::new();
    let input = Input {
        target: Target { name: none.clone(), kind: none.clone(), id: none },
        live: &live,
        unrecorded: false,
        desired,
        owner: None,
        places,
        settings,
        scope: Scope::default(),
        guards: Guards::default(),
        consent: Consent::default(),
        drift: Vec::new(),
    };
    let (plan, _) = plan(&input);
    Comparison { changes: plan.changes, summary: plan.summary, traffic: plan.traffic }
}

/// How many resources a mesh has.
fn resources(mesh: &Mesh) -> usize {
    let Mesh { settings: _, nodes, services, routers, gateways, external_services: _ } = mesh;
    let routes: usize = routers.values().map(|router| router.routes.len()).sum();
    let gateway_routes: usize = gateways.values().map(|gateway| gateway.routes.len()).sum();
    1 + nodes.len() + services.len() + routers.len() + routes + gateways.len() + gateway_routes
}

/// Makes a plan. The diagnostics are findings about the change itself (MC08xx).
pub fn plan(input: &Input<'_>) -> (Plan, Diagnostics) {
    let (desired, pulled_in) = desired_of(input.live, input.desired, input.owner, &input.scope);
    let desired = desired.as_ref();
    let mut changes = diff::changes(input, desired);
    marks::add(input, desired, &mut changes);
    let affected = cost::affected(&input.live.mesh, desired, &changes);
    let way = steps::Way::new(&input.live.mesh, desired, input.settings);
    let planned = cost::planned(&way, &affected);
    cost::charge(&input.live.mesh, desired, &planned, &mut changes);
    let reads = digest::reads(input.live, desired, &changes);
    let requests = traffic::of_changes(input.live, desired, &changes);
    let judged = guard::check(input, &changes, &requests);
    let refused = judged.verdicts.iter().any(|verdict| verdict.refusal.is_some());
    let with_consent = judged.needed.filter(|_| refused).and_then(|consents| with(input, consents));
    let diagnostics = hazards::find(input, desired, &changes, &planned);
    let summary = Summary::whole(input.live, desired, &changes, &planned, &input.drift);
    let mut plan = Plan {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION.to_owned(),
        digest: String::new(),
        mesh: desired.settings.name.clone(),
        target: input.target.clone(),
        base_revision: input.live.revision,
        owner: input.owner.map(str::to_owned),
        complete: input.scope == Scope::default(),
        only: input.scope.only.clone(),
        pulled_in,
        env: input.scope.env.clone(),
        prune: !input.scope.keep_removed,
        reads,
        changes,
        max_deletes: input.guards.max_deletes,
        consents: judged.used,
        with_consent,
        steps: planned,
        drift: input.drift.clone(),
        guards: judged.verdicts,
        summary,
        traffic: Traffic::of(&requests),
        findings: findings(&diagnostics),
    };
    plan.digest = digest::of(&plan);
    (plan, diagnostics)
}

fn findings(all: &Diagnostics) -> Vec<Finding> {
    let all = all.iter().map(|found| Finding {
        code: found.code.id.to_owned(),
        message: found.message.clone(),
        help: found.help.clone(),
    });
    all.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the plan is with more consent. Ownership that is taken over changes what is planned, so it
/// is planned once more.
fn with(input: &Input<'_>, consent: Consent) -> Option<Consented> {
    let (plan, _) = plan(&Input {
        target: input.target.clone(),
        scope: input.scope.clone(),
        guards: input.guards.clone(),
        drift: input.drift.clone(),
        consent,
        ..*input
    });
    let passes = plan.refusals().next().is_none();
    passes.then_some(Consented { digest: plan.digest, consents: plan.consents })
}
