//! Shapes of TLS, client policies, pools, health checks, access logs.

use super::reader::{Cx, Defs, Shape, object, table};
use super::tree::Node;
use crate::model::{
    AccessLog, BackendDefaults, Certificate, ClientPolicy, ClientTls, ClientValidation,
    FileCertificate, HealthCheck, HttpSettings, ListenerTimeout, ListenerTls, ListenerValidation,
    LogFormat, OutlierDetection, PoolLimits, Tags, Trust,
};
use serde_json::json;

table! {
    /// Limits of a connection pool; which keys fit depends on the listener's protocol.
    PoolLimits {
        /// Connections (http, tcp), at least 1.
        "max_connections" => max_connections: optional,
        /// Requests that wait for a connection (http), at least 1.
        "max_pending_requests" => max_pending_requests: optional,
        /// Requests under way (http2, grpc), at least 1.
        "max_requests" => max_requests: optional,
    }
}

table! {
    /// An active health check, run by every caller.
    HealthCheck {
        /// What the probe speaks.
        "protocol" => protocol: required,
        /// The path that an HTTP probe asks for.
        "path" => path: optional,
        /// The port; must be the listener's own.
        "port" => port: optional,
        /// Time between two probes, 5 s to 300 s.
        "interval" => interval: required,
        /// Time for one probe, 2 s to 60 s.
        "timeout" => timeout: required,
        /// Good probes until an endpoint counts as healthy, 2 to 10.
        "healthy_threshold" => healthy_threshold: required,
        /// Bad probes until it does not, 2 to 10.
        "unhealthy_threshold" => unhealthy_threshold: required,
    }
}

table! {
    /// When callers stop using an endpoint that fails.
    OutlierDetection {
        /// Server errors (5xx) in a row until an endpoint is ejected.
        "max_server_errors" => max_server_errors: required,
        /// Time between two sweeps.
        "interval" => interval: required,
        /// How long the first ejection lasts.
        "base_ejection_duration" => base_ejection_duration: required,
        /// At most so many per cent of the endpoints are ejected, 0 to 100.
        "max_ejection_percent" => max_ejection_percent: required,
    }
}

table! {
    /// Timeouts; "0s" turns one off.
    ListenerTimeout {
        /// From the end of a request to the end of its response; 15s unless set. Not for tcp.
        "request" => request: optional,
        /// Without a byte in either direction; 5m unless set.
        "idle" => idle: optional,
    }
}

table! {
    /// What a listener accepts of HTTP. Callers in the mesh accept as much; a gateway in front has
    /// keys of its own.
    HttpSettings {
        /// Whether HTTP/1.0 is accepted (http); false unless set: it is answered with 426.
        "accept_http_10" => accept_http_10: or_default,
        /// The host of HTTP/1.0 requests without a Host header (http); unset: they are answered with
        /// 400.
        "default_hostname" => default_hostname: optional,
        /// How many headers a request may have, else it is answered with 431, and how many a response
        /// may have, else it becomes a 502; 100 unless set.
        "max_headers" => max_headers: optional,
        /// How long the headers of a request may be together, else it is answered with 431, and those
        /// of a response, else it becomes a 502: whole KiB, "1KiB" to "8MiB"; "60KiB" unless set.
        "max_header_size" => max_header_size: optional,
        /// In which case the names of headers are sent on by HTTP/1: "lower" unless set, or
        /// "preserve" (http).
        "header_case" => header_case: or_default,
        /// Upgrades that are ignored, so that the request is served without them, by the start of
        /// their name in any case (http); ["TLS/"] unless set.
        "ignore_upgrades" => ignore_upgrades: optional,
    }
}

table! {
    /// TLS of a listener.
    ListenerTls {
        /// What is demanded of those who connect.
        "mode" => mode: required,
        /// The certificate that is shown.
        "certificate" => certificate: required,
        /// What is asked of client certificates; unset asks for none.
        "validation" => validation: optional,
    }
}

table! {
    /// A certificate chain and its key as files on the proxy's host.
    FileCertificate {
        /// Path of the PEM chain, leaf first.
        "chain" => chain: required,
        /// Path of the PEM private key.
        "key" => key: required,
    }
}

table! {
    /// What a listener asks of client certificates.
    ListenerValidation {
        /// Which authorities are believed.
        "trust" => trust: required,
        /// One of these names must be in the certificate.
        "subject_alternative_names" => subject_alternative_names: or_default,
    }
}

table! {
    /// How backends are called.
    ClientPolicy {
        /// TLS toward the backend.
        "tls" => tls: optional,
    }
}

