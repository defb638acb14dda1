//! What becomes of one request: every hop, every row that was tried, and the end.

use super::arrival::{self, Codec, Rejected, refused_upgrade};
use super::condition::{self, Miss, Regexes, Seen, Verdict};
use super::entry::{self, Door, Entry, Source};
use super::http::{Accepts, accepted_behind, accepted_on, second_hops};
use super::path::without_query;
use super::service::{NodeListener, ServicePort};
use super::table::{Action, PathRewrite, Rewrite, Row, Share, parts, service_rows};
use super::tls::{self, Security};
use super::{Path, Request, unknown};
use crate::model::{Address, Capture, ClientTls, GatewayListener, Mesh, Protocol, TlsMode};

/// The way of a request.
#[derive(Clone, Debug)]
pub struct Journey<'m> {
    /// Where it came from.
    pub source: Source,
    /// The door by which it came in; `None` if no door is open to it.
    pub entry: Option<Entry<'m>>,
    /// The tables that it met, in order.
    pub hops: Vec<Hop<'m>>,
    /// What became of it.
    pub end: End<'m>,
    /// The request as it leaves the mesh, where a proxy that speaks HTTP passes it on.
    pub left: Option<Seen>,
    policy: Option<&'m ClientTls>,
}

impl Journey<'_> {
    /// What protects the connection to a node that it may reach.
    pub fn security(&self, to: NodeListener<'_>) -> Security {
        tls::security(self.policy, to.listener)
    }
}

/// The parts of a hundred that targets take. A sole target takes all, whatever its weight.
pub fn percents(shares: &[Share<'_>]) -> Vec<f64> {
    let sum: u64 = parts(shares).map(|(_, part)| u64::from(part)).sum();
    parts(shares).map(|(_, part)| 100.0 * f64::from(part) / (sum.max(1) as f64)).collect()
}

/// A request at one table.
#[derive(Clone, Debug)]
pub struct Hop<'m> {
    /// The service whose table it is; `None` is a gateway's own.
    pub service: Option<ServicePort<'m>>,
    /// The request as it was matched.
    pub seen: Seen,
    /// The rows that did not take it, in order.
    pub passed: Vec<Passed>,
    /// The row that did.
    pub taken: Option<Row<'m>>,
}

/// A row that did not take the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its route.
    pub address: Address,
    /// Why not.
    pub miss: Miss,
}

/// What became of a request.
#[derive(Clone, Debug)]
pub enum End<'m> {
    /// It reaches one of these nodes, by weight, as it is here.
    Targets {
        /// The nodes that exist, with their weights.
        shares: Vec<Share<'m>>,
        /// The host that they see.
        host: String,
        /// The path and query that they see.
        path: String,
    },
    /// A proxy answers by itself.
    Answer {
        /// The HTTP status.
        status: u16,
        /// Which kind of refusal it is; `None` is an answer that is meant, as to a health check.
        reason: Option<Reason>,
        /// Why.
        why: String,
    },
    /// It leaves the mesh as it is (`egress = "allow-all"`).
    PassedOn,
    /// There is no connection.
    Closed {
        /// Which kind of refusal it is.
        reason: Reason,
        /// Why.
        why: String,
    },
    /// It cannot be told.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Why no server gets a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is for none of the node's backends, and the mesh drops all other traffic.
    Egress,
    /// No route takes it.
    NoRoute,
    /// Nothing provides the service.
    NoProvider,
    /// The route has no target that takes a share.
    NoTarget,
    /// It is no request that a proxy takes.
    BadRequest,
    /// Nothing listens where it is sent.
    NoListener,
    /// Another protocol is spoken there.
    Protocol,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Egress,
        Self::NoRoute,
        Self::NoProvider,
        Self::NoTarget,
        Self::BadRequest,
        Self::NoListener,
        Self::Protocol,
    ];

    /// The word in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Egress => "egress",
            Self::NoRoute => "no-route",
            Self::NoProvider => "no-provider",
            Self::NoTarget => "no-target",
            Self::BadRequest => "bad-request",
            Self::NoListener => "no-listener",
            Self::Protocol => "protocol",
        }
    }
}

/// Follows requests through one mesh.
#[derive(Debug)]
pub struct Tracer<'m> {
    mesh: &'m Mesh,
    regexes: Regexes,
}

