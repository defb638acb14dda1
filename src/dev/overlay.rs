//! What `dev` changes so that a mesh fits on one host: an ordinary overlay.
//!
//! Each proxy has an address of its own in 127.0.0.0/8, so that every port stays as written:
//!
//! | address | what is there |
//! | --- | --- |
//! | `127.B.0.G` | the gateway with number G |
//! | `127.B.N.1` | the proxy of the node with number N, on the node's own ports |
//! | `127.B.N.2` | the application of that node, on the same ports |
//! | `127.B.N.10` and up | its backends, one address each, on the services' own ports |
//!
//! Nodes, gateways and backends are numbered by name. Capture is explicit and discovery static.

use crate::model::{Backend, Mesh, Port, ServiceName};
use serde_json::Value;
use std::fmt;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// A block of loopback addresses: the second byte of the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(u8);

/// Nodes that one second byte holds.
const NODES: usize = 250;
/// Backends that one node can have.
const BACKENDS: usize = 240;
/// Gateways that a mesh can have here.
const GATEWAYS: usize = 250;

impl Default for Network {
    fn default() -> Self {
        Self(77)
    }
}

impl Network {
    /// The block that starts at `127.B.0.0`; `B` is 1 to 254.
    pub fn new(second: u8) -> Option<Self> {
        (1..=254).contains(&second).then_some(Self(second))
    }

    fn gateway(self, number: usize) -> Option<Ipv4Addr> {
        let last = u8::try_from(number + 1).ok().filter(|_| number < GATEWAYS)?;
        Some(Ipv4Addr::new(127, self.0, 0, last))
    }

    fn node(self, number: usize, last: usize) -> Option<Ipv4Addr> {
        let second = usize::from(self.0) + number / NODES;
        let second = u8::try_from(second).ok().filter(|byte| *byte < u8::MAX)?;
        let third = u8::try_from(number % NODES + 1).ok()?;
        Some(Ipv4Addr::new(127, second, third, u8::try_from(last).ok()?))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "127.{}.0.0", self.0)
    }
}

/// A mesh that is too large for the block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mesh is too large for the loopback addresses of one host")
    }
}

impl std::error::Error for TooLarge {}

/// The overlay for a mesh, as the text of an `env/NAME.toml`.
pub fn overlay(mesh: &Mesh, network: Network) -> Result<String, TooLarge> {
    let mut text = String::from(
        "# How `meshctl dev` runs this mesh on one host: an address of its own for every proxy,\n\
         # static discovery, and local ports instead of redirected packets.\n\n\
         [mesh]\ncapture = \"explicit\"\n",
    );
    for (number, (name, node)) in mesh.nodes.iter().enumerate() {
        let at = |last| network.node(number, last).ok_or(TooLarge);
        let (proxy, app) = (at(1)?, at(2)?);
        let mut lines = String::new();
        if node.capture.is_some() {
            lines.push_str("capture = \"explicit\"\n");
        }
        if !node.listeners.is_empty() {
            let listeners: Vec<String> = node
                .listeners
                .iter()
                .map(|listener| {
                    let port = listener.port;
                    format!(
                        "    {{ port = {port}, address = \"{proxy}\", app = \"{app}:{port}\" }},\n"
                    )
                })
                .collect();
            put(&mut lines, format_args!("discovery = {{ static = [\"{proxy}\"] }}\n"));
            // Without a proxy the application itself listens where its callers look for it.
            if node.proxy {
                put(&mut lines, format_args!("listeners = [\n{}]\n", listeners.concat()));
            }
        }
        if !node.backends.is_empty() {
            if node.backends.len() > BACKENDS {
                return Err(TooLarge);
            }
            let mut backends = String::new();
            for (index, backend) in node.backends.iter().enumerate() {
                let line = backend_line(mesh, backend, at(10 + index)?);
                put(&mut backends, format_args!("    {line},\n"));
            }
            put(&mut lines, format_args!("backends = [\n{backends}]\n"));
        }
        if !lines.is_empty() {
            put(&mut text, format_args!("\n[virtual_node.{name}]\n{lines}"));
        }
    }
    for (number, (name, gateway)) in mesh.gateways.iter().enumerate() {
        let address = network.gateway(number).ok_or(TooLarge)?;
        let listeners: Vec<String> = gateway
            .listeners
            .iter()
            .map(|listener| {
                format!("    {{ port = {}, address = \"{address}\" }},\n", listener.port)
            })
            .collect();
        if !listeners.is_empty() {
            let listeners = listeners.concat();
            put(
                &mut text,
                format_args!("\n[virtual_gateway.{name}]\nlisteners = [\n{listeners}]\n"),
            );
        }
    }
    Ok(text)
}

