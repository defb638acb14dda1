//! MC08xx: nodes without a proxy.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, VirtualNode};

/// A key that only a proxy of the node would read.
const KEY_OF_A_PROXY: Code = Code::warning(
    "MC0811",
    "key-of-a-proxy",
    "a key has no effect on a node without a proxy",
    "`proxy = false` says that no proxy of the mesh runs beside the node: callers reach its \
     application directly. Its backends, access log, capture, patches, and of a listener `app`, `address`, \
     `tls`, `connection_pool` and the patches of its own side configure that proxy. Remove \
     the key, or remove `proxy = false`.",
);

pub(super) const RULES: &[Rule] = &[Rule(&[&KEY_OF_A_PROXY], keys as Check)];

fn keys(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in ctx.mesh.nodes.iter().filter(|(_, node)| !node.proxy) {
        for (pointer, key) in idle(node) {
            let message = format!("`{key}` has no effect: `{name}` has no proxy");
            found.push(
                ctx.find(&KEY_OF_A_PROXY, &Address::Node(name.clone()), &pointer, message)
                    .help("remove the key, or remove `proxy = false`"),
            );
        }
    }
}

/// The keys that only the node's own proxy would read, with where they are.
fn idle(node: &VirtualNode) -> Vec<(String, &'static str)> {
    let VirtualNode {
        proxy: _,
        listeners,
        discovery: _,
        backends,
        backend_defaults,
        access_log,
        capture,
        patch,
        owner: _,
        tags: _,
    } = node;
    let mut all = Vec::new();
    let mut note = |set: bool, pointer: String, key: &'static str| {
        if set {
            all.push((pointer, key));
        }
    };
    note(!backends.is_empty(), "/backends".to_owned(), "backends");
    note(
        *backend_defaults != Default::default(),
        "/backend_defaults".to_owned(),
        "backend_defaults",
    );
    note(access_log.is_some(), "/access_log".to_owned(), "access_log");
    note(capture.is_some(), "/capture".to_owned(), "capture");
    note(*patch != Default::default(), "/patch".to_owned(), "patch");
    for (at, listener) in listeners.iter().enumerate() {
        let mut note = |set: bool, key: &'static str| note(set, listener_pointer(at, key), key);
        note(listener.app.is_some(), "app");
        note(listener.address.is_some(), "address");
        note(listener.tls.is_some(), "tls");
        note(listener.connection_pool.is_some(), "connection_pool");
        note(listener.patch.filter_chain.is_some(), "patch");
        note(listener.patch.http.is_some(), "patch");
        note(listener.patch.local_cluster.is_some(), "patch");
    }
    all
}
