//! Making a plan from a project and a target, as `plan` and `apply` do.

use super::{Context, Exit, Failure, presence, target};
use crate::diag::shell::word;
use crate::diag::{Code, Diagnostic, Severity};
use crate::live;
use crate::load::Loaded;
use crate::model::Address;
use crate::plan::{self, Consent, Guards, Input, Places, Plan, Scope, short};
use crate::revision::Live;
use clap::Args;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Flags of every command that plans.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct PlanningArgs {
    /// Plan only these resources, and what would dangle without them; may be given several times
    #[arg(long, value_name = "ADDR", help_heading = "What to plan")]
    pub(super) only: Vec<Address>,

    /// Leave live what is no longer in the files
    #[arg(long, help_heading = "What to plan")]
    pub(super) no_prune: bool,

    /// Consent to up to so many deletes
    #[arg(long, value_name = "N", help_heading = "Consent")]
    pub(super) allow_deletes: Option<usize>,

    /// Consent to up to so many updates
    #[arg(long, value_name = "N", help_heading = "Consent")]
    pub(super) allow_updates: Option<usize>,

    /// Consent to deleting everything, for files that define nothing
    #[arg(long, help_heading = "Consent")]
    pub(super) allow_empty: bool,

    /// Consent to writing the whole mesh anew, for a target whose record is lost
    #[arg(long, help_heading = "Consent")]
    pub(super) allow_lost_record: bool,

    /// Consent to a finding about one resource, for example `MC0906@route/cart/all`
    #[arg(long, value_name = "CODE@ADDR", help_heading = "Consent")]
    pub(super) accept: Vec<Accept>,

    /// Take a resource over from the project that owns it
    #[arg(long, value_name = "ADDR", help_heading = "Consent")]
    pub(super) take_ownership: Vec<Address>,
}

/// The call that applies exactly a plan, as long as it fits: with the same scope and consent. Of a
/// plan that is refused, with the consent that would let it pass.
pub(super) fn call(plan: &Plan) -> String {
    let (digest, consents) = match &plan.with_consent {
        Some(with) => (&with.digest, &with.consents),
        None => (&plan.digest, &plan.consents),
    };
    let mut words = vec!["meshctl apply".to_owned()];
    words.extend(plan.only.iter().map(|only| format!("--only {}", word(&only.to_string()))));
    words.extend((!plan.prune).then(|| "--no-prune".to_owned()));
    words.extend(consents.flags());
    words.push(format!("--expect {}", short(digest)));
    words.join(" ")
}

/// Consent to one finding about one resource.
#[derive(Clone, Debug)]
pub(super) struct Accept {
    code: &'static str,
    address: Address,
}

/// The findings that a plan needs consent for, one resource at a time.
const ACCEPTABLE: [&Code; 2] = [&plan::codes::LOST_TRAFFIC, &plan::codes::MISSING_TARGET];

/// The addresses that are accepted for one finding.
pub(super) fn accepted(all: &[Accept], code: &Code) -> BTreeSet<Address> {
    all.iter().filter(|one| one.code == code.id).map(|one| one.address.clone()).collect()
}

impl FromStr for Accept {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (code, address) = text
            .split_once('@')
            .ok_or("it has the form CODE@ADDR, for example MC0906@virtual_router/cart")?;
        let known = ACCEPTABLE.into_iter().find(|known| code == known.id || code == known.name);
        let Some(known) = known else {
            let all = ACCEPTABLE.map(|known| known.id).join(" and ");
            return Err(format!("{code} cannot be accepted; {all} can"));
        };
        let address = address.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { code: known.id, address })
    }
}

/// A plan, and what was found about the change.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// Findings about the change, sorted.
    pub(super) findings: Vec<Diagnostic>,
}

