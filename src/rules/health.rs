//! MC04xx: health checks and outlier detection.

use super::context::{AnyListener, Ctx, listener_pointer};
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{Address, Discovery, DnsResponseType, Duration, HealthCheck, Port, Protocol};

/// A probe that outlives its successor's start.
const SLOW_PROBE: Code = Code::warning(
    "MC0410",
    "health-timeout-not-below-interval",
    "a health check's timeout is not shorter than its interval",
    "Envoy starts the next probe only after the last one ended, so with such a timeout a hanging \
     endpoint is probed less often than `interval` says and found out late.",
);
/// A probe of a path that no server has.
const BAD_PATH: Code = Code::error(
    "MC0411",
    "health-path-without-slash",
    "the path of a health check does not start with `/`",
    "An HTTP probe asks for the path and expects status 200. Envoy sends it as it is written, and \
     a path without a leading slash is answered with 400 by most servers, so that all endpoints \
     look ill.",
);
/// A probe that asks for what nobody wrote.
const NO_PATH: Code = Code::info(
    "MC0418",
    "health-path-not-written",
    "an HTTP health check has no path",
    "The probe asks for `/`. On many servers that is a page which costs much, redirects, or \
     answers 404 although the service is well. A path made for probes says more.",
);
/// A check that nobody can run.
const NO_EFFECT: Code = Code::warning(
    "MC0427",
    "gateway-health-check-without-effect",
    "a health check of a gateway has no effect",
    "A gateway answers the health checks of the load balancer in front of it by their path. \
     Without a `path`, and with `protocol = \"grpc\"`, there is nothing that it would answer: the \
     probe is routed like any request.",
);
/// A path that is never asked for.
const UNUSED_PATH: Code = Code::warning(
    "MC0412",
    "health-path-unused",
    "a TCP or gRPC health check has a path",
    "A tcp probe only connects, and a grpc probe calls the standard health service. The path has \
     no effect.",
);
/// A probe of something else.
const OTHER_PORT: Code = Code::error(
    "MC0413",
    "health-check-on-another-port",
    "a health check probes another port than its listener's",
    "Callers probe what they call. The proxy of the node lets only the ports of its listeners in, \
     and a service can be well on one port and dead on another. Leave `port` out.",
);
/// A probe in a language that the listener does not speak.
const OTHER_PROTOCOL: Code = Code::error(
    "MC0414",
    "health-check-of-another-protocol",
    "a health check speaks a protocol that its listener does not",
    "Probes go through the listener like every request. What it cannot read it refuses, so every \
     endpoint is taken for ill. A `tcp` probe, which only connects, fits every listener of a node; \
     gateways have no tcp.",
);
/// Ejection where there is nothing to choose from.
const NO_CHOICE: Code = Code::warning(
    "MC0415",
    "outlier-detection-with-one-endpoint",
    "outlier detection of a node that has one endpoint",
    "Outlier detection takes failing endpoints out of the choice. A DNS answer of the kind \
     `loadbalancer` counts as one endpoint, and so does a single address: then there is nothing \
     to choose, and an ejection means 503. Use `response_type = \"endpoints\"` if each address of \
     the answer is an instance.",
);
/// An ejection limit at one of its ends.
const EXTREME_LIMIT: Code = Code::warning(
    "MC0416",
    "ejection-limit-extreme",
    "outlier detection may eject every endpoint, or none",
    "At 100 per cent one bad moment of a shared dependency can take all endpoints out at once. At \
     0 nothing is ever ejected. Something like 50 keeps a part serving.",
);
/// Numbers that Envoy refuses.
const REFUSED: Code = Code::error(
    "MC0417",
    "health-setting-refused",
    "a health check or outlier setting that Envoy refuses",
    "Intervals, timeouts, thresholds and error counts must be above zero, and a percentage is at \
     most 100.",
);

