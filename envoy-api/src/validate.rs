//! Envoy's own constraints (`validate.rules`), checked without an Envoy.

use std::collections::HashSet;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value};
use prost_types::Any;

use crate::checks::{check, is_implemented};
use crate::pool::{self, Shape, child, entry};
use crate::render::map_key;
use crate::rules::{FieldRules, rules_of};

/// A constraint of Envoy's API that a message breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON path, such as `filter_chains[0].filters[0].typed_config.stat_prefix`.
    pub path: String,
    /// The rule, such as `string.min_len`; `decode` for bytes that are not of their type, `type`
    /// for an unknown type.
    pub rule: String,
    /// What Envoy would say, such as `value length must be at least 1 characters`.
    pub message: String,
}

/// All constraints the message breaks, in the order of field declarations; Envoy itself stops at
/// the first.
///
/// Goes into nested `Any`s of types the pinned Envoy has; others are left alone. Rules that no
/// message of the pinned Envoy uses are not implemented: the string forms `email`, `hostname`,
/// `ip`, `ipv4`, `ipv6`, `uri`, `uri_ref`, `address` and `uuid`, the bytes forms `ip`, `ipv4`,
/// `ipv6` and `pattern`, `map.no_sparse`, the timestamp rules `lt_now`, `gt_now` and `within`, and
/// the message options `disabled` and `ignored`. A test fails when a new Envoy uses one.
pub fn validate(any: &Any) -> Vec<Violation> {
    let mut walk = Walk { violations: Vec::new() };
    if pool::is_known_type(&any.type_url) {
        walk.any(&any.type_url, &any.value, "", 0);
    } else {
        walk.add("", "type", format!("unknown message type `{}`", any.type_url));
    }
    walk.violations
}

/// The rules that messages of the pinned Envoy have and [`validate`] does not check, as
/// `message.field: group.rule`. A test keeps this empty.
pub fn unimplemented_rules() -> Vec<String> {
    let mut out = Vec::new();
    for message in pool::pool().all_messages() {
        let rules = rules_of(&message);
        for (field, rules) in rules.fields.values() {
            let mut queue = vec![rules];
            while let Some(rules) = queue.pop() {
                for (name, _) in &rules.rules {
                    // A pattern that this crate's regular expressions cannot take counts too.
                    let compiled = name != "pattern" || rules.pattern.is_some();
                    if !compiled || !is_implemented(&rules.kind, name) {
                        out.push(format!("{}: {}.{name}", field.full_name(), rules.kind));
                    }
                }
                let nested = [&rules.items, &rules.keys, &rules.values];
                queue.extend(nested.into_iter().flatten().map(|rules| &**rules));
            }
        }
    }
    out.sort();
    out
}

struct Walk {
    violations: Vec<Violation>,
}

impl Walk {
    fn add(&mut self, path: &str, rule: &str, message: impl Into<String>) {
        self.violations.push(Violation {
            path: path.to_owned(),
            rule: rule.to_owned(),
            message: message.into(),
        });
    }

    fn any(&mut self, type_url: &str, payload: &[u8], path: &str, depth: usize) {
        match pool::decode(type_url, payload, path) {
            Ok(message) => self.message(&message, path, depth + 1),
            Err(error @ crate::Error::Wire { .. }) => self.add(path, "decode", error.to_string()),
            Err(_) => {}
        }
    }

    fn message(&mut self, message: &DynamicMessage, path: &str, depth: usize) {
        let descriptor = message.descriptor();
        if depth > pool::MAX_DEPTH {
            return self.add(path, "decode", "nested too deeply");
        }
        match pool::shape(&descriptor) {
            Shape::Plain => {}
            Shape::Any => {
                let (type_url, payload) = pool::any_parts(message);
                return self.any(&type_url, &payload, path, depth);
            }
            _ => return,
        }
        let rules = rules_of(&descriptor);
        let mut fields: Vec<_> = descriptor.fields().collect();
        fields.sort_by_key(|field| field.path().last().copied());
        for field in fields {
            let present = message.has_field(&field);
            let rules = rules.fields.get(&field.number()).map(|(_, rules)| rules);
            if present || rules.is_some() {
                let path = child(path, field.name());
                self.field(message, &field, rules.unwrap_or(&FieldRules::default()), &path, depth);
            }
        }
        for oneof in &rules.oneofs {
            if !oneof.fields().any(|field| message.has_field(&field)) {
                self.add(&child(path, oneof.name()), "oneof.required", "value is required");
            }
        }
    }

