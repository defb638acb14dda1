//! Comments of YAML, given to the resources that they are about.

use super::Read;
use super::item::Item;
use crate::span::{FileId, Files, Loc};
use std::collections::BTreeSet;

/// Gives every comment that belongs to a resource to it.
pub(super) fn attach(files: &Files, read: &[Read], items: &mut [Item]) {
    let all: BTreeSet<FileId> = read.iter().map(|read| read.file).collect();
    for file in all {
        let text = files.get(file).text();
        if text.trim_start().starts_with(['{', '[']) || !text.contains('#') {
            continue;
        }
        let long: Vec<Loc> =
            read.iter().filter(|r| r.file == file).flat_map(|r| r.long.clone()).collect();
        for (at, words) in comments(text, &long) {
            let Some(owner) = owner(text, file, at, items) else { continue };
            let words = words.trim_start_matches('#').trim_end();
            // Lines that divide a file, and what Helm writes above each object, say nothing.
            if !words.contains(char::is_alphanumeric) || words.starts_with(" Source: ") {
                continue;
            }
            items[owner].remarks.push(words.strip_prefix(' ').unwrap_or(words).to_owned());
        }
    }
}

/// The comments of a text, each with the offset of its `#`.
fn comments<'t>(text: &'t str, long: &[Loc]) -> Vec<(usize, &'t str)> {
    let mut all = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(column) = hash(line) {
            let at = start + column;
            let within = |loc: &Loc| (loc.span.start as usize) < at && at < loc.span.end as usize;
            if !long.iter().any(within) {
                all.push((at, line[column..].trim_end()));
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
fn owner(text: &str, file: FileId, at: usize, items: &[Item]) -> Option<usize> {
    let alone = text[..at].rsplit('\n').next().is_some_and(|line| line.trim().is_empty());
    let mut next = at;
    if alone {
        for line in text[at..].split_inclusive('\n') {
            let trimmed = line.trim();
            if !trimmed.is_empty() && !trimmed.starts_with('#') && trimmed != "---" {
                next += line.len() - line.trim_start().len();
                break;
            }
            next += line.len();
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
