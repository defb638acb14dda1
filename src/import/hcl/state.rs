//! A state of Terraform beside files: what it knows by the addresses of its instances.

use crate::import::terraform::{self, Known};
use crate::import::tree::Node;
use std::collections::BTreeMap;

/// What a state knows, by address: `module.a.aws_x.y[k]`, data sources with `data.` before the type.
#[derive(Default)]
pub(super) struct State<'s> {
    pub(super) all: BTreeMap<String, Known<'s>>,
}

impl<'s> State<'s> {
    /// Adds what a document knows, a state file or what `terraform show -json` printed: what is planned
    /// counts more than what was there before.
    pub(super) fn add(&mut self, node: &'s Node) {
        for known in terraform::instances(node) {
            if !known.deposed && known.attributes.is_some() {
                self.all.entry(known.address.clone()).or_insert(known);
            }
        }
    }

    /// An instance by its address.
    pub(super) fn get(&self, address: &str) -> Option<&Known<'s>> {
        self.all.get(address)
    }

    /// Whether there are instances of a block, or of what a module has, under its address.
    pub(super) fn has_under(&self, block: &str) -> bool {
        let below = |address: &str| {
            address.strip_prefix(block).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        self.all.keys().any(|address| below(address))
    }
}
