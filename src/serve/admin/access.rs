//! Who may ask the admin API for what: the one layer before every route.

use super::Server;
use crate::serve::identity::NodeId;
use crate::serve::joining::Held;
use crate::serve::kept;
use crate::serve::problem;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// What every token begins with, so that a leaked one is recognised.
const PREFIX: &str = "meshctl_";

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Read,
    /// Look and change.
    Write,
    /// Register instances of services, and nothing else.
    Register,
}

impl Role {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Register => "register",
        }
    }

    /// Whether who has it may do what asks for another.
    pub const fn covers(self, asked: Self) -> bool {
        matches!(
            (self, asked),
            (Self::Write, _) | (Self::Read, Self::Read) | (Self::Register, Self::Register)
        )
    }
}

/// What a route asks of who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it tells nothing about any mesh.
    Nobody,
    /// An operator whose role covers this one.
    Operator(Role),
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
    pub(in crate::serve) proxy: Option<NodeId>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(in crate::serve) struct Caller(pub(in crate::serve) IpAddr);

/// What one who is no operator was let in for.
#[derive(Clone, Debug)]
pub(in crate::serve) enum Grant {
    /// To become a proxy, with the token of this id.
    Join(String, Held),
    /// To remain this proxy.
    Renew(NodeId),
}

/// A known operator: who has a secret, or a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operator {
    role: Role,
    /// The SHA-256 of the secret, in hex: the secret itself is kept nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The SPIFFE URI of the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    created: String,
}

/// The file of operators: `DIR/operators.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    operators: BTreeMap<String, Operator>,
}

/// The operators that a server knows. The file is read again when it changes, so that one who is
/// taken out of it is refused at once.
#[derive(Debug)]
pub struct Operators {
    path: PathBuf,
    read: Mutex<Option<(SystemTime, u64, Document)>>,
}

impl Operators {
    /// Those of a server's folder.
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join("operators.json"), read: Mutex::default() }
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.document()?.operators.is_empty())
    }

    /// The operators with their roles, and the SPIFFE URI of those that come by certificate.
    pub fn list(&self) -> io::Result<BTreeMap<String, (Role, Option<String>)>> {
        let found = self.document()?.operators.into_iter();
        Ok(found.map(|(name, known)| (name, (known.role, known.certificate))).collect())
    }

    /// Makes an operator, or gives one a new secret. The secret is given to `deliver` first and is
    /// kept nowhere: if it cannot be delivered, nothing has changed.
    pub fn add(
        &self,
        name: &str,
        role: Role,
        deliver: impl FnOnce(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        // What cannot be read is no reason to give away a secret that will not work.
        self.document()?;
        let secret = format!("{PREFIX}{}", random(24)?);
        deliver(&secret)?;
        self.put(
            name,
            Operator {
                role,
                sha256: Some(hash(&secret)),
                certificate: None,
                created: crate::serve::now(),
            },
        )
    }

    /// Makes an operator of whoever has a certificate with this SPIFFE URI of an authority of
    /// operators, or gives one another certificate or role. It has no secret. A URI is of one operator.
    pub fn add_certified(&self, name: &str, role: Role, uri: &str) -> io::Result<()> {
        if let Some((other, _)) = self.find_certified(uri)?
            && other != name
        {
            let why = format!("the certificate {uri} is that of the operator {other}");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        let certificate = Some(uri.to_owned());
        self.put(name, Operator { role, sha256: None, certificate, created: crate::serve::now() })
    }

    fn put(&self, name: &str, operator: Operator) -> io::Result<()> {
        let mut document = self.document()?;
        document.operators.insert(name.to_owned(), operator);
        self.write(&document)
    }

    /// Takes an operator out. Says whether there was one of this name.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        let mut document = self.document()?;
        let was = document.operators.remove(name).is_some();
        if was {
            self.write(&document)?;
        }
        Ok(was)
    }

    /// Who has this secret.
    pub fn find(&self, secret: &str) -> io::Result<Option<(String, Role)>> {
        let hash = hash(secret);
        let mut all = self.document()?.operators.into_iter();
        // Hashes are compared: how long it takes tells nothing about the secret.
        let found = all.find(|(_, known)| known.sha256.as_ref() == Some(&hash));
        Ok(found.map(|(name, known)| (name, known.role)))
    }

    /// Whose certificate has this SPIFFE URI.
    pub fn find_certified(&self, uri: &str) -> io::Result<Option<(String, Role)>> {
        let mut all = self.document()?.operators.into_iter();
        let found = all.find(|(_, known)| known.certificate.as_deref() == Some(uri));
        Ok(found.map(|(name, known)| (name, known.role)))
    }

    fn was_read(&self) -> bool {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn document(&self) -> io::Result<Document> {
        let found = match fs::metadata(&self.path) {
            Ok(found) => (found.modified()?, found.len()),
            // Before the first is made there is no file. One that is gone is another matter.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.was_read() => {
                return Ok(Document::default());
            }
            Err(error) => {
                let why = format!("{}: {error}", self.path.display());
                return Err(io::Error::new(error.kind(), why));
            }
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((time, size, document)) = &*read
            && (*time, *size) == found
        {
            return Ok(document.clone());
        }
        let document: Document = kept::read(&self.path)?;
        *read = Some((found.0, found.1, document.clone()));
        Ok(document)
    }

    fn write(&self, document: &Document) -> io::Result<()> {
        kept::replace(&self.path, document)?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}

/// So many random bytes, in hex.
pub(in crate::serve) fn random(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut random)
        .map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(hex(&random))
}

/// The SHA-256 of a secret, in hex.
pub(in crate::serve) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Actor(pub(in crate::serve) String);

/// The names by which this server may be asked for: a browser that was led here by another name
/// sends that one.
#[derive(Clone, Debug, Default)]
pub(in crate::serve) struct Names(pub(in crate::serve) Vec<String>);

impl Names {
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

/// Why a request is not let in.
pub(in crate::serve) struct Refused {
    pub(in crate::serve) status: StatusCode,
    pub(in crate::serve) problem: crate::live::server::wire::Problem,
    /// How long to wait before asking again, if that is all that is wrong.
    pub(in crate::serve) wait: Option<Duration>,
}

impl Refused {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, problem: problem::of(code, message), wait: None }
    }
}

