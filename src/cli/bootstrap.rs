//! `bootstrap`: the file with which an Envoy starts.

use super::{Context, Exit, Failure, Format};
use crate::compile::proxies;
use crate::envoy::{self, Admin, ControlPlane, Endpoint, ProxyId};
use crate::load::Loaded;
use clap::Args;

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
    #[arg(long, value_name = "PORT|PATH|none", default_value = "9901")]
    admin: String,
}

pub(super) fn run(context: &Context, args: &BootstrapArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    let loaded = context.load_checked()?;
    let known = proxies(&loaded.mesh);
    if !known.contains(&args.proxy) {
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        return Err(Failure::new(Exit::Usage, format!("the mesh has no {}", args.proxy))
            .hint(format!("proxies of this mesh: {}", names.join(", "))));
    }
    let (root, control_plane) = match &args.root {
        Some(root) => (root.trim_end_matches('/').to_owned(), None),
        None => source(context, &loaded)?,
    };
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
    context.ui.result(&envoy::bootstrap(&bootstrap));
    Ok(Exit::Done)
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
