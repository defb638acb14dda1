//! Certificates of proxies: join tokens, the first certificate, the next one, and the last.

use super::Server;
use super::access::{Actor, Grant};
use super::handlers::{Answer, Shared, blocking, named, read};
use crate::envoy::ProxyId;
use crate::live::server::joining::{
    DoneDocument, HeldDocument, IdentityDocument, JoinRequest, JoinTokenDocument, JoinTokenRequest,
    JoinTokensDocument, RenewRequest,
};
use crate::live::server::wire::Problem;
use crate::model::MeshName;
use crate::serve::audit::Entry;
use crate::serve::certificates::rfc3339;
use crate::serve::identity::Identity;
use crate::serve::joining::{Authority, NotSigned, is_pattern};
use crate::serve::problem;
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
    let (key, before, after) = (None, None, None);
    let mesh = Some(mesh);
    let subject = Some(subject);
    server.audit.write(&Entry { actor, verb, mesh, subject, key, before, after, end });
}

fn io(error: std::io::Error) -> Problem {
    problem::of("failed", format!("it cannot be written down: {error}"))
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
        let made = server.join_tokens.make(&mesh, &proxies, life, &actor);
        let (id, token, until) = made.map_err(io)?;
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
    let tokens = server.join_tokens.of_mesh(&mesh).into_iter().map(|(id, held)| HeldDocument {
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
        let Some(held) = server.join_tokens.remove(&mesh, &id).map_err(io)? else {
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
        let told = |end: &str| note(&server, &actor, "join", &held.mesh, &subject, end);
        if !held.fits(&proxy) {
            told("refused: another proxy");
            let message = format!("the join token is for {}, not for {proxy}", held.proxies);
            return Err(problem::of("forbidden", message));
        }
        let signed = sign(authority(&server)?, &request, &held.mesh, &proxy)?;
        // Of all who come with it at once, one gets what was signed.
        if !server.join_tokens.take(&id).map_err(io)? {
            told("refused: used");
            return Err(problem::of("unauthenticated", "the join token was used"));
        }
        told("done");
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
    let mesh = named(own.mesh)?;
    let signed = blocking(move || {
        let signed = sign(authority(&server)?, &request, &mesh, &own.proxy)?;
        note(&server, &actor, "renew", &mesh, &own.proxy.to_string(), "done");
        Ok(signed)
    });
    Ok(Json(signed.await?))
}

fn sign(
    authority: &Authority,
    request: &str,
    mesh: &MeshName,
    proxy: &ProxyId,
) -> Result<IdentityDocument, Problem> {
    authority.sign(request, mesh.as_str(), proxy).map_err(|error| match error {
        NotSigned::Request(why) => problem::of("bad-request", why),
        NotSigned::Authority(why) => {
            problem::of("failed", format!("the authority of proxies cannot sign: {why}"))
        }
    })
}

pub(super) async fn revoke(
    State(server): Shared,
    Path((mesh, kind, name)): Path<(String, String, String)>,
    Extension(Actor(actor)): Extension<Actor>,
) -> Answer<DoneDocument> {
    let mesh = named(mesh)?;
    let proxy: Result<ProxyId, String> = format!("{kind}/{name}").parse();
    let proxy = proxy.map_err(|why| problem::of("bad-request", why))?;
    let done = blocking(move || {
        let uri = authority(&server)?.uri(mesh.as_str(), &proxy);
        server.revoked.revoke(&uri).map_err(io)?;
        server.plane.disconnect(&Identity::Spiffe(uri));
        note(&server, &actor, "revoke", &mesh, &proxy.to_string(), "done");
        Ok(DoneDocument {})
    });
    Ok(Json(done.await?))
}
