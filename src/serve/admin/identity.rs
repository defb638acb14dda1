//! Certificates of proxies: join tokens, the first certificate, the next one, and the last.

use super::Server;
use super::access::{Actor, Grant};
use super::handlers::{Answer, Shared, blocking, named, read};
use crate::envoy::ProxyId;
use crate::live::server::joining::{
    DoneDocument, HeldDocument, IdentityDocument, JoinRequest, JoinTokenDocument, JoinTokenRequest,
    JoinTokensDocument, RenewRequest, RenewedDocument,
};
use crate::live::server::wire::Problem;
use crate::model::MeshName;
use crate::serve::audit::Entry;
use crate::serve::certificates::rfc3339;
use crate::serve::joining::{Authority, NotSigned, is_pattern};
use crate::serve::problem;
use crate::serve::security::{Made, Refused};
use crate::store::security::ProxyKey;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, State};
use std::time::Duration;

/// The longest life of a join token, in seconds.
const LONGEST: u64 = 86_400;

type Body = Result<Bytes, BytesRejection>;

/// The authority, if this server has one.
fn authority(server: &Server) -> Result<&Authority, Problem> {
    server.authority.as_ref().ok_or_else(|| {
        problem::of("no-authority", "this server signs no certificates of proxies").hint(
            "start it with --identity-cert and --identity-key, or take certificates from SPIRE",
        )
    })
}

/// Notes who did what about whom.
fn note(server: &Server, actor: &str, verb: &str, mesh: &MeshName, subject: &str, end: &str) {
    let mut entry = Entry::plain(actor, verb, subject, end);
    entry.mesh = Some(mesh.as_str());
    server.audit.write(&entry);
}

/// Why a change was not made.
fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Store(error) => problem::store(&error),
        Refused::Unfit(why) => problem::of("full", why),
        Refused::Random(error) => problem::of("failed", error.to_string()),
    }
}

pub(super) async fn join_token(
    State(server): Shared,
    Path(mesh): Path<String>,
    Extension(Actor(actor)): Extension<Actor>,
    body: Body,
) -> Answer<JoinTokenDocument> {
    let mesh = named(mesh)?;
    let JoinTokenRequest { proxies, life_s } = read(body)?;
    let made = blocking(move || {
        authority(&server)?;
        if !is_pattern(&proxies) {
            let message =
                format!("`{proxies}` is no proxy: virtual_node/NAME, or virtual_node/NA*");
            return Err(problem::of("bad-request", message));
        }
        if !(1..=LONGEST).contains(&life_s) {
            let message = format!("a join token lives for 1 to {LONGEST} seconds");
            return Err(problem::of("bad-request", message));
        }
        let life = Duration::from_secs(life_s);
        let made = server.security.make_token(&mesh, &proxies, life, &actor);
        let Made { id, secret: token, until } = made.map_err(refused)?;
        note(&server, &actor, "join-token", &mesh, &proxies, &format!("made {id}"));
        Ok(JoinTokenDocument { id, token, mesh, proxies, until: rfc3339(until) })
    });
    Ok(Json(made.await?))
}

pub(super) async fn join_tokens(
    State(server): Shared,
    Path(mesh): Path<String>,
) -> Answer<JoinTokensDocument> {
    let mesh = named(mesh)?;
    let tokens = blocking(move || Ok(server.security.tokens_of(&mesh))).await?;
    let tokens = tokens.into_iter().map(|(id, held)| HeldDocument {
        id,
        proxies: held.proxies,
        until: rfc3339(held.until),
        by: held.by,
    });
    Ok(Json(JoinTokensDocument { tokens: tokens.collect() }))
}

pub(super) async fn remove_join_token(
    State(server): Shared,
    Path((mesh, id)): Path<(String, String)>,
    Extension(Actor(actor)): Extension<Actor>,
) -> Answer<DoneDocument> {
    let mesh = named(mesh)?;
    let done = blocking(move || {
        let Some(held) = server.security.remove_token(&mesh, &id).map_err(refused)? else {
            let message = format!("there is no join token {id} that works");
            return Err(problem::of("no-token", message));
        };
        note(&server, &actor, "join-token", &mesh, &held.proxies, &format!("removed {id}"));
        Ok(DoneDocument {})
    });
    Ok(Json(done.await?))
}

pub(super) async fn join(
    State(server): Shared,
    Extension(Actor(actor)): Extension<Actor>,
    Extension(grant): Extension<Grant>,
    body: Body,
) -> Answer<IdentityDocument> {
    let JoinRequest { proxy, request } = read(body)?;
    let Grant::Join(id, held) = grant else {
        return Err(problem::of("forbidden", "this needs a join token").into());
    };
    let signed = blocking(move || {
        let subject = proxy.to_string();
        let record = |end: &str| note(&server, &actor, "join", &held.mesh, &subject, end);
        if !held.fits(&proxy) {
            record("refused: another proxy");
            let message = format!("the join token is for {}, not for {proxy}", held.proxies);
            return Err(problem::of("forbidden", message));
        }
        let key = (held.mesh.to_string(), proxy);
        let generation = server.security.generation(&key);
        let signed = sign(&server, &request, &key, generation)?;
        // Of all who come with it at once, one gets what was signed.
        if !server.security.use_token(&id, &key.1).map_err(refused)? {
            record("refused: used");
            let message = "the join token was used, has expired, or the proxy was revoked after it \
                           was made";
            return Err(problem::of("unauthenticated", message));
        }
        record("done");
        Ok(signed)
    });
    Ok(Json(signed.await?))
}

