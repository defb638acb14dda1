//! The steps of a rollout that is under way, as they were computed when it began.

use super::steps::{Config, Step, StepKind, Wave, steps};
use super::waves::in_waves;
use crate::compile::{compile, proxies};
use crate::envoy::{ProxyId, Settings};
use crate::model::Mesh;
use crate::revision::Rollout;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The steps of a rollout between two meshes. Their words are those of the rollout, unless another
/// meshctl or other settings began it.
pub fn steps_of(rollout: &Rollout, from: &Mesh, to: &Mesh, settings: &Settings) -> Vec<Step> {
    match rollout.undoes() {
        Some(ahead) => undo(from, to, settings, ahead),
        None => in_waves(steps(from, to, settings, &all(from, to)), rollout.canary.as_ref()),
    }
}

/// What every proxy has of a refused mesh that is only beside what is in force: the mesh before,
/// with what was added.
pub fn added(before: &Mesh, refused: &Mesh, settings: &Settings) -> BTreeMap<ProxyId, Config> {
    let steps = steps(before, refused, settings, &all(before, refused));
    let add = steps.into_iter().find(|step| step.kind == StepKind::Add);
    add.map(|step| step.after).unwrap_or_default()
}

/// The way back from a mesh that was refused before traffic had switched everywhere: those who had
/// switched (`ahead`, by their names) go back to where the others are; then no route leads to what
/// is new, and one step takes it back.
pub fn undo(
    refused: &Mesh,
    before: &Mesh,
    settings: &Settings,
    ahead: &BTreeSet<String>,
) -> Vec<Step> {
    let all = all(refused, before);
    let ahead: BTreeSet<ProxyId> =
        all.iter().filter(|proxy| ahead.contains(&proxy.to_string())).cloned().collect();
    let switch = match ahead.is_empty() {
        true => None,
        false => {
            let mut steps = steps(before, refused, settings, &ahead).into_iter();
            steps.find(|step| step.kind == StepKind::Switch)
        }
    };
    let switch = switch.map(|step| Step { before: step.after, after: step.before, ..step });
    switch.into_iter().chain(whole(refused, before, settings, &all)).collect()
}

/// One step that gives every proxy what it had.
fn whole(
    refused: &Mesh,
    before: &Mesh,
    settings: &Settings,
    affected: &BTreeSet<ProxyId>,
) -> Option<Step> {
    let had: BTreeSet<ProxyId> = proxies(before).into_iter().collect();
    let has: BTreeSet<ProxyId> = proxies(refused).into_iter().collect();
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    for proxy in affected {
        let config = |mesh: &Mesh, there: &BTreeSet<ProxyId>| {
            there.contains(proxy).then(|| Arc::new(compile(mesh, settings, proxy)))
        };
        let (now, then) = (config(refused, &has), config(before, &had));
        if now != then {
            old.insert(proxy.clone(), now);
            new.insert(proxy.clone(), then);
        }
    }
    let step = Step { kind: StepKind::Remove, wave: Wave::All, before: old, after: new };
    (!step.after.is_empty()).then_some(step)
}

fn all(one: &Mesh, other: &Mesh) -> BTreeSet<ProxyId> {
    proxies(one).into_iter().chain(proxies(other)).collect()
}
