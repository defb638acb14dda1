//! Drift: what the files in force differ in from the live model.
//!
//! A change is what the user wants to differ; drift is what differs though nobody applied it.

use super::{Error, Read, State};
use crate::compile::{compile, proxies};
use crate::envoy::{self, ProxyId, Settings};
use crate::plan::Drift;
use std::collections::BTreeSet;

/// Compares the files in force with what the live model compiles to. While a rollout is under way
/// the files are those of a step, so nothing is compared.
pub fn drift(target: &dyn Read, state: &State, settings: &Settings) -> Result<Vec<Drift>, Error> {
    drift_at(target, state, settings, None)
}

/// [`drift`] at some proxies only; `None` is all.
pub fn drift_at(
    target: &dyn Read,
    state: &State,
    settings: &Settings,
    wanted: Option<&BTreeSet<ProxyId>>,
) -> Result<Vec<Drift>, Error> {
    let wanted = |proxy: &&ProxyId| wanted.is_none_or(|wanted| wanted.contains(*proxy));
    let mut found = Vec::new();
    if state.rollout.is_some() || state.live.revision.is_none() {
        return Ok(found);
    }
    let mesh = &state.live.mesh;
    let modelled: BTreeSet<ProxyId> = proxies(mesh).into_iter().collect();
    for proxy in modelled.iter().filter(wanted) {
        let desired = envoy::files(&compile(mesh, settings, proxy));
        let actual = target.files(proxy)?;
        for (path, content) in &desired {
            match actual.get(path) {
                None => found.push(item(proxy, path, "missing")),
                Some(other) if other != content => found.push(item(proxy, path, "changed")),
                Some(_) => {}
            }
        }
        for path in actual.keys().filter(|path| !desired.contains_key(*path)) {
            found.push(item(proxy, path, "unexpected"));
        }
    }
    for proxy in target.proxies()?.difference(&modelled).filter(wanted) {
        found.push(item(proxy, "", "unexpected"));
    }
    found.sort();
    Ok(found)
}

fn item(proxy: &ProxyId, what: &str, how: &str) -> Drift {
    Drift { proxy: proxy.clone(), what: what.to_owned(), how: how.to_owned() }
}
