//! Plans as documents: reading one means to prove that it is what was written.

use super::{DIGEST_PREFIX, FORMAT, FORMAT_VERSION, Finding, Plan, digest};
use crate::revision::canonical_json;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// The key of a document's checksum.
const CHECKSUM: &str = "checksum";

/// The SHA-256 over the canonical JSON of a document without its checksum. It covers what a digest
/// leaves out: places in files, what else was live, findings, the tool.
pub fn checksum(document: &Value) -> String {
    let text = match document {
        Value::Object(all) if all.contains_key(CHECKSUM) => {
            let mut rest = all.clone();
            rest.remove(CHECKSUM);
            canonical_json(&Value::Object(rest))
        }
        other => canonical_json(other),
    };
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Plan {
    /// Reads a plan of a request. The error says in a sentence why it is none, or not one to be
    /// trusted. What it says of its changes is proven by [`super::verify`] alone.
    pub fn from_json(text: &str) -> Result<Self, String> {
        read(text, false).map(|(plan, _)| plan)
    }

    /// Reads a saved plan, whose checksum covers all of the file, and the document that it stands
    /// in.
    pub fn from_file(text: &str) -> Result<(Self, Value), String> {
        read(text, true)
    }
}

fn read(text: &str, whole: bool) -> Result<(Plan, Value), String> {
    let Unique(document) =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let word = |key: &str| document.get(key).and_then(Value::as_str);
    if word("format") != Some(FORMAT) {
        return Err(format!("its `format` is not \"{FORMAT}\""));
    }
    let version = word("format_version").unwrap_or_default();
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    let planned = word("digest").unwrap_or_default();
    if major(version) != major(FORMAT_VERSION) || planned.starts_with("p1-") {
        return Err(format!(
            "its version is \"{version}\", this meshctl reads \"{FORMAT_VERSION}\"; plan again"
        ));
    }
    let changed = "its digest is not that of its content: it was changed by hand";
    match word(CHECKSUM) {
        Some(found) if found == checksum(&document) => {}
        None if !whole => {}
        Some(_) | None => return Err(changed.to_owned()),
    }
    let plan: Plan = serde_json::from_value(document.clone())
        .map_err(|error| format!("it does not have the form of a plan: {error}"))?;
    if !plan.digest.starts_with(DIGEST_PREFIX) || digest::of(&plan) != plan.digest {
        return Err(changed.to_owned());
    }
    if whole && !says_what_it_is(&plan, &document) {
        return Err("it says otherwise beside the plan than in it: it was changed by hand".into());
    }
    Ok((plan, document))
}

/// Whether what a document says beside its plan, and what the digest does not cover therefore, follows
/// from the plan: its findings are shown, and that it can be applied.
fn says_what_it_is(plan: &Plan, document: &Value) -> bool {
    let flag = |key: &str| document.get(key).and_then(Value::as_bool);
    let errored = flag("errored").unwrap_or(false);
    let shown = document.get("diagnostics").and_then(Value::as_array);
    let shown = shown.map_or(&[][..], Vec::as_slice);
    let word = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let all_shown = plan.findings.iter().all(|found| {
        let Finding { code, message, help } = found;
        shown.iter().any(|item| {
            word(item, "code").as_ref() == Some(code)
                && word(item, "message").as_ref() == Some(message)
                && word(item, "help") == *help
        })
    });
    // A plan with an error is not made.
    let applyable = flag("applyable").is_none_or(|applyable| applyable == plan.is_applyable());
    all_shown && !errored && applyable
}

/// JSON in which no key stands twice: of two, one reader takes the first and another the last.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((key, Unique(value))) = entries.next_entry::<String, Unique>()? {
            if all.contains_key(&key) {
                return Err(de::Error::custom(format!("the key `{key}` stands twice")));
            }
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }
}
