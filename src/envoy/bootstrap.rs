//! The file with which an Envoy starts.

use super::builder::{config_source, host_address, socket_address};
use super::control_plane::{self, ControlPlane};
use super::defaults::{self, duration};
use super::names;
use super::pb::{bootstrap, cluster, core, internal, metrics, trace};
use super::resource::{ConfigSource, ProxyId, ResourceType};
use super::{cluster as clusters, endpoint};
use crate::model::MeshName;
use envoy_api::{Any, Struct, Value, message_to_json, pack, value};
use std::net::{IpAddr, Ipv4Addr};

/// What one proxy instance starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// The mesh.
    pub mesh: MeshName,
    /// Whose configuration the instance takes.
    pub proxy: ProxyId,
    /// Tells it from other instances of the same node or gateway.
    pub instance: Option<String>,
    /// Envoy's `node.cluster`; unset is the node id, as App Mesh had it.
    pub cluster: Option<String>,
    /// The root of the directory target as the proxy sees it; nothing under a control plane.
    pub root: String,
    /// The control plane that configures the proxy; `None`: files do.
    pub control_plane: Option<ControlPlane>,
    /// Where its admin interface listens; `None` has none.
    pub admin: Option<Admin>,
    /// The Unix socket of the server of secrets that the mesh names by `sds`.
    pub sds_socket: Option<String>,
    /// Where spans are sent.
    pub tracing: Option<Tracing>,
    /// The share of requests that are traced, in per cent, 0 to 100; unset is Envoy's default: all.
    pub sampling_percent: Option<u32>,
    /// Whether statistics are tagged with the mesh and the node or gateway.
    pub stats_tags: bool,
    /// The largest RE2 program of a regular expression; [`defaults::RE2_MAX_PROGRAM_SIZE`] unless
    /// the project says otherwise.
    pub regex_max_program_size: u32,
}

impl Bootstrap {
    /// A bootstrap with nothing optional.
    pub fn new(mesh: MeshName, proxy: ProxyId, root: impl Into<String>) -> Self {
        Self {
            mesh,
            proxy,
            instance: None,
            cluster: None,
            root: root.into(),
            control_plane: None,
            admin: None,
            sds_socket: None,
            tracing: None,
            sampling_percent: None,
            stats_tags: true,
            regex_max_program_size: defaults::RE2_MAX_PROGRAM_SIZE,
        }
    }
}

/// Where an admin interface listens. It can end the proxy and shows its whole configuration, so
/// nothing but this host may reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// A port of 127.0.0.1.
    Port(u16),
    /// The path of a Unix socket, which its owner alone may use.
    Unix(String),
}

/// A host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A tracer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tracing {
    /// OpenTelemetry by gRPC; its port is 4317 by custom.
    OpenTelemetry(Endpoint),
    /// Anything that takes Zipkin's API on `/api/v2/spans`, Jaeger among them; by custom 9411.
    Zipkin(Endpoint),
    /// An X-Ray daemon, by UDP; by custom 127.0.0.1:2000. The host is an address.
    XRay(Endpoint),
    /// A Datadog agent; by custom 8126.
    Datadog(Endpoint),
}

/// The cluster of the tracer.
pub(super) const TRACER: &str = "static_cluster_tracing";

/// The limit of regular expressions. Envoy's own (100) refuses harmless ones.
const RE2_LIMIT: &str = "re2.max_program_size.error_level";

/// The bootstrap as YAML.
pub fn bootstrap(options: &Bootstrap) -> String {
    message_to_json(&pack(&message(options)))
        .expect("invariant: a bootstrap is made of types that envoy_api knows")
        .to_yaml()
}

