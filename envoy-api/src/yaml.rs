//! The YAML writer of [`Json`]: block style, nothing left to a reader's guess.

use crate::Json;
use crate::json::quote;

/// Plain keys that some YAML version reads as something else than a string.
const RESERVED: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "null", "true", "false"];

/// YAML limits a key on the line of its value to 1024 characters; escapes make it longer than its
/// text.
const LONGEST_KEY: usize = 1000;

impl Json {
    /// YAML in block style, with a final newline. Every string is double-quoted, so `n`, `1e3` or
    /// `null` stay strings.
    pub fn to_yaml(&self) -> String {
        let mut out = String::new();
        write_value(self, 0, &mut out);
        out
    }
}

/// Writes a value at the start of a line or after `- `, up to and including its newline.
fn write_value(value: &Json, indent: usize, out: &mut String) {
    match value {
        Json::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                // The first line continues the current one.
                pad(if index == 0 { 0 } else { indent }, out);
                out.push_str("- ");
                write_value(item, indent + 2, out);
            }
        }
        Json::Object(members) if !members.is_empty() => {
            for (index, (key, value)) in members.iter().enumerate() {
                pad(if index == 0 { 0 } else { indent }, out);
                write_key(key, indent, out);
                if is_block(value) {
                    out.push('\n');
                    pad(indent + 2, out);
                } else {
                    out.push(' ');
                }
                write_value(value, indent + 2, out);
            }
        }
        Json::Array(_) => out.push_str("[]\n"),
        Json::Object(_) => out.push_str("{}\n"),
        Json::Null => out.push_str("null\n"),
        Json::Bool(value) => out.push_str(if *value { "true\n" } else { "false\n" }),
        Json::Number(text) => {
            out.push_str(text);
            out.push('\n');
        }
        Json::String(text) => {
            quote(text, out);
            out.push('\n');
        }
    }
}

fn write_key(key: &str, indent: usize, out: &mut String) {
    let mut text = String::new();
    if is_plain_key(key) {
        text.push_str(key)
    } else {
        quote(key, &mut text)
    }
    if text.len() > LONGEST_KEY {
        out.push_str("? ");
        out.push_str(&text);
        out.push('\n');
        pad(indent, out);
    } else {
        out.push_str(&text);
    }
    out.push(':');
}

fn is_plain_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !RESERVED.contains(&key)
}

fn is_block(value: &Json) -> bool {
    match value {
        Json::Array(items) => !items.is_empty(),
        Json::Object(members) => !members.is_empty(),
        _ => false,
    }
}

fn pad(indent: usize, out: &mut String) {
    for _ in 0..indent {
        out.push(' ');
    }
}
