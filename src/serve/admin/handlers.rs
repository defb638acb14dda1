//! What each route of the admin API answers.

use super::access::{self, Actor, Scoped};
use super::metrics::Unwritten;
use super::{Failed, Server};
use crate::compile::proxies as all_proxies;
use crate::envoy::ProxyId;
use crate::live::server::wire::{
    API, ApplyRequest, Line, ObjectsDocument, ObjectsRequest, Problem, ProxiesDocument,
    ProxyStatus, ServerDocument, StateDocument,
};
use crate::live::{Read as _, Rollout};
use crate::model::MeshName;
use crate::serve::audit::OnError;
use crate::serve::mesh::Mesh;
use crate::serve::problem;
use crate::serve::work::Attempt;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// Who follows an attempt hears something at least this often.
const BEAT: Duration = Duration::from_secs(5);

pub(super) type Shared = State<Arc<Server>>;
pub(super) type Answer<T> = Result<Json<T>, Failed>;

/// Executes what a request asks for, where it may block. Every route that does or tells something
/// passes here, and its caller's credentials are checked again: since its headers came, a token may
/// have expired, and an operator or a proxy may have been removed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Failed> {
    let again = access::check();
    let work = move || {
        if let Some(again) = again {
            again()?;
        }
        work().map_err(Failed::from)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(problem::of("failed", "the server made a mistake").into()),
    }
}

/// Reads the body of a request.
pub(super) fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Failed> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem::of("too-large", "the body is too large"),
        _ => problem::of("bad-request", "the body cannot be read"),
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        problem::of("bad-request", format!("the body has another form: {error}")).into()
    })
}

/// Reads a part of the path.
pub(super) fn named(mesh: String) -> Result<MeshName, Failed> {
    MeshName::new(mesh).map_err(|why| problem::of("bad-request", why).into())
}

pub(super) async fn missing() -> Failed {
    problem::of("not-found", "there is no such route").hint("GET /v1 says what this is").into()
}

pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Ready is whose store can be read, and whose audit log and revocations can be written.
pub(super) async fn ready(State(server): Shared) -> Result<&'static str, Failed> {
    let looked = blocking(move || {
        server.store.meshes().map_err(|error| problem::store(&error))?;
        // Why is not told to everybody.
        if server.audit.health().failure.is_some() && server.audit.on_error() == OnError::Reject {
            return Err(problem::of("unavailable", "the audit log cannot be written"));
        }
        if server.security.lacking() > 0 {
            return Err(problem::of("unavailable", "revocations are not written to the store"));
        }
        Ok("ok\n")
    });
    looked.await
}

pub(super) async fn metrics(State(server): Shared) -> Response {
    let mut text = server.certificates.text();
    let unwritten =
        Unwritten { audit: server.audit.health(), revocations: server.security.lacking() };
    let bodies = server.bodies.held();
    text.push_str(&server.metrics.text(&*server.plane, &server.meshes, &unwritten, bodies));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

pub(super) async fn server(
    State(server): Shared,
    Extension(Scoped(scope)): Extension<Scoped>,
) -> Answer<ServerDocument> {
    let document = blocking(move || {
        let meshes = server.store.meshes().map_err(|error| problem::store(&error))?;
        Ok(ServerDocument {
            api: vec![API],
            version: env!("CARGO_PKG_VERSION").to_owned(),
            lineage: server.store.lineage(),
            meshes: meshes.into_iter().filter(|mesh| scope.has_mesh(mesh.as_str())).collect(),
        })
    });
    Ok(Json(document.await?))
}

/// Asks a mesh something that blocks.
pub(super) async fn of_mesh<T: Serialize + Send + 'static>(
    server: Arc<Server>,
    mesh: String,
    ask: impl FnOnce(&Mesh) -> Result<T, Problem> + Send + 'static,
) -> Answer<T> {
    let mesh = server.look(&named(mesh)?);
    Ok(Json(blocking(move || ask(&mesh)).await?))
}

pub(super) async fn state(
    State(server): Shared,
    Path(mesh): Path<String>,
) -> Answer<StateDocument> {
    of_mesh(server, mesh, |mesh| {
        let failed = |error| problem::store(&error);
        let head = mesh.store.head(&mesh.name).map_err(failed)?;
        let manifest = match &head {
            Some(head) => Some(mesh.store.manifest(&mesh.name, head.revision).map_err(failed)?),
            None => None,
        };
        let settings = Some(Mesh::known(head.as_ref()));
        let (rollout, in_force) = match head {
            Some(head) => (head.rollout, head.in_force),
            None => (None, None),
        };
        // How it is carried out is the server's own affair.
        let rollout = rollout.map(|all| Rollout { carry: serde_json::Value::Null, ..all });
        Ok(StateDocument { lineage: mesh.store.lineage(), manifest, rollout, in_force, settings })
    })
    .await
}