pub(super) const RULES: &[Rule] = &[
    Rule(&[&SLOW_PROBE, &BAD_PATH, &NO_PATH, &UNUSED_PATH], probes as Check),
    Rule(&[&OTHER_PORT, &OTHER_PROTOCOL], probes_of_something_else),
    Rule(&[&NO_CHOICE, &EXTREME_LIMIT], outliers),
    Rule(&[&REFUSED], refused),
    Rule(&[&NO_EFFECT], without_effect),
];

/// A health check and the listener that it is of.
pub(super) struct Probe<'a> {
    pub(super) address: Address,
    at: usize,
    port: Port,
    protocol: Protocol,
    pub(super) check: &'a HealthCheck,
}

impl Probe<'_> {
    pub(super) fn pointer(&self, field: &str) -> String {
        listener_pointer(self.at, &format!("health_check/{field}"))
    }

    fn of_gateway(&self) -> bool {
        matches!(self.address, Address::Gateway(_))
    }
}

/// All health checks of nodes and gateways.
pub(super) fn all_probes<'a>(ctx: &Ctx<'a>) -> Vec<Probe<'a>> {
    let probe = |listener: AnyListener<'a>| {
        let AnyListener { address, at, port, protocol, health_check, .. } = listener;
        Some(Probe { address, at, port, protocol, check: health_check? })
    };
    ctx.all_listeners().filter_map(probe).collect()
}

fn probes(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for probe in all_probes(ctx) {
        let check = probe.check;
        if check.timeout >= check.interval && !check.interval.is_zero() {
            let message = format!(
                "a probe may take {}, and the next is due after {}",
                check.timeout, check.interval
            );
            found.push(
                ctx.find(&SLOW_PROBE, &probe.address, &probe.pointer("timeout"), message)
                    .help("make the timeout shorter than the interval"),
            );
        }
        match (check.protocol, &check.path) {
            // A gateway probes nobody: what it answers is reported by MC0427.
            (Protocol::Http | Protocol::Http2, None) if !probe.of_gateway() => {
                let message = format!("the {} probe asks for `/`", check.protocol);
                let pointer = probe.pointer("");
                found.push(
                    ctx.find(&NO_PATH, &probe.address, pointer.trim_end_matches('/'), message)
                        .help("add for example `path = \"/healthz\"`"),
                );
            }
            (Protocol::Http | Protocol::Http2, Some(path)) if !path.starts_with('/') => {
                let message = format!("the path `{path}` does not start with `/`");
                found.push(
                    ctx.find(&BAD_PATH, &probe.address, &probe.pointer("path"), message)
                        .help(format!("write \"/{path}\"")),
                );
            }
            (Protocol::Tcp | Protocol::Grpc, Some(_)) => {
                let message = format!("a {} probe asks for no path", check.protocol);
                found.push(
                    ctx.find(&UNUSED_PATH, &probe.address, &probe.pointer("path"), message)
                        .help("remove `path`, or make the probe http"),
                );
            }
            _ => {}
        }
    }
}

fn without_effect(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, gateway) in &ctx.mesh.gateways {
        for (at, listener) in gateway.listeners.iter().enumerate() {
            let Some(check) = &listener.health_check else { continue };
            if listener.health_path().is_none() {
                let message = format!("the gateway `{name}` answers no {} probe", check.protocol);
                let pointer = listener_pointer(at, "health_check");
                found.push(
                    ctx.find(&NO_EFFECT, &Address::Gateway(name.clone()), &pointer, message)
                        .help("write `protocol = \"http\"` or \"http2\", and a `path`"),
                );
            }
        }
    }
}

