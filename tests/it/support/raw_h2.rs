//! HTTP/2 by hand, so that strange requests are sent as they are and seen as they arrive.

use super::hpack::{Decoder, Field, encoded};
use super::random_routes::TRAIL;
use super::raw_http::{Answer, PATIENCE, status_of};
use meshctl::traffic::Request;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames.
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const CONTINUATION: u8 = 9;
}

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;
/// The longest frame that everybody takes.
const FRAME_MAX: usize = 16_384;

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn write(to: &mut impl Write, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    to.write_all(&frame)
}

/// Writes a block of headers, in as many frames as it needs.
fn write_headers(to: &mut impl Write, stream: u32, end: bool, block: &[u8]) -> io::Result<()> {
    let mut parts = block.chunks(FRAME_MAX).peekable();
    let mut kind = kind::HEADERS;
    let mut flags = if end { END_STREAM } else { 0 };
    while let Some(part) = parts.next() {
        flags |= if parts.peek().is_none() { END_HEADERS } else { 0 };
        write(to, kind, flags, stream, part)?;
        (kind, flags) = (kind::CONTINUATION, 0);
    }
    Ok(())
}

fn read(from: &mut impl Read) -> io::Result<Frame> {
    let mut head = [0; 9];
    from.read_exact(&mut head)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; length as usize];
    from.read_exact(&mut payload)?;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7FFF_FFFF;
    Ok(Frame { kind: head[3], flags: head[4], stream, payload })
}

/// What a peer has said that matters here.
enum Said {
    /// Headers of a stream, and whether it ends with them.
    Headers(u32, Vec<Field>, bool),
    /// The end of a stream, after its data.
    End(u32),
    /// A stream was cut.
    Cut(u32),
    /// The connection ends.
    Bye,
}

/// Reads until something matters, and answers what asks for an answer.
fn listen(from: &mut impl Read, to: &mut impl Write, decoder: &mut Decoder) -> io::Result<Said> {
    loop {
        let frame = read(from)?;
        let ends = frame.flags & END_STREAM != 0;
        match frame.kind {
            kind::HEADERS => {
                let (mut flags, mut block) = (frame.flags, frame.payload);
                if flags & PADDED != 0 {
                    let padding = usize::from(block.remove(0));
                    block.truncate(block.len() - padding);
                }
                if flags & PRIORITY != 0 {
                    block.drain(..5);
                }
                while flags & END_HEADERS == 0 {
                    let more = read(from)?;
                    flags = more.flags;
                    block.extend_from_slice(&more.payload);
                }
                return Ok(Said::Headers(frame.stream, decoder.decoded(&block), ends));
            }
            kind::DATA if ends => return Ok(Said::End(frame.stream)),
            kind::RST_STREAM => return Ok(Said::Cut(frame.stream)),
            kind::GOAWAY => return Ok(Said::Bye),
            kind::SETTINGS if frame.flags & ACK == 0 => write(to, kind::SETTINGS, ACK, 0, &[])?,
            kind::PING if frame.flags & ACK == 0 => {
                write(to, kind::PING, ACK, 0, &frame.payload)?;
            }
            _ => {}
        }
    }
}

/// Starts an application that speaks HTTP/2. It lives as long as the process, and says of itself that it is `node`.
pub(crate) fn application(at: SocketAddr, node: String, grpc: bool) {
    let listener = TcpListener::bind(at).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let node = node.clone();
            // A connection that breaks is the caller's doing.
            thread::spawn(move || {
                let reader = BufReader::new(stream.try_clone()?);
                serve(reader, stream, &node, grpc)
            });
        }
    });
}

/// Answers the requests of one connection.
pub(super) fn serve(
    mut reader: impl Read,
    mut stream: TcpStream,
    node: &str,
    grpc: bool,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut preface = [0; PREFACE.len()];
    write(&mut stream, kind::SETTINGS, 0, 0, &[])?;
    reader.read_exact(&mut preface)?;
    let mut decoder = Decoder::default();
    let mut waiting = Vec::new();
    loop {
        match listen(&mut reader, &mut stream, &mut decoder)? {
            Said::Headers(at, fields, false) => waiting.push((at, fields)),
            Said::Headers(at, fields, true) => answer(&mut stream, at, &fields, node, grpc)?,
            Said::End(at) => {
                if let Some(found) = waiting.iter().position(|(own, _)| *own == at) {
                    let (at, fields) = waiting.remove(found);
                    answer(&mut stream, at, &fields, node, grpc)?;
                }
            }
            Said::Cut(at) => waiting.retain(|(own, _)| *own != at),
            Said::Bye => return Ok(()),
        }
    }
}

