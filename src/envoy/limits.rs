//! MC12xx: what only Envoy itself would refuse: expressions, log formats and raw fields.
//!
//! Envoy refuses a whole listener or route configuration for one of these, on every proxy that
//! gets it, and only once it is applied. Here each is found in its line.

use super::builder::Origin;
use super::pb::{cluster, core, hcm, listener, route};
use super::resource::{ProxyConfig, ProxyId, ResourceType};
use super::{log_format, patch};
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::model::{
    AccessLog, Address, LogFormat, Matcher, Mesh, Origins, Patch, PathMatch, Pattern, is_field,
    pointer,
};
use crate::traffic::{host_expression, re2};
use envoy_api::{Message, Name, pack};
use std::collections::BTreeMap;

/// An expression that RE2 cannot read.
const REGEX: Code = Code::error(
    "MC1201",
    "invalid-regex",
    "a regular expression is not one of RE2",
    "Envoy matches by RE2, which has no look-ahead, look-behind or back references, and reads the \
     expression against the whole value. Envoy refuses every route of the port for one bad \
     expression.",
);
/// An expression whose program is too long.
const REGEX_SIZE: Code = Code::error(
    "MC1202",
    "regex-too-large",
    "a regular expression needs too long a program",
    "Envoy limits the program that RE2 makes of an expression, and refuses every route of the port \
     for one that exceeds it. Counted repetitions such as `{1,200}` cost most. Shorten it, or \
     raise `envoy.regex_max_program_size` in meshctl.toml, which `bootstrap` writes into each \
     proxy's start file.",
);
/// An expression that is too long to be looked at.
const REGEX_LENGTH: Code = Code::error(
    "MC1211",
    "regex-too-long",
    "a regular expression is longer than 1,024 bytes",
    "Every request is matched against every expression before the one that takes it, and every plan \
     compares what expressions take. Alternatives of many words are better as routes of their own, \
     or as a header that says which it is.",
);
/// A log format that Envoy refuses.
const LOG_FORMAT: Code = Code::error(
    "MC1203",
    "invalid-log-format",
    "an access log has a format that Envoy refuses",
    "Operators are written `%NAME%` or `%NAME(ARGUMENT):LENGTH%`, and a per cent sign itself `%%`. \
     Envoy refuses the listener for an operator that it does not know.",
);
/// Raw fields that Envoy does not have.
const PATCH: Code = Code::error(
    "MC1204",
    "patch-does-not-fit",
    "a patch has a field or value that Envoy's API does not have",
    "`patch` holds raw fields of one of Envoy's messages and is checked against the API of the \
     pinned Envoy: field names, types, enum values and the types of extensions.",
);
/// Raw fields that break a constraint of Envoy's API.
const PATCH_RULE: Code = Code::error(
    "MC1205",
    "patch-breaks-constraint",
    "a patch breaks a constraint of Envoy's API",
    "Envoy's API limits values beyond their types: a text may not be empty, a number has a range, \
     one of several fields must be set. Envoy refuses a resource that breaks one.",
);
/// A patch of a name by which other resources find this one.
const PATCH_NAME: Code = Code::error(
    "MC1206",
    "patch-renames",
    "a patch renames a resource",
    "Routes find clusters, and plans find listeners, by the names that meshctl gives. A patch may \
     change anything but those.",
);
/// Raw fields that Envoy will give up.
const PATCH_DEPRECATED: Code = Code::warning(
    "MC1207",
    "patch-uses-deprecated-field",
    "a patch uses a field that Envoy's API has deprecated",
    "Envoy still takes the field but logs a warning, and a later version refuses it. The API's \
     documentation names the successor.",
);
/// A resource that breaks a constraint of Envoy's API without any patch.
const CONSTRAINT: Code = Code::error(
    "MC1208",
    "breaks-envoy-constraint",
    "a rendered resource breaks a constraint of Envoy's API",
    "Envoy's API limits values beyond their types, and Envoy refuses a resource that breaks one. \
     The message says which value of which resource it is.",
);
/// A resource that no proxy is given.
const TOO_LARGE: Code = Code::error(
    "MC1209",
    "resource-too-large",
    "a rendered resource is larger than 4 MiB",
    "A proxy gets a resource whole, keeps several copies of it while it changes, and gets all of it \
     again for any change in it. Beyond 4 MiB gRPC clients refuse a message. Most often it is the \
     route configuration of a proxy that calls very many services on one port.",
);
/// A resource that costs every change much.
const LARGE: Code = Code::warning(
    "MC1210",
    "resource-large",
    "a rendered resource is larger than 1 MiB",
    "A proxy gets all of a resource again for any change in it. It is refused beyond 4 MiB (MC1209).",
);