impl<'m> Tracer<'m> {
    /// For a mesh that has passed the rules.
    pub fn new(mesh: &'m Mesh) -> Self {
        Self { mesh, regexes: Regexes::default() }
    }

    /// The way of a request from a node's application, or through a gateway.
    pub fn follow(&self, source: &Source, request: &Request) -> Journey<'m> {
        let mut journey = Journey {
            source: source.clone(),
            entry: None,
            hops: Vec::new(),
            end: End::Closed { reason: Reason::NoListener, why: String::new() },
            left: None,
            policy: None,
        };
        journey.end = match source {
            Source::Node(_) => self.out_of_node(&mut journey, request),
            Source::Gateway(_) => self.through_gateway(&mut journey, request),
        };
        journey.policy = journey.entry.as_ref().and_then(|entry| tls::policy(self.mesh, entry));
        journey
    }

    fn out_of_node(&self, journey: &mut Journey<'m>, request: &Request) -> End<'m> {
        let Source::Node(name) = &journey.source else { return closed(Reason::NoListener, "") };
        let Some((name, node)) = self.mesh.nodes.get_key_value(name) else {
            return closed(Reason::NoListener, &format!("there is no virtual_node/{name}"));
        };
        let mut seen = seen(request);
        let entry = match entry::captured_by(self.mesh, node) {
            None => {
                let why = format!(
                    "virtual_node/{name} has no proxy, so the mesh routes none of its calls"
                );
                Err(closed(Reason::NoListener, &why))
            }
            Some(Capture::Explicit) => {
                let entries = entry::bound_entries(self.mesh, name, node);
                let found = entries.into_iter().find(|entry| bound(entry, request));
                found.ok_or_else(|| {
                    closed(
                        Reason::NoListener,
                        &format!("no backend of virtual_node/{name} is bound there"),
                    )
                })
            }
            Some(Capture::Redirect) => {
                let ports = entry::captured_ports(self.mesh, name, node);
                let patched = node.patch.egress.as_ref();
                match patched.and_then(unknown::listener) {
                    Some(why) => Err(End::Unknown { why }),
                    None => self.captured(journey, &ports, request, &mut seen),
                }
            }
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(end) => return end,
        };
        journey.entry = Some(entry);
        if !entry.protocol.is_http() {
            return connection(journey, entry.rows(self.mesh), entry.service());
        }
        if let Some(why) = node.patch.http.as_ref().and_then(unknown::manager) {
            return End::Unknown { why };
        }
        if request.scheme == "tcp" {
            return closed(Reason::Protocol, "HTTP is spoken on the port, not any bytes");
        }
        if request.scheme == "https" {
            return closed(
                Reason::Protocol,
                "the application speaks plain HTTP to its proxy, which adds TLS itself",
            );
        }
        if let Door::Bound { to, .. } = entry.door {
            let accepts = accepted_behind(self.mesh, &to);
            let codec = codec(request, entry.protocol);
            if let Err(end) = arrive(&mut seen, codec, &accepts) {
                return end;
            }
        }
        let Some(service) = entry.service() else {
            let why = "nothing provides the service".to_owned();
            return End::Answer { status: 404, reason: Some(Reason::NoProvider), why };
        };
        let host = matches!(entry.door, Door::Bound { .. }).then(|| service.name.to_string());
        self.at_service(journey, service, seen, host)
    }

    /// The entry that a request meets under redirect capture.
    fn captured(
        &self,
        journey: &mut Journey<'m>,
        ports: &[entry::CapturedPort<'m>],
        request: &Request,
        seen: &mut Seen,
    ) -> Result<Entry<'m>, End<'m>> {
        let allow_all = entry::passes_on(self.mesh);
        let named_as = |port: &entry::CapturedPort<'m>, host: &str| {
            let is = |own: &String| own.eq_ignore_ascii_case(host);
            let has = |entry: &&Entry<'m>| entry.hosts().is_none_or(|hosts| hosts.iter().any(is));
            port.entries.iter().find(has).copied()
        };
        let authority = request.authority.trim_matches([' ', '\t']);
        let named = |port: &entry::CapturedPort<'m>| named_as(port, authority);
        // Without a port in the URL, a service that has only one is meant by its name.
        let only = |number: u16| match request.explicit_port {
            true => None,
            false => {
                let mut found = ports.iter().filter(|port| port.port.get() != number);
                let first = found.by_ref().find(|port| port.http && named(port).is_some());
                let again = found.any(|port| port.http && named(port).is_some());
                first.filter(|_| !again)
            }
        };
        if allow_all && request.port == entry::OUTBOUND_PORT {
            let why = "the proxy closes connections to its own port, wherever they go";
            return Err(closed(Reason::NoListener, why));
        }
        let exact = ports.iter().find(|port| port.port.get() == request.port);
        let Some(port) = exact.or_else(|| only(request.port)) else {
            return Err(match allow_all {
                true => End::PassedOn,
                false => closed(
                    Reason::Egress,
                    &format!(
                        "port {} is none of its backends', and the mesh drops all other traffic",
                        request.port
                    ),
                ),
            });
        };
        if let Some(addresses) = &port.addresses {
            let end = not_among(addresses, port, request);
            return match (end, allow_all) {
                (None, _) => named(port).ok_or_else(|| closed(Reason::NoProvider, "")),
                (Some(End::Closed { .. }), true) => Err(End::PassedOn),
                (Some(end), _) => Err(end),
            };
        }
        // What the proxy rejects it rejects before it looks at the host.
        if port.http && request.scheme == "http" {
            let protocol = port.entries.first().map_or(Protocol::Http, |entry| entry.protocol);
            let accepts = accepted_on(self.mesh, port);
            arrive(seen, codec(request, protocol), &accepts)?;
        }
        // Several `Host` headers are one value.
        let found = named_as(port, &seen.host);
        if found.is_none() && allow_all {
            let provided = |entry: &&Entry<'_>| entry.service().is_some();
            let upgrades = port.entries.iter().filter(provided).any(upgrades);
            if let Some(why) = refused_upgrade(seen, upgrades) {
                return Err(End::Answer { status: 403, reason: Some(Reason::BadRequest), why });
            }
            journey.left = port.http.then(|| seen.clone());
        }
        found.ok_or_else(|| match allow_all {
            true => End::PassedOn,
            false => End::Answer {
                status: 404,
                reason: Some(Reason::Egress),
                why: format!(
                    "`{}` is no backend on port {}, and the mesh drops all other traffic",
                    request.authority, port.port
                ),
            },
        })
    }

    fn through_gateway(&self, journey: &mut Journey<'m>, request: &Request) -> End<'m> {
        let entries = entry::entries_of(self.mesh, &journey.source);
        let exact = entries.iter().find(|entry| entry.port.get() == request.port);
        let sole = match entries.as_slice() {
            [only] if !request.explicit_port => Some(only),
            _ => None,
        };
        let Some(entry) = exact.or(sole).copied() else {
            let ports: Vec<String> = entries.iter().map(|entry| entry.port.to_string()).collect();
            return closed(
                Reason::NoListener,
                &format!(
                    "{} does not listen on port {}, but on {}",
                    journey.source,
                    request.port,
                    if ports.is_empty() { "none".to_owned() } else { ports.join(", ") }
                ),
            );
        };
        journey.entry = Some(entry);
        let Door::Gateway { gateway, listener, .. } = entry.door else {
            return closed(Reason::NoListener, "");
        };
        if let Some(end) = door(listener, request) {
            return end;
        }
        let mut seen = seen(request);
        let codec = codec(request, entry.protocol);
        if let Err(end) = arrive(&mut seen, codec, &Accepts::of(&listener.http)) {
            return end;
        }
        if listener.health_path().is_some_and(|path| path == seen.path) {
            let why = "the gateway answers health checks on this path itself".to_owned();
            return End::Answer { status: 200, reason: None, why };
        }
        match self.table(journey, None, &seen, entry.rows(self.mesh)) {
            Ok((row, Action::Service { to, rewrite })) => {
                if let Err(why) = rewritten(&mut seen, &row, &rewrite) {
                    return End::Unknown { why };
                }
                let hops = second_hops(self.mesh, gateway);
                let Some(hop) = hops.get(&(to.name, to.port)) else {
                    return closed(Reason::NoTarget, "no route leads to the service port");
                };
                if let Some(why) = hop.patches().find_map(unknown::manager) {
                    return End::Unknown { why };
                }
                // The second hop is spoken to as the first was.
                match arrive(&mut seen, codec, &hop.accepts(self.mesh)) {
                    Err(end) => end,
                    Ok(()) => self.at_service(journey, to, seen, None),
                }
            }
            Ok((_, Action::Answer(status))) => {
                let why = "nothing provides the service".to_owned();
                End::Answer { status, reason: Some(Reason::NoProvider), why }
            }
            Ok((_, Action::Targets(_))) => {
                closed(Reason::NoTarget, "a gateway leads to services only")
            }
            Err(end) => end,
        }
    }

    fn at_service(
        &self,
        journey: &mut Journey<'m>,
        service: ServicePort<'m>,
        seen: Seen,
        host: Option<String>,
    ) -> End<'m> {
        let rows = service_rows(self.mesh, &service);
        match self.table(journey, Some(service), &seen, rows) {
            Ok((_, Action::Targets(shares))) => {
                End::Targets { shares, host: host.unwrap_or(seen.host), path: seen.path }
            }
            Ok((_, Action::Answer(status))) => {
                let why = "the route has no target that takes a share".to_owned();
                End::Answer { status, reason: Some(Reason::NoTarget), why }
            }
            Ok((_, Action::Service { .. })) => {
                closed(Reason::NoTarget, "a service leads to no service")
            }
            Err(end) => end,
        }
    }

    /// Tries the rows of a table in order.
    fn table(
        &self,
        journey: &mut Journey<'m>,
        service: Option<ServicePort<'m>>,
        seen: &Seen,
        rows: Vec<Row<'m>>,
    ) -> Result<(Row<'m>, Action<'m>), End<'m>> {
        let mut hop = Hop { service, seen: seen.clone(), passed: Vec::new(), taken: None };
        let mut ended = None;
        for row in rows {
            if let Some(why) = unknown::conditions(&row) {
                ended = Some(End::Unknown { why });
                break;
            }
            match condition::verdict(&row.matches, seen, &self.regexes) {
                Verdict::Takes => {
                    hop.passed.pop_if(|last| last.address == row.address);
                    hop.taken = Some(row);
                    break;
                }
                // A route can be rendered as two rows, of which the second has its own matcher.
                Verdict::Misses(miss) => {
                    hop.passed.pop_if(|last| last.address == row.address);
                    hop.passed.push(Passed { address: row.address, miss });
                }
                Verdict::Unknown(why) => {
                    ended = Some(End::Unknown { why: format!("{}: {why}", row.address) });
                    break;
                }
            }
        }
        let taken = hop.taken.clone();
        journey.hops.push(hop);
        if let Some(end) = ended {
            return Err(end);
        }
        let Some(row) = taken else {
            let why = "no route takes it".to_owned();
            return Err(End::Answer { status: 404, reason: Some(Reason::NoRoute), why });
        };
        let protocol = service.map(|to| to.protocol).or(journey.entry.map(|entry| entry.protocol));
        if let Some(why) = refused_upgrade(seen, protocol == Some(Protocol::Http)) {
            return Err(End::Answer { status: 403, reason: Some(Reason::BadRequest), why });
        }
        if let Some(why) = unknown::action(&row) {
            return Err(End::Unknown { why });
        }
        let action = row.action.clone();
        Ok((row, action))
    }
}