/// A backend as it was written, with an address for each port of its service.
fn backend_line(mesh: &Mesh, backend: &Backend, address: Ipv4Addr) -> String {
    let mut fields = vec![format!("service = {}", quoted(backend.service.as_str()))];
    match service_ports(mesh, &backend.service).as_slice() {
        [] => {}
        [port] => fields.push(format!("bind = \"{address}:{port}\"")),
        ports => {
            let binds: Vec<String> =
                ports.iter().map(|port| format!("{port} = \"{address}:{port}\"")).collect();
            fields.push(format!("bind = {{ {} }}", binds.join(", ")));
        }
    }
    if let Some(policy) = &backend.client_policy
        && let Ok(json) = serde_json::to_value(policy)
    {
        fields.push(format!("client_policy = {}", inline(&json)));
    }
    format!("{{ {} }}", fields.join(", "))
}

/// The ports that callers of a service use: its router's, or its node's; none without a provider.
pub fn service_ports(mesh: &Mesh, name: &ServiceName) -> Vec<Port> {
    let Some(service) = mesh.services.get(name) else { return Vec::new() };
    if let Some(router) = service.router.as_ref().and_then(|router| mesh.routers.get(router)) {
        return router.listeners.iter().map(|listener| listener.port).collect();
    }
    match service.node.as_ref().and_then(|node| mesh.nodes.get(node)) {
        Some(node) => node.listeners.iter().map(|listener| listener.port).collect(),
        None => Vec::new(),
    }
}

/// A JSON value as TOML on one line. The model's JSON has the keys of the language.
fn inline(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let fields: Vec<String> = map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| format!("{} = {}", quoted_key(key), inline(value)))
                .collect();
            match fields.is_empty() {
                true => "{}".to_owned(),
                false => format!("{{ {} }}", fields.join(", ")),
            }
        }
    }
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn quoted_key(key: &str) -> String {
    toml_edit::Key::new(key).to_string()
}

fn put(text: &mut String, what: fmt::Arguments<'_>) {
    text.write_fmt(what).expect("invariant: writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Severity;
    use crate::resolve::resolve;
    use crate::schema::parse;
    use crate::span::Files;

    const MESH: &str = r#"
[mesh]
name = "shop"

[virtual_node.a]
listeners = [{ port = 80, protocol = "http" }, { port = 90, protocol = "tcp" }]
discovery = { dns = "a.internal" }
capture = "redirect"

[virtual_node.b]
backends = [
    "a.internal",
    { service = "z.internal", client_policy = { tls = { ports = [1], validation = { trust = { file = "ca \"x\".pem" } } } } },
]

[virtual_service."a.internal"]
node = "a"

[virtual_service."z.internal"]

[virtual_gateway.edge]
listeners = [{ port = 8080, protocol = "http" }]
"#;

    fn read(texts: &[&str]) -> Mesh {
        let mut files = Files::default();
        let mut trees: Vec<_> = texts
            .iter()
            .map(|text| {
                let id = files.add("x.toml", *text);
                let (tree, findings) = parse(id, text);
                assert!(!findings.has_errors(), "{text}");
                tree
            })
            .collect();
        let overlays = trees.split_off(1);
        let reading = resolve(trees, overlays);
        let found = reading.diagnostics.sorted();
        assert!(found.iter().all(|d| d.severity < Severity::Error), "{found:?}");
        reading.mesh
    }

    #[test]
    fn the_overlay_is_one_that_can_be_laid_over_the_files() {
        let text = overlay(&read(&[MESH]), Network::default()).unwrap();
        let mesh = read(&[MESH, &text]);
        let a = mesh.nodes.values().next().unwrap();
        assert_eq!(a.listeners[0].app, Some("127.77.1.2:80".parse().unwrap()));
        assert_eq!(a.listeners[1].address, Some("127.77.1.1".parse().unwrap()));
        let b = mesh.nodes.values().nth(1).unwrap();
        let port = |n| Port::new(n).unwrap();
        let bind = &b.backends[0].bind;
        assert_eq!(bind.address(port(90), false), Some("127.77.2.10:90".parse().unwrap()));
        let plain = read(&[MESH]);
        assert_eq!(
            b.backends[1].client_policy,
            plain.nodes.values().nth(1).unwrap().backends[1].client_policy
        );
        let edge = mesh.gateways.values().next().unwrap();
        assert_eq!(edge.listeners[0].address, Some("127.77.0.1".parse().unwrap()));
    }

    #[test]
    fn the_overlay_of_an_overlaid_mesh_is_the_same() {
        let text = overlay(&read(&[MESH]), Network::default()).unwrap();
        let again = overlay(&read(&[MESH, &text]), Network::default()).unwrap();
        assert_eq!(text, again);
    }

    #[test]
    fn many_nodes_spread_over_blocks_until_none_is_left() {
        let network = Network::new(77).unwrap();
        assert_eq!(network.node(250, 1), Some(Ipv4Addr::new(127, 78, 1, 1)));
        assert_eq!(Network::new(254).unwrap().node(250, 1), None);
        assert_eq!(Network::new(0), None);
    }
}
