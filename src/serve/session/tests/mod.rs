//! Sessions as lists of events: what a client asks and is told, without a socket.

use super::*;
use crate::envoy::xds::{Asks, Node, Request};
use crate::envoy::{ProxyConfig, Resource, Side};
use crate::revision::StepId;
use envoy_api::Any;
use std::collections::BTreeMap;

mod delta;
mod model;
mod order;
mod refusal;
mod state;

use ResourceType::{Cluster, ClusterLoadAssignment, Listener, RouteConfiguration};

const LDS: &str = Listener.type_url();
const RDS: &str = RouteConfiguration.type_url();
const CDS: &str = Cluster.type_url();
const EDS: &str = ClusterLoadAssignment.type_url();
const NODE: &str = "mesh/m/virtual_node/n";

/// One client and its server, without anything between them.
struct Bench {
    view: View,
    session: Session,
    config: BTreeMap<(ResourceType, String), Arc<Resource>>,
    revision: u64,
    limits: Limits,
}

impl Bench {
    /// A proxy that is to have some resources: `cds a` or `cds a needs`, `eds a`, `rds r a b`,
    /// `lds l r`. A version follows a name after `@`.
    fn new(resources: &[&str]) -> Self {
        let mut bench = Self::unloaded(Protocol::Delta);
        bench.put(resources);
        bench
    }

    fn unloaded(protocol: Protocol) -> Self {
        let limits = Limits::default();
        Self {
            view: View::default(),
            session: Session::new(protocol, "s".to_owned(), &limits),
            config: BTreeMap::new(),
            revision: 0,
            limits,
        }
    }

    fn state(resources: &[&str]) -> Self {
        let mut bench = Self::unloaded(Protocol::State);
        bench.put(resources);
        bench
    }

    fn step(&self) -> Option<StepId> {
        (self.revision > 0).then_some(StepId { revision: self.revision, number: 1 })
    }

    /// The whole of what the proxy is to have from now on.
    fn put(&mut self, resources: &[&str]) {
        let before = self.step();
        self.revision += 1;
        self.config = resources
            .iter()
            .map(|text| resource(text))
            .map(|r| ((r.kind, r.name.clone()), r))
            .collect();
        let proxy = "virtual_node/n".parse().expect("a proxy");
        let config = ProxyConfig { proxy, resources: self.config.clone() };
        let step = self.step().expect("a step");
        let changed =
            self.view.become_config(step, &config, |resource| Arc::new(Content::new(resource)));
        self.session.changed(&self.view, &changed, before);
    }

    /// The same server, and a new stream.
    fn reconnect(&mut self) {
        let protocol = self.session.protocol();
        self.session = Session::new(protocol, format!("s{}", self.revision), &self.limits);
    }

    fn ask(&mut self, request: &Request) -> Result<(), Fault> {
        self.session.request(request, &self.view)
    }

    #[track_caller]
    fn subscribe(&mut self, url: &str, names: &[&str]) {
        self.ask(&subscribe(url, names)).expect("a good request");
    }

    /// All that may be sent now, one line a response: `cds +a@1 -b`.
    fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).map(|(line, _)| line).collect()
    }

    /// The next response as a line, and what acknowledges it.
    fn next(&mut self) -> Option<(String, Request)> {
        let response = self.session.next(&self.view)?;
        let kind = ResourceType::ALL.into_iter().find(|kind| kind.type_url() == response.type_url);
        let mut line = kind.map_or("other".to_owned(), |kind| kind.to_string());
        let names = response.resources.iter().map(|content| &*content.name);
        let mut names: Vec<&str> = names.chain(response.removed.iter().map(|n| &**n)).collect();
        names.sort_unstable();
        assert!(names.is_sorted_by(|a, b| a < b), "X18: a name twice in {names:?}");
        for content in &response.resources {
            let resource =
                self.config.values().find(|r| r.kind == content.kind && *r.name == *content.name);
            let version = resource.map_or("?", |r| &r.origins[0].1);
            line.push_str(&format!(" +{}{version}", content.name));
        }
        for name in &response.removed {
            line.push_str(&format!(" -{name}"));
        }
        let asks = match self.session.protocol() {
            Protocol::Delta => delta(&[], &[], &[]),
            Protocol::State => Asks::State { names: Vec::new() },
        };
        let ack = Request { nonce: response.nonce.clone(), ..request(&response.type_url, asks) };
        Some((line, ack))
    }

    /// Sends and acknowledges until there is nothing more.
    fn settle(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some((line, ack)) = self.next() {
            lines.push(line);
            self.ask(&ack).expect("an ACK");
        }
        lines
    }

    /// A proxy that has taken everything.
    fn settled(resources: &[&str]) -> Self {
        let mut bench = Self::new(resources);
        bench.start();
        bench.settle();
        assert_eq!(bench.progress().step, bench.step());
        bench
    }

    /// Asks for what a proxy asks for: all clusters and listeners, the rest by name.
    fn start(&mut self) {
        self.subscribe(CDS, &[]);
        self.by_name(EDS);
        self.subscribe(LDS, &[]);
        self.by_name(RDS);
    }

    fn by_name(&mut self, url: &str) {
        let names: Vec<String> = self
            .config
            .values()
            .filter(|r| r.kind.type_url() == url)
            .map(|r| r.name.clone())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if !names.is_empty() {
            self.subscribe(url, &names);
        }
    }

    fn progress(&self) -> Progress {
        self.session.progress(&self.view, self.step())
    }

    fn lacks(&self) -> Vec<String> {
        self.progress().lacks.into_iter().map(|(kind, name)| format!("{kind} {name}")).collect()
    }
}

