//! `bootstrap`: the file with which an Envoy starts.

use super::{Context, Exit, Failure, Format, target};
use crate::compile::proxies;
use crate::envoy::{self, Admin, ControlPlane, ControlPlaneTls, Endpoint, ProxyId};
use crate::live::identity;
use crate::live::server::TokenSource;
use crate::live::server::joining::{JoinRequest, RenewRequest};
use crate::load::Loaded;
use clap::{Args, ValueEnum};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How often it is asked whether a certificate is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How soon a renewal that failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// Where Envoy's admin interface listens unless the call says otherwise.
const ADMIN: &str = "9901";

/// Print the bootstrap of a proxy: envoy -c FILE
#[derive(Debug, Args)]
pub(super) struct BootstrapArgs {
    /// The node or gateway, for example `virtual_node/cart`
    proxy: ProxyId,

    /// Tells this instance from others of the same node or gateway
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,

    /// The directory target's folder as the proxy sees it; the target's own unless given
    #[arg(long, value_name = "DIR")]
    root: Option<String>,

    /// Where the admin interface listens: a port of 127.0.0.1, a Unix socket, or `none`
    #[arg(long, value_name = "PORT|PATH|none", default_value = ADMIN)]
    admin: String,

    /// The folder of the proxy's certificate, as the proxy sees it: the control plane is spoken to
    /// under TLS
    #[arg(long, value_name = "DIR", conflicts_with = "root", help_heading = "Identity")]
    identity: Option<PathBuf>,

    /// Write a bootstrap without TLS even if the control plane is on another host: whoever is
    /// between the two can read and change what the proxy does
    #[arg(long, conflicts_with_all = ["root", "identity"], help_heading = "Identity")]
    allow_plaintext_to_other_hosts: bool,

    /// Get the first certificate with a join token, into the folder: @FILE, or the variable
    /// MESHCTL_JOIN_TOKEN
    #[arg(
        long,
        value_name = "@FILE",
        env = JOIN_TOKEN,
        hide_env_values = true,
        requires = "identity",
        help_heading = "Identity"
    )]
    join_token: Option<String>,

    /// Get the next certificate with the present one instead of printing the bootstrap: at once, or
    /// whenever two thirds of a life have passed, until it is stopped
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        requires = "identity",
        conflicts_with = "join_token",
        help_heading = "Identity"
    )]
    renew: Option<Renew>,
}

/// The variable that may hold a join token.
const JOIN_TOKEN: &str = "MESHCTL_JOIN_TOKEN";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Renew {
    /// Once, at once
    Now,
    /// Again and again, in time
    Watch,
}

pub(super) fn run(context: &Context, args: &BootstrapArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    let loaded = context.load_checked()?;
    let known = proxies(&loaded.mesh);
    if let ProxyId::Node(name) = &args.proxy
        && loaded.mesh.nodes.get(name).is_some_and(|node| !node.proxy)
    {
        let message = format!("{} has no proxy: the files say `proxy = false`", args.proxy);
        return Err(Failure::new(Exit::Usage, message)
            .hint("remove `proxy = false` to run a proxy beside it"));
    }
    if !known.contains(&args.proxy) {
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        return Err(Failure::new(Exit::Usage, format!("the mesh has no {}", args.proxy))
            .hint(format!("proxies of this mesh: {}", names.join(", "))));
    }
    let identity = match &args.identity {
        None => None,
        Some(folder) => Some(
            std::path::absolute(folder)
                .map_err(|error| Failure::from_error(Exit::Failed, &error))?,
        ),
    };
    if let (Some(folder), Some(when)) = (&identity, args.renew) {
        return renew(context, &loaded, folder, when);
    }
    let (root, mut control_plane) = match &args.root {
        Some(root) => (root.trim_end_matches('/').to_owned(), None),
        None => source(context, &loaded)?,
    };
    if let Some(folder) = &identity {
        let Some(control_plane) = &mut control_plane else {
            return Err(Failure::new(
                Exit::Usage,
                "the target is a folder, which asks for no certificate",
            )
            .hint("name one with `server` in meshctl.toml: --target NAME"));
        };
        if let Some(token) = &args.join_token {
            join(context, &loaded, folder, &args.proxy, token)?;
        }
        identity::check(folder).map_err(|error| {
            Failure::from_error(Exit::Failed, &error)
                .hint("have a join token made (meshctl serve token), and add --join-token @FILE")
        })?;
        control_plane.tls =
            Some(ControlPlaneTls { folder: folder.display().to_string(), name: None });
    }
    if let Some(control_plane) = control_plane.as_ref().filter(|control_plane| {
        control_plane.tls.is_none() && !is_this_host(&control_plane.address.host)
    }) {
        let Endpoint { host, port } = &control_plane.address;
        if !args.allow_plaintext_to_other_hosts {
            let message = format!(
                "the control plane at {host}:{port} is on another host, and nothing \
                                   would be encrypted or checked"
            );
            return Err(Failure::new(Exit::Usage, message)
                .hint(
                    "give the proxy an identity: --identity DIR, with --join-token @FILE at first",
                )
                .hint("in a network that nobody else reaches: --allow-plaintext-to-other-hosts"));
        }
        context.ui.warning(&format!("the proxy will speak to {host}:{port} in plain text"));
    }
    let admin = match (args.admin.as_str(), args.admin.parse::<u16>()) {
        ("none", _) => None,
        (_, Ok(port)) if port > 0 => Some(Admin::Port(port)),
        (path, _) if path.starts_with('/') => Some(Admin::Unix(path.to_owned())),
        (other, _) => {
            return Err(Failure::new(
                Exit::Usage,
                format!("`{other}` is not a port, an absolute path or `none`"),
            ));
        }
    };
    let mesh = loaded.mesh.settings.name.clone();
    let mut bootstrap =
        loaded.project.bootstrap(mesh, args.proxy.clone(), root).map_err(|provider| {
            Failure::new(
                Exit::Findings,
                format!("meshctl.toml: there is no tracing provider `{provider}`"),
            )
            .hint("known are otel, zipkin, xray, datadog")
        })?;
    bootstrap.instance.clone_from(&args.instance);
    bootstrap.admin = admin;
    bootstrap.control_plane = control_plane;
    context.ui.document(&envoy::bootstrap(&bootstrap));
    if args.admin != ADMIN {
        // Another admin interface is asked for where several Envoys run.
        context.ui.hint(
            "Envoys on one host need different base ids, or the second one does not start: \
             envoy -c FILE --base-id 1",
        );
    }
    Ok(Exit::Done)
}

