//! TLS, pools, health checks, timeouts, logs in App Mesh's words.

use super::{Exporter, pairs};
use crate::model::{
    AccessLog, BackendDefaults, Certificate, ClientPolicy, Duration, HealthCheck, ListenerTimeout,
    ListenerTls, LogFormat, MappedCertificate, MappedTrust, PoolLimits, Port, Protocol, TlsMode,
    Trust,
};
use serde_json::{Value, json};

/// A port and what is spoken on it.
pub(super) fn mapping(port: Port, protocol: Protocol) -> Value {
    json!({ "port": port, "protocol": protocol })
}

/// A length of time: whole seconds where that is exact.
pub(super) fn duration(duration: Duration) -> Value {
    let millis = duration.millis();
    match millis % 1000 {
        0 => json!({ "unit": "s", "value": millis / 1000 }),
        _ => json!({ "unit": "ms", "value": millis }),
    }
}

impl Exporter<'_> {
    /// The limits that App Mesh knows for a protocol.
    pub(super) fn pool(&mut self, limits: &PoolLimits, protocol: Protocol) -> Option<Value> {
        let PoolLimits { max_connections, max_pending_requests, max_requests } = limits;
        let mut member = json!({});
        let needed = match protocol {
            Protocol::Http => {
                if let Some(pending) = max_pending_requests {
                    member["maxPendingRequests"] = json!(pending);
                }
                self.none_of("connection_pool.max_requests", max_requests.as_ref());
                ("maxConnections", *max_connections)
            }
            Protocol::Tcp => {
                self.none_of("connection_pool.max_requests", max_requests.as_ref());
                self.none_of("connection_pool.max_pending_requests", max_pending_requests.as_ref());
                ("maxConnections", *max_connections)
            }
            Protocol::Http2 | Protocol::Grpc => {
                self.none_of("connection_pool.max_connections", max_connections.as_ref());
                self.none_of("connection_pool.max_pending_requests", max_pending_requests.as_ref());
                ("maxRequests", *max_requests)
            }
        };
        match needed {
            (key, Some(limit)) => {
                member[key] = json!(limit);
                Some(json!({ protocol.as_str(): member }))
            }
            (key, None) => {
                self.outside("connection_pool", format!("App Mesh asks for {key} in it"));
                None
            }
        }
    }

    /// Timeouts of a protocol.
    pub(super) fn timeout(
        &mut self,
        timeout: ListenerTimeout,
        protocol: Protocol,
    ) -> Option<Value> {
        let ListenerTimeout { request, idle } = timeout;
        let mut all = json!({});
        match request {
            Some(_) if protocol == Protocol::Tcp => {
                self.outside("timeout.request", "connections have no such timeout");
            }
            Some(request) => all["perRequest"] = duration(request),
            None => {}
        }
        if let Some(idle) = idle {
            all["idle"] = duration(idle);
        }
        all.as_object().is_some_and(|all| !all.is_empty()).then_some(all)
    }

    pub(super) fn health_check(&mut self, check: &HealthCheck) -> Value {
        let mut all = json!({
            "protocol": check.protocol,
            "intervalMillis": check.interval.millis(),
            "timeoutMillis": check.timeout.millis(),
            "healthyThreshold": check.healthy_threshold,
            "unhealthyThreshold": check.unhealthy_threshold,
        });
        if let Some(path) = &check.path {
            all["path"] = json!(path);
        }
        if let Some(port) = check.port {
            all["port"] = json!(port);
        }
        all
    }

    pub(super) fn listener_tls(&mut self, tls: &ListenerTls) -> Value {
        let mut all = json!({
            "mode": match tls.mode {
                TlsMode::Strict => "STRICT",
                TlsMode::Permissive => "PERMISSIVE",
                TlsMode::Disabled => "DISABLED",
            },
            "certificate": certificate(&tls.certificate),
        });
        if let Some(validation) = &tls.validation {
            if matches!(validation.trust, Trust::Acm(_) | Trust::Mapped(_)) {
                self.outside("tls.validation", "listeners of App Mesh do not take ACM authorities");
            } else {
                all["validation"] =
                    checked(&validation.trust, &validation.subject_alternative_names);
            }
        }
        all
    }

    pub(super) fn backend_defaults(&mut self, defaults: &BackendDefaults) -> Option<Value> {
        let policy = defaults.client_policy.as_ref()?;
        Some(json!({ "clientPolicy": self.client_policy(policy) }))
    }

    pub(super) fn client_policy(&mut self, policy: &ClientPolicy) -> Value {
        let Some(tls) = &policy.tls else { return json!({}) };
        let validation = &tls.validation;
        let mut all = json!({
            "enforce": tls.enforce,
            "validation": checked(&validation.trust, &validation.subject_alternative_names),
        });
        if !tls.ports.is_empty() {
            all["ports"] = json!(tls.ports);
        }
        match &tls.certificate {
            Some(Certificate::Acm(_) | Certificate::Mapped(_)) => {
                self.outside(
                    "client_policy.tls.certificate",
                    "clients of App Mesh show no ACM certificate",
                );
            }
            Some(own) => all["certificate"] = certificate(own),
            None => {}
        }
        json!({ "tls": all })
    }
}

fn certificate(certificate: &Certificate) -> Value {
    match certificate {
        Certificate::File(file) => {
            json!({ "file": { "certificateChain": file.chain, "privateKey": file.key } })
        }
        Certificate::Sds(name) => json!({ "sds": { "secretName": name } }),
        // What it is mapped to is of the project alone.
        Certificate::Acm(acm) | Certificate::Mapped(MappedCertificate { acm, to: _ }) => {
            json!({ "acm": { "certificateArn": acm } })
        }
    }
}

fn checked(trust: &Trust, names: &[String]) -> Value {
    let trust = match trust {
        Trust::File(path) => json!({ "file": { "certificateChain": path } }),
        Trust::Sds(name) => json!({ "sds": { "secretName": name } }),
        Trust::Acm(acm) | Trust::Mapped(MappedTrust { acm, to: _ }) => {
            json!({ "acm": { "certificateAuthorityArns": acm } })
        }
    };
    match names.is_empty() {
        true => json!({ "trust": trust }),
        false => {
            json!({ "trust": trust, "subjectAlternativeNames": { "match": { "exact": names } } })
        }
    }
}

/// Where a proxy logs.
pub(super) fn logging(log: &AccessLog) -> Value {
    let mut file = json!({ "path": log.path });
    match &log.format {
        Some(LogFormat::Text(text)) => file["format"] = json!({ "text": text }),
        Some(LogFormat::Json(table)) => file["format"] = json!({ "json": pairs(table) }),
        None => {}
    }
    json!({ "accessLog": { "file": file } })
}
