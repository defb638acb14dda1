//! From App Mesh's shape to the model: one function a structure.
//!
//! The specs were checked by `shape`, so keys and types are right here; what is left to find is
//! what the model does not take.

mod gateway;
mod node;
mod policy;
mod route;

use super::context::Cx;
use super::item::{self, Item, Named};
use super::names::Names;
use super::report::Reason;
use super::tree::Node;
use crate::model::{EgressFilter, IpPreference, Kind, Mesh, Tags, VirtualService};
use crate::span::Loc;
use std::collections::{BTreeMap, BTreeSet};

/// Turns resources into a mesh.
pub(super) struct Converter<'c, 'a> {
    pub(super) cx: &'c mut Cx<'a>,
    pub(super) names: Names,
    pub(super) mesh: Mesh,
    /// ACM certificates that listeners show, with the first place of each.
    pub(super) certificates: BTreeSet<String>,
    /// ACM authorities that are believed.
    pub(super) authorities: BTreeSet<String>,
    /// Comments above routes whose order is not known.
    pub(super) remarks: Vec<super::order::Remark>,
}

impl<'c, 'a> Converter<'c, 'a> {
    /// A converter for these resources.
    pub(super) fn new(cx: &'c mut Cx<'a>, items: &[Item]) -> Self {
        let names = Names::new(cx, items);
        let (certificates, authorities) = (BTreeSet::new(), BTreeSet::new());
        let remarks = Vec::new();
        Self { cx, names, mesh: Mesh::default(), certificates, authorities, remarks }
    }

    /// Adds all resources; routes last, because they go into what they belong to.
    pub(super) fn all(&mut self, items: &[Item]) {
        let (routes, others): (Vec<&Item>, Vec<&Item>) =
            items.iter().partition(|item| matches!(item.kind, Kind::Route | Kind::GatewayRoute));
        for item in others.into_iter().chain(routes) {
            self.cx.about = Some(item::address(item.kind, item.parent.as_ref(), &item.name));
            self.one(item);
        }
        self.cx.about = None;
        self.remarks = super::order::sort(self.cx, &mut self.mesh, items);
    }

    fn one(&mut self, item: &Item) {
        let name = self.names.get(item.kind, item.parent.as_ref(), &item.name.text);
        match item.kind {
            Kind::Mesh => self.settings(item),
            Kind::VirtualNode => self.node(item, name),
            Kind::VirtualService => self.service(item, name),
            Kind::VirtualRouter => self.router(item, name),
            Kind::VirtualGateway => self.gateway(item, name),
            Kind::Route => self.route(item, name),
            Kind::GatewayRoute => self.gateway_route(item, name),
        }
    }

    fn settings(&mut self, item: &Item) {
        self.mesh.settings.egress =
            match item.spec.at(&["egressFilter", "type"]).and_then(Node::text) {
                Some("ALLOW_ALL") => EgressFilter::AllowAll,
                _ => EgressFilter::DropAll,
            };
        self.mesh.settings.ip_preference =
            item.spec.get("serviceDiscovery").and_then(ip_preference);
        self.mesh.settings.tags.clone_from(&item.tags);
        if let Some(owner) = &item.owner {
            self.mesh.settings.owner = Some(owner.clone());
        }
    }

    fn service(&mut self, item: &Item, name: String) {
        let provider = item.spec.get("provider");
        let node = provider.and_then(|node| node.at(&["virtualNode", "virtualNodeName"]));
        let router = provider.and_then(|node| node.at(&["virtualRouter", "virtualRouterName"]));
        let node = node.and_then(|node| self.reference(Kind::VirtualNode, node));
        let router = router.and_then(|node| self.reference(Kind::VirtualRouter, node));
        let service = VirtualService {
            node: node.and_then(|name| name.try_into().ok()),
            router: router.and_then(|name| name.try_into().ok()),
            owner: item.owner.clone(),
            tags: item.tags.clone(),
        };
        if let Ok(name) = name.try_into() {
            self.mesh.services.insert(name, service);
        }
    }

    /// The legal name of what a value names; ARNs are taken too.
    pub(super) fn reference(&mut self, kind: Kind, node: &Node) -> Option<String> {
        let named = Named::of(node)?.last_part();
        Some(self.names.get(kind, None, &named.text))
    }

    /// A text that is not empty, as the language wants all of its texts.
    pub(super) fn text(&mut self, node: &Node, field: &str) -> Option<String> {
        match node.text() {
            Some("") => {
                self.cx.bad_field(node.loc, field, "the text is empty".to_owned());
                None
            }
            text => text.map(str::to_owned),
        }
    }

    /// A count of the model's size.
    pub(super) fn count(&mut self, node: Option<&Node>, field: &str) -> Option<u32> {
        let node = node?;
        match node.int().and_then(|n| u32::try_from(n).ok()) {
            Some(n) => Some(n),
            None => {
                let what = node.text().unwrap_or_default();
                self.cx.bad_field(node.loc, field, format!("{what} is out of range"));
                None
            }
        }
    }

    /// Reports a setting that the model cannot say.
    pub(super) fn unsupported(&mut self, loc: Loc, field: &str, message: impl Into<String>) {
        self.cx.note(Reason::Unsupported, loc, field, message.into());
    }

    /// Keys and values as a table.
    pub(super) fn pairs(&mut self, list: &[Node]) -> BTreeMap<String, String> {
        let text = |item: &Node, key| item.text_at(key).unwrap_or_default().to_owned();
        let mut all = Tags::new();
        for item in list {
            if all.insert(text(item, "key"), text(item, "value")).is_some() {
                self.unsupported(item.loc, "key", "a key stands twice; the last one is kept");
            }
        }
        all
    }
}

/// The preference in a structure that has one.
pub(super) fn ip_preference(node: &Node) -> Option<IpPreference> {
    Some(match node.text_at("ipPreference")? {
        "IPv6_PREFERRED" => IpPreference::Ipv6Preferred,
        "IPv4_PREFERRED" => IpPreference::Ipv4Preferred,
        "IPv6_ONLY" => IpPreference::Ipv6Only,
        _ => IpPreference::Ipv4Only,
    })
}
