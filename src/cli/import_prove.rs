//! `import --prove`: definitions and the `config_dump`s of their proxies route alike, or a request shows
//! that they do not.

use super::{Context, Exit, Failure};
use crate::envoy::Settings;
use crate::import::{self, Content, Imported, Options, Source};
use crate::model::{Address, Discovery, HealthCheck, Listener, Mesh};
use crate::plan;
use crate::report::{diagnostics, plan as text};
use crate::revision::Live;

/// What a comparison gave.
pub(super) struct Proof {
    /// What is said of it.
    pub(super) words: String,
    /// Whether both route every request alike.
    pub(super) equal: bool,
}

/// Compares what definitions say with what proxies ran, at the entry points of those proxies. The dumps
/// are those that the import of the definitions set aside.
pub(super) fn prove(
    context: &Context,
    options: &Options,
    defined: &Imported,
) -> Result<Proof, Failure> {
    let source = |id: &crate::span::FileId| {
        let file = defined.files.get(*id);
        let content = Content::Text(file.text().to_string());
        Source { path: file.path().to_owned(), content, named: true }
    };
    // Nothing else of these files is a dump, so nothing of the definitions is in the mesh of the dumps.
    let only =
        Options { from: Some(import::Format::ConfigDump), dumps_aside: false, ..options.clone() };
    let dumped = match defined.dumps.is_empty() {
        true => Imported::default(),
        false => import::import(defined.dumps.iter().map(source).collect(), &only),
    };
    if dumped.diagnostics.has_errors() {
        let (found, ui) = (dumped.diagnostics.sorted(), &context.ui);
        ui.words(&diagnostics::render(&found, &dumped.files, ui.color_err(), ui.width()));
        return Err(Failure::new(
            Exit::Findings,
            "the config_dumps have errors; nothing was compared or written",
        ));
    }
    if dumped.proxies.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "--prove needs a config_dump beside the definitions",
        )
        .hint("save one per proxy: curl localhost:9901/config_dump > dump.json"));
    }
    let proxies: Vec<String> = dumped.proxies.iter().map(ToString::to_string).collect();
    let proxies = proxies.join(", ");
    let (ran, said) = (&dumped.mesh.settings.name, &defined.mesh.settings.name);
    if ran != said {
        return Ok(Proof {
            words: format!(
                "different meshes: {proxies} of the dumps ran the mesh {ran}, and the definitions are of the mesh \
                 {said}; nothing was compared\n"
            ),
            equal: false,
        });
    }
    let before = seen_by(&dumped.mesh, &dumped.proxies);
    let after = seen_by(&defined.mesh, &dumped.proxies);
    let live = Live { revision: Some(0), mesh: before, ..Live::default() };
    let compared = plan::compare(&live, &after, None, &Settings::path("/"));
    let mut traffic = compared.traffic;
    // What a dump tells of settings is what its routes have.
    let of_route = |policy: &plan::TrafficPolicy| {
        let of_route = |address: &Address| {
            matches!(address, Address::Router(_) | Address::Route(..) | Address::GatewayRoute(..))
        };
        policy.places.iter().any(|place| of_route(&place.address))
    };
    traffic.policies.retain(of_route);
    let unread: Vec<&import::Entry> = dumped
        .report
        .iter()
        .filter(|entry| entry.reason.is_loss() && !BESIDE.contains(&entry.field.as_str()))
        .collect();
    let undecided = traffic.entries.iter().filter(|entry| !entry.decided).count();
    let nodes = nodes(&dumped.mesh, &defined.mesh, &dumped.proxies);
    let routed = traffic.entries.iter().all(|entry| entry.decided && entry.changed == 0)
        && traffic.policies.is_empty();
    let (same, lost) = (routed && nodes.is_empty(), defined.losses());
    let equal = same && unread.is_empty() && lost == 0;
    let mut words = String::new();
    if equal {
        words = format!(
            "equal routing: the definitions route every request of {proxies} as the dumps do\n"
        );
    } else if same {
        words = format!(
            "not proven: what could be read of the definitions and of the dumps of {proxies} is equal, but not \
             all could be\n"
        );
    } else {
        let view = text::View { color: context.ui.color_out(), summary: false, full: false };
        words.push_str("different: - is what the dump has, + is what the definitions say\n");
        if !routed {
            words.push_str(&text::requests(&traffic, view));
        }
        for line in &nodes {
            words.push_str(&format!("{line}\n"));
        }
        if undecided > 0 {
            words.push_str(&format!("{undecided} entry points could not be compared to the end\n"));
        }
    }
    if lost > 0 {
        words.push_str(&format!("not read: {lost} entries of the report on the definitions\n"));
    }
    for entry in unread {
        let place = dumped.files.show_line(entry.loc);
        words.push_str(&format!("not read: {place}: {}: {}\n", entry.field, entry.message));
    }
    words.push_str(
        "compared: the routes that requests take, nodes and weights, rewrites, timeouts and retries of routes; \
         of nodes that are called by DNS, their names, health checks and outlier detection\n",
    );
    words.push_str(
        "not compared: listeners of the proxies, connection pools, TLS, access logs, calls out of the mesh, \
         nodes that are found by Cloud Map or by addresses\n",
    );
    Ok(Proof { words, equal })
}

/// How nodes that the proxies call by DNS differ from the definitions.
fn nodes(dumped: &Mesh, defined: &Mesh, proxies: &[Address]) -> Vec<String> {
    let mut all = Vec::new();
    for (name, ran) in &dumped.nodes {
        let address = Address::Node(name.clone());
        let (Some(Discovery::Dns(dns)), Some(said)) = (&ran.discovery, defined.nodes.get(name))
        else {
            continue;
        };
        if proxies.contains(&address) {
            continue;
        }
        let same = match &said.discovery {
            Some(Discovery::Dns(other)) => {
                dns.hostname == other.hostname && dns.response_type == other.response_type
            }
            _ => false,
        };
        if !same {
            all.push(format!(
                "{address}: the definitions find it in another way than {}",
                dns.hostname
            ));
        }
        for ran in &ran.listeners {
            let Some(said) = said.listener(ran.port) else { continue };
            let check = |listener: &Listener| {
                listener.health_check.clone().map(|mut check| {
                    let path = check.path.take().filter(|path| path != "/");
                    let port = check.port.take().filter(|port| *port != listener.port);
                    HealthCheck { path, port, ..check }
                })
            };
            for (what, same) in [
                ("health check", check(ran) == check(said)),
                ("outlier detection", ran.outlier_detection == said.outlier_detection),
            ] {
                if !same {
                    let port = ran.port;
                    all.push(format!(
                        "{address}: the {what} of port {port} is not that of the dump"
                    ));
                }
            }
        }
    }
    all
}

/// Fields of a proxy that no dump tells and no proof is about.
const BESIDE: [&str; 4] = ["service_discovery", "tls", "access_log", "egress_filter"];

/// The mesh as some proxies see it: others have no calls and no gateways.
fn seen_by(mesh: &Mesh, proxies: &[Address]) -> Mesh {
    let mut mesh = mesh.clone();
    let known = |address: Address| proxies.contains(&address);
    mesh.gateways.retain(|name, _| known(Address::Gateway(name.clone())));
    for (name, node) in &mut mesh.nodes {
        if !known(Address::Node(name.clone())) {
            node.backends.clear();
        }
    }
    // What the mesh does with calls to others is not in a dump.
    mesh.settings.egress = crate::model::EgressFilter::DropAll;
    mesh
}
