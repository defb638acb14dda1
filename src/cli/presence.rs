//! Which nodes that gain requests by a plan cannot serve them now (MC0908), and which cannot be asked
//! (MC0909). The plan is pure, so what is known of running proxies comes in here; `apply` asks again
//! right before it switches.

use super::outcome::consent;
use super::target::{self, Target};
use super::{Exit, Failure, carry, runtime};
use crate::apply::{self, Admins, Missing, Standing, Wanted, Why, Witness as _};
use crate::diag::shell::word;
use crate::diag::{Diagnostic, Diagnostics};
use crate::envoy::ProxyId;
use crate::live::server::registered::RegistryDocument;
use crate::plan::{self, Gain, Places, Plan, StepKind, codes};
use crate::report::events;
use crate::revision::Live;
use std::collections::{BTreeMap, BTreeSet};

/// Reports the targets that gain requests by a plan and cannot serve now, or cannot be asked.
pub(super) fn find(
    target: &Target,
    live: &Live,
    plan: &Plan,
    places: Option<Places<'_>>,
    found: &mut Diagnostics,
) -> Result<(), Failure> {
    let switches = plan.steps.iter().filter(|step| step.kind == StepKind::Switch);
    let holders: BTreeSet<ProxyId> = switches.flat_map(|s| s.proxies.keys().cloned()).collect();
    if holders.is_empty() {
        return Ok(());
    }
    let desired = plan::apply_changes(live, &plan.changes).map_err(|error| {
        Failure::from_error(Exit::Failed, &error).hint("plan again: the target has changed")
    })?;
    let gains = plan::gains(&live.mesh, &desired, &holders);
    if gains.is_empty() {
        return Ok(());
    }
    let known = Known::new(target, &gains)?;
    for missing in gains.iter().filter_map(|gain| known.missing(gain)) {
        found.push(finding(&missing, &plan.consents.accept_missing, places));
    }
    let unverified = gains.iter().filter(|gain| !known.can_tell(gain));
    let unverified: BTreeSet<_> = unverified.map(|gain| ProxyId::Node(gain.node.clone())).collect();
    if !unverified.is_empty() {
        let message = events::not_verified(&unverified);
        found.push(Diagnostic::unplaced(&codes::UNVERIFIED_TARGET, message).help(format!(
            "name its admin address in [targets.{}.admin] of meshctl.toml, or make sure that it runs",
            target.id.name
        )));
    }
    Ok(())
}

/// Who runs can serve, as far as is known before the step is given.
fn running(envoys: usize) -> Standing {
    Standing { running: envoys, acknowledged: envoys, ..Standing::default() }
}

/// What is known of the proxies that matter. One that is not there cannot be asked.
struct Known {
    standing: BTreeMap<ProxyId, Standing>,
    /// `None`: the target has no registry.
    registry: Option<RegistryDocument>,
}

impl Known {
    fn new(target: &Target, gains: &[Gain]) -> Result<Self, Failure> {
        let failed = |error| target::failure(&error);
        if let Some(server) = target.server() {
            let proxies = server.connected().map_err(failed)?.proxies.into_iter();
            let mut standing: BTreeMap<ProxyId, Standing> =
                proxies.map(|status| (status.proxy, running(status.envoys.len()))).collect();
            // A server knows all that are connected: of one that is not named, none is.
            let holders = gains.iter().flat_map(|gain| gain.held_by.iter().cloned());
            for proxy in gains.iter().map(|gain| ProxyId::Node(gain.node.clone())).chain(holders) {
                standing.entry(proxy).or_default();
            }
            return Ok(Self { standing, registry: Some(server.registry().map_err(failed)?) });
        }
        let nodes = gains.iter().map(|gain| ProxyId::Node(gain.node.clone()));
        let holders = gains.iter().flat_map(|gain| gain.held_by.iter().cloned());
        let admins = Admins(carry::admins(target)?);
        let asked: BTreeSet<ProxyId> = nodes.chain(holders).filter(|p| admins.knows(p)).collect();
        let asked = asked.into_iter().map(|proxy| (proxy, Wanted::InForce)).collect();
        let standing = runtime()?.block_on(admins.standing(asked)).into_iter();
        let standing = standing.map(|(proxy, found)| (proxy, running(found.running))).collect();
        Ok(Self { standing, registry: None })
    }

    /// How many live registrations lead to a node that gains requests.
    fn instances(&self, gain: &Gain) -> Option<usize> {
        Some(self.registry.as_ref()?.live(gain.selector.as_ref()?, &gain.gives_up))
    }

    /// Whether meshctl can find out if a target can serve, or no request can be lost: as `apply` asks.
    fn can_tell(&self, gain: &Gain) -> bool {
        let known = self.standing.contains_key(&ProxyId::Node(gain.node.clone()));
        let instances = |gain: &Gain| self.instances(gain);
        !apply::is_held(gain, &self.standing) || apply::can_tell(gain, known, &instances)
    }

    /// Why a target cannot serve now. What must be acknowledged is only known when it is switched to.
    fn missing(&self, gain: &Gain) -> Option<Missing> {
        let instances = |gain: &Gain| self.instances(gain);
        let held = apply::is_held(gain, &self.standing);
        held.then(|| apply::cannot_serve(gain, &self.standing, &instances)).flatten()
    }
}

fn finding(
    missing: &Missing,
    accepted: &BTreeSet<crate::model::Address>,
    places: Option<Places<'_>>,
) -> Diagnostic {
    let route = &missing.route;
    let finding = Diagnostic::unplaced(&codes::MISSING_TARGET, missing.to_string()).about(route);
    let place = places.and_then(|places| places.origins.find(route, "/targets"));
    let finding = match place {
        Some(loc) => finding.at(loc, ""),
        None => finding,
    };
    finding.help(match accepted.contains(route) {
        true => "accepted: apply switches to it anyway".to_owned(),
        false => {
            let first = match missing.why {
                Why::NotRunning | Why::NotAcknowledged => "start it",
                Why::NotRegistered => "register an instance",
            };
            format!(
                "{first} before the switch: apply stops there otherwise; --accept {} consents",
                word(&consent(route))
            )
        }
    })
}
