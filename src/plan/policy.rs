//! MC0807 and MC0808: what the project wants of one plan (`[guards]` in `meshctl.toml`). Findings,
//! not refusals: a plan may be wanted as it is.

use super::hazards::finding;
use super::{Action, Change, Input, PlannedStep, codes};
use crate::diag::Diagnostics;
use crate::model::{Address, Mesh, NodeName, Port, Route, Target};
use std::collections::{BTreeMap, BTreeSet};

/// Holds a plan to the project's limits; the desired mesh is that after the plan.
pub(super) fn find(
    input: &Input<'_>,
    desired: &Mesh,
    changes: &[Change],
    steps: &[PlannedStep],
    found: &mut Diagnostics,
) {
    if let Some(limit) = input.guards.max_weight_step {
        for change in changes.iter().filter(|change| change.action == Action::Update) {
            shift(input, desired, &change.address, limit, found);
        }
    }
    let reached: BTreeSet<_> = steps.iter().flat_map(|step| step.proxies.keys()).collect();
    if let Some(limit) = input.guards.max_proxies.filter(|limit| reached.len() > *limit) {
        let message = format!(
            "the plan reaches {} prox{}, and meshctl.toml allows {limit} at once",
            reached.len(),
            if reached.len() == 1 { "y" } else { "ies" },
        );
        found.push(
            finding(input, &codes::MANY_PROXIES, &Address::Mesh, "/name", message)
                .help("plan a part of it with --only, or raise `max_proxies` in [guards]"),
        );
    }
}

fn route<'m>(mesh: &'m Mesh, address: &Address) -> Option<&'m Route> {
    let Address::Route(router, name) = address else { return None };
    mesh.routers.get(router)?.route(name)
}

/// The per cent of a route's requests that each target takes. A sole target takes all.
fn shares(targets: &[Target]) -> BTreeMap<(&NodeName, Option<Port>), f64> {
    let sum: u64 = targets.iter().map(|target| u64::from(target.weight)).sum();
    let share = |target: &Target| match targets.len() {
        1 => 100.0,
        _ => 100.0 * f64::from(target.weight) / (sum.max(1) as f64),
    };
    targets.iter().map(|target| ((&target.node, target.port), share(target))).collect()
}

/// Tells the largest shift of one route, if it is beyond the limit.
fn shift(
    input: &Input<'_>,
    desired: &Mesh,
    address: &Address,
    limit: u32,
    found: &mut Diagnostics,
) {
    let (Some(was), Some(is)) = (route(&input.live.mesh, address), route(desired, address)) else {
        return;
    };
    let (before, after) = (shares(&was.targets), shares(&is.targets));
    let of = |shares: &BTreeMap<_, f64>, key| shares.get(key).copied().unwrap_or(0.0);
    let keys = before.keys().chain(after.keys());
    let steps = keys.map(|key| (*key, of(&before, key), of(&after, key)));
    let size = |step: &(_, f64, f64)| (step.2 - step.1).abs();
    let Some(largest) = steps.max_by(|a, b| size(a).total_cmp(&size(b))) else { return };
    // Shares are fractions; a step of exactly the limit is within it.
    if size(&largest) <= f64::from(limit) + 1e-6 {
        return;
    }
    let ((node, _), from, to) = largest;
    let message = format!(
        "`{node}` goes from {from:.0}% to {to:.0}% of the requests of `{address}` in one plan, and \
         meshctl.toml allows steps of {limit}%"
    );
    let step = if to > from { from + f64::from(limit) } else { from - f64::from(limit) };
    let help = format!(
        "go to {step:.0}% first and look at how it fares, or raise `max_weight_step` in [guards]"
    );
    let at = is.targets.iter().position(|target| target.node == *node);
    let pointer = at.map_or("/targets".to_owned(), |at| format!("/targets/{at}"));
    found.push(finding(input, &codes::WEIGHT_STEP, address, &pointer, message).help(help));
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::super::tests::{SHOP, live, mesh, with};
    use crate::envoy::Settings;

    fn found(desired: &str, step: Option<u32>, proxies: Option<usize>) -> Vec<String> {
        let (before, desired) = (live(mesh(SHOP)), mesh(desired));
        let settings = Settings::path("/root");
        let mut input = with(&before, &desired, &settings);
        (input.guards.max_weight_step, input.guards.max_proxies) = (step, proxies);
        plan(&input).1.iter().map(|d| format!("{} {}", d.code.id, d.message)).collect()
    }

    #[test]
    fn larger_steps_than_the_policy_has_are_told_with_their_size() {
        let shifted = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 70, cart-v2 = 30");
        assert!(found(&shifted, None, None).is_empty(), "without a policy any step is well");
        assert!(found(&shifted, Some(25), None).is_empty(), "as much as the policy has");
        let told = found(&shifted, Some(24), None);
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("MC0807 `cart-v"), "{told:?}");
        assert!(told[0].contains("route/cart/all") && told[0].contains("steps of 24%"), "{told:?}");
        // A target that takes another's place takes all at once.
        let replaced = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v2 = 5");
        let told = found(&replaced, Some(50), None);
        assert!(told[0].contains("`cart-v2` goes from 5% to 100%"), "{told:?}");
        assert!(found(SHOP, Some(1), None).is_empty(), "nothing changes");
    }

    #[test]
    fn more_proxies_than_the_policy_has_are_told() {
        let shifted = SHOP.replace("cart-v1 = 95, cart-v2 = 5", "cart-v1 = 70, cart-v2 = 30");
        assert!(found(&shifted, None, Some(1)).is_empty());
        let told = found(&shifted, None, Some(0));
        let expected =
            "MC0808 the plan reaches 1 proxy, and meshctl.toml allows 0 at once".to_owned();
        assert_eq!(told, [expected]);
    }
}
