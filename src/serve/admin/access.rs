//! Who may ask the admin API for what: the one layer before every route.

use super::Server;
use crate::serve::identity::NodeId;
use crate::serve::joining::Held;
use crate::serve::problem;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

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

/// What one who is no operator was let in for.
#[derive(Clone, Debug)]
pub(in crate::serve) enum Grant {
    /// To become a proxy, with the token of this id.
    Join(String, Held),
    /// To remain this proxy.
    Renew(NodeId),
}

/// A known operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    role: Role,
    /// The SHA-256 of the secret, in hex: the secret itself is kept nowhere.
    sha256: String,
    created: String,
}

/// The file of operators: `DIR/operators.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    operators: BTreeMap<String, Token>,
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

    /// The operators with their roles.
    pub fn list(&self) -> io::Result<BTreeMap<String, Role>> {
        let found = self.document()?.operators.into_iter();
        Ok(found.map(|(name, token)| (name, token.role)).collect())
    }

    /// Makes an operator, or gives one a new secret, and tells the secret: it is told only here.
    pub fn add(&self, name: &str, role: Role) -> io::Result<String> {
        let secret = format!("{PREFIX}{}", random(24)?);
        let token = Token { role, sha256: hash(&secret), created: crate::serve::now() };
        let mut document = self.document()?;
        document.operators.insert(name.to_owned(), token);
        self.write(&document)?;
        Ok(secret)
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
        let found = all.find(|(_, token)| token.sha256 == hash);
        Ok(found.map(|(name, token)| (name, token.role)))
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
        let text = fs::read_to_string(&self.path)?;
        let document: Document = serde_json::from_str(&text)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        *read = Some((found.0, found.1, document.clone()));
        Ok(document)
    }

    fn write(&self, document: &Document) -> io::Result<()> {
        let part = self.path.with_file_name(".operators.json.part");
        let text = format!("{:#}\n", serde_json::to_value(document).unwrap_or_default());
        write_secret(&part, &text)?;
        fs::rename(&part, &self.path)?;
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}

/// Writes a file that only its owner may read, whatever the umask.
pub(in crate::serve) fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
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
    pub(in crate::serve) status: http::StatusCode,
    pub(in crate::serve) problem: crate::live::server::wire::Problem,
}

/// Decides about one request.
pub(in crate::serve) fn admit(
    server: &Server,
    certified: &Certified,
    need: Need,
    headers: &http::HeaderMap,
    uri: &http::Uri,
) -> Result<(Actor, Option<Grant>), Refused> {
    use http::StatusCode;
    let refuse =
        |status, code: &str, message: &str| Refused { status, problem: problem::of(code, message) };
    if !server.names.accept(headers, uri) {
        let message = "this server is not asked for by that name, or not from that page";
        return Err(refuse(StatusCode::MISDIRECTED_REQUEST, "forbidden", message));
    }
    let role = match (need, &certified.operator, &certified.proxy) {
        (Need::Nobody, ..) => return Ok((Actor("anybody".to_owned()), None)),
        (Need::Operator(_), Some(name), _) => return Ok((Actor(name.clone()), None)),
        (Need::Proxy, _, Some(id)) => {
            let actor = Actor(format!("mesh/{}/{}", id.mesh, id.proxy));
            return Ok((actor, Some(Grant::Renew(id.clone()))));
        }
        (Need::Proxy, _, None) => {
            let message = "this needs the certificate of a proxy, from this server and still valid";
            return Err(refuse(StatusCode::UNAUTHORIZED, "unauthenticated", message));
        }
        (Need::Operator(role), None, _) => Some(role),
        (Need::JoinToken, ..) => None,
    };
    let secret = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim());
    let Some(secret) = secret else {
        let message = match role {
            Some(_) => "this needs the token of an operator",
            None => "this needs a join token",
        };
        return Err(refuse(StatusCode::UNAUTHORIZED, "unauthenticated", message));
    };
    let Some(role) = role else {
        return match server.join_tokens.find(secret) {
            Some((id, held)) => {
                Ok((Actor(format!("join token {id}")), Some(Grant::Join(id, held))))
            }
            None => {
                let message = "the join token is not known, was used, or is too old";
                Err(refuse(StatusCode::UNAUTHORIZED, "unauthenticated", message))
            }
        };
    };
    match server.operators.find(secret) {
        Ok(Some((name, has))) if has.covers(role) => Ok((Actor(name), None)),
        Ok(Some((name, has))) => {
            let message = format!("{name} may {}, not {}", has.as_str(), role.as_str());
            Err(refuse(StatusCode::FORBIDDEN, "forbidden", &message))
        }
        Ok(None) => {
            Err(refuse(StatusCode::UNAUTHORIZED, "unauthenticated", "the token is not known"))
        }
        // Who cannot be told is nobody.
        Err(error) => {
            let message = format!("the operators cannot be read: {error}");
            Err(refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &message))
        }
    }
}
