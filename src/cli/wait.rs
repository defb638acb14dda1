//! `wait`: until a revision is in force at every proxy that can be asked.

use super::status::{self, Having};
use super::{Context, Exit, Failure, Format, carry};
use clap::Args;
use serde_json::json;
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wait until a revision is in force at every proxy that can be asked
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
    loop {
        let state = target.state()?;
        let there = match (state.live.revision, args.rev) {
            (Some(revision), Some(wanted)) => revision >= wanted,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let mut open: Vec<String> = Vec::new();
        let mut proven = 0;
        if !there {
            let newest = state.live.revision.map_or("none".to_owned(), |r| r.to_string());
            open.push(format!("the newest revision is {newest}"));
        }
        if state.rollout.is_some() {
            open.push("the rollout is unfinished".to_owned());
        }
        if open.is_empty() {
            for (proxy, found) in looking.look(None)? {
                proven += found.envoys;
                match found.having {
                    Having::InForce => {}
                    Having::Unknown => {}
                    other => open.push(format!("{proxy} is {}", other.word())),
                }
            }
            let expect = target.expect.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            if proven < expect {
                open.push(format!("{proven} of {expect} expected proxies have it"));
            }
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
                "proven": proven,
                "open": open,
            });
            context.ui.result(&format!("{document:#}\n"));
        }
        if waits {
            context.ui.error(&format!("the time is up: {}", open.join(", ")));
        } else if format == Format::Text {
            let revision = state.live.revision.unwrap_or(0);
            let proof = match proven {
                0 => "0 proxies: not proven".to_owned(),
                1 => "1 proxy proven".to_owned(),
                proven => format!("{proven} proxies proven"),
            };
            context.ui.result(&format!("Revision {revision} is in force; {proof}.\n"));
        }
        return Ok(exit);
    }
}