pub(super) async fn objects(
    State(server): Shared,
    Path(mesh): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<ObjectsDocument> {
    let request: ObjectsRequest = read(body)?;
    of_mesh(server, mesh, move |mesh| {
        // Objects are known by their content to all meshes; only those of this one are told.
        let mut wanted = request.ids;
        let mut objects = std::collections::BTreeMap::new();
        for header in mesh.history().map_err(|error| problem::live(&error))? {
            if wanted.is_empty() {
                break;
            }
            let manifest = mesh.store.manifest(&mesh.name, header.revision);
            let manifest = manifest.map_err(|error| problem::store(&error))?;
            let own: std::collections::BTreeSet<_> = manifest
                .entries
                .values()
                .map(|entry| entry.object.clone())
                .filter(|id| wanted.contains(id))
                .collect();
            wanted.retain(|id| !own.contains(id));
            objects.extend(mesh.store.objects(&own).map_err(|error| problem::store(&error))?);
        }
        Ok(ObjectsDocument { objects })
    })
    .await
}

pub(super) async fn history(
    State(server): Shared,
    Path(mesh): Path<String>,
) -> Answer<Vec<crate::revision::Header>> {
    of_mesh(server, mesh, |mesh| mesh.history().map_err(|error| problem::live(&error))).await
}

pub(super) async fn revision(
    State(server): Shared,
    Path((mesh, revision)): Path<(String, String)>,
) -> Answer<crate::revision::Manifest> {
    let Ok(revision) = revision.parse() else {
        return Err(problem::of("bad-request", format!("`{revision}` is no revision")).into());
    };
    of_mesh(server, mesh, move |mesh| {
        mesh.store.manifest(&mesh.name, revision).map_err(|error| problem::store(&error))
    })
    .await
}

pub(super) async fn proxies(
    State(server): Shared,
    Path(mesh): Path<String>,
) -> Answer<ProxiesDocument> {
    of_mesh(server, mesh, |mesh| {
        let mut report = mesh.plane.report(&mesh.name);
        let head = mesh.head().map_err(|error| problem::live(&error))?;
        if let Some(head) = head {
            let live = mesh.live(head.revision).map_err(|error| problem::live(&error))?;
            for proxy in all_proxies(&live.mesh) {
                report.entry(proxy).or_default();
            }
        }
        let proxies =
            report.into_iter().map(|(proxy, envoys)| ProxyStatus { proxy, envoys }).collect();
        Ok(ProxiesDocument { proxies })
    })
    .await
}

pub(super) async fn files(
    State(server): Shared,
    Path((mesh, kind, name)): Path<(String, String, String)>,
) -> Answer<crate::live::ProxyFiles> {
    let proxy: Result<ProxyId, String> = format!("{kind}/{name}").parse();
    let proxy = proxy.map_err(|why| problem::of("bad-request", why))?;
    of_mesh(server, mesh, move |mesh| mesh.files(&proxy).map_err(|error| problem::live(&error)))
        .await
}

pub(super) async fn apply(
    State(server): Shared,
    Path(mesh): Path<String>,
    Extension(actor): Extension<Actor>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failed> {
    let mesh = named(mesh)?;
    let request: ApplyRequest = read(body)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(16..=128).contains(&request.key.len()) || !request.key.chars().all(fits) {
        let message = "a key has 16 to 128 letters, digits, `-` and `_`";
        return Err(problem::of("bad-request", message).into());
    }
    let attempt = blocking(move || server.begin(&mesh, request, &actor));
    Ok(lines(attempt.await?))
}

pub(super) async fn follow(
    State(server): Shared,
    Path((mesh, key)): Path<(String, String)>,
) -> Result<Response, Failed> {
    let mesh = named(mesh)?;
    let attempt = blocking(move || {
        if let Some(attempt) = server.attempt(&mesh, &key) {
            return Ok(attempt);
        }
        Err(match server.store.landed(&mesh, &key).map_err(|error| problem::store(&error))? {
            // Whoever asked for it may ask again: nothing is done twice.
            Some(landed) => problem::of(
                "landed",
                format!(
                    "the key has become revision {}, before the server was started anew",
                    landed.revision
                ),
            ),
            None => problem::of("unknown-key", "nothing was asked for under this key"),
        })
    });
    Ok(lines(attempt.await?))
}

/// All lines of an attempt, from the first, as they come.
fn lines(attempt: Arc<Attempt>) -> Response {
    let stream = futures_util::stream::unfold((attempt, 0), |(attempt, number)| async move {
        let line = attempt.line(number, BEAT).await?;
        let next = match line {
            Line::Heartbeat {} => number,
            Line::Event(_) | Line::Outcome(_) | Line::Refused(_) => number + 1,
        };
        let text = serde_json::to_string(&line).expect("invariant: lines are plain data");
        Some((Ok::<_, std::convert::Infallible>(format!("{text}\n")), (attempt, next)))
    });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    (kind, Body::from_stream(stream)).into_response()
}

/// The whole store, as it is at this moment.
pub(super) async fn backup(State(server): Shared) -> Result<Response, Failed> {
    let bytes = blocking(move || server.store.copy().map_err(|error| problem::store(&error)));
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, bytes.await?).into_response())
}
