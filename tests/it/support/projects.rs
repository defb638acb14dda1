//! States of a project that the exit-code matrix needs.

use super::sandbox::Sandbox;
use std::fs::{self, File};

/// What must stay open while a case runs, for example a lock.
pub(crate) type Held = Option<File>;

pub(crate) fn mesh(weight: u32) -> String {
    format!(
        r#"[mesh]
name = "m"

[virtual_node.web]
listeners = [{{ port = 8080, protocol = "http" }}]
discovery = {{ dns = "web.internal" }}
backends = ["cart.internal"]

[virtual_node.cart-v1]
listeners = [{{ port = 8080, protocol = "http" }}]
discovery = {{ dns = "cart-v1.internal" }}

[virtual_node.cart-v2]
listeners = [{{ port = 8080, protocol = "http" }}]
discovery = {{ dns = "cart-v2.internal" }}

[virtual_service."cart.internal"]
router = "cart"

[virtual_router.cart]
listeners = [{{ port = 8080, protocol = "http" }}]

[[virtual_router.cart.routes]]
name = "all"
match = {{ prefix = "/" }}
targets = {{ cart-v1 = {weight}, cart-v2 = 1 }}
"#
    )
}

pub(crate) const PROJECT: &str = "[targets.local]\ndirectory = \"live\"\nsettle = \"0s\"\n";

pub(crate) const TEST: &str = r#"[[test]]
name = "the cart is split"
from = "virtual_node/web"
request = "GET http://cart.internal/x"
expect = { targets = { cart-v1 = 1, cart-v2 = 1 } }
"#;

/// No project at all.
pub(crate) fn nothing(_: &Sandbox) -> Held {
    None
}

/// A project that nobody has applied.
pub(crate) fn fresh(sandbox: &Sandbox) -> Held {
    sandbox.write("meshctl.toml", PROJECT);
    sandbox.write("mesh.toml", mesh(1));
    None
}

/// A project with a test that its mesh passes.
pub(crate) fn tested(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("tests/cart.toml", TEST);
    None
}

/// A project with a test that its mesh fails.
pub(crate) fn untrue(sandbox: &Sandbox) -> Held {
    tested(sandbox);
    sandbox.write("mesh.toml", mesh(2));
    None
}

/// A project with a test that is none.
pub(crate) fn senseless(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("tests/cart.toml", TEST.replace("http://", "ftp://"));
    None
}

/// A project whose files have an error.
pub(crate) fn wrong(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("mesh.toml", mesh(1).replace("[\"cart.internal\"]", "[\"nowhere.internal\"]"));
    None
}

/// A project whose files break TOML's grammar.
pub(crate) fn broken(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("mesh.toml", "[mesh\n");
    None
}

/// A project whose files are no text.
pub(crate) fn garbage(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("mesh.toml", b"[mesh\n\xff\x00");
    None
}

/// A project whose files have a warning.
pub(crate) fn doubtful(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("mesh.toml", mesh(1).replace("name = \"m\"", "name = \"m\"\ntags = {}"));
    None
}

/// A project without a target.
pub(crate) fn homeless(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("meshctl.toml", "");
    None
}

/// A project that is applied.
pub(crate) fn applied(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.run(&["apply", "--yes"]).exits(0);
    None
}

/// A project that is applied, then changed.
pub(crate) fn changed(sandbox: &Sandbox) -> Held {
    applied(sandbox);
    sandbox.write("mesh.toml", mesh(2));
    None
}

/// A project that is applied, changed and applied again.
pub(crate) fn twice(sandbox: &Sandbox) -> Held {
    changed(sandbox);
    sandbox.run(&["apply", "--yes"]).exits(0);
    None
}

/// A project that would delete all of a mesh which does not want that.
pub(crate) fn emptied(sandbox: &Sandbox) -> Held {
    applied(sandbox);
    sandbox.write("mesh.toml", "[mesh]\nname = \"m\"\n");
    None
}

/// A target that holds another mesh.
pub(crate) fn renamed(sandbox: &Sandbox) -> Held {
    applied(sandbox);
    sandbox.write("mesh.toml", mesh(1).replace("name = \"m\"", "name = \"other\""));
    None
}

/// A target whose record is damaged.
pub(crate) fn damaged(sandbox: &Sandbox) -> Held {
    applied(sandbox);
    sandbox.write("live/meshctl/head.json", "garbage");
    None
}

