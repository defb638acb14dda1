//! The admin API: HTTP and JSON, `/v1`. `schemas/admin-api.openapi.json` describes it.
//!
//! Every route stands in [`routes`] with what it asks of its caller, and is built with the layer
//! that checks that; there is no other way to add one.

pub(super) mod access;
pub(super) mod attempts;
pub(super) mod bodies;
pub(super) mod connection;
mod handlers;
mod identity;
mod lasting;
pub(super) mod metrics;
mod registry;

use super::audit::{Audit, Entry};
use super::certificates::Figures;
use super::joining::Authority;
use super::mesh::Mesh;
use super::plane::Plane;
use super::problem;
use super::security::Security;
use super::work::{Attempt, Bench};
use crate::apply::Stop;
use crate::live::server::wire::{ApplyRequest, Problem, Work};
use crate::model::MeshName;
use crate::store::Store;
use crate::store::security::Role;
use access::{Actor, Admitted, Asked, Names, Need, Place, Refused};
use attempts::Attempts as Joining;
use axum::RequestExt as _;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{DefaultBodyLimit, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use bodies::Bodies;
use connection::Line;
use lasting::Lasting;
use metrics::Metrics;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// Attempts of a mesh that are remembered after they ended.
const REMEMBERED: usize = 64;

/// The attempts of one mesh by their keys, the oldest first.
type Attempts = Vec<(String, Arc<Attempt>)>;

/// What all requests share.
pub(super) struct Server {
    pub(super) store: Arc<dyn Store>,
    pub(super) plane: Arc<dyn Plane>,
    pub(super) names: Names,
    pub(super) audit: Arc<Audit>,
    pub(super) metrics: Metrics,
    pub(super) certificates: Figures,
    pub(super) security: Arc<Security>,
    pub(super) authority: Option<Authority>,
    /// Whether proxies come with certificates, which can be revoked.
    pub(super) certified: bool,
    /// Failed attempts to join.
    pub(super) joining: Joining<IpAddr>,
    /// Other failed credentials.
    pub(super) failures: Joining<IpAddr>,
    /// What operators asked for and may not do, by their names.
    pub(super) denials: Joining<String>,
    pub(super) bodies: Bodies,
    pub(super) stop: Stop,
    pub(super) awaited_until: Instant,
    /// Whether instances may be registered at addresses of the callers' own hosts.
    pub(super) loopback: bool,
    pub(super) meshes: Mutex<BTreeMap<MeshName, Arc<Mesh>>>,
    pub(super) attempts: Mutex<BTreeMap<MeshName, Attempts>>,
    /// What the server goes on with by itself, with the revision that this brings into force.
    pub(super) own: Mutex<BTreeMap<MeshName, (u64, Arc<Attempt>)>>,
}

/// Why a request was not done, with its status.
pub(super) struct Failed(StatusCode, Problem);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (self.0, axum::Json(self.1)).into_response()
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        let status = match problem.code.as_str() {
            "bad-request" | "bad-plan" => StatusCode::BAD_REQUEST,
            "unauthenticated" => StatusCode::UNAUTHORIZED,
            "forbidden" => StatusCode::FORBIDDEN,
            "no-mesh" | "no-token" | "no-instance" | "no-revision" | "no-proxy" | "unknown-key"
            | "not-found" | "not-denied" => StatusCode::NOT_FOUND,
            "unsupported-encoding" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "too-many" => StatusCode::TOO_MANY_REQUESTS,
            "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
            "timed-out" => StatusCode::REQUEST_TIMEOUT,
            "key-used" | "landed" | "superseded" | "stale" | "no-authority" | "no-rollout" => {
                StatusCode::CONFLICT
            }
            "findings" | "refused" => StatusCode::UNPROCESSABLE_ENTITY,
            "busy" | "full" | "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, problem)
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self(refused.status, *refused.problem)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl Server {
    /// A mesh that is kept from now on, because something is or will be applied to it.
    pub(super) fn mesh(&self, name: &MeshName) -> Arc<Mesh> {
        let mut meshes = self.meshes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(meshes.entry(name.clone()).or_insert_with(|| Arc::new(self.new_mesh(name))))
    }

    /// A mesh to look at: one that is not known is not kept, whoever asks for it.
    pub(super) fn look(&self, name: &MeshName) -> Arc<Mesh> {
        let meshes = self.meshes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = meshes.get(name).cloned();
        known.unwrap_or_else(|| Arc::new(self.new_mesh(name)))
    }

    fn new_mesh(&self, name: &MeshName) -> Mesh {
        Mesh::new(name.clone(), self.store.clone(), self.plane.clone())
    }

    /// Goes on with what a run of the server before this one has left unfinished.
    pub(super) fn go_on(&self, mesh: &Arc<Mesh>) -> Result<(), crate::live::Error> {
        let Some(head) = mesh.head()? else { return Ok(()) };
        let Some(request) = super::work::own(&head) else { return Ok(()) };
        let attempt = Arc::new(Attempt::new(&request));
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.insert(mesh.name.clone(), (head.revision, Arc::clone(&attempt)));
        let bench = self.bench(&mesh.name, "server", None);
        super::work::start(bench, request, attempt);
        Ok(())
    }

    /// What the server is going on with by itself.
    fn own(&self, mesh: &MeshName) -> Option<(u64, Arc<Attempt>)> {
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.get(mesh).filter(|(_, attempt)| !attempt.is_done()).cloned()
    }

    /// The attempt of the server itself, if that is what a request asks for.
    fn joins(
        &self,
        mesh: &MeshName,
        request: &ApplyRequest,
    ) -> Result<Option<Arc<Attempt>>, Problem> {
        let Some((revision, own)) = self.own(mesh) else { return Ok(None) };
        let landed = self.store.landed(mesh, &request.key).map_err(|e| problem::store(&e))?;
        match (&request.work, landed) {
            (Work::Resume {}, None) => Ok(Some(own)),
            (_, Some(landed)) if landed.revision == revision => {
                super::work::same_plan(&*self.store, mesh, request, &landed)?;
                Ok(Some(own))
            }
            _ => Ok(None),
        }
    }

    fn bench(&self, mesh: &MeshName, actor: &str, own: Option<Arc<Attempt>>) -> Bench {
        Bench {
            mesh: self.mesh(mesh),
            audit: Arc::clone(&self.audit),
            stop: self.stop.clone(),
            awaited_until: Some(self.awaited_until),
            actor: actor.to_owned(),
            own,
        }
    }

    /// The attempt of a key, if it is remembered. One that came to nothing is not: whoever asks
    /// again under its key asks anew.
    fn attempt(&self, mesh: &MeshName, key: &str) -> Option<Arc<Attempt>> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let found = attempts.get(mesh)?.iter().find(|(known, _)| known == key)?;
        Some(Arc::clone(&found.1)).filter(|attempt| !attempt.came_to_nothing())
    }

    /// What has not ended yet, of operators and of the server itself.
    pub(super) fn under_way(&self) -> Vec<Arc<Attempt>> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = attempts.values().flatten().map(|(_, attempt)| Arc::clone(attempt));
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = own.values().map(|(_, attempt)| Arc::clone(attempt));
        asked.chain(own).filter(|attempt| !attempt.is_done()).collect()
    }

    /// The attempt of a key: the one that is there, or a new one that is begun.
    fn begin(
        &self,
        mesh: &MeshName,
        request: ApplyRequest,
        actor: &Actor,
    ) -> Result<Arc<Attempt>, Problem> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = attempts.entry(mesh.clone()).or_default();
        let landed = self.store.landed(mesh, &request.key).map_err(|e| problem::store(&e))?;
        known.retain(|(key, attempt)| {
            let again = *key == request.key && !attempt.is_followed_by(&request);
            !(again && attempt.came_to_nothing())
        });
        if let Some((_, attempt)) = known.iter().find(|(key, _)| *key == request.key) {
            match &landed {
                Some(landed) => {
                    super::work::same_plan(&*self.store, mesh, &request, landed)?;
                }
                None => attempt.expected(&request)?,
            }
            return match attempt.is_of(&request) {
                true => Ok(Arc::clone(attempt)),
                false => Err(problem::of("key-used", "the key stands for something else already")
                    .hint("apply without --key")),
            };
        }
        if landed.is_none() && request.work == (Work::Resume {}) && request.expect.is_some() {
            return Err(problem::of(
                "unknown-key",
                "nothing came of what was asked for under this key",
            )
            .hint("ask for it again"));
        }
        if let Some(own) = self.joins(mesh, &request)? {
            return Ok(own);
        }
        let attempt = Arc::new(Attempt::new(&request));
        known.push((request.key.clone(), Arc::clone(&attempt)));
        while known.len() > REMEMBERED
            && let Some(oldest) = known.iter().position(|(_, attempt)| attempt.is_done())
        {
            known.remove(oldest);
        }
        let own = self.own(mesh).map(|(_, own)| own);
        let bench = self.bench(mesh, &actor.0, own);
        super::work::start(bench, request, Arc::clone(&attempt));
        Ok(attempt)
    }
}