/// Raw fields in place of what the whole model is about.
const PATCH_ROUTES: Code = Code::error(
    "MC1212",
    "patch-replaces-routes-or-filters",
    "a patch of an HTTP connection manager replaces its routes or filters",
    "Routes are those of routers and gateways, and the filters are put there by meshctl in an order \
     that matters. A patch replaces a list as a whole: a request would meet neither the routes of \
     the plan nor the router. Patch the routes themselves, or other fields.",
);
/// Raw fields in place of a key.
const PATCH_OF_KEY: Code = Code::warning(
    "MC1213",
    "patch-in-place-of-a-key",
    "a patch of an HTTP connection manager sets what a key of `http` sets",
    "`http = { … }` on a listener sets the field at every hop that a request passes, and toward the \
     server too. The patch sets it in one proxy, and wins over the key there, so the next hop may \
     reject what this one accepts.",
);

/// The size of a resource in bytes beyond which it is told.
pub const RESOURCE_WARN: usize = 1 << 20;
/// The size of a resource in bytes beyond which it is refused.
pub const RESOURCE_MAX: usize = 4 << 20;

/// The length of an expression in bytes beyond which it is refused.
const REGEX_MAX: usize = 1_024;

/// Every code of this module.
pub const CODES: &[&Code] = &[
    &REGEX,
    &REGEX_SIZE,
    &LOG_FORMAT,
    &PATCH,
    &PATCH_RULE,
    &PATCH_NAME,
    &PATCH_DEPRECATED,
    &CONSTRAINT,
    &TOO_LARGE,
    &LARGE,
    &REGEX_LENGTH,
    &PATCH_ROUTES,
    &PATCH_OF_KEY,
];

/// Checks what the files say against Envoy's limits. `regex_max` is the longest program of an
/// expression, in instructions (see [`super::defaults::RE2_MAX_PROGRAM_SIZE`]). One pass over the
/// mesh; nothing is compiled.
pub fn check(mesh: &Mesh, origins: &Origins, regex_max: u32) -> Diagnostics {
    let mut check = Check { origins, regex_max, found: Diagnostics::default() };
    for (name, node) in &mesh.nodes {
        let address = Address::Node(name.clone());
        check.access_log(&address, node.access_log.as_ref());
        check.patch(&address, "/patch/ingress", node.patch.ingress.as_ref(), base_listener);
        check.patch(&address, "/patch/egress", node.patch.egress.as_ref(), base_listener);
        check.http_patch(&address, "/patch/http", node.patch.http.as_ref());
        for (at, item) in node.listeners.iter().enumerate() {
            let place = |field: &str| format!("/listeners/{at}/patch/{field}");
            let chain = item.patch.filter_chain.as_ref();
            check.patch(&address, &place("filter_chain"), chain, base_chain);
            check.http_patch(&address, &place("http"), item.patch.http.as_ref());
            let cluster = item.patch.cluster.as_ref();
            check.patch(&address, &place("cluster"), cluster, base_cluster);
            let local = item.patch.local_cluster.as_ref();
            check.patch(&address, &place("local_cluster"), local, base_cluster);
        }
    }
    for (name, router) in &mesh.routers {
        for item in &router.routes {
            let address = Address::Route(name.clone(), item.name.clone());
            check.path(&address, item.matches.path.as_ref());
            check.matchers(&address, "headers", &item.matches.headers);
            check.matchers(&address, "query_parameters", &item.matches.query_parameters);
            check.matchers(&address, "metadata", &item.matches.metadata);
            check.patch(&address, "/patch", item.patch.as_ref(), base_route);
        }
    }
    for (name, gateway) in &mesh.gateways {
        let address = Address::Gateway(name.clone());
        check.access_log(&address, gateway.access_log.as_ref());
        for (at, item) in gateway.listeners.iter().enumerate() {
            let place = |field: &str| format!("/listeners/{at}/patch/{field}");
            let listener = item.patch.listener.as_ref();
            check.patch(&address, &place("listener"), listener, base_listener);
            let chain = item.patch.filter_chain.as_ref();
            check.patch(&address, &place("filter_chain"), chain, base_chain);
            check.http_patch(&address, &place("http"), item.patch.http.as_ref());
            check.http_patch(&address, &place("inner_http"), item.patch.inner_http.as_ref());
        }
        for item in &gateway.routes {
            let address = Address::GatewayRoute(name.clone(), item.name.clone());
            check.path(&address, item.matches.path.as_ref());
            check.matchers(&address, "headers", &item.matches.headers);
            check.matchers(&address, "query_parameters", &item.matches.query_parameters);
            check.matchers(&address, "metadata", &item.matches.metadata);
            if let Some(hostname) = &item.matches.hostname {
                check.regex(&address, "/match/hostname", &host_expression(hostname));
            }
            check.patch(&address, "/patch", item.patch.as_ref(), base_route);
        }
    }
    check.found
}