#[expect(
    deprecated,
    reason = "a tracer there serves every connection manager, so that turning it on changes no resource; its successor would stand in each listener"
)]
fn message(options: &Bootstrap) -> bootstrap::Bootstrap {
    let id = names::node_id(&options.mesh, &options.proxy, options.instance.as_deref());
    let source = match options.control_plane {
        Some(_) => ConfigSource::Ads,
        None => ConfigSource::Path { root: options.root.clone() },
    };
    let from = |kind| Some(config_source(&source, &options.proxy, kind, ""));
    let name = options.proxy.name();
    bootstrap::Bootstrap {
        node: Some(core::Node {
            cluster: options.cluster.clone().unwrap_or_else(|| id.clone()),
            id,
            ..Default::default()
        }),
        dynamic_resources: Some(bootstrap::bootstrap::DynamicResources {
            lds_config: from(ResourceType::Listener),
            cds_config: from(ResourceType::Cluster),
            ads_config: options.control_plane.as_ref().map(control_plane::ads),
            ..Default::default()
        }),
        admin: options.admin.as_ref().map(admin),
        static_resources: static_resources(options),
        tracing: options.tracing.as_ref().map(|t| tracing(t, &options.mesh, name)),
        stats_config: options.stats_tags.then(|| stats_tags(options)),
        layered_runtime: Some(runtime(options)),
        ..base(options.regex_max_program_size)
    }
}

fn runtime(options: &Bootstrap) -> bootstrap::LayeredRuntime {
    let mut values = vec![(RE2_LIMIT, options.regex_max_program_size)];
    // In hundredths of a per cent. In the runtime, like the tracer itself, so that it changes no
    // resource.
    values.extend(options.sampling_percent.map(|share| ("tracing.random_sampling", share * 100)));
    static_runtime(&values)
}

fn static_runtime(values: &[(&str, u32)]) -> bootstrap::LayeredRuntime {
    let number = |n: u32| Value { kind: Some(value::Kind::NumberValue(f64::from(n))) };
    let fields = values.iter().map(|(key, n)| ((*key).to_owned(), number(*n))).collect();
    bootstrap::LayeredRuntime {
        layers: vec![bootstrap::RuntimeLayer {
            name: "meshctl".to_owned(),
            layer_specifier: Some(bootstrap::runtime_layer::LayerSpecifier::StaticLayer(Struct {
                fields,
            })),
        }],
    }
}

/// What every Envoy of the mesh needs, whether it gets its resources or has them inline.
pub(super) fn base(regex_max_program_size: u32) -> bootstrap::Bootstrap {
    bootstrap::Bootstrap {
        layered_runtime: Some(static_runtime(&[(RE2_LIMIT, regex_max_program_size)])),
        // Gateways reach their second hop through internal listeners.
        bootstrap_extensions: vec![core::TypedExtensionConfig {
            name: "envoy.bootstrap.internal_listener".to_owned(),
            typed_config: Some(pack(&internal::InternalListener::default())),
        }],
        ..Default::default()
    }
}

fn admin(admin: &Admin) -> bootstrap::Admin {
    let address = match admin {
        Admin::Port(port) => socket_address(IpAddr::from(Ipv4Addr::LOCALHOST), *port),
        Admin::Unix(path) => pipe(path, 0o600),
    };
    bootstrap::Admin { address: Some(address), ..Default::default() }
}

fn pipe(path: &str, mode: u32) -> core::Address {
    let pipe = core::Pipe { path: path.to_owned(), mode };
    core::Address { address: Some(core::address::Address::Pipe(pipe)) }
}

fn static_resources(options: &Bootstrap) -> Option<bootstrap::bootstrap::StaticResources> {
    let mut all = Vec::new();
    all.extend(options.control_plane.as_ref().map(control_plane::cluster));
    all.extend(options.sds_socket.as_ref().map(|path| sds_cluster(names::SDS_CLUSTER, path)));
    match &options.tracing {
        Some(Tracing::OpenTelemetry(to)) => all.push(tracer_cluster(to, true)),
        Some(Tracing::Zipkin(to) | Tracing::Datadog(to)) => all.push(tracer_cluster(to, false)),
        // X-Ray's daemon is spoken to without a cluster.
        Some(Tracing::XRay(_)) | None => {}
    }
    (!all.is_empty())
        .then(|| bootstrap::bootstrap::StaticResources { clusters: all, ..Default::default() })
}

