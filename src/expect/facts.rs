//! What became of a request, in the terms in which expectations speak.

use crate::model::{Address, Duration, NodeName, Port, ServiceName};
use crate::traffic::{End, Hop, Journey, Reason, Retries, Security};

/// What became of a request.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The nodes that get a share, with their weights; in the order of the route.
    pub(super) nodes: Vec<(NodeName, Port, u32)>,
    /// The status that a proxy answers with.
    pub(super) status: Option<u16>,
    /// Why no server gets it.
    pub(super) reason: Option<Reason>,
    /// Whether it leaves the mesh.
    pub(super) leaves: bool,
    /// The routes that took it, in order.
    pub(super) routes: Vec<Address>,
    /// The last service that it reached.
    pub(super) service: Option<ServiceName>,
    /// What the server sees of the path; `None` if none sees it.
    pub(super) path: Option<String>,
    /// What the server sees of the host.
    pub(super) host: Option<String>,
    /// How long it may take.
    pub(super) timeout: Option<Duration>,
    /// How it is tried again.
    pub(super) retry: Option<Retries>,
    /// What protects the connections to the nodes, each word once.
    pub(super) security: Vec<Security>,
    /// All of it in words.
    pub(super) words: String,
}

impl Facts {
    /// What became of a request; else why that cannot be told.
    pub(super) fn of(journey: &Journey<'_>) -> Result<Self, String> {
        let taken = |hop: &Hop<'_>| hop.taken.as_ref().map(|row| row.address.clone());
        let routes = journey.hops.iter().filter_map(taken);
        let is_route =
            |address: &Address| matches!(address, Address::Route(..) | Address::GatewayRoute(..));
        let service = journey.hops.iter().rev().find_map(|hop| hop.service);
        let mut facts = Self {
            nodes: Vec::new(),
            status: None,
            reason: None,
            leaves: false,
            routes: routes.filter(is_route).collect(),
            service: service.map(|service| service.name.clone()),
            path: None,
            host: None,
            timeout: None,
            retry: None,
            security: Vec::new(),
            words: String::new(),
        };
        match &journey.end {
            End::Targets { shares, host, path } => facts.reached(journey, shares, host, path),
            End::Answer { status, reason, why } => {
                facts.status = Some(*status);
                facts.reason = *reason;
                facts.words = format!("a proxy answers with {status}: {why}");
            }
            End::PassedOn => {
                facts.leaves = true;
                "it leaves the mesh".clone_into(&mut facts.words);
            }
            End::Closed { reason, why } => {
                facts.reason = Some(*reason);
                facts.words = format!("it is refused: {why}");
            }
            End::Unknown { why } => return Err(why.clone()),
        }
        Ok(facts)
    }

    fn reached(
        &mut self,
        journey: &Journey<'_>,
        shares: &[crate::traffic::Share<'_>],
        host: &str,
        path: &str,
    ) {
        let sole = shares.len() == 1;
        for share in shares {
            let weight = if sole { 1 } else { share.weight };
            if weight == 0 {
                continue;
            }
            self.nodes.push((share.to.name.clone(), share.to.listener.port, weight));
            let security = journey.security(share.to);
            if !self.security.contains(&security) {
                self.security.push(security);
            }
        }
        self.host = (!host.is_empty()).then(|| host.to_owned());
        self.path = (!path.is_empty()).then(|| path.to_owned());
        if let Some(Hop { service, taken: Some(row), .. }) = journey.hops.last() {
            let protocol = service.map(|service| service.protocol);
            self.timeout = protocol.and_then(|it| row.times(it)).map(|times| times.limit());
            self.retry = protocol.and_then(|protocol| row.retries(protocol));
        }
        self.words = format!("it goes to {}", self.shares());
    }

    /// The nodes with their shares in words.
    fn shares(&self) -> String {
        let all: Vec<(String, u32)> =
            self.nodes.iter().map(|(name, _, weight)| (name.to_string(), *weight)).collect();
        in_words(&all)
    }

    /// The same, with ports.
    pub(super) fn with_ports(&self) -> String {
        let nodes = self.nodes.iter();
        let shares: Vec<(String, u32)> =
            nodes.map(|(name, port, weight)| (format!("{name}:{port}"), *weight)).collect();
        match shares.is_empty() {
            true => self.words.clone(),
            false => format!("it goes to {}", in_words(&shares)),
        }
    }
}

/// `virtual_node/a`, or `a = 95, b = 5`.
pub(super) fn in_words(shares: &[(String, u32)]) -> String {
    match shares {
        [(only, _)] => format!("virtual_node/{only}"),
        several => {
            let each: Vec<String> =
                several.iter().map(|(name, weight)| format!("{name} = {weight}")).collect();
            format!("{{ {} }}", each.join(", "))
        }
    }
}
