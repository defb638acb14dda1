//! The YAML writer: layout, and strings that YAML readers like to misread.

use serde_json::json;

use super::{LISTENER, listener, parse};
use envoy_api::{Json, message_to_json};

fn yaml(value: &serde_json::Value) -> String {
    Json::from(value).to_yaml()
}

#[test]
fn every_string_is_quoted() {
    for text in [
        "n",
        "y",
        "null",
        "1e3",
        "0x1",
        "~",
        "a: b",
        "#x",
        "",
        "- a",
        "2026-01-02",
        "=",
        "\u{e9}\u{1f600}",
    ] {
        assert_eq!(yaml(&json!({"k": text})), format!("k: \"{text}\"\n"));
    }
    assert_eq!(
        yaml(&json!({"k": "a\nb\t\"\\\u{7}\u{7f}\u{85}\u{2028}\u{feff}"})),
        "k: \"a\\nb\\t\\\"\\\\\\u0007\\u007f\\u0085\\u2028\\ufeff\"\n"
    );
}

#[test]
fn keys_are_quoted_where_needed() {
    for key in [
        "n", "y", "yes", "no", "on", "off", "null", "true", "false", "~", "@type", "a.b", "A", "1",
        "", "a b",
    ] {
        assert_eq!(yaml(&json!({key: 1})), format!("\"{key}\": 1\n"));
    }
    assert_eq!(yaml(&json!({"stat_prefix2": 1})), "stat_prefix2: 1\n");
    let long = "k".repeat(1500);
    assert_eq!(yaml(&json!({"a": {long.as_str(): 1}})), format!("a:\n  ? {long}\n  : 1\n"));
}

#[test]
fn blocks_nest() {
    let value = json!({
        "empty": [], "none": {}, "nil": null, "big": 1e300,
        "list": [1, [2, [3]], {"a": {"b": true}, "c": ["d"]}, {}],
    });
    assert_eq!(
        yaml(&value),
        r#"big: 1.0e+300
empty: []
list:
  - 1
  - - 2
    - - 3
  - a:
      b: true
    c:
      - "d"
  - {}
nil: null
none: {}
"#
    );
    assert_eq!(yaml(&json!("x")), "\"x\"\n");
}

#[test]
fn a_message_keeps_its_order() {
    let text = message_to_json(&parse(LISTENER, listener())).unwrap().to_yaml();
    let start = "name: \"in\"\naddress:\n  socket_address:\n    address: \"127.0.0.1\"\n    port_value: 8080\n\
                 filter_chains:\n  - filters:\n      - name: \"http\"\n        typed_config:\n          \"@type\": \"type.";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn pretty_json_is_indented_by_two() {
    let value = Json::from(&json!({"a": [1, {"b": []}], "c": {}}));
    let text = "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n  ],\n  \"c\": {}\n}";
    assert_eq!(value.to_json_pretty(), text);
    assert_eq!(value.to_json(), r#"{"a":[1,{"b":[]}],"c":{}}"#);
    assert_eq!(Json::from(&serde_json::Value::from(&value)), value);
}
