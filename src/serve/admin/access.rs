//! Who may ask the admin API for what: the one layer before every route, and the same question again
//! when the action is executed.

use super::Server;
use crate::serve::identity::Proven;
use crate::serve::problem;
use crate::store::security::{JoinToken, Role, Scope};
use axum::extract::Request;
use http::StatusCode;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
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
    pub(in crate::serve) problem: Box<crate::live::server::wire::Problem>,
    /// How long to wait before asking again, if that is all that is wrong.
    pub(in crate::serve) wait: Option<Duration>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { who: None, status, problem: Box::new(problem::of(code, message)), wait: None }
    }
}

/// Asks who the certificate of a connection says its peer is now.
#[derive(Clone)]
pub(in crate::serve) struct Certify(pub(in crate::serve) Arc<dyn Fn() -> Certified + Send + Sync>);

/// What a request asks for, and with which credentials.
#[derive(Clone)]
pub(in crate::serve) struct Asked {
    need: Need,
    place: Place,
    certify: Option<Certify>,
    secret: Option<String>,
}

/// Without what is secret.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("need", &self.need).finish_non_exhaustive()
    }
}

impl Asked {
    /// That of a request.
    pub(super) fn by(request: &Request, need: Need, place: Place) -> Self {
        let certify = request.extensions().get::<Certify>().cloned();
        Self { need, place, certify, secret: bearer(request.headers()).map(str::to_owned) }
    }

    /// Who may do this with these credentials at this moment.
    fn who(&self, server: &Server) -> Result<Admitted, Refused> {
        let certified = || self.certify.as_ref().map(|known| (known.0)()).unwrap_or_default();
        let (place, secret) = (&self.place, self.secret.as_deref());
        match self.need {
            Need::Nobody => Ok((Actor("anybody".to_owned()), None).into()),
            Need::Operator(role) => operator(server, &certified(), Some(role), place, secret),
            Need::AnyOperator => operator(server, &certified(), None, place, secret),
            Need::Proxy => match certified().proxy {
                Some(proven) => {
                    let actor = Actor(format!("mesh/{}/{}", proven.key.0, proven.key.1));
                    Ok((actor, Some(Grant::Renew(proven))).into())
                }
                None => Err(Refused::new(
                    StatusCode::UNAUTHORIZED,
                    "unauthenticated",
                    "this needs the certificate of a proxy, from this server and still valid",
                )),
            },
            Need::JoinToken => joiner(server, secret).map(Admitted::from),
        }
    }
}

/// Decides about one request by its head.
pub(super) fn admit(
    server: &Server,
    asked: &Asked,
    request: &Request,
) -> Result<Admitted, Refused> {
    let (headers, uri) = (request.headers(), request.uri());
    if !Names::is_plain(headers, uri) {
        let message = "a request has one Host, one Origin and one Authorization";
        return Err(Refused::new(StatusCode::BAD_REQUEST, "bad-request", message));
    }
    if !server.names.accept(headers, uri) {
        let message = "this server is not asked for by that name, or not from that page";
        return Err(Refused::new(StatusCode::MISDIRECTED_REQUEST, "forbidden", message));
    }
    let caller = request.extensions().get::<Caller>().copied();
    asked.who(server).or_else(|refused| {
        limited(server, asked.need, caller, refused.who.as_deref())?;
        Err(refused)
    })
}

/// Decides again about a request that was let in.
pub(super) fn again(server: &Server, asked: &Asked, actor: &Actor) -> Result<(), Refused> {
    let now = asked.who(server)?;
    if now.actor != *actor {
        let message = "the credential is another's now";
        return Err(Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", message));
    }
    Ok(())
}

/// Decides again about the request of this task.
pub(super) type Again = Arc<dyn Fn() -> Result<(), Refused> + Send + Sync>;

tokio::task_local! {
    static AGAIN: Again;
}

/// Answers a request; what it executes is preceded by this check.
pub(super) async fn checked<T>(again: Again, answer: impl Future<Output = T>) -> T {
    AGAIN.scope(again, answer).await
}

/// The check of the request that this task answers; `None`: it needs no credentials.
pub(super) fn check() -> Option<Again> {
    AGAIN.try_with(Clone::clone).ok()
}

/// The secret that a request brings.
fn bearer(headers: &http::HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// Counts a request that is not let in: by the operator who asks, if that is known, else by address.
fn limited(
    server: &Server,
    need: Need,
    caller: Option<Caller>,
    who: Option<&str>,
) -> Result<(), Refused> {
    let now = Instant::now();
    let (counted, message) = match (who, caller) {
        (Some(who), _) => {
            let counted = server.denials.failed(who.to_owned(), now);
            (counted, format!("too many requests of {who} were denied"))
        }
        (None, Some(Caller(address))) if need == Need::JoinToken => {
            let counted = server.joining.failed_from(address, now);
            (counted, format!("too many attempts to join from {address} failed"))
        }
        (None, Some(Caller(address))) => {
            let counted = server.failures.failed_from(address, now);
            (counted, format!("too many requests from {address} had no credential that counts"))
        }
        (None, None) => return Ok(()),
    };
    counted.map_err(|wait| {
        let mut refused = Refused::new(StatusCode::TOO_MANY_REQUESTS, "too-many", message);
        let seconds = wait.as_secs_f64().ceil();
        refused.problem.hint = Some(format!("try again in {seconds} s"));
        Refused { who: who.map(str::to_owned), wait: Some(wait), ..refused }
    })
}

/// Lets in who has a join token.
fn joiner(server: &Server, secret: Option<&str>) -> Result<(Actor, Option<Grant>), Refused> {
    let refuse = |message| Refused::new(StatusCode::UNAUTHORIZED, "unauthenticated", message);
    let secret = secret.ok_or_else(|| refuse("this needs a join token"))?;
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
    secret: Option<&str>,
) -> Result<Admitted, Refused> {
    let known = certified.operator.as_ref().and_then(|uri| server.security.certified(uri));
    let found = match (known, secret) {
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
