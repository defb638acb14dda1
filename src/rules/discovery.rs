//! MC07xx: how nodes are found, names of services, egress.

use super::context::Ctx;
use super::trust::{What, references};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{
    Address, Capture, Certificate, Discovery, DnsResponseType, EgressFilter, IpPreference, Trust,
};
use crate::traffic::captured_by;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A name without a domain.
const UNQUALIFIED: Code = Code::info(
    "MC0701",
    "unqualified-service-name",
    "the name of a service has no domain",
    "Proxies know the service by exactly this name. An application that calls it by a longer one, \
     as a resolver's search list makes of it, is not recognised. A full name such as \
     `cart.shop.internal` has no such doubt.",
);
/// An address for a name.
const ADDRESS: Code = Code::warning(
    "MC0702",
    "address-as-service-name",
    "the name of a service looks like an IP address",
    "A virtual service is called by name; its endpoints come from the discovery of its nodes. An \
     address as a name matches only requests whose host is this address.",
);
/// A node that cannot be found.
const NO_DISCOVERY: Code = Code::error(
    "MC0703",
    "listener-without-discovery",
    "a node listens and has no discovery",
    "Callers must find the node's endpoints: by a DNS name, in a registry, or at fixed addresses. \
     A node that only calls others needs neither listeners nor discovery.",
);
/// An address that no process answers at.
const NO_ENDPOINT: Code = Code::error(
    "MC0704",
    "impossible-endpoint",
    "a static endpoint that nothing can be reached at",
    "Unspecified, multicast and broadcast addresses are no endpoints, and a list without addresses \
     leaves the node without any: every request gets a 503.",
);
/// Addresses that a preference rules out.
const NO_VERSION: Code = Code::error(
    "MC0705",
    "ip-preference-leaves-nothing",
    "the IP preference rules out every endpoint of a node",
    "The mesh uses one IP version only, and all static endpoints of the node are of the other. \
     Callers would have no address left.",
);
/// A registry that nobody asks.
const REGISTRY: Code = Code::warning(
    "MC0706",
    "registry-not-served",
    "a node is found in a registry that nothing here reads",
    "`discovery.registry` keeps what App Mesh knew as AWS Cloud Map. Instances register with a control \
     plane (meshctl serve), which hands them out; no target of this project is one. A folder has nobody \
     who could be asked, so there the node has no endpoints.",
);
/// What App Mesh let through without a word.
const AWS_PASS: Code = Code::info(
    "MC0707",
    "aws-endpoints-not-passed",
    "calls to AWS are dropped, which App Mesh let pass",
    "Under `egress = \"drop-all\"` App Mesh silently passed `*.amazonaws.com` on port 443. meshctl \
     passes nothing that is not written. Applications that call AWS services need \
     `egress = \"allow-all\"` or capture that leaves those calls out.",
);
/// A text that is no host.
const BAD_HOSTNAME: Code = Code::error(
    "MC0708",
    "malformed-discovery-hostname",
    "a discovery name that DNS cannot look up",
    "`discovery.dns` is a host name: no scheme, port, path or spaces, and parts of at most 63 \
     characters. The port is the listener's. For an address use `discovery = { static = […] }`.",
);
/// One address twice.
const TWICE: Code = Code::warning(
    "MC0709",
    "duplicate-endpoint",
    "a static endpoint stands twice in one list",
    "The address gets twice the share of the others, and outlier detection counts it as two. Use \
     weights for shares.",
);
/// Loopback among hosts.
const LOOPBACK: Code = Code::warning(
    "MC0710",
    "loopback-endpoint-among-hosts",
    "a static endpoint is a loopback address, and others are not",
    "Every caller's proxy connects to itself at a loopback address. That works when the whole mesh \
     is on one host; other static endpoints of this mesh are on other hosts.",
);

