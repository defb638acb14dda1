//! MC04xx: connection pools that are too small to work with.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::Address;

/// A limit that ordinary traffic meets.
const TINY: Code = Code::warning(
    "MC0431",
    "connection-pool-tiny",
    "a limit of a connection pool is below five",
    "What exceeds a limit is answered with 503 at once. Each proxy has its own pool, and a few \
     requests that arrive together exceed such a limit; a request also counts as pending while its \
     connection is being made. Write what the application really takes at a time, or leave the key \
     out for no limit.",
);

pub(super) const RULES: &[Rule] = &[Rule(&[&TINY], tiny as Check)];

/// Limits below this one are reported.
const FEW: u32 = 5;

fn tiny(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let nodes =
        ctx.listeners().map(|at| (at.address(), at.at, at.listener.connection_pool.as_ref()));
    let gateways = ctx.mesh.gateways.iter().flat_map(|(name, gateway)| {
        let listeners = gateway.listeners.iter().enumerate();
        listeners.map(|(at, l)| (Address::Gateway(name.clone()), at, l.connection_pool.as_ref()))
    });
    for (address, at, pool) in nodes.chain(gateways) {
        let Some(pool) = pool else { continue };
        for (key, limit, what) in [
            ("max_connections", pool.max_connections, "connection"),
            ("max_pending_requests", pool.max_pending_requests, "waiting request"),
            ("max_requests", pool.max_requests, "request"),
        ] {
            // Zero is a finding of its own.
            if let Some(limit) = limit.filter(|limit| (1..FEW).contains(limit)) {
                let s = if limit == 1 { "" } else { "s" };
                let message = format!("`{address}` takes {limit} {what}{s} at a time");
                let pointer = listener_pointer(at, &format!("connection_pool/{key}"));
                found.push(
                    ctx.find(&TINY, &address, &pointer, message)
                        .help(format!("write {FEW} or more, or leave `{key}` out for no limit")),
                );
            }
        }
    }
}
