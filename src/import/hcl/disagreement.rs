//! Where files say something else than the state beside them: the files' value is used, and both are reported.

use crate::import::context::Cx;
use crate::import::report::Reason;
use crate::import::tree::{Node, Value};
use crate::span::Loc;

/// Adds an entry for each value that files and state have differently.
pub(super) fn report(cx: &mut Cx<'_>, address: &str, files: &Node, state: Option<&Node>) {
    let Some(state) = state else { return };
    cx.about = None;
    for entry in files.entries() {
        if entry.key == "tags" && state.has("tags_all") && !state.has("tags") {
            continue;
        }
        compared(cx, address, &entry.key, &entry.node, state.get(&entry.key), entry.at);
    }
}

fn compared(
    cx: &mut Cx<'_>,
    address: &str,
    path: &str,
    files: &Node,
    state: Option<&Node>,
    at: Loc,
) {
    match (&files.value, state.map(|state| &state.value)) {
        (Value::Map(own), Some(Value::Map(known))) => {
            for entry in own {
                let other = known.iter().find(|other| other.key == entry.key);
                let other = other.map(|other| &other.node).filter(|node| node.value != Value::Null);
                let path = format!("{path}.{}", entry.key);
                compared(cx, address, &path, &entry.node, other, entry.at);
            }
            // Blocks that only the state has. Single values of its own are defaults.
            for other in known.iter().filter(|other| own.iter().all(|own| own.key != other.key)) {
                if other.node.items().iter().any(|item| !item.entries().is_empty()) {
                    let path = format!("{path}.{}", other.key);
                    say(cx, address, &path, "nothing", &shown(&other.node), at);
                }
            }
        }
        (Value::List(own), Some(Value::List(known))) => {
            // Some blocks have no order: those that are equal are put together first.
            let mut rest: Vec<&Node> = known.iter().collect();
            let mut open = Vec::new();
            for item in own {
                match rest.iter().position(|other| agrees(item, other)) {
                    Some(at) => {
                        rest.remove(at);
                    }
                    None => open.push(item),
                }
            }
            let mut rest = rest.into_iter();
            for item in open {
                compared(cx, address, path, item, rest.next(), item.loc);
            }
            for other in rest {
                say(cx, address, path, "nothing", &shown(other), at);
            }
        }
        // The state writes some lists of one as their item, and what is empty as nothing.
        (Value::List(own), Some(_)) if own.len() == 1 => {
            compared(cx, address, path, &own[0], state, at);
        }
        (_, Some(Value::List(known))) if known.len() == 1 => {
            compared(cx, address, path, files, known.first(), at);
        }
        (_, None) if is_empty(files) => {}
        _ if state.is_some_and(|state| agrees(files, state)) => {}
        _ => {
            let other = state.map_or_else(|| "nothing".to_owned(), shown);
            say(cx, address, path, &shown(files), &other, at);
        }
    }
}

fn say(cx: &mut Cx<'_>, address: &str, path: &str, files: &str, state: &str, at: Loc) {
    let message = format!(
        "the files say {files}, the state beside them says {state}: the value of the files is used"
    );
    cx.note(Reason::Assumed, at, &format!("{address}.{path}"), message);
}

/// Whether all that files say is in the state too, and no block is in the state alone.
fn agrees(files: &Node, state: &Node) -> bool {
    match (&files.value, &state.value) {
        (Value::Null, _) => true,
        (Value::Scalar(own), Value::Scalar(known)) => {
            let number = |text: &str| super::number::Num::parse(text);
            own == known || number(own).is_some_and(|own| number(known) == Some(own))
        }
        (Value::List(own), Value::List(known)) => {
            own.len() == known.len()
                && own.iter().all(|item| known.iter().any(|other| agrees(item, other)))
        }
        (Value::Map(own), Value::Map(known)) => {
            own.iter().all(|entry| match known.iter().find(|other| other.key == entry.key) {
                Some(other) => agrees(&entry.node, &other.node),
                None => is_empty(&entry.node),
            }) && known.iter().all(|other| {
                own.iter().any(|entry| entry.key == other.key)
                    || !other.node.items().iter().any(|item| !item.entries().is_empty())
            })
        }
        (_, Value::Null) => is_empty(files),
        _ => false,
    }
}

/// Whether a value is one that a state leaves out.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Scalar(text) => text.is_empty() || text == "0" || text == "false",
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}

/// A value to be shown, shortened.
fn shown(node: &Node) -> String {
    let whole = match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Scalar(text) => format!("`{text}`"),
        Value::List(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Map(entries) => {
            let filled = entries.iter().filter(|entry| !is_empty(&entry.node));
            let all: Vec<String> =
                filled.map(|entry| format!("{}: {}", entry.key, shown(&entry.node))).collect();
            format!("{{{}}}", all.join(", "))
        }
    };
    match whole.chars().count() > 120 {
        true => whole.chars().take(120).chain("…".chars()).collect(),
        false => whole,
    }
}
