//! Several `config_dump`s of one mesh: each proxy knows a part, and the parts are put together.

use super::context::Cx;
use super::item::{Item, address, same};
use super::report::Reason;
use super::tree::{Node, Value};
use crate::model::Kind;

/// Merges what several dumps say of one resource; `None` if they contradict each other.
pub(super) fn parts(group: &[Item]) -> Option<Item> {
    let (first, rest) = group.split_first()?;
    let mut whole = first.clone();
    for item in rest {
        whole.spec = merged(&whole.spec, &item.spec)?;
    }
    Some(whole)
}

fn merged(a: &Node, b: &Node) -> Option<Node> {
    let value = match (&a.value, &b.value) {
        (Value::Map(one), Value::Map(other)) => {
            let mut entries = one.clone();
            for entry in other {
                match entries.iter_mut().find(|known| known.key == entry.key) {
                    Some(known) => known.node = merged(&known.node, &entry.node)?,
                    None => entries.push(entry.clone()),
                }
            }
            Value::Map(entries)
        }
        (Value::List(one), Value::List(other)) => {
            let mut items = one.clone();
            for item in other {
                match items.iter_mut().find(|known| one_thing(known, item)) {
                    Some(known) => *known = merged(known, item)?,
                    // Lists of targets and the like are known as a whole, or they differ.
                    None if is_part(item) => items.push(item.clone()),
                    None => return None,
                }
            }
            // What one dump says more of a whole list is a contradiction too.
            if items.len() > other.len() && !items.iter().all(is_part) {
                return None;
            }
            Value::List(items)
        }
        _ if same(a, b) => a.value.clone(),
        _ => return None,
    };
    Some(Node { loc: a.loc, value })
}

/// Whether an item of a list is one that a proxy may not know: a listener or a backend.
fn is_part(item: &Node) -> bool {
    item.has("portMapping") || item.has("virtualService")
}

/// Whether two items of lists are about one thing.
fn one_thing(a: &Node, b: &Node) -> bool {
    match (a.get("portMapping"), b.get("portMapping")) {
        (Some(a), Some(b)) => a.text_at("port") == b.text_at("port"),
        _ => same(a, b),
    }
}

/// Takes back what was reported of one dump and another dump tells.
pub(super) fn known_by_others(cx: &mut Cx<'_>, items: &[Item]) {
    let found = |kind: Kind, key: &str| -> Vec<String> {
        let with = items.iter().filter(|item| item.kind == kind && item.spec.get(key).is_some());
        with.map(|item| address(item.kind, None, &item.name)).collect()
    };
    let discovered = found(Kind::VirtualNode, "serviceDiscovery");
    cx.report.retain(|entry| {
        let own = entry.address.as_ref();
        !(entry.reason == Reason::Unsupported
            && entry.field == "service_discovery"
            && own.is_some_and(|own| discovered.contains(own)))
    });
}
