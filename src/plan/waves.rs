//! Steps in two waves: a few proxies first, the others when those have taken it.
//!
//! ```text
//!  add, canary ── add ── switch, canary ── switch ── remove, canary ── remove
//! ```
//!
//! Each step is cut, not the whole plan: no proxy is ever more than one step ahead of another, as it
//! is while a step arrives. So what is true between two steps is true between two waves, and callers
//! find what they call.

use super::steps::{Config, Step, Wave};
use crate::envoy::ProxyId;
use crate::revision::Canary;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// How many proxies go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// So many of those that a step reaches.
    Proxies(u32),
    /// So many of a hundred of them, and at least one.
    Percent(u32),
}

impl Share {
    /// How many these are of `all`.
    fn of(self, all: usize) -> usize {
        let count = match self {
            Self::Proxies(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => {
                all.saturating_mul(usize::try_from(percent).unwrap_or(100)).div_ceil(100)
            }
        };
        count.max(1)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "it is a number of proxies, or a percentage from 1% to 100%".to_owned();
        let (digits, percent) = match text.strip_suffix('%') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        match (digits.parse(), percent) {
            (Ok(percent @ 1..=100), true) => Ok(Self::Percent(percent)),
            (Ok(count @ 1..), false) => Ok(Self::Proxies(count)),
            _ => Err(wrong()),
        }
    }
}

/// Who goes first at each step: of the proxies that it reaches, that stay and that can be asked,
/// those that run before those that do not, in an order that is the same for every plan. A proxy
/// goes with all its instances. `asked` says of each that can be asked whether it runs.
pub fn choose(
    steps: &[Step],
    share: Share,
    asked: &BTreeMap<ProxyId, bool>,
) -> Vec<BTreeSet<String>> {
    let first = |step: &Step| {
        let staying = step.after.iter().filter(|(_, config)| config.is_some());
        let order: BTreeMap<(bool, Vec<u8>), String> = staying
            .filter_map(|(proxy, _)| {
                let name = proxy.to_string();
                let hash = Sha256::digest(name.as_bytes()).to_vec();
                Some(((!asked.get(proxy)?, hash), name))
            })
            .collect();
        order.into_values().take(share.of(step.after.len())).collect()
    };
    steps.iter().map(first).collect()
}

/// The steps cut in two, where there are some who go first and others who do not. Of steps that are
/// not those that it was chosen for, the first wave is for all who were ever to go first.
pub fn in_waves(steps: Vec<Step>, canary: Option<&Canary>) -> Vec<Step> {
    let Some(Canary { first, .. }) = canary else { return steps };
    let all: BTreeSet<String> = first.iter().flatten().cloned().collect();
    let fits = first.len() == steps.len();
    let mut waves = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        let first = first.get(at).filter(|_| fits).unwrap_or(&all);
        let part = |wave: Wave| {
            let own =
                |proxy: &ProxyId| first.contains(&proxy.to_string()) == (wave == Wave::Canary);
            let some = |configs: &BTreeMap<ProxyId, Config>| {
                let own = configs.iter().filter(|(proxy, _)| own(proxy));
                own.map(|(proxy, config)| (proxy.clone(), config.clone())).collect()
            };
            Step { kind: step.kind, wave, before: some(&step.before), after: some(&step.after) }
        };
        let (canary, rest) = (part(Wave::Canary), part(Wave::Rest));
        match canary.after.is_empty() || rest.after.is_empty() {
            true => waves.push(step),
            false => waves.extend([canary, rest]),
        }
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envoy::ProxyConfig;
    use crate::plan::StepKind;
    use std::sync::Arc;

    fn id(name: &str) -> ProxyId {
        format!("virtual_node/{name}").parse().expect("a proxy")
    }

    fn step(kind: StepKind, staying: &[&str], leaving: &[&str]) -> Step {
        let config = |name: &str| {
            let resources = BTreeMap::new();
            Some(Arc::new(ProxyConfig { proxy: id(name), resources }))
        };
        let staying = staying.iter().map(|name| (id(name), config(name)));
        let after = staying.chain(leaving.iter().map(|name| (id(name), None))).collect();
        Step { kind, wave: Wave::All, before: BTreeMap::new(), after }
    }

    #[test]
    fn each_step_goes_first_to_its_share_of_those_that_run() {
        let steps = [
            step(StepKind::Add, &["a", "b", "c", "d"], &[]),
            step(StepKind::Remove, &["c", "d"], &["e"]),
        ];
        let names = ["a", "b", "c", "d", "e"];
        let nobody: BTreeMap<ProxyId, bool> = names.map(|name| (id(name), false)).into();
        let all = choose(&steps, Share::Proxies(1), &nobody);
        assert_eq!(all.iter().map(BTreeSet::len).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(all, choose(&steps, Share::Proxies(1), &nobody), "the same ones each time");
        assert_eq!(choose(&steps, Share::Percent(50), &nobody)[0].len(), 2);
        assert_eq!(choose(&steps, Share::Percent(1), &nobody)[0].len(), 1);
        assert_eq!(
            choose(&steps, Share::Proxies(9), &nobody)[1].len(),
            2,
            "who leaves is no canary"
        );
        for name in ["a", "b", "c", "d"] {
            let only = BTreeSet::from([format!("virtual_node/{name}")]);
            let running: BTreeMap<_, _> = names.map(|n| (id(n), n == name)).into();
            assert_eq!(choose(&steps, Share::Proxies(1), &running)[0], only);
            // Who cannot be asked cannot tell how it went.
            let one = BTreeMap::from([(id(name), false)]);
            assert_eq!(choose(&steps, Share::Proxies(3), &one)[0], only);
        }
    }

    #[test]
    fn waves_are_the_step_in_two_parts() {
        let steps = vec![
            step(StepKind::Add, &["a", "b"], &[]),
            step(StepKind::Switch, &["a"], &[]),
            step(StepKind::Remove, &["b"], &["e"]),
        ];
        let first = |name: &str| BTreeSet::from([format!("virtual_node/{name}")]);
        let canary = Canary { first: vec![first("a"), first("a"), first("b")], wait_ms: 0 };
        let waves = in_waves(steps.clone(), Some(&canary));
        let words: Vec<String> = waves.iter().map(Step::word).collect();
        assert_eq!(words, ["add canary", "add", "switch", "remove canary", "remove"]);
        assert_eq!(waves[0].after.keys().collect::<Vec<_>>(), [&id("a")]);
        assert_eq!(waves[1].after.keys().collect::<Vec<_>>(), [&id("b")]);
        assert_eq!(waves[4].after.keys().collect::<Vec<_>>(), [&id("e")]);
        assert_eq!(in_waves(steps.clone(), None).len(), 3);
        // Chosen for other steps: still nobody has a step before one of those who go first.
        let canary = Canary { first: vec![first("a")], wait_ms: 0 };
        let words: Vec<String> = in_waves(steps, Some(&canary)).iter().map(Step::word).collect();
        assert_eq!(words, ["add canary", "add", "switch", "remove"]);
    }

    #[test]
    fn shares_are_read() {
        assert_eq!("3".parse(), Ok(Share::Proxies(3)));
        assert_eq!("10%".parse(), Ok(Share::Percent(10)));
        for bad in ["", "0", "0%", "101%", "-1", "1.5%", "%", "many"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }
}
