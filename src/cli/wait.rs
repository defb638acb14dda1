//! `wait`: until every proxy that is expected has acknowledged a revision.

use super::status::{self, Found, Having};
use super::{Context, Exit, Failure, Format, carry};
use crate::apply::Expected;
use crate::envoy::ProxyId;
use crate::live::admin::Silence;
use clap::Args;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wait until every proxy has acknowledged a revision
///
/// If the target sets `expect`, so many Envoys must have acknowledged it. If not, every proxy that can
/// be asked must run and have acknowledged it. Proxies that run and lack something are waited for in
/// any case.
#[derive(Debug, Args)]
pub(super) struct WaitArgs {
    /// The revision, or any later one; the newest unless given
    #[arg(long, value_name = "REV")]
    rev: Option<u64>,

    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: carry::Patience,
}

pub(super) fn run(context: &Context, args: &WaitArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let looking = status::Looking::new(&target)?;
    let deadline = Instant::now() + args.timeout.time().unwrap_or_default();
    let expected = target.expect.map_or(Expected::EveryProxy, Expected::Envoys);
    loop {
        let state = target.state()?;
        let there = match (state.live.revision, args.rev) {
            (Some(revision), Some(wanted)) => revision >= wanted,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let mut open: Vec<String> = Vec::new();
        let mut acknowledged = 0;
        if !there {
            let newest = state.live.revision.map_or("none".to_owned(), |r| r.to_string());
            open.push(format!("the newest revision is {newest}"));
        }
        if let Some(rollout) = &state.rollout {
            open.push(match &rollout.stopped {
                Some(why) => format!("the rollout stopped before the switch ({why})"),
                None => "the rollout is unfinished".to_owned(),
            });
        }
        if open.is_empty() {
            let found = looking.look(None)?;
            acknowledged = status::acknowledged(&found);
            let revision = state.live.revision.unwrap_or(0);
            open.extend(missing(expected, &found, revision));
        }
        let waits = !open.is_empty();
        if waits && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
            continue;
        }
        let exit = if waits { Exit::NotConverged } else { Exit::Done };
        if format == Format::Json {
            let document = json!({
                "format": "meshctl.wait",
                "format_version": "1.0",
                "exit_code": exit.code(),
                "revision": state.live.revision,
                "proven": acknowledged,
                "open": open,
            });
            context.ui.result(&format!("{document:#}\n"));
        }
        if waits {
            context.ui.error(&format!("timed out: {}", open.join(", ")));
        } else if format == Format::Text {
            let revision = state.live.revision.unwrap_or(0);
            let proof = match acknowledged {
                0 => "not verified (no Envoy could be asked)".to_owned(),
                1 => "verified on 1 Envoy".to_owned(),
                all => format!("verified on {all} Envoys"),
            };
            context.ui.result(&format!("Revision {revision} is in force; {proof}.\n"));
        }
        return Ok(exit);
    }
}

/// What is still missing, in words: proxies that run and lack something, and what is expected besides.
fn missing(expected: Expected, found: &BTreeMap<ProxyId, Found>, revision: u64) -> Vec<String> {
    let is = |proxy: &ProxyId, found: &Found| format!("{proxy} is {}", found.having.word());
    let gone = |found: &Found| found.having == Having::Silent(Silence::Gone);
    let open = found.iter().filter(|(_, found)| match &found.having {
        Having::InForce | Having::Unknown => false,
        Having::Silent(Silence::Gone) => false,
        Having::Silent(Silence::NoAnswer)
        | Having::Warming
        | Having::Behind(_)
        | Having::Rejected(_) => true,
    });
    let mut open: Vec<String> = open.map(|(proxy, found)| is(proxy, found)).collect();
    let absent: Vec<&ProxyId> =
        found.iter().filter(|(_, found)| gone(found)).map(|(proxy, _)| proxy).collect();
    let acknowledged = status::acknowledged(found);
    if !expected.is_met(acknowledged, absent.len()) {
        match expected.progress(acknowledged) {
            Some(progress) => {
                let names: Vec<String> = absent.iter().map(ToString::to_string).collect();
                let names = match names.is_empty() {
                    true => String::new(),
                    false => format!(" (not running: {})", names.join(", ")),
                };
                open.push(format!("{progress} revision {revision}{names}"));
            }
            None => open.extend(absent.iter().map(|proxy| format!("{proxy} is not running"))),
        }
    }
    open
}