table! {
    /// What a client asks of a server's certificate.
    ClientValidation {
        /// Which authorities are believed.
        "trust" => trust: required,
        /// One of these names must be in the certificate; unset: the server's discovery name.
        "subject_alternative_names" => subject_alternative_names: or_default,
    }
}

table! {
    /// What holds for all backends that do not say otherwise.
    BackendDefaults {
        /// How they are called.
        "client_policy" => client_policy: optional,
    }
}

table! {
    /// Where a proxy logs what passes it.
    AccessLog {
        /// The file as the proxy sees it. "/dev/stdout" and "/dev/stderr" are the streams of the
        /// proxy, which it does not open as files.
        "path" => path: required,
        /// The format; unset is Envoy's own text format.
        "format" => format: optional,
    }
}

impl Shape for ClientTls {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["enforce", "ports", "certificate", "validation"])?;
        let enforce = table.optional("enforce", cx);
        let ports = table.or_default("ports", cx);
        let certificate = table.optional("certificate", cx);
        let validation = table.required("validation", cx);
        Some(Self {
            enforce: enforce?.unwrap_or(true),
            ports: ports?,
            certificate: certificate?,
            validation: validation?,
        })
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("ClientTls", |defs| {
            let properties = vec![
                (
                    "enforce",
                    "Refuse to talk without TLS; true unless set.",
                    json!({ "type": "boolean" }),
                ),
                (
                    "ports",
                    "The ports that the policy is for; unset is all.",
                    Vec::<crate::model::Port>::schema(defs),
                ),
                ("certificate", "The client certificate.", Certificate::schema(defs)),
                (
                    "validation",
                    "What is asked of the server's certificate.",
                    ClientValidation::schema(defs),
                ),
            ];
            object("TLS toward a backend.", properties, &["validation"])
        })
    }
}

/// Chosen by key: `{ file = { chain, key } }`, `{ sds = "name" }` or `{ acm = "arn" }`.
impl Shape for Certificate {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["file", "sds", "acm"])?;
        match cx.choose(&table, &["file", "sds", "acm"])? {
            "file" => table.required("file", cx).map(Self::File),
            "sds" => table.required("sds", cx).map(Self::Sds),
            _ => table.required("acm", cx).map(Self::Acm),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("Certificate", |defs| {
            let text = String::schema(defs);
            let mut schema = object(
                "Where a certificate and its key come from: exactly one.",
                vec![
                    ("file", "Files on the proxy's host.", FileCertificate::schema(defs)),
                    ("sds", "The name of a secret of the proxy's SDS server.", text.clone()),
                    ("acm", "An ACM ARN; meshctl.toml must map it.", text),
                ],
                &[],
            );
            schema["minProperties"] = json!(1);
            schema["maxProperties"] = json!(1);
            schema
        })
    }
}

/// Chosen by key: `{ file = "path" }`, `{ sds = "name" }` or `{ acm = ["arn"] }`.
impl Shape for Trust {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["file", "sds", "acm"])?;
        match cx.choose(&table, &["file", "sds", "acm"])? {
            "file" => table.required("file", cx).map(Self::File),
            "sds" => table.required("sds", cx).map(Self::Sds),
            _ => table.required("acm", cx).map(Self::Acm),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        defs.define("Trust", |defs| {
            let text = String::schema(defs);
            let mut schema = object(
                "Which authorities are believed: exactly one source.",
                vec![
                    ("file", "Path of a PEM bundle on the proxy's host.", text.clone()),
                    ("sds", "The name of a context of the proxy's SDS server.", text),
                    ("acm", "ACM ARNs; meshctl.toml must map them.", Vec::<String>::schema(defs)),
                ],
                &[],
            );
            schema["minProperties"] = json!(1);
            schema["maxProperties"] = json!(1);
            schema
        })
    }
}

/// Chosen by key: `{ text = "…" }` or `{ json = { … } }`.
impl Shape for LogFormat {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let table = cx.table(node, &["text", "json"])?;
        match cx.choose(&table, &["text", "json"])? {
            "text" => table.required("text", cx).map(Self::Text),
            _ => table.required("json", cx).map(Self::Json),
        }
    }

    fn schema(defs: &mut Defs) -> serde_json::Value {
        let mut schema = object(
            "The format of the log: exactly one.",
            vec![
                ("text", "One line of text with Envoy's %OPERATORS%.", String::schema(defs)),
                ("json", "One JSON object a line.", Tags::schema(defs)),
            ],
            &[],
        );
        schema["minProperties"] = json!(1);
        schema["maxProperties"] = json!(1);
        schema
    }
}
