//! Every kind of target, as the suite of laws works on them: what differs is who carries a plan out.

use super::sandbox::Sandbox;
use super::xds_client::{Client, Stream, delta};
use crate::live_serve_apply::Serve;
use meshctl::apply::{self, Admins, Event, OnRefusal, Options, Outcome, Signal, Site, Stop};
use meshctl::envoy::{ConfigSource, ResourceType, Settings};
use meshctl::live::server::wire::{self, ApplyRequest, Carry, Line, OnNack, Problem};
use meshctl::live::server::{Access, Follow, TokenSource, new_key};
use meshctl::live::{self, Directory, Memory, Read, Server, Target};
use meshctl::model::MeshName;
use meshctl::plan::{self, Plan};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// The mesh of the suite.
pub(crate) const MESH: &str = "m";
/// A lock that was let go may linger in a program that another test is just starting.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than any step takes.
const WAIT: Duration = Duration::from_secs(30);

/// What a target is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work<'a> {
    Plan(&'a Plan),
    Resume,
    Rewrite,
}

/// Why it did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Stale,
    Busy,
    OtherMesh,
    NothingToResume,
}

/// What was done, or why nothing was.
pub(crate) type Done = Result<(Outcome, Vec<Event>), Refused>;

/// A target, and who carries plans out on it.
pub(crate) trait Kind {
    /// To look at it, as the command line does.
    fn read(&self) -> &dyn Read;

    /// Its identity in plans.
    fn id(&self) -> plan::Target;

    /// How its proxies are configured.
    fn settings(&self) -> Settings;

