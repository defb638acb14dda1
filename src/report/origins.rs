//! Where each field of the files was set, for `get --origin`.

use super::plan::{Leaf, cut, leaves, shown};
use crate::model::Address;
use crate::plan::{Place, Places, place_of};
use crate::span::{File, Files};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A resource of the files, and its fields with the lines that set them.
#[derive(Debug)]
pub struct Resource<'a> {
    address: &'a Address,
    fields: Vec<(Leaf, Option<Place>)>,
}

/// Finds the line of every field of a resource. A field that no line names, because it came with
/// a shorthand, has the line of what it came with.
pub fn of<'a>(address: &'a Address, object: &Value, places: &Places<'_>) -> Resource<'a> {
    let said = |leaf: &Leaf| leaf.value.as_object().is_none_or(|map| !map.is_empty());
    let fields = leaves(object).into_iter().filter(said).map(|leaf| {
        let place = place_of(places, address, &leaf.pointer);
        (leaf, place)
    });
    Resource { address, fields: fields.collect() }
}

/// The resources as people read them.
pub fn text(resources: &[Resource<'_>], files: &Files) -> String {
    let mut text = String::new();
    for resource in resources {
        let _ = writeln!(text, "{}", resource.address);
        let lines: Vec<(String, String)> = resource
            .fields
            .iter()
            .map(|(leaf, place)| {
                let place = place.as_ref();
                let place = place.map(|place| shown(Some(files), place, File::shown));
                let place = place.unwrap_or_default();
                (format!("{} = {}", leaf.path, cut(&leaf.value)), place)
            })
            .collect();
        let width = lines.iter().map(|(field, _)| field.chars().count()).max().unwrap_or(0);
        for (field, place) in lines {
            let _ = writeln!(text, "{}", format!("  {field:<width$}  {place}").trim_end());
        }
    }
    text
}

/// The resources as JSON.
pub fn json(resources: &[Resource<'_>]) -> Value {
    resources
        .iter()
        .map(|resource| {
            let fields: Vec<Value> = resource
                .fields
                .iter()
                .map(|(leaf, place)| {
                    json!({ "pointer": leaf.pointer, "value": leaf.value, "origin": place })
                })
                .collect();
            json!({ "address": resource.address, "fields": fields })
        })
        .collect()
}
