//! Listeners and their filter chains.

use super::builder::{Builder, Origin};
use super::pb::{core, listener, original_dst, tls_inspector};
use super::{patch, tls};
use crate::model::{ListenerTls, Patch, Port, Protocol, TlsMode};
use envoy_api::pb::envoy::r#type::v3::Int32Range;
use envoy_api::{Any, pack};
use listener::ListenerFilterChainMatchPredicate as Predicate;
use listener::listener_filter_chain_match_predicate::{MatchSet, Rule};
use std::net::IpAddr;

/// What a listener's TLS makes of one port.
pub(super) struct Inbound<'a> {
    pub(super) port: Port,
    pub(super) protocol: Protocol,
    pub(super) tls: Option<&'a ListenerTls>,
    pub(super) patch: Option<&'a Patch>,
    /// Where the listener stands in the files.
    pub(super) origin: &'a Origin,
    /// Whether chains must be told apart by port, because one listener has many.
    pub(super) by_port: bool,
}

/// The filter chains of one inbound port: one, or two when TLS and plain text are both taken.
pub(super) fn ingress_chains(
    b: &mut Builder<'_>,
    port: &Inbound<'_>,
    filter: &listener::Filter,
) -> Vec<listener::FilterChain> {
    let name = format!("ingress_{}_{}", port.protocol, port.port);
    let by_port = port.by_port.then_some(port.port);
    let plain = |suffix: &str, transport: &str| {
        chain(&format!("{name}{suffix}"), by_port, transport, filter.clone())
    };
    let mut chains = match port.tls {
        Some(tls) if tls.is_on() => {
            let socket = tls::downstream(b, port.port, port.protocol, tls, port.origin);
            if tls.mode == TlsMode::Permissive {
                let mut secure = plain("_tls", "tls");
                secure.transport_socket = Some(socket);
                vec![secure, plain("_plain", "raw_buffer")]
            } else {
                // Plain text meets TLS here and fails in the handshake.
                let mut secure = plain("", "");
                secure.transport_socket = Some(socket);
                vec![secure]
            }
        }
        Some(_) | None => vec![plain("", "")],
    };
    if port.patch.is_some() {
        chains = chains.into_iter().map(|chain| patch::apply(chain, port.patch)).collect();
    }
    chains
}

/// A filter chain; an empty transport matches any.
pub(super) fn chain(
    name: &str,
    port: Option<Port>,
    transport: &str,
    filter: listener::Filter,
) -> listener::FilterChain {
    let matches = listener::FilterChainMatch {
        destination_port: port.map(|port| port.get().into()),
        transport_protocol: transport.to_owned(),
        ..Default::default()
    };
    let anything = port.is_none() && transport.is_empty();
    listener::FilterChain {
        name: name.to_owned(),
        filter_chain_match: (!anything).then_some(matches),
        filters: vec![filter],
        ..Default::default()
    }
}

/// The chain, for connections to these addresses only; without any, for all.
pub(super) fn to_addresses<'a>(
    mut chain: listener::FilterChain,
    addresses: impl Iterator<Item = &'a IpAddr>,
) -> listener::FilterChain {
    let range = |address: &IpAddr| core::CidrRange {
        address_prefix: address.to_string(),
        prefix_len: Some(if address.is_ipv4() { 32 } else { 128 }),
    };
    if let Some(matches) = &mut chain.filter_chain_match {
        matches.prefix_ranges = addresses.map(range).collect();
    }
    chain
}

/// A filter chain that closes every connection to a port: it has no filter that would read it.
pub(super) fn closing(name: &str, port: u16) -> listener::FilterChain {
    listener::FilterChain {
        name: name.to_owned(),
        filter_chain_match: Some(listener::FilterChainMatch {
            destination_port: Some(port.into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A listener without filters of its own.
pub(super) fn on(
    name: &str,
    address: core::Address,
    direction: core::TrafficDirection,
    filter_chains: Vec<listener::FilterChain>,
) -> listener::Listener {
    listener::Listener {
        name: name.to_owned(),
        address: Some(address),
        traffic_direction: direction as i32,
        filter_chains,
        ..Default::default()
    }
}

/// A listener that only this proxy's own clusters can reach.
pub(super) fn internal(name: &str, chains: Vec<listener::FilterChain>) -> listener::Listener {
    listener::Listener {
        name: name.to_owned(),
        traffic_direction: core::TrafficDirection::Outbound as i32,
        filter_chains: chains,
        listener_specifier: Some(listener::listener::ListenerSpecifier::InternalListener(
            listener::listener::InternalListenerConfig::default(),
        )),
        ..Default::default()
    }
}

/// Restores the address that a redirected connection was meant for.
pub(super) fn original_destination() -> listener::ListenerFilter {
    filter("envoy.filters.listener.original_dst", pack(&original_dst::OriginalDst::default()), None)
}

/// Tells TLS from plain text, which takes the first bytes of the client. Where the server speaks
/// first, or where only one of them is taken, it must not look: so it is on for ports that take
/// both, and off for all others. No ports: on for all.
pub(super) fn tls_inspector(ports: &[Port]) -> listener::ListenerFilter {
    let rules: Vec<Predicate> = ports
        .iter()
        .map(|port| {
            let start = i32::from(port.get());
            predicate(Rule::DestinationPortRange(Int32Range { start, end: start + 1 }))
        })
        .collect();
    let wanted = match rules.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(predicate(Rule::OrMatch(MatchSet { rules }))),
    };
    let disabled = wanted.map(|wanted| predicate(Rule::NotMatch(Box::new(wanted))));
    filter(
        "envoy.filters.listener.tls_inspector",
        pack(&tls_inspector::TlsInspector::default()),
        disabled,
    )
}

/// Whether a port takes TLS and plain text.
pub(super) fn takes_both(tls: Option<&ListenerTls>) -> bool {
    tls.is_some_and(|tls| tls.mode == TlsMode::Permissive)
}

fn predicate(rule: Rule) -> Predicate {
    Predicate { rule: Some(rule) }
}

fn filter(name: &str, config: Any, disabled: Option<Predicate>) -> listener::ListenerFilter {
    listener::ListenerFilter {
        name: name.to_owned(),
        filter_disabled: disabled,
        config_type: Some(listener::listener_filter::ConfigType::TypedConfig(config)),
    }
}
