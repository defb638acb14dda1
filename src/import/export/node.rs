//! Nodes and gateways in App Mesh's words.

use super::policy::{duration, logging, mapping};
use super::{Exporter, ip_preference, pairs};
use crate::model::{
    Backend, Discovery, DnsResponseType, GatewayListener, Listener, NodePatch, Protocol,
    VirtualGateway, VirtualNode,
};
use serde_json::{Value, json};

impl Exporter<'_> {
    pub(super) fn node(&mut self, node: &VirtualNode) -> Value {
        let mut spec = json!({});
        if !node.listeners.is_empty() {
            spec["listeners"] = node.listeners.iter().map(|l| self.listener(l)).collect();
        }
        if !node.backends.is_empty() {
            spec["backends"] = node.backends.iter().map(|backend| self.backend(backend)).collect();
        }
        if let Some(defaults) = self.backend_defaults(&node.backend_defaults) {
            spec["backendDefaults"] = defaults;
        }
        if let Some(log) = &node.access_log {
            spec["logging"] = logging(log);
        }
        if let Some(discovery) = node.discovery.as_ref().and_then(|d| self.discovery(d)) {
            spec["serviceDiscovery"] = discovery;
        }
        if !node.proxy {
            self.outside("proxy", "App Mesh expected a proxy beside every node");
        }
        self.none_of("capture", node.capture.as_ref());
        if node.patch != NodePatch::default() {
            self.outside("patch", "App Mesh had no way to Envoy's own fields");
        }
        spec
    }

    fn listener(&mut self, listener: &Listener) -> Value {
        let mut all = json!({ "portMapping": mapping(listener.port, listener.protocol) });
        let pool = listener.connection_pool.as_ref();
        if let Some(pool) = pool.and_then(|limits| self.pool(limits, listener.protocol)) {
            all["connectionPool"] = pool;
        }
        if let Some(check) = &listener.health_check {
            all["healthCheck"] = self.health_check(check);
        }
        if let Some(outlier) = &listener.outlier_detection {
            all["outlierDetection"] = json!({
                "maxServerErrors": outlier.max_server_errors,
                "interval": duration(outlier.interval),
                "baseEjectionDuration": duration(outlier.base_ejection_duration),
                "maxEjectionPercent": outlier.max_ejection_percent,
            });
        }
        if let Some(timeout) = self.timeout(listener.timeout, listener.protocol) {
            all["timeout"] = json!({ listener.protocol.as_str(): timeout });
        }
        if let Some(tls) = &listener.tls {
            all["tls"] = self.listener_tls(tls);
        }
        self.none_of("listeners.app", listener.app.as_ref());
        self.none_of("listeners.address", listener.address.as_ref());
        if listener.http != Default::default() {
            self.outside("listeners.http", "App Mesh had no such settings of HTTP");
        }
        if listener.patch != Default::default() {
            self.outside("listeners.patch", "App Mesh had no way to Envoy's own fields");
        }
        all
    }

    fn discovery(&mut self, discovery: &Discovery) -> Option<Value> {
        match discovery {
            Discovery::Dns(dns) => {
                let mut all = json!({ "hostname": dns.hostname });
                if dns.response_type == DnsResponseType::Endpoints {
                    all["responseType"] = json!("ENDPOINTS");
                }
                if let Some(preference) = dns.ip_preference {
                    all["ipPreference"] = json!(ip_preference(preference));
                }
                Some(json!({ "dns": all }))
            }
            Discovery::Registry(registry) => {
                let mut all = json!({
                    "namespaceName": registry.namespace,
                    "serviceName": registry.service,
                });
                if !registry.attributes.is_empty() {
                    all["attributes"] = pairs(&registry.attributes);
                }
                if let Some(preference) = registry.ip_preference {
                    all["ipPreference"] = json!(ip_preference(preference));
                }
                Some(json!({ "awsCloudMap": all }))
            }
            Discovery::Static(_) => {
                self.outside("discovery.static", "App Mesh finds nodes by DNS or Cloud Map only");
                None
            }
        }
    }

    fn backend(&mut self, backend: &Backend) -> Value {
        let mut service = json!({ "virtualServiceName": backend.service });
        if let Some(policy) = &backend.client_policy {
            service["clientPolicy"] = self.client_policy(policy);
        }
        if !backend.bind.is_empty() {
            self.outside("backends.bind", "App Mesh always redirected packets");
        }
        json!({ "virtualService": service })
    }

    pub(super) fn gateway(&mut self, gateway: &VirtualGateway) -> Value {
        let listeners: Vec<Value> =
            gateway.listeners.iter().map(|listener| self.gateway_listener(listener)).collect();
        let mut spec = json!({ "listeners": listeners });
        if let Some(defaults) = self.backend_defaults(&gateway.backend_defaults) {
            spec["backendDefaults"] = defaults;
        }
        if let Some(log) = &gateway.access_log {
            spec["logging"] = logging(log);
        }
        spec
    }

    fn gateway_listener(&mut self, listener: &GatewayListener) -> Value {
        let mut all = json!({ "portMapping": mapping(listener.port, listener.protocol) });
        let pool = listener.connection_pool.as_ref();
        if let Some(pool) = pool.and_then(|limits| self.pool(limits, listener.protocol)) {
            all["connectionPool"] = pool;
        }
        match &listener.health_check {
            Some(check) if check.protocol == Protocol::Tcp => {
                self.outside("listeners.health_check", "gateways of App Mesh have no check by tcp");
            }
            Some(check) => all["healthCheck"] = self.health_check(check),
            None => {}
        }
        if let Some(tls) = &listener.tls {
            all["tls"] = self.listener_tls(tls);
        }
        self.none_of("listeners.address", listener.address.as_ref());
        if listener.http != Default::default() {
            self.outside("listeners.http", "App Mesh had no such settings of HTTP");
        }
        if listener.patch != Default::default() {
            self.outside("listeners.patch", "App Mesh had no way to Envoy's own fields");
        }
        all
    }
}
