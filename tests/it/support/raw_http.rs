//! HTTP/1.1 by hand, so that strange requests are sent as they are and seen as they arrive.

use super::random_routes::{APP_PORT, NODES, TRAIL, address};
use super::raw_h2;
use meshctl::traffic::Request;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The routes that it passed, first hop first.
    pub(crate) trail: Vec<String>,
    /// Node, host and path as the application saw them; `None` if a proxy answered.
    pub(crate) saw: Option<(String, String, String)>,
}

/// How long an answer may take on a loaded machine; one that takes longer does not come.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The status of an answer in which gRPC says only that something is wrong.
pub(crate) const VAGUE: u16 = 999;

/// The status of an answer; a proxy says HTTP's statuses to callers of gRPC in gRPC's words.
pub(super) fn status_of(http: u16, grpc: Option<&str>) -> u16 {
    match (grpc, http) {
        (Some("12"), 200) => 404,
        (Some("13"), 200) => 400,
        (Some("14"), 200) => 503,
        (Some("0") | None, _) => http,
        (Some(_), 200) => VAGUE,
        (Some(_), _) => http,
    }
}

/// Starts the applications of all nodes that speak HTTP/1.1. They live as long as the process.
pub(crate) fn applications(block: u8) {
    for node in 0..NODES {
        application((address(block, node), APP_PORT).into(), format!("n{node}"));
    }
}

/// Starts an application that speaks HTTP/1.1, or HTTP/2 to who begins with it. It lives as long as
/// the process, and says of itself that it is `node`.
pub(crate) fn application(at: SocketAddr, node: String) {
    let listener = TcpListener::bind(at).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let node = node.clone();
            // A connection that breaks is the caller's doing.
            thread::spawn(move || drop(answer(stream, &node)));
        }
    });
}

/// Speaks HTTP/2 where a connection begins with all of its first line: `PRI` is also a method that
/// HTTP/1 has as well as any other.
fn answer(stream: TcpStream, node: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = Vec::new();
    reader.read_until(b'\n', &mut first)?;
    let http2 = first == b"PRI * HTTP/2.0\r\n";
    let reader = io::Cursor::new(first).chain(reader);
    match http2 {
        true => raw_h2::serve(reader, stream, node, false),
        false => serve(reader, stream, node),
    }
}

fn serve(mut reader: impl BufRead, mut writer: TcpStream, node: &str) -> io::Result<()> {
    while let Some((first, headers)) = head(&mut reader)? {
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted);
        let host = find("host").map(|(_, host)| host.clone()).unwrap_or_default();
        body(&mut reader, &headers)?;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nx-node: {node}\r\nx-host: {host}\r\nx-path: {path}\r\n\
             content-length: 0\r\n\r\n"
        );
        writer.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Reads what follows the headers of a request. Whole chunks are read, trailers are not sent.
fn body(reader: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<()> {
    let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted);
    if find("transfer-encoding").is_some_and(|(_, value)| value == "chunked") {
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    } else if let Some(length) = find("content-length").and_then(|(_, n)| n.parse().ok()) {
        io::copy(&mut reader.take(length), &mut io::sink())?;
    }
    Ok(())
}

/// The first line and the headers of a message; `None` at the end.
#[expect(clippy::type_complexity, reason = "two plain parts")]
fn head(reader: &mut impl BufRead) -> io::Result<Option<(String, Vec<(String, String)>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let first = line.trim_end().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = line.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Ok(Some((first, headers)));
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        headers.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
    }
}

/// The body that a request's own headers ask for, if they say anything of one. Where the last of
/// several `Transfer-Encoding` is empty, Envoy takes the body for the next request.
fn framed(request: &Request) -> Option<String> {
    let find = |wanted: &str| {
        let own = request.headers.iter().rfind(|(name, _)| name.eq_ignore_ascii_case(wanted));
        own.map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    match (find("transfer-encoding"), find("content-length")) {
        (Some(last), _) if last.is_empty() => Some(String::new()),
        (Some(_), _) => Some("0\r\n\r\n".to_owned()),
        (None, Some(length)) => Some("x".repeat(length.trim().parse().unwrap_or(0))),
        (None, None) => None,
    }
}

/// A connection to one door, opened anew where the proxy has closed it.
pub(crate) struct Door {
    to: SocketAddr,
    open: Option<(TcpStream, BufReader<TcpStream>)>,
}

impl Door {
    /// To this address.
    pub(crate) fn at(to: SocketAddr) -> Self {
        Self { to, open: None }
    }

    /// Sends a request as it is. A connection that ends without an answer is the status 0.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Answer> {
        let reused = self.open.is_some();
        match self.exchange(request) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(error),
            // It was closed between two requests, perhaps.
            Err(_) if reused => {
                self.open = None;
                self.send(request)
            }
            Err(_) => {
                self.open = None;
                Ok(Answer::default())
            }
            answer => answer,
        }
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        if self.open.is_none() {
            let stream = TcpStream::connect(self.to)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            self.open = Some((stream.try_clone()?, BufReader::new(stream)));
        }
        let Some((writer, reader)) = &mut self.open else {
            return Err(io::ErrorKind::Other.into());
        };
        let (method, path) = (&request.method, &request.path);
        let mut message =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", request.authority).into_bytes();
        for (at, (name, value)) in request.headers.iter().enumerate() {
            // Names have no case.
            let name = if at % 2 == 1 { name.to_ascii_uppercase() } else { name.clone() };
            message.extend_from_slice(format!("{name}: ").as_bytes());
            message.extend_from_slice(value.as_bytes());
            message.extend_from_slice(b"\r\n");
        }
        let body = framed(request);
        if body.is_none() {
            message.extend_from_slice(b"content-length: 0\r\n");
        }
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(body.unwrap_or_default().as_bytes());
        writer.write_all(&message)?;
        let (first, headers) = loop {
            let (first, headers) = head(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            // What is informational comes before the answer.
            if !first.contains(" 100 ") {
                break (first, headers);
            }
        };
        let all = |wanted: &str| {
            let found = headers.iter().filter(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
        };
        let one = |wanted: &str| all(wanted).into_iter().next();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length: usize = one("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
        if request.method != "HEAD" {
            io::copy(&mut reader.by_ref().take(length as u64), &mut io::sink())?;
        }
        if one("connection").is_some_and(|word| word == "close") {
            self.open = None;
        }
        let mut trail = all(TRAIL);
        // The answer passes the last route first.
        trail.reverse();
        let saw = one("x-node").map(|node| {
            (node, one("x-host").unwrap_or_default(), one("x-path").unwrap_or_default())
        });
        let status = status_of(status.unwrap_or(0), one("grpc-status").as_deref());
        Ok(Answer { status, trail, saw })
    }
}
