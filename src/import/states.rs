//! What all definitions say together: where routes belong, which state counts, which mesh it is.

use super::context::{Cx, UNSET};
use super::item::{self, Item, Named, address, same};
use super::report::Reason;
use super::{Format, Options, codes, merge};
use crate::diag::Diagnostic;
use crate::diag::shell::word;
use crate::model::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// Finds the router or gateway of routes whose file does not say it.
pub(super) fn place(cx: &mut Cx<'_>, items: &mut Vec<Item>) {
    let names = |items: &[Item], kind: Kind| -> BTreeSet<String> {
        items.iter().filter(|item| item.kind == kind).map(|item| item.name.text.clone()).collect()
    };
    let routers = names(items, Kind::VirtualRouter);
    let gateways = names(items, Kind::VirtualGateway);
    let mut kept = Vec::with_capacity(items.len());
    for mut item in items.drain(..) {
        let (candidates, mark, what) = match item.kind {
            Kind::Route if item.parent.is_none() => (&routers, "-vr", "router"),
            Kind::GatewayRoute if item.parent.is_none() => (&gateways, "-vg", "gateway"),
            _ => {
                kept.push(item);
                continue;
            }
        };
        match belongs(&item.name.text, candidates, mark) {
            Some(parent) => {
                cx.about = Some(address(item.kind, None, &item.name));
                let message =
                    format!("belongs to {what} {parent}, which fits by name or is the only one");
                let field = item::parent_of(item.kind).unwrap_or_default();
                cx.note(Reason::Assumed, item.loc, field, message);
                cx.about = None;
                item.parent = Some(Named { text: parent.clone(), loc: item.loc });
                kept.push(item);
            }
            None => {
                let name = &item.name.text;
                let key = item::parent_of(item.kind).unwrap_or_default();
                cx.report_error(
                    Diagnostic::new(
                        &codes::UNPLACED,
                        item.loc,
                        format!("the {what} of the route `{name}` cannot be told"),
                    )
                    .help(match item.format {
                        Format::Kubernetes => format!(
                            "add \"virtualGatewayRef\" to \"spec\", or import the {what} in the same run"
                        ),
                        _ => format!(
                            "add \"{key}\" beside \"spec\", give --name FILE={}/ROUTE where the file \
                             holds a spec alone, or import the {what} in the same run",
                            what.to_uppercase()
                        ),
                    }),
                );
            }
        }
    }
    *items = kept;
}

/// The candidate whose name fits that of a route, or the only one.
fn belongs<'n>(route: &str, candidates: &'n BTreeSet<String>, mark: &str) -> Option<&'n String> {
    let without = |name: &str, mark: &str| name.replacen(mark, "", 1);
    let start = |name: &str, mark: &str| name.split(mark).next().unwrap_or_default().to_owned();
    let exact: Vec<&String> =
        candidates.iter().filter(|name| without(name, mark) == without(route, "-route")).collect();
    let similar: Vec<&String> =
        candidates.iter().filter(|name| start(name, mark) == start(route, "-route")).collect();
    let all: Vec<&String> = candidates.iter().collect();
    [exact, similar, all].into_iter().find_map(|found| match found.as_slice() {
        [one] => Some(*one),
        _ => None,
    })
}

/// The mesh that an item names.
fn mesh_of(item: &Item) -> Option<&Named> {
    let named = if item.kind == Kind::Mesh { Some(&item.name) } else { item.mesh.as_ref() };
    named.filter(|named| !named.text.is_empty())
}

/// The meshes that items name, each with the first place. `mesh@owner` is the mesh of another account.
fn meshes(items: &[Item]) -> BTreeMap<&str, &Named> {
    let mut names: BTreeMap<&str, &Named> = BTreeMap::new();
    for named in items.iter().filter_map(mesh_of) {
        names.entry(named.text.split('@').next().unwrap_or_default()).or_insert(named);
    }
    names
}

/// Reports a mesh that was asked for and that no source defines, though they define others.
pub(super) fn wanted(cx: &mut Cx<'_>, items: &[Item], options: &Options) {
    let Some(wanted) = &options.mesh else { return };
    let mut names = meshes(items);
    names.retain(|name, _| !name.contains(UNSET));
    let Some((first, named)) = names.iter().next() else { return };
    if names.contains_key(wanted.as_str()) {
        return;
    }
    let all: Vec<String> = names.keys().map(|name| format!("`{name}`")).collect();
    cx.report_error(
        Diagnostic::new(
            &codes::NO_SUCH_MESH,
            named.loc,
            format!("the sources define no mesh `{wanted}`, but {}", all.join(", ")),
        )
        .help(format!("Choose one that they define: --mesh {}", word(first))),
    );
}

