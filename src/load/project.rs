//! `meshctl.toml`: the settings of a project.

use crate::diag::{Diagnostic, Diagnostics, Severity};
use crate::envoy::{self, Bootstrap, ConfigSource, Endpoint, ProxyId, Settings};
use crate::model::{Address, Certificate, Duration, MeshName, Origins, Port, Tags};
use crate::schema::{Cx, Defs, Node, Shape, Value, codes, object, table};
use crate::span::Span;
use serde_json::json;
use std::collections::BTreeMap;

/// What `meshctl.toml` says.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Who owns what this project applies; plans touch only that.
    pub owner: Option<String>,
    /// Glob patterns of the files, with their places in `meshctl.toml`.
    pub files: Vec<(String, Span)>,
    /// The target that commands use unless told otherwise.
    pub default_target: Option<String>,
    /// The targets by name.
    pub targets: BTreeMap<String, TargetSettings>,
    /// What plans may not do.
    pub guards: Guards,
    /// Levels of findings.
    pub lints: Lints,
    /// What stands for certificates of ACM, by ARN.
    pub certificates: Certificates,
    /// What stands for authorities of ACM, by ARN: paths of PEM bundles on the proxies' hosts.
    pub authorities: BTreeMap<String, String>,
    /// How Envoy is set up.
    pub envoy: EnvoySettings,
    /// How `meshctl dev` runs the project.
    pub dev: DevSettings,
}

impl Project {
    /// How proxies are configured that see the target's folder at `root`.
    pub fn settings(&self, root: impl Into<String>) -> Settings {
        self.settings_from(ConfigSource::Path { root: root.into() })
    }

    /// How proxies are configured that get everything from there.
    pub fn settings_from(&self, source: ConfigSource) -> Settings {
        let mut settings = Settings::new(source);
        if let Some(size) = self.envoy.regex_max_program_size {
            settings.regex_max_program_size = size;
        }
        settings
    }

    /// The bootstrap of a proxy that sees the target's folder at `root`, without an admin
    /// interface. Fails with the name of a tracing provider that there is not.
    pub fn bootstrap(
        &self,
        mesh: MeshName,
        proxy: ProxyId,
        root: impl Into<String>,
    ) -> Result<Bootstrap, String> {
        let mut bootstrap = Bootstrap::new(mesh, proxy, root);
        bootstrap.sds_socket.clone_from(&self.envoy.sds_socket);
        bootstrap.stats_tags = self.envoy.stats_tags.unwrap_or(true);
        if let Some(size) = self.envoy.regex_max_program_size {
            bootstrap.regex_max_program_size = size;
        }
        if let Some(tracing) = &self.envoy.tracing {
            let endpoint = Endpoint { host: tracing.address.clone(), port: tracing.port.get() };
            bootstrap.sampling_percent = tracing.sampling_percent;
            bootstrap.tracing = Some(match tracing.provider.as_str() {
                "otel" => envoy::Tracing::OpenTelemetry(endpoint),
                "zipkin" => envoy::Tracing::Zipkin(endpoint),
                "xray" => envoy::Tracing::XRay(endpoint),
                "datadog" => envoy::Tracing::Datadog(endpoint),
                other => return Err(other.to_owned()),
            });
        }
        Ok(bootstrap)
    }
}

/// What stands for certificates of ACM, by ARN.
pub type Certificates = BTreeMap<String, Certificate>;

/// A place that plans are made against and applied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetSettings {
    /// The folder of a directory target, relative to the project. Either this or `server`.
    pub directory: Option<String>,
    /// The admin API of a control plane: `http://HOST:PORT` or `https://HOST:PORT`.
    pub server: Option<String>,
    /// Where proxies connect to that control plane: `HOST:PORT`.
    pub xds: Option<String>,
    /// Where the secret of the operator stands.
    pub token: Option<Token>,
    /// Whom to trust at the server, and as whom to appear.
    pub tls: Option<ServerTls>,
    /// How many proxies must take an apply; fewer is exit 7.
    pub expect: Option<u32>,
    /// How long a step is given where no admin address can prove that it arrived.
    pub settle: Option<Duration>,
    /// Admin addresses of proxies by the proxy's address, for example
    /// `"virtual_node/cart" = "http://127.0.0.1:9901"` or `"unix:///run/envoy.sock"`. On a server
    /// only `drift` asks there.
    pub admin: BTreeMap<String, String>,
}

/// Where the secret of an operator stands; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// A file, relative to the project, that only its owner may read.
    pub file: Option<String>,
    /// A variable of the environment.
    pub env: Option<String>,
}

