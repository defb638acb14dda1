//! Envoy's constraints, checked offline.

use serde_json::{Value, json};

use super::{CLUSTER, LISTENER, ROUTES, cluster, listener, parse};
use envoy_api::{Any, deprecated_fields, unimplemented_rules, validate};

/// The violations as `path rule: message`.
fn violations(type_url: &str, value: Value) -> Vec<String> {
    validate(&parse(type_url, value))
        .into_iter()
        .map(|v| format!("{} {}: {}", v.path, v.rule, v.message))
        .collect()
}

#[test]
fn good_messages_have_none() {
    assert_eq!(violations(LISTENER, listener()), Vec::<String>::new());
    assert_eq!(violations(CLUSTER, cluster()), Vec::<String>::new());
}

#[test]
fn a_connection_manager_needs_a_stat_prefix() {
    // Envoy: `HttpConnectionManagerValidationError.StatPrefix: value length must be at least 1
    // characters`.
    let mut value = listener();
    value["filter_chains"][0]["filters"][0]["typed_config"]["stat_prefix"] = json!("");
    assert_eq!(
        violations(LISTENER, value),
        ["filter_chains[0].filters[0].typed_config.stat_prefix string.min_len: \
          value length must be at least 1 characters"]
    );
}

#[test]
fn names_the_rules_that_are_broken() {
    let base = |patch: Value| {
        let mut value = json!({"name": "a"});
        value.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        violations(CLUSTER, value)
    };
    assert_eq!(
        violations(CLUSTER, json!({})),
        ["name string.min_len: value length must be at least 1 characters"]
    );
    assert_eq!(
        base(json!({"connect_timeout": "0s"})),
        ["connect_timeout duration.gt: value must be greater than 0s"]
    );
    // A rule of a wrapper is a rule of the value in it.
    assert_eq!(
        base(json!({"outlier_detection": {"max_ejection_percent": 101}})),
        [
            "outlier_detection.max_ejection_percent uint32.lte: value must be less than or equal to 100"
        ]
    );
    assert_eq!(
        base(json!({"health_checks": [{"timeout": "1s", "interval": "1s"}]})),
        [
            "health_checks[0].unhealthy_threshold message.required: value is required",
            "health_checks[0].healthy_threshold message.required: value is required",
            "health_checks[0].health_checker oneof.required: value is required",
        ]
    );
    assert_eq!(
        base(json!({"load_assignment": {"cluster_name": "a", "endpoints": [{"priority": 129}]}})),
        [
            "load_assignment.endpoints[0].priority uint32.lte: value must be less than or equal to 128"
        ]
    );
    assert_eq!(
        base(json!({"metadata": {"filter_metadata": {"": {}}}})),
        [
            r#"metadata.filter_metadata[""] string.min_len: value length must be at least 1 characters"#
        ]
    );
}

#[test]
fn checks_headers_items_and_patterns() {
    let route = |patch: Value| {
        let mut host = json!({"name": "v", "domains": ["*"]});
        host.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        violations(ROUTES, json!({"virtual_hosts": [host]}))
    };
    assert_eq!(
        route(json!({"domains": []})),
        ["virtual_hosts[0].domains repeated.min_items: value must contain at least 1 item(s)"]
    );
    assert_eq!(
        route(json!({"request_headers_to_remove": ["a b", "a\nb"]})),
        ["virtual_hosts[0].request_headers_to_remove[1] string.well_known_regex: \
          value is not a valid HTTP header name"]
    );
    assert_eq!(
        route(json!({"request_headers_to_add": [{"header": {"key": "a", "value": "x\ny"}}]})),
        ["virtual_hosts[0].request_headers_to_add[0].header.value string.well_known_regex: \
          value is not a valid HTTP header value"]
    );
    assert_eq!(
        route(
            json!({"routes": [{"match": {"path_separated_prefix": "/a?"}, "route": {"cluster": "c"}}]})
        ),
        [
            r#"virtual_hosts[0].routes[0].match.path_separated_prefix string.pattern: value does not match regex pattern "^[^?#]+[^?#/]$""#
        ]
    );
    assert_eq!(
        route(json!({"routes": [{}]})),
        [
            "virtual_hosts[0].routes[0].match message.required: value is required",
            "virtual_hosts[0].routes[0].action oneof.required: value is required",
        ]
    );
}

#[test]
fn undefined_enum_numbers_are_violations() {
    let cluster = envoy_api::pb::envoy::config::cluster::v3::Cluster {
        name: "a".to_owned(),
        lb_policy: 99,
        ..Default::default()
    };
    let found = validate(&envoy_api::pack(&cluster));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].path.as_str(), found[0].rule.as_str()),
        ("lb_policy", "enum.defined_only")
    );
}

#[test]
fn garbage_and_unknown_types_are_violations_not_panics() {
    let garbage = validate(&Any { type_url: CLUSTER.to_owned(), value: vec![0xff] });
    assert_eq!(garbage[0].rule, "decode");
    let unknown = validate(&Any { type_url: "x/no.Such".to_owned(), value: Vec::new() });
    assert_eq!(unknown[0].rule, "type");
}

#[test]
fn deprecated_fields_are_listed_by_path() {
    let any = parse(
        CLUSTER,
        json!({"name": "a", "dns_lookup_family": "V4_ONLY", "http2_protocol_options": {"max_concurrent_streams": 5}}),
    );
    let found = deprecated_fields(&any);
    assert!(found.contains(&"http2_protocol_options".to_owned()), "{found:?}");
    assert_eq!(deprecated_fields(&parse(CLUSTER, json!({"name": "a"}))), Vec::<String>::new());
}

#[test]
fn every_rule_that_envoy_uses_is_implemented() {
    assert_eq!(unimplemented_rules(), Vec::<String>::new());
}