/// One route: what it asks for, and who answers.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) need: Need,
    answer: MethodRouter<Arc<Server>>,
}

/// What the audit log tells of a request that was let in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audited {
    /// Nothing: it changes nothing.
    No,
    /// That it begins, and how it ended. It is rejected where that cannot be told.
    Act,
    /// The same. It is done whatever can be told: it takes rights away.
    Always,
    /// How it ended, if it changed something: most of them change nothing.
    Often,
}

impl Audited {
    fn of(method: &Method, path: &str) -> Self {
        match *method {
            Method::GET if path == "/v1/backup" => Self::Act,
            Method::GET => Self::No,
            _ if path.ends_with("/objects") => Self::No,
            Method::DELETE if !path.ends_with("/lapsed") => Self::Always,
            Method::PUT => Self::Often,
            _ if path.ends_with("/revoke") => Self::Always,
            _ => Self::Act,
        }
    }
}

/// Every route of the API.
pub(super) fn routes() -> Vec<Route> {
    let read = Need::Operator(Role::Read);
    let write = Need::Operator(Role::Write);
    let register = Need::Operator(Role::Register);
    let instance = "/v1/meshes/{mesh}/registry/{namespace}/{service}/instances/{id}";
    let join_tokens = "/v1/meshes/{mesh}/join-tokens";
    let route = |method, path, need, answer| Route { method, path, need, answer };
    let (get_, post_) = (Method::GET, Method::POST);
    vec![
        route(get_.clone(), "/healthz", Need::Nobody, get(handlers::health)),
        route(get_.clone(), "/readyz", Need::Nobody, get(handlers::ready)),
        route(get_.clone(), "/metrics", Need::Nobody, get(handlers::metrics)),
        route(get_.clone(), "/v1", read, get(handlers::server)),
        route(get_.clone(), "/v1/meshes/{mesh}/state", read, get(handlers::state)),
        route(post_.clone(), "/v1/meshes/{mesh}/objects", read, post(handlers::objects)),
        route(get_.clone(), "/v1/meshes/{mesh}/revisions", read, get(handlers::history)),
        route(
            get_.clone(),
            "/v1/meshes/{mesh}/revisions/{revision}",
            read,
            get(handlers::revision),
        ),
        route(get_.clone(), "/v1/meshes/{mesh}/proxies", read, get(handlers::proxies)),
        route(
            get_.clone(),
            "/v1/meshes/{mesh}/proxies/{kind}/{name}/files",
            read,
            get(handlers::files),
        ),
        route(post_.clone(), "/v1/meshes/{mesh}/applies", write, post(handlers::apply)),
        route(get_.clone(), "/v1/meshes/{mesh}/applies/{key}", read, get(handlers::follow)),
        route(get_.clone(), "/v1/meshes/{mesh}/registry", read, get(registry::all)),
        route(get_.clone(), instance, read, get(registry::one)),
        route(Method::PUT, instance, register, put(registry::register)),
        route(Method::DELETE, instance, register, delete(registry::deregister)),
        route(
            Method::DELETE,
            "/v1/meshes/{mesh}/registry/{namespace}/{service}/lapsed",
            write,
            delete(registry::confirm),
        ),
        route(get_.clone(), "/v1/backup", write, get(handlers::backup)),
        route(get_.clone(), join_tokens, read, get(identity::join_tokens)),
        route(post_.clone(), join_tokens, write, post(identity::join_token)),
        route(
            Method::DELETE,
            "/v1/meshes/{mesh}/join-tokens/{id}",
            write,
            delete(identity::remove_join_token),
        ),
        route(
            post_.clone(),
            "/v1/meshes/{mesh}/proxies/{kind}/{name}/revoke",
            write,
            post(identity::revoke),
        ),
        route(
            post_.clone(),
            "/v1/meshes/{mesh}/proxies/{kind}/{name}/allow",
            write,
            post(identity::allow),
        ),
        route(post_.clone(), "/v1/token/renew", Need::AnyOperator, post(identity::renew_token)),
        route(post_.clone(), "/v1/join", Need::JoinToken, post(identity::join)),
        route(post_, "/v1/renew", Need::Proxy, post(identity::renew)),
    ]
}

