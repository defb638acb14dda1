//! The control plane of a run: `serve`, in this process, asked by its admin API as any client does.
//!
//! In this process because then nothing can outlive the run, whatever ends it, and because a start
//! that fails is an error with a type. It has threads of its own: what the run does meanwhile on its
//! one thread, which the kernel ties the children to, does not hold it up.

use super::error::Error;
use crate::apply::{Event, Outcome, Signal};
use crate::envoy::{ControlPlane, Endpoint, Settings};
use crate::live::server::wire::{ApplyRequest, Carry, Line, OnNack, SettingsDocument, Work};
use crate::live::server::{Access, Follow, TokenSource, new_key};
use crate::live::{self, Read as _, Server};
use crate::model::MeshName;
use crate::plan::Plan;
use crate::revision::Live;
use crate::serve::{self, Config, Listen};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// A control plane that runs for one mesh.
#[derive(Debug)]
pub(super) struct Plane {
    /// Taken at the end.
    running: Option<(serve::Running, Runtime)>,
    url: String,
    secret: PathBuf,
    mesh: MeshName,
    xds: SocketAddr,
    patience: Duration,
}

impl Drop for Plane {
    fn drop(&mut self) {
        if let Some((_, runtime)) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

impl Plane {
    /// Starts one with its store in a folder, on free ports of 127.0.0.1.
    pub(super) async fn start(
        data: PathBuf,
        mesh: MeshName,
        patience: Duration,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("control-plane")
            .enable_all()
            .build()
            .map_err(|error| Error::Start("the control plane".to_owned(), error))?;
        let free = || Listen { address: (Ipv4Addr::LOCALHOST, 0).into(), tls: None };
        let config = Config {
            data: data.clone(),
            admin: free(),
            xds: free(),
            trust_domain: None,
            authority: None,
            names: Vec::new(),
            // The proxies are started after it.
            grace: patience,
            audit_on_error: serve::OnError::default(),
            limits: serve::limits::Limits::default(),
        };
        let started = runtime.spawn(async move { serve::start(&config).await }).await;
        let running = match started {
            Ok(started) => started.map_err(Error::Serve),
            Err(error) => Err(Error::Thread(error.to_string())),
        };
        let running = match running {
            Ok(running) => running,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let xds = running.xds.unwrap_or(running.admin);
        let url = format!("http://{}", running.admin);
        let secret = data.join("operator.token");
        Ok(Self { running: Some((running, runtime)), url, secret, mesh, xds, patience })
    }

    /// Ends it in order.
    pub(super) async fn stop(mut self) {
        if let Some((running, runtime)) = self.running.take() {
            // One that panicked has ended too.
            let _ = runtime.spawn(running.stop(Signal::Interrupt)).await;
            runtime.shutdown_background();
        }
    }

    /// Where the admin API is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The file with the secret of its operator.
    pub(super) fn secret(&self) -> &Path {
        &self.secret
    }

    /// As a proxy's bootstrap has it.
    pub(super) fn for_proxies(&self) -> ControlPlane {
        let (host, port) = (self.xds.ip().to_string(), self.xds.port());
        ControlPlane { address: Endpoint { host, port }, tls: None, token_variable: None }
    }

    /// The identity of the store, and what plans lead from.
    pub(super) async fn base(&self) -> Result<(String, Live), Error> {
        self.ask(|server| Ok((server.server()?.lineage, server.base(&server.state()?, None)?)))
            .await
    }

    /// Has a plan carried out, and tells what happens.
    pub(super) async fn apply(
        &self,
        plan: &Plan,
        settings: &Settings,
        on_nack: OnNack,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Outcome, Error> {
        let millis = u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX).max(1);
        let plan = serde_json::to_value(plan).expect("invariant: a plan is plain data");
        let request = ApplyRequest {
            key: new_key().map_err(Error::Target)?,
            work: Work::Plan(plan),
            expect: None,
            settings: SettingsDocument::of(settings),
            carry: Carry { wait_ms: millis, lock_ms: millis, on_nack, ..Carry::default() },
            by: "meshctl dev".to_owned(),
        };
        let (sender, mut events) = unbounded_channel();
        let applied = self.ask(move |server| {
            let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
                live::Error::Setup {
                    server: server.place(),
                    project: false,
                    why: error.to_string(),
                }
            })?;
            runtime.block_on(async { to_end(&mut server.apply(&request).await?, &sender).await })
        });
        let mut applied = std::pin::pin!(applied);
        loop {
            tokio::select! {
                // What happened is told before how it ended.
                biased;
                Some(event) = events.recv() => tell(event),
                outcome = &mut applied => return outcome,
            }
        }
    }

    /// Asks as a client that blocks, in a thread of its own.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Server) -> Result<T, live::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let access = Access {
            url: self.url.clone(),
            token: Some(TokenSource::File(self.secret.clone())),
            ca: None,
            identity: None,
        };
        let mesh = self.mesh.clone();
        let (sender, answer) = oneshot::channel();
        let asking = move || {
            let answer = Server::new(&access, mesh).and_then(|server| question(&server));
            // Nobody waits for it any more when the run was stopped meanwhile.
            let _ = sender.send(answer);
        };
        std::thread::Builder::new()
            .name("client".to_owned())
            .spawn(asking)
            .map_err(|error| Error::Start("a thread".to_owned(), error))?;
        match answer.await {
            Ok(answer) => answer.map_err(Error::Target),
            Err(_) => Err(Error::Thread("the question ended without an answer".to_owned())),
        }
    }
}

/// Follows an apply to its end.
async fn to_end(
    follow: &mut Follow,
    events: &UnboundedSender<Event>,
) -> Result<Outcome, live::Error> {
    let server = follow.server().to_owned();
    let odd = |why: String| live::Error::Odd { server: server.clone(), why };
    loop {
        match follow.next().await? {
            Some(Line::Heartbeat {}) => {}
            Some(Line::Event(event)) => {
                let event = serde_json::from_value(event);
                let event =
                    event.map_err(|error| odd(format!("an event has another form: {error}")))?;
                // Who does not listen any more does not wait for the end either.
                let _ = events.send(event);
            }
            Some(Line::Outcome(outcome)) => {
                return serde_json::from_value(outcome)
                    .map_err(|error| odd(format!("the end has another form: {error}")));
            }
            Some(Line::Refused(problem)) => {
                let problem = Box::new(problem);
                return Err(live::Error::Api { server, status: 200, problem });
            }
            None => return Err(odd("it ended before it told the end".to_owned())),
        }
    }
}