/// Whom to trust at a server, and as whom to appear. All are PEM files, relative to the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The authorities that the server's certificate may be from.
    pub ca: String,
    /// The client's own certificate, with those between it and an authority.
    pub certificate: Option<String>,
    /// The key of that certificate.
    pub key: Option<String>,
}

/// What plans may not do without being told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Resources that no plan may delete or replace.
    pub protected: Vec<Address>,
    /// Deletes that need no consent; 10 unless set.
    pub max_deletes: Option<u32>,
    /// The largest part of a route's requests that one plan should move, in per cent.
    pub max_weight_step: Option<u32>,
    /// How many proxies one plan should reach.
    pub max_proxies: Option<u32>,
}

/// How Envoy is set up by `bootstrap`, and what its limits are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvoySettings {
    /// A Unix socket of an SDS server, for `sds` certificates.
    pub sds_socket: Option<String>,
    /// The largest RE2 program that a regular expression may need; Envoy's own default is 100.
    pub regex_max_program_size: Option<u32>,
    /// Adds App Mesh's statistics tags. True unless set.
    pub stats_tags: Option<bool>,
    /// Where traces go.
    pub tracing: Option<Tracing>,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracing {
    /// `otel`, `zipkin`, `xray` or `datadog`.
    pub provider: String,
    /// The collector's host or address.
    pub address: String,
    /// The collector's port.
    pub port: Port,
    /// The share of requests that are traced, in per cent, 0 to 100.
    pub sampling_percent: Option<u32>,
}

/// How `meshctl dev` runs the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevSettings {
    /// What stands in for the application of a node, by the node's name.
    pub upstream: BTreeMap<String, Upstream>,
    /// Requests that `dev` makes to show that the mesh works; none stands for one a route.
    pub requests: Vec<DevRequest>,
    /// Shell commands that run first, in the folder where the proxies will run, so that relative
    /// paths of the mesh (certificates, say) are found; `$MESHCTL_PROJECT` is the project.
    pub prepare: Vec<String>,
}

/// A request that `meshctl dev` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevRequest {
    /// Who makes it: a gateway's client, or the application of a node.
    pub from: Address,
    /// The method; `GET` unless set.
    pub method: Option<String>,
    /// `http://HOST[:PORT]/PATH`, `grpc://SERVICE[:PORT]/PACKAGE.SERVICE/METHOD` or
    /// `tcp://SERVICE[:PORT]`; `https` and `grpcs` where a gateway terminates TLS. The host is what the request names; where it really goes follows
    /// from `from`.
    pub url: String,
    /// Headers, or gRPC metadata.
    pub headers: Tags,
    /// The HTTP or gRPC status that the answer must have; unset is success.
    pub status: Option<u32>,
}

/// What stands in for the application of a node under `meshctl dev`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// A command to run instead of the built-in upstream. `{address}` and `{port}` become what it
    /// must listen on, `{dir}` a folder of its own, `{project}` the project's folder.
    pub command: Vec<String>,
}

/// A level that a project gives to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not shown. Errors cannot be turned off.
    Off,
    /// Shown as this.
    At(Severity),
}

/// Levels of findings by code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lints {
    /// The levels.
    pub levels: BTreeMap<String, Level>,
}

impl Lints {
    /// Gives findings the levels of the project. What is an error stays one.
    pub fn apply(&self, diagnostics: &mut Diagnostics) {
        diagnostics.retain_mut(|diagnostic| {
            if diagnostic.code.severity == Severity::Error {
                return true;
            }
            match self.levels.get(diagnostic.code.id) {
                Some(Level::Off) => false,
                Some(Level::At(severity)) => {
                    diagnostic.severity = *severity;
                    true
                }
                None => true,
            }
        });
    }
}