/// Checks compiled resources against the constraints of Envoy's API. Dearer than [`check`]: for
/// what is about to be written or sent.
pub fn constraints(config: &ProxyConfig, origins: &Origins) -> Diagnostics {
    let mut found = Diagnostics::default();
    for resource in config.resources.values() {
        for violation in envoy_api::validate(&resource.message) {
            let message = format!(
                "Envoy would refuse `{}` of `{}`: `{}`: {}",
                resource.name, config.proxy, violation.path, violation.message
            );
            let found_at = diagnostic(&CONSTRAINT, origins, resource.origins.first(), message);
            found.push(found_at.help("change the value that it comes from"));
        }
    }
    found
}

/// A resource and its size.
#[derive(Clone, Debug)]
pub struct Sized {
    /// Whose it is.
    pub proxy: ProxyId,
    /// Its type.
    pub kind: ResourceType,
    /// Its name.
    pub name: String,
    /// The bytes of its message.
    pub bytes: usize,
    /// What it is made from, in the first place.
    pub origin: Option<Origin>,
}

/// What is said of a resource that is larger than [`RESOURCE_WARN`]; so many other proxies have it
/// too.
pub fn size(one: &Sized, others: usize, origins: &Origins) -> Diagnostic {
    let refused = one.bytes > RESOURCE_MAX;
    let (code, limit) = if refused { (&TOO_LARGE, "4 MiB") } else { (&LARGE, "1 MiB") };
    // Tenths, rounded up: what is beyond the limit never reads as the limit itself.
    let tenths = (one.bytes * 10).div_ceil(1 << 20);
    let more = match others {
        0 => String::new(),
        1 => " (and of another proxy)".to_owned(),
        n => format!(" (and of {n} other proxies)"),
    };
    let message = format!(
        "{} `{}` of `{}`{more} has {}.{} MiB, more than {limit}",
        one.kind.as_str(),
        one.name,
        one.proxy,
        tenths / 10,
        tenths % 10,
    );
    let help = match one.kind {
        ResourceType::RouteConfiguration | ResourceType::Listener => {
            "name only the backends that it calls, or spread services over several ports"
        }
        ResourceType::ClusterLoadAssignment => "spread the endpoints over several nodes",
        ResourceType::Cluster | ResourceType::Secret => "shorten what it is made from",
    };
    diagnostic(code, origins, one.origin.as_ref(), message).help(help)
}

/// Operators of access logs, each as it may be written.
pub fn log_operators() -> Vec<String> {
    log_format::samples()
}

fn diagnostic(
    code: &'static Code,
    origins: &Origins,
    at: Option<&Origin>,
    message: String,
) -> Diagnostic {
    let Some((address, pointer)) = at else { return Diagnostic::unplaced(code, message) };
    let diagnostic = match origins.find(address, pointer) {
        Some(loc) => Diagnostic::new(code, loc, message),
        None => Diagnostic::unplaced(code, message),
    };
    diagnostic.about(address)
}

struct Check<'a> {
    origins: &'a Origins,
    regex_max: u32,
    found: Diagnostics,
}

