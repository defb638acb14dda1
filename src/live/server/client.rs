//! The HTTP client of the admin API.

use super::place::{self, Place};
use super::wire::{ApplyRequest, Line, Problem};
use crate::live::{Error, http};
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a question may take to be answered.
const ANSWER: Duration = Duration::from_secs(60);
/// A server that follows an apply says something at least this often.
const SILENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read: the objects of a mesh of 100,000 services fit in it.
const ANSWER_MAX: usize = 256 << 20;
/// The longest line of an apply that is read.
const LINE_MAX: usize = 16 << 20;
/// The longest reason for a refusal that is read.
const REASON_MAX: usize = 1 << 20;
/// What the secrets of operators and of those who join begin with.
const PREFIX: &str = "meshctl_";

/// Where the secret of an operator stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSource {
    /// In a file that only its owner may read.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
}

/// How to get to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// `http://HOST:PORT` or `https://HOST:PORT`.
    pub url: String,
    /// The secret of the operator.
    pub token: Option<TokenSource>,
    /// A PEM file with the authorities that the server's certificate may be from.
    pub ca: Option<PathBuf>,
    /// PEM files of the client's own certificate and key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

#[derive(Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
    /// For the questions that block.
    runtime: Runtime,
}

/// Follows what was asked for, line by line.
#[derive(Debug)]
pub struct Follow {
    server: String,
    answer: Response,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) fn new(access: &Access) -> Result<Self, Error> {
        let place = Place::read(&access.url).map_err(|why| {
            let server = place::shown(&access.url);
            Error::Setup { server, project: true, why }
        })?;
        let base = place.base.clone();
        let setup = |why: String| Error::Setup { server: base.clone(), project: false, why };
        if access.token.is_some() && !place.keeps_secrets() {
            let why =
                "the token would be sent in plain text; a token goes over https:// or to this \
                       host only"
                    .to_owned();
            return Err(Error::Setup { server: base, project: true, why });
        }
        let token = access.token.as_ref().map(|token| secret(token).map_err(&setup)).transpose()?;
        let trust = http::Trust { ca: access.ca.clone(), identity: access.identity.clone() };
        let http = http::trusting(&trust)
            .map_err(&setup)?
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| setup(error.to_string()))?;
        // A thread of its own keeps connections alive between two questions.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| setup(error.to_string()))?;
        Ok(Self { http, base, token, runtime })
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask(self.request(Method::GET, path))
    }

    pub(super) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.ask(self.request(Method::DELETE, path))
    }

    pub(super) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        self.ask(self.request(Method::POST, path).json(body))
    }

    /// Asks, and leaves when the answer begins.
    pub(super) fn begin(&self, path: &str) -> Result<(), Error> {
        let request = self.request(Method::GET, path).timeout(ANSWER);
        self.runtime.block_on(self.answer(request)).map(drop)
    }

    /// Asks and waits for the whole answer.
    fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let asking = async {
            let answer = self.answer(request.timeout(ANSWER)).await?;
            let bytes = match http::body(answer, ANSWER_MAX).await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Err(self.too_large(ANSWER_MAX)),
                Err(error) => return Err(self.unavailable(&error)),
            };
            serde_json::from_slice(&bytes).map_err(|error| Error::Odd {
                server: self.base.clone(),
                why: format!("its answer has another form: {error}"),
            })
        };
        self.runtime.block_on(asking)
    }

    /// Sends a request; what is no success is an error with the server's own words.
    async fn answer(&self, request: RequestBuilder) -> Result<Response, Error> {
        let answer = request.send().await.map_err(|error| self.unavailable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // A reason is short: of more nothing is read.
        let text = http::body(answer, REASON_MAX).await.ok().flatten().unwrap_or_default();
        match serde_json::from_slice::<Problem>(&text) {
            Ok(problem) => {
                let problem = problem.on_lines();
                let server = self.base.clone();
                Err(Error::Api { server, status: status.as_u16(), problem: Box::new(problem) })
            }
            Err(_) => Err(Error::Odd {
                server: self.base.clone(),
                why: format!("it answered {status} without a reason: is it a meshctl?"),
            }),
        }
    }

    fn too_large(&self, most: usize) -> Error {
        let why = format!("its answer has more than {} MiB", most >> 20);
        Error::Odd { server: self.base.clone(), why }
    }

    fn unavailable(&self, error: &reqwest::Error) -> Error {
        let mut causes = Vec::new();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        let why = causes.pop().unwrap_or_else(|| error.to_string());
        let sent = !error.is_connect();
        Error::Unavailable { server: self.base.clone(), why, sent }
    }

    /// Asks for something that takes its time, or, without a body, for what became of it.
    pub(super) async fn follow(
        &self,
        path: &str,
        key: &str,
        body: Option<&ApplyRequest>,
    ) -> Result<Follow, Error> {
        let request = match body {
            Some(body) => self.request(Method::POST, path).json(body),
            None => self.request(Method::GET, &format!("{path}/{key}")),
        };
        let answer = self.answer(request).await?;
        Ok(Follow { server: self.base.clone(), answer, buffer: Vec::new() })
    }
}

impl Follow {
    /// Whom it follows.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The next line; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Line>, Error> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return match serde_json::from_slice(&line) {
                    Ok(Line::Refused(problem)) => Ok(Some(Line::Refused(problem.on_lines()))),
                    Ok(line) => Ok(Some(line)),
                    Err(error) => Err(Error::Odd {
                        server: self.server.clone(),
                        why: format!("a line of its answer has another form: {error}"),
                    }),
                };
            }
            let chunk = self.answer.chunk().await.map_err(|error| Error::Unavailable {
                server: self.server.clone(),
                why: error.to_string(),
                sent: true,
            })?;
            match chunk {
                Some(chunk) if self.buffer.len() + chunk.len() > LINE_MAX => {
                    let why = format!("a line of its answer has more than {} MiB", LINE_MAX >> 20);
                    return Err(Error::Odd { server: self.server.clone(), why });
                }
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }
}

/// A key that nobody else has: 128 random bits.
pub fn new_key() -> Result<String, Error> {
    let mut random = [0; 16];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut random).map_err(|_| Error::Setup {
        server: "the server".to_owned(),
        project: false,
        why: "the system gives no random numbers".to_owned(),
    })?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Reads the secret of an operator.
fn secret(source: &TokenSource) -> Result<String, String> {
    let text = match source {
        TokenSource::File(path) => {
            let named = |error| format!("cannot read the token in {}: {error}", path.display());
            let mode = fs::metadata(path).map_err(named)?;
            let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
            if mode & 0o077 != 0 {
                return Err(format!(
                    "the token in {} can be read by others (mode {:o}): chmod 600 it, and have a \
                     new one made",
                    path.display(),
                    mode & 0o777
                ));
            }
            fs::read_to_string(path).map_err(named)?
        }
        TokenSource::Env(name) => {
            std::env::var(name).ok().filter(|token| !token.is_empty()).ok_or_else(|| {
                format!("the token should be in the variable {name}, which is not set")
            })?
        }
    };
    let text = text.trim();
    // Another secret that a file of the project names must not reach a server by this way.
    match text.starts_with(PREFIX) && text.chars().all(|c| c.is_ascii_graphic()) {
        true => Ok(text.to_owned()),
        false => Err(format!("what stands for the token is none: tokens begin with {PREFIX}")),
    }
}