/// A target that somebody else is changing.
pub(crate) fn locked(sandbox: &Sandbox) -> Held {
    twice(sandbox);
    sandbox.write("mesh.toml", mesh(3));
    let lock = File::options().write(true).open(sandbox.join("live/meshctl/lock")).unwrap();
    lock.try_lock().unwrap();
    Some(lock)
}

/// A target that expects a proxy, and there is none.
pub(crate) fn lonely(sandbox: &Sandbox) -> Held {
    twice(sandbox);
    sandbox.write("mesh.toml", mesh(3));
    sandbox.write("meshctl.toml", format!("{PROJECT}expect = 1\n"));
    None
}

/// A target whose files were changed by hand.
pub(crate) fn drifted(sandbox: &Sandbox) -> Held {
    applied(sandbox);
    let file = sandbox.join("live/current/virtual_node/web/lds.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("0.0.0.0", "0.0.0.1")).unwrap();
    None
}

/// A saved plan that fits.
pub(crate) fn saved(sandbox: &Sandbox) -> Held {
    changed(sandbox);
    sandbox.run(&["plan", "-o", "saved.json"]).exits(0);
    None
}

/// A saved plan that was overtaken.
pub(crate) fn overtaken(sandbox: &Sandbox) -> Held {
    saved(sandbox);
    sandbox.write("mesh.toml", mesh(5));
    sandbox.run(&["apply", "--yes"]).exits(0);
    None
}

/// A saved plan that was edited.
pub(crate) fn forged(sandbox: &Sandbox) -> Held {
    saved(sandbox);
    let text = fs::read_to_string(sandbox.join("saved.json")).unwrap();
    sandbox.write("saved.json", text.replace("\"weight\": 2", "\"weight\": 7"));
    None
}

/// A saved plan of another target.
pub(crate) fn elsewhere(sandbox: &Sandbox) -> Held {
    saved(sandbox);
    sandbox.write("meshctl.toml", "[targets.prod]\ndirectory = \"prod\"\n");
    None
}

/// A folder of rendered files.
pub(crate) fn rendered(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.run(&["render", "-o", "out"]).exits(0);
    None
}

/// A folder of rendered files of which one has another byte.
pub(crate) fn outdated(sandbox: &Sandbox) -> Held {
    rendered(sandbox);
    let file = sandbox.join("out/virtual_node/web/lds.yaml");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() = b' ';
    fs::write(file, bytes).unwrap();
    None
}

/// A file where a folder is wanted.
pub(crate) fn blocked(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("out", "a file");
    None
}

/// Files that are not formatted.
pub(crate) fn untidy(sandbox: &Sandbox) -> Held {
    fresh(sandbox);
    sandbox.write("mesh.toml", mesh(1).replace("port = 8080", "port   =   8080"));
    None
}

/// Sources of an import: a whole one, one with a variable, and one that is broken.
pub(crate) fn sources(sandbox: &Sandbox) -> Held {
    let node = |host: &str| {
        format!(
            r#"{{ "meshName": "m", "virtualNodeName": "web", "spec": {{
            "listeners": [{{ "portMapping": {{ "port": 8080, "protocol": "http" }} }}],
            "serviceDiscovery": {{ "dns": {{ "hostname": {host} }} }} }} }}"#
        )
    };
    sandbox.write("whole.json", node("\"web.internal\""));
    sandbox.write("variable.json", node("$HOST"));
    sandbox.write("broken.json", &node("")[..60]);
    None
}

pub(crate) const WRONG_DIGEST: &str = "p2-0123456789abcdef0123456789abcdef";

/// A store of a control plane, and a backup of it.
pub(crate) fn stored(sandbox: &Sandbox) -> Held {
    let store = meshctl::store::Embedded::open_or_create(sandbox.join("data")).unwrap();
    store.backup(&sandbox.join("backup")).unwrap();
    None
}

/// A store, and an operator besides.
pub(crate) fn staffed(sandbox: &Sandbox) -> Held {
    stored(sandbox);
    let operators = meshctl::serve::Operators::of(&sandbox.join("data"));
    operators.add("ann", meshctl::serve::Role::Read, |_| Ok(())).unwrap();
    None
}

/// A store that lost its tail.
pub(crate) fn torn(sandbox: &Sandbox) -> Held {
    stored(sandbox);
    let file = File::options().write(true).open(sandbox.join("data/store.redb")).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    None
}

/// A store that a server has open.
pub(crate) fn in_use(sandbox: &Sandbox) -> Held {
    stored(sandbox);
    let lock = File::options().write(true).open(sandbox.join("data/lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    Some(lock)
}