/// The router: every route behind the layer, and nothing else.
pub(super) fn router(server: Arc<Server>) -> Router {
    let mut router = Router::new();
    for Route { method, path, need, answer } in routes() {
        let audited = Audited::of(&method, path);
        let verb: Arc<str> = format!("{method} {path}").into();
        router = router.route(path, answer.layer(gate(&server, need, audited, verb)));
    }
    // Whoever is not known learns not even which routes there are.
    let known = Need::Operator(Role::Read);
    let missing = get(handlers::missing).fallback(handlers::missing).layer(gate(
        &server,
        known,
        Audited::No,
        "a path that is no route".into(),
    ));
    let body = DefaultBodyLimit::max(server.bodies.most());
    router.fallback_service(missing.with_state(Arc::clone(&server))).layer(body).with_state(server)
}

/// Whether a body would have to be inflated.
fn is_encoded(headers: &HeaderMap) -> bool {
    let all = headers.get_all(header::CONTENT_ENCODING);
    all.iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The layer that lets in who may come in.
fn gate(
    server: &Arc<Server>,
    need: Need,
    audited: Audited,
    verb: Arc<str>,
) -> impl tower::Layer<
    axum::routing::Route,
    Service: tower::Service<
        Request,
        Response: IntoResponse + 'static,
        Error: Into<std::convert::Infallible> + 'static,
        Future: Send + 'static,
    > + Clone
                 + Send
                 + Sync
                 + 'static,
> + Clone
+ Send
+ Sync
+ 'static {
    let server = Arc::clone(server);
    from_fn(move |mut request: Request, next: Next| {
        let (server, verb) = (Arc::clone(&server), Arc::clone(&verb));
        async move {
            let place = match request.extract_parts::<RawPathParams>().await {
                Ok(parameters) => Place::of(parameters.iter()),
                // What is no route has no parameters.
                Err(RawPathParamsRejection::MissingPathParams(_)) => Place::default(),
                Err(rejection) => return rejection.into_response(),
            };
            let asked = Asked::by(&request, need, place.clone());
            let line = request.extensions().get::<Line>().cloned();
            let encoded = is_encoded(request.headers());
            let version = request.version();
            let from = request.extensions().get::<access::Caller>().copied();
            match access::admit(&server, &asked, &request) {
                Ok(_) if encoded => {
                    let message = "bodies are taken as they are, without a content encoding";
                    Failed::from(problem::of("unsupported-encoding", message)).into_response()
                }
                // Whoever is not known sends no body that anybody reads.
                Ok(_) if need == Need::Nobody => next.run(request).await,
                Ok(admitted) => {
                    server.metrics.answered(request.method());
                    if let Some(line) = line {
                        line.accepted();
                    }
                    let actor = admitted.actor.clone();
                    let told = Told { server: Arc::clone(&server), actor, place, verb };
                    let run =
                        async { run(server, request, next, asked, admitted).await.into_response() };
                    told.around(audited, run).await
                }
                Err(refused) => {
                    server.metrics.refused();
                    let ends = line.is_some_and(|line| line.rejected(refused.wait.is_some()));
                    let from = from.map(|from| format!("address {}", from.0.to_canonical()));
                    let who = refused.who.clone().or(from).unwrap_or_default();
                    let why = format!("denied: {}", refused.problem.code);
                    server.audit.denied(&who, &verb, &why);
                    let wait = refused.wait;
                    let mut answer = Failed::from(refused).into_response();
                    if let Some(wait) = wait {
                        let seconds = wait.as_secs_f64().ceil() as u64;
                        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                    }
                    // Else a client sends its next request on a connection that is closing, and
                    // cannot know whether it was received. HTTP/2 has a frame for it.
                    if ends && version < Version::HTTP_2 {
                        let close = HeaderValue::from_static("close");
                        answer.headers_mut().insert(header::CONNECTION, close);
                    }
                    answer
                }
            }
        }
    })
}

