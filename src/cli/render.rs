//! `render`: the Envoy configuration that the files become, for review and for check-in.

use super::{Context, Exit, Failure, Format};
use crate::compile::{compile, proxies};
use crate::diag::shell::word;
use crate::envoy::{ProxyConfig, ProxyId, ResourceType, files};
use crate::live::private;
use crate::load::Loaded;
use crate::model::Address;
use crate::parallel;
use clap::Args;
use serde_json::json;
use sha2::{Digest, Sha256};
use similar::TextDiff;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Render the Envoy configuration of every proxy
///
/// The bytes are those that a directory target holds: a folder a proxy with lds.yaml, cds.yaml,
/// rds/, eds/ and sds/. The same files give the same bytes on every machine.
#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// The folder to write to; without it everything is printed
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// Write nothing; show how the folder differs, and exit with 2 if it does
    #[arg(long, requires = "output")]
    check: bool,

    /// Only the proxies of this node or gateway, for example `virtual_node/cart`
    #[arg(long, value_name = "ADDR")]
    only: Vec<ProxyId>,

    /// The folder as the proxies will see it: they watch it, and look in its `current`
    #[arg(long, value_name = "DIR", default_value = "/etc/meshctl")]
    root: String,

    /// Also write source-map.json: where in the files each Envoy resource and route comes from
    #[arg(long)]
    source_map: bool,
}

/// The file of the source map.
const SOURCE_MAP: &str = "source-map.json";

pub(super) fn run(context: &Context, args: &RenderArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let loaded = context.load_checked()?;
    let settings = loaded.project.settings(args.root.trim_end_matches('/'));
    let known = proxies(&loaded.mesh);
    if let Some(unknown) = args.only.iter().find(|proxy| !known.contains(proxy)) {
        return Err(Failure::new(Exit::Usage, format!("the mesh has no {unknown}"))
            .hint("meshctl get lists what there is"));
    }
    let wanted: Vec<&ProxyId> =
        known.iter().filter(|p| args.only.is_empty() || args.only.contains(p)).collect();
    let configs = parallel::map(&wanted, |proxy| compile(&loaded.mesh, &settings, proxy));
    let mut rendered: BTreeMap<String, String> = BTreeMap::new();
    for (config, files) in configs.iter().zip(parallel::map(&configs, files)) {
        for (file, text) in files {
            rendered.insert(format!("{}/{file}", config.proxy), text);
        }
    }
    if args.source_map {
        rendered.insert(SOURCE_MAP.to_owned(), source_map(&loaded, &configs));
    }
    let Some(output) = &args.output else {
        print(context, format, &rendered);
        return Ok(Exit::Done);
    };
    if args.check {
        return check(context, format, output, &rendered, args.only.is_empty());
    }
    if let Some(link) = link(output, rendered.keys()) {
        let message = format!("{} is a link, and nothing is written through links", link.display());
        return Err(Failure::new(Exit::Refused, message)
            .hint("name the folder itself with -o, or remove the link"));
    }
    let changed = write(output, &rendered, args.only.is_empty())
        .map_err(|(path, error)| Failure::unwritten(&path, &error))?;
    if format == Format::Json {
        context.ui.result(&document(&rendered));
    }
    context.ui.status(&format!(
        "Rendered {} proxies into {}: {} files, {changed} changed.",
        configs.len(),
        output.display(),
        rendered.len(),
    ));
    Ok(Exit::Done)
}

fn print(context: &Context, format: Format, rendered: &BTreeMap<String, String>) {
    if format == Format::Json {
        context.ui.result(&document(rendered));
        return;
    }
    let mut text = String::new();
    for (path, content) in rendered {
        // A comment on the marker keeps the whole a stream of YAML documents.
        let _ = write!(text, "--- # {path}\n{content}");
    }
    context.ui.document(&text);
}

fn document(rendered: &BTreeMap<String, String>) -> String {
    let files: BTreeMap<&String, String> = rendered
        .iter()
        .map(|(path, text)| {
            let hash = Sha256::digest(text.as_bytes());
            (path, hash.iter().map(|byte| format!("{byte:02x}")).collect())
        })
        .collect();
    let document = json!({
        "format": "meshctl.render",
        "format_version": "1.0",
        "files": files,
    });
    format!("{document:#}\n")
}

/// The folders of rendered proxies below `output`, by the words in their paths.
const KINDS: [&str; 2] = ["virtual_node", "virtual_gateway"];

