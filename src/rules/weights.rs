//! MC03xx: weights and splits.

use super::context::{Ctx, RouteAt, listener_pointer, quoted};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::graph::End;
use crate::model::{Address, Listener, ListenerTls, Protocol};
use std::collections::BTreeSet;

/// A split that sends to none of its targets.
const ALL_ZERO: Code = Code::error(
    "MC0301",
    "all-weights-zero",
    "all weights of a route are zero",
    "Weights are relative, so with nothing but zeros no target has a share, and Envoy refuses the \
     route. Give at least one target a weight above zero.",
);
/// A target without a share.
const ZERO: Code = Code::info(
    "MC0302",
    "zero-weight",
    "a target has weight zero",
    "The target gets no traffic but stays known to the callers' proxies, so that it can take some \
     at once. That is right for a target that waits or winds down, and an oversight otherwise.",
);
/// A share of the only target.
const LONE_WEIGHT: Code = Code::info(
    "MC0303",
    "partial-weight-of-the-only-target",
    "the only target of a route has a weight that looks like a share",
    "Weights are relative: the only target gets everything, whatever its weight. A weight such as \
     50 looks as if another target were missing. Write 1 or 100.",
);
/// A split that counts connections.
const CONNECTION_SPLIT: Code = Code::info(
    "MC0304",
    "split-of-connections",
    "a split of TCP traffic holds per connection",
    "TCP is routed once for each connection. Few long connections can be far from the written \
     ratio, and a change of weights moves only new ones.",
);
/// Weights that Envoy cannot add.
const TOO_LARGE: Code = Code::error(
    "MC0305",
    "weights-too-large",
    "the weights of a route add up to more than Envoy can hold",
    "Envoy keeps the sum of the weights in 32 bits and refuses a larger one. Weights are relative: \
     divide them all by the same number.",
);
/// A canary that is not looked after like the stable one.
const UNEQUAL_CARE: Code = Code::warning(
    "MC0306",
    "unequal-protection-in-a-split",
    "a target of a split lacks a protection that another has",
    "Within one split a node has a health check, outlier detection, connection pool limits or TLS, \
     and another has not. The one without keeps getting its share when it fails, or is reached \
     without encryption. Canaries need the same care as what they replace.",
);
/// Weights beyond a hundred.
const OVER_HUNDRED: Code = Code::info(
    "MC0307",
    "weights-over-a-hundred",
    "the weights of a route add up to more than 100",
    "meshctl's weights are relative, so any sum works. App Mesh took at most 100, so a reader who \
     expects percentages will misread these.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&ALL_ZERO, &ZERO], zero_weights as Check),
    Rule(&[&LONE_WEIGHT], lone_weight),
    Rule(&[&CONNECTION_SPLIT], connection_split),
    Rule(&[&TOO_LARGE, &OVER_HUNDRED], sums),
    Rule(&[&UNEQUAL_CARE], unequal_care),
];

fn zero_weights(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let targets = &at.route.targets;
        if targets.is_empty() {
            continue;
        }
        if targets.iter().all(|target| target.weight == 0) {
            let message = format!("no target of the route `{}` has any weight", at.route.name);
            found.push(
                ctx.find(&ALL_ZERO, &at.address(), "/targets", message)
                    .help("give at least one target a weight above 0"),
            );
            continue;
        }
        for (index, target) in targets.iter().enumerate().filter(|(_, t)| t.weight == 0) {
            let message = format!("`{}` gets none of the route `{}`", target.node, at.route.name);
            found.push(
                ctx.find(&ZERO, &at.address(), &format!("/targets/{index}/weight"), message)
                    .help("fine for a target that waits; else give it a weight or remove it"),
            );
        }
    }
}

fn lone_weight(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        if let [only] = at.route.targets.as_slice()
            && !matches!(only.weight, 0 | 1 | 100)
        {
            let message = format!(
                "`{}` gets all of the route `{}`, not {} parts of it",
                only.node, at.route.name, only.weight
            );
            found.push(
                ctx.find(&LONE_WEIGHT, &at.address(), "/targets/0/weight", message)
                    .help("write 1, or add the target that is missing"),
            );
        }
    }
}

fn weighted(at: &RouteAt<'_>) -> usize {
    at.route.targets.iter().filter(|target| target.weight > 0).count()
}

fn connection_split(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        if weighted(&at) > 1 && at.protocol() == Some(Protocol::Tcp) {
            let message = format!(
                "the split of the TCP route `{}` holds per connection, not per byte or query",
                at.route.name
            );
            found.push(
                ctx.find(&CONNECTION_SPLIT, &at.address(), "/targets", message)
                    .help("expect the ratio only over many connections"),
            );
        }
    }
}

fn sums(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.routes() {
        let sum: u64 = at.route.targets.iter().map(|target| u64::from(target.weight)).sum();
        if sum > u64::from(u32::MAX) {
            let message = format!("the weights of `{}` add up to {sum}", at.route.name);
            found.push(
                ctx.find(&TOO_LARGE, &at.address(), "/targets", message)
                    .help(format!("divide them, so that the sum is at most {}", u32::MAX)),
            );
        } else if sum > 100 && at.route.targets.len() > 1 {
            let message = format!(
                "the weights of `{}` add up to {sum}, so they are no percentages",
                at.route.name
            );
            found.push(
                ctx.find(&OVER_HUNDRED, &at.address(), "/targets", message)
                    .help("write weights whose sum is 100, unless parts are meant"),
            );
        }
    }
}

/// The protections of a listener, each with the key that sets it.
fn care(listener: &Listener) -> [(&'static str, bool); 4] {
    let tls = listener.tls.as_ref().is_some_and(ListenerTls::is_on);
    [
        ("health_check", listener.health_check.is_some()),
        ("outlier_detection", listener.outlier_detection.is_some()),
        ("connection_pool", listener.connection_pool.is_some()),
        ("tls", tls),
    ]
}

fn unequal_care(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for at in ctx.routes() {
        if weighted(&at) < 2 {
            continue;
        }
        let targets = at.route.targets.iter().filter(|target| target.weight > 0);
        let ends: Vec<End<'_>> = targets.filter_map(|target| ctx.graph.end(target)).collect();
        for end in &ends {
            let mut lacks: Vec<&'static str> = Vec::new();
            let mut model: Option<&End<'_>> = None;
            for (index, (key, has)) in care(end.listener).into_iter().enumerate() {
                if !has && let Some(other) = ends.iter().find(|e| care(e.listener)[index].1) {
                    lacks.push(key);
                    model.get_or_insert(other);
                }
            }
            let Some(other) = model else { continue };
            // One finding for each listener, however many routes split over it.
            if !told.insert((end.node, end.at)) {
                continue;
            }
            let address = Address::Node(end.node.clone());
            let message = format!(
                "`{}` lacks {} that `{}` has, and both share the route `{}`",
                end.node,
                quoted(&lacks),
                other.node,
                at.route.name
            );
            let finding =
                ctx.find(&UNEQUAL_CARE, &address, &listener_pointer(end.at, ""), message).help(
                    format!("give it the same {}, or suppress this with a reason", quoted(&lacks)),
                );
            let pointer = listener_pointer(other.at, lacks[0]);
            let finding =
                ctx.also(finding, &Address::Node(other.node.clone()), &pointer, "this one has it");
            found.push(ctx.also(finding, &at.address(), "/targets", "the split"));
        }
    }
}