    fn field(
        &mut self,
        message: &DynamicMessage,
        field: &FieldDescriptor,
        rules: &FieldRules,
        path: &str,
        depth: usize,
    ) {
        if field.supports_presence() && !message.has_field(field) {
            // A member of a oneof is required once it is the member that is set.
            let chosen = field.containing_oneof().is_none_or(|oneof| oneof.is_synthetic());
            if rules.required && chosen {
                let group = if rules.kind.is_empty() { "message" } else { &rules.kind };
                self.add(path, &format!("{group}.required"), "value is required");
            }
            return;
        }
        // Without presence the default is a value like any other: Envoy checks it too.
        let value = message.get_field(field);
        match value.as_ref() {
            Value::List(items) => self.list(items, &field.kind(), rules, path, depth),
            Value::Map(entries) => {
                self.count("map", "pairs", "pair(s)", entries.len(), rules, path);
                let Kind::Message(map) = field.kind() else { return };
                let (key_kind, value_kind) =
                    (map.map_entry_key_field().kind(), map.map_entry_value_field().kind());
                let mut sorted: Vec<_> = entries.iter().collect();
                sorted.sort_by_key(|(key, _)| *key);
                for (key, value) in sorted {
                    let path = entry(path, &map_key(key));
                    let key = Value::from(key.clone());
                    self.item(&key, &key_kind, rules.keys.as_deref(), &path, depth);
                    self.item(value, &value_kind, rules.values.as_deref(), &path, depth);
                }
            }
            single => self.single(single, &field.kind(), rules, path, depth),
        }
    }

    fn list(&mut self, items: &[Value], kind: &Kind, rules: &FieldRules, path: &str, depth: usize) {
        self.count("repeated", "items", "item(s)", items.len(), rules, path);
        if rules.rules.iter().any(|(name, flag)| name == "unique" && flag.as_bool() == Some(true)) {
            let mut seen = HashSet::new();
            if !items.iter().all(|item| seen.insert(format!("{item:?}"))) {
                self.add(path, "repeated.unique", "repeated value must contain unique items");
            }
        }
        for (index, item) in items.iter().enumerate() {
            self.item(item, kind, rules.items.as_deref(), &format!("{path}[{index}]"), depth);
        }
    }

    /// `min_items` and `max_items`, or the same of pairs.
    fn count(
        &mut self,
        group: &str,
        suffix: &str,
        unit: &str,
        count: usize,
        rules: &FieldRules,
        path: &str,
    ) {
        if rules.ignore_empty && count == 0 {
            return;
        }
        for (name, argument) in &rules.rules {
            let limit = argument.as_u64().unwrap_or_default();
            let (ok, words) = match name.strip_suffix(suffix) {
                Some("min_") => (count as u64 >= limit, "at least"),
                Some("max_") => (count as u64 <= limit, "at most"),
                _ => continue,
            };
            if !ok {
                let message = format!("value must contain {words} {limit} {unit}");
                self.add(path, &format!("{group}.{name}"), message);
            }
        }
    }

    fn item(
        &mut self,
        value: &Value,
        kind: &Kind,
        rules: Option<&FieldRules>,
        path: &str,
        depth: usize,
    ) {
        match rules {
            Some(rules) => self.single(value, kind, rules, path, depth),
            None => self.single(value, kind, &FieldRules::default(), path, depth),
        }
    }

    fn single(&mut self, value: &Value, kind: &Kind, rules: &FieldRules, path: &str, depth: usize) {
        let Value::Message(message) = value else {
            return self.report(value, kind, rules, path);
        };
        match pool::shape(&message.descriptor()) {
            // The rules of a wrapper field are those of the value in it.
            Shape::Wrapper => {
                let kind = message.descriptor().get_field(1).map(|field| field.kind());
                if let (Some(inner), Some(kind)) = (message.get_field_by_number(1), kind) {
                    self.report(&inner, &kind, rules, path);
                }
            }
            Shape::Any => {
                let (type_url, _) = pool::any_parts(message);
                self.report(&Value::String(type_url), &Kind::String, rules, path);
                if !rules.skip {
                    self.message(message, path, depth + 1);
                }
            }
            Shape::Plain if rules.skip => {}
            Shape::Plain => self.message(message, path, depth + 1),
            _ => self.report(value, kind, rules, path),
        }
    }

    fn report(&mut self, value: &Value, kind: &Kind, rules: &FieldRules, path: &str) {
        for (rule, message) in check(value, kind, rules) {
            self.add(path, &rule, message);
        }
    }
}