/// A request that was let in, as the audit log tells it.
struct Told {
    server: Arc<Server>,
    actor: Actor,
    place: Place,
    verb: Arc<str>,
}

impl Told {
    /// Tells that a request begins, and that it failed; what it did is told by who did it.
    async fn around(self, audited: Audited, run: impl Future<Output = Response>) -> Response {
        if audited == Audited::No {
            return run.await;
        }
        let told = Arc::new(self);
        // A disk that takes its time holds up nobody else.
        let blocking = async |tell: fn(&Self, &str) -> Result<(), String>, end: String| {
            let told = Arc::clone(&told);
            tokio::task::spawn_blocking(move || tell(&told, &end)).await.unwrap_or(Ok(()))
        };
        let write = |told: &Self, end: &str| {
            told.server.audit.write(&told.entry(end));
            Ok(())
        };
        if matches!(audited, Audited::Act | Audited::Always) {
            let begin = |told: &Self, end: &str| told.server.audit.begin(&told.entry(end));
            if let Err(why) = blocking(begin, "asked".to_owned()).await
                && audited == Audited::Act
            {
                return Failed::from(unrecorded(&why)).into_response();
            }
        }
        let answer = run.await;
        let status = answer.status();
        let end = if status.is_client_error() || status.is_server_error() {
            Some(format!("failed: {}", status.as_u16()))
        } else {
            (&*told.verb == "GET /v1/backup").then(|| "done".to_owned())
        };
        if let Some(end) = end {
            // The answer does not depend on it.
            let _ = blocking(write, end).await;
        }
        answer
    }

