//! What the server holds a plan to before it carries it out: that it would make the same.

use super::mesh::Mesh;
use super::problem;
use crate::compile;
use crate::diag::Severity;
use crate::envoy::{self, Settings};
use crate::graph::Graph;
use crate::live::Read as _;
use crate::live::server::wire::{Problem, SettingsDocument};
use crate::model::{Address, Origins};
use crate::plan::{self, Consent, Guards, Input, Plan, Scope, Unlike, apply_changes, short};
use crate::revision::Live;
use crate::rules;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The kind of this target in plans.
pub(super) const KIND: &str = "control_plane";

/// Reads a plan, makes everything in it again from its changes, and asks the guards itself.
pub(super) fn plan(
    mesh: &Mesh,
    document: &Value,
    known: &SettingsDocument,
) -> Result<Plan, Problem> {
    let plan = Plan::from_json(&document.to_string())
        .map_err(|why| problem::of("bad-plan", format!("this is no plan to apply: {why}")))?;
    if plan.mesh != mesh.name {
        let message = format!("the plan is for the mesh {}, not for {}", plan.mesh, mesh.name);
        return Err(problem::of("refused", message));
    }
    if plan.target.kind != KIND || plan.target.id != mesh.store.lineage() {
        let message = format!("the plan was made for another target ({})", plan.target.name);
        return Err(problem::of("refused", message).hint("plan again, against this server"));
    }
    if let Some(refusal) = plan.refusals().next() {
        let message = format!("the plan was refused by {}: {}", refusal.code, refusal.message);
        return Err(problem::of("refused", message).hint(refusal.consent.clone()));
    }
    let against = mesh.at_or_none(plan.base_revision).map_err(|_| stale(&plan))?;
    if !plan.drift.is_empty() {
        return Err(problem::of("refused", "a plan for a server has no drift: plan again"));
    }
    let now = base(mesh, plan.base_revision)?;
    let settings = Mesh::settings(known);
    let against =
        plan::Against { base: &against, now: &now, unrecorded: false, settings: &settings };
    match plan::verify(&plan, against) {
        Ok(()) => Ok(plan),
        Err(Unlike::Unfit(_)) => Err(stale(&plan)),
        Err(Unlike::Refused(refusal)) => {
            let message = format!("refused by {}: {}", refusal.code, refusal.message);
            Err(problem::of("refused", message).hint(refusal.consent))
        }
        Err(Unlike::Differs { part, digest }) => {
            let message = format!(
                "this server makes another plan of these changes: {}, not {} ({part} would be \
                 another); what was reviewed is not what would run",
                short(&digest),
                short(&plan.digest)
            );
            Err(problem::of("refused", message)
                .hint("plan with the meshctl of the server's version (meshctl version)"))
        }
    }
}

/// What plans lead from, and a plan that was made against a revision.
fn base(mesh: &Mesh, planned: Option<u64>) -> Result<Live, Problem> {
    let base = mesh.state().and_then(|state| mesh.base(&state, planned));
    base.map_err(|error| problem::live(&error))
}

fn stale(plan: &Plan) -> Problem {
    let base = plan.base_revision.map_or_else(|| "none".to_owned(), |base| base.to_string());
    problem::of("stale", format!("the plan does not fit revision {base}"))
        .hint("plan again and review the new plan")
}

/// The plan back to what a revision was. `accepted` are the routes that may switch to nodes that
/// cannot serve.
pub(super) fn rollback(
    mesh: &Mesh,
    to: u64,
    settings: &Settings,
    accepted: BTreeSet<Address>,
) -> Result<Plan, Problem> {
    let live = base(mesh, None)?;
    let before = mesh.at(to).map_err(|error| problem::live(&error))?;
    let id = mesh.store.lineage();
    let any = usize::MAX;
    let (plan, _) = plan::plan(&Input {
        target: plan::Target { name: "server".to_owned(), kind: KIND.to_owned(), id },
        live: &live,
        desired: &before.mesh,
        unrecorded: false,
        owner: None,
        places: None,
        settings,
        scope: Scope::default(),
        // The revision itself was guarded when it was made.
        guards: Guards::default(),
        consent: Consent {
            deletes: Some(any),
            updates: Some(any),
            accept_missing: accepted,
            ..Consent::default()
        },
        drift: Vec::new(),
    });
    if let Some(refusal) = plan.refusals().next() {
        let message = format!("refused by {}: {}", refusal.code, refusal.message);
        return Err(problem::of("refused", message));
    }
    Ok(plan)
}

/// Checks the mesh after the plan by the rules that `check` has.
pub(super) fn rules(mesh: &Mesh, plan: &Plan, known: &SettingsDocument) -> Result<(), Problem> {
    let desired =
        apply_changes(&base(mesh, plan.base_revision)?, &plan.changes).map_err(|_| stale(plan))?;
    let (origins, broken) = (Origins::default(), BTreeSet::new());
    // What stands for ACM certificates is in the plan.
    let certificates = BTreeSet::new();
    let graph = Graph::new(&desired);
    let mut found = rules::check(&rules::Ctx {
        mesh: &desired,
        origins: &origins,
        graph: &graph,
        broken: &broken,
        incomplete: false,
        certificates: &certificates,
        // Whether the proxies have an SDS server is their bootstrap's matter.
        sds: true,
        registry: true,
        // The files are on the proxies' hosts.
        tls: &rules::TlsFiles::default(),
    });
    let settings = Mesh::settings(known);
    found.append(envoy::limits::check(&desired, &origins, settings.regex_max_program_size));
    if !found.has_errors() {
        // Of what the plan reaches: nothing else can have grown.
        let reached = plan.proxies().into_iter();
        found.append(compile::oversized(&desired, &settings, &origins, reached, usize::MAX));
    }
    let errors: BTreeMap<String, &str> = found
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| (finding.message.clone(), finding.code.id))
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    let mut refused = problem::of("findings", "the mesh after this plan has errors");
    refused.causes = errors.into_iter().map(|(message, id)| format!("{id}: {message}")).collect();
    Err(refused.hint("meshctl check says where, and what to do"))
}
