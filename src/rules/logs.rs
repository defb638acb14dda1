//! MC005x: access logs.

use super::context::Ctx;
use super::{Check, Rule};
use crate::diag::{Code, Diagnostics};
use crate::model::{AccessLog, Address, LogFormat, Protocol};

/// A log whose place depends on where Envoy was started.
const RELATIVE: Code = Code::warning(
    "MC0055",
    "relative-log-path",
    "the path of an access log is relative",
    "Envoy opens a relative path from the folder it was started in, which differs between hosts \
     and restarts, and rejects the configuration if it cannot. Write an absolute path.",
);
/// A log that collects credentials.
const SECRET: Code = Code::warning(
    "MC0056",
    "secret-in-access-log",
    "an access log writes a header that holds credentials",
    "Headers such as `authorization` and `cookie` let whoever reads the log act as the user. Leave \
     them out of the format.",
);
/// An operator that is always empty.
const EMPTY_OPERATOR: Code = Code::warning(
    "MC0057",
    "http-operator-in-tcp-log",
    "an access log of a node without HTTP asks for HTTP fields",
    "Every listener and backend of the node is TCP, and a TCP connection has no method, path, \
     headers or status. The operator always writes `-`.",
);

pub(super) const RULES: &[Rule] =
    &[Rule(&[&RELATIVE, &SECRET], logs as Check), Rule(&[&EMPTY_OPERATOR], empty_operator)];

/// The texts of a format, each with its pointer under `/access_log/format`.
fn texts(log: &AccessLog) -> Vec<(String, &str)> {
    match &log.format {
        None => Vec::new(),
        Some(LogFormat::Text(text)) => vec![("/access_log/format/text".into(), text.as_str())],
        Some(LogFormat::Json(fields)) => fields
            .iter()
            .map(|(key, text)| (format!("/access_log/format/json/{key}"), text.as_str()))
            .collect(),
    }
}

const CREDENTIALS: [&str; 6] = [
    "authorization",
    "cookie",
    "set-cookie",
    "proxy-authorization",
    "x-api-key",
    "x-amz-security-token",
];

/// The header that `%REQ(…)%` and its like write, if it holds credentials.
fn credential(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    ["%req(", "%resp(", "%trailer(", "%response_header(", "%request_header("]
        .into_iter()
        .flat_map(|operator| text.match_indices(operator).map(move |(at, _)| at + operator.len()))
        .find_map(|at| {
            let names = text[at..].split(')').next().unwrap_or_default();
            // `A?B` writes B where A is absent.
            names
                .split('?')
                .find_map(|name| CREDENTIALS.into_iter().find(|secret| *secret == name.trim()))
        })
}

fn logs(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    let nodes = ctx.mesh.nodes.iter();
    let nodes = nodes.map(|(name, n)| (Address::Node(name.clone()), n.access_log.as_ref()));
    let gateways = ctx.mesh.gateways.iter();
    let gateways =
        gateways.map(|(name, g)| (Address::Gateway(name.clone()), g.access_log.as_ref()));
    for (address, log) in nodes.chain(gateways) {
        let Some(log) = log else { continue };
        if !log.path.starts_with('/') {
            let message = format!("`{}` is relative to where Envoy was started", log.path);
            found.push(
                ctx.find(&RELATIVE, &address, "/access_log/path", message)
                    .help("write an absolute path, for example \"/dev/stdout\""),
            );
        }
        for (pointer, text) in texts(log) {
            if let Some(header) = credential(text) {
                let message = format!("the log writes the header `{header}`");
                found.push(
                    ctx.find(&SECRET, &address, &pointer, message)
                        .help("leave the header out of the format"),
                );
            }
        }
    }
}

const HTTP_OPERATORS: [&str; 6] =
    ["%REQ(", "%RESP(", "%RESPONSE_CODE%", "%PROTOCOL%", "%TRAILER(", "%RESPONSE_CODE_DETAILS%"];

fn empty_operator(ctx: &Ctx<'_>, found: &mut Diagnostics) {
    for (name, node) in &ctx.mesh.nodes {
        let Some(log) = &node.access_log else { continue };
        let mut protocols = node
            .listeners
            .iter()
            .map(|listener| listener.protocol)
            .chain(node.backends.iter().flat_map(|backend| {
                let ports = ctx.graph.ports(&backend.service);
                // A service that another project owns may speak anything.
                ports.map_or_else(
                    || vec![Protocol::Http],
                    |ports| ports.iter().map(|p| p.protocol).collect(),
                )
            }))
            .peekable();
        if protocols.peek().is_none() || protocols.any(Protocol::is_http) {
            continue;
        }
        for (pointer, text) in texts(log) {
            if let Some(operator) = HTTP_OPERATORS.into_iter().find(|o| text.contains(o)) {
                let message = format!("`{name}` has only TCP, so `{operator}` is always empty");
                found.push(
                    ctx.find(&EMPTY_OPERATOR, &Address::Node(name.clone()), &pointer, message)
                        .help("use operators of connections, for example %BYTES_SENT%"),
                );
            }
        }
    }
}
