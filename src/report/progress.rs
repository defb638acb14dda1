//! Progress: a line at the foot of a terminal while proxies are waited for; nothing elsewhere.

use crate::apply::Event;
use crate::plan::Wave;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::Duration;

/// How often the line moves by itself.
const TICK: Duration = Duration::from_millis(120);

/// The line at the foot.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A line that is drawn on stderr, if anything may be drawn there.
    pub fn new(draws: bool) -> Self {
        let bar = draws.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {msg} [{pos}/{len}] {elapsed}");
            bar.set_style(style.expect("invariant: the template is a constant that parses"));
            bar
        });
        Self { bar }
    }

    /// Takes notice of an event.
    pub fn tell(&self, event: &Event) {
        let Some(bar) = &self.bar else { return };
        match event {
            Event::Step { number, of, kind, wave, proxies, .. } => {
                bar.set_length(*proxies as u64);
                bar.set_position(0);
                let canary = if *wave == Wave::Canary { " canary" } else { "" };
                bar.set_message(format!("step {number}/{of} {kind}{canary}"));
                bar.enable_steady_tick(TICK);
            }
            Event::Proxy { .. } => bar.inc(1),
            Event::Resume { .. }
            | Event::Commit { .. }
            | Event::Settle { .. }
            | Event::Drain { .. }
            | Event::Watch { .. }
            | Event::Unverified { .. }
            | Event::Missing { .. }
            | Event::NoCanary {}
            | Event::StepDone { .. }
            | Event::Rollback { .. } => {}
        }
    }

    /// Writes words without tearing the line.
    pub fn aside(&self, write: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
