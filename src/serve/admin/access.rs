//! Who may ask the admin API for what: the one layer before every route.

use super::Server;
use crate::serve::identity::Proven;
use crate::serve::problem;
use crate::store::security::{JoinToken, Role, Scope};
use http::StatusCode;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// What a route asks of who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it tells nothing about any mesh.
    Nobody,
    /// An operator whose role covers this one.
    Operator(Role),
    /// An operator, whatever its role.
    AnyOperator,
    /// A join token that nobody has used.
    JoinToken,
    /// The certificate of a proxy.
    Proxy,
}

impl Need {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::Operator(role) => role.as_str(),
            Self::AnyOperator => "any",
            Self::JoinToken => "join-token",
            Self::Proxy => "proxy",
        }
    }
}

/// Who a client certificate says it is, where one was asked for and verified.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct Certified {
    /// Of an authority of operators.
    pub(in crate::serve) operator: Option<String>,
    /// Of the server's own authority.
    pub(in crate::serve) proxy: Option<Proven>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve) struct Caller(pub(in crate::serve) IpAddr);

/// What one who is no operator was let in for.
#[derive(Clone, Debug)]
pub(in crate::serve) enum Grant {
    /// To become a proxy, with the token of this id.
    Join(String, JoinToken),
    /// To remain this proxy.
    Renew(Proven),
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Actor(pub(in crate::serve) String);

/// The names by which this server may be asked for: a browser that was led here by another name
/// sends that one.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct Names(pub(in crate::serve) Vec<String>);

impl Names {
    /// Whether a request says once where it goes, whence it comes, and who asks. Of two, whoever
    /// stands before this server may judge the other one.
    fn is_plain(headers: &http::HeaderMap, uri: &http::Uri) -> bool {
        use http::header::{AUTHORIZATION, HOST, ORIGIN};
        let once = [HOST, ORIGIN, AUTHORIZATION]
            .iter()
            .all(|name| headers.get_all(name).iter().count() <= 1);
        let agree = match (headers.get(HOST), uri.authority()) {
            (Some(host), Some(authority)) => {
                host.to_str().is_ok_and(|host| host.eq_ignore_ascii_case(authority.as_str()))
            }
            (Some(_), None) | (None, _) => true,
        };
        once && agree
    }

    /// Whether a request goes to one of the names, and from no other site's page.
    fn accept(&self, headers: &http::HeaderMap, uri: &http::Uri) -> bool {
        let text = |name: http::HeaderName| headers.get(name).map(|value| value.to_str().ok());
        let host = match text(http::header::HOST) {
            Some(host) => host.map(str::to_owned),
            // HTTP/2 has it in the address.
            None => uri.authority().map(ToString::to_string),
        };
        let known = |host: &str| self.0.iter().any(|name| name.eq_ignore_ascii_case(host));
        let origin = match text(http::header::ORIGIN) {
            None => true,
            Some(origin) => origin.is_some_and(|origin| {
                origin.split_once("://").is_some_and(|(_, host)| known(host))
            }),
        };
        origin && host.is_some_and(|host| known(&host))
    }
}

/// What a request is about, as its path says.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct Place {
    pub(in crate::serve) mesh: Option<String>,
    /// Namespace and service.
    pub(in crate::serve) service: Option<(String, String)>,
    /// The rest of what the path names.
    pub(in crate::serve) subject: String,
}

impl Place {
    /// Reads the parameters of a path.
    pub(super) fn of<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (mut mesh, mut namespace, mut service) = (None, None, None);
        let mut subject = Vec::new();
        for (name, value) in parameters {
            match name {
                "mesh" => mesh = Some(value.to_owned()),
                "namespace" => namespace = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                _ => {}
            }
            if name != "mesh" {
                subject.push(value);
            }
        }
        Self { mesh, service: namespace.zip(service), subject: subject.join("/") }
    }
}

/// What an operator who was let in may see and change.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Scoped(pub(in crate::serve) Scope);

/// Who was let in.
pub(in crate::serve) struct Admitted {
    pub(in crate::serve) actor: Actor,
    pub(in crate::serve) grant: Option<Grant>,
    pub(in crate::serve) scope: Option<Scoped>,
}

impl From<(Actor, Option<Grant>)> for Admitted {
    fn from((actor, grant): (Actor, Option<Grant>)) -> Self {
        Self { actor, grant, scope: None }
    }
}

/// Why a request is not let in.
pub(in crate::serve) struct Refused {
    /// The operator who asked, if that is known.
    pub(in crate::serve) who: Option<String>,
    pub(in crate::serve) status: StatusCode,
    pub(in crate::serve) problem: crate::live::server::wire::Problem,
    /// How long to wait before asking again, if that is all that is wrong.
    pub(in crate::serve) wait: Option<Duration>,
}

