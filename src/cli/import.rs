//! `import`: App Mesh definitions in any of their formats become a project.

use super::{Context, Exit, Failure, Format};
use crate::diag::Severity;
use crate::import::{self, Imported, Options};
use crate::load::{self, PROJECT_FILE};
use crate::model::Kind;
use crate::report::{diagnostics, import as report};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Turn App Mesh definitions into a project
///
/// Sources are files and folders: API JSON of the AWS CLI and SDKs, CloudFormation templates,
/// Kubernetes resources of appmesh.k8s.aws, what `terraform show -json` prints, and Envoy's
/// config_dump of an App Mesh proxy. What they are is told by their content. Without -o the
/// definitions go to stdout.
///
/// Nothing is dropped in silence: what does not become TOML is in the report, with its file and
/// line. Exits with 4, and writes nothing, if something would be lost and --allow-loss is not given.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files and folders to import; `-` is stdin
    #[arg(required = true)]
    sources: Vec<PathBuf>,

    /// The folder of the new project; made if it does not exist
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// The format of the sources; told by their content unless given
    #[arg(long, value_name = "FORMAT", value_enum)]
    from: Option<SourceFormat>,

    #[command(flatten)]
    how: How,
}

/// How sources are read: `init --from` takes the same.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options about sources")]
pub(super) struct How {
    /// A value for a parameter, variable or placeholder of the sources; FILE:NAME=VALUE gives it to one
    /// file (its name without endings)
    #[arg(long = "var", value_name = "NAME=VALUE")]
    vars: Vec<String>,

    /// What a file defines that holds only a spec
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Option<SpecKind>,

    /// The mesh's name, or which of several to import
    #[arg(long, value_name = "NAME")]
    mesh: Option<String>,

    /// Which of several definitions of one resource counts
    #[arg(long = "override", value_name = "WHICH", value_enum, ignore_case = true)]
    which: Option<Which>,

    /// Go on though something of the sources is lost
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
    /// `terraform show -json`, or a state file
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

    fn options(&self, from: Option<SourceFormat>) -> Result<Options, Failure> {
        let mut vars = BTreeMap::new();
        for given in &self.vars {
            let Some((name, value)) = given.split_once('=') else {
                return Err(Failure::new(Exit::Usage, format!("`{given}` gives no value"))
                    .hint("write --var NAME=VALUE"));
            };
            vars.insert(name.to_owned(), value.to_owned());
        }
        Ok(Options {
            vars,
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
        })
    }
}

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<Exit, Failure> {
    import_to(context, &args.sources, args.out.as_deref(), args.from, &args.how)
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
    let options = how.options(from)?;
    let based = |path: &Path| match &context.global.directory {
        Some(outer) if path != Path::new("-") => outer.join(path),
        _ => path.to_path_buf(),
    };
    let paths: Vec<PathBuf> = paths.iter().map(|path| based(path)).collect();
    let sources = load::read_sources(&paths).map_err(|(path, error)| {
        Failure::new(Exit::Failed, format!("cannot read {}", path.display()))
            .cause(error.to_string())
    })?;
    let imported = import::import(sources, &options);
    let found = imported.diagnostics.clone().sorted();
    let ui = &context.ui;
    let broken = found.iter().any(|d| d.severity == Severity::Error);
    let refused = imported.losses() > 0 && !how.allow_loss;
    let dir = out.map(&based).filter(|_| !broken && !refused);
    if let Some(dir) = &dir {
        write(dir, &imported)?;
    }
    if format == Format::Json {
        let shown = dir.as_ref().map(|dir| dir.display().to_string());
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
    for name in &imported.unused {
        ui.warning(&format!("--var {name} is asked for by nothing"));
    }
    if broken {
        ui.status("The sources have errors; nothing was imported.");
        return Ok(Exit::Findings);
    }
    if refused {
        let losses = imported.losses();
        let noun = if losses == 1 { "thing" } else { "things" };
        ui.status(&format!("{losses} {noun} would be lost; nothing was written."));
        ui.hint("give values with --var NAME=VALUE, or go on with --allow-loss");
        return Ok(Exit::Refused);
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
            ui.hint(&format!("next: meshctl -C {} check", dir.display()));
        }
        None if format == Format::Text => ui.result(&imported.text),
        None => {}
    }
    Ok(Exit::Done)
}

/// Writes a new project. Nothing that is there is overwritten.
fn write(dir: &Path, imported: &Imported) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        let failure = Failure::new(Exit::Failed, format!("cannot write {}", path.display()))
            .cause(error.to_string());
        match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                failure.hint("import never overwrites; choose a folder that has no project yet")
            }
            _ => failure,
        }
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    if dir.join(PROJECT_FILE).exists() {
        return Err(failed(&dir.join(PROJECT_FILE), std::io::ErrorKind::AlreadyExists.into()));
    }
    for (name, text) in &imported.project {
        let path = dir.join(name);
        let mut file = fs::File::create_new(&path).map_err(|error| failed(&path, error))?;
        file.write_all(text.as_bytes()).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
