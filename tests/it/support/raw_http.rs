//! HTTP/1.1 by hand, so that strange requests are sent as they are and seen as they arrive.

use super::random_routes::{APP_PORT, NODES, TRAIL, address, door};
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

/// Starts the applications of all nodes. They live as long as the process.
pub(crate) fn applications(block: u8) {
    for node in 0..NODES {
        let listener = TcpListener::bind((address(block, node), APP_PORT)).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is the caller's doing.
                thread::spawn(move || drop(serve(stream, node)));
            }
        });
    }
}

fn serve(stream: TcpStream, node: u8) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some((first, headers)) = head(&mut reader)? {
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let find = |wanted: &str| headers.iter().find(|(name, _)| name == wanted);
        let host = find("host").map(|(_, host)| host.clone()).unwrap_or_default();
        let chunked = find("transfer-encoding").is_some();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nx-node: n{node}\r\nx-host: {host}\r\nx-path: {path}\r\n\
             content-length: 0\r\n\r\n"
        );
        assert!(!chunked, "no request has a body");
        writer.write_all(answer.as_bytes())?;
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

/// A connection to one door, opened anew where the proxy has closed it.
pub(crate) struct Door {
    to: SocketAddr,
    open: Option<(TcpStream, BufReader<TcpStream>)>,
}

impl Door {
    /// A door of a random mesh.
    pub(crate) fn new(block: u8, port: u16) -> Self {
        Self { to: (door(block), port).into(), open: None }
    }

    /// Sends a request as it is.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Answer> {
        for _ in 0..3 {
            match self.exchange(request) {
                Ok(answer) => return Ok(answer),
                // It was closed between two requests.
                Err(_) if self.open.is_some() => self.open = None,
                Err(error) => return Err(error),
            }
        }
        self.exchange(request)
    }

    fn exchange(&mut self, request: &Request) -> io::Result<Answer> {
        if self.open.is_none() {
            let stream = TcpStream::connect(self.to)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            self.open = Some((stream.try_clone()?, BufReader::new(stream)));
        }
        let Some((writer, reader)) = &mut self.open else {
            return Err(io::ErrorKind::Other.into());
        };
        let mut text = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\n",
            request.method, request.path, request.authority
        );
        for (at, (name, value)) in request.headers.iter().enumerate() {
            // Names have no case.
            let name = if at % 2 == 1 { name.to_ascii_uppercase() } else { name.clone() };
            text.push_str(&format!("{name}: {}\r\n", value.text()));
        }
        text.push_str("content-length: 0\r\n\r\n");
        writer.write_all(text.as_bytes())?;
        let (first, headers) = head(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
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
        Ok(Answer { status: status.unwrap_or(0), trail, saw })
    }
}
