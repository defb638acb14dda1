//! Imported meshes on live Envoys: what the walkthroughs show is what requests meet. And the other
//! way round: what a running proxy says of itself is imported.

use crate::import_samples::{VARS, samples};
use crate::support::mesh::Live;
use meshctl::import::{Content, Imported, Options, Source, import};
use meshctl::load::read_sources;
use std::time::Instant;

/// Imports samples, with the values that the tests of samples use.
fn imported(sources: &[&str]) -> Option<Imported> {
    let samples = samples()?;
    let paths: Vec<_> = sources.iter().map(|source| samples.join(source)).collect();
    let pair = |var: &&str| var.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let vars = VARS.iter().map(pair).collect();
    let imported = import(read_sources(&paths).unwrap(), &Options { vars, ..Default::default() });
    assert!(!imported.diagnostics.has_errors(), "{:?}", imported.diagnostics);
    Some(imported)
}

fn dumped(live: &Live, proxy: &str) -> Imported {
    let text = live.admin(proxy, "/config_dump");
    let source = Source { path: "dump.json".to_owned(), content: Content::Text(text), named: true };
    let imported = import(vec![source], &Options::default());
    assert!(!imported.diagnostics.has_errors(), "{:?}", imported.diagnostics);
    imported
}

#[test]
fn a_dump_of_a_running_node_has_its_services_and_routes() {
    let live = Live::example("shop");
    let imported = dumped(&live, "virtual_node/checkout");
    let mesh = &imported.mesh;
    assert_eq!(mesh.settings.name.as_str(), "shop");
    let original = &live.loaded().mesh;
    let node = &mesh.nodes["checkout"];
    let called: Vec<&str> = node.backends.iter().map(|b| b.service.as_str()).collect();
    assert_eq!(called, ["cart.shop.internal", "catalog.shop.internal"]);
    for (service, router) in [("cart.shop.internal", "cart"), ("catalog.shop.internal", "catalog")]
    {
        let made = mesh.services[service].router.as_ref().unwrap();
        let (made, original) = (&mesh.routers[made.as_str()], &original.routers[router]);
        assert_eq!(made.listeners, original.listeners, "{service}");
        assert_eq!(made.routes.len(), original.routes.len(), "{service}");
        for (made, original) in made.routes.iter().zip(&original.routes) {
            assert_eq!(made.name, original.name);
            assert_eq!(made.matches, original.matches, "{}", made.name);
            assert_eq!(made.timeout, original.timeout, "{}", made.name);
            let weights = |route: &meshctl::model::Route| -> Vec<(String, u32)> {
                route.targets.iter().map(|t| (t.node.to_string(), t.weight)).collect()
            };
            assert_eq!(weights(made), weights(original), "{}", made.name);
        }
    }
    assert!(imported.losses() > 0, "what a dump cannot tell is told");
}

#[test]
fn a_dump_of_a_running_gateway_has_its_routes() {
    let live = Live::example("shop");
    let imported = dumped(&live, "virtual_gateway/edge");
    let original = &live.loaded().mesh.gateways["edge"];
    let gateway = &imported.mesh.gateways["edge"];
    assert_eq!(gateway.listeners.len(), 1);
    for original in &original.routes {
        let made = gateway.routes.iter().find(|route| route.name == original.name);
        let made = made
            .unwrap_or_else(|| panic!("{}: {gateway:#?} {:#?}", original.name, imported.report));
        assert_eq!(made.service.name, original.service.name, "{}", made.name);
        assert_eq!(made.rewrite, original.rewrite, "{}", made.name);
        assert_eq!(made.matches.hostname, original.matches.hostname, "{}", made.name);
        assert_eq!(made.matches.path, original.matches.path, "{}", made.name);
        assert_eq!(made.matches.method, original.matches.method, "{}", made.name);
    }
}

#[test]
fn headers_and_paths_choose_as_in_the_walkthrough_of_the_ingress() {
    let Some(imported) = imported(&["walkthroughs/howto-k8s-http-ingress-v2"]) else { return };
    let live = Live::mesh(&imported.text);
    let get = |url: &str, headers: &[(&str, &str)]| {
        let answer = live.call("virtual_gateway/ingress-gw_ns", "GET", url, headers);
        let path = answer.field("path").as_str().unwrap_or("-").to_owned();
        format!("{} {path}", answer.brief())
    };
    let paths = "http://x";
    assert_eq!(get(&format!("{paths}/paths/green"), &[]), "200 green_ns /paths/green");
    assert_eq!(get(&format!("{paths}/paths/blue"), &[]), "200 blue_ns /blue");
    assert_eq!(get(&format!("{paths}/paths/red"), &[]), "200 red_ns /red");
    assert_eq!(get(&format!("{paths}/rewrite/path/blue"), &[]), "200 blue_ns /blue");
    assert_eq!(get(&format!("{paths}/test/tango"), &[]), "200 red_ns /red/tango");
    assert_eq!(
        get(&format!("{paths}/query?color_type=white"), &[]),
        "200 white_ns /?color_type=white"
    );
    let yellow = get(&format!("{paths}/headers"), &[("color_header", "yellow")]);
    assert_eq!(yellow, "200 yellow_ns /headers");
    let post = live.call("virtual_gateway/ingress-gw_ns", "POST", "http://x/post", &[]);
    assert_eq!(post.status(), 404, "only GET is matched by the method");
}

