//! TLS, pools, health checks, timeouts, logs: what several kinds share.

use super::Converter;
use crate::import::report::Reason;
use crate::import::tree::Node;
use crate::model::{
    AccessLog, BackendDefaults, Certificate, ClientPolicy, ClientTls, ClientValidation, Duration,
    FileCertificate, HealthCheck, ListenerTimeout, ListenerTls, ListenerValidation, LogFormat,
    PoolLimits, Port, Protocol, TlsMode, Trust,
};

/// The port under a key.
pub(super) fn port(node: &Node, key: &str) -> Option<Port> {
    node.int_at(key).and_then(Port::new)
}

/// A protocol by App Mesh's word.
pub(super) fn protocol(word: Option<&str>) -> Protocol {
    match word {
        Some("http2") => Protocol::Http2,
        Some("grpc") => Protocol::Grpc,
        Some("tcp") => Protocol::Tcp,
        _ => Protocol::Http,
    }
}

impl Converter<'_, '_> {
    pub(super) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let value = node.int_at("value").unwrap_or_default();
        // The API takes a duration without a unit; its own default is not documented, seconds are
        // what the console showed.
        let factor = if node.text_at("unit") == Some("ms") { 1 } else { 1000 };
        self.millis(node, u64::try_from(value).ok().and_then(|value| value.checked_mul(factor)))
    }

    fn millis(&mut self, node: &Node, millis: Option<u64>) -> Option<Duration> {
        match millis.filter(|millis| *millis <= Duration::MAX_MILLIS) {
            Some(millis) => Some(Duration::from_millis(millis)),
            None => {
                self.cx.bad_field(
                    node.loc,
                    "",
                    "a duration is at least 0 and at most a year".into(),
                );
                None
            }
        }
    }

    /// The member of a union that is called after a protocol, which is the listener's.
    fn of_protocol<'n>(&mut self, node: &'n Node, own: Protocol, field: &str) -> Option<&'n Node> {
        let entry = node.entries().first()?;
        if entry.key != own.as_str() {
            let message =
                format!("is for {}, and the listener speaks {own}: it had no effect", entry.key);
            self.unsupported(entry.at, field, message);
            return None;
        }
        Some(&entry.node)
    }

    pub(super) fn pool(&mut self, node: &Node, own: Protocol) -> Option<PoolLimits> {
        let member = self.of_protocol(node, own, "connectionPool")?;
        Some(PoolLimits {
            max_connections: self.count(member.get("maxConnections"), "maxConnections"),
            max_pending_requests: self
                .count(member.get("maxPendingRequests"), "maxPendingRequests"),
            max_requests: self.count(member.get("maxRequests"), "maxRequests"),
        })
    }

    pub(super) fn listener_timeout(&mut self, node: &Node, own: Protocol) -> ListenerTimeout {
        match self.of_protocol(node, own, "timeout") {
            Some(member) => self.timeout(member),
            None => ListenerTimeout::default(),
        }
    }

    pub(super) fn timeout(&mut self, node: &Node) -> ListenerTimeout {
        ListenerTimeout {
            request: node.get("perRequest").and_then(|node| self.duration(node)),
            idle: node.get("idle").and_then(|node| self.duration(node)),
        }
    }

    pub(super) fn health_check(&mut self, node: &Node) -> Option<HealthCheck> {
        let millis = |key| node.int_at(key).and_then(|n| u64::try_from(n).ok());
        let interval = self.millis(node, millis("intervalMillis"));
        let timeout = self.millis(node, millis("timeoutMillis"));
        Some(HealthCheck {
            protocol: protocol(node.text_at("protocol")),
            path: node.get("path").and_then(|node| self.text(node, "path")),
            port: port(node, "port"),
            interval: interval?,
            timeout: timeout?,
            healthy_threshold: self.count(node.get("healthyThreshold"), "healthyThreshold")?,
            unhealthy_threshold: self
                .count(node.get("unhealthyThreshold"), "unhealthyThreshold")?,
        })
    }

    pub(super) fn listener_tls(&mut self, node: &Node) -> Option<ListenerTls> {
        let validation = node.get("validation");
        let certificate = self.certificate(node.get("certificate")?)?;
        Some(ListenerTls {
            mode: match node.text_at("mode") {
                Some("PERMISSIVE") => TlsMode::Permissive,
                Some("DISABLED") => TlsMode::Disabled,
                _ => TlsMode::Strict,
            },
            certificate,
            validation: match validation {
                Some(node) => Some(ListenerValidation {
                    trust: self.trust(node.get("trust")?)?,
                    subject_alternative_names: self.alternative_names(node),
                }),
                None => None,
            },
        })
    }

    fn certificate(&mut self, node: &Node) -> Option<Certificate> {
        if let Some(file) = node.get("file") {
            let chain = self.text(file.get("certificateChain")?, "certificateChain");
            let key = self.text(file.get("privateKey")?, "privateKey");
            return Some(Certificate::File(FileCertificate { chain: chain?, key: key? }));
        }
        if let Some(name) = node.at(&["sds", "secretName"]) {
            return self.text(name, "secretName").map(Certificate::Sds);
        }
        let arn = node.at(&["acm", "certificateArn"])?;
        let text = self.text(arn, "certificateArn")?;
        let message = "an ACM certificate; meshctl.toml has a place for the files that replace it";
        self.cx.note(Reason::AwsOnly, arn.loc, "certificateArn", message.to_owned());
        self.certificates.insert(text.clone());
        Some(Certificate::Acm(text))
    }

    fn trust(&mut self, node: &Node) -> Option<Trust> {
        if let Some(chain) = node.at(&["file", "certificateChain"]) {
            return self.text(chain, "certificateChain").map(Trust::File);
        }
        if let Some(name) = node.at(&["sds", "secretName"]) {
            return self.text(name, "secretName").map(Trust::Sds);
        }
        let arns = node.at(&["acm", "certificateAuthorityArns"])?;
        let mut all = Vec::new();
        for arn in arns.items() {
            let text = self.text(arn, "certificateAuthorityArns")?;
            let message =
                "an ACM authority; meshctl.toml has a place for the file that replaces it";
            self.cx.note(Reason::AwsOnly, arn.loc, "certificateAuthorityArns", message.to_owned());
            self.authorities.insert(text.clone());
            all.push(text);
        }
        Some(Trust::Acm(all))
    }

    fn alternative_names(&mut self, validation: &Node) -> Vec<String> {
        let exact = validation.at(&["subjectAlternativeNames", "match", "exact"]);
        let names = exact.map(Node::items).unwrap_or_default();
        names.iter().filter_map(|name| self.text(name, "exact")).collect()
    }

    pub(super) fn backend_defaults(&mut self, node: Option<&Node>) -> BackendDefaults {
        let policy = node.and_then(|node| node.get("clientPolicy"));
        // A policy that says nothing is the same as none, unless it replaces another.
        let policy = policy.filter(|node| node.get("tls").is_some());
        BackendDefaults { client_policy: policy.and_then(|node| self.client_policy(node)) }
    }

    pub(super) fn client_policy(&mut self, node: &Node) -> Option<ClientPolicy> {
        let Some(tls) = node.get("tls") else { return Some(ClientPolicy::default()) };
        let validation = tls.get("validation")?;
        let trust = self.trust(validation.get("trust")?)?;
        let ports = tls.get("ports").map(Node::items).unwrap_or_default();
        Some(ClientPolicy {
            tls: Some(ClientTls {
                enforce: tls.get("enforce").and_then(Node::boolean).unwrap_or(true),
                ports: ports.iter().filter_map(|port| port.int().and_then(Port::new)).collect(),
                certificate: match tls.get("certificate") {
                    Some(node) => self.certificate(node),
                    None => None,
                },
                validation: ClientValidation {
                    trust,
                    subject_alternative_names: self.alternative_names(validation),
                },
            }),
        })
    }

    pub(super) fn access_log(&mut self, logging: Option<&Node>) -> Option<AccessLog> {
        let file = logging?.at(&["accessLog", "file"])?;
        let path = self.text(file.get("path")?, "path")?;
        let format = match file.get("format") {
            None => None,
            Some(format) => match format.get("text") {
                Some(text) => self.text(text, "text").map(LogFormat::Text),
                None => {
                    let pairs = format.get("json").map(Node::items).unwrap_or_default();
                    Some(LogFormat::Json(self.pairs(pairs)))
                }
            },
        };
        Some(AccessLog { path, format })
    }
}
