//! Figures for Prometheus. They name no mesh and no proxy: who reads them need not be known.

use crate::model::MeshName;
use crate::serve::audit::Health;
use crate::serve::hub::Counts;
use crate::serve::mesh::Mesh;
use crate::serve::plane::Plane;
use axum::http::Method;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// Name, description, and where it is counted.
type Work = (&'static str, &'static str, fn(&Counts) -> u64);

/// The work of the data plane, as it is told.
const WORK: [Work; 7] = [
    ("xds_encodes", "Resources that were encoded", |work| work.encodes),
    ("xds_requests", "Requests of proxies", |work| work.requests),
    ("xds_refusals", "Requests of proxies that refuse something", |work| work.refusals),
    ("xds_responses", "Responses to proxies", |work| work.responses),
    ("xds_resources", "Resources in responses to proxies", |work| work.resources),
    ("xds_resource_bytes", "Bytes of resources in responses to proxies", |work| work.bytes),
    ("xds_panics", "Streams of proxies that a bug has ended", |work| work.panics),
];

/// What the disk does not take.
pub(super) struct Unwritten {
    pub(super) audit: Health,
    pub(super) revocations: usize,
}

/// The figures of one server.
pub(in crate::serve) struct Metrics {
    registry: Registry,
    reads: Counter,
    writes: Counter,
    refused: Counter,
    meshes: Gauge,
    envoys: Gauge,
    behind: Gauge,
    nacked: Gauge,
    audit_failing: Gauge,
    audit_waiting: Gauge,
    audit_lost: Gauge,
    unwritten: Gauge,
    xds_budgeted: Gauge,
    admin_bodies: Gauge,
    /// In the order of [`WORK`].
    work: [Counter; WORK.len()],
}

impl Metrics {
    pub(in crate::serve) fn new() -> Self {
        let mut registry = Registry::with_prefix("meshctl");
        let mut counter = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let reads = counter("admin_reads", "Requests of the admin API that look");
        let writes = counter("admin_writes", "Requests of the admin API that send something");
        let refused = counter("admin_refused", "Requests of the admin API that were not let in");
        let work = WORK.map(|(name, help, _)| counter(name, help));
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let meshes = gauge("meshes", "Meshes that the server holds");
        let envoys = gauge("envoys_connected", "Envoys that are connected");
        let behind = gauge("envoys_behind", "Envoys that lack something that they are to have");
        let nacked = gauge("envoys_nacked", "Envoys that refused something");
        let failing = "Whether the audit log cannot be written (1) or can (0)";
        let audit_failing = gauge("audit_failing", failing);
        let waiting = "Lines of the audit log that wait for the disk";
        let audit_waiting = gauge("audit_waiting_lines", waiting);
        let audit_lost = gauge("audit_lost_lines", "Lines of the audit log that were not kept");
        let unwritten = gauge("revocations_unwritten", "Revocations that a restart would forget");
        let budgeted = "Bytes of names and requests that count against the budgets of identities";
        let xds_budgeted = gauge("xds_budgeted_bytes", budgeted);
        let bodies = "Bytes of bodies of the admin API that are received or worked on";
        let admin_bodies = gauge("admin_body_bytes", bodies);
        Self {
            registry,
            reads,
            writes,
            refused,
            meshes,
            envoys,
            behind,
            nacked,
            audit_failing,
            audit_waiting,
            audit_lost,
            unwritten,
            xds_budgeted,
            admin_bodies,
            work,
        }
    }

    pub(super) fn answered(&self, method: &Method) {
        match *method == Method::GET {
            true => self.reads.inc(),
            false => self.writes.inc(),
        };
    }

    pub(super) fn refused(&self) {
        self.refused.inc();
    }

    /// The figures now, as text. `bodies` are the bytes that are held for operators.
    pub(super) fn text(
        &self,
        plane: &dyn Plane,
        meshes: &Mutex<BTreeMap<MeshName, Arc<Mesh>>>,
        lacks: &Unwritten,
        bodies: usize,
    ) -> String {
        let names: Vec<MeshName> =
            meshes.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        let (mut envoys, mut behind, mut nacked) = (0, 0, 0);
        for envoy in names.iter().flat_map(|name| plane.report(name)).flat_map(|(_, all)| all) {
            envoys += 1;
            behind += i64::from(!envoy.is_in_force());
            nacked += i64::from(!envoy.refused.is_empty());
        }
        self.meshes.set(i64::try_from(names.len()).unwrap_or(i64::MAX));
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.audit_failing.set(i64::from(lacks.audit.failure.is_some()));
        self.audit_waiting.set(count(lacks.audit.waiting));
        self.audit_lost.set(i64::try_from(lacks.audit.lost).unwrap_or(i64::MAX));
        self.unwritten.set(count(lacks.revocations));
        self.xds_budgeted.set(count(plane.budgeted()));
        self.admin_bodies.set(count(bodies));
        self.envoys.set(envoys);
        self.behind.set(behind);
        self.nacked.set(nacked);
        let work = plane.work();
        for (counter, (_, _, read)) in self.work.iter().zip(WORK) {
            counter.inner().store(read(&work), Ordering::Relaxed);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