impl Check<'_> {
    fn report(
        &mut self,
        code: &'static Code,
        address: &Address,
        pointer: &str,
        message: String,
        help: &str,
    ) {
        let at = (address.clone(), pointer.to_owned());
        self.found.push(diagnostic(code, self.origins, Some(&at), message).help(help));
    }

    fn path(&mut self, address: &Address, path: Option<&PathMatch>) {
        if let Some(PathMatch::Regex(expression)) = path {
            self.regex(address, "/match/path/regex", expression);
        }
    }

    fn matchers(&mut self, address: &Address, field: &str, all: &BTreeMap<String, Vec<Matcher>>) {
        for (name, matchers) in all {
            for (at, matcher) in matchers.iter().enumerate() {
                if let Pattern::Regex(expression) = &matcher.pattern {
                    let place = pointer(["match", field, name, &at.to_string(), "regex"]);
                    self.regex(address, &place, expression);
                }
            }
        }
    }

    fn regex(&mut self, address: &Address, pointer: &str, expression: &str) {
        if expression.len() > REGEX_MAX {
            let message = format!(
                "the regex `{}` has {} bytes, more than {REGEX_MAX}",
                shortened(expression),
                expression.len()
            );
            let help = "write its alternatives as several routes";
            self.report(&REGEX_LENGTH, address, pointer, message, help);
            return;
        }
        match re2::program_size(expression) {
            Err(why) => {
                let message = format!("Envoy cannot read the regex `{expression}`: {why}");
                let help = "write it in RE2's syntax; for a look-ahead use a second route before \
                            this one";
                self.report(&REGEX, address, pointer, message, help);
            }
            Ok(size) if size > u64::from(self.regex_max) => {
                let message = format!(
                    "the regex `{}` needs a program of up to {size} instructions, more than {}",
                    shortened(expression),
                    self.regex_max
                );
                let raise = "raise `envoy.regex_max_program_size` in meshctl.toml";
                let help = match re2::shorter(expression) {
                    Some((shorter, size)) if size <= u64::from(self.regex_max) => format!(
                        "`{}` takes all of it and more, in at most {size} instructions; or {raise}",
                        shortened(&shorter)
                    ),
                    _ => format!("shorten its counted repetitions, or {raise}"),
                };
                self.report(&REGEX_SIZE, address, pointer, message, &help);
            }
            Ok(_) => {}
        }
    }

    fn access_log(&mut self, address: &Address, log: Option<&AccessLog>) {
        match log.and_then(|log| log.format.as_ref()) {
            None => {}
            Some(LogFormat::Text(text)) => {
                self.log_format(address, "/access_log/format/text", text);
            }
            Some(LogFormat::Json(fields)) => {
                for (key, text) in fields {
                    let place = pointer(["access_log", "format", "json", key]);
                    self.log_format(address, &place, text);
                }
            }
        }
    }

    fn log_format(&mut self, address: &Address, pointer: &str, text: &str) {
        for fault in log_format::faults(text) {
            let message = format!("Envoy would refuse the log format: {}", fault.message);
            self.report(&LOG_FORMAT, address, pointer, message, &fault.help);
        }
    }

    /// As [`Check::patch`], for a connection manager: what the model is about is no raw field.
    fn http_patch(&mut self, address: &Address, pointer: &str, patch: Option<&Patch>) {
        let Some(fields) = patch.and_then(Patch::as_object) else { return };
        for (key, value) in fields {
            let place = format!("{pointer}/{key}");
            let below = |part: &str| {
                let fields = value.as_object().into_iter().flatten();
                fields.map(|(own, _)| own).any(|own| is_field(own, part))
            };
            if ROUTES_AND_FILTERS.iter().any(|own| is_field(key, own)) {
                let message = format!("the patch replaces `{key}` of the connection manager");
                let help = "remove the field from the patch";
                self.report(&PATCH_ROUTES, address, &place, message, help);
            }
            for (own, part, name) in KEYS_OF_HTTP {
                if is_field(key, own) && (part.is_empty() || below(part)) {
                    let message = format!("the patch sets what `http = {{ {name} = … }}` sets");
                    let help = format!("write `{name}` in `http` of the listener");
                    self.report(&PATCH_OF_KEY, address, &place, message, &help);
                }
            }
        }
        self.patch(address, pointer, patch, base_manager);
    }

    /// Lays a patch over the least message of its kind and looks at what comes of it, so that
    /// nothing need be compiled.
    fn patch<M: Message + Name + Default>(
        &mut self,
        address: &Address,
        pointer: &str,
        patch: Option<&Patch>,
        base: fn() -> M,
    ) {
        let Some(patch) = patch else { return };
        let own_name = patch.get("name").is_some_and(|name| name.as_str() != Some(""));
        let named = M::NAME == "Listener" || M::NAME == "Cluster";
        if own_name && named {
            let message = format!("the patch renames the {}", M::NAME.to_lowercase());
            let help = "take `name` out of the patch";
            self.report(&PATCH_NAME, address, &format!("{pointer}/name"), message, help);
        }
        let merged = match patch::merged(&base(), patch) {
            Ok(merged) => pack(&merged),
            Err(error) => {
                let (path, why) = parts(&error);
                let message = if path.is_empty() {
                    format!("the patch does not fit Envoy's {}: {why}", M::NAME)
                } else {
                    format!("the patch does not fit Envoy's {}: `{path}`: {why}", M::NAME)
                };
                let help = format!("see the fields of {} in Envoy's API", M::NAME);
                self.report(&PATCH, address, &place(pointer, &path), message, &help);
                return;
            }
        };
        for violation in envoy_api::validate(&merged) {
            let message = format!(
                "Envoy would refuse the patched {}: `{}`: {}",
                M::NAME,
                violation.path,
                violation.message
            );
            let help = "give a value that Envoy's API allows";
            self.report(&PATCH_RULE, address, &place(pointer, &violation.path), message, help);
        }
        for field in envoy_api::deprecated_fields(&merged) {
            let message = format!("Envoy has deprecated `{field}` of its {}", M::NAME);
            let help = "use the field that replaces it";
            self.report(&PATCH_DEPRECATED, address, &place(pointer, &field), message, help);
        }
    }
}

