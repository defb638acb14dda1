//! Listeners: the ports of a gateway, and what connection managers do beside routing.

use super::{Dump, Fields, fields};
use crate::import::tree::Node;
use crate::model::Kind;

/// The connection manager, by its names of all times.
const MANAGERS: [&str; 2] =
    ["envoy.filters.network.http_connection_manager", "envoy.http_connection_manager"];

impl Dump<'_, '_> {
    /// Adds a gateway with its ports, and notes chains of connections, whose services have no name.
    pub(super) fn listeners(&mut self, listeners: &[&Node]) {
        let mut ports = Vec::new();
        for listener in listeners {
            let name = listener.text_at("name").unwrap_or_default();
            let inbound = name.starts_with("lds_ingress_");
            if !inbound && !name.starts_with("lds_egress_") {
                self.of_proxy(|dump| {
                    dump.unread(listener, "listener", "is a listener that App Mesh did not make");
                });
                continue;
            }
            self.of_proxy(|dump| dump.rest(listener, fields::LISTENER));
            if inbound && self.proxy.kind == Kind::VirtualGateway {
                let loc = listener.loc;
                let port = name.rsplit('_').next().unwrap_or_default();
                let bound = listener.at(&["address", "socket_address", "port_value"]);
                if let Some(bound) = bound.filter(|bound| bound.text() != Some(port)) {
                    let message = "is another port than the one that the listener is named after";
                    self.of_proxy(|dump| dump.unread(bound, "address", message));
                }
                let mut mapping = Fields::new(loc);
                mapping.text("port", port).text("protocol", self.spoken(port));
                ports.push(Node::map(loc, vec![("portMapping", mapping.done())]));
            }
            for chain in listener.get("filter_chains").map(Node::items).unwrap_or_default() {
                self.of_proxy(|dump| dump.chain(chain, inbound));
            }
        }
        if self.proxy.kind == Kind::VirtualGateway {
            let (name, loc) = (self.proxy.name.clone(), self.proxy.loc);
            let spec = Node::map(loc, vec![("listeners", Node::list(loc, ports))]);
            self.add(Kind::VirtualGateway, &name, None, &spec);
        }
    }

    fn chain(&mut self, chain: &Node, inbound: bool) {
        self.rest(chain, if inbound { fields::INBOUND_CHAIN } else { fields::OUTBOUND_CHAIN });
        for filter in chain.get("filters").map(Node::items).unwrap_or_default() {
            let name = filter.text_at("name").unwrap_or_default();
            let config = filter.get("typed_config");
            match config {
                Some(config) if MANAGERS.contains(&name) => self.rest(config, fields::MANAGER),
                Some(config) if name.contains("tcp_proxy") && inbound => {
                    self.rest(config, fields::TCP);
                }
                Some(_) if name.contains("tcp_proxy") => {
                    let message = "the name of a tcp service is not in the dump";
                    self.unread(chain, "filter_chains", message);
                }
                _ => {
                    let message = format!("`{name}` is a filter that is not read");
                    self.unread(filter, "filters", &message);
                }
            }
        }
    }
}
