//! The `validate.rules` of a message type, read from the descriptors once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use prost_reflect::{DynamicMessage, FieldDescriptor, MessageDescriptor, OneofDescriptor, Value};
use regex::Regex;

use crate::pool;

/// The rules of one message type.
#[derive(Debug, Default)]
pub(crate) struct MessageRules {
    /// Fields that have rules, by number.
    pub fields: HashMap<u32, (FieldDescriptor, FieldRules)>,
    /// Oneofs of which a member must be set.
    pub oneofs: Vec<OneofDescriptor>,
}

/// The rules of one field, list item, map key or map value.
#[derive(Debug, Default)]
pub(crate) struct FieldRules {
    /// The message of `validate.FieldRules` in use, such as `string`.
    pub kind: String,
    /// Rule name and argument.
    pub rules: Vec<(String, Value)>,
    /// `required`, of a message, duration, timestamp or Any.
    pub required: bool,
    /// Do not look into the message.
    pub skip: bool,
    /// Check nothing when the value is the default.
    pub ignore_empty: bool,
    /// `well_known_regex` in its strict form.
    pub strict: bool,
    /// The compiled `pattern`.
    pub pattern: Option<Regex>,
    /// Rules of list items.
    pub items: Option<Box<FieldRules>>,
    /// Rules of map keys.
    pub keys: Option<Box<FieldRules>>,
    /// Rules of map values.
    pub values: Option<Box<FieldRules>>,
}

/// The rules of a message type.
pub(crate) fn rules_of(descriptor: &MessageDescriptor) -> Arc<MessageRules> {
    // Reading the options of a field decodes them each time, which is too slow to do per message.
    static CACHE: Mutex<Option<HashMap<String, Arc<MessageRules>>>> = Mutex::new(None);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let cache = cache.get_or_insert_default();
    if let Some(rules) = cache.get(descriptor.full_name()) {
        return Arc::clone(rules);
    }
    let rules = Arc::new(read(descriptor));
    cache.insert(descriptor.full_name().to_owned(), Arc::clone(&rules));
    rules
}

fn read(descriptor: &MessageDescriptor) -> MessageRules {
    let mut out = MessageRules::default();
    let pool = pool::pool();
    let (Some(rules), Some(required)) = (
        pool.get_extension_by_name("validate.rules"),
        pool.get_extension_by_name("validate.required"),
    ) else {
        return out;
    };
    for field in descriptor.fields() {
        let options = field.options();
        if options.has_extension(&rules)
            && let Some(rules) = options.get_extension(&rules).as_message()
        {
            out.fields.insert(field.number(), (field, field_rules(rules)));
        }
    }
    out.oneofs = descriptor
        .oneofs()
        .filter(|oneof| oneof.options().get_extension(&required).as_bool() == Some(true))
        .collect();
    out
}

/// Reads a `validate.FieldRules`.
fn field_rules(message: &DynamicMessage) -> FieldRules {
    let mut out = FieldRules { strict: true, ..FieldRules::default() };
    for (group, rules) in message.fields() {
        let Some(rules) = rules.as_message() else { continue };
        // `message` can stand beside another group, which then says what the kind is.
        if out.kind.is_empty() || group.name() != "message" {
            out.kind = group.name().to_owned();
        }
        for (rule, argument) in rules.fields() {
            let flag = argument.as_bool().unwrap_or_default();
            let nested = || argument.as_message().map(|rules| Box::new(field_rules(rules)));
            match rule.name() {
                "required" => out.required |= flag,
                "skip" => out.skip = flag,
                "ignore_empty" => out.ignore_empty = flag,
                "strict" => out.strict = flag,
                "items" => out.items = nested(),
                "keys" => out.keys = nested(),
                "values" => out.values = nested(),
                name => {
                    if name == "pattern" {
                        out.pattern = argument.as_str().and_then(|pattern| {
                            // Envoy asks RE2 for a match of the whole value.
                            Regex::new(&format!(r"\A(?:{pattern})\z")).ok()
                        });
                    }
                    out.rules.push((name.to_owned(), argument.clone()));
                }
            }
        }
    }
    out
}
