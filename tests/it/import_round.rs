//! A mesh goes out as App Mesh's API JSON and comes back as it was, in every format.

use crate::support::{dialects, golden, root, shared};
use crate::written;
use meshctl::import::{Content, Format, Imported, Options, Source, export, import};
use meshctl::load;
use meshctl::model::{
    Bind, Capture, Certificate, Discovery, Duration, Matcher, Mesh, Pattern, PoolLimits, Protocol,
    RetryPolicy, RouteTimeout, Trust,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

fn read(name: &str, text: String) -> Imported {
    let source = Source { path: name.to_owned(), content: Content::Text(text), named: true };
    import(vec![source], &Options::default())
}

fn create_calls(mesh: &Mesh) -> Vec<Value> {
    export(mesh).resources.into_iter().map(|(_, value)| value).collect()
}

/// Fails unless the import has no error, no loss, and gives this mesh.
#[track_caller]
fn is(imported: &Imported, mesh: &Mesh, what: &str) {
    assert!(!imported.diagnostics.has_errors(), "{what}: {:?}", imported.diagnostics);
    let lost: Vec<_> = imported.report.iter().filter(|entry| entry.reason.is_loss()).collect();
    assert!(lost.is_empty(), "{what}: {lost:?}");
    assert_eq!(&imported.mesh, mesh, "{what}");
}

fn whole() -> Mesh {
    let text = fs::read_to_string(root().join("tests/cases/import-whole/mesh.toml")).unwrap();
    written::read(&text)
}

/// The mesh within App Mesh's bounds: what `export` says is outside is taken out, and what can be
/// said in two ways is said in App Mesh's.
fn within(mut mesh: Mesh) -> Mesh {
    mesh.settings.capture = Capture::Redirect;
    mesh.external_services.clear();
    let pool = |limits: &mut Option<PoolLimits>, protocol: Protocol| {
        let fits = limits.take().and_then(|own| match protocol {
            Protocol::Http => own.max_connections.map(|n| PoolLimits {
                max_connections: Some(n),
                max_pending_requests: own.max_pending_requests,
                max_requests: None,
            }),
            Protocol::Tcp => own
                .max_connections
                .map(|n| PoolLimits { max_connections: Some(n), ..Default::default() }),
            Protocol::Http2 | Protocol::Grpc => {
                own.max_requests.map(|n| PoolLimits { max_requests: Some(n), ..Default::default() })
            }
        });
        *limits = fits;
    };
    let timeout = |timeout: &mut RouteTimeout, protocol: Protocol| {
        if protocol == Protocol::Tcp {
            timeout.request = None;
        }
    };
    let client = |policy: &mut Option<meshctl::model::ClientPolicy>| {
        if let Some(tls) = policy.as_mut().and_then(|policy| policy.tls.as_mut())
            && matches!(tls.certificate, Some(Certificate::Acm(_)))
        {
            tls.certificate = None;
        }
    };
    let listener_tls = |tls: &mut Option<meshctl::model::ListenerTls>| {
        if let Some(tls) = tls
            && matches!(&tls.validation, Some(v) if matches!(v.trust, Trust::Acm(_)))
        {
            tls.validation = None;
        }
    };
    for node in mesh.nodes.values_mut() {
        node.capture = None;
        node.owner = None;
        node.patch = Default::default();
        if matches!(node.discovery, Some(Discovery::Static(_))) {
            node.discovery = None;
        }
        for listener in &mut node.listeners {
            listener.app = None;
            listener.address = None;
            listener.http = Default::default();
            listener.patch = Default::default();
            pool(&mut listener.connection_pool, listener.protocol);
            timeout(&mut listener.timeout, listener.protocol);
            listener_tls(&mut listener.tls);
        }
        for backend in &mut node.backends {
            backend.bind = Bind::default();
            client(&mut backend.client_policy);
        }
        let default = &mut node.backend_defaults.client_policy;
        client(default);
        // A default that says nothing is none.
        *default = default.take().filter(|policy| policy.tls.is_some());
    }
    for router in mesh.routers.values_mut() {
        let own = router.clone();
        for route in &mut router.routes {
            let protocol = own.listener_of(&route.matches).map_or(Protocol::Http, |l| l.protocol);
            timeout(&mut route.timeout, protocol);
            route.patch = None;
            for target in &mut route.targets {
                target.weight = target.weight.min(100);
            }
            if let Some(retry) = &mut route.retry {
                no_limit(retry);
            }
            normal(&mut route.matches.headers);
            normal(&mut route.matches.metadata);
        }
        let count = router.routes.len();
        if export_has_outside(&Mesh {
            routers: BTreeMap::from([("r".to_owned().try_into().unwrap(), router.clone())]),
            ..Default::default()
        }) {
            for (at, route) in (0..count as u16).zip(&mut router.routes) {
                route.priority = Some(at);
            }
        }
    }
    for gateway in mesh.gateways.values_mut() {
        gateway.owner = None;
        let default = &mut gateway.backend_defaults.client_policy;
        client(default);
        *default = default.take().filter(|policy| policy.tls.is_some());
        for listener in &mut gateway.listeners {
            listener.address = None;
            listener.http = Default::default();
            listener.patch = Default::default();
            pool(&mut listener.connection_pool, listener.protocol);
            listener_tls(&mut listener.tls);
        }
        for route in &mut gateway.routes {
            route.patch = None;
            normal(&mut route.matches.headers);
            normal(&mut route.matches.metadata);
            let own = gateway.listeners.iter().find(|l| Some(l.port) == route.matches.port);
            if own.is_some_and(|listener| listener.protocol == Protocol::Grpc) {
                route.rewrite.prefix = Default::default();
                route.rewrite.path = None;
            }
        }
        if export_has_outside(&Mesh {
            gateways: BTreeMap::from([("g".to_owned().try_into().unwrap(), gateway.clone())]),
            ..Default::default()
        }) {
            for (at, route) in (0..).zip(&mut gateway.routes) {
                route.priority = Some(at);
            }
        }
    }
    mesh
}

fn export_has_outside(mesh: &Mesh) -> bool {
    !export(mesh).outside.is_empty()
}

fn no_limit(retry: &mut RetryPolicy) {
    retry.per_retry_timeout = retry.per_retry_timeout.filter(|limit| *limit != Duration::default());
}

/// That something is absent is the inverse of that it is there.
fn normal(matchers: &mut BTreeMap<String, Vec<Matcher>>) {
    for matcher in matchers.values_mut().flatten() {
        if matcher.pattern == Pattern::Present(false) {
            matcher.pattern = Pattern::Present(true);
            matcher.invert = !matcher.invert;
        }
    }
}

/// Takes a mesh out and in, and asks that nothing changed and nothing was said to be outside.
fn round(mesh: Mesh, what: &str) {
    let mesh = within(mesh);
    let exported = export(&mesh);
    assert!(exported.outside.is_empty(), "{what}: {:?}", exported.outside);
    let text = format!("{:#}", json!(create_calls(&mesh)));
    is(&read("calls.json", text), &mesh, what);
}

#[test]
fn examples_go_out_and_come_back_as_they_were() {
    for (name, mesh) in written::examples() {
        round(mesh, &name);
    }
    round(whole(), "whole");
}

#[test]
fn random_meshes_go_out_and_come_back_as_they_were() {
    for seed in 0..300 {
        round(written::random(seed), &format!("seed {seed}"));
    }
}

#[test]
fn what_app_mesh_cannot_say_is_told() {
    let text = "[mesh]\nname = \"m\"\ncapture = \"explicit\"\n[virtual_node.a]\n\
        listeners = [{ port = 80, protocol = \"http\", app = \"127.0.0.1:1\" }]\n\
        discovery = { static = [\"10.0.0.1\"] }\n[virtual_router.r]\n\
        listeners = [{ port = 80, protocol = \"http\" }]\n\
        [[virtual_router.r.routes]]\nname = \"wide\"\nmatch = { prefix = \"/\" }\n\
        targets = { a = 101 }\n\
        [[virtual_router.r.routes]]\nname = \"narrow\"\nmatch = { prefix = \"/a\" }\n\
        targets = { a = 1 }\n";
    let keys: BTreeSet<String> = export(&written::read(text))
        .outside
        .into_iter()
        .map(|outside| format!("{} {}", outside.address, outside.key))
        .collect();
    let expected = [
        "mesh capture",
        "route/r/wide targets",
        "virtual_node/a discovery.static",
        "virtual_node/a listeners.app",
        "virtual_router/r routes",
    ];
    assert_eq!(keys.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn every_format_brings_the_same_mesh() {
    let mesh = whole();
    let calls = create_calls(&mesh);
    is(&read("calls.json", json!(calls).to_string()), &mesh, "api");
    is(&read("template.json", dialects::cloudformation(&calls)), &mesh, "cloudformation");
    is(&read("state.json", dialects::terraform(&calls)), &mesh, "terraform");
    is(&read("main.tf", dialects::hcl(&calls)), &mesh, "HCL");
    let untagged = without_tags(mesh);
    is(&read("objects.yaml", dialects::kubernetes(&calls)), &untagged, "kubernetes");
}

fn without_tags(mut mesh: Mesh) -> Mesh {
    mesh.settings.tags.clear();
    mesh.nodes.values_mut().for_each(|node| node.tags.clear());
    mesh.services.values_mut().for_each(|service| service.tags.clear());
    for router in mesh.routers.values_mut() {
        router.tags.clear();
        router.routes.iter_mut().for_each(|route| route.tags.clear());
    }
    for gateway in mesh.gateways.values_mut() {
        gateway.tags.clear();
        gateway.routes.iter_mut().for_each(|route| route.tags.clear());
    }
    mesh
}

/// The rows of the table of keys.
fn rows() -> Vec<String> {
    let text = fs::read_to_string(root().join("schemas/appmesh-keys.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split('\t').next().unwrap().to_owned()).collect()
}

#[test]
fn every_field_is_imported_from_every_format() {
    let mut met: BTreeMap<(Format, String), String> = BTreeMap::new();
    let calls = create_calls(&whole());
    let cases = [
        read("calls.json", json!(calls).to_string()),
        read("template.json", dialects::cloudformation(&calls)),
        read("state.json", dialects::terraform(&calls)),
        read("objects.yaml", dialects::kubernetes(&calls)),
    ];
    for imported in cases {
        for (format, field) in imported.fields {
            met.insert((format, field.to_owned()), "case".to_owned());
        }
    }
    // A sample that has the field is a better witness.
    let samples = shared("data/aws-app-mesh-examples");
    if let Some(samples) = &samples {
        let sources =
            load::read_sources(&[samples.canonicalize().unwrap()], &load::Exclude::default())
                .unwrap();
        for source in sources.into_iter().rev() {
            let path = source.path.split("aws-app-mesh-examples/").last().unwrap().to_owned();
            let path = path.trim_start_matches("walkthroughs/").to_owned();
            for (format, field) in import(vec![source], &Options::default()).fields {
                met.insert((format, field.to_owned()), path.clone());
            }
        }
    }
    let mut table =
        String::from("# Where each field of App Mesh's API is imported from, by format: ");
    table.push_str("a public sample, or `case`, which is\n# tests/cases/import-whole in that ");
    table.push_str("format. `-` where the format has no such field.\nfield");
    // A dump of Envoy has no fields of App Mesh.
    let formats = Format::ALL.into_iter().filter(|format| *format != Format::ConfigDump);
    let formats: Vec<Format> = formats.collect();
    for format in &formats {
        let _ = write!(table, "\t{}", format.as_str());
    }
    table.push('\n');
    let mut missing = Vec::new();
    for row in rows() {
        table.push_str(&row);
        for &format in &formats {
            let found = met.get(&(format, row.clone()));
            // Kubernetes resources have no tags of AWS.
            let lacks = format == Format::Kubernetes && row.ends_with(".tags");
            if found.is_none() && !lacks {
                missing.push(format!("{} {row}", format.as_str()));
            }
            let _ = write!(table, "\t{}", found.map_or("-", String::as_str));
        }
        table.push('\n');
    }
    assert!(missing.is_empty(), "{missing:#?}");
    if samples.is_some() {
        golden::check(&root().join("tests/cases/import-coverage.tsv"), &table);
    }
}

#[test]
fn the_words_of_the_preview_are_understood() {
    let text = r#"{ "meshName": "m", "virtualNodeName": "a", "spec": {
        "backends": ["b.internal"],
        "listeners": [{ "portMapping": { "port": 80, "protocol": "http" } }],
        "serviceDiscovery": { "dns": { "serviceName": "a.internal" } } } }"#;
    let mesh = written::read(
        "[mesh]\nname = \"m\"\n[virtual_node.a]\nbackends = [\"b.internal\"]\n\
         listeners = [{ port = 80, protocol = \"http\" }]\ndiscovery = { dns = \"a.internal\" }\n",
    );
    is(&read("node.json", text.to_owned()), &mesh, "preview");
}
