//! Imported meshes on live Envoys: what the walkthroughs show is what requests meet. And the other
//! way round: what a running proxy says of itself is imported.

use crate::import_samples::{VARS, samples};
use crate::support::mesh::Live;
use meshctl::import::{Content, Imported, Options, Source, import};
use meshctl::load::{Exclude, read_sources};
use std::time::Instant;

/// Imports samples, with the values that the tests of samples use and more; of several states the
/// later.
fn imported(sources: &[&str], more: &[&str]) -> Option<Imported> {
    let samples = samples()?;
    let paths: Vec<_> = sources.iter().map(|source| samples.join(source)).collect();
    let pair = |var: &&str| var.split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mesh = more.iter().find_map(|more| more.strip_prefix("--mesh=")).map(str::to_owned);
    let vars = VARS.iter().chain(more).map(pair).collect();
    // The file of this service holds a spec alone; the walkthrough's script names the service.
    let names = [("colorteller-vs".to_owned(), "colorteller-vs".to_owned())].into();
    let options = Options { vars, later: true, mesh, names, ..Default::default() };
    let imported = import(read_sources(&paths, &Exclude::default()).unwrap(), &options);
    assert!(!imported.diagnostics.has_errors(), "{:?}", imported.diagnostics);
    assert_eq!(imported.losses(), 0, "{:?}", imported.report);
    Some(imported)
}

