//! MC00xx: findings about the files themselves.

use crate::diag::Code;

/// No file was found.
pub const NO_FILES: Code = Code::error(
    "MC0019",
    "no-mesh-files",
    "the project has no files that define a mesh",
    "meshctl refuses an empty project, because applying it would delete everything. `files` in \
     meshctl.toml lists patterns, `**/*.toml` unless set. Hidden paths, Cargo.toml, `env/`, \
     `tests/`, `target/`, the folders of targets, and subfolders with a meshctl.toml of their own \
     are left out.",
);
/// A file that cannot be read.
pub const UNREADABLE: Code = Code::error(
    "MC0020",
    "unreadable-file",
    "a file of the project cannot be read",
    "A file that is left out could change what the mesh is, so meshctl does not go on without it.",
);
/// A file that is no text.
pub const NOT_UTF8: Code = Code::error(
    "MC0021",
    "not-utf8",
    "a file of the project is not UTF-8 text",
    "TOML is UTF-8. The file is binary, or was saved in another encoding.",
);
/// A file of absurd size.
pub const TOO_LARGE: Code = Code::error(
    "MC0022",
    "file-too-large",
    "a file of the project is larger than 16 MiB",
    "A mesh of ten thousand services fits in less. Split the file, or take it out of `files`.",
);
/// A pattern that is none.
pub const BAD_PATTERN: Code = Code::error(
    "MC0023",
    "malformed-pattern",
    "an entry of `files` is not a glob pattern",
    "`files` lists patterns relative to the project, for example \"mesh/**/*.toml\".",
);

/// A link out of the project.
pub const LEADS_OUT: Code = Code::error(
    "MC0060",
    "link-out-of-the-project",
    "a file of the project is a link that leads out of it",
    "Findings, plans and pictures quote what a file has, and a checkout may be somebody else's: a link \
     to a secret or to another user's file would be quoted too. It is not opened. Links within the \
     project are followed.",
);
/// A secret in a URL.
pub const SECRET_IN_URL: Code = Code::error(
    "MC0061",
    "secret-in-url",
    "the address of a server has a user, a password, a query or a fragment",
    "Addresses are quoted in messages, logs and histories. A control plane is asked with a token, which \
     stands in a file or in a variable, or with a certificate.",
);
/// Files of absurd size together.
pub const ALL_TOO_LARGE: Code = Code::error(
    "MC0024",
    "project-too-large",
    "the files of the project are larger than 64 MiB together",
    "A mesh of a hundred thousand services fits in less. Most often `files` in meshctl.toml takes in \
     a folder that does not define the mesh. Nothing of the project is read.",
);
/// Definitions of absurd number.
pub const TOO_MANY: Code = Code::error(
    "MC0025",
    "too-many-resources",
    "the project defines more than a million resources",
    "Nodes, services, routers, gateways and their routes count. No proxy could be given a part of \
     so many in reasonable time; split the mesh.",
);

/// A setting that means nothing to the program that it is for.
pub const IGNORED: Code = Code::error(
    "MC1219",
    "setting-without-effect",
    "a setting that its provider ignores",
    "Envoy's X-Ray tracer decides by rules of its own which requests it traces, one a second and a \
     twentieth of the others, and ignores `sampling_percent`. A setting that is read and does \
     nothing would be believed.",
);

/// All codes of this module.
pub const CODES: &[&Code] = &[
    &NO_FILES,
    &UNREADABLE,
    &NOT_UTF8,
    &TOO_LARGE,
    &BAD_PATTERN,
    &LEADS_OUT,
    &SECRET_IN_URL,
    &ALL_TOO_LARGE,
    &TOO_MANY,
    &IGNORED,
];
