//! `bootstrap`: the file with which an Envoy starts.

use super::{Context, Exit, Failure, Format};
use crate::compile::proxies;
use crate::envoy::{self, Admin, ProxyId};
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
    let root = match &args.root {
        Some(root) => root.trim_end_matches('/').to_owned(),
        None => {
            let (_, target) = context.target(&loaded)?;
            let Some(folder) = &target.directory else {
                return Err(Failure::new(Exit::Usage, "a control plane has no folder")
                    .hint("name a directory target, or a folder with --root"));
            };
            let folder = loaded.root.join(folder);
            let folder = std::path::absolute(&folder)
                .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
            folder.display().to_string()
        }
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
    context.ui.result(&envoy::bootstrap(&bootstrap));
    Ok(Exit::Done)
}
