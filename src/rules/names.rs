//! MC005x: names that look alike, key material, and what App Mesh would not have taken.

use super::context::{Ctx, listener_pointer, quoted};
use super::health::all_probes;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{
    Address, Certificate, GatewayListenerPatch, ListenerPatch, LogFormat, MappedCertificate,
    MappedTrust, NodePatch, Patch, PathMatch, Tags, Trust,
};
use std::collections::BTreeMap;

/// Two names that a reader takes for one.
const LOOK_ALIKE: Code = Code::warning(
    "MC0050",
    "look-alike-names",
    "two resources have names that look alike",
    "The names differ only in case, in `-` against `_`, or in characters that look the same \
     (0 and O, 1 and l). A reference to one will sooner or later be read, or written, as the other.",
);
/// A key or certificate in the files.
const PEM: Code = Code::error(
    "MC0051",
    "pem-in-the-files",
    "PEM text is written into the files",
    "The files hold references only: the path of a file on the proxy's host, or the name of a \
     secret that an SDS server has. A private key written here would end up in plans, records \
     and version control. If it was a real one, replace it.",
);
/// More than App Mesh took.
const TOO_MANY: Code = Code::warning(
    "MC0052",
    "more-than-app-mesh-allowed",
    "a list or name is longer than App Mesh allowed",
    "App Mesh took at most 10 targets a route, 10 headers, query parameters or metadata entries a \
     match, 3 authorities, 50 tags a resource, and names of 50 characters for headers. Envoy takes \
     more, but long lists are slow to read and to match; often the route wants to be two.",
);
/// What App Mesh kept for itself.
const RESERVED: Code = Code::warning(
    "MC0053",
    "reserved-by-app-mesh",
    "a match that App Mesh kept for itself",
    "App Mesh reserved the gateway prefixes `/aws-appmesh` and `/aws-app-mesh` and the gRPC \
     services `aws.appmesh` and `aws.app-mesh` for its own use. Clients and dashboards made for it \
     give them a meaning of their own.",
);
/// Outside the ranges of App Mesh.
const RANGE: Code = Code::warning(
    "MC0054",
    "outside-app-mesh-range",
    "a health check setting outside App Mesh's range",
    "App Mesh took thresholds of 2 to 10, intervals of 5 s to 300 s and timeouts of 2 s to 60 s. \
     Every caller probes every endpoint, so short intervals cost callers times endpoints probes; \
     a threshold of 1 lets a single lost packet decide.",
);

/// Raw Envoy fields.
const PATCHED: Code = Code::info(
    "MC0058",
    "raw-envoy-fields",
    "a resource is patched with raw Envoy fields",
    "A `patch` is merged over what meshctl renders. It is checked against Envoy's own descriptions \
     of its fields, but what it does is outside of what the other checks and the plan know, and a \
     new version of Envoy may read it otherwise.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&LOOK_ALIKE], look_alike as Check),
    Rule(&[&PEM], pem),
    Rule(&[&TOO_MANY], too_many),
    Rule(&[&RESERVED], reserved),
    Rule(&[&RANGE], range),
    Rule(&[&PATCHED], patched),
];

/// A name without what the eye does not see.
fn skeleton(name: &str) -> String {
    let plain = |c: char| match c.to_ascii_lowercase() {
        '_' => '-',
        '0' => 'o',
        '1' => 'l',
        c => c,
    };
    name.chars().map(plain).collect()
}

fn look_alike(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mesh = ctx.mesh;
    let nodes = mesh.nodes.keys().cloned().map(Address::Node).collect::<Vec<_>>();
    let services = mesh.services.keys().cloned().map(Address::Service).collect();
    let routers = mesh.routers.keys().cloned().map(Address::Router).collect();
    let gateways = mesh.gateways.keys().cloned().map(Address::Gateway).collect();
    for addresses in [nodes, services, routers, gateways] {
        let mut seen: BTreeMap<String, Address> = BTreeMap::new();
        for address in addresses {
            let key = skeleton(&address.to_string());
            if let Some(other) = seen.get(&key) {
                let message = format!("`{address}` and `{other}` look alike");
                let finding = ctx
                    .find(&LOOK_ALIKE, &address, "", message)
                    .help("rename one so that they differ in a word");
                found.push(ctx.also(finding, other, "", "the other"));
            } else {
                seen.insert(key, address);
            }
        }
    }
}