/// What happens to a connection to a port that is captured for some addresses only, if it is not
/// known to be for one of them.
fn not_among<'m>(
    addresses: &std::collections::BTreeSet<std::net::IpAddr>,
    port: &entry::CapturedPort<'m>,
    request: &Request,
) -> Option<End<'m>> {
    let host = request.authority.rsplit_once(':').map_or(request.authority.as_str(), |(it, _)| it);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<std::net::IpAddr>() {
        let why = format!("{address} is no address of a backend on port {}", port.port);
        return (!addresses.contains(&address)).then(|| closed(Reason::Egress, &why));
    }
    let own = |entry: &Entry<'_>| match entry.door {
        Door::Captured { service, .. } => {
            let host = host.strip_suffix('.').unwrap_or(host);
            service.as_str().eq_ignore_ascii_case(host)
        }
        Door::Bound { .. } | Door::Gateway { .. } => false,
    };
    if port.entries.iter().any(own) {
        return None;
    }
    let why = format!(
        "the addresses of `{host}` are not known, and only some addresses of port {} are a \
         backend's",
        port.port
    );
    Some(End::Unknown { why })
}

fn closed<'m>(reason: Reason, why: &str) -> End<'m> {
    End::Closed { reason, why: why.to_owned() }
}

/// The HTTP version of a request to a port.
fn codec(request: &Request, protocol: Protocol) -> Codec {
    request.codec.unwrap_or(Codec::of(protocol))
}

