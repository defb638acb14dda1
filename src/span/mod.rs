//! Places in source files: byte spans, files, and the lines and columns they stand for.
#![deny(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Identifies one file of a [`Files`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A half-open range of bytes in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// Converts a range of byte offsets. Files are limited to sizes that fit (see `load`).
    pub fn new(range: std::ops::Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: clamp(range.start), end: clamp(range.end) }
    }
}

/// A span in a known file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loc {
    /// The file.
    pub file: FileId,
    /// The bytes in it.
    pub span: Span,
}

impl Loc {
    /// The start of the first file: for things that no file says.
    pub const NOWHERE: Self = Self { file: FileId(0), span: Span { start: 0, end: 0 } };
}

/// A line and a column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// One source file: its paths and its text.
#[derive(Debug)]
pub struct File {
    path: String,
    /// From the working directory, if that is another path.
    shown: Option<String>,
    /// From the root of the repository, if that is another path.
    in_repository: Option<String>,
    text: Arc<str>,
    line_starts: Vec<u32>,
}

impl File {
    /// The path relative to the project, with `/` between its parts: the file's identity, the same
    /// wherever meshctl is run.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path from the working directory of the call, for people, who open it.
    pub fn shown(&self) -> &str {
        self.shown.as_ref().unwrap_or(&self.path)
    }

    /// The path from the root of the repository, for services that show findings beside files.
    pub fn in_repository(&self) -> &str {
        self.in_repository.as_ref().unwrap_or(&self.path)
    }

    /// The whole text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    fn position(&self, offset: u32) -> LineColumn {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1] as usize;
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text[start.min(end)..end].chars().count() + 1;
        LineColumn { line: line as u32, column: column as u32 }
    }
}

/// The table of all files that a run has read.
#[derive(Debug, Default)]
pub struct Files {
    files: Vec<File>,
    /// By their paths in the project; of two with one path, the first.
    by_path: BTreeMap<String, FileId>,
}

impl Files {
    /// Adds a file and returns its identity.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1))
            .collect();
        let id = FileId(self.files.len() as u32);
        let path = path.into();
        self.by_path.entry(path.clone()).or_insert(id);
        self.files.push(File { path, shown: None, in_repository: None, text, line_starts });
        id
    }

    /// Says by which paths a file is found from the working directory and in the repository.
    pub fn locate(&mut self, id: FileId, shown: String, in_repository: String) {
        let file = &mut self.files[id.0 as usize];
        file.shown = Some(shown);
        file.in_repository = Some(in_repository);
    }

    /// The file behind an identity that this table has given out.
    pub fn get(&self, id: FileId) -> &File {
        &self.files[id.0 as usize]
    }

    /// The file with a path in the project.
    pub fn at(&self, path: &str) -> Option<&File> {
        self.by_path.get(path).map(|id| self.get(*id))
    }

    /// All files, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &File)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(at as u32), file))
    }

    /// Where a place starts.
    pub fn start(&self, loc: Loc) -> LineColumn {
        self.get(loc.file).position(loc.span.start)
    }

    /// Where a place ends.
    pub fn end(&self, loc: Loc) -> LineColumn {
        self.get(loc.file).position(loc.span.end)
    }

    /// A place as `path:line:column`, the path from the working directory.
    pub fn show(&self, loc: Loc) -> String {
        let at = self.start(loc);
        format!("{}:{}:{}", self.get(loc.file).shown(), at.line, at.column)
    }

    /// A place as `path:line`, the path from the working directory.
    pub fn show_line(&self, loc: Loc) -> String {
        format!("{}:{}", self.get(loc.file).shown(), self.start(loc).line)
    }
}

impl fmt::Display for LineColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let mut files = Files::default();
        let id = files.add("a.toml", "é = 1\nx = 2\n");
        let at = |start, end| Loc { file: id, span: Span { start, end } };
        assert_eq!(files.show(at(0, 1)), "a.toml:1:1");
        assert_eq!(files.show(at(5, 6)), "a.toml:1:5");
        assert_eq!(files.show(at(7, 8)), "a.toml:2:1");
        assert_eq!(files.show(at(99, 99)), "a.toml:3:1");
    }
}