/// Finds PEM text in one resource.
struct Search<'a, 'c> {
    ctx: &'a Ctx<'c>,
    address: Address,
    found: &'a mut Diagnostics,
}

impl Search<'_, '_> {
    fn text(&mut self, pointer: &str, text: &str) {
        if text.contains("-----BEGIN ") {
            let what = if text.contains("PRIVATE KEY") { "a private key" } else { "PEM text" };
            let message = format!("{what} is written where a reference belongs");
            self.found.push(
                self.ctx
                    .find(&PEM, &self.address, pointer, message)
                    .help("write the path of a file on the proxy's host, or `{ sds = \"NAME\" }`"),
            );
        }
    }

    fn certificate(&mut self, pointer: &str, certificate: &Certificate) {
        match certificate {
            Certificate::File(file) => {
                self.text(&format!("{pointer}/file/chain"), &file.chain);
                self.text(&format!("{pointer}/file/key"), &file.key);
            }
            Certificate::Sds(name) => self.text(&format!("{pointer}/sds"), name),
            Certificate::Acm(arn) => self.text(&format!("{pointer}/acm"), arn),
            Certificate::Mapped(MappedCertificate { acm, to }) => {
                self.text(&format!("{pointer}/mapped/acm"), acm);
                self.certificate(&format!("{pointer}/mapped/to"), to);
            }
        }
    }

    fn trust(&mut self, pointer: &str, trust: &Trust) {
        if let Trust::File(text) | Trust::Sds(text) = trust.believed() {
            self.text(pointer, text);
        }
    }

    fn tags(&mut self, tags: &Tags) {
        for (key, value) in tags {
            self.text(&format!("/tags/{key}"), value);
        }
    }

    fn patch(&mut self, pointer: &str, patch: Option<&Patch>) {
        match patch {
            Some(Patch::String(text)) => self.text(pointer, text),
            Some(Patch::Array(items)) => {
                for item in items {
                    self.patch(pointer, Some(item));
                }
            }
            Some(Patch::Object(fields)) => {
                for (key, value) in fields {
                    self.patch(&format!("{pointer}/{key}"), Some(value));
                }
            }
            _ => {}
        }
    }
}

fn pem(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for secret in super::trust::references(ctx.mesh) {
        let mut search = Search { ctx, address: secret.address.clone(), found: &mut *found };
        match secret.what {
            super::trust::What::Shown(certificate) => {
                search.certificate(&secret.pointer, certificate);
            }
            super::trust::What::Believed(trust) => search.trust(&secret.pointer, trust),
        }
    }
    for (name, node) in &ctx.mesh.nodes {
        let address = Address::Node(name.clone());
        let mut search = Search { ctx, address, found: &mut *found };
        search.tags(&node.tags);
        search.patch("/patch/ingress", node.patch.ingress.as_ref());
        search.patch("/patch/egress", node.patch.egress.as_ref());
        search.patch("/patch/http", node.patch.http.as_ref());
        for (at, listener) in node.listeners.iter().enumerate() {
            let pointer = format!("/listeners/{at}/patch");
            search.patch(&pointer, listener.patch.filter_chain.as_ref());
            search.patch(&pointer, listener.patch.http.as_ref());
            search.patch(&pointer, listener.patch.cluster.as_ref());
            search.patch(&pointer, listener.patch.local_cluster.as_ref());
        }
        if let Some(LogFormat::Json(fields)) =
            node.access_log.as_ref().and_then(|log| log.format.as_ref())
        {
            for value in fields.values() {
                search.text("/access_log/format", value);
            }
        }
    }
    for (name, gateway) in &ctx.mesh.gateways {
        let address = Address::Gateway(name.clone());
        let mut search = Search { ctx, address, found: &mut *found };
        search.tags(&gateway.tags);
        for (at, listener) in gateway.listeners.iter().enumerate() {
            let pointer = format!("/listeners/{at}/patch");
            search.patch(&pointer, listener.patch.listener.as_ref());
            search.patch(&pointer, listener.patch.filter_chain.as_ref());
            search.patch(&pointer, listener.patch.http.as_ref());
            search.patch(&pointer, listener.patch.inner_http.as_ref());
        }
    }
    for at in ctx.routes() {
        if at.route.patch.is_some() || !at.route.tags.is_empty() {
            let mut search = Search { ctx, address: at.address(), found: &mut *found };
            search.tags(&at.route.tags);
            search.patch("/patch", at.route.patch.as_ref());
        }
    }
    for at in ctx.gateway_routes() {
        if at.route.patch.is_some() || !at.route.tags.is_empty() {
            let mut search = Search { ctx, address: at.address(), found: &mut *found };
            search.tags(&at.route.tags);
            search.patch("/patch", at.route.patch.as_ref());
        }
    }
}