/// Reads `meshctl.toml`. What cannot be read is reported and has its default.
pub(super) fn read(root: &Node, diagnostics: &mut Diagnostics) -> Project {
    // Nobody asks where a setting stood: only its findings have places.
    let mut origins = Origins::default();
    let mut cx = Cx::new(diagnostics, &mut origins);
    let mut project = Project::default();
    let Some(table) = cx.table(root, &KEYS) else { return project };
    project.owner = table.optional("owner", &mut cx).flatten();
    project.files = read_patterns(table.node("files"), &mut cx);
    project.default_target = table.optional("default_target", &mut cx).flatten();
    project.targets = table.optional("targets", &mut cx).flatten().unwrap_or_default();
    if let Some(node) = table.node("targets") {
        check_targets(&project.targets, node, &mut cx);
    }
    project.guards = table.optional("guards", &mut cx).flatten().unwrap_or_default();
    project.lints = table.optional("lints", &mut cx).flatten().unwrap_or_default();
    project.certificates = table.optional("certificates", &mut cx).flatten().unwrap_or_default();
    project.authorities =
        table.optional::<Tags>("authorities", &mut cx).flatten().unwrap_or_default();
    project.envoy = table.optional("envoy", &mut cx).flatten().unwrap_or_default();
    project.dev = table.optional("dev", &mut cx).flatten().unwrap_or_default();
    let sampling = || table.node("envoy")?.get("tracing")?.get("sampling_percent");
    if let Some(node) = sampling()
        && node.as_integer().is_some_and(|percent| percent > 100)
    {
        cx.fail::<()>(
            &codes::OUT_OF_RANGE,
            node.loc,
            "a share above 100 per cent",
            "write a whole number from 0 to 100",
        );
    }
    if let (Some(tracing), Some(node)) =
        (&project.envoy.tracing, table.node("envoy").and_then(|node| node.get("tracing")))
    {
        check_tracing(tracing, node, &mut cx);
    }
    if let (Some(name), Some(node)) = (&project.default_target, table.node("default_target"))
        && !project.targets.contains_key(name)
    {
        cx.fail::<()>(
            &codes::BAD_VALUE,
            node.loc,
            format!("there is no target `{name}`"),
            format!("add [targets.{name}], or name one that exists"),
        );
    }
    project
}

/// What a tracing provider cannot do, or would ignore.
fn check_tracing(tracing: &Tracing, node: &Node, cx: &mut Cx<'_>) {
    let loc = |key: &str| node.get(key).map_or(node.loc, |found| found.loc);
    if tracing.provider != "xray" {
        return;
    }
    if tracing.sampling_percent.is_some() {
        cx.fail::<()>(
            &super::codes::IGNORED,
            loc("sampling_percent"),
            "Envoy's X-Ray tracer ignores `sampling_percent`",
            "remove it, or send traces by another provider",
        );
    }
    if tracing.address.parse::<std::net::IpAddr>().is_err() {
        cx.fail::<()>(
            &codes::BAD_VALUE,
            loc("address"),
            format!("`{}` is not an IP address", tracing.address),
            "Envoy sends to an X-Ray daemon by UDP and does not look up its name: write its address",
        );
    }
}

/// A target is one of two things, and what belongs to one of them does not fit the other.
fn check_targets(targets: &BTreeMap<String, TargetSettings>, node: &Node, cx: &mut Cx<'_>) {
    for (name, target) in targets {
        let Some(node) = node.get(name) else { continue };
        let secret = target.server.as_ref().is_some_and(|url| url.contains(['@', '?', '#']));
        if secret {
            // Neither the message nor an excerpt may quote it.
            let message = format!(
                "`server` of the target `{name}` has a user, a password, a query or a fragment"
            );
            cx.report(Diagnostic::unplaced(&super::codes::SECRET_IN_URL, message).help(
                "write https://HOST:PORT; what the server is to be shown stands in the file or the \
                 variable of `token`",
            ));
        }
        let mut wrong = |key: &str, message: String, help: &str| {
            let loc = node.get(key).map_or(node.loc, |found| found.loc);
            cx.fail::<()>(&codes::BAD_CHOICE, loc, message, help);
        };
        match (&target.directory, &target.server) {
            (Some(_), None) => {
                for (key, there) in [
                    ("xds", target.xds.is_some()),
                    ("token", target.token.is_some()),
                    ("tls", target.tls.is_some()),
                ] {
                    if there {
                        let message = format!("`{key}` is of servers, and `{name}` is a folder");
                        wrong(key, message, "take it out, or name a `server` instead");
                    }
                }
            }
            (None, Some(server)) => {
                if !secret && !server.starts_with("http://") && !server.starts_with("https://") {
                    let message = format!("`{server}` is no address of a server");
                    wrong("server", message, "write http://HOST:PORT or https://HOST:PORT");
                }
                if target.settle.is_some() {
                    let message = format!("`settle` is of folders, and `{name}` is a server");
                    wrong("settle", message, "take it out: a server knows who has acknowledged");
                }
            }
            (Some(_), Some(_)) => {
                let message = format!("the target `{name}` is a folder and a server");
                wrong("server", message, "keep `directory` or `server`");
            }
            (None, None) => {
                let message = format!("the target `{name}` is neither a folder nor a server");
                wrong("", message, "add `directory = \"live\"` or `server = \"http://HOST:PORT\"`");
            }
        }
        if let Some(Token { file, env }) = &target.token
            && file.is_some() == env.is_some()
        {
            let message = "a token stands in a file or in a variable".to_owned();
            wrong("token", message, "write { file = \"PATH\" } or { env = \"NAME\" }");
        }
        if let Some(tls) = &target.tls
            && tls.certificate.is_some() != tls.key.is_some()
        {
            let message = "a certificate and its key come together".to_owned();
            wrong("tls", message, "add the other one, or take both out");
        }
    }
}

