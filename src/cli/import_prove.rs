//! `import --prove`: definitions and the `config_dump`s of their proxies route alike, or a request shows
//! that they do not.

use super::{Context, Exit, Failure};
use crate::envoy::Settings;
use crate::import::{self, Content, Imported, Options, Source};
use crate::model::{Address, Discovery, HealthCheck, IpPreference, Listener, Mesh, VirtualNode};
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
    let nodes = nodes(&dumped, &defined.mesh);
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
         of nodes that are called, their ports, protocols, health checks and outlier detection, and by DNS their \
         names and IP preference\n",
    );
    words.push_str(
        "not compared: listeners of the proxies, connection pools, TLS, access logs, calls out of the mesh, \
         limits of time of listeners, how nodes are found by Cloud Map or by addresses\n",
    );
    Ok(Proof { words, equal })
}

/// How nodes that the proxies call differ from the definitions.
fn nodes(dumped: &Imported, defined: &Mesh) -> Vec<String> {
    let mut all = Vec::new();
    for ((name, port), families) in &dumped.called {
        let (Some(ran), Some(said)) =
            (dumped.mesh.nodes.get(name.as_str()), defined.nodes.get(name.as_str()))
        else {
            // What is called and not defined at all differs in its routes.
            continue;
        };
        let mut differ = |what: String| {
            let line = format!("virtual_node/{name}: {what}");
            if !all.contains(&line) {
                all.push(line);
            }
        };
        match (&ran.discovery, &said.discovery) {
            (Some(Discovery::Dns(ran)), Some(Discovery::Dns(said)))
                if ran.hostname == said.hostname && ran.response_type == said.response_type =>
            {
                let preference = said.ip_preference.or(defined.settings.ip_preference);
                if !families.iter().all(|family| looks_up(preference, family)) {
                    let said = preference.map_or("unset", IpPreference::as_str);
                    differ(format!("the IP preference, {said}, is not that of the dump"));
                }
            }
            (Some(Discovery::Dns(ran)), _) => {
                differ(format!("the definitions find it in another way than {}", ran.hostname));
            }
            (_, Some(Discovery::Dns(said))) => differ(format!(
                "the definitions find it by the name {}, and the dump does not",
                said.hostname
            )),
            _ => {}
        }
        let listener = |node: &VirtualNode| {
            node.listeners.iter().find(|listener| listener.port.get() == *port).cloned()
        };
        let Some(ran) = listener(ran) else { continue };
        let Some(said) = listener(said) else {
            differ(format!("the definitions have no listener on port {port}, which is called"));
            continue;
        };
        let check = |listener: &Listener| {
            listener.health_check.clone().map(|mut check| {
                let path = check.path.take().filter(|path| path != "/");
                let port = check.port.take().filter(|port| *port != listener.port);
                HealthCheck { path, port, ..check }
            })
        };
        for (what, same) in [
            ("protocol", ran.protocol == said.protocol),
            ("health check", check(&ran) == check(&said)),
            ("outlier detection", ran.outlier_detection == said.outlier_detection),
        ] {
            if !same {
                differ(format!("the {what} of port {port} is not that of the dump"));
            }
        }
    }
    all
}

/// Whether a preference gives a cluster the family of addresses that a dump names. Without one App Mesh's
/// proxies had Envoy's default, which no dump names, and those of meshctl have all addresses.
fn looks_up(preference: Option<IpPreference>, family: &str) -> bool {
    let families: &[&str] = match preference {
        None => &["", "AUTO", "ALL"],
        Some(IpPreference::Ipv6Preferred) => &["", "AUTO"],
        Some(IpPreference::Ipv4Preferred) => &["V4_PREFERRED"],
        Some(IpPreference::Ipv4Only) => &["V4_ONLY"],
        Some(IpPreference::Ipv6Only) => &["V6_ONLY"],
    };
    families.contains(&family)
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
