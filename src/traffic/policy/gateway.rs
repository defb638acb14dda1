//! What requests meet at a gateway, before its routes and behind them.

use super::caller::of_policy;
use super::server::{accepted, listener_tls, pool};
use super::{Facts, patched, put};
use crate::model::{
    BackendDefaults, GatewayListener, GatewayListenerPatch, MeshSettings, VirtualGateway,
};
use crate::traffic::addresses::gateway_address;

/// The settings of a listener.
pub(super) fn of(settings: &MeshSettings, listener: &GatewayListener) -> Facts {
    let GatewayListener {
        // The entry point itself.
        port: _,
        protocol,
        address: _,
        connection_pool,
        // Its path is a row of the table; the rest is what those who probe may do.
        health_check: _,
        tls,
        http,
        // What all listeners give the second hops together is compared by itself.
        patch: GatewayListenerPatch { listener: raw, filter_chain, http: raw_http, inner_http: _ },
    } = listener;
    let mut facts = Facts::new();
    put(&mut facts, "protocol", Some(protocol));
    put(&mut facts, "address", Some(gateway_address(settings, listener)));
    pool(&mut facts, connection_pool.as_ref());
    listener_tls(&mut facts, tls.as_ref());
    accepted(&mut facts, http, *protocol);
    put(&mut facts, "patch.http", patched(raw_http.as_ref()));
    put(&mut facts, "patch.listener", patched(raw.as_ref()));
    put(&mut facts, "patch.filter_chain", patched(filter_chain.as_ref()));
    facts
}

/// How a gateway calls services.
pub(super) fn of_caller(gateway: &VirtualGateway) -> Facts {
    let VirtualGateway {
        // Compared one by one.
        listeners: _,
        routes: _,
        backend_defaults: BackendDefaults { client_policy },
        // Not met by requests.
        access_log: _,
        owner: _,
        tags: _,
    } = gateway;
    of_policy(client_policy.as_ref())
}
