//! The path as Envoy's connection managers rewrite it before any route is tried: dot segments are
//! taken out, needless escapes undone, doubled slashes merged. Escaped slashes stay.
//!
//! The rules are those of the URL library that Envoy uses (and Chromium), not of RFC 3986 alone; a
//! test compares them with Envoy.

/// A path that Envoy answers with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejected;

/// Path and query as they are matched, from path and query as they are sent.
pub fn normalised(sent: &str) -> Result<String, Rejected> {
    let (path, query) = sent.find('?').map_or((sent, ""), |at| sent.split_at(at));
    let mut path = canonical(&without_parameters(path.as_bytes()))?;
    if path.windows(2).any(|two| two == b"//") {
        path = merged(&path);
    }
    let mut text = String::from_utf8(path).map_err(|_| Rejected)?;
    text.push_str(query);
    Ok(text)
}

/// The part before the query.
pub(super) fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

/// `..;a=b` and `.;` are dot segments: the parameters of a segment that is one, written with
/// unescaped dots and up to the next slash, are removed first. Other segments keep theirs.
fn without_parameters(path: &[u8]) -> Vec<u8> {
    let bare = |segment: &'_ [u8]| -> usize {
        let dots = segment.iter().take_while(|byte| **byte == b'.').count();
        match (dots, segment.get(dots)) {
            (1 | 2, Some(b';')) => dots,
            _ => segment.len(),
        }
    };
    let segments: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').map(|segment| &segment[..bare(segment)]).collect();
    segments.join(&b'/')
}

fn merged(path: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = path.split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
    let mut merged = vec![b'/'];
    merged.extend(parts.join(&b'/'));
    if path.ends_with(b"/") {
        merged.push(b'/');
    }
    merged
}

/// What is done with one byte of a path.
#[derive(PartialEq)]
enum Fate {
    /// It stays as it is, escaped or not.
    Stays,
    /// It stays, and an escape of it is undone.
    Unescaped,
    /// It is escaped.
    Escaped,
    /// No path has it.
    Refused,
}

fn fate(byte: u8) -> Fate {
    match byte {
        0 => Fate::Refused,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b'.' => Fate::Unescaped,
        0x01..=b' ' | b'"' | b'#' | b'<' | b'>' | b'?' | b'^' | b'`' | b'{' | b'|' | b'}' => {
            Fate::Escaped
        }
        0x7f.. => Fate::Escaped,
        _ => Fate::Stays,
    }
}

/// The length of a dot at a place, escaped or not; 0 if there is none.
fn dot(path: &[u8], at: usize) -> usize {
    match path.get(at) {
        Some(b'.') => 1,
        Some(b'%') if path[at..].len() >= 3 && path[at + 1..at + 3].eq_ignore_ascii_case(b"2e") => {
            3
        }
        _ => 0,
    }
}

fn slash(byte: Option<&u8>) -> bool {
    matches!(byte, Some(b'/' | b'\\'))
}

fn unescaped(path: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| path.get(at).and_then(|b| char::from(*b).to_digit(16));
    Some((digit(at + 1)? * 16 + digit(at + 2)?) as u8)
}

fn canonical(path: &[u8]) -> Result<Vec<u8>, Rejected> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut at = 0;
    if !slash(path.first()) {
        out.push(b'/');
    }
    // Where a `%` stands in the result that began no escape.
    let mut stray: Option<usize> = None;
    while at < path.len() {
        let length = dot(path, at);
        if length > 0 {
            at += length;
            if out.last() != Some(&b'/') {
                out.push(b'.');
                continue;
            }
            let second = dot(path, at);
            if at == path.len() {
                // A last `.` is the folder itself.
            } else if slash(path.get(at)) {
                at += 1;
            } else if second > 0 && (at + second == path.len() || slash(path.get(at + second))) {
                at = (at + second + 1).min(path.len());
                up(&mut out);
                stray = stray.filter(|stray| *stray < out.len());
            } else {
                out.push(b'.');
            }
            continue;
        }
        let byte = path[at];
        match (byte, unescaped(path, at)) {
            (b'\\', _) => out.push(b'/'),
            (b'%', Some(value)) => {
                at += 2;
                match fate(value) {
                    Fate::Unescaped => {
                        out.push(value);
                        if let Some(place) = stray
                            && place + 3 >= out.len()
                        {
                            nested(path, at + 1, place, &mut out);
                        }
                    }
                    Fate::Refused => return Err(Rejected),
                    Fate::Stays | Fate::Escaped => {
                        out.extend([b'%', path[at - 1], path[at]]);
                    }
                }
            }
            (b'%', None) => {
                stray = Some(out.len());
                out.push(b'%');
            }
            _ => match fate(byte) {
                Fate::Refused => return Err(Rejected),
                Fate::Escaped => out.extend(format!("%{byte:02X}").into_bytes()),
                Fate::Stays | Fate::Unescaped => out.push(byte),
            },
        }
        at += 1;
    }
    Ok(out)
}

/// Takes the last folder off.
fn up(out: &mut Vec<u8>) {
    if out.len() <= 1 {
        return;
    }
    out.pop();
    while out.last().is_some_and(|byte| *byte != b'/') {
        out.pop();
    }
}

/// An escape that was undone may have made a new one with a stray `%` before it (`%%341`); that
/// `%` is escaped then.
fn nested(path: &[u8], next: usize, stray: usize, out: &mut Vec<u8>) {
    let length = out.len();
    let Some(last) = out.last().copied() else { return };
    let needs_next = stray + 2 == length;
    if needs_next {
        match path.get(next) {
            Some(byte) if byte.is_ascii() => out.push(*byte),
            _ => return,
        }
    }
    if unescaped(out, stray).is_some() {
        if !needs_next {
            let first = out[stray + 1];
            out.push(first);
        }
        out[stray + 1] = b'2';
        out[stray + 2] = b'5';
        out.push(last);
    } else if needs_next {
        out.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::normalised;

    #[test]
    fn paths_are_normalised_as_envoy_does() {
        for (sent, matched) in [
            ("/a//b", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.b/..c", "/a/.b/..c"),
            ("/a/.", "/a/"),
            ("/a/..", "/"),
            ("/a%2Fb%2f", "/a%2Fb%2f"),
            ("/%41%7e%2d", "/A~-"),
            ("/a\\b", "/a/b"),
            ("/a b", "/a%20b"),
            ("/a%zz%", "/a%zz%"),
            ("/x?a//b/../c", "/x?a//b/../c"),
            ("/a/b//../c", "/a/b/c"),
            ("/a///", "/a/"),
            ("/r/..;/x", "/x"),
            ("/r/..;a=b;;/x?..;/y", "/x?..;/y"),
            ("/r/.;a/x", "/r/x"),
            ("/r/b/..;?x=1", "/r/?x=1"),
            ("/r//..;/x", "/r/x"),
            ("/r/..;a\\x", "/"),
            ("/r\\..;/x", "/r/..;/x"),
            ("/r/%2e%2e;/x", "/r/..;/x"),
            ("/r/..%3B/b;v=1/...;/x..;", "/r/..%3B/b;v=1/...;/x..;"),
        ] {
            assert_eq!(normalised(sent).as_deref(), Ok(matched), "{sent}");
        }
        assert!(normalised("/a%00").is_err());
    }
}