/// Whether an entry lets WebSocket through.
fn upgrades(entry: &Entry<'_>) -> bool {
    entry.protocol == Protocol::Http
}

fn seen(request: &Request) -> Seen {
    Seen {
        method: request.method.clone(),
        scheme: request.scheme.clone(),
        host: request.authority.clone(),
        path: request.path.clone(),
        headers: request.headers.clone(),
    }
}

/// What a connection manager makes of a request before it tries a route, or how it ends there.
fn arrive<'m>(seen: &mut Seen, codec: Codec, accepts: &Accepts) -> Result<(), End<'m>> {
    arrival::arrive(seen, codec, accepts).map_err(|rejected| match rejected {
        Rejected::Answer(status, why) => {
            End::Answer { status, reason: Some(Reason::BadRequest), why }
        }
        Rejected::Closed(why) => End::Closed { reason: Reason::BadRequest, why },
        Rejected::Unknown(why) => End::Unknown { why },
    })
}

/// Whether a gateway's listener lets a request in at all.
fn door<'m>(listener: &GatewayListener, request: &Request) -> Option<End<'m>> {
    let patches = [listener.patch.listener.as_ref(), listener.patch.filter_chain.as_ref()];
    if let Some(why) = patches.into_iter().flatten().find_map(unknown::listener) {
        return Some(End::Unknown { why });
    }
    if let Some(why) = listener.patch.http.as_ref().and_then(unknown::manager) {
        return Some(End::Unknown { why });
    }
    let mode = listener.tls.as_ref().map_or(TlsMode::Disabled, |tls| tls.mode);
    match (mode, request.scheme.as_str()) {
        (TlsMode::Strict, "http") => Some(closed(Reason::Protocol, "the listener takes TLS only")),
        (TlsMode::Disabled, "https") => Some(closed(Reason::Protocol, "the listener takes no TLS")),
        _ => None,
    }
}