impl Refused {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { who: None, status, problem: problem::of(code, message), wait: None }
    }
}

/// Decides about one request.
pub(in crate::serve) fn admit(
    server: &Server,
    certified: &Certified,
    caller: Option<Caller>,
    need: Need,
    place: &Place,
    headers: &http::HeaderMap,
    uri: &http::Uri,
) -> Result<Admitted, Refused> {
    if !Names::is_plain(headers, uri) {
        let message = "a request has one Host, one Origin and one Authorization";
        return Err(Refused::new(StatusCode::BAD_REQUEST, "bad-request", message));
    }
    if !server.names.accept(headers, uri) {
        let message = "this server is not asked for by that name, or not from that page";
        return Err(Refused::new(StatusCode::MISDIRECTED_REQUEST, "forbidden", message));
    }
    match need {
        Need::Nobody => Ok((Actor("anybody".to_owned()), None).into()),
        Need::Operator(role) => operator(server, certified, Some(role), place, headers),
        Need::AnyOperator => operator(server, certified, None, place, headers),
        Need::Proxy => match &certified.proxy {
            Some(proven) => {
                let actor = Actor(format!("mesh/{}/{}", proven.key.0, proven.key.1));
                Ok((actor, Some(Grant::Renew(proven.clone()))).into())
            }
            None => Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "this needs the certificate of a proxy, from this server and still valid",
            )),
        },
        Need::JoinToken => joiner(server, caller, headers).map(Admitted::from),
    }
}

/// The secret that a request brings.
fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Lets in who has a join token, as often as an address may try.
fn joiner(
    server: &Server,
    caller: Option<Caller>,
    headers: &http::HeaderMap,
) -> Result<(Actor, Option<Grant>), Refused> {
    let refuse = |message| Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", message);
    let Some(Caller(address)) = caller else { return Err(refuse("this needs an address")) };
    if let Err(wait) = server.joining.try_from(address, Instant::now()) {
        let message = format!("too many attempts to join from {address}");
        let mut refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message);
        let hint = format!("try again in {} s", wait.as_secs());
        refused.problem.hint = Some(hint);
        return Err(Refused { wait: Some(wait), ..refused });
    }
    let secret = bearer(headers).ok_or_else(|| refuse("this needs a join token"))?;
    match server.security.token(secret) {
        Some((id, held)) => Ok((Actor(format!("join token {id}")), Some(Grant::Join(id, held)))),
        None => Err(refuse("the join token is not known, was used, or is too old")),
    }
}

/// Lets in an operator: by a certificate that is known, else by a token.
fn operator(
    server: &Server,
    certified: &Certified,
    role: Option<Role>,
    place: &Place,
    headers: &http::HeaderMap,
) -> Result<Admitted, Refused> {
    let known = certified.operator.as_ref().and_then(|uri| server.security.certified(uri));
    let found = match (known, bearer(headers)) {
        (Some(known), _) => known,
        (None, Some(secret)) => match server.security.operator(secret) {
            Some(known) => known,
            None => {
                let message = "the token is not known, or has expired";
                return Err(Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", message));
            }
        },
        (None, None) => {
            return Err(match &certified.operator {
                Some(uri) => {
                    let message = format!("{uri} is no operator");
                    let mut refused = Refused::new(StatusCode::FORBIDDEN, "forbidden", message);
                    refused.problem.hint = Some(format!(
                        "on the server: meshctl serve operator add NAME --role ROLE --certificate \
                         {uri} --data DIR"
                    ));
                    refused
                }
                None => {
                    let message = "this needs the token of an operator";
                    Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
                }
            });
        }
    };
    let (name, known) = found;
    let forbidden = |message: String| {
        let refused = Refused::new(StatusCode::FORBIDDEN, "forbidden", message);
        Err(Refused { who: Some(name.clone()), ..refused })
    };
    if let Some(role) = role {
        let own = known.role;
        if !own.covers(role) {
            return forbidden(format!("{name} may {}, not {}", own.as_str(), role.as_str()));
        }
        let scope = &known.scope;
        let here = match &place.mesh {
            Some(mesh) => scope.has_mesh(mesh),
            // What shows or changes all of the server is for who has all of it; what lists meshes
            // lists those of the scope.
            None => scope.is_all() || role == Role::Read,
        };
        let service = |(namespace, service): &(String, String)| {
            own != Role::Register || scope.has_service(namespace, service)
        };
        if !here || !place.service.as_ref().is_none_or(service) {
            return forbidden(format!("{name} may {} in {scope}, and nowhere else", own.as_str()));
        }
    }
    Ok(Admitted { actor: Actor(name), grant: None, scope: Some(Scoped(known.scope)) })
}