fn answer(
    to: &mut impl Write,
    at: u32,
    fields: &[Field],
    node: &str,
    grpc: bool,
) -> io::Result<()> {
    let find = |wanted: &str| fields.iter().find(|(name, _)| name == wanted);
    let value = |wanted: &str| find(wanted).map_or("", |(_, value)| value.as_str());
    let mut all = vec![
        (":status", "200"),
        ("x-node", node),
        ("x-host", value(":authority")),
        ("x-path", value(":path")),
    ];
    if grpc {
        all.extend([("content-type", "application/grpc"), ("grpc-status", "0")]);
    }
    let all = all.into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    write_headers(to, at, true, &encoded(all))
}

/// A connection to one door, opened anew where the proxy has closed it.
pub(crate) struct Door {
    to: SocketAddr,
    open: Option<Open>,
}

struct Open {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
    decoder: Decoder,
    next: u32,
}

impl Door {
    /// To this address.
    pub(crate) fn new(to: SocketAddr) -> Self {
        Self { to, open: None }
    }

    /// Sends a request as it is. A connection or stream that ends without an answer is the status 0.
    pub(crate) fn send(&mut self, request: &Request) -> io::Result<Answer> {
        let reused = self.open.is_some();
        match self.exchange(request) {
            Ok(Some(answer)) => return Ok(answer),
            // It was closed between two requests, perhaps.
            Ok(None) if reused => self.open = None,
            Ok(None) => {
                self.open = None;
                return Ok(Answer::default());
            }
            Err(error) => return Err(error),
        }
        self.send(request)
    }

    fn open(&self) -> io::Result<Open> {
        let mut writer = TcpStream::connect(self.to)?;
        writer.set_nodelay(true)?;
        writer.set_read_timeout(Some(PATIENCE))?;
        writer.write_all(PREFACE)?;
        write(&mut writer, kind::SETTINGS, 0, 0, &[])?;
        let reader = BufReader::new(writer.try_clone()?);
        Ok(Open { writer, reader, decoder: Decoder::default(), next: 1 })
    }

    /// `None` if there was no answer.
    fn exchange(&mut self, request: &Request) -> io::Result<Option<Answer>> {
        if self.open.is_none() {
            // A proxy may close at once.
            self.open = self.open().ok();
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        let stream = open.next;
        open.next += 2;
        let own = [
            (":method", request.method.as_str()),
            (":scheme", "http"),
            (":authority", request.authority.as_str()),
            (":path", request.path.as_str()),
        ];
        let own = own.into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let more = request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let fields = own.chain(more);
        if write_headers(&mut open.writer, stream, true, &encoded(fields)).is_err() {
            return Ok(None);
        }
        let mut found: Option<Vec<Field>> = None;
        let ended = loop {
            let said = match listen(&mut open.reader, &mut open.writer, &mut open.decoder) {
                Ok(said) => said,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(_) => break false,
            };
            match said {
                Said::Headers(at, fields, end) if at == stream => {
                    // What is informational comes before the answer.
                    let status = fields.iter().find(|(name, _)| name == ":status");
                    if !status.is_some_and(|(_, status)| status.starts_with('1')) {
                        found = found.or(Some(fields));
                    }
                    if end {
                        break true;
                    }
                }
                Said::End(at) if at == stream => break true,
                Said::Cut(at) if at == stream => break found.is_some(),
                Said::Bye => break false,
                _ => {}
            }
        };
        if !ended {
            self.open = None;
        }
        Ok(found.map(|fields| answered(&fields)).or_else(|| ended.then(Answer::default)))
    }
}

/// An answer by its headers.
fn answered(fields: &[Field]) -> Answer {
    let all = |wanted: &str| {
        let found = fields.iter().filter(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let one = |wanted: &str| all(wanted).into_iter().next();
    let saw = one("x-node")
        .map(|node| (node, one("x-host").unwrap_or_default(), one("x-path").unwrap_or_default()));
    let status = one(":status").and_then(|status| status.parse().ok()).unwrap_or(0);
    let status = status_of(status, one("grpc-status").as_deref());
    let mut trail = all(TRAIL);
    // The answer passes the last route first.
    trail.reverse();
    Answer { status, trail, saw }
}
