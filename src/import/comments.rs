//! Comments of YAML, HCL and JSON, given to the resources that they are about.

use super::item::Item;
use super::{Read, hcl, json};
use crate::span::{FileId, Files, Loc};
use std::collections::BTreeSet;
use std::ops::Range;

/// Gives every comment that belongs to a resource to it.
pub(super) fn attach(files: &Files, read: &[Read], items: &mut [Item]) {
    let all: BTreeSet<FileId> = read.iter().map(|read| read.file).collect();
    for file in all {
        let text = files.get(file).text();
        let found = if after_comments(text).starts_with(['{', '[']) {
            let found = delimited(text, Syntax::Json);
            // YAML in flow style has keys and values without quotes, and may have `//` in them.
            if found.is_empty() || json::parse(file, text).is_err() {
                continue;
            }
            found
        } else if hcl::is(files.get(file).path(), text) {
            delimited(text, Syntax::Hcl)
        } else {
            let long = read.iter().filter(|r| r.file == file).flat_map(|r| r.long.clone());
            yaml(text, &long.collect::<Vec<Loc>>())
        };
        for comment in &found {
            let Some(owner) = owner(text, file, comment, &found, items) else { continue };
            items[owner].remarks.extend(words(&text[comment.clone()]));
        }
    }
}

/// The lines of a comment that say something, without what marks them as one.
fn words(comment: &str) -> impl Iterator<Item = String> {
    let inner = match comment.strip_prefix("/*") {
        Some(block) => block.strip_suffix("*/").unwrap_or(block),
        None => comment.trim_start_matches(['#', '/']),
    };
    let block = comment.starts_with("/*");
    inner.lines().filter_map(move |line| {
        let line = match block {
            true => line.trim().trim_start_matches('*'),
            false => line.trim_end(),
        };
        // Lines that divide a file, and what Helm writes above each object, say nothing.
        let says = line.contains(char::is_alphanumeric) && !line.starts_with(" Source: ");
        says.then(|| line.strip_prefix(' ').unwrap_or(line).to_owned())
    })
}

/// What follows the comments of JSON that a text starts with.
pub(super) fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    while let Some(length) = comment(rest, Syntax::Json) {
        rest = rest[length..].trim_start();
    }
    rest
}

/// What decides where comments are, besides quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    /// `//` and `/* */`.
    Json,
    /// Also `#`; texts may be templates, or end at a word.
    Hcl,
}

/// The length of the comment that a text starts with.
fn comment(text: &str, syntax: Syntax) -> Option<usize> {
    if text.starts_with("//") || (syntax == Syntax::Hcl && text.starts_with('#')) {
        return Some(text.find('\n').map_or(text.len(), |end| text[..end].trim_end().len()));
    }
    // `/*/` opens a comment and does not close it.
    let inner = text.strip_prefix("/*")?;
    Some(inner.find("*/").map_or(text.len(), |end| end + 4))
}

/// The comments of HCL or JSON.
fn delimited(text: &str, syntax: Syntax) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    // What is open: a quote, or the braces of a template in one.
    let mut open: Vec<char> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if open.last() == Some(&'"') {
            let template = ["${", "%{"].iter().any(|start| rest.starts_with(start));
            let literal = ["$${", "%%{"].iter().any(|start| rest.starts_with(start));
            match c {
                '\\' => at += rest.chars().nth(1).map_or(0, char::len_utf8),
                '"' => drop(open.pop()),
                _ if syntax == Syntax::Hcl && literal => at += 2,
                _ if syntax == Syntax::Hcl && template => {
                    open.push('{');
                    at += 1;
                }
                _ => {}
            }
            at += c.len_utf8();
            continue;
        }
        if let Some(length) = comment(rest, syntax) {
            all.push(at..at + length);
            at += length;
            continue;
        }
        if syntax == Syntax::Hcl
            && let Some(length) = heredoc(rest)
        {
            at += length;
            continue;
        }
        match c {
            '"' => open.push('"'),
            '{' if !open.is_empty() => open.push('{'),
            '}' if !open.is_empty() => drop(open.pop()),
            _ => {}
        }
        at += c.len_utf8();
    }
    all
}

/// The length of the text up to a word of its own (`<<WORD`) that a text starts with.
fn heredoc(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("<<")?;
    let (head, body) = inner.split_once('\n')?;
    let word = head.strip_prefix('-').unwrap_or(head).trim_end();
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    if word.is_empty() || !word.chars().all(is_word) {
        return None;
    }
    let mut length = 2 + head.len() + 1;
    for line in body.split_inclusive('\n') {
        if line.trim() == word {
            return Some(length + line.trim_end().len());
        }
        length += line.len();
    }
    Some(text.len())
}

/// The comments of YAML.
fn yaml(text: &str, long: &[Loc]) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(column) = hash(line) {
            let at = start + column;
            let within = |loc: &Loc| (loc.span.start as usize) < at && at < loc.span.end as usize;
            if !long.iter().any(within) {
                all.push(at..start + line.trim_end().len());
            }
        }
        start += line.len();
    }
    all
}

/// Where a comment starts in a line: at its start or behind a space, and not in quotes.
fn hash(line: &str) -> Option<usize> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') if before == ' ' || ":[{,".contains(before) => quote = Some(c),
            (None, '#') if before.is_whitespace() => return Some(at),
            _ => {}
        }
        before = c;
    }
    None
}

/// The resource that a comment is about: the one that starts on the next line with something on
/// it, or else the innermost one around.
fn owner(
    text: &str,
    file: FileId,
    comment: &Range<usize>,
    all: &[Range<usize>],
    items: &[Item],
) -> Option<usize> {
    let at = comment.start;
    let alone = text[..at].rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
    if alone {
        let mut next = comment.end;
        loop {
            next += text[next..].len() - text[next..].trim_start().len();
            let following = all.binary_search_by_key(&next, |other| other.start);
            if let Ok(following) = following {
                next = all[following].end;
            } else if text[next..].lines().next().is_some_and(|line| line.trim() == "---") {
                next += 3;
            } else {
                break;
            }
        }
        let end = text[next..].find('\n').map_or(text.len(), |end| next + end);
        // A list's dash, or an object's first key, stands where the resource starts.
        let starts = items.iter().position(|item| {
            item.loc.file == file && (next..end).contains(&(item.loc.span.start as usize))
        });
        if starts.is_some() {
            return starts;
        }
    }
    let around = items.iter().enumerate().filter(|(_, item)| {
        item.loc.file == file
            && (item.loc.span.start as usize) <= at
            && at < item.loc.span.end as usize
    });
    around.min_by_key(|(_, item)| item.loc.span.end - item.loc.span.start).map(|(at, _)| at)
}