/// The fields of a connection manager that hold its routes and filters, in its own words.
const ROUTES_AND_FILTERS: [&str; 4] = ["http_filters", "rds", "route_config", "scoped_routes"];

/// The fields of a connection manager that keys of `http` set, with a field below and the key.
const KEYS_OF_HTTP: [(&str, &str, &str); 6] = [
    ("common_http_protocol_options", "max_headers_count", "max_headers"),
    ("http_protocol_options", "accept_http_10", "accept_http_10"),
    ("http_protocol_options", "default_host_for_http_10", "default_hostname"),
    ("http_protocol_options", "header_key_format", "header_case"),
    ("http_protocol_options", "ignore_http_11_upgrade", "ignore_upgrades"),
    ("max_request_headers_kb", "", "max_header_size"),
];

/// An error as the path in the message and what is wrong there.
fn parts(error: &envoy_api::Error) -> (String, String) {
    let text = error.to_string();
    let path = match error {
        envoy_api::Error::UnknownType { path, .. }
        | envoy_api::Error::Wire { path, .. }
        | envoy_api::Error::Json { path, .. } => path.clone(),
        _ => String::new(),
    };
    match text.strip_prefix(&format!("{path}: ")) {
        Some(rest) if !path.is_empty() => (path, rest.to_owned()),
        _ => (path, text),
    }
}

/// A JSON path such as `route.a[0].b` as a pointer below another. Where the files say it in other
/// words (camelCase), the nearest place above is found.
fn place(pointer: &str, path: &str) -> String {
    let mut place = pointer.to_owned();
    for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
        place.push('/');
        place.push_str(part.trim_end_matches(']').trim_matches('"'));
    }
    place
}

fn shortened(expression: &str) -> String {
    match expression.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &expression[..end]),
        None => expression.to_owned(),
    }
}

/// The least of each message that keeps every constraint.
fn base_listener() -> listener::Listener {
    let address = super::builder::host_address("0.0.0.0", 1);
    let direction = core::TrafficDirection::Inbound;
    super::listener::on("base", address, direction, vec![base_chain()])
}

fn base_chain() -> listener::FilterChain {
    let targets = super::route::TcpTargets {
        clusters: vec![("base".to_owned(), 1)],
        timeout: Default::default(),
        origin: (Address::Mesh, String::new()),
    };
    super::listener::chain("base", None, "", super::hcm::tcp("base", &targets, None))
}

fn base_manager() -> hcm::HttpConnectionManager {
    use hcm::http_connection_manager::RouteSpecifier;
    hcm::HttpConnectionManager {
        stat_prefix: "base".to_owned(),
        route_specifier: Some(RouteSpecifier::RouteConfig(Default::default())),
        http_filters: super::filters::chain(None),
        ..Default::default()
    }
}

fn base_cluster() -> cluster::Cluster {
    super::bootstrap::sds_cluster("base", "/base")
}

fn base_route() -> route::Route {
    super::route::to_application("base".to_owned(), &Default::default(), &Address::Mesh)
}