const KEYS: [&str; 10] = [
    "owner",
    "files",
    "default_target",
    "targets",
    "guards",
    "lints",
    "certificates",
    "authorities",
    "envoy",
    "dev",
];

fn read_patterns(node: Option<&Node>, cx: &mut Cx<'_>) -> Vec<(String, Span)> {
    let Some(node) = node else {
        return vec![("**/*.toml".to_owned(), Span::new(0..0))];
    };
    let Value::Array(items) = &node.value else {
        cx.wrong_type::<()>(node, "an array of patterns");
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| String::read(item, cx).map(|pattern| (pattern, item.loc.span)))
        .collect()
}

/// Tables by free names.
macro_rules! by_name {
    ($($type:ty),*) => {$(
        impl Shape for BTreeMap<String, $type> {
            fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
                let Value::Table(table) = &node.value else {
                    return cx.wrong_type(node, "a table");
                };
                let mut map = Self::new();
                for (key, entry) in &table.entries {
                    if let Some(value) = <$type>::read(&entry.node, cx) {
                        map.insert(key.clone(), value);
                    }
                }
                Some(map)
            }

            fn schema(defs: &mut Defs) -> serde_json::Value {
                json!({ "type": "object", "additionalProperties": <$type>::schema(defs) })
            }
        }
    )*};
}

table! {
    /// Where the secret of an operator stands.
    Token {
        /// A file, relative to the project, that only its owner may read.
        "file" => file: optional,
        /// A variable of the environment.
        "env" => env: optional,
    }
}

table! {
    /// Whom to trust at a server, and as whom to appear.
    ServerTls {
        /// The authorities that the server's certificate may be from, as a PEM file.
        "ca" => ca: required,
        /// The client's own certificate, as a PEM file.
        "certificate" => certificate: optional,
        /// The key of that certificate, as a PEM file.
        "key" => key: optional,
    }
}

by_name!(TargetSettings, Certificate, Upstream);

table! {
    /// A target: a folder that Envoys watch, or a mesh on a control plane.
    TargetSettings {
        /// The folder, relative to the project. Either this or server.
        "directory" => directory: optional,
        /// The admin API of a control plane: http://HOST:PORT or https://HOST:PORT.
        "server" => server: optional,
        /// Where proxies connect to that control plane: HOST:PORT. For bootstrap.
        "xds" => xds: optional,
        /// Where the secret of the operator stands, for a server.
        "token" => token: optional,
        /// Whom to trust at the server, and as whom to appear.
        "tls" => tls: optional,
        /// How many proxies must take an apply; fewer is exit 7.
        "expect" => expect: optional,
        /// How long a step is given where no admin address can prove that it arrived.
        "settle" => settle: optional,
        /// Admin addresses of proxies by the proxy's address; on a server only drift asks there.
        "admin" => admin: or_default,
    }
}

table! {
    /// What plans may not do without being told.
    Guards {
        /// Resources that no plan may delete, as addresses.
        "protected" => protected: or_default,
        /// Deletes that need no consent; 10 unless set.
        "max_deletes" => max_deletes: optional,
        /// The largest part of a route's requests, in per cent, that a plan moves to or from one
        /// target without a warning; any unless set.
        "max_weight_step" => max_weight_step: optional,
        /// How many proxies a plan reaches without a warning; any number unless set.
        "max_proxies" => max_proxies: optional,
    }
}

table! {
    /// How Envoy is set up.
    EnvoySettings {
        /// A Unix socket of an SDS server, for `sds` certificates.
        "sds_socket" => sds_socket: optional,
        /// The largest RE2 program that a regular expression may need; Envoy's default is 100.
        "regex_max_program_size" => regex_max_program_size: optional,
        /// Adds App Mesh's statistics tags; true unless set.
        "stats_tags" => stats_tags: optional,
        /// Where traces go.
        "tracing" => tracing: optional,
    }
}