    fn entry<'a>(&'a self, end: &'a str) -> Entry<'a> {
        let mut entry = Entry::plain(&self.actor.0, &self.verb, &self.place.subject, end);
        entry.mesh = self.place.mesh.as_deref();
        entry
    }
}

/// Why a change is rejected that the audit log cannot tell.
pub(super) fn unrecorded(why: &str) -> Problem {
    let mut problem = problem::of(
        "unavailable",
        "the audit log cannot be written, and changes are rejected as long as that is so",
    );
    problem.causes.push(why.to_owned());
    problem
        .hint("make room for it; `meshctl serve --audit-on-error alarm` makes changes without it")
}

/// Receives the body of a request that was let in, and has it answered. How long a body takes is its
/// sender's affair, so what is done with it asks again whether the caller may still do it.
async fn run(
    server: Arc<Server>,
    request: Request,
    next: Next,
    asked: Asked,
    admitted: Admitted,
) -> Result<Response, Failed> {
    let Admitted { actor, grant, scope } = admitted;
    let grants = grant.is_some();
    let (mut head, body) = request.into_parts();
    let (bytes, _share) = server.bodies.receive(&actor.0, body).await?;
    head.extensions.insert(actor.clone());
    if let Some(grant) = grant {
        head.extensions.insert(grant);
    }
    if let Some(scope) = scope {
        head.extensions.insert(scope);
    }
    let request = Request::from_parts(head, Body::from(bytes));
    let again: access::Again = Arc::new(move || access::again(&server, &asked, &actor));
    let answer = access::checked(Arc::clone(&again), next.run(request)).await;
    // A rejection tells nothing, and what was let in once, as a join token, is used up by the answer.
    Ok(match grants || !answer.status().is_success() {
        true => answer,
        false => answer.map(|body| Body::new(Lasting::new(body, again))),
    })
}