/// A default that uses one family alone.
const IPV6_ALONE: Code = Code::info(
    "MC0711",
    "ipv6-alone-by-default",
    "a name whose IPv6 addresses are used alone if it has any",
    "Without `ip_preference` callers use the IPv6 addresses of a name with `response_type = \
     \"endpoints\"`, and the IPv4 addresses only if there are none: App Mesh's default. On a host \
     without IPv6 every request then fails with 503. Names of load balancers are not concerned: \
     callers try both families there.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&IPV6_ALONE], ipv6_alone),
    Rule(&[&UNQUALIFIED, &ADDRESS], service_names as Check),
    Rule(&[&NO_DISCOVERY], no_discovery),
    Rule(&[&NO_ENDPOINT, &TWICE], endpoints),
    Rule(&[&LOOPBACK], loopback),
    Rule(&[&NO_VERSION], ip_preference),
    Rule(&[&REGISTRY], registry),
    Rule(&[&AWS_PASS], aws_pass),
    Rule(&[&BAD_HOSTNAME], hostnames),
];

fn service_names(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for name in ctx.mesh.services.keys() {
        let text = name.as_str();
        let address = Address::Service(name.clone());
        if text.parse::<IpAddr>().is_ok() {
            let message = format!("`{name}` is an address, not a name");
            found.push(
                ctx.find(&ADDRESS, &address, "", message).help("give the service a DNS name"),
            );
        } else if !text.contains('.') {
            let message = format!("`{name}` has no domain");
            found.push(
                ctx.find(&UNQUALIFIED, &address, "", message)
                    .help(format!("name it for example `{name}.internal`")),
            );
        }
    }
}

fn no_discovery(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        if !node.listeners.is_empty() && node.discovery.is_none() {
            let address = Address::Node(name.clone());
            let message = format!("`{name}` listens, but nothing says how callers find it");
            let finding = ctx
                .find(&NO_DISCOVERY, &address, "", message)
                .help("add `discovery = { dns = \"…\" }` or `discovery = { static = [\"…\"] }`");
            found.push(ctx.also(finding, &address, "/listeners", "it listens here"));
        }
    }
}

fn endpoints(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let Some(Discovery::Static(addresses)) = &node.discovery else { continue };
        let owner = Address::Node(name.clone());
        if addresses.is_empty() {
            let message = format!("`{name}` has no endpoints");
            found.push(
                ctx.find(&NO_ENDPOINT, &owner, "/discovery/static", message)
                    .help("add at least one address"),
            );
        }
        let mut seen = BTreeSet::new();
        for (at, address) in addresses.iter().enumerate() {
            let pointer = format!("/discovery/static/{at}");
            let broadcast = *address == IpAddr::from([255, 255, 255, 255]);
            if address.is_unspecified() || address.is_multicast() || broadcast {
                let message = format!("nothing can be reached at `{address}`");
                found.push(
                    ctx.find(&NO_ENDPOINT, &owner, &pointer, message)
                        .help("write the address of the host"),
                );
            } else if !seen.insert(address) {
                let message = format!("`{address}` stands twice in the endpoints of `{name}`");
                found.push(ctx.find(&TWICE, &owner, &pointer, message).help("remove one of them"));
            }
        }
    }
}

fn loopback(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let fixed = || {
        ctx.mesh.nodes.iter().filter_map(|(name, node)| match &node.discovery {
            Some(Discovery::Static(addresses)) => Some((name, addresses)),
            _ => None,
        })
    };
    let far = |address: &IpAddr| !address.is_loopback() && !address.is_unspecified();
    let Some((other, _)) = fixed().find(|(_, addresses)| addresses.iter().any(far)) else {
        return;
    };
    for (name, addresses) in fixed() {
        if let Some(at) = addresses.iter().position(IpAddr::is_loopback) {
            let owner = Address::Node(name.clone());
            let message = format!(
                "`{}` of `{name}` is the caller's own host, and `{other}` is on another",
                addresses[at]
            );
            let finding = ctx
                .find(&LOOPBACK, &owner, &format!("/discovery/static/{at}"), message)
                .help("write the address that other hosts reach the node by");
            let other = Address::Node(other.clone());
            found.push(ctx.also(finding, &other, "/discovery", "an endpoint on another host"));
        }
    }
}

