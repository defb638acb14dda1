//! Patches over messages.

use serde_json::{Value, json};

use super::{CLUSTER, HCM, LISTENER, ROUTES, cluster, listener, parse};
use envoy_api::{Error, merge_json, message_to_json};

fn merged(type_url: &str, base: Value, patch: Value) -> Value {
    let any = merge_json(type_url, &parse(type_url, base), &patch).unwrap();
    Value::from(&message_to_json(&any).unwrap())
}

#[test]
fn objects_merge_others_replace_null_removes() {
    let out = merged(
        CLUSTER,
        cluster(),
        json!({
            "connectTimeout": "2s",
            "type": null,
            "circuit_breakers": {"thresholds": [{"max_connections": 7}]},
            "metadata": {"filter_metadata": {"z": null, "w": {"new": 1}, "x": {"k3": {"b": 2}}}},
        }),
    );
    assert_eq!(out["connect_timeout"], json!("2s"));
    assert_eq!(out.get("type"), None);
    assert_eq!(out["circuit_breakers"], json!({"thresholds": [{"max_connections": 7}]}));
    let metadata = &out["metadata"]["filter_metadata"];
    assert_eq!(metadata.get("z"), None);
    assert_eq!(metadata["w"], json!({"new": 1}));
    assert_eq!(metadata["x"]["k3"], json!({"a": [true, null, 1.5, "x"], "b": 2}));
    assert_eq!(out["name"], json!("a"));
}

#[test]
fn a_patch_of_an_any_keeps_its_type_or_starts_afresh() {
    let options = |patch| {
        let patch = json!({"typed_extension_protocol_options": {"one": patch}});
        merged(CLUSTER, cluster(), patch)["typed_extension_protocol_options"]["one"].clone()
    };
    let kept = options(json!({"commonHttpProtocolOptions": {"idle_timeout": "9s"}}));
    assert_eq!(kept["common_http_protocol_options"], json!({"idle_timeout": "9s"}));
    assert!(kept["explicit_http_config"].is_object());
    assert_eq!(
        options(json!({"@type": HCM, "stat_prefix": "x"})),
        json!({"@type": HCM, "stat_prefix": "x"})
    );
}

#[test]
fn setting_a_member_of_a_oneof_replaces_the_other() {
    let base = json!({"virtual_hosts": [{"name": "v"}], "vhds": {"config_source": {"ads": {}}}});
    let out = merged(ROUTES, base, json!({"vhds": {"config_source": {"self": {}}}}));
    assert_eq!(out["vhds"], json!({"config_source": {"self": {}}}));
}

#[test]
fn an_empty_patch_changes_nothing() {
    for (type_url, value) in [(LISTENER, listener()), (CLUSTER, cluster())] {
        let base = parse(type_url, value);
        assert_eq!(merge_json(type_url, &base, &json!({})).unwrap(), base);
        assert_eq!(merge_json(type_url, &base, &json!({"@type": type_url})).unwrap(), base);
    }
}

#[test]
fn the_result_is_parsed_strictly() {
    let base = parse(CLUSTER, cluster());
    let error = merge_json(CLUSTER, &base, &json!({"circuit_breakers": {"threshold": 1}}));
    let Err(Error::Json { path, .. }) = error else { panic!("{error:?}") };
    assert_eq!(path, "circuit_breakers.threshold");
    let other = merge_json(LISTENER, &base, &json!({}));
    assert!(matches!(other, Err(Error::WrongType { .. })), "{other:?}");
    let retyped = merge_json(CLUSTER, &base, &json!({"@type": HCM}));
    assert!(matches!(retyped, Err(Error::WrongType { .. })), "{retyped:?}");
}
