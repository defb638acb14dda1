//! `import`: App Mesh definitions in any of their formats become a project.

use super::{
    Context, Exit, Failure, Format, import_prove, import_values as values,
    import_written as written,
};
use crate::diag::Severity;
use crate::diag::shell::word;
use crate::import::{self, Options};
use crate::load::{self, PROJECT_FILE};
use crate::model::Kind;
use crate::report::{diagnostics, import as report};
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Turn App Mesh definitions into a project
///
/// Sources are files and folders: a state of Terraform (terraform state pull), what `terraform show
/// -json` prints, HCL, API JSON of the AWS CLI and SDKs, CloudFormation templates, Kubernetes resources
/// of appmesh.k8s.aws, and Envoy's config_dump of an App Mesh proxy. Their content says what they are.
/// Without -o the definitions go to stdout.
///
/// The report lists everything that does not become TOML, with its file and line. The command exits
/// with 4 and writes nothing if something would be lost and --allow-loss is not given.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files and folders to import; `-` is stdin
    #[arg(required = true)]
    sources: Vec<PathBuf>,

    /// The folder of the new project; if it has a project, the differences are printed instead
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// The format of the sources; detected from their content by default
    #[arg(long, value_name = "FORMAT", value_enum)]
    from: Option<SourceFormat>,

    /// The name of what FILE defines, where FILE holds only a spec; FILE is a path or the end of one, and
    /// the name of a route may be ROUTER/ROUTE or GATEWAY/ROUTE
    #[arg(long = "name", value_name = "FILE=NAME")]
    names: Vec<String>,

    #[command(flatten)]
    how: How,
}

/// How sources are read: `init --from` takes the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Source options")]
pub(super) struct How {
    /// A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one
    /// file, named by its path or the end of it
    #[arg(long = "var", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    vars: Vec<String>,

    /// A TOML file of such values, lists and tables among them; if it does not exist, it is written with all
    /// values that the sources need, as comments
    #[arg(long, value_name = "FILE")]
    values: Option<PathBuf>,

    /// Names of what files define; `init` has another `--name`.
    #[arg(skip)]
    names: Vec<String>,

    /// The Kubernetes namespace of objects that name none [default: default]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    /// Files of folders to leave out: a path below the folder or a file name, with `*` and `**`
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// What a file defines that holds only a spec
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Option<SpecKind>,

    /// The mesh's name, or which of several to import
    #[arg(long, value_name = "NAME")]
    mesh: Option<String>,

    /// Which of several definitions of one resource counts
    #[arg(long = "override", value_name = "WHICH", value_enum, ignore_case = true)]
    which: Option<Which>,

    /// Compare the definitions with the config_dumps among the sources: print `equal routing`, or what
    /// differs; exit with 4 unless all was compared and is equal
    #[arg(long)]
    prove: bool,

