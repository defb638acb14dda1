//! The registry's routes: instances register and deregister themselves.

use super::access::Actor;
use super::handlers::{Answer, Shared, blocking, named, of_mesh, read};
use super::{Failed, Server};
use crate::live::server::registered::{Instance, Registered, RegistryDocument};
use crate::live::server::wire::Problem;
use crate::model::MeshName;
use crate::serve::audit::Entry;
use crate::serve::problem;
use crate::serve::registry::{BYTES, Done};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::IpAddr;

/// Characters of a namespace, a service, a value of an attribute.
const TEXT: usize = 1_024;
/// Characters of an instance's name.
const ID: usize = 64;
/// Attributes of an instance.
const ATTRIBUTES: usize = 30;
/// Characters of an attribute's name.
const ATTRIBUTE: usize = 255;
/// A weight.
const WEIGHT: std::ops::RangeInclusive<u32> = 1..=10_000;
/// A lease, in milliseconds: a second to a day.
const TTL: std::ops::RangeInclusive<u64> = 1_000..=86_400_000;

type Parts = Path<(String, String, String, String)>;
type Key = (String, String, String);

fn bad(message: impl Into<String>) -> Problem {
    problem::of("bad-request", message)
}

fn text(what: &str, value: &str, most: usize) -> Result<(), Problem> {
    let length = value.chars().count();
    if length == 0 || length > most || value.chars().any(char::is_control) {
        return Err(bad(format!(
            "{what} has 1 to {most} characters, none of them a control character"
        )));
    }
    Ok(())
}

/// Reads the names in the path.
fn key(Path((mesh, namespace, service, id)): Parts) -> Result<(MeshName, Key), Failed> {
    let mesh = named(mesh)?;
    text("a namespace", &namespace, TEXT)?;
    text("a service", &service, TEXT)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "_/:.@-".contains(c);
    if id.is_empty() || id.len() > ID || !id.chars().all(fits) {
        let message =
            format!("the name of an instance has 1 to {ID} letters, digits and any of _/:.@-");
        return Err(bad(message).into());
    }
    Ok((mesh, (namespace, service, id)))
}

/// Whether requests can be sent to an instance at all.
fn possible(instance: &Instance, loopback: bool) -> Result<(), Problem> {
    let address = instance.address.to_canonical();
    let local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if address != instance.address || address.is_unspecified() || address.is_multicast() || local {
        let message =
            format!("{} is no address that callers can send requests to", instance.address);
        return Err(bad(message));
    }
    if address.is_loopback() && !loopback {
        let message = format!("{address} is each caller's own host");
        return Err(bad(message).hint("register the address that callers reach the instance at"));
    }
    if instance.port == Some(0) {
        return Err(bad("0 is no port"));
    }
    if !WEIGHT.contains(&instance.weight) {
        return Err(bad(format!("a weight is {} to {}", WEIGHT.start(), WEIGHT.end())));
    }
    if !TTL.contains(&instance.ttl_ms) {
        return Err(bad(format!("ttl_ms is {} to {}", TTL.start(), TTL.end())));
    }
    if instance.attributes.len() > ATTRIBUTES {
        return Err(bad(format!("an instance has at most {ATTRIBUTES} attributes")));
    }
    for (name, value) in &instance.attributes {
        text("the name of an attribute", name, ATTRIBUTE)?;
        text("the value of an attribute", value, TEXT)?;
    }
    Ok(())
}

fn audit(server: &Server, actor: &Actor, verb: &str, mesh: &MeshName, subject: &str) {
    let mut entry = Entry::plain(&actor.0, verb, subject, "done");
    entry.mesh = Some(mesh.as_str());
    server.audit.write(&entry);
}

fn no_instance(key: &Key) -> Problem {
    problem::of(
        "no-instance",
        format!("no instance {} of {}/{} is registered", key.2, key.0, key.1),
    )
}

pub(super) async fn register(
    State(server): Shared,
    Extension(actor): Extension<Actor>,
    parts: Parts,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Failed> {
    let (name, key) = key(parts)?;
    let instance: Instance = read(body)?;
    possible(&instance, server.loopback)?;
    let done = blocking(move || {
        let mesh = server.look(&name);
        if mesh.head().map_err(|error| problem::live(&error))?.is_none() {
            let message = format!("nothing was applied to a mesh {name} yet");
            return Err(problem::of("no-mesh", message));
        }
        // A renewal changes nothing, and goes on whatever the log can tell.
        if let Err(why) = server.audit.check()
            && !mesh.registry.stands(&key, &instance)
        {
            return Err(super::unrecorded(&why));
        }
        let done = mesh.registry.register(key.clone(), instance);
        let done = done.map_err(|error| problem::store(&error))?;
        if let Done::Full(most) = done {
            return Err(problem::of("full", format!("there are {most} instances already")));
        }
        if done == Done::FullOfBytes {
            let message = format!("the instances of the mesh say more than {BYTES} bytes");
            return Err(problem::of("full", message));
        }
        if done == Done::New {
            audit(&server, &actor, "register", &name, &format!("{}/{}/{}", key.0, key.1, key.2));
        }
        let registered = mesh.registry.one(&key).ok_or_else(|| no_instance(&key))?;
        Ok((done, registered))
    });
    let (done, registered) = done.await?;
    let status = if done == Done::New { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(registered)).into_response())
}

pub(super) async fn deregister(
    State(server): Shared,
    Extension(actor): Extension<Actor>,
    parts: Parts,
) -> Result<StatusCode, Failed> {
    let (name, key) = key(parts)?;
    let done = blocking(move || {
        let removed = server.look(&name).registry.deregister(&key);
        if !removed.map_err(|error| problem::store(&error))? {
            return Err(no_instance(&key));
        }
        audit(&server, &actor, "deregister", &name, &format!("{}/{}/{}", key.0, key.1, key.2));
        Ok(StatusCode::NO_CONTENT)
    });
    done.await
}

/// Those whose leases have ended are gone: an operator says so.
pub(super) async fn confirm(
    State(server): Shared,
    Extension(actor): Extension<Actor>,
    Path((mesh, namespace, service)): Path<(String, String, String)>,
) -> Answer<serde_json::Value> {
    let name = named(mesh)?;
    let removed = blocking(move || {
        let removed = server.look(&name).registry.confirm(&namespace, &service);
        let removed = removed.map_err(|error| problem::store(&error))?;
        audit(&server, &actor, "confirm lapsed", &name, &format!("{namespace}/{service}"));
        Ok(json!({ "removed": removed }))
    });
    Ok(Json(removed.await?))
}

pub(super) async fn one(State(server): Shared, parts: Parts) -> Answer<Registered> {
    let (name, key) = key(parts)?;
    of_mesh(server, name.to_string(), move |mesh| {
        mesh.registry.one(&key).ok_or_else(|| no_instance(&key))
    })
    .await
}

pub(super) async fn all(
    State(server): Shared,
    Path(mesh): Path<String>,
) -> Answer<RegistryDocument> {
    of_mesh(server, mesh, |mesh| Ok(mesh.registry.document())).await
}
