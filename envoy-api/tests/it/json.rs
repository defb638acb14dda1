//! Messages to JSON and back: order, determinism, the special forms.

use serde_json::{Value, json};

use super::{CLUSTER, HCM, LISTENER, cluster, listener, parse};
use envoy_api::{Any, Json, any_from_json, any_to_json, canonical, content_hash, message_to_json};

#[test]
fn renders_in_declaration_order_with_the_type_first() {
    let json = message_to_json(&parse(LISTENER, listener())).unwrap().to_json();
    assert!(json.starts_with(r#"{"name":"in","address":{"socket_address":{"#), "{json}");
    // `route_config` has a smaller number than `http_filters`, and both stand before
    // `stream_idle_timeout` (24).
    let at = |text: &str| json.find(text).unwrap();
    assert!(json.contains(&format!(r#""typed_config":{{"@type":"{HCM}","stat_prefix""#)), "{json}");
    assert!(at("route_config") < at("http_filters"), "{json}");
    assert!(at("http_filters") < at("stream_idle_timeout"), "{json}");
}

#[test]
fn json_and_bytes_are_the_same_every_time() {
    let first = parse(CLUSTER, cluster());
    let json = message_to_json(&first).unwrap();
    let hash = content_hash(&first);
    for _ in 0..50 {
        let again = parse(CLUSTER, cluster());
        assert_eq!(again, first);
        assert_eq!(message_to_json(&again).unwrap(), json);
        assert_eq!(content_hash(&again), hash);
    }
    let text = json.to_json();
    let order: Vec<_> =
        [r#""x":"#, r#""y":"#, r#""z":"#, r#""one":"#, r#""two":"#, r#""o":"#, r#""p":"#]
            .iter()
            .map(|key| text.find(key).unwrap())
            .collect();
    let mut metadata = order[..3].to_vec();
    metadata.sort_unstable();
    assert_eq!(metadata, order[..3]);
    assert!(order[3] < order[4] && order[5] < order[6], "{text}");
}

#[test]
fn round_trips() {
    for (type_url, value) in [(LISTENER, listener()), (CLUSTER, cluster())] {
        let any = parse(type_url, value);
        let json = message_to_json(&any).unwrap();
        assert_eq!(parse(type_url, Value::from(&json)), any);
        let whole = any_to_json(&any).unwrap();
        assert_eq!(whole.get("@type"), Some(&Json::String(type_url.to_owned())));
        assert_eq!(any_from_json(&Value::from(&whole)).unwrap(), any);
        // The patch of a user may carry the `@type` of the message itself.
        assert_eq!(parse(type_url, Value::from(&whole)), any);
        assert_eq!(canonical(&any), any.value);
    }
}

#[test]
fn writes_the_special_forms_as_protobuf_json_does() {
    let json = message_to_json(&parse(CLUSTER, cluster())).unwrap();
    let value = Value::from(&json);
    assert_eq!(value["connect_timeout"], json!("1.500s"));
    // A wrapper at its default is set; a field at its default is not there.
    assert_eq!(value["circuit_breakers"]["thresholds"][0], json!({"max_retries": 0}));
    assert_eq!(value["metadata"]["filter_metadata"]["x"]["k3"]["a"], json!([true, null, 1.5, "x"]));
    assert_eq!(
        value["typed_extension_protocol_options"]["two"],
        json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"o": 3, "p": 2, "q": 1}})
    );
    let config = parse(
        "envoy.config.core.v3.ConfigSource",
        json!({"resource_api_version": 2, "initialFetchTimeout": "-0.000001s", "ads": {}}),
    );
    assert_eq!(
        message_to_json(&config).unwrap().to_json(),
        r#"{"ads":{},"initial_fetch_timeout":"-0.000001s","resource_api_version":"V3"}"#
    );
    let zone = parse(
        "envoy.config.core.v3.RuntimeDouble",
        json!({"default_value": 1e300, "runtime_key": "k"}),
    );
    assert_eq!(
        message_to_json(&zone).unwrap().to_json(),
        r#"{"default_value":1.0e+300,"runtime_key":"k"}"#
    );
}

#[test]
fn sixty_four_bit_integers_are_strings() {
    let type_url = "google.protobuf.UInt64Value";
    let any = parse(type_url, json!(18_446_744_073_709_551_615_u64));
    assert_eq!(any, parse(type_url, json!("18446744073709551615")));
    let text = message_to_json(&any).unwrap();
    assert_eq!(text, Json::String("18446744073709551615".to_owned()));
    assert!(envoy_api::message_from_json(type_url, &json!("18446744073709551616")).is_err());
}

#[test]
fn timestamps_round_trip() {
    let type_url = "type.googleapis.com/google.protobuf.Timestamp";
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:34:56.789Z", 951_827_696),
        ("0001-01-01T00:00:00Z", -62_135_596_800),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_799),
    ] {
        let any = parse(type_url, json!(text));
        let stamp: envoy_api::Timestamp = envoy_api::unpack(&any).unwrap();
        assert_eq!(stamp.seconds, seconds);
        assert_eq!(message_to_json(&any).unwrap(), Json::String(text.to_owned()));
    }
    assert_eq!(
        parse(type_url, json!("1970-01-01T01:00:00+01:00")),
        parse(type_url, json!("1970-01-01T00:00:00Z"))
    );
}

#[test]
fn an_unknown_or_broken_nested_any_is_an_error() {
    let mut cluster: envoy_api::pb::envoy::config::cluster::v3::Cluster =
        envoy_api::unpack(&parse(CLUSTER, json!({"name": "a"}))).unwrap();
    let options = &mut cluster.typed_extension_protocol_options;
    options.insert("k".to_owned(), Any { type_url: "x/no.Such".to_owned(), value: Vec::new() });
    let error = message_to_json(&envoy_api::pack(&cluster)).unwrap_err().to_string();
    assert_eq!(error, r#"typed_extension_protocol_options["k"]: unknown message type `x/no.Such`"#);
    let options = &mut cluster.typed_extension_protocol_options;
    options.insert("k".to_owned(), Any { type_url: CLUSTER.to_owned(), value: vec![0xff] });
    assert!(message_to_json(&envoy_api::pack(&cluster)).is_err());
    // The canonical form of what cannot be read is what was given.
    assert!(canonical(&envoy_api::pack(&cluster)).ends_with(&[0xff]));
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    let mut any = Any { type_url: "google.protobuf.Any".to_owned(), value: Vec::new() };
    for _ in 0..2000 {
        any = Any {
            type_url: "google.protobuf.Any".to_owned(),
            value: prost::Message::encode_to_vec(&any),
        };
    }
    let error = message_to_json(&any).unwrap_err().to_string();
    assert!(error.ends_with("nested too deeply"), "{error}");
    assert_eq!(envoy_api::validate(&any).len(), 1);
    assert_eq!(envoy_api::deprecated_fields(&any), Vec::<String>::new());
    canonical(&any);
}