fn ip_preference(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let (version, fits): (&str, fn(&IpAddr) -> bool) = match ctx.mesh.settings.ip_preference {
        Some(IpPreference::Ipv4Only) => ("IPv4", IpAddr::is_ipv4),
        Some(IpPreference::Ipv6Only) => ("IPv6", IpAddr::is_ipv6),
        Some(IpPreference::Ipv4Preferred | IpPreference::Ipv6Preferred) | None => return,
    };
    for (name, node) in &ctx.mesh.nodes {
        if let Some(Discovery::Static(addresses)) = &node.discovery
            && !addresses.is_empty()
            && !addresses.iter().any(fits)
        {
            let owner = Address::Node(name.clone());
            let message =
                format!("no endpoint of `{name}` is {version}, and the mesh uses no other");
            let finding = ctx
                .find(&NO_VERSION, &owner, "/discovery/static", message)
                .help(format!("add an {version} address, or change `ip_preference`"));
            found.push(ctx.also(finding, &Address::Mesh, "/ip_preference", "the preference"));
        }
    }
}

fn ipv6_alone(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    if ctx.mesh.settings.ip_preference.is_some() {
        return;
    }
    for (name, node) in &ctx.mesh.nodes {
        if let Some(Discovery::Dns(dns)) = &node.discovery
            && dns.response_type == DnsResponseType::Endpoints
            && dns.ip_preference.is_none()
            && !node.listeners.is_empty()
        {
            let message = format!("if `{}` has an IPv6 address, only IPv6 is used", dns.hostname);
            found.push(
                ctx.find(&IPV6_ALONE, &Address::Node(name.clone()), "/discovery/dns", message)
                    .help(
                        "write `ip_preference = \"ipv4-preferred\"`, or another, here or in [mesh]",
                    ),
            );
        }
    }
}

fn registry(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    if ctx.registry {
        return;
    }
    for (name, node) in &ctx.mesh.nodes {
        if let Some(Discovery::Registry(registry)) = &node.discovery {
            let message = format!(
                "`{name}` is found as `{}` in `{}`, which nothing here reads",
                registry.service, registry.namespace
            );
            found.push(
                ctx.find(&REGISTRY, &Address::Node(name.clone()), "/discovery/registry", message)
                    .help(
                        "apply to a control plane (`server = …` of a target), or use `discovery = \
                         { dns = \"…\" }` or `{ static = […] }`",
                    ),
            );
        }
    }
}

/// Whether the files show that the mesh once lived on AWS.
fn from_aws(ctx: &Ctx<'_>) -> bool {
    ctx.mesh.nodes.values().any(|node| matches!(node.discovery, Some(Discovery::Registry(_))))
        || references(ctx.mesh).iter().any(|reference| {
            matches!(
                reference.what,
                What::Shown(Certificate::Acm(_) | Certificate::Mapped(_))
                    | What::Believed(Trust::Acm(_) | Trust::Mapped(_))
            )
        })
}

fn aws_pass(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let redirected = |node| captured_by(ctx.mesh, node) == Some(Capture::Redirect);
    if ctx.mesh.settings.egress == EgressFilter::DropAll
        && ctx.mesh.nodes.values().any(redirected)
        && from_aws(ctx)
    {
        let message = "calls to `*.amazonaws.com` are dropped; App Mesh let them pass";
        found.push(
            ctx.find(&AWS_PASS, &Address::Mesh, "/egress", message)
                .help("write `egress = \"allow-all\"` if applications call AWS"),
        );
    }
}

fn hostnames(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let Some(Discovery::Dns(dns)) = &node.discovery else { continue };
        let host = dns.hostname.strip_suffix('.').unwrap_or(&dns.hostname);
        let label = |part: &str| {
            (1..=63).contains(&part.len())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        };
        let address = host.parse::<IpAddr>();
        let (message, help) = if address.is_ok() {
            (
                format!("`{host}` is an address, which DNS does not look up"),
                format!("write `discovery = {{ static = [\"{host}\"] }}`"),
            )
        } else if host.len() > 253 || !host.split('.').all(label) {
            (
                format!("`{}` is not a host name", dns.hostname),
                "write a host name without scheme, port, path or spaces".into(),
            )
        } else {
            continue;
        };
        let pointer = "/discovery/dns/hostname";
        found.push(
            ctx.find(&BAD_HOSTNAME, &Address::Node(name.clone()), pointer, message).help(help),
        );
    }
}