    /// Has something done; `expect`: how many Envoys must have the result.
    fn carry_out(&self, work: Work<'_>, expect: Option<u32>) -> Done;

    /// Has a plan done that is committed and then does not come to its end.
    fn cut_short(&self, plan: &Plan);

    /// Asks for something that may not wait, while somebody else is at work on the same mesh.
    fn while_another_works(&self, work: Work<'_>) -> Done;

    /// Lets go of it and opens it again.
    fn reopen(&mut self);

    /// Whether it brings a rollout to its end that was cut short, once it is open, unasked.
    fn goes_on_by_itself(&self) -> bool {
        false
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A target that the process of the command line itself writes.
pub(crate) struct Local {
    target: Box<dyn Target>,
    open: Box<dyn Fn() -> Box<dyn Target>>,
}

impl Local {
    pub(crate) fn directory(folder: std::path::PathBuf) -> Self {
        let open = move || Box::new(Directory::open(folder.clone()).unwrap()) as Box<dyn Target>;
        Self { target: open(), open: Box::new(open) }
    }

    pub(crate) fn memory() -> Self {
        let memory = Memory::default();
        // What is in memory is there as long as somebody has it: there is nothing to open again.
        let open = move || Box::new(memory.clone()) as Box<dyn Target>;
        Self { target: open(), open: Box::new(open) }
    }

    fn ask(
        &self,
        work: Work<'_>,
        expect: Option<u32>,
        patience: Duration,
        heard: impl Fn(&Event),
        stop: &Stop,
    ) -> Done {
        let mut writer = match self.target.lock(patience) {
            Ok(writer) => writer,
            Err(live::Error::Busy { .. }) => return Err(Refused::Busy),
            Err(error) => panic!("{error}"),
        };
        let options = Options {
            wait: Some(WAIT),
            settle: Duration::ZERO,
            drain: Duration::ZERO,
            on_refusal: OnRefusal::Rollback,
            canary: None,
            canary_wait: Duration::ZERO,
            carry: serde_json::Value::Null,
            expect,
            accept: std::collections::BTreeSet::new(),
            witness: Arc::new(Admins::default()),
            at: "2026-01-01T00:00:00Z".to_owned(),
            by: "test".to_owned(),
        };
        let mut events = Vec::new();
        let mut tell = |event| {
            heard(&event);
            events.push(event);
        };
        let settings = self.settings();
        let mut site = Site {
            target: &mut *writer,
            settings: &settings,
            options: &options,
            stop,
            tell: &mut tell,
        };
        let done = runtime().block_on(async {
            match work {
                Work::Plan(plan) => apply::apply(plan, &mut site).await,
                Work::Resume => apply::resume(&mut site).await,
                Work::Rewrite => apply::rewrite(&mut site).await,
            }
        });
        match done {
            Ok(outcome) => Ok((outcome, events)),
            Err(apply::Error::Stale { .. }) => Err(Refused::Stale),
            Err(apply::Error::NoRollout) => Err(Refused::NothingToResume),
            Err(apply::Error::Live(live::Error::OtherMesh { .. })) => Err(Refused::OtherMesh),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Kind for Local {
    fn read(&self) -> &dyn Read {
        &*self.target
    }

    fn id(&self) -> plan::Target {
        let (name, kind) = ("t".to_owned(), "directory".to_owned());
        plan::Target { name: name.clone(), kind, id: name }
    }

    fn settings(&self) -> Settings {
        Settings::path("/target")
    }

    fn carry_out(&self, work: Work<'_>, expect: Option<u32>) -> Done {
        self.ask(work, expect, PATIENCE, |_| {}, &Stop::new().1)
    }

    /// Whoever applies is interrupted as soon as it is committed.
    fn cut_short(&self, plan: &Plan) {
        let (signal, stop) = Stop::new();
        let interrupt = move |event: &Event| {
            if matches!(event, Event::Commit { .. }) {
                let _ = signal.send(Some(Signal::Interrupt));
            }
        };
        let (outcome, _) = self.ask(Work::Plan(plan), None, PATIENCE, interrupt, &stop).unwrap();
        assert_eq!(outcome.end, apply::End::Stopped(Signal::Interrupt));
    }

    fn while_another_works(&self, work: Work<'_>) -> Done {
        let _writer = self.target.lock(PATIENCE).unwrap();
        self.ask(work, None, Duration::ZERO, |_| {}, &Stop::new().1)
    }

    fn reopen(&mut self) {
        self.target = (self.open)();
    }
}

/// A `meshctl serve` in a process of its own, asked by the client of the command line.
pub(crate) struct Remote {
    sandbox: Sandbox,
    serve: Option<Serve>,
    client: Server,
    lineage: String,
    runtime: Runtime,
}

impl Remote {
    pub(crate) fn start() -> Self {
        let sandbox = Sandbox::new();
        let serve = Self::serve(&sandbox);
        let client = Self::client(&sandbox, &serve);
        let lineage = client.server().unwrap().lineage;
        Self { sandbox, serve: Some(serve), client, lineage, runtime: runtime() }
    }

    fn serve(sandbox: &Sandbox) -> Serve {
        let any = "127.0.0.1:0";
        let args = ["serve", "--data", "data", "--admin", any, "--xds", any, "--grace", "0s"];
        Serve::run(sandbox.command(&args)).unwrap()
    }

    fn client(sandbox: &Sandbox, serve: &Serve) -> Server {
        let access = Access {
            url: format!("http://{}", serve.admin),
            token: Some(TokenSource::File(sandbox.join("data/operator.token"))),
            ca: None,
            identity: None,
        };
        Server::new(&access, MeshName::new(MESH).unwrap()).unwrap()
    }

    /// What the command line sends.
    fn request(work: Work<'_>, carry: Carry) -> ApplyRequest {
        ApplyRequest {
            key: new_key().unwrap(),
            work: match work {
                Work::Plan(plan) => wire::Work::Plan(serde_json::to_value(plan).unwrap()),
                Work::Resume => wire::Work::Resume {},
                Work::Rewrite => wire::Work::Rewrite {},
            },
            expect: None,
            settings: wire::SettingsDocument::default(),
            carry,
            by: "test".to_owned(),
        }
    }

    fn ask(&self, work: Work<'_>, carry: Carry) -> Done {
        let request = Self::request(work, carry);
        self.runtime.block_on(async {
            let mut follow = self.client.apply(&request).await.unwrap();
            to_the_end(&mut follow).await
        })
    }

    /// A proxy that takes a step and never acknowledges anything.
    fn silent(&self) -> Stream {
        let address = self.serve.as_ref().unwrap().xds.parse().unwrap();
        self.runtime.block_on(async {
            let client = Client::connect(address, None).await.unwrap();
            let mut stream = client.delta().await;
            let node = format!("mesh/{MESH}/virtual_node/web");
            stream.send(&delta(&node, ResourceType::Cluster.type_url(), &[]));
            assert!(!stream.next().await.unwrap().resources.is_empty());
            stream
        })
    }
}

fn carry(expect: Option<u32>, lock: Duration) -> Carry {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap();
    Carry {
        accept: std::collections::BTreeSet::new(),
        wait_ms: millis(WAIT),
        drain_ms: 0,
        canary: None,
        canary_wait_ms: 0,
        on_nack: OnNack::Rollback,
        expect,
        lock_ms: millis(lock),
    }
}

async fn to_the_end(follow: &mut Follow) -> Done {
    let mut events = Vec::new();
    loop {
        match follow.next().await.unwrap().expect("a last line") {
            Line::Heartbeat {} => {}
            Line::Event(event) => events.push(serde_json::from_value(event).unwrap()),
            Line::Outcome(outcome) => {
                return Ok((serde_json::from_value(outcome).unwrap(), events));
            }
            Line::Refused(problem) => return Err(refused(&problem)),
        }
    }
}

fn refused(problem: &Problem) -> Refused {
    match problem.code.as_str() {
        "stale" => Refused::Stale,
        "busy" => Refused::Busy,
        "no-rollout" => Refused::NothingToResume,
        "refused" if problem.message.contains("is for the mesh") => Refused::OtherMesh,
        _ => panic!("{problem:?}"),
    }
}

impl Kind for Remote {
    fn read(&self) -> &dyn Read {
        &self.client
    }

    fn goes_on_by_itself(&self) -> bool {
        true
    }

    fn id(&self) -> plan::Target {
        let (name, kind) = ("t".to_owned(), "control_plane".to_owned());
        plan::Target { name, kind, id: self.lineage.clone() }
    }

    fn settings(&self) -> Settings {
        Settings::new(ConfigSource::Ads)
    }

    fn carry_out(&self, work: Work<'_>, expect: Option<u32>) -> Done {
        self.ask(work, carry(expect, PATIENCE))
    }

    /// The server finishes what it has begun, whoever goes away. What keeps it from the end is a
    /// proxy that does not acknowledge.
    fn cut_short(&self, plan: &Plan) {
        let silent = self.silent();
        let late = Carry { wait_ms: 100, ..carry(None, PATIENCE) };
        let (outcome, _) = self.ask(Work::Plan(plan), late).unwrap();
        assert_eq!(outcome.end, apply::End::Late);
        drop(silent);
    }

    /// An apply that waits for a proxy holds the mesh until that proxy is gone.
    fn while_another_works(&self, work: Work<'_>) -> Done {
        let silent = self.silent();
        let other = Self::request(Work::Rewrite, carry(None, PATIENCE));
        let mut follow = self.runtime.block_on(async {
            let mut follow = self.client.apply(&other).await.unwrap();
            let first = follow.next().await.unwrap();
            assert!(matches!(first, Some(Line::Event(_))), "{first:?}");
            follow
        });
        let done = self.ask(work, carry(None, Duration::ZERO));
        drop(silent);
        self.runtime.block_on(to_the_end(&mut follow)).unwrap();
        done
    }

    fn reopen(&mut self) {
        self.serve.take().unwrap().stop();
        let serve = Self::serve(&self.sandbox);
        self.client = Self::client(&self.sandbox, &serve);
        self.serve = Some(serve);
    }
}