const LIST_MAX: usize = 10;
const AUTHORITIES_MAX: usize = 3;
const HEADER_MAX: usize = 50;

/// Tags of one resource.
const TAGS_MAX: usize = 50;
/// Characters of a tag's key.
const TAG_KEY_MAX: usize = 128;
/// Characters of a tag's value.
const TAG_VALUE_MAX: usize = 256;

fn too_many(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut report = |address: Address, pointer: &str, what: &str, count: usize, most: usize| {
        if count > most {
            let message = format!("{count} {what}; App Mesh took at most {most}");
            found.push(
                ctx.find(&TOO_MANY, &address, pointer, message)
                    .help("make it less (a route can be split), or suppress this if it is meant"),
            );
        }
    };
    for at in ctx.routes() {
        let matches = &at.route.matches;
        for (pointer, what, count) in [
            ("/targets", "targets", at.route.targets.len()),
            ("/match/headers", "headers", matches.headers.len()),
            ("/match/query_parameters", "query parameters", matches.query_parameters.len()),
            ("/match/metadata", "metadata entries", matches.metadata.len()),
        ] {
            if count > LIST_MAX {
                report(at.address(), pointer, what, count, LIST_MAX);
            }
        }
        for (map, field) in [(&matches.headers, "headers"), (&matches.metadata, "metadata")] {
            for name in map.keys().filter(|name| name.len() > HEADER_MAX) {
                let pointer = format!("/match/{field}/{name}");
                report(at.address(), &pointer, "characters in a name", name.len(), HEADER_MAX);
            }
        }
    }
    for at in ctx.gateway_routes() {
        let matches = &at.route.matches;
        for (pointer, what, count) in [
            ("/match/headers", "headers", matches.headers.len()),
            ("/match/query_parameters", "query parameters", matches.query_parameters.len()),
            ("/match/metadata", "metadata entries", matches.metadata.len()),
        ] {
            if count > LIST_MAX {
                report(at.address(), pointer, what, count, LIST_MAX);
            }
        }
    }
    let mesh = ctx.mesh;
    let nodes = mesh.nodes.iter().map(|(name, it)| (Address::Node(name.clone()), &it.tags));
    let services =
        mesh.services.iter().map(|(name, it)| (Address::Service(name.clone()), &it.tags));
    let routers = mesh.routers.iter().map(|(name, it)| (Address::Router(name.clone()), &it.tags));
    let gateways =
        mesh.gateways.iter().map(|(name, it)| (Address::Gateway(name.clone()), &it.tags));
    let whole = std::iter::once((Address::Mesh, &mesh.settings.tags));
    let routes = ctx.routes().map(|at| (at.address(), &at.route.tags));
    let entries = ctx.gateway_routes().map(|at| (at.address(), &at.route.tags));
    let all = whole.chain(nodes).chain(services).chain(routers).chain(gateways);
    for (address, tags) in all.chain(routes).chain(entries).filter(|(_, tags)| !tags.is_empty()) {
        report(address.clone(), "/tags", "tags", tags.len(), TAGS_MAX);
        for (key, value) in tags {
            let pointer = crate::model::pointer(["tags", key]);
            let (name, text) = (key.chars().count(), value.chars().count());
            report(address.clone(), &pointer, "characters in a tag's key", name, TAG_KEY_MAX);
            report(address.clone(), &pointer, "characters in a tag's value", text, TAG_VALUE_MAX);
        }
    }
    for secret in super::trust::references(ctx.mesh) {
        if let super::trust::What::Believed(
            Trust::Acm(arns) | Trust::Mapped(MappedTrust { acm: arns, to: _ }),
        ) = secret.what
        {
            report(secret.address, &secret.pointer, "authorities", arns.len(), AUTHORITIES_MAX);
        }
    }
}