pub(super) async fn renew(
    State(server): Shared,
    Extension(Actor(actor)): Extension<Actor>,
    Extension(grant): Extension<Grant>,
    body: Body,
) -> Answer<IdentityDocument> {
    let RenewRequest { request } = read(body)?;
    let Grant::Renew(own) = grant else {
        return Err(problem::of("forbidden", "this needs the certificate of a proxy").into());
    };
    let mesh = named(own.key.0.clone())?;
    let signed = blocking(move || {
        let signed = sign(&server, &request, &own.key, own.generation)?;
        let subject = own.key.1.to_string();
        // What was signed is of the generation that asked for it: of no use if that has ended.
        if server.security.generation(&own.key) != own.generation {
            note(&server, &actor, "renew", &mesh, &subject, "refused: revoked");
            return Err(problem::of("unauthenticated", "the certificate was revoked"));
        }
        note(&server, &actor, "renew", &mesh, &subject, "done");
        Ok(signed)
    });
    Ok(Json(signed.await?))
}

fn sign(
    server: &Server,
    request: &str,
    key: &ProxyKey,
    generation: u64,
) -> Result<IdentityDocument, Problem> {
    let authority = authority(server)?;
    let serial = server.security.serial(generation);
    let serial = serial.map_err(|error| problem::of("failed", error.to_string()))?;
    authority.sign(request, &key.0, &key.1, &serial).map_err(|error| match error {
        NotSigned::Request(why) => problem::of("bad-request", why),
        NotSigned::Authority(why) => {
            problem::of("failed", format!("the authority of proxies cannot sign: {why}"))
        }
    })
}

/// Reads the proxy in the path.
fn proxy_of(mesh: &MeshName, kind: &str, name: &str) -> Result<ProxyKey, Problem> {
    let proxy: Result<ProxyId, String> = format!("{kind}/{name}").parse();
    proxy.map(|proxy| (mesh.to_string(), proxy)).map_err(|why| problem::of("bad-request", why))
}

pub(super) async fn revoke(
    State(server): Shared,
    Path((mesh, kind, name)): Path<(String, String, String)>,
    Extension(Actor(actor)): Extension<Actor>,
) -> Answer<DoneDocument> {
    let mesh = named(mesh)?;
    let key = proxy_of(&mesh, &kind, &name)?;
    let done = blocking(move || {
        if !server.certified {
            let message = "proxies come without certificates here: there is nothing to revoke";
            return Err(problem::of("no-authority", message).hint(
                "start the server with --xds-cert, and with --identity-cert or --xds-client-ca",
            ));
        }
        // In memory first, and the streams: whatever becomes of the disk, it is shut out.
        server.security.revoke(&key);
        server.plane.disconnect(&mesh, &key.1);
        let written = server.security.flush();
        let end = if written.is_ok() { "done" } else { "done, but not written to the store" };
        note(&server, &actor, "revoke", &mesh, &key.1.to_string(), end);
        written.map_err(|error| {
            let mut problem = problem::store(&error);
            problem.causes.insert(0, problem.message);
            problem.message =
                format!("{} is revoked, but a restart of the server would forget it", key.1);
            problem.hint("make room or repair the disk; the server writes it as soon as it can")
        })?;
        Ok(DoneDocument {})
    });
    Ok(Json(done.await?))
}

/// Has the operator who asks be valid for its whole life again.
pub(super) async fn renew_token(
    State(server): Shared,
    Extension(Actor(actor)): Extension<Actor>,
) -> Answer<RenewedDocument> {
    let done = blocking(move || {
        let Some(until) = server.security.renew_operator(&actor, false).map_err(refused)? else {
            return Err(problem::of("unauthenticated", "the operator has expired or was removed"));
        };
        server.audit.write(&Entry::plain(&actor, "operator renew", &actor, "done"));
        Ok(RenewedDocument { until: until.map(rfc3339) })
    });
    Ok(Json(done.await?))
}

/// Accepts certificates of a proxy again that the server did not issue.
pub(super) async fn allow(
    State(server): Shared,
    Path((mesh, kind, name)): Path<(String, String, String)>,
    Extension(Actor(actor)): Extension<Actor>,
) -> Answer<DoneDocument> {
    let mesh = named(mesh)?;
    let key = proxy_of(&mesh, &kind, &name)?;
    let done = blocking(move || {
        if !server.security.allow(&key).map_err(refused)? {
            let message = format!("{} is not denied", key.1);
            return Err(problem::of("not-denied", message));
        }
        note(&server, &actor, "allow", &mesh, &key.1.to_string(), "done");
        Ok(DoneDocument {})
    });
    Ok(Json(done.await?))
}
