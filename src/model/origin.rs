//! Where each value of a model was written.

use super::Address;
use crate::span::Loc;
use std::collections::BTreeMap;

/// Places of resources and of the fields in them. Fields are named by JSON pointers into the
/// resource's own JSON, so that a plan's edits, a rule's findings and the source map all ask here.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    places: BTreeMap<Address, BTreeMap<String, Loc>>,
}

impl Origins {
    /// Remembers where a field stands; the empty pointer is the resource itself.
    pub fn set(&mut self, address: &Address, pointer: &str, loc: Loc) {
        match self.places.get_mut(address) {
            Some(fields) => {
                fields.insert(pointer.to_owned(), loc);
            }
            None => {
                let fields = BTreeMap::from([(pointer.to_owned(), loc)]);
                self.places.insert(address.clone(), fields);
            }
        }
    }

    /// Where a field stands, or else the nearest thing around it that stands somewhere.
    pub fn find(&self, address: &Address, pointer: &str) -> Option<Loc> {
        let fields = self.places.get(address)?;
        let mut pointer = pointer;
        loop {
            if let Some(loc) = fields.get(pointer) {
                return Some(*loc);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    /// Where exactly this field stands.
    pub fn exact(&self, address: &Address, pointer: &str) -> Option<Loc> {
        self.places.get(address)?.get(pointer).copied()
    }
}

/// A JSON pointer (RFC 6901) from its parts.
pub fn pointer<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for part in parts {
        text.push('/');
        text.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    text
}
