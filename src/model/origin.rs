//! Where each value of a model was written.

use super::Address;
use crate::span::Loc;
use std::collections::BTreeMap;

/// Places of resources and of the fields in them. Fields are named by JSON pointers into the
/// resource's own JSON, so that a plan's edits, a rule's findings and the source map all ask here.
///
/// A large mesh has a million fields, so their pointers share one text, and a resource's fields
/// are a list that is searched only when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    sections: BTreeMap<Address, Section>,
    fields: Vec<Vec<Field>>,
    pointers: String,
}

/// The fields of one resource, for adding to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section(usize);

#[derive(Clone, Copy, Debug)]
struct Field {
    start: u32,
    length: u32,
    loc: Loc,
}

impl Origins {
    /// Starts, or goes on with, the fields of a resource.
    pub fn section(&mut self, address: &Address) -> Section {
        if let Some(section) = self.sections.get(address) {
            return *section;
        }
        let section = Section(self.fields.len());
        self.fields.push(Vec::new());
        self.sections.insert(address.clone(), section);
        section
    }

    /// Remembers where a field stands; the empty pointer is the resource itself. What is said last
    /// counts.
    pub fn set(&mut self, section: Section, pointer: &str, loc: Loc) {
        let start = self.pointers.len() as u32;
        self.pointers.push_str(pointer);
        self.fields[section.0].push(Field { start, length: pointer.len() as u32, loc });
    }

    /// Takes in the places of other resources.
    pub fn absorb(&mut self, mut other: Self) {
        let (sections, pointers) = (self.fields.len(), self.pointers.len() as u32);
        self.pointers.push_str(&other.pointers);
        for section in other.sections.values_mut() {
            section.0 += sections;
        }
        for field in other.fields.iter_mut().flatten() {
            field.start += pointers;
        }
        self.sections.append(&mut other.sections);
        self.fields.append(&mut other.fields);
    }

    /// Where a field stands, or else the nearest thing around it that stands somewhere.
    pub fn find(&self, address: &Address, pointer: &str) -> Option<Loc> {
        let mut pointer = pointer;
        loop {
            if let Some(loc) = self.exact(address, pointer) {
                return Some(loc);
            }
            pointer = &pointer[..pointer.rfind('/')?];
        }
    }

    /// Where exactly this field stands.
    pub fn exact(&self, address: &Address, pointer: &str) -> Option<Loc> {
        let section = self.sections.get(address)?;
        let text = |field: &Field| {
            let start = field.start as usize;
            &self.pointers[start..start + field.length as usize]
        };
        self.fields[section.0].iter().rev().find(|f| text(f) == pointer).map(|field| field.loc)
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