/// Keeps the resources of one mesh, and one state of each.
pub(super) fn select(cx: &mut Cx<'_>, items: Vec<Item>, options: &Options) -> Vec<Item> {
    let mut groups: BTreeMap<(Kind, String, String), Vec<Item>> = BTreeMap::new();
    for item in items {
        if let (Some(wanted), Some(mesh)) = (&options.mesh, mesh_of(&item))
            && !mesh.text.starts_with(UNSET)
            && mesh.text.split('@').next() != Some(wanted)
        {
            cx.about = Some(address(item.kind, item.parent.as_ref(), &item.name));
            let message = format!("belongs to the mesh {}", mesh.text);
            cx.note(Reason::Overridden, item.loc, "meshName", message);
            cx.about = None;
            continue;
        }
        let parent = item.parent.as_ref().map(|parent| parent.text.clone());
        let name = if item.kind == Kind::Mesh { String::new() } else { item.name.text.clone() };
        groups.entry((item.kind, parent.unwrap_or_default(), name)).or_default().push(item);
    }
    let mut kept = Vec::new();
    for ((kind, _, _), mut group) in groups {
        if group.len() > 1
            && group.iter().all(|item| item.format == Format::ConfigDump)
            && let Some(whole) = merge::parts(&group)
        {
            kept.push(whole);
            continue;
        }
        let Some(last) = group.pop() else { continue };
        let differ: Vec<&Item> = group
            .iter()
            .filter(|item| !same(&item.spec, &last.spec) || item.tags != last.tags)
            .collect();
        // Meshes of different names are told of elsewhere.
        let names: BTreeSet<&str> = group.iter().map(|item| item.name.text.as_str()).collect();
        let one_mesh = kind != Kind::Mesh
            || names.len() + usize::from(!names.contains(last.name.text.as_str())) == 1;
        let what = address(kind, last.parent.as_ref(), &last.name);
        if let Some(first) = differ.first()
            && one_mesh
        {
            if options.later {
                for item in &differ {
                    cx.about = Some(what.clone());
                    let message = "a later definition is taken".to_owned();
                    cx.note(Reason::Overridden, item.loc, "spec", message);
                }
                cx.about = None;
            } else {
                let mut diagnostic = Diagnostic::new(
                    &codes::CONFLICT,
                    last.name.loc,
                    format!("`{what}` is defined in {} ways", differ.len() + 1),
                )
                .related(first.name.loc, "it is defined differently here")
                .about(&what);
                for item in &differ[1..] {
                    diagnostic = diagnostic.related(item.name.loc, "and here");
                }
                cx.report_error(diagnostic.help(
                    "name the files of one state, or let the later one win: --override later",
                ));
            }
        }
        let mut item = last;
        // A comment at any of the definitions is one about the resource.
        for earlier in &group {
            for line in &earlier.remarks {
                if !item.remarks.contains(line) && !options.later {
                    item.remarks.push(line.clone());
                }
            }
        }
        kept.push(item);
    }
    merge::known_by_others(cx, &kept);
    kept
}

/// The mesh's name: given, or what the sources say.
pub(super) fn mesh_name(cx: &mut Cx<'_>, items: &[Item], options: &Options) -> String {
    if let Some(name) = &options.mesh {
        return name.clone();
    }
    let names = meshes(items);
    let mut all = names.iter();
    match (all.next(), all.next()) {
        (None, _) => {
            if let Some(item) = items.first() {
                let message = "the sources do not name the mesh, `mesh` stands for it: --mesh NAME";
                cx.note(Reason::Unresolved, item.loc, "meshName", message.to_owned());
            }
            "mesh".to_owned()
        }
        (Some((name, named)), None) => {
            let legal = super::names::made_legal(Kind::Mesh, name);
            if legal != *name {
                let message = format!("`{name}` is `{legal}` here");
                cx.note(Reason::Renamed, named.loc, "meshName", message);
            }
            (*name).to_owned()
        }
        (Some((first, one)), Some((second, other))) => {
            cx.report_error(
                Diagnostic::new(
                    &codes::SEVERAL_MESHES,
                    other.loc,
                    format!("the sources define `{first}` and `{second}`"),
                )
                .related(one.loc, format!("`{first}` is named here"))
                .help(format!("Choose one: --mesh {}", word(first))),
            );
            (*first).to_owned()
        }
    }
}

/// The mesh's owner, if the sources agree about it.
pub(super) fn owner(cx: &mut Cx<'_>) -> Option<String> {
    let owners = std::mem::take(&mut cx.mesh_owners);
    let first = owners.first()?;
    if let Some(other) = owners.iter().find(|owner| owner.text != first.text) {
        let message = format!("{} owns the mesh elsewhere", first.text);
        cx.note(Reason::Unsupported, other.loc, "meshOwner", message);
    }
    Some(first.text.clone())
}

/// Reports what a list names and nothing describes.
pub(super) fn missing(cx: &mut Cx<'_>, items: &[Item]) {
    for (kind, name) in std::mem::take(&mut cx.listed) {
        if !items.iter().any(|item| item.kind == kind && item.name.text == name.text) {
            cx.about = Some(address(kind, None, &name));
            let message = "is listed, and no source says what it is like".to_owned();
            cx.note(Reason::Unsupported, name.loc, item::name_of(kind), message);
            cx.about = None;
        }
    }
}