table! {
    /// Where traces go.
    Tracing {
        /// otel, zipkin, xray or datadog.
        "provider" => provider: required,
        /// The collector's host or address.
        "address" => address: required,
        /// The collector's port.
        "port" => port: required,
        /// The share of requests that are traced, in per cent; 100 unless set.
        "sampling_percent" => sampling_percent: optional,
    }
}

table! {
    /// How `meshctl dev` runs the project.
    DevSettings {
        /// What stands in for the application of a node, by the node's name.
        "upstream" => upstream: or_default,
        /// Requests that show that the mesh works.
        "requests" => requests: or_default,
        /// Commands to run first.
        "prepare" => prepare: or_default,
    }
}

table! {
    /// What stands in for the application of a node.
    Upstream {
        /// A command to run instead of the built-in upstream; {address}, {port}, {dir} and
        /// {project} are filled in.
        "command" => command: or_default,
    }
}

table! {
    /// A request that `meshctl dev` makes.
    DevRequest {
        /// Who makes it, as the address of a node or a gateway.
        "from" => from: required,
        /// The method; GET unless set.
        "method" => method: optional,
        /// http://HOST[:PORT]/PATH, grpc://SERVICE/PACKAGE.SERVICE/METHOD or tcp://SERVICE; https and
        /// grpcs where a gateway terminates TLS.
        "url" => url: required,
        /// Headers, or gRPC metadata.
        "headers" => headers: or_default,
        /// The HTTP or gRPC status that the answer must have; unset is success.
        "status" => status: optional,
    }
}

impl Shape for Address {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Some(text) = node.as_str() else {
            return cx.wrong_type(node, "an address such as \"virtual_node/cart\"");
        };
        match text.parse() {
            Ok(address) => Some(address),
            Err(why) => cx.fail(
                &codes::BAD_VALUE,
                node.loc,
                why.to_string(),
                "write an address such as \"virtual_node/cart\" or \"route/cart/canary\"",
            ),
        }
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({ "type": "string", "pattern": "^(mesh|[a-z_]+/.+)$" })
    }
}

impl Shape for Lints {
    fn read(node: &Node, cx: &mut Cx<'_>) -> Option<Self> {
        let Value::Table(table) = &node.value else {
            return cx.wrong_type(node, "a table of levels by code");
        };
        let mut lints = Self::default();
        for (code, entry) in &table.entries {
            let known = ["off", "info", "warning", "error"];
            let level = match entry.node.as_str() {
                Some("off") => Level::Off,
                Some("info") => Level::At(Severity::Info),
                Some("warning") => Level::At(Severity::Warning),
                Some("error") => Level::At(Severity::Error),
                _ => {
                    cx.fail::<()>(
                        &codes::UNKNOWN_WORD,
                        entry.node.loc,
                        format!("this is not a level for {code}"),
                        format!("known are {}", known.map(|k| format!("\"{k}\"")).join(", ")),
                    );
                    continue;
                }
            };
            lints.levels.insert(code.clone(), level);
        }
        Some(lints)
    }

    fn schema(_: &mut Defs) -> serde_json::Value {
        json!({
            "type": "object",
            "patternProperties": { "^MC[0-9]{4}$": { "enum": ["off", "info", "warning", "error"] } },
            "additionalProperties": false,
        })
    }
}

/// The JSON Schema of `meshctl.toml`.
pub fn project_schema() -> serde_json::Value {
    let mut defs = Defs::default();
    let properties = vec![
        ("owner", "Who owns what this project applies.", String::schema(&mut defs)),
        (
            "files",
            "Glob patterns of the files; **/*.toml unless set.",
            Vec::<String>::schema(&mut defs),
        ),
        (
            "default_target",
            "The target that commands use unless told otherwise.",
            String::schema(&mut defs),
        ),
        ("targets", "Targets by name.", BTreeMap::<String, TargetSettings>::schema(&mut defs)),
        ("guards", "", Guards::schema(&mut defs)),
        ("lints", "Levels of findings by code; errors stay errors.", Lints::schema(&mut defs)),
        (
            "certificates",
            "What stands for ACM certificates, by ARN.",
            BTreeMap::<String, Certificate>::schema(&mut defs),
        ),
        (
            "authorities",
            "PEM bundles that stand for ACM authorities, by ARN.",
            Tags::schema(&mut defs),
        ),
        ("envoy", "", EnvoySettings::schema(&mut defs)),
        ("dev", "", DevSettings::schema(&mut defs)),
    ];
    let mut schema = object("The settings of a meshctl project.", properties, &[]);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("meshctl.toml");
    schema["$defs"] = serde_json::Value::Object(defs.into_map());
    schema
}
