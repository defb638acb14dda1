//! MC08xx: nodes without a proxy.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Listener, ListenerPatch, VirtualNode};

/// A key that only a proxy of the node would read.
const KEY_OF_A_PROXY: Code = Code::warning(
    "MC0811",
    "key-of-a-proxy",
    "a key has no effect on a node without a proxy",
    "`proxy = false` says that no proxy of the mesh runs beside the node: callers reach its \
     application directly. Its backends, access log, capture, patches, and of a listener `app`, `address`, \
     `connection_pool` and the patches of its own side configure that proxy. (`tls` of a listener is read: \
     callers use TLS because of it, and the application has to accept it.) Remove the key, or remove \
     `proxy = false`.",
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
        let Listener {
            port: _,
            protocol: _,
            app,
            address,
            connection_pool,
            // Callers probe, eject, wait, use TLS and accept by these.
            health_check: _,
            outlier_detection: _,
            timeout: _,
            tls: _,
            http: _,
            patch: ListenerPatch { filter_chain, http: raw_http, cluster: _, local_cluster },
        } = listener;
        note(app.is_some(), "app");
        note(address.is_some(), "address");
        note(connection_pool.is_some(), "connection_pool");
        note(filter_chain.is_some(), "patch");
        note(raw_http.is_some(), "patch");
        note(local_cluster.is_some(), "patch");
    }
    all
}
