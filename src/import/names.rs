//! Legal names: App Mesh took any text of up to 255 characters.

use super::context::Cx;
use super::item::{Item, Named};
use super::report::Reason;
use crate::model::{Kind, NodeName, ServiceName};
use std::collections::{BTreeMap, BTreeSet};

/// The names of all resources, legal here.
pub(super) struct Names {
    legal: BTreeMap<(Kind, String, String), String>,
}

impl Names {
    /// Finds a legal name for every resource, and reports those that change.
    pub(super) fn new(cx: &mut Cx<'_>, items: &[Item]) -> Self {
        let mut legal = BTreeMap::new();
        let mut taken: BTreeSet<(Kind, String, String)> = BTreeSet::new();
        // Names that may stay have the first right to themselves.
        let (good, bad): (Vec<&Item>, Vec<&Item>) =
            items.iter().partition(|item| is_legal(item.kind, &item.name.text));
        for item in good.into_iter().chain(bad) {
            let scope = scope(item.kind, item.parent.as_ref());
            let key = (item.kind, scope.clone(), item.name.text.clone());
            if legal.contains_key(&key) {
                continue;
            }
            let wanted = made_legal(item.kind, &item.name.text);
            let free = (1..)
                .map(|n| match n {
                    1 => wanted.clone(),
                    n => numbered(item.kind, &wanted, n),
                })
                .find(|name| !taken.contains(&(item.kind, scope.clone(), name.clone())));
            let Some(free) = free else { continue };
            if free != item.name.text && item.kind != Kind::Mesh {
                cx.about = Some(super::item::address(item.kind, item.parent.as_ref(), &item.name));
                let message = format!("`{}` is `{free}` here", item.name.text);
                cx.note(Reason::Renamed, item.name.loc, super::item::name_of(item.kind), message);
            }
            taken.insert((item.kind, scope, free.clone()));
            legal.insert(key, free);
        }
        cx.about = None;
        Self { legal }
    }

    /// The legal form of a name, of a resource or of a reference.
    pub(super) fn get(&self, kind: Kind, parent: Option<&Named>, text: &str) -> String {
        let key = (kind, scope(kind, parent), text.to_owned());
        self.legal.get(&key).cloned().unwrap_or_else(|| made_legal(kind, text))
    }
}

/// Names of routes are their router's or gateway's.
fn scope(kind: Kind, parent: Option<&Named>) -> String {
    match kind {
        Kind::Route | Kind::GatewayRoute => parent.map_or_else(String::new, |p| p.text.clone()),
        _ => String::new(),
    }
}

fn is_legal(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::VirtualService => ServiceName::new(text).is_ok(),
        _ => NodeName::new(text).is_ok(),
    }
}

fn numbered(kind: Kind, name: &str, n: usize) -> String {
    match (kind, name.split_once('.')) {
        (Kind::VirtualService, Some((first, rest))) => format!("{first}-{n}.{rest}"),
        _ => format!("{name}-{n}"),
    }
}

/// A legal name that looks like the text.
pub(super) fn made_legal(kind: Kind, text: &str) -> String {
    if is_legal(kind, text) {
        return text.to_owned();
    }
    let legal = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' };
    if kind == Kind::VirtualService {
        let label = |label: &str| {
            let label: String = label.chars().map(legal).take(63).collect();
            label.trim_matches('-').to_owned()
        };
        let labels: Vec<String> = text.split('.').map(label).filter(|l| !l.is_empty()).collect();
        let mut name = labels.join(".");
        name.truncate(253);
        let name = name.trim_end_matches(['.', '-']).to_owned();
        return if name.is_empty() { "unnamed".to_owned() } else { name };
    }
    // Room is left for a number.
    let name: String = text.chars().map(legal).take(120).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name }
}