/// Decides about one request.
pub(in crate::serve) fn admit(
    server: &Server,
    certified: &Certified,
    caller: Option<Caller>,
    need: Need,
    headers: &http::HeaderMap,
    uri: &http::Uri,
) -> Result<(Actor, Option<Grant>), Refused> {
    if !server.names.accept(headers, uri) {
        let message = "this server is not asked for by that name, or not from that page";
        return Err(Refused::new(StatusCode::MISDIRECTED_REQUEST, "forbidden", message));
    }
    match need {
        Need::Nobody => Ok((Actor("anybody".to_owned()), None)),
        Need::Operator(role) => {
            operator(server, certified, role, headers).map(|actor| (actor, None))
        }
        Need::Proxy => match &certified.proxy {
            Some(id) => {
                let actor = Actor(format!("mesh/{}/{}", id.mesh, id.proxy));
                Ok((actor, Some(Grant::Renew(id.clone()))))
            }
            None => Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "this needs the certificate of a proxy, from this server and still valid",
            )),
        },
        Need::JoinToken => joiner(server, caller, headers),
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
    match server.join_tokens.find(secret) {
        Some((id, held)) => Ok((Actor(format!("join token {id}")), Some(Grant::Join(id, held)))),
        None => Err(refuse("the join token is not known, was used, or is too old")),
    }
}

/// Lets in an operator: by a certificate that is known, else by a token.
fn operator(
    server: &Server,
    certified: &Certified,
    role: Role,
    headers: &http::HeaderMap,
) -> Result<Actor, Refused> {
    // Who cannot be told is nobody.
    let unread = |error: io::Error| {
        let message = format!("the operators cannot be read: {error}");
        Refused::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    };
    let known = match &certified.operator {
        Some(uri) => server.operators.find_certified(uri).map_err(unread)?,
        None => None,
    };
    let found = match (known, bearer(headers)) {
        (Some(known), _) => known,
        (None, Some(secret)) => match server.operators.find(secret).map_err(unread)? {
            Some(known) => known,
            None => {
                let message = "the token is not known";
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
    let (name, has) = found;
    if !has.covers(role) {
        let message = format!("{name} may {}, not {}", has.as_str(), role.as_str());
        return Err(Refused::new(StatusCode::FORBIDDEN, "forbidden", message));
    }
    Ok(Actor(name))
}
