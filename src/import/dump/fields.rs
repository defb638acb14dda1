//! Every field of a dump that is read or means nothing to a request. Whatever else is there gives an entry
//! in the report, so that no field of Envoy is dropped in silence.

use super::Dump;
use crate::import::report::Reason;
use crate::import::tree::{Node, Value};

/// What becomes of a field.
pub(super) enum Say {
    /// It is read, and what of its value is not understood is reported where it is read.
    Read,
    /// It changes nothing that a request meets: names of statistics, where a resource comes from.
    Aside,
    /// App Mesh's agent wrote these values alone, and meshctl's proxies have them too.
    Only(&'static [&'static str]),
    /// A message, or messages, with these fields.
    Inside(&'static [Field]),
    /// Certificates and trust, which no dump tells.
    Tls,
}

/// A field and what becomes of it.
pub(super) type Field = (&'static str, Say);

use Say::{Aside, Inside, Only, Read, Tls};

/// A table of routes of services or of a gateway. Hosts are looked at one by one.
pub(super) const TABLE: &[Field] =
    &[("name", Read), ("virtual_hosts", Read), ("validate_clusters", Aside)];

/// The table of a node's inbound port: every request to the application.
pub(super) const INBOUND_TABLE: &[Field] =
    &[("name", Read), ("virtual_hosts", Inside(INBOUND_HOST)), ("validate_clusters", Aside)];

const INBOUND_HOST: &[Field] =
    &[("name", Aside), ("domains", Only(&["*"])), ("routes", Inside(INBOUND_ROUTE))];

const INBOUND_ROUTE: &[Field] = &[
    ("name", Aside),
    ("match", Inside(&[("prefix", Only(&["/"]))])),
    (
        "route",
        Inside(&[
            ("cluster", Aside),
            ("timeout", Only(&["15s"])),
            ("idle_timeout", Only(&["300s"])),
        ]),
    ),
];

/// A virtual host. Routes are looked at one by one.
pub(super) const HOST: &[Field] = &[("name", Read), ("domains", Read), ("routes", Read)];

/// A route of a service.
pub(super) const EGRESS_ROUTE: &[Field] = &[
    ("name", Read),
    ("match", Inside(MATCH)),
    ("route", Inside(EGRESS_ACTION)),
    ("stat_prefix", Aside),
];

/// A route of a service for requests that kept their host behind a gateway.
pub(super) const KEPT_ROUTE: &[Field] = &[
    ("name", Read),
    ("match", Inside(MATCH)),
    ("route", Inside(EGRESS_ACTION)),
    ("stat_prefix", Aside),
    ("response_headers_to_remove", Only(&["x-app-mesh-virtual-service"])),
];

/// A route of a gateway.
pub(super) const GATEWAY_ROUTE: &[Field] = &[
    ("name", Read),
    ("match", Inside(MATCH)),
    ("route", Inside(GATEWAY_ACTION)),
    ("stat_prefix", Aside),
    ("request_headers_to_add", Inside(SERVICE_HEADER)),
    ("response_headers_to_remove", Only(&["x-app-mesh-virtual-service"])),
];

const SERVICE_HEADER: &[Field] = &[
    ("header", Inside(&[("key", Only(&["x-app-mesh-virtual-service"])), ("value", Read)])),
    ("append", Only(&["false"])),
    ("append_action", Only(&["OVERWRITE_IF_EXISTS_OR_ADD"])),
];

const MATCH: &[Field] = &[
    ("prefix", Read),
    ("path", Read),
    ("safe_regex", Inside(REGEX)),
    ("headers", Inside(HEADER)),
    ("query_parameters", Inside(QUERY)),
    ("case_sensitive", Only(&["true"])),
];

const REGEX: &[Field] = &[("regex", Read), ("google_re2", Inside(&[]))];

const STRING: &[Field] = &[
    ("exact", Read),
    ("prefix", Read),
    ("suffix", Read),
    ("safe_regex", Inside(REGEX)),
    ("ignore_case", Only(&["false"])),
];

const HEADER: &[Field] = &[
    ("name", Read),
    ("exact_match", Read),
    ("prefix_match", Read),
    ("suffix_match", Read),
    ("safe_regex_match", Inside(REGEX)),
    ("range_match", Inside(&[("start", Read), ("end", Read)])),
    ("present_match", Read),
    ("string_match", Inside(STRING)),
    ("invert_match", Read),
];

const QUERY: &[Field] = &[
    ("name", Read),
    ("string_match", Inside(&[("exact", Read), ("ignore_case", Only(&["false"]))])),
    ("present_match", Only(&["true"])),
];

const EGRESS_ACTION: &[Field] = &[
    ("cluster", Read),
    (
        "weighted_clusters",
        Inside(&[
            ("clusters", Inside(&[("name", Read), ("weight", Read)])),
            // The sum of the weights, or Envoy rejects it.
            ("total_weight", Aside),
        ]),
    ),
    ("timeout", Read),
    ("idle_timeout", Read),
    ("retry_policy", Inside(RETRY)),
];

const GATEWAY_ACTION: &[Field] = &[
    ("cluster", Read),
    ("timeout", Read),
    ("idle_timeout", Read),
    ("prefix_rewrite", Read),
    ("host_rewrite", Read),
    ("host_rewrite_literal", Read),
    (
        "regex_rewrite",
        Inside(&[
            (
                "pattern",
                Inside(&[
                    ("regex", Only(&["^.*$", "^/.*$", ".*", "/.*"])),
                    ("google_re2", Inside(&[])),
                ]),
            ),
            ("substitution", Read),
        ]),
    ),
    ("append_x_forwarded_host", Only(&["true"])),
];

const RETRY: &[Field] = &[
    ("retry_on", Read),
    ("num_retries", Read),
    ("per_try_timeout", Read),
    ("retriable_status_codes", Read),
    (
        "retry_host_predicate",
        Inside(&[
            ("name", Only(&["envoy.retry_host_predicates.previous_hosts"])),
            ("typed_config", Inside(&[])),
        ]),
    ),
    ("host_selection_retry_max_attempts", Only(&["5"])),
];

/// The cluster of a node, as its callers have it.
pub(super) const PEER: &[Field] = &[
    ("name", Read),
    ("type", Read),
    ("connect_timeout", Only(&["1s"])),
    ("dns_lookup_family", Read),
    ("eds_cluster_config", Aside),
    ("load_assignment", Inside(ASSIGNMENT)),
    ("health_checks", Inside(HEALTH)),
    ("outlier_detection", Inside(OUTLIER)),
    ("circuit_breakers", Inside(LIMITS)),
    ("typed_extension_protocol_options", Inside(PROTOCOL)),
    ("http2_protocol_options", Inside(&[])),
    ("transport_socket", Tls),
    // Of endpoints from a registry, which the report says are not in the dump.
    ("ignore_health_on_host_removal", Only(&["true"])),
    ("alt_stat_name", Aside),
];

/// A cluster that leads to the proxy's own application, or to its own second hop.
pub(super) const LOCAL: &[Field] = &[
    ("name", Read),
    ("type", Only(&["STATIC"])),
    ("connect_timeout", Only(&["1s", "0.250s"])),
    ("load_assignment", Inside(ASSIGNMENT)),
    ("circuit_breakers", Inside(LIMITS)),
    ("typed_extension_protocol_options", Inside(PROTOCOL)),
    ("http2_protocol_options", Inside(&[])),
    ("alt_stat_name", Aside),
];

const ASSIGNMENT: &[Field] = &[
    ("cluster_name", Aside),
    (
        "endpoints",
        Inside(&[
            ("locality", Aside),
            (
                "lb_endpoints",
                Inside(&[
                    ("endpoint", Inside(&[("address", Read)])),
                    ("health_status", Only(&["HEALTHY"])),
                ]),
            ),
        ]),
    ),
];

const LIMITS: &[Field] = &[("thresholds", Inside(THRESHOLDS))];

const THRESHOLDS: &[Field] = &[
    ("max_connections", Only(&["2147483647"])),
    ("max_pending_requests", Only(&["2147483647"])),
    ("max_requests", Only(&["2147483647"])),
    ("max_retries", Only(&["2147483647"])),
];

const PROTOCOL: &[Field] = &[(
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    Inside(&[(
        "explicit_http_config",
        Inside(&[("http_protocol_options", Inside(&[])), ("http2_protocol_options", Inside(&[]))]),
    )]),
)];

const HEALTH: &[Field] = &[
    ("interval", Read),
    ("timeout", Read),
    ("healthy_threshold", Read),
    ("unhealthy_threshold", Read),
    ("no_traffic_interval", Read),
    ("alt_port", Read),
    (
        "http_health_check",
        Inside(&[
            ("host", Aside),
            ("path", Read),
            ("codec_client_type", Only(&["HTTP1", "HTTP2"])),
        ]),
    ),
    ("grpc_health_check", Inside(&[("authority", Aside)])),
    ("tcp_health_check", Inside(&[])),
];

const OUTLIER: &[Field] = &[
    ("consecutive_5xx", Read),
    ("interval", Read),
    ("base_ejection_time", Read),
    ("max_ejection_percent", Read),
    ("enforcing_success_rate", Only(&["0"])),
];

/// A listener. Chains are looked at one by one.
pub(super) const LISTENER: &[Field] = &[
    ("name", Read),
    ("address", Read),
    ("filter_chains", Read),
    ("traffic_direction", Aside),
    ("listener_filters", Inside(LISTENER_FILTER)),
    ("internal_listener", Aside),
    ("access_log", Aside),
    ("stat_prefix", Aside),
    ("use_original_dst", Aside),
    ("enable_reuse_port", Aside),
    ("drain_type", Aside),
];

const LISTENER_FILTER: &[Field] = &[
    (
        "name",
        Only(&[
            "envoy.filters.listener.original_dst",
            "envoy.filters.listener.tls_inspector",
            "envoy.filters.listener.http_inspector",
        ]),
    ),
    ("typed_config", Inside(&[])),
];

/// A chain of filters for what arrives. Filters are looked at one by one.
pub(super) const INBOUND_CHAIN: &[Field] = &[
    ("name", Aside),
    ("filter_chain_match", Inside(&[("destination_port", Aside), ("transport_protocol", Aside)])),
    ("filters", Read),
    ("transport_socket", Tls),
];

/// A chain of filters for what leaves. What it leaves to others is the mesh's egress filter.
pub(super) const OUTBOUND_CHAIN: &[Field] = &[
    ("name", Aside),
    (
        "filter_chain_match",
        Inside(&[
            ("destination_port", Aside),
            ("prefix_ranges", Aside),
            ("server_names", Aside),
            ("transport_protocol", Aside),
            ("application_protocols", Aside),
        ]),
    ),
    ("filters", Read),
];

/// A connection manager.
pub(super) const MANAGER: &[Field] = &[
    ("stat_prefix", Aside),
    ("rds", Aside),
    ("access_log", Aside),
    ("tracing", Aside),
    (
        "http_filters",
        Inside(&[
            ("name", Only(&["envoy.filters.http.router", "envoy.router"])),
            ("typed_config", Inside(&[])),
        ]),
    ),
    ("codec_type", Only(&["AUTO"])),
    ("normalize_path", Only(&["true"])),
    ("merge_slashes", Only(&["true"])),
    ("path_with_escaped_slashes_action", Only(&["KEEP_UNCHANGED"])),
    ("use_remote_address", Only(&["true"])),
    ("upgrade_configs", Inside(&[("upgrade_type", Only(&["websocket"]))])),
    (
        "http_protocol_options",
        Inside(&[(
            "ignore_http_11_upgrade",
            Inside(&[("prefix", Only(&["TLS/"])), ("ignore_case", Only(&["true"]))]),
        )]),
    ),
    (
        "internal_address_config",
        Inside(&[(
            "cidr_ranges",
            Inside(&[
                ("address_prefix", Only(&["255.255.255.255"])),
                ("prefix_len", Only(&["32"])),
            ]),
        )]),
    ),
    (
        "original_ip_detection_extensions",
        Inside(&[
            (
                "name",
                Only(&[
                    "envoy.http.original_ip_detection.custom_header",
                    "envoy.http.original_ip_detection.xff",
                ]),
            ),
            ("typed_config", Inside(&[("header_name", Only(&["x-forwarded-for"]))])),
        ]),
    ),
];

/// The connections of an inbound port.
pub(super) const TCP: &[Field] = &[
    ("stat_prefix", Aside),
    ("cluster", Aside),
    ("idle_timeout", Only(&["300s"])),
    ("access_log", Aside),
];

impl Dump<'_, '_> {
    /// Reports every field of a message that is neither read nor known to mean nothing.
    pub(super) fn rest(&mut self, message: &Node, fields: &[Field]) {
        self.rest_of(message, fields, "");
    }

    fn rest_of(&mut self, message: &Node, fields: &[Field], path: &str) {
        for entry in message.entries() {
            let (key, node) = (entry.key.as_str(), &entry.node);
            let at = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            let nothing = match &node.value {
                Value::Null => true,
                Value::Scalar(text) => text.is_empty(),
                Value::List(items) => items.is_empty(),
                Value::Map(_) => false,
            };
            if key == "@type" || nothing {
                continue;
            }
            match fields.iter().find(|(name, _)| *name == key).map(|(_, say)| say) {
                Some(Read | Aside) => {}
                Some(Tls) => {
                    let message =
                        "certificates, trust and client policies are not read from a dump";
                    self.cx.note(Reason::Unsupported, node.loc, "tls", message.to_owned());
                }
                Some(Only(values)) => {
                    for one in each(node) {
                        let text = one.text().unwrap_or("a message");
                        if !values.contains(&text) {
                            self.unread(
                                one,
                                &at,
                                &format!("`{text}` is not read, and may change what requests meet"),
                            );
                        }
                    }
                }
                Some(Inside(fields)) => {
                    for one in each(node) {
                        match &one.value {
                            Value::Map(_) => self.rest_of(one, fields, &at),
                            _ => {
                                self.unread(one, &at, "does not have the form that Envoy gives it");
                            }
                        }
                    }
                }
                None => self.unread(node, &at, "is not read, and may change what requests meet"),
            }
        }
    }
}

/// The items of a list, or a value that is none.
fn each(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}
