//! MC04xx, MC05xx: connection pools that are too small to work with.

use super::context::{Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};

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

/// A limit that lets nothing pass.
const ZERO_LIMIT: Code = Code::error(
    "MC0518",
    "connection-pool-limit-zero",
    "a limit of a connection pool is zero",
    "A limit of zero lets no connection or request through: Envoy accepts it and answers 503 to \
     everything. Leave the key out for no limit.",
);

pub(super) const RULES: &[Rule] = &[Rule(&[&ZERO_LIMIT, &TINY], limits as Check)];

/// Limits below this one are reported.
const FEW: u32 = 5;

fn limits(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for listener in ctx.all_listeners() {
        let (address, Some(pool)) = (&listener.address, listener.connection_pool) else { continue };
        for (key, limit, what) in [
            ("max_connections", pool.max_connections, "connection"),
            ("max_pending_requests", pool.max_pending_requests, "waiting request"),
            ("max_requests", pool.max_requests, "request"),
        ] {
            let pointer = listener_pointer(listener.at, &format!("connection_pool/{key}"));
            match limit {
                Some(0) => {
                    let message = format!("`{key} = 0` lets nothing pass");
                    found.push(
                        ctx.find(&ZERO_LIMIT, address, &pointer, message)
                            .help("write at least 1, or leave the key out for no limit"),
                    );
                }
                Some(limit @ 1..FEW) => {
                    let s = if limit == 1 { "" } else { "s" };
                    let message = format!("`{address}` allows only {limit} {what}{s} at a time");
                    found.push(
                        ctx.find(&TINY, address, &pointer, message).help(format!(
                            "write {FEW} or more, or leave `{key}` out for no limit"
                        )),
                    );
                }
                Some(FEW..) | None => {}
            }
        }
    }
}