/// Runs what an import wrote, byte for byte, with an overlay beside it.
fn live(sources: &[&str], more: &[&str], overlay: &str) -> Option<Live> {
    Some(Live::project(&imported(sources, more)?.project, overlay))
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
fn dumps_of_all_proxies_of_a_running_mesh_are_one_mesh() {
    let live = Live::example("shop");
    let original = &live.loaded().mesh;
    let nodes = original.nodes.keys().map(|name| format!("virtual_node/{name}"));
    let gateways = original.gateways.keys().map(|name| format!("virtual_gateway/{name}"));
    let proxies: Vec<String> = nodes.chain(gateways).collect();
    let mut sources: Vec<Source> = Vec::new();
    // Two replicas of each, in any order of the files.
    for (at, proxy) in proxies.iter().chain(&proxies).enumerate() {
        let content = Content::Text(live.admin(proxy, "/config_dump"));
        sources.push(Source { path: format!("{at}.json"), content, named: true });
    }
    sources.rotate_left(3);
    let imported = import(sources, &Options::default());
    assert!(!imported.diagnostics.has_errors(), "{:?}", imported.diagnostics);
    assert_eq!(imported.proxies.len(), proxies.len());
    let mesh = &imported.mesh;
    let names = |mesh: &meshctl::model::Mesh| -> (Vec<String>, Vec<String>, Vec<String>) {
        (
            mesh.nodes.keys().map(ToString::to_string).collect(),
            mesh.services.keys().map(ToString::to_string).collect(),
            mesh.gateways.keys().map(ToString::to_string).collect(),
        )
    };
    assert_eq!(names(mesh), names(original));
    for (name, original) in &original.nodes {
        let node = &mesh.nodes[name];
        let ports = |node: &meshctl::model::VirtualNode| -> Vec<_> {
            node.listeners.iter().map(|l| (l.port, l.protocol, l.health_check.clone())).collect()
        };
        assert_eq!(ports(node), ports(original), "{name}");
        assert_eq!(node.backends.len(), original.backends.len(), "{name}");
    }
    for (name, original) in &original.services {
        let made = &mesh.routers[mesh.services[name].router.as_ref().unwrap()];
        let Some(router) = &original.router else { continue };
        let original = &live.loaded().mesh.routers[router];
        assert_eq!(made.listeners, original.listeners, "{name}");
        let routes = |router: &meshctl::model::VirtualRouter| -> Vec<_> {
            router.routes.iter().map(|r| (r.name.clone(), r.matches.clone(), r.timeout)).collect()
        };
        assert_eq!(routes(made), routes(original), "{name}");
    }
    let edge = &mesh.gateways["edge"];
    assert_eq!(edge.routes.len(), original.gateways["edge"].routes.len());
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
    let Some(live) = live(&["walkthroughs/howto-k8s-http-ingress-v2"], &[], "") else { return };
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
    let Some(live) = live(&["walkthroughs/howto-k8s-multiple-listeners"], &[], "") else { return };
    for port in [8080, 8090] {
        let url = format!("http://x:{port}/");
        let answer = live.call("virtual_gateway/colors-gw_colors", "GET", &url, &[]);
        assert_eq!(answer.brief(), "200 multi-colors_colors", "{port}");
    }
}

#[test]
fn retries_of_the_grpc_walkthrough_are_those_of_its_route() {
    let sources =
        ["walkthroughs/howto-grpc/mesh.yaml", "walkthroughs/howto-grpc/mesh/route-retries.json"];
    let Some(live) = live(&sources, &[], "") else { return };
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
    let Some(live) = live(&["walkthroughs/howto-k8s-http-headers"], &[], "") else { return };
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
fn a_canary_of_two_versions_shares_requests_and_retries_them() {
    let of = |name: &str| format!("walkthroughs/eks-getting-started/infrastructure/{name}.yaml");
    let names = ["yelb-appserver", "yelb-appserver-v2", "yelb-db", "yelb-redis", "yelb-ui"];
    let names = names.map(|name| of(&format!("appmesh_templates/appmesh-{name}")));
    let later = of("appmesh_templates/appmesh-virtual-router-appserver-v1-v2");
    let mut sources: Vec<&str> = names.iter().map(String::as_str).collect();
    sources.push(&later);
    let Some(live) = live(&sources, &["--mesh=yelb"], "") else { return };
    let (from, url) = ("virtual_node/yelb-ui-virtual-node", "http://yelb-appserver:4567/");
    let counts = live.census(&live.request(from, "GET", url, &[]), 200);
    let (one, two) = ("200 yelb-appserver-virtual-node", "200 yelb-appserver-virtual-node-v2");
    // Half of 200 each; less than 60 would be six deviations off.
    assert!(counts[one] > 60 && counts[two] > 60 && counts.len() == 2, "{counts:?}");
    let call = |first: &str, key: &str| {
        let fault = [
            ("x-upstream-status", "500"),
            ("x-upstream-fail-first", first),
            ("x-upstream-key", key),
        ];
        live.call(from, "GET", url, &fault).status()
    };
    assert_eq!(call("1", "a"), 200, "a server's error is tried again");
    assert_eq!(call("9", "b"), 500, "but not for ever");
}

/// What an operator says of certificates on this host, for a node of a walkthrough and who calls it.
fn placed(server: &str, client: &str, folder: &std::path::Path, name: &str) -> String {
    let folder = folder.display();
    format!(
        "[virtual_node.{server}]\nlisteners = [{{ port = 80, tls = {{ certificate = {{ file = {{ chain = \
         \"{folder}/cert_chain.pem\", key = \"{folder}/key.pem\" }} }} }} }}]\n\n[{client}.\
         backend_defaults.client_policy.tls.validation]\ntrust = {{ file = \"{folder}/ca.pem\" }}\n\
         subject_alternative_names = [\"{name}\"]\n"
    )
}

#[test]
fn a_timeout_of_the_walkthrough_ends_a_slow_answer() {
    let of = |name: &str| format!("walkthroughs/howto-timeout-policy/mesh/{name}");
    let names = [
        "mesh.yaml",
        "colorteller-vs.json",
        "colorteller-vr.json",
        "colorgateway-vn.json",
        "colorteller-route-timeout5s.json",
    ];
    let names = names.map(of);
    let sources: Vec<&str> = names.iter().map(String::as_str).collect();
    let keys = tempfile::tempdir().unwrap();
    certificates(keys.path(), &["colorteller.colors.local"]);
    // A node that calls through the new router, as the walkthrough re-points its gateway.
    let more = ["COLOR_TELLER_VS=colorteller-vs"];
    let overlay = placed(
        "ColorTellerWhite",
        "virtual_node.ColorGateway",
        keys.path(),
        "colorteller.colors.local",
    );
    let Some(live) = live(&sources, &more, &overlay) else { return };
    let call = |delay: &str| {
        let headers = [("x-upstream-delay-ms", delay)];
        let url = "http://colorteller-vs/";
        live.call("virtual_node/colorgateway-vn", "GET", url, &headers).status()
    };
    assert_eq!(call("0"), 200);
    let start = Instant::now();
    assert_eq!(call("14000"), 504);
    // Envoy counts from when its loop woke, which is a little before the request came.
    let ended = start.elapsed().as_secs_f64();
    assert!(
        (4.5..14.0).contains(&ended),
        "after five seconds, before the application answers: {ended}"
    );
}

/// Writes an authority and a certificate that it gave, for these names.
fn certificates(folder: &std::path::Path, names: &[&str]) {
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
    std::fs::write(folder.join("cert_chain.pem"), signed.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), leaf.serialize_pem()).unwrap();
}

#[test]
fn tls_from_files_is_that_of_the_walkthrough() {
    let (ours, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let name = "colorteller.colors.local";
    certificates(ours.path(), &[name]);
    certificates(other.path(), &[name]);
    let gateway = "virtual_gateway.ColorGateway";
    let call = |overlay: &str| {
        let live = live(&["walkthroughs/howto-tls-file-provided"], &[], overlay)?;
        let answer = live.call("virtual_gateway/ColorGateway", "GET", "http://x/", &[]);
        let handshakes = live.admin("virtual_gateway/ColorGateway", "/stats?filter=ssl");
        Some((answer.brief(), handshakes))
    };
    // Where the files are on this host. Under `dev` nodes are found by address, so the name that
    // is to be shown is said. Green is another stage of the walkthrough: it has no weight.
    let all = |green: &std::path::Path, white: &std::path::Path| {
        let (green, white) = (
            placed("ColorTellerGreen", gateway, green, name),
            placed("ColorTellerWhite", gateway, white, name),
        );
        // The gateway trusts one authority: what is said for white.
        let (green, _) = green.split_once(&format!("\n[{gateway}")).unwrap();
        format!("{green}\n{white}")
    };
    let Some((answer, handshakes)) = call(&all(ours.path(), ours.path())) else { return };
    assert_eq!(answer, "200 ColorTellerWhite", "{handshakes}");
    let shaken = |line: &str| line.contains("ColorTellerWhite") && !line.ends_with(": 0");
    assert!(handshakes.lines().any(shaken), "{handshakes}");
    // A certificate of another authority is not believed.
    let overlay = all(ours.path(), other.path());
    let (ca, own) = (other.path().join("ca.pem"), ours.path().join("ca.pem"));
    let overlay = overlay.replace(ca.to_str().unwrap(), own.to_str().unwrap());
    let (answer, _) = call(&overlay).unwrap();
    assert_eq!(answer, "503");
}
