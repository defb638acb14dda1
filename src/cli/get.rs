//! `get`: the resources that a target holds.

use super::{Context, Exit, Failure, Format};
use crate::import;
use crate::model::{Address, Kind, Mesh};
use crate::plan::Places;
use crate::report;
use crate::revision::object;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Show what the target holds: all resources, those of a kind, or one
///
/// With --format appmesh-json, as the inputs of App Mesh's create calls (of the files, with
/// --origin); what App Mesh cannot say is listed on stderr.
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// A kind (`virtual_node`) or an address (`virtual_node/cart`)
    #[arg(value_name = "KIND[/NAME]")]
    what: Option<String>,

    /// Look at this revision rather than the newest
    #[arg(long, value_name = "REV")]
    rev: Option<u64>,

    /// Show the files instead, with overlay: the line that sets each field
    #[arg(long, conflicts_with = "rev")]
    origin: bool,
}

pub(super) fn run(context: &Context, args: &GetArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json, Format::AppmeshJson])?;
    if args.origin {
        return origins(context, args, format);
    }
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    let live = match args.rev {
        Some(revision) => target.at(revision)?,
        None => context.live(&target)?,
    };
    let (kind, address) = wanted(args.what.as_deref())?;
    let found: Vec<(&Address, Value)> = live
        .entries
        .keys()
        .filter(|a| kind.is_none_or(|kind| a.kind() == kind))
        .filter(|a| address.as_ref().is_none_or(|address| *a == address))
        .filter_map(|address| Some((address, object(&live.mesh, address)?)))
        .collect();
    if let Some(address) = &address
        && found.is_empty()
    {
        return Err(Failure::new(Exit::Failed, format!("{} has no {address}", target.id.name))
            .hint("meshctl get lists what there is"));
    }
    if format == Format::AppmeshJson {
        let addresses: BTreeSet<&Address> = found.iter().map(|(address, _)| *address).collect();
        appmesh(context, &live.mesh, &addresses);
        return Ok(Exit::Done);
    }
    if format == Format::Json {
        let resources: Vec<Value> = found
            .iter()
            .map(|(address, object)| {
                let entry = live.entries.get(address);
                json!({
                    "address": address,
                    "kind": address.kind().as_str(),
                    "owner": entry.and_then(|entry| entry.owner.clone()),
                    "protected": entry.is_some_and(|entry| entry.protected),
                    "object": object,
                })
            })
            .collect();
        let document = json!({
            "format": "meshctl.get",
            "format_version": "1.0",
            "target": target.id,
            "mesh": live.mesh.settings.name,
            "revision": live.revision,
            "resources": resources,
        });
        context.ui.result(&format!("{document:#}\n"));
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for (at, object) in &found {
        if address.is_some() {
            let _ = writeln!(text, "{object:#}");
            continue;
        }
        let entry = live.entries.get(at);
        let owner = entry.and_then(|entry| entry.owner.as_deref());
        let notes = [
            owner.map(|owner| format!("owner {owner}")),
            entry.filter(|entry| entry.protected).map(|_| "protected".to_owned()),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        let _ = match notes.is_empty() {
            true => writeln!(text, "{at}"),
            false => writeln!(text, "{at}  {}", notes.join(", ")),
        };
    }
    context.ui.result(&text);
    match live.revision {
        Some(revision) => context.ui.status(&format!(
            "{} of revision {revision} of {}.",
            if found.len() == 1 {
                "1 resource".to_owned()
            } else {
                format!("{} resources", found.len())
            },
            target.id.name
        )),
        None => context.ui.status(&format!("{} holds no revision yet.", target.id.name)),
    }
    Ok(Exit::Done)
}

/// The files' resources with the lines that set them.
fn origins(context: &Context, args: &GetArgs, format: Format) -> Result<Exit, Failure> {
    let loaded = context.load_checked()?;
    let (kind, address) = wanted(args.what.as_deref())?;
    let all = loaded.mesh.addresses();
    let found: Vec<&Address> = all
        .iter()
        .filter(|a| kind.is_none_or(|kind| a.kind() == kind))
        .filter(|a| address.as_ref().is_none_or(|address| *a == address))
        .collect();
    if let Some(address) = &address
        && found.is_empty()
    {
        return Err(Failure::new(Exit::Failed, format!("the files have no {address}"))
            .hint("meshctl get --origin shows what there is"));
    }
    if format == Format::AppmeshJson {
        appmesh(context, &loaded.mesh, &found.into_iter().collect());
        return Ok(Exit::Done);
    }
    let places = Places { origins: &loaded.origins, files: &loaded.files, overlay: loaded.overlay };
    let resources: Vec<_> = found
        .into_iter()
        .filter_map(|address| {
            Some(report::origins::of(address, &object(&loaded.mesh, address)?, &places))
        })
        .collect();
    if format == Format::Json {
        let document = json!({
            "format": "meshctl.origins",
            "format_version": "1.0",
            "mesh": loaded.mesh.settings.name,
            "resources": report::origins::json(&resources),
        });
        context.ui.result(&format!("{document:#}\n"));
    } else {
        context.ui.result(&report::origins::text(&resources, &loaded.files));
    }
    Ok(Exit::Done)
}

/// Resources as the inputs of App Mesh's `create` calls; what App Mesh cannot say goes to stderr.
fn appmesh(context: &Context, mesh: &Mesh, addresses: &BTreeSet<&Address>) {
    let exported = import::export(mesh);
    let resources: Vec<&Value> = exported
        .resources
        .iter()
        .filter(|(address, _)| addresses.contains(address))
        .map(|(_, value)| value)
        .collect();
    context.ui.result(&format!("{:#}\n", json!(resources)));
    for outside in exported.outside.iter().filter(|outside| addresses.contains(&outside.address)) {
        let import::Outside { address, key, message } = outside;
        context.ui.warning(&format!("{address} {key}: {message}"));
    }
}

/// A kind, or an address.
fn wanted(what: Option<&str>) -> Result<(Option<Kind>, Option<Address>), Failure> {
    let Some(what) = what else { return Ok((None, None)) };
    if what != Kind::Mesh.as_str()
        && let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.as_str() == what)
    {
        return Ok((Some(kind), None));
    }
    match what.parse() {
        Ok(address) => Ok((None, Some(address))),
        Err(error) => {
            let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            Err(Failure::new(Exit::Usage, error.to_string())
                .hint(format!("kinds are {}", kinds.join(", "))))
        }
    }
}
