//! Carrying out on a control plane: one request under one key, followed until it has ended.

use super::carry::{self, CarryArgs, OnNack, Work};
use super::target::{self, Target};
use super::{Context, Exit, Failure};
use crate::apply::{Event, Outcome, Signal, Stop};
use crate::diag::shell::word;
use crate::live::server::wire::{self, ApplyRequest, Carry, Line, Problem, SettingsDocument};
use crate::live::server::{Follow, Server};
use crate::live::{self};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a server that was lost is looked for.
const LOST: Duration = Duration::from_secs(30);
/// How often.
const RETRY: Duration = Duration::from_millis(250);
/// How long a step may take where the flags ask nobody.
const NOBODY: u64 = 0;

/// Something that a server is asked to do.
pub(super) struct Asked<'a> {
    pub(super) context: &'a Context,
    pub(super) args: &'a CarryArgs,
    pub(super) target: &'a Target,
    pub(super) server: &'a Server,
}

/// What became of following an attempt.
enum Followed {
    /// It ended.
    Ended(Outcome),
    /// It was refused, or how it ended is not known.
    Refused(Problem),
    /// The connection was lost.
    Lost(live::Error),
    /// The user does not want to wait for it.
    Left(Signal),
}

impl Asked<'_> {
    /// Asks for it and tells what happens.
    pub(super) fn carry_out(
        &self,
        work: &Work<'_>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Failure> {
        let key = match &self.args.key {
            Some(key) => key.clone(),
            None => live::server::new_key().map_err(|error| target::failure(&error))?,
        };
        let request = self.request(work, &key);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))?;
        runtime.block_on(self.until_told(&request, tell))
    }

    fn request(&self, work: &Work<'_>, key: &str) -> ApplyRequest {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let args = self.args;
        ApplyRequest {
            key: key.to_owned(),
            work: match work {
                Work::Plan(plan) => wire::Work::Plan(
                    serde_json::to_value(plan).expect("invariant: a plan is plain data"),
                ),
                Work::Resume { .. } | Work::Known { .. } => wire::Work::Resume {},
                Work::Rewrite => wire::Work::Rewrite {},
            },
            expect: match work {
                Work::Known { expect } => expect.map(str::to_owned),
                _ => None,
            },
            settings: SettingsDocument::of(&self.target.settings),
            carry: Carry {
                wait_ms: args.wait.time().map_or(NOBODY, |time| millis(time).max(1)),
                drain_ms: args.drain.time().map_or(0, millis),
                on_nack: match args.on_nack {
                    OnNack::Rollback => wire::OnNack::Rollback,
                    OnNack::Halt => wire::OnNack::Halt,
                    OnNack::Continue => wire::OnNack::Continue,
                },
                canary: args.canary,
                canary_wait_ms: args.canary_wait.time().map_or(0, millis),
                expect: self.target.expect,
                lock_ms: args.lock_timeout.time().map_or(0, millis),
                accept: work.accept(),
            },
            by: carry::user(),
        }
    }

    /// Asks, and asks again under the same key while the server cannot be reached.
    async fn until_told(
        &self,
        request: &ApplyRequest,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Failure> {
        let stop = carry::listen();
        let mut told: Vec<Value> = Vec::new();
        let mut lost_at: Option<Instant> = None;
        // Until something was sent, nothing can have been done.
        let mut sent = false;
        loop {
            let followed = match self.server.apply(request).await {
                Ok(mut follow) => {
                    sent = true;
                    lost_at = None;
                    follow_to_end(&mut follow, &stop, &mut told, tell).await
                }
                Err(error) => Followed::Lost(error),
            };
            let error = match followed {
                Followed::Ended(outcome) => return Ok(outcome),
                Followed::Refused(problem) => return Err(self.refused(&problem, request)),
                Followed::Left(signal) => return Err(self.left(signal, request)),
                Followed::Lost(error) => error,
            };
            match &error {
                live::Error::Unavailable { sent: this, .. } => sent |= this,
                live::Error::Api { problem, .. } => return Err(self.refused(problem, request)),
                _ => return Err(target::failure(&error)),
            }
            if !sent {
                return Err(target::failure(&error));
            }
            let since = *lost_at.get_or_insert_with(Instant::now);
            if since.elapsed() > LOST {
                return Err(self.unknown(&error, request));
            }
            tokio::select! {
                () = sleep(RETRY) => {}
                () = stop.requested() => {
                    let signal = stop.signal().unwrap_or(Signal::Interrupt);
                    return Err(self.left(signal, request));
                }
            }
        }
    }

    /// The call that asks for what became of a key.
    fn ask_again(&self, request: &ApplyRequest) -> String {
        format!(
            "to get its result, and to resume it: meshctl apply --target {} --resume --key {}",
            word(&self.target.id.name),
            word(&request.key)
        )
    }

    fn refused(&self, problem: &Problem, request: &ApplyRequest) -> Failure {
        let exit = target::of_problem(problem);
        let mut failure = Failure::new(exit, problem.message.clone());
        failure.causes.clone_from(&problem.causes);
        match (exit, &problem.hint) {
            // Asked again, it would be told the same.
            (Exit::Unknown, Some(hint)) if problem.code == "superseded" => {
                failure.hint(hint.clone())
            }
            (Exit::Unknown, _) => failure.hint(self.ask_again(request)),
            (_, Some(hint)) => failure.hint(hint.clone()),
            (_, None) => failure,
        }
    }

    fn unknown(&self, error: &live::Error, request: &ApplyRequest) -> Failure {
        let message =
            format!("lost the connection to the server, so the outcome is unknown: {error}");
        Failure::new(Exit::Unknown, message).hint(self.ask_again(request))
    }

    fn left(&self, signal: Signal, request: &ApplyRequest) -> Failure {
        let message = format!("{} continues the rollout by itself", self.target.id.name);
        self.context.ui.status("The rollout is not stopped.");
        Failure::new(carry::stopped(signal), message).hint(self.ask_again(request))
    }
}

/// Tells what is new in an attempt. An attempt that is followed again tells all from its beginning.
async fn follow_to_end(
    follow: &mut Follow,
    stop: &Stop,
    told: &mut Vec<Value>,
    tell: &mut dyn FnMut(Event),
) -> Followed {
    let mut number = 0;
    loop {
        let line = tokio::select! {
            line = follow.next() => line,
            () = stop.requested() => {
                return Followed::Left(stop.signal().unwrap_or(Signal::Interrupt));
            }
        };
        let lost = |why: &str| live::Error::Unavailable {
            server: follow.server().to_owned(),
            why: why.to_owned(),
            sent: true,
        };
        match line {
            Err(error) => return Followed::Lost(error),
            Ok(None) => return Followed::Lost(lost("the answer ended before the result")),
            Ok(Some(Line::Heartbeat {})) => {}
            Ok(Some(Line::Refused(problem))) => return Followed::Refused(problem),
            Ok(Some(Line::Outcome(outcome))) => {
                return match serde_json::from_value(outcome) {
                    Ok(outcome) => Followed::Ended(outcome),
                    Err(_) => Followed::Lost(lost(
                        "the result has a form that this meshctl does not know",
                    )),
                };
            }
            Ok(Some(Line::Event(event))) => {
                if told.get(number) != Some(&event) {
                    // What is not what was told is what a server that was started anew tells.
                    told.truncate(number);
                    told.push(event.clone());
                    // A later server may tell what this meshctl has no words for.
                    if let Ok(event) = serde_json::from_value(event) {
                        tell(event);
                    }
                }
                number += 1;
            }
        }
    }
}