fn request(url: &str, asks: Asks) -> Request {
    let node = Some(Node { id: NODE.to_owned(), build: String::new() });
    Request { node, type_url: url.to_owned(), nonce: String::new(), refused: None, asks, size: 0 }
}

fn delta(subscribe: &[&str], unsubscribe: &[&str], initial: &[(&str, &str)]) -> Asks {
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    Asks::Delta {
        subscribe: owned(subscribe),
        unsubscribe: owned(unsubscribe),
        initial: initial.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
    }
}

fn subscribe(url: &str, names: &[&str]) -> Request {
    request(url, delta(names, &[], &[]))
}

fn nack(ack: Request, why: &str) -> Request {
    Request { refused: Some(why.to_owned()), ..ack }
}

/// `KIND NAME[@VERSION] [NEEDED…]`
fn resource(text: &str) -> Arc<Resource> {
    let mut words = text.split(' ');
    let kind = words.next().expect("a type");
    let kind = ResourceType::ALL.into_iter().find(|k| k.as_str() == kind).expect("a type");
    let word = words.next().expect("a name");
    let (name, version) = word.split_once('@').unwrap_or((word, ""));
    let mark = if version.is_empty() { String::new() } else { format!("@{version}") };
    let needs: Vec<&str> = words.collect();
    let message = message(kind, name, &mark, &needs);
    let mut version = envoy_api::wire_hash(&message);
    version.truncate(16);
    // The version as the test wrote it goes along as an origin.
    let origins = vec![(crate::model::Address::Mesh, mark)];
    Arc::new(Resource {
        kind,
        name: name.to_owned(),
        side: Side::Egress,
        message,
        version,
        origins,
    })
}

fn message(kind: ResourceType, name: &str, mark: &str, needs: &[&str]) -> Any {
    let url = kind.type_url();
    let json = match kind {
        Cluster => {
            let eds = needs.first().map_or(String::new(), |eds| {
                format!(r#""type": "EDS", "eds_cluster_config": {{"service_name": "{eds}"}},"#)
            });
            format!(r#"{{"@type": "{url}", {eds} "name": "{name}", "alt_stat_name": "{mark}"}}"#)
        }
        ClusterLoadAssignment => format!(
            r#"{{"@type": "{url}", "cluster_name": "{name}", "endpoints": [{{"priority": {}}}]}}"#,
            mark.trim_start_matches('@').parse().unwrap_or(0)
        ),
        RouteConfiguration => {
            let routes: Vec<String> = needs
                .iter()
                .map(|c| {
                    format!(r#"{{"match": {{"prefix": "/"}}, "route": {{"cluster": "{c}"}}}}"#)
                })
                .collect();
            format!(
                r#"{{"@type": "{url}", "name": "{name}", "virtual_hosts": [{{"name": "v{mark}", "domains": ["*"], "routes": [{}]}}]}}"#,
                routes.join(",")
            )
        }
        Listener => {
            let manager = "type.googleapis.com/envoy.extensions.filters.network.\
                           http_connection_manager.v3.HttpConnectionManager";
            let filters: Vec<String> = needs
                .iter()
                .map(|routes| {
                    format!(
                        r#"{{"name": "f", "typed_config": {{"@type": "{manager}", "rds": {{"route_config_name": "{routes}"}}}}}}"#
                    )
                })
                .collect();
            let filters = filters.join(",");
            format!(
                r#"{{"@type": "{url}", "name": "{name}", "stat_prefix": "{mark}", "filter_chains": [{{"filters": [{filters}]}}]}}"#
            )
        }
        ResourceType::Secret => format!(
            r#"{{"@type": "{url}", "name": "{name}", "generic_secret": {{"secret": {{"inline_string": "{mark}"}}}}}}"#
        ),
    };
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    envoy_api::any_from_json(&json).expect("a message")
}
