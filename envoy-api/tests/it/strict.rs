//! What strict parsing refuses, and the paths it names.

use serde_json::json;

use super::{CLUSTER, HCM, LISTENER, ROUTES, listener, refused};
use envoy_api::message_from_json;

#[test]
fn unknown_fields_are_named_with_their_path() {
    assert_eq!(
        refused(CLUSTER, json!({"nam": "a"})),
        "nam: unknown field `nam` in envoy.config.cluster.v3.Cluster"
    );
    let mut value = listener();
    value["filter_chains"][0]["filters"][0]["typed_config"]["stat_prefx"] = json!("x");
    assert_eq!(
        refused(LISTENER, value),
        "filter_chains[0].filters[0].typed_config.stat_prefx: unknown field `stat_prefx` in \
         envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    );
}

#[test]
fn unknown_enum_values_and_types_are_refused() {
    let enum_name = "envoy.config.cluster.v3.Cluster.DiscoveryType";
    assert_eq!(
        refused(CLUSTER, json!({"type": "DNS"})),
        format!("type: unknown value \"DNS\" of enum {enum_name}")
    );
    assert_eq!(
        refused(CLUSTER, json!({"type": 77})),
        format!("type: unknown value 77 of enum {enum_name}")
    );
    let options = |any| json!({"typed_extension_protocol_options": {"a.b": any}});
    assert_eq!(
        refused(CLUSTER, options(json!({"@type": "type.googleapis.com/no.Such"}))),
        r#"typed_extension_protocol_options["a.b"]: unknown message type `type.googleapis.com/no.Such`"#
    );
    assert_eq!(
        refused(CLUSTER, options(json!({"a": 1}))),
        r#"typed_extension_protocol_options["a.b"]: `@type` is missing"#
    );
    assert_eq!(refused("no.Such", json!({})), "unknown message type `no.Such`");
    assert!(refused(CLUSTER, json!({"@type": HCM})).starts_with("expected a `"));
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    for (value, message) in [
        (json!({"name": 1}), "name: expected a string, found 1"),
        (json!([]), "expected an object, found a list"),
        (
            json!({"connect_timeout": 5}),
            "connect_timeout: expected a duration such as \"1.5s\", found 5",
        ),
        (
            json!({"connect_timeout": "5"}),
            "connect_timeout: expected a duration such as \"1.5s\", found \"5\"",
        ),
        (
            json!({"max_requests_per_connection": -1}),
            "max_requests_per_connection: expected an unsigned 32-bit integer, found -1",
        ),
        (
            json!({"max_requests_per_connection": 1.5}),
            "max_requests_per_connection: expected an unsigned 32-bit integer, found 1.5",
        ),
        (
            json!({"respect_dns_ttl": "true"}),
            "respect_dns_ttl: expected true or false, found \"true\"",
        ),
        (json!({"health_checks": {}}), "health_checks: expected a list, found an object"),
        (json!({"health_checks": [null]}), "health_checks[0]: expected an object, found null"),
        (
            json!({"altStatName": "a", "alt_stat_name": "b"}),
            "alt_stat_name: field `alt_stat_name` is given twice",
        ),
    ] {
        assert_eq!(refused(CLUSTER, value), message);
    }
}

#[test]
fn two_members_of_a_oneof_are_refused() {
    let route = json!({"virtual_hosts": [{"routes": [{"route": {"cluster": "a", "cluster_header": "b"}}]}]});
    let error = refused(ROUTES, route);
    assert!(error.starts_with("virtual_hosts[0].routes[0].route.cluster"), "{error}");
    assert!(error.contains("only one of"), "{error}");
}

#[test]
fn what_protobuf_json_allows_is_accepted() {
    for value in [
        json!({"connectTimeout": "1s", "max_requests_per_connection": "5", "type": 1}),
        json!({"connect_timeout": null, "name": null}),
        json!({"max_requests_per_connection": 5.0}),
    ] {
        message_from_json(CLUSTER, &value).unwrap();
    }
}