/// Trades a join token for the first certificate.
fn join(
    context: &Context,
    loaded: &Loaded,
    folder: &Path,
    proxy: &ProxyId,
    token: &str,
) -> Result<(), Failure> {
    let token = match token.strip_prefix('@') {
        Some(path) => TokenSource::File(PathBuf::from(path)),
        None if std::env::var(JOIN_TOKEN).is_ok_and(|set| set == token) => {
            TokenSource::Env(JOIN_TOKEN.to_owned())
        }
        None => {
            return Err(Failure::new(Exit::Usage, "a token among the arguments shows in `ps`")
                .hint(format!(
                    "write it to a file and give @FILE, or set {JOIN_TOKEN}; have a new one made"
                )));
        }
    };
    let request = identity::Request::new().map_err(|error| failure(&error))?;
    let server = context.server(loaded, Some(token), None)?;
    let asked = JoinRequest { proxy: proxy.clone(), request: request.text().to_owned() };
    let document = server.join(&asked).map_err(|error| target::failure(&error))?;
    request.keep(folder, &document).map_err(|error| failure(&error))?;
    context.ui.status(&format!("{proxy} has its certificate in {}.", folder.display()));
    Ok(())
}

/// Trades the present certificate for the next one.
fn renew(context: &Context, loaded: &Loaded, folder: &Path, when: Renew) -> Result<Exit, Failure> {
    if when == Renew::Now {
        let until = renew_once(context, loaded, folder)?;
        context.ui.status(&format!("The new certificate is valid until {until}."));
        return Ok(Exit::Done);
    }
    loop {
        let due = identity::due(folder).map_err(|error| failure(&error))?;
        let left = due.duration_since(SystemTime::now()).unwrap_or_default();
        if !left.is_zero() {
            // A clock that was set is noticed soon.
            std::thread::sleep(left.min(LOOK_EVERY));
            continue;
        }
        match renew_once(context, loaded, folder) {
            Ok(until) => {
                context.ui.status(&format!("The new certificate is valid until {until}."));
            }
            // The server may be away: a third of the life is left to try in.
            Err(failure) => {
                context.report_failure(&failure);
                std::thread::sleep(AGAIN);
            }
        }
    }
}

fn renew_once(context: &Context, loaded: &Loaded, folder: &Path) -> Result<String, Failure> {
    let request = identity::Request::new().map_err(|error| failure(&error))?;
    let server = context.server(loaded, None, Some(identity::pair(folder)))?;
    let asked = RenewRequest { request: request.text().to_owned() };
    let document = server.renew(&asked).map_err(|error| target::failure(&error))?;
    request.keep(folder, &document).map_err(|error| failure(&error))?;
    Ok(document.until)
}

fn failure(error: &identity::Error) -> Failure {
    Failure::from_error(Exit::Failed, error)
}

/// Whether a host is the one that the proxy is on.
fn is_this_host(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Where the target's proxies get everything from: its folder, or its control plane.
fn source(context: &Context, loaded: &Loaded) -> Result<(String, Option<ControlPlane>), Failure> {
    let (name, target) = context.target(loaded)?;
    if let Some(folder) = &target.directory {
        let folder = std::path::absolute(loaded.root.join(folder))
            .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
        return Ok((folder.display().to_string(), None));
    }
    let address = target.xds.as_deref().and_then(|text| text.rsplit_once(':'));
    let address = address.and_then(|(host, port)| {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Endpoint { host, port: port.parse().ok()? })
    });
    match address {
        Some(address) => {
            let control_plane = ControlPlane { address, tls: None, token_variable: None };
            Ok((String::new(), Some(control_plane)))
        }
        None => Err(Failure::new(
            Exit::Findings,
            format!("meshctl.toml does not say where proxies of `{name}` connect"),
        )
        .hint(format!("add it: [targets.{name}] xds = \"127.0.0.1:9101\""))),
    }
}