    /// Continue even if something in the sources is lost
    #[arg(long)]
    allow_loss: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SourceFormat {
    /// JSON of App Mesh's API
    Api,
    /// CloudFormation templates
    #[value(name = "cloudformation")]
    CloudFormation,
    /// Kubernetes resources
    Kubernetes,
    /// `terraform show -json`, a state file, or HCL
    Terraform,
    /// Envoy's config_dump, as far as it tells
    ConfigDump,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SpecKind {
    Mesh,
    VirtualNode,
    VirtualRouter,
    Route,
    VirtualService,
    VirtualGateway,
    GatewayRoute,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The one that is read later
    Later,
}

impl How {
    /// The same, with the mesh's name.
    pub(super) fn named(&self, name: Option<&str>) -> Self {
        let mesh = name.map(str::to_owned).or_else(|| self.mesh.clone());
        Self { mesh, ..self.clone() }
    }

    fn options(
        &self,
        from: Option<SourceFormat>,
        values: &values::Values,
    ) -> Result<Options, Failure> {
        let pairs = |all: &[String], form: &str, names_files: bool| {
            let mut pairs = BTreeMap::new();
            for given in all {
                // A path may hold `=`, and a name of App Mesh never does.
                let split =
                    if names_files { given.rsplit_once('=') } else { given.split_once('=') };
                let Some((name, value)) = split else {
                    return Err(Failure::new(Exit::Usage, format!("`{given}` gives no value"))
                        .hint(format!("write {form}")));
                };
                pairs.insert(name.to_owned(), value.to_owned());
            }
            Ok(pairs)
        };
        // What is given on the command line counts more than what a file says.
        let mut vars = values.vars.clone();
        let mut structured = values.structured.clone();
        for (name, value) in pairs(&self.vars, "--var NAME=VALUE", false)? {
            structured.remove(&name);
            vars.insert(name, value);
        }
        let names = pairs(&self.names, "--name FILE=NAME", true)?;
        let empty = names.iter().find(|(_, name)| name.split('/').any(str::is_empty));
        if let Some((file, _)) = empty {
            return Err(Failure::new(Exit::Usage, format!("--name gives no name to `{file}`"))
                .hint("write --name FILE=NAME"));
        }
        if names.len() < self.names.len() {
            let mut files: Vec<&str> =
                self.names.iter().filter_map(|given| Some(given.rsplit_once('=')?.0)).collect();
            files.sort_unstable();
            let twice = files.windows(2).find(|pair| pair[0] == pair[1]).map_or("", |pair| pair[0]);
            return Err(Failure::new(Exit::Usage, format!("--name names `{twice}` twice"))
                .hint("give each file one name"));
        }
        Ok(Options {
            vars,
            structured,
            names,
            namespace: self.namespace.clone(),
            from: from.map(|format| match format {
                SourceFormat::Api => import::Format::Api,
                SourceFormat::CloudFormation => import::Format::CloudFormation,
                SourceFormat::ConfigDump => import::Format::ConfigDump,
                SourceFormat::Terraform => import::Format::Terraform,
                SourceFormat::Kubernetes => import::Format::Kubernetes,
            }),
            kind: self.kind.map(|kind| match kind {
                SpecKind::Mesh => Kind::Mesh,
                SpecKind::VirtualNode => Kind::VirtualNode,
                SpecKind::VirtualRouter => Kind::VirtualRouter,
                SpecKind::Route => Kind::Route,
                SpecKind::VirtualService => Kind::VirtualService,
                SpecKind::VirtualGateway => Kind::VirtualGateway,
                SpecKind::GatewayRoute => Kind::GatewayRoute,
            }),
            later: self.which == Some(Which::Later),
            mesh: self.mesh.clone(),
            dumps_aside: self.prove,
        })
    }
}

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Exit, Failure> {
    let how = How { names: args.names.clone(), ..args.how.clone() };
    import_to(context, &args.sources, args.out.as_deref(), args.from, &how)
}

/// Imports sources into a folder, or to stdout.
pub(super) fn import_to(
    context: &Context,
    paths: &[PathBuf],
    out: Option<&Path>,
    from: Option<SourceFormat>,
    how: &How,
) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let based = |path: &Path| match &context.global.directory {
        Some(outer) if path != Path::new("-") => outer.join(path),
        _ => path.to_path_buf(),
    };
    let paths: Vec<PathBuf> = paths.iter().map(|path| based(path)).collect();
    let values_file = how.values.as_deref().map(&based);
    let values = values_file.as_deref().map(values::read).transpose()?.flatten();
    let template = values_file.as_deref().filter(|_| values.is_none());
    let values = values.unwrap_or_default();
    let options = how.options(from, &values)?;
    let exclude = load::Exclude::new(&how.exclude).map_err(|error| {
        Failure::new(Exit::Usage, "--exclude is no pattern of files").cause(error)
    })?;
    let sources = load::read_sources(&paths, &exclude).map_err(|(path, error)| {
        Failure::new(Exit::Failed, format!("cannot read {}", path.display()))
            .cause(error.to_string())
    })?;
    let imported = import::import(sources, &options);
    let found = imported.diagnostics.clone().sorted();
    let ui = &context.ui;
    let broken = found.iter().any(|d| d.severity == Severity::Error);
    let refused = imported.losses() > 0 && !how.allow_loss;
    if let Some(why) = imported.differs.as_ref().filter(|_| !broken && !refused) {
        return Err(Failure::new(
            Exit::Failed,
            "the TOML would not say what the sources say; nothing was written",
        )
        .cause(why.clone())
        .hint("this is a fault of meshctl; please report it with the sources"));
    }
    let proof = match how.prove && !broken && !refused {
        true => Some(import_prove::prove(context, &options, &imported)?),
        false => None,
    };
    let differs = proof.as_ref().is_some_and(|proof| !proof.equal) && !how.allow_loss;
    let dir = out.map(&based).filter(|_| !broken && !refused && !differs);
    let existing = dir.as_ref().is_some_and(|dir| dir.join(PROJECT_FILE).exists());
    if let Some(dir) = dir.as_ref().filter(|_| !existing) {
        written::write(dir, &imported)?;
    }
    if format == Format::Json {
        let shown = dir.as_ref().filter(|_| !existing).map(|dir| dir.display().to_string());
        ui.result(&report::document(&imported, shown.as_deref()));
    }
    ui.words(&diagnostics::render(&found, &imported.files, ui.color_err(), ui.width()));
    let words = report::text(&imported, ui.verbose() > 0, ui.color_err());
    match (format, out) {
        (Format::Text, Some(_)) => {
            ui.result(&report::text(&imported, ui.verbose() > 0, ui.color_out()));
        }
        (Format::Text, None) => ui.words(&words),
        _ => {}
    }
    // A table of values is used if anything in it is.
    let all = imported.unused.iter().filter_map(|flag| flag.strip_prefix("--var "));
    let unused: BTreeSet<&str> = all.collect();
    let is_used = |table: &str| {
        let mut own = values.vars.keys().filter(|name| values.table_of(name) == Some(table));
        own.any(|name| !unused.contains(name.as_str()))
    };
    for flag in &imported.unused {
        let name = flag.strip_prefix("--var ").unwrap_or_default();
        if values.table_of(name).is_some_and(|table| is_used(table) || table != name) {
            continue;
        }
        ui.warning(&format!("{flag} is not used by any source"));
    }
    if let Some(path) = template.filter(|_| !imported.missing.is_empty()) {
        values::write(path, &imported)?;
        let count = imported.missing.len();
        ui.status(&format!(
            "Wrote the {count} values that the sources need to {}.",
            path.display()
        ));
    }
    if broken {
        ui.status("The sources have errors; nothing was imported.");
        return Ok(Exit::Findings);
    }
    if refused {
        let losses = imported.losses();
        let noun = if losses == 1 { "thing" } else { "things" };
        ui.status(&format!("{losses} {noun} would be lost; nothing was written."));
        let unnamed = |entry: &&import::Entry| {
            entry.reason == import::Reason::Unresolved && entry.field == "meshName"
        };
        let lost = imported.report.iter().filter(|entry| entry.reason.is_loss());
        ui.hint(match lost.clone().count() == lost.filter(unnamed).count() {
            true => "give the name of the mesh with --mesh NAME, or go on with --allow-loss",
            false => {
                "give values with --var NAME=VALUE or --values FILE, or go on with --allow-loss"
            }
        });
        return Ok(Exit::Refused);
    }
    if let Some(proof) = &proof {
        ui.words(&proof.words);
    }
    if differs {
        ui.status(
            "The definitions are not proven to route as the proxies did; nothing was written.",
        );
        ui.hint("correct the sources, or go on with --allow-loss");
        return Ok(Exit::Refused);
    }
    if let Some(dir) = dir.as_ref().filter(|_| existing) {
        return written::compare(context, dir, &imported);
    }
    match &dir {
        Some(dir) => {
            let mesh = &imported.mesh;
            let count = |number: usize, word: &str| {
                if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
            };
            ui.status(&format!(
                "Imported {}: {}, {}, {}, {} into {}.",
                mesh.settings.name,
                count(mesh.nodes.len(), "node"),
                count(mesh.services.len(), "service"),
                count(mesh.routers.len(), "router"),
                count(mesh.gateways.len(), "gateway"),
                dir.display(),
            ));
            ui.hint(&format!("next: meshctl -C {} check", word(&dir.display().to_string())));
        }
        None if format == Format::Text => ui.document(&imported.text),
        None => {}
    }
    Ok(Exit::Done)
}
