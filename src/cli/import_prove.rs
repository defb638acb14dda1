//! `import --prove`: definitions and the `config_dump`s of their proxies route alike, or a request shows
//! that they do not.

use super::{Context, Exit, Failure};
use crate::envoy::Settings;
use crate::import::{self, Content, Imported, Options, Source};
use crate::model::{Address, Mesh};
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
    let proxies: Vec<String> = dumped.proxies.iter().map(ToString::to_string).collect();
    let proxies = proxies.join(", ");
    let unread: Vec<&import::Entry> = dumped
        .report
        .iter()
        .filter(|entry| entry.reason.is_loss() && !BESIDE.contains(&entry.field.as_str()))
        .collect();
    let undecided = traffic.entries.iter().filter(|entry| !entry.decided).count();
    let same = traffic.entries.iter().all(|entry| entry.decided && entry.changed == 0)
        && traffic.policies.is_empty();
    let equal = same && unread.is_empty();
    let mut words = String::new();
    if equal {
        words =
            format!("equal: the definitions route every request of {proxies} as the dumps do\n");
    } else if same {
        words = format!(
            "not proven: what could be read of the dumps of {proxies} is equal, but not all could be\n"
        );
    } else {
        let view = text::View { color: context.ui.color_out(), summary: false, full: false };
        words.push_str("different: - is what the dump has, + is what the definitions say\n");
        words.push_str(&text::requests(&traffic, view));
        if undecided > 0 {
            words.push_str(&format!("{undecided} entry points could not be compared to the end\n"));
        }
    }
    for entry in unread {
        let place = dumped.files.show_line(entry.loc);
        words.push_str(&format!("not read: {place}: {}: {}\n", entry.field, entry.message));
    }
    words.push_str(
        "compared: the routes that requests take, nodes and weights, rewrites, timeouts and retries of \
         routes; not compared: listeners, service discovery, TLS, access logs, calls out of the mesh\n",
    );
    Ok(Proof { words, equal })
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