fn probes_of_something_else(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for probe in all_probes(ctx) {
        let check = probe.check;
        let listener = listener_pointer(probe.at, "port");
        if let Some(port) = check.port.filter(|port| *port != probe.port) {
            let message = format!("the probe asks port {port}, the listener has {}", probe.port);
            let finding = ctx
                .find(&OTHER_PORT, &probe.address, &probe.pointer("port"), message)
                .help("leave `port` out");
            found.push(ctx.also(finding, &probe.address, &listener, "the listener"));
        }
        let fits = match check.protocol {
            Protocol::Tcp => !probe.of_gateway(),
            Protocol::Http | Protocol::Http2 | Protocol::Grpc => {
                check.protocol == probe.protocol
                    || (check.protocol.is_http2() && probe.protocol.is_http2())
            }
        };
        if !fits {
            let message =
                format!("the probe speaks {}, the listener {}", check.protocol, probe.protocol);
            let finding = ctx
                .find(&OTHER_PROTOCOL, &probe.address, &probe.pointer("protocol"), message)
                .help(format!("write `protocol = \"{}\"`", probe.protocol));
            let listener = listener_pointer(probe.at, "protocol");
            found.push(ctx.also(finding, &probe.address, &listener, "the listener"));
        }
    }
}

fn outliers(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for at in ctx.listeners() {
        let Some(outlier) = &at.listener.outlier_detection else { continue };
        let one = match &at.node.discovery {
            Some(Discovery::Dns(dns)) if dns.response_type == DnsResponseType::Loadbalancer => {
                Some("its DNS answer counts as one endpoint")
            }
            Some(Discovery::Static(addresses)) if addresses.len() == 1 => {
                Some("it has one address")
            }
            _ => None,
        };
        if let Some(why) = one {
            let message = format!("outlier detection of `{}` has no choice: {why}", at.node_name);
            let pointer = at.pointer("outlier_detection");
            let finding = ctx
                .find(&NO_CHOICE, &at.address(), &pointer, message)
                .help("use `response_type = \"endpoints\"`, several addresses, or drop it");
            found.push(ctx.also(finding, &at.address(), "/discovery", "how it is found"));
        }
        if matches!(outlier.max_ejection_percent, 0 | 100) {
            let what = if outlier.max_ejection_percent == 0 { "none" } else { "every" };
            let message = format!(
                "`max_ejection_percent = {}` lets {what} of the endpoints of `{}` be ejected",
                outlier.max_ejection_percent, at.node_name
            );
            let pointer = at.pointer("outlier_detection/max_ejection_percent");
            found.push(
                ctx.find(&EXTREME_LIMIT, &at.address(), &pointer, message)
                    .help("write for example 50"),
            );
        }
    }
}

fn refused(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let mut report = |address: &Address, pointer: &str, what: &str, why: &str| {
        found.push(ctx.find(&REFUSED, address, pointer, format!("`{what}` {why}")).help(
            match why {
                "is above 100" => "write a number from 0 to 100",
                _ => "write a value above zero",
            },
        ));
    };
    for probe in all_probes(ctx) {
        let check = probe.check;
        for (key, zero) in [
            ("interval", check.interval.is_zero()),
            ("timeout", check.timeout.is_zero()),
            ("healthy_threshold", check.healthy_threshold == 0),
            ("unhealthy_threshold", check.unhealthy_threshold == 0),
        ] {
            if zero {
                report(&probe.address, &probe.pointer(key), key, "is zero");
            }
        }
    }
    for at in ctx.listeners() {
        let Some(outlier) = &at.listener.outlier_detection else { continue };
        for (key, zero) in [
            ("interval", outlier.interval.is_zero()),
            ("base_ejection_duration", outlier.base_ejection_duration == Duration::default()),
            ("max_server_errors", outlier.max_server_errors == 0),
        ] {
            if zero {
                let pointer = at.pointer(&format!("outlier_detection/{key}"));
                report(&at.address(), &pointer, key, "is zero");
            }
        }
        if outlier.max_ejection_percent > 100 {
            let key = "max_ejection_percent";
            let pointer = at.pointer(&format!("outlier_detection/{key}"));
            report(&at.address(), &pointer, key, "is above 100");
        }
    }
}
