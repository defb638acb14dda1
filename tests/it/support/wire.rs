//! Requests as bytes, by HTTP/1 and by HTTP/2, each on a connection of its own: nothing checks or
//! tidies what is sent.

use meshctl::traffic::{Codec, Request};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// An application that answers with its name, and the host and path that it saw. It lives as long
/// as the process.
pub(crate) fn application(at: SocketAddr, name: &'static str) {
    let listener = TcpListener::bind(at).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A connection that breaks is the caller's doing.
            thread::spawn(move || drop(serve(stream, name)));
        }
    });
}

fn serve(stream: TcpStream, name: &str) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some((first, headers)) = head(&mut reader)? {
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let host = value(&headers, "host").unwrap_or_default();
        let body = format!("{name} {host} {path}");
        let length = body.len();
        // Envoy drops the body of an answer that declines an upgrade.
        let saw = match value(&headers, "upgrade") {
            Some(_) => format!("{SAW}: {body}\r\n"),
            None => String::new(),
        };
        write!(writer, "HTTP/1.1 200 OK\r\n{saw}content-length: {length}\r\n\r\n{body}")?;
    }
    Ok(())
}

/// The header in which an application that was asked for an upgrade says what it would say in a
/// body.
const SAW: &str = "x-saw";

type Headers = Vec<(String, String)>;

fn value(headers: &Headers, name: &str) -> Option<String> {
    headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone())
}

fn head(reader: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let first = String::from_utf8_lossy(&line).trim_end().to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Ok(Some((first, headers)));
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Sends a request; gives the status, and behind it what an application said: `200 n0 host /path`,
/// `404`, or `closed`.
pub(crate) fn send(to: SocketAddr, codec: Codec, request: &Request) -> String {
    let answer = match codec {
        Codec::Http1 => http1(to, request),
        Codec::Http2 => http2(to, request),
    };
    answer.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => "closed".to_owned(),
        _ => panic!("{error}: {request:?}"),
    })
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    Ok(stream)
}

fn http1(to: SocketAddr, request: &Request) -> io::Result<String> {
    let mut stream = connect(to)?;
    let Request { method, path, authority, .. } = request;
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    for (name, value) in &request.headers {
        bytes.extend(format!("{name}: ").into_bytes());
        bytes.extend(value.as_bytes());
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    stream.write_all(&bytes)?;
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers) = head(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    if first.contains(" 100 ") {
        (first, headers) = head(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    }
    let status = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let length = value(&headers, "content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = vec![0; if method == "HEAD" { 0 } else { length }];
    reader.read_exact(&mut body)?;
    if let Some(saw) = value(&headers, SAW) {
        body = saw.into_bytes();
    }
    Ok(told(&status, &body))
}

/// What a proxy says by itself is of no interest.
fn told(status: &str, body: &[u8]) -> String {
    match status {
        "200" => format!("200 {}", String::from_utf8_lossy(body)),
        _ => status.to_owned(),
    }
}

/// A text in HPACK, as it is.
fn literal(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        short @ 0..=126 => out.push(short as u8),
        long => {
            out.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                out.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            out.push(rest as u8);
        }
    }
    out.extend(text);
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const FRAME: usize = 16_384;

fn frame(kind: u8, flags: u8, stream: u8, body: &[u8], out: &mut Vec<u8>) {
    out.extend(&(body.len() as u32).to_be_bytes()[1..]);
    out.extend([kind, flags, 0, 0, 0, stream]);
    out.extend(body);
}

fn http2(to: SocketAddr, request: &Request) -> io::Result<String> {
    let mut block = Vec::new();
    let mut field = |name: &[u8], value: &[u8]| {
        block.push(0);
        literal(name, &mut block);
        literal(value, &mut block);
    };
    field(b":method", request.method.as_bytes());
    field(b":scheme", request.scheme.as_bytes());
    field(b":authority", request.authority.as_bytes());
    field(b":path", request.path.as_bytes());
    for (name, value) in &request.headers {
        field(name.as_bytes(), value.as_bytes());
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(SETTINGS, 0, 0, &[], &mut bytes);
    let parts: Vec<&[u8]> = block.chunks(FRAME).collect();
    for (at, part) in parts.iter().enumerate() {
        let (kind, mut flags) = if at == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
        if at + 1 == parts.len() {
            flags |= END_HEADERS;
        }
        frame(kind, flags, 1, part, &mut bytes);
    }
    let mut stream = connect(to)?;
    stream.write_all(&bytes)?;
    let mut reader = BufReader::new(stream);
    let (mut status, mut body) = (String::new(), Vec::new());
    loop {
        let mut start = [0; 9];
        reader.read_exact(&mut start)?;
        let length = u32::from_be_bytes([0, start[0], start[1], start[2]]) as usize;
        let mut part = vec![0; length];
        reader.read_exact(&mut part)?;
        match start[3] {
            RESET | GO_AWAY => return Ok("closed".to_owned()),
            HEADERS => status = status_of(&part),
            DATA => body.extend(part),
            _ => continue,
        }
        if start[4] & END_STREAM != 0 {
            return Ok(told(&status, &body));
        }
    }
}

/// The status, which is the first header of every answer: one of HPACK's own, or digits in its
/// Huffman code or as they are.
fn status_of(block: &[u8]) -> String {
    const OWN: [&str; 7] = ["200", "204", "206", "304", "400", "404", "500"];
    match block {
        [first, ..] if first & 0x80 != 0 => {
            OWN.get(usize::from(first & 0x7f).wrapping_sub(8)).copied().unwrap_or("?").to_owned()
        }
        [_, length, rest @ ..] if length & 0x80 != 0 => {
            let bits: String = rest[..usize::from(length & 0x7f)]
                .iter()
                .map(|byte| format!("{byte:08b}"))
                .collect();
            let (mut at, mut digits) = (0, String::new());
            while digits.len() < 3 {
                // `0`, `1` and `2` have five bits, the others six.
                let five = u8::from_str_radix(&bits[at..at + 5], 2).unwrap();
                if five < 3 {
                    digits.push(char::from(b'0' + five));
                    at += 5;
                } else {
                    let six = u8::from_str_radix(&bits[at..at + 6], 2).unwrap();
                    digits.push(char::from(b'3' + six - 0b011_001));
                    at += 6;
                }
            }
            digits
        }
        [_, length, rest @ ..] => {
            String::from_utf8_lossy(&rest[..usize::from(*length)]).into_owned()
        }
        _ => "?".to_owned(),
    }
}