/// Whether a request is for the local address of a bound backend, or names its service.
fn bound(entry: &Entry<'_>, request: &Request) -> bool {
    let Door::Bound { at, to, .. } = entry.door else { return false };
    if request.explicit_port && request.port == at.port() {
        return true;
    }
    let host = request.authority.split(':').next().unwrap_or_default();
    let host = host.strip_suffix('.').unwrap_or(host);
    host.eq_ignore_ascii_case(to.name.as_str())
        && (!request.explicit_port || request.port == to.port.get())
}

fn connection<'m>(
    journey: &mut Journey<'m>,
    rows: Vec<Row<'m>>,
    service: Option<ServicePort<'m>>,
) -> End<'m> {
    let Some(row) = rows.into_iter().next() else {
        return closed(Reason::NoTarget, "the service has no route with a target");
    };
    let Action::Targets(shares) = row.action.clone() else {
        return closed(Reason::NoTarget, "");
    };
    let nothing = Seen {
        method: String::new(),
        scheme: "tcp".to_owned(),
        host: String::new(),
        path: String::new(),
        headers: Vec::new(),
    };
    journey.hops.push(Hop { service, seen: nothing, passed: Vec::new(), taken: Some(row) });
    End::Targets { shares, host: String::new(), path: String::new() }
}

/// What a gateway makes of a request before it meets the service.
fn rewritten(seen: &mut Seen, row: &Row<'_>, rewrite: &Rewrite<'_>) -> Result<(), String> {
    if let Some(host) = rewrite.host {
        host.clone_into(&mut seen.host);
    }
    let path = without_query(&seen.path);
    let matched = match (&rewrite.path, &row.matches.path) {
        (PathRewrite::Keep, _) => return Ok(()),
        (PathRewrite::Prefix(_), Path::Prefix(prefix)) => prefix.len(),
        (PathRewrite::Prefix(_), Path::Regex(expression)) => {
            return Err(format!("what the regex `{expression}` makes of a prefix"));
        }
        (PathRewrite::Prefix(_), Path::Exact(_)) | (PathRewrite::Whole(_), _) => path.len(),
    };
    let (PathRewrite::Prefix(value) | PathRewrite::Whole(value)) = rewrite.path else {
        return Ok(());
    };
    seen.path = format!("{value}{}", &seen.path[matched..]);
    Ok(())
}
