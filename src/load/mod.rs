//! From a folder to a checked mesh: finds the project, reads its files, runs every check.

mod certificate;
mod certificates;
pub mod codes;
mod files;
mod mapped;
mod places;
mod project;
mod rewrite;
mod sources;
mod tests;
mod within;

pub use codes::CODES;
pub use files::overlays;
pub use places::located;
pub use project::{
    Certificates, DevRequest, DevSettings, EnvoySettings, Guards, Level, Lints, Project, ServerTls,
    TargetSettings, Token, Tracing, Upstream, project_schema,
};

pub use rewrite::{NotWritten, create, rewrite};
pub use sources::{Exclude, read_sources};
pub use tests::{NoTests, TESTS_FOLDER, TestFiles, read_tests};

use crate::compile;
use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::envoy;
use crate::graph::Graph;
use crate::model::{Address, Mesh, Origins};
use crate::resolve::{Date, Suppressions, resolve};
use crate::rules::{self, TlsFiles};
use crate::schema::{Entries, Node, Value, parse};
use crate::span::{FileId, Files, Loc, Span};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};

/// What to load.
#[derive(Clone, Debug)]
pub struct Options {
    /// The project's folder.
    pub dir: PathBuf,
    /// The overlay's name, if one is chosen.
    pub env: Option<String>,
    /// An overlay that is no file, laid over everything else: its name in messages, and its text.
    pub extra: Option<(String, String)>,
    /// The present in seconds since 1970, for certificates, and for suppressions that end with a day.
    pub now: i64,
}

/// How much a project may be. The size of a single file is bounded too: 16 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together; 64 MiB.
    pub bytes: u64,
    /// Nodes, services, routers, gateways and their routes; 1,000,000.
    pub resources: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, resources: 1_000_000 }
    }
}

/// A file that was read, and its content's hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The path in the project.
    pub path: String,
    /// The SHA-256 of the content in hex.
    pub sha256: String,
}

/// A project, read and checked.
#[derive(Debug)]
pub struct Loaded {
    /// The folder that holds `meshctl.toml`.
    pub root: PathBuf,
    /// What `meshctl.toml` says.
    pub project: Project,
    /// All files that were read.
    pub files: Files,
    /// Their hashes, ordered by path.
    pub sources: Vec<Source>,
    /// The overlay's name, if one was chosen.
    pub env: Option<String>,
    /// The overlay's file, if one was chosen.
    pub overlay: Option<FileId>,
    /// The mesh, as far as it could be read.
    pub mesh: Mesh,
    /// Where everything stands.
    pub origins: Origins,
    /// Resources that are defined but could not be read whole.
    pub broken: BTreeSet<Address>,
    /// What is known of the files that the mesh names for TLS.
    pub tls: TlsFiles,
    /// Part of the files could not be read, so that anything may be defined there.
    pub incomplete: bool,
    /// Everything that was found.
    pub diagnostics: Diagnostics,
}

/// Why a project could not be loaded at all.
#[derive(Debug)]
pub enum Error {
    /// There is no project in the folder.
    NoProject {
        /// The folder.
        dir: PathBuf,
    },
    /// The overlay does not exist.
    NoOverlay {
        /// Where it was looked for.
        path: PathBuf,
        /// The overlays that exist.
        known: Vec<String>,
    },
    /// A file or folder could not be read.
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProject { dir } => {
                write!(f, "there is no meshctl.toml in {}", dir.display())
            }
            Self::NoOverlay { path, known } => {
                write!(f, "there is no overlay {}", path.display())?;
                if known.is_empty() {
                    write!(f, "; the project has none")
                } else {
                    write!(f, "; the project has: {}", known.join(", "))
                }
            }
            Self::Io { path, .. } => write!(f, "cannot read {}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::NoProject { .. } | Self::NoOverlay { .. } => None,
        }
    }
}

/// Name of the file that makes a folder a project.
pub const PROJECT_FILE: &str = "meshctl.toml";

