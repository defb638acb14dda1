//! The generated types against the descriptors and the canonical form.

use prost::Name as _;

use super::{CLUSTER, cluster, parse};
use envoy_api::pb::envoy::config::cluster::v3::Cluster;
use envoy_api::pb::envoy::config::route::v3::{RouteAction, route_action::ClusterSpecifier};
use envoy_api::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use envoy_api::pb::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use envoy_api::pb::envoy::service::discovery::v3::aggregated_discovery_service_server::AggregatedDiscoveryService;
use envoy_api::pb::xds::r#type::v3::TypedStruct;
use envoy_api::{Error, canonical, content_hash, pack, unpack, wire_hash};

#[test]
fn type_urls_are_those_of_envoy() {
    assert_eq!(Cluster::type_url(), CLUSTER);
    assert_eq!(HttpConnectionManager::type_url(), super::HCM);
    assert_eq!(TypedStruct::type_url(), "type.googleapis.com/xds.type.v3.TypedStruct");
    for name in ["udpa.type.v1.TypedStruct", "envoy.admin.v3.ConfigDump", "xds.type.v3.TypedStruct"]
    {
        assert!(envoy_api::is_known_type(name), "{name}");
    }
}

#[test]
fn typed_messages_pack_unpack_and_agree_with_the_canonical_form() {
    let any = parse(CLUSTER, cluster());
    let typed: Cluster = unpack(&any).unwrap();
    assert_eq!(typed.typed_extension_protocol_options.len(), 2);
    let packed = pack(&typed);
    assert_eq!(canonical(&packed), any.value);
    assert_eq!(content_hash(&packed), content_hash(&any));
    assert_eq!(wire_hash(&packed), wire_hash(&pack(&typed)));
    assert_eq!(content_hash(&any).len(), 64);
    let wrong = unpack::<HttpConnectionManager>(&any);
    assert!(matches!(wrong, Err(Error::WrongType { .. })), "{wrong:?}");
}

#[test]
fn encoders_that_order_differently_have_one_canonical_form() {
    // Prost writes the oneof `cluster_specifier` where its first member (1) is, whatever member is
    // set.
    let action = RouteAction {
        cluster_specifier: Some(ClusterSpecifier::ClusterHeader("h".to_owned())),
        prefix_rewrite: "/".to_owned(),
        max_stream_duration: Some(Default::default()),
        ..Default::default()
    };
    let typed = pack(&action);
    let json = envoy_api::message_to_json(&typed).unwrap();
    let parsed = parse(&RouteAction::type_url(), serde_json::Value::from(&json));
    assert_eq!(content_hash(&typed), content_hash(&parsed));
}

#[test]
fn unknown_fields_stay_in_the_canonical_form() {
    let mut any = parse(CLUSTER, cluster());
    let without = content_hash(&any);
    any.value.extend_from_slice(&[0xf2, 0xff, 0x03, 0x01, b'x']); // field 8190
    assert!(canonical(&any).ends_with(&[0xf2, 0xff, 0x03, 0x01, b'x']));
    assert_ne!(content_hash(&any), without);
}

/// Compiles only if the stubs of the aggregated discovery service exist.
#[allow(dead_code)]
fn stubs<T: AggregatedDiscoveryService>(_: T, _: AggregatedDiscoveryServiceClient<()>) {}