/// The cluster of the server of secrets on this host.
pub(super) fn sds_cluster(name: &str, path: &str) -> cluster::Cluster {
    cluster::Cluster {
        name: name.to_owned(),
        connect_timeout: Some(duration(defaults::CONNECT_TIMEOUT)),
        load_assignment: Some(endpoint::assignment(name, [pipe(path, 0)])),
        typed_extension_protocol_options: clusters::http2_options(),
        ..Default::default()
    }
}

fn tracer_cluster(to: &Endpoint, grpc: bool) -> cluster::Cluster {
    use cluster::cluster::{ClusterDiscoveryType, DiscoveryType};
    let address = host_address(&to.host, to.port);
    let kind = if to.host.parse::<IpAddr>().is_ok() {
        DiscoveryType::Static
    } else {
        DiscoveryType::StrictDns
    };
    cluster::Cluster {
        name: TRACER.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind as i32)),
        connect_timeout: Some(duration(defaults::CONNECT_TIMEOUT)),
        load_assignment: Some(endpoint::assignment(TRACER, [address])),
        typed_extension_protocol_options: if grpc {
            clusters::http2_options()
        } else {
            Default::default()
        },
        ..Default::default()
    }
}

fn tracing(tracing: &Tracing, mesh: &MeshName, name: &str) -> trace::Tracing {
    let (provider, config) = match tracing {
        Tracing::OpenTelemetry(_) => ("envoy.tracers.opentelemetry", open_telemetry(mesh, name)),
        Tracing::Zipkin(to) => (
            "envoy.tracers.zipkin",
            pack(&trace::ZipkinConfig {
                collector_cluster: TRACER.to_owned(),
                collector_endpoint: "/api/v2/spans".to_owned(),
                collector_endpoint_version: trace::zipkin_config::CollectorEndpointVersion::HttpJson
                    as i32,
                collector_hostname: to.host.clone(),
                ..Default::default()
            }),
        ),
        Tracing::XRay(to) => (
            "envoy.tracers.xray",
            pack(&trace::XRayConfig {
                daemon_endpoint: Some(core::SocketAddress {
                    protocol: core::socket_address::Protocol::Udp as i32,
                    address: to.host.clone(),
                    port_specifier: Some(core::socket_address::PortSpecifier::PortValue(
                        to.port.into(),
                    )),
                    ..Default::default()
                }),
                segment_name: format!("{mesh}/{name}"),
                ..Default::default()
            }),
        ),
        Tracing::Datadog(_) => (
            "envoy.tracers.datadog",
            pack(&trace::DatadogConfig {
                collector_cluster: TRACER.to_owned(),
                service_name: format!("envoy-{mesh}/{name}"),
                ..Default::default()
            }),
        ),
    };
    trace::Tracing {
        http: Some(trace::tracing::Http {
            name: provider.to_owned(),
            config_type: Some(trace::tracing::http::ConfigType::TypedConfig(config)),
        }),
    }
}

fn open_telemetry(mesh: &MeshName, name: &str) -> Any {
    let service =
        core::grpc_service::EnvoyGrpc { cluster_name: TRACER.to_owned(), ..Default::default() };
    pack(&trace::OpenTelemetryConfig {
        grpc_service: Some(core::GrpcService {
            target_specifier: Some(core::grpc_service::TargetSpecifier::EnvoyGrpc(service)),
            ..Default::default()
        }),
        service_name: format!("{mesh}/{name}"),
        ..Default::default()
    })
}

/// App Mesh's fixed tags. Statistics are never filtered: that broke its streams.
fn stats_tags(options: &Bootstrap) -> metrics::StatsConfig {
    let fixed = |name: &str, value: &str| metrics::TagSpecifier {
        tag_name: name.to_owned(),
        tag_value: Some(metrics::tag_specifier::TagValue::FixedValue(value.to_owned())),
    };
    let own = match options.proxy {
        ProxyId::Node(_) => "appmesh.virtual_node",
        ProxyId::Gateway(_) => "appmesh.virtual_gateway",
    };
    metrics::StatsConfig {
        stats_tags: vec![
            fixed("appmesh.mesh", options.mesh.as_str()),
            fixed(own, options.proxy.name()),
        ],
        ..Default::default()
    }
}
