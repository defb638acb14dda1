//! A state of Terraform beside files: what it knows by the addresses of its instances.

use crate::import::item::Named;
use crate::import::tree::Node;
use std::collections::BTreeMap;

/// An instance of a resource in a state.
pub(super) struct Known<'s> {
    /// The type of the resource.
    pub(super) ty: Option<Named>,
    /// Its attributes.
    pub(super) attributes: &'s Node,
    /// The whole instance, for its place.
    pub(super) instance: &'s Node,
    /// Whether it is a data source.
    pub(super) data: bool,
}

/// What a state knows, by address: `module.a.aws_x.y["k"]`, data sources with `data.` before the type.
#[derive(Default)]
pub(super) struct State<'s> {
    pub(super) all: BTreeMap<String, Known<'s>>,
}

impl<'s> State<'s> {
    /// Adds what a document knows: a state file, or what `terraform show -json` printed.
    pub(super) fn add(&mut self, node: &'s Node) {
        for key in ["values", "planned_values", "prior_state"] {
            let root = match key {
                "prior_state" => node.at(&[key, "values", "root_module"]),
                key => node.at(&[key, "root_module"]),
            };
            if let Some(root) = root {
                self.module(root);
            }
        }
        for resource in node.get("resources").map(Node::items).unwrap_or_default() {
            let word = |key| resource.text_at(key).unwrap_or_default();
            let module = resource.text_at("module").map(|m| format!("{m}.")).unwrap_or_default();
            let data = if word("mode") == "data" { "data." } else { "" };
            let ty = resource.get("type").and_then(Named::of);
            for instance in resource.get("instances").map(Node::items).unwrap_or_default() {
                let Some(attributes) = instance.get("attributes") else { continue };
                if instance.has("deposed") {
                    continue;
                }
                let base = format!("{module}{data}{}.{}", word("type"), word("name"));
                let address = match instance.text_at("index_key") {
                    Some(key) => format!("{base}[{key}]"),
                    None => base,
                };
                let (ty, data) = (ty.clone(), !data.is_empty());
                self.all.insert(plain(&address), Known { ty, attributes, instance, data });
            }
        }
    }

    fn module(&mut self, module: &'s Node) {
        for resource in module.get("resources").map(Node::items).unwrap_or_default() {
            if let (Some(address), Some(attributes)) =
                (resource.text_at("address"), resource.get("values"))
            {
                let ty = resource.get("type").and_then(Named::of);
                let data = resource.text_at("mode") == Some("data");
                let known = Known { ty, attributes, instance: resource, data };
                self.all.entry(plain(address)).or_insert(known);
            }
        }
        for child in module.get("child_modules").map(Node::items).unwrap_or_default() {
            self.module(child);
        }
    }

    /// An instance by its address.
    pub(super) fn get(&self, address: &str) -> Option<&Known<'s>> {
        self.all.get(&plain(address))
    }
}

/// An address without quotes, as addresses are compared and printed here.
pub(super) fn plain(address: &str) -> String {
    address.replace('"', "")
}