const RESERVED_PREFIXES: [&str; 2] = ["/aws-appmesh", "/aws-app-mesh"];
const RESERVED_SERVICES: [&str; 2] = ["aws.appmesh", "aws.app-mesh"];

fn reserved(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.gateway_routes() {
        let path = match &at.route.matches.path {
            Some(PathMatch::Prefix(text)) => Some(("/match/path/prefix", text)),
            Some(PathMatch::Exact(text)) => Some(("/match/path/exact", text)),
            _ => None,
        };
        let service = at.route.matches.service_name.as_ref();
        let service = service.map(|text| ("/match/service_name", text));
        let starts = |text: &str, list: &[&str]| list.iter().any(|p| text.starts_with(p));
        let path = path.filter(|(_, text)| starts(text, &RESERVED_PREFIXES));
        let service = service.filter(|(_, text)| starts(text, &RESERVED_SERVICES));
        for (pointer, text) in path.into_iter().chain(service) {
            let message = format!("`{text}` was App Mesh's own");
            found.push(
                ctx.find(&RESERVED, &at.address(), pointer, message).help("use another name"),
            );
        }
    }
}

fn range(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for probe in all_probes(ctx) {
        let check = probe.check;
        let outside: Vec<&str> = [
            ("interval", check.interval.millis(), 5_000, 300_000),
            ("timeout", check.timeout.millis(), 2_000, 60_000),
            ("healthy_threshold", check.healthy_threshold.into(), 2, 10),
            ("unhealthy_threshold", check.unhealthy_threshold.into(), 2, 10),
        ]
        .into_iter()
        .filter(|(_, value, low, high)| *value != 0 && !(low..=high).contains(&value))
        .map(|(key, ..)| key)
        .collect();
        if let [first, ..] = outside.as_slice() {
            let message = format!(
                "{} of the health check {} outside what App Mesh took",
                quoted(&outside),
                if outside.len() == 1 { "is" } else { "are" }
            );
            found.push(ctx.find(&RANGE, &probe.address, &probe.pointer(first), message).help(
                "thresholds 2 to 10, interval \"5s\" to \"300s\", timeout \"2s\" to \"60s\"",
            ));
        }
    }
}

fn patched(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut report = |address: Address, pointer: &str| {
        let message = format!("`{address}` has raw Envoy fields");
        found.push(
            ctx.find(&PATCHED, &address, pointer, message)
                .help("prefer keys of the language where there are some"),
        );
    };
    for (name, node) in &ctx.mesh.nodes {
        if node.patch != NodePatch::default() {
            report(Address::Node(name.clone()), "/patch");
        }
        for (at, listener) in node.listeners.iter().enumerate() {
            if listener.patch != ListenerPatch::default() {
                report(Address::Node(name.clone()), &listener_pointer(at, "patch"));
            }
        }
    }
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            if listener.patch != GatewayListenerPatch::default() {
                report(Address::Gateway(name.clone()), &listener_pointer(at, "patch"));
            }
        }
    }
    for at in ctx.routes().filter(|at| at.route.patch.is_some()) {
        report(at.address(), "/patch");
    }
    for at in ctx.gateway_routes().filter(|at| at.route.patch.is_some()) {
        report(at.address(), "/patch");
    }
}