/// Reads and checks a project. Findings do not fail it; they are in the result.
pub fn load(options: &Options) -> Result<Loaded, Error> {
    load_within(options, Limits::default())
}

/// [`load`], with limits of its own. Of a project beyond them nothing is read.
pub fn load_within(options: &Options, limits: Limits) -> Result<Loaded, Error> {
    let root = options.dir.clone();
    let mut files = Files::default();
    let mut diagnostics = Diagnostics::default();

    let (project_file, project_text) = files::read_project_file(&root, &mut files)?;
    let (tree, findings) = parse(project_file, &project_text);
    diagnostics.append(findings);
    let project = project::read(&tree, &mut diagnostics);

    let mut sources = Vec::new();
    let mut paths = files::find(&root, &project, &mut files, project_file, &mut diagnostics)?;
    let overlay = options.env.iter().map(|name| format!("env/{name}.toml"));
    let all: Vec<String> = paths.iter().cloned().chain(overlay).collect();
    if let Some(finding) = files::all_too_large(&root, &all, project_file, limits.bytes) {
        diagnostics.push(finding);
        paths.clear();
    }
    let ids =
        files::read_all(&root, paths, &mut files, project_file, &mut sources, &mut diagnostics);
    if ids.is_empty() && !diagnostics.has_errors() {
        diagnostics.push(
            Diagnostic::new(
                &codes::NO_FILES,
                Loc { file: project_file, span: Span::new(0..0) },
                "no file of the project defines a mesh",
            )
            .help("write a mesh beside meshctl.toml (`meshctl init` shows one), or fix `files`"),
        );
    }
    let mut suppressions = Suppressions::default();
    let mut trees: Vec<Node> = Vec::with_capacity(ids.len());
    for (tree, findings) in files::parse_all(&files, &ids) {
        diagnostics.append(findings);
        trees.push(tree);
    }
    for id in &ids {
        suppressions.scan(&files, *id, &mut diagnostics);
    }
    let mut overlay = None;
    let mut overlay_trees = Vec::new();
    if let Some(name) = &options.env {
        let (id, text) = files::read_overlay(&root, name, &mut files, &mut sources)?;
        let (tree, findings) = parse(id, &text);
        diagnostics.append(findings);
        suppressions.scan(&files, id, &mut diagnostics);
        overlay = Some(id);
        overlay_trees.push(tree);
    }
    let places = places::Places::of(&root);
    let ids: Vec<FileId> = files.iter().map(|(id, _)| id).collect();
    ids.into_iter().for_each(|id| places.locate(&mut files, id));
    if let Some((name, text)) = &options.extra {
        let id = files.add(name.clone(), text.as_str());
        let (tree, findings) = parse(id, text);
        diagnostics.append(findings);
        overlay_trees.push(tree);
    }
    if let Some(loc) = beyond(trees.iter().chain(&overlay_trees), limits.resources) {
        let message = format!("here is resource number {}", limits.resources + 1);
        let finding = Diagnostic::new(&codes::TOO_MANY, loc, message);
        diagnostics.push(finding.help("split the mesh, or take files out of `files`"));
        (trees, overlay_trees) = (Vec::new(), Vec::new());
    }
    // What is wrong with a resource is known to be about that one; other mistakes may hide any.
    let is_hiding = |d: &Diagnostic| {
        let in_project_file = d.primary.as_ref().is_some_and(|it| it.loc.file == project_file);
        let whole = d.severity == Severity::Error && d.address.is_none();
        whole && (!in_project_file || d.code.id == codes::BAD_PATTERN.id)
    };
    let unread = diagnostics.iter().any(is_hiding);
    let trees_are_empty = trees.is_empty();
    let mut reading = resolve(trees, overlay_trees);
    let is_no_mesh = |d: &Diagnostic| d.code.id == crate::schema::codes::NO_MESH.id;
    let incomplete = unread || reading.diagnostics.iter().any(|d| is_hiding(d) && !is_no_mesh(d));
    if unread || trees_are_empty {
        // The file that names the mesh may be one that could not be read.
        reading.diagnostics.retain_mut(|d| !is_no_mesh(d));
    }
    diagnostics.append(reading.diagnostics);
    sources.sort();

    mapped::put(&mut reading.mesh, &mut reading.origins, &project, &tree);
    let tls = certificates::read(&root, &reading.mesh, options.now);
    let mut loaded = Loaded {
        root,
        project,
        files,
        sources,
        env: options.env.clone(),
        overlay,
        mesh: reading.mesh,
        origins: reading.origins,
        broken: reading.broken,
        tls,
        incomplete,
        diagnostics,
    };
    check(&mut loaded);
    loaded.project.lints.apply(&mut loaded.diagnostics);
    suppressions.apply(&mut loaded.diagnostics, day(options.now));
    Ok(loaded)
}