/// The files below `output` that a rendering may have written: nothing else is ever removed.
fn present(output: &Path) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let names = |dir: &Path| -> io::Result<Vec<String>> {
        match fs::read_dir(dir) {
            Ok(entries) => entries
                .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
                .collect(),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    };
    for kind in KINDS {
        for proxy in names(&output.join(kind))? {
            let folder = format!("{kind}/{proxy}");
            for file in ["lds.yaml", "cds.yaml"] {
                if output.join(&folder).join(file).is_file() {
                    found.insert(format!("{folder}/{file}"));
                }
            }
            for inner in ["rds", "eds", "sds"] {
                for file in names(&output.join(&folder).join(inner))? {
                    if file.ends_with(".yaml") {
                        found.insert(format!("{folder}/{inner}/{file}"));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// A link among the folders of the output, through which files would be written or removed elsewhere.
fn link<'r>(output: &Path, rendered: impl Iterator<Item = &'r String>) -> Option<PathBuf> {
    if let Some(link) = private::link_in(Path::new(""), output) {
        return Some(link);
    }
    let mut folders: BTreeSet<PathBuf> =
        rendered.filter_map(|path| Some(Path::new(path).parent()?.to_owned())).collect();
    for kind in KINDS {
        let entries = fs::read_dir(output.join(kind)).into_iter().flatten().flatten();
        for proxy in entries.map(|entry| Path::new(kind).join(entry.file_name())) {
            folders.extend(["rds", "eds", "sds"].map(|inner| proxy.join(inner)));
        }
    }
    folders.iter().find_map(|folder| private::link_in(output, folder))
}

/// Writes what differs, removes what is left over; gives the number of changed files.
fn write(
    output: &Path,
    rendered: &BTreeMap<String, String>,
    whole: bool,
) -> Result<usize, (PathBuf, io::Error)> {
    let mut changed = 0;
    for (relative, text) in rendered {
        let path = output.join(relative);
        if fs::read(&path).is_ok_and(|now| now == text.as_bytes()) {
            continue;
        }
        changed += 1;
        replace(&path, text).map_err(|error| (path.clone(), error))?;
    }
    if whole {
        for left in present(output).map_err(|error| (output.to_path_buf(), error))? {
            if !rendered.contains_key(&left) {
                changed += 1;
                let path = output.join(&left);
                fs::remove_file(&path).map_err(|error| (path.clone(), error))?;
                // Folders that are now empty go too; those that are not stay, which is no error.
                for folder in path.ancestors().skip(1).take_while(|folder| *folder != output) {
                    if fs::remove_dir(folder).is_err() {
                        break;
                    }
                }
            }
        }
    }
    Ok(changed)
}

/// Writes a file whole: a reader sees the old text or the new one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Temporary files are for their owner only; configuration is for the proxy's user too.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn check(
    context: &Context,
    format: Format,
    output: &Path,
    rendered: &BTreeMap<String, String>,
    whole: bool,
) -> Result<Exit, Failure> {
    let there = present(output).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read {}", output.display()))
            .cause(error.to_string())
    })?;
    let mut paths: BTreeSet<&String> = rendered.keys().collect();
    if whole {
        paths.extend(&there);
    }
    let mut differing = Vec::new();
    for path in paths {
        let now = match fs::read(output.join(path)) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(Failure::new(Exit::Failed, format!("cannot read {path}"))
                    .cause(error.to_string()));
            }
        };
        let wanted = rendered.get(path);
        if now.as_ref() == wanted {
            continue;
        }
        differing.push(path.clone());
        if format == Format::Text {
            let (before, after) = (now.unwrap_or_default(), wanted.cloned().unwrap_or_default());
            let diff = TextDiff::from_lines(&before, &after)
                .unified_diff()
                .context_radius(3)
                .header(&format!("a/{path}"), &format!("b/{path}"))
                .to_string();
            context.ui.document(&diff);
        }
    }
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.render_check",
            "format_version": "1.0",
            "differing": differing,
        });
        context.ui.result(&format!("{document:#}\n"));
    }
    if differing.is_empty() {
        context.ui.status(&format!("{} is in step with the files.", output.display()));
        return Ok(Exit::Done);
    }
    context.ui.status(&format!("{} files of {} differ.", differing.len(), output.display()));
    let output = output.display().to_string();
    context.ui.hint(&format!("meshctl render -o {} writes them", word(&output)));
    Ok(Exit::Differences)
}

/// The names of the routes of a route configuration: they are addresses of the mesh.
fn route_names(value: &serde_json::Value, names: &mut Vec<String>) {
    for host in value["virtual_hosts"].as_array().into_iter().flatten() {
        for route in host["routes"].as_array().into_iter().flatten() {
            names.extend(route["name"].as_str().map(str::to_owned));
        }
    }
}

/// Where each resource comes from, and each route of a route configuration.
fn source_map(loaded: &Loaded, configs: &[ProxyConfig]) -> String {
    let place = |address: &Address, pointer: &str| {
        let mut entry = json!({ "address": address });
        if !pointer.is_empty() {
            entry["pointer"] = json!(pointer);
        }
        if let Some(loc) = loaded.origins.find(address, pointer) {
            let at = loaded.files.start(loc);
            entry["path"] = json!(loaded.files.get(loc.file).path());
            entry["line"] = json!(at.line);
            entry["column"] = json!(at.column);
        }
        entry
    };
    let mut all = Vec::new();
    for config in configs {
        for resource in config.resources.values() {
            let from: Vec<_> =
                resource.origins.iter().map(|(address, pointer)| place(address, pointer)).collect();
            let mut entry = json!({
                "proxy": config.proxy,
                "type": resource.kind,
                "name": resource.name,
                "version": resource.version,
                "from": from,
            });
            if resource.kind == ResourceType::RouteConfiguration {
                let mut names = Vec::new();
                route_names(&(&resource.to_json()).into(), &mut names);
                let routes: Vec<_> = names
                    .iter()
                    .filter_map(|name| Some((name, name.parse::<Address>().ok()?)))
                    .map(|(name, address)| json!({ "name": name, "from": place(&address, "") }))
                    .collect();
                entry["routes"] = json!(routes);
            }
            all.push(entry);
        }
    }
    let document =
        json!({ "format": "meshctl.source_map", "format_version": "1.0", "resources": all });
    format!("{document:#}\n")
}