/// Plans the way from what the target holds to what the files say. Refusals of guards are in the
/// plan; that the target holds another mesh is a failure.
pub(super) fn make(
    loaded: &Loaded,
    target: &target::Target,
    state: &live::State,
    args: &PlanningArgs,
) -> Result<Planned, Failure> {
    let scope = Scope {
        only: args.only.iter().cloned().collect(),
        keep_removed: args.no_prune,
        env: loaded.env.clone(),
    };
    let live = target.base(state, None)?;
    check_scope(loaded, &live, &scope)?;
    let mut guards = Guards::default();
    guards.protected.extend(loaded.project.guards.protected.iter().cloned());
    if let Some(max) = loaded.project.guards.max_deletes {
        guards.max_deletes = usize::try_from(max).unwrap_or(usize::MAX);
    }
    guards.max_weight_step = loaded.project.guards.max_weight_step;
    let proxies = loaded.project.guards.max_proxies;
    guards.max_proxies = proxies.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
    let mut input = Input {
        target: target.id.clone(),
        live: &live,
        unrecorded: state.is_unrecorded(),
        desired: &loaded.mesh,
        owner: loaded.project.owner.as_deref(),
        places: Some(Places {
            origins: &loaded.origins,
            files: &loaded.files,
            overlay: loaded.overlay,
        }),
        settings: &target.settings,
        scope,
        guards,
        consent: Consent {
            deletes: args.allow_deletes,
            updates: args.allow_updates,
            empty: args.allow_empty,
            lost_record: args.allow_lost_record,
            accept: accepted(&args.accept, &plan::codes::LOST_TRAFFIC),
            accept_missing: accepted(&args.accept, &plan::codes::MISSING_TARGET),
            take_ownership: args.take_ownership.iter().cloned().collect(),
        },
        drift: Vec::new(),
    };
    let (mut plan, mut findings) = plan::plan(&input);
    if let Some(other) = findings.iter().find(|d| d.severity == Severity::Error) {
        let failure = Failure::new(Exit::Findings, other.message.clone());
        return Err(match &other.help {
            Some(help) => failure.hint(help.clone()),
            None => failure,
        });
    }
    // An unfinished rollout is no drift, and a plan that reaches a few proxies looks at those.
    let reached: BTreeSet<_> = plan.proxies().into_iter().cloned().collect();
    let wanted = (!plan.is_empty()).then_some(&reached);
    // Of a control plane the proxies have what it gives them; what they lack, `drift` tells.
    let drift = match target.directory() {
        Some(directory) => live::drift_at(directory, state, &target.settings, wanted)
            .map_err(|error| target::failure(&error))?,
        None => Vec::new(),
    };
    if !drift.is_empty() {
        // It is shown, so the digest covers it.
        input.drift = drift;
        (plan, findings) = plan::plan(&input);
    }
    presence::find(target, &live, &plan, input.places, &mut findings)?;
    Ok(Planned { plan, findings: findings.sorted() })
}

/// A name that stands neither in the files nor in the live state is a slip of the hand.
fn check_scope(loaded: &Loaded, live: &Live, scope: &Scope) -> Result<(), Failure> {
    if scope.only.is_empty() {
        return Ok(());
    }
    let known: BTreeSet<Address> = loaded.mesh.addresses().into_iter().collect();
    for address in &scope.only {
        if !known.contains(address) && !live.entries.contains_key(address) {
            let words: Vec<String> =
                known.iter().chain(live.entries.keys()).map(ToString::to_string).collect();
            let near = crate::diag::nearest(&address.to_string(), words.iter().map(String::as_str));
            let failure = Failure::new(
                Exit::Usage,
                format!("there is no {address}, neither in the files nor in the target"),
            );
            return Err(match near {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure.hint("meshctl get lists what the target holds"),
            });
        }
    }
    Ok(())
}

/// Says on stderr what the guards refuse, and whether they do. The plan itself says it too, so the
/// result stays one document.
pub(super) fn refuse(context: &Context, plan: &Plan) -> bool {
    let mut refused = false;
    for refusal in plan.refusals() {
        refused = true;
        context.ui.error(&format!("refused by {}: {}", refusal.code, refusal.message));
        context.ui.hint(&match refusal.consent.starts_with("--") {
            true => format!("to consent to exactly this, add {}", refusal.consent),
            false => refusal.consent.clone(),
        });
    }
    if let Some(with) = with_consent(plan) {
        context.ui.hint(&with);
    }
    refused
}

/// Of a plan that is refused, the digest that it has with the consent that is suggested.
pub(super) fn with_consent(plan: &Plan) -> Option<String> {
    let with = plan.with_consent.as_ref()?;
    let flags = with.consents.flags().join(" ");
    Some(format!("with {flags} it is the plan {}", short(&with.digest)))
}
