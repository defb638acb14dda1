//! One open stream, as the hub knows it.

use super::table::{Instance, Mesh, Proxy};
use super::{Hub, lock};
use crate::envoy::ProxyId;
use crate::envoy::csds::Client;
use crate::envoy::xds::{Protocol, Request};
use crate::revision::StepId;
use crate::serve::budget::Share;
use crate::serve::identity::Identity;
use crate::serve::session::{Fault, NameId, Response, Session, View};
use futures_util::task::AtomicWaker;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::SystemTime;

/// What a stream says when it opens.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The mesh and the proxy that its node id names.
    pub mesh: String,
    /// The proxy.
    pub proxy: ProxyId,
    /// The whole node id.
    pub node_id: String,
    /// The program and its version.
    pub build: String,
    /// Who the peer is.
    pub identity: Identity,
    /// Where it connects from.
    pub peer: SocketAddr,
    /// The form of xDS that it speaks.
    pub protocol: Protocol,
}

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The server has as many streams as it may.
    Full,
    /// The identity has as many streams as it may.
    TooManyOfIdentity,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the server has as many streams as it may have",
            Self::TooManyOfIdentity => "there are as many streams of this identity as there may be",
        })
    }
}

/// An open stream.
#[derive(Debug)]
pub struct Line {
    id: u64,
    opening: Opening,
    connected: u64,
    session: Mutex<Session>,
    waker: AtomicWaker,
    closed: AtomicBool,
}

impl Line {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Who the peer is.
    pub fn identity(&self) -> &Identity {
        &self.opening.identity
    }

    /// Whether it is a stream of this proxy.
    pub(super) fn is_of(&self, mesh: &str, proxy: &ProxyId) -> bool {
        self.opening.mesh == mesh && self.opening.proxy == *proxy
    }

    pub(super) fn changed(&self, view: &View, ids: &[NameId], before: Option<StepId>) -> bool {
        let wake = lock(&self.session).changed(view, ids, before);
        if wake {
            self.waker.wake();
        }
        wake
    }

    /// Whether its client has anything of a number.
    pub(super) fn uses(&self, id: NameId) -> bool {
        lock(&self.session).uses(id)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.wake();
    }

    pub(super) fn node_id(&self) -> &str {
        &self.opening.node_id
    }

    /// How its client stands with every resource.
    pub(super) fn client(&self, view: &View) -> Client {
        let resources = lock(&self.session).standings(view);
        let Opening { node_id, build, .. } = &self.opening;
        Client { node_id: node_id.clone(), build: build.clone(), resources }
    }

    pub(super) fn report(&self, view: &View, newest: Option<StepId>) -> Instance {
        Instance {
            node_id: self.opening.node_id.clone(),
            peer: self.opening.peer,
            build: self.opening.build.clone(),
            connected: self.connected,
            progress: lock(&self.session).progress(view, newest),
        }
    }
}

/// An open stream in the hands of who serves it; dropping it ends it.
#[derive(Debug)]
pub(in crate::serve) struct Attached {
    hub: Hub,
    mesh: Arc<Mesh>,
    proxy: Arc<Proxy>,
    line: Arc<Line>,
    /// Given back after the stream itself.
    share: Share,
}

impl Hub {
    /// Opens a stream.
    pub(in crate::serve) fn open(&self, opening: Opening) -> Result<Attached, Refused> {
        use std::sync::atomic::Ordering::Relaxed;
        let limits = &self.inner.limits;
        if self.inner.streams.fetch_add(1, Relaxed) >= limits.streams {
            self.inner.streams.fetch_sub(1, Relaxed);
            return Err(Refused::Full);
        }
        let mesh = self.mesh(&opening.mesh);
        let proxy = mesh.proxy(&opening.proxy);
        let id = self.inner.serial.fetch_add(1, Relaxed);
        let prefix = format!("{}-{id:x}", self.inner.run);
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let share = self.inner.budgets.of(&opening.identity).share();
        let line = Arc::new(Line {
            id,
            session: Mutex::new(Session::new(opening.protocol, prefix, limits)),
            connected: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            waker: AtomicWaker::new(),
            closed: AtomicBool::new(false),
            opening,
        });
        proxy.add(line.clone());
        let attached = Attached { hub: self.clone(), mesh, proxy, line, share };
        if let Some(limit) = limits.streams_per_identity {
            // It is among them already: of two that come at once both may be refused, but never
            // both let in.
            let own = attached.mesh.lines();
            let same = own.iter().filter(|line| line.identity() == attached.line.identity());
            if same.count() > limit {
                return Err(Refused::TooManyOfIdentity);
            }
        }
        Ok(attached)
    }
}

impl Attached {
    /// A request arrived.
    pub(in crate::serve) fn request(&self, request: &Request) -> Result<(), Fault> {
        let counters = &self.hub.inner.counters;
        counters.requests(1);
        if request.refused.is_some() {
            counters.refusals(1);
        }
        let result = {
            let view = self.proxy.view();
            let mut session = lock(&self.line.session);
            session.request(request, &view).map(|()| session.bytes())
        };
        let result = result.and_then(|bytes| self.share.resize(bytes).map_err(Fault::IdentityFull));
        self.hub.inner.tell();
        result
    }

    /// The next response, if there is one to send.
    pub(in crate::serve) fn next(&self) -> Option<Response> {
        let response = {
            let view = self.proxy.view();
            let mut session = lock(&self.line.session);
            let response = session.next(&view);
            // What the server itself adds is no reason to end a stream, and counts with the next request
            // if there is no room.
            let _ = self.share.resize(session.bytes());
            response
        }?;
        let counters = &self.hub.inner.counters;
        counters.responses(1);
        counters.resources(response.resources.len());
        let protocol = self.line.opening.protocol;
        let bytes = response.resources.iter().map(|content| content.encoded.bytes(protocol).len());
        counters.bytes(bytes.sum());
        Some(response)
    }

    /// Whom to wake when there may be something to send.
    pub(in crate::serve) fn register(&self, waker: &Waker) {
        self.line.waker.register(waker);
    }

    /// Whether the stream is to end.
    pub(in crate::serve) fn is_closed(&self) -> bool {
        self.line.closed.load(Ordering::Acquire)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.proxy.remove(self.line.id);
        self.mesh.tidy(&self.line.opening.proxy);
        self.hub.tidy(&self.line.opening.mesh);
        self.hub.inner.streams.fetch_sub(1, Ordering::Relaxed);
        self.hub.inner.tell();
    }
}
