//! The chain of the audit log: each line has a number, the hash of the line before and its own, and
//! the store has those of the newest line that it knows.
//!
//! ```text
//!  {…,"prev":"","seq":1,"hash":"a…"} ──> {…,"prev":"a…","seq":2,"hash":"b…"}     store: 2 b…
//! ```
//!
//! So a line that is changed, removed or put in is found, and so is a tail that was cut off.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// The end of a line, before and after the hash.
const HASH: &str = ",\"hash\":\"";
const END: &str = "\"}";

/// The newest line that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.hash)
    }
}

impl Head {
    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.split_once(' ')?;
        Some(Self { seq: seq.parse().ok()?, hash: hash.to_owned() })
    }

    /// The line that follows, with its line feed, and what is the head then.
    ///
    /// # Panics
    /// Never: entries are objects of plain data.
    pub fn next(&self, mut entry: Value) -> (String, Self) {
        let seq = self.seq + 1;
        entry["seq"] = seq.into();
        entry["prev"] = self.hash.as_str().into();
        let body = entry.to_string();
        let hash = hex(&Sha256::digest(body.as_bytes()));
        let open = body.strip_suffix('}').expect("invariant: an entry is an object");
        (format!("{open}{HASH}{hash}{END}\n"), Self { seq, hash })
    }

    /// What a line says of itself; `None`: it is none of a chain, or was changed.
    pub fn of(line: &str) -> Option<(Self, String)> {
        #[derive(Deserialize)]
        struct Link {
            seq: u64,
            prev: String,
        }
        let open = line.trim_end_matches('\n').strip_suffix(END)?;
        let (open, hash) = open.rsplit_once(HASH)?;
        let body = format!("{open}}}");
        let link: Link = serde_json::from_str(&body).ok()?;
        let own = hex(&Sha256::digest(body.as_bytes()));
        (own == hash).then_some((Self { seq: link.seq, hash: own }, link.prev))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line, from 1; 0: the file.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Checks a log from its first line to the newest that the store knows. Returns how many lines are
/// in the chain; lines of earlier versions at the start of the file are not.
///
/// # Errors
/// The file cannot be read.
pub fn verify(path: &Path, known: Option<&Head>) -> io::Result<Result<usize, Broken>> {
    let known = known.filter(|known| known.seq > 0);
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(match known {
                Some(known) => Err(missing(0, &Head::default(), known)),
                None => Ok(0),
            });
        }
        file => file?,
    };
    if !file.metadata()?.is_file() {
        return Ok(Err(Broken { line: 0, why: "it is no regular file".to_owned() }));
    }
    let mut lines = BufReader::new(file);
    let (mut number, mut count) = (0, 0);
    let mut head: Option<Head> = None;
    let mut before = Sha256::new();
    let mut text = Vec::new();
    loop {
        text.clear();
        lines.read_until(b'\n', &mut text)?;
        // A line that a killed server did not end was never acknowledged.
        if text.last() != Some(&b'\n') {
            break;
        }
        number += 1;
        let broken = |why: String| Ok(Err(Broken { line: number, why }));
        let line = std::str::from_utf8(&text).unwrap_or_default();
        let Some((own, prev)) = Head::of(line) else {
            if head.is_some() || line.contains(HASH) {
                return broken("it was changed".to_owned());
            }
            before.update(&text);
            continue;
        };
        match &head {
            Some(last) if own.seq != last.seq + 1 || prev != last.hash => {
                return broken(format!(
                    "it is number {} and does not follow number {}: lines are missing, or it was \
                     put in",
                    own.seq, last.seq
                ));
            }
            None if own.seq == 1 => {
                let former = match number {
                    1 => String::new(),
                    _ => hex(&before.clone().finalize()),
                };
                if prev != former {
                    return broken(
                        "the lines before it, of an earlier version, were changed".into(),
                    );
                }
            }
            None if number > 1 => {
                return broken("what is before it does not belong to its chain".to_owned());
            }
            Some(_) | None => {}
        }
        // A log that was rotated begins with what follows the newest line of the other file.
        if let (None, Some(known)) = (&head, known)
            && own.seq == known.seq + 1
            && prev != known.hash
        {
            return broken(format!(
                "it does not follow number {}, which the store knows",
                known.seq
            ));
        }
        if let Some(known) = known
            && own.seq == known.seq
            && own.hash != known.hash
        {
            return broken(format!("the store knows another line of the number {}", own.seq));
        }
        count += 1;
        head = Some(own);
    }
    let last = head.unwrap_or_default();
    Ok(match known {
        Some(known) if last.seq < known.seq => Err(missing(number, &last, known)),
        _ => Ok(count),
    })
}

fn missing(line: usize, last: &Head, known: &Head) -> Broken {
    let why = match last.seq {
        0 => format!("there is no line of the chain, and the store knows number {}", known.seq),
        last => format!("it ends with number {last}, and the store knows number {}", known.seq),
    };
    Broken { line, why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_change_of_a_line_and_every_cut_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let (mut head, mut lines) = (Head::default(), Vec::new());
        for n in 0..6 {
            let (line, next) = head.next(json!({ "verb": "test", "n": n }));
            lines.push(line);
            head = next;
        }
        let check = |lines: &[String]| {
            std::fs::write(&path, lines.concat()).expect("it is written");
            verify(&path, Some(&head)).expect("it is read")
        };
        assert_eq!(check(&lines), Ok(6));
        for at in 0..lines.len() {
            let mut fewer = lines.clone();
            fewer.remove(at);
            // The start of a log may be in another file, its end may not.
            let wrong = (1..5).contains(&at).then_some(at + 1).or((at == 5).then_some(5));
            assert_eq!(check(&fewer).err().map(|broken| broken.line), wrong, "without {at}");
            let mut other = lines.clone();
            other[at] = other[at].replace("test", "rest");
            assert_eq!(check(&other).err().map(|broken| broken.line), Some(at + 1), "changed {at}");
            if at > 0 {
                let mut swapped = lines.clone();
                swapped.swap(at - 1, at);
                assert!(check(&swapped).is_err(), "swapped {at}");
            }
            assert!(at == 5 || check(&lines[..=at]).is_err(), "cut after {at}");
        }
        assert!(check(&[]).is_err(), "emptied");
        // A chain of its own is another one than the store knows.
        let (mut forged, mut all) = (Head::default(), Vec::new());
        for n in 0..6 {
            let (line, next) = forged.next(json!({ "verb": "fake", "n": n }));
            all.push(line);
            forged = next;
        }
        assert_eq!(check(&all).expect_err("forged").line, 6);
        std::fs::remove_file(&path).expect("it is there");
        assert!(verify(&path, Some(&head)).expect("it can be looked for").is_err(), "gone");
    }
}