#[test]
fn each_listener_of_the_walkthrough_has_its_own_way() {
    let Some(imported) = imported(&["walkthroughs/howto-k8s-multiple-listeners"]) else { return };
    let live = Live::mesh(&imported.text);
    for port in [8080, 8090] {
        let url = format!("http://x:{port}/");
        let answer = live.call("virtual_gateway/colors-gw_colors", "GET", &url, &[]);
        assert_eq!(answer.brief(), "200 multi-colors_colors", "{port}");
    }
}

#[test]
fn retries_of_the_grpc_walkthrough_are_those_of_its_route() {
    let sources = ["walkthroughs/howto-grpc/mesh.yaml"];
    let Some(imported) = imported(&sources) else { return };
    // The later state of the walkthrough: the route with its retries.
    let route = "match = { service_name = \"color.ColorService\", method_name = \"GetColor\" }\n";
    let retry = "retry = { on = [\"internal\"], max_retries = 3, per_retry_timeout = \"2s\" }\n";
    assert!(imported.text.contains(route), "{}", imported.text);
    let text = imported.text.replace(route, &format!("{route}{retry}"));
    let live = Live::mesh(&text);
    let call = |status: &str, first: &str, key: &str| {
        let url = "grpc://color_server.colors.local/color.ColorService/GetColor";
        let metadata = [
            ("x-upstream-grpc-status", status),
            ("x-upstream-fail-first", first),
            ("x-upstream-key", key),
        ];
        live.call("virtual_node/color_client", "POST", url, &metadata).0.grpc_status().unwrap()
    };
    assert_eq!(call("13", "3", "a"), 0, "three retries of `internal`");
    assert_eq!(call("13", "4", "b"), 13, "but not four");
    assert_eq!(call("8", "1", "c"), 8, "`resource-exhausted` is not named");
}

#[test]
fn the_colors_of_the_header_walkthrough_are_chosen_by_the_header() {
    let Some(imported) = imported(&["walkthroughs/howto-k8s-http-headers"]) else { return };
    let live = Live::mesh(&imported.text);
    let color = |headers: &[(&str, &str)]| {
        let url = "http://color.ns.svc.cluster.local:8080/";
        live.call("virtual_node/front-ns", "GET", url, headers).node()
    };
    assert_eq!(color(&[("color_header", "blue")]), "blue-ns");
    assert_eq!(color(&[("color_header", "redder")]), "red-ns");
    assert_eq!(color(&[("color_header", "evergreen")]), "green-ns");
    assert_eq!(color(&[("color_header", "pink")]), "yellow-ns", "it is there");
    assert_eq!(color(&[]), "white-ns");
}

#[test]
fn a_timeout_of_the_walkthrough_ends_a_slow_answer() {
    let Some(imported) = imported(&["walkthroughs/howto-k8s-retry-policy/v1beta2"]) else { return };
    // The walkthrough of timeouts, whose routes are files of their own, on this small mesh.
    let route = "name = \"color-route\"\n";
    assert!(imported.text.contains(route), "{}", imported.text);
    let text = imported.text.replace(route, &format!("{route}timeout = {{ request = \"1s\" }}\n"));
    let live = Live::mesh(&text);
    let url = "http://color.ns.svc.cluster.local:8080/";
    let call = |delay: &str| {
        live.call("virtual_node/front_ns", "GET", url, &[("x-upstream-delay-ms", delay)]).status()
    };
    assert_eq!(call("0"), 200);
    let start = Instant::now();
    assert_eq!(call("15000"), 504);
    assert!(start.elapsed().as_secs() < 15, "before the application answers");
}

/// Writes an authority and a certificate that it gave, for these names.
fn certificates(folder: &std::path::Path, file: &str, names: &[&str]) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = authority.self_signed(&key).unwrap();
    std::fs::write(folder.join("ca.pem"), own.pem()).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = rcgen::KeyPair::generate().unwrap();
    let signed = rcgen::CertificateParams::new(names).unwrap().signed_by(&leaf, &issuer).unwrap();
    std::fs::write(folder.join(format!("{file}_cert_chain.pem")), signed.pem()).unwrap();
    std::fs::write(folder.join(format!("{file}_key.pem")), leaf.serialize_pem()).unwrap();
}

#[test]
fn tls_from_files_is_that_of_the_walkthrough() {
    let Some(imported) = imported(&["walkthroughs/howto-tls-file-provided"]) else { return };
    let keys = tempfile::tempdir().unwrap();
    let text = imported.text.replace("\"/keys/", &format!("\"{}/", keys.path().display()));
    // Under `dev` nodes are found by address, so the name to be shown is said.
    let trust = "validation = { trust = {";
    assert!(text.contains(trust), "{text}");
    let names =
        "validation = { subject_alternative_names = [\"colorteller.colors.local\"], trust = {";
    let text = text.replace(trust, names);
    let call = || {
        let live = Live::mesh(&text);
        let answer = live.call("virtual_gateway/ColorGateway", "GET", "http://x/", &[]);
        let handshakes = live.admin("virtual_gateway/ColorGateway", "/stats?filter=ssl");
        (answer.brief(), handshakes)
    };
    // Green is another stage of the walkthrough: it has no weight, and shows the same.
    certificates(keys.path(), "colorteller_green", &["colorteller.colors.local"]);
    certificates(keys.path(), "colorteller_white", &["colorteller.colors.local"]);
    let (answer, handshakes) = call();
    assert_eq!(answer, "200 ColorTellerWhite", "{handshakes}");
    let shaken = |line: &str| line.contains("ColorTellerWhite") && !line.ends_with(": 0");
    assert!(handshakes.lines().any(shaken), "{handshakes}");
    // A certificate of another authority is not believed.
    certificates(keys.path(), "colorteller_green", &["colorteller.colors.local"]);
    let (answer, _) = call();
    assert_eq!(answer, "503");
}