/// The day of a moment in UTC, so that a suppression ends on the same day everywhere.
fn day(seconds: i64) -> Date {
    let day = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(TimeZone::UTC).date();
    Date {
        year: u16::try_from(day.year()).unwrap_or_default(),
        month: day.month().unsigned_abs(),
        day: day.day().unsigned_abs(),
    }
}

/// Where the first resource stands that is one too many, files in their order.
fn beyond<'a>(trees: impl Iterator<Item = &'a Node>, most: usize) -> Option<Loc> {
    const KINDS: [&str; 4] =
        ["virtual_node", "virtual_service", "virtual_router", "virtual_gateway"];
    fn table(node: &Node) -> Option<&Entries> {
        match &node.value {
            Value::Table(table) => Some(&table.entries),
            _ => None,
        }
    }
    let kinds = trees.filter_map(table);
    let kinds = kinds.flat_map(|file| KINDS.iter().filter_map(|kind| file.get(kind)));
    let resources = kinds.filter_map(|kind| table(&kind.node)).flatten();
    let mut all = resources.flat_map(|(_, resource)| {
        let routes = table(&resource.node).and_then(|fields| fields.get("routes"));
        let routes = routes.map_or(&[][..], |routes| match &routes.node.value {
            Value::Array(routes) => routes.as_slice(),
            _ => &[],
        });
        iter::once(resource.key).chain(routes.iter().map(|route| route.loc))
    });
    all.nth(most)
}

/// The most proxies whose resources a check measures: those that read the most.
const MEASURED: usize = 32;

/// Runs the checks that need the whole mesh.
fn check(loaded: &mut Loaded) {
    // A key that was not understood may be the one that a rule would miss.
    let mistaken = loaded.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let mistaken = mistaken.filter_map(|d| d.address.as_ref()?.parse().ok());
    loaded.broken.extend(mistaken.collect::<Vec<Address>>());
    let graph = Graph::new(&loaded.mesh);
    let project = &loaded.project;
    let mapped = project.certificates.keys().chain(project.authorities.keys());
    let certificates: BTreeSet<String> = mapped.cloned().collect();
    let found = rules::check(&rules::Ctx {
        incomplete: loaded.incomplete,
        mesh: &loaded.mesh,
        origins: &loaded.origins,
        graph: &graph,
        broken: &loaded.broken,
        certificates: &certificates,
        sds: project.envoy.sds_socket.is_some(),
        registry: project.targets.values().any(|target| target.server.is_some()),
        tls: &loaded.tls,
    });
    loaded.diagnostics.append(found);
    let settings = project.settings("");
    let limit = settings.regex_max_program_size;
    loaded.diagnostics.append(envoy::limits::check(&loaded.mesh, &loaded.origins, limit));
    // What has mistakes cannot be compiled.
    if !loaded.diagnostics.has_errors() {
        let (mesh, origins) = (&loaded.mesh, &loaded.origins);
        let all = compile::proxies(mesh);
        let found = compile::oversized(mesh, &settings, origins, all.iter(), MEASURED);
        loaded.diagnostics.append(found);
    }
}

/// Whether a folder is a project.
pub fn is_project(dir: &Path) -> bool {
    dir.join(PROJECT_FILE).is_file()
}
