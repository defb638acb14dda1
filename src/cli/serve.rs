//! `serve`: a control plane for running Envoys.

use super::store as store_command;
use super::{Context, Exit, Failure, Format, carry};
use crate::apply::Signal;
use crate::serve::{self, Config, Files, Listen, Operators, Role};
use clap::{Args, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Run a control plane: plans are applied to it, and Envoys take their configuration from it
///
/// It keeps the revisions of any number of meshes in a folder, brings what is applied to every
/// connected Envoy step by step, and knows who has acknowledged it. Without TLS it serves this
/// host alone. The first start writes the secret of an operator to DIR/operator.token.
#[derive(Debug, Args)]
#[command(subcommand_negates_reqs = true)]
pub(super) struct ServeArgs {
    #[command(subcommand)]
    command: Option<Command>,

    /// The folder of the store, the operators and the audit log; made if it is not there
    #[arg(long, value_name = "DIR", required = true)]
    data: Option<PathBuf>,

    /// Where the admin API listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    admin: SocketAddr,

    /// Where Envoys connect (xDS)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9101")]
    xds: SocketAddr,

    /// A further name, with its port, by which the admin API may be asked for
    #[arg(long, value_name = "NAME:PORT")]
    admin_name: Vec<String>,

    /// After a start: how long a step waits for Envoys that may not be back yet
    #[arg(long, value_name = "TIME", default_value = "10s")]
    grace: carry::Patience,

    /// The certificate of the admin API, as a PEM file
    #[arg(long, value_name = "FILE", requires = "admin_key", help_heading = "TLS")]
    admin_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "admin_cert", help_heading = "TLS")]
    admin_key: Option<PathBuf>,

    /// The authorities of operators: whose certificate has a SPIFFE URI needs no token
    #[arg(long, value_name = "FILE", requires = "admin_cert", help_heading = "TLS")]
    admin_client_ca: Option<PathBuf>,

    /// The certificate of xDS, as a PEM file
    #[arg(long, value_name = "FILE", requires = "xds_key", help_heading = "TLS")]
    xds_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "xds_cert", help_heading = "TLS")]
    xds_key: Option<PathBuf>,

    /// The authorities of proxies
    #[arg(long, value_name = "FILE", requires = "xds_cert", help_heading = "TLS")]
    xds_client_ca: Option<PathBuf>,

    /// A proxy is who its certificate says: spiffe://DOMAIN/mesh/M/virtual_node/N
    #[arg(long, value_name = "DOMAIN", requires = "xds_client_ca", help_heading = "TLS")]
    trust_domain: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, list and remove those who may use the admin API
    ///
    /// A running server takes notice at once.
    Operator {
        #[command(subcommand)]
        command: OperatorCommand,
    },
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Make an operator, or give one a new secret, and print the secret: it is kept nowhere
    Add {
        /// The name in the audit log
        name: String,

        /// What it may do
        #[arg(long, value_enum, default_value_t = RoleArg::Read)]
        role: RoleArg,

        /// The folder of the server
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Remove an operator
    Remove {
        /// The name
        name: String,

        /// The folder of the server
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// List the operators
    List {
        /// The folder of the server
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    /// Look
    Read,
    /// Look and change
    Write,
}

pub(super) fn run(context: &Context, args: &ServeArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    if let Some(Command::Operator { command }) = &args.command {
        return operator(context, command);
    }
    let config = config(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))?;
    runtime.block_on(async {
        let stop = carry::listen();
        let running = serve::start(&config).await.map_err(|error| failure(&error))?;
        if let Some(secret) = &running.secret {
            context.ui.status(&format!("The secret of the operator is in {}.", secret.display()));
        }
        if let Some(xds) = running.xds {
            context.ui.result(&format!("admin {}\nxds {xds}\n", running.admin));
        }
        stop.requested().await;
        let signal = stop.signal().unwrap_or(Signal::Terminate);
        running.stop(signal).await;
        // To be asked to end is how a server ends.
        Ok(Exit::Done)
    })
}

fn config(args: &ServeArgs) -> Result<Config, Failure> {
    let Some(data) = args.data.clone() else {
        return Err(Failure::new(Exit::Usage, "a folder is needed").hint("name it: --data DIR"));
    };
    let tls = |certificate: &Option<PathBuf>, key: &Option<PathBuf>, clients: &Option<PathBuf>| {
        let (certificate, key) = (certificate.clone()?, key.clone()?);
        Some(Files { certificate, key, clients: clients.clone() })
    };
    Ok(Config {
        data,
        admin: Listen {
            address: args.admin,
            tls: tls(&args.admin_cert, &args.admin_key, &args.admin_client_ca),
        },
        xds: Listen {
            address: args.xds,
            tls: tls(&args.xds_cert, &args.xds_key, &args.xds_client_ca),
        },
        trust_domain: args.trust_domain.clone(),
        names: args.admin_name.clone(),
        grace: args.grace.time().unwrap_or(Duration::ZERO),
    })
}

fn failure(error: &serve::Error) -> Failure {
    match error {
        serve::Error::Store(error) => store_command::failure(error),
        serve::Error::Listen { .. } => Failure::from_error(Exit::Busy, error)
            .hint("another program may have the address: choose with --admin and --xds"),
        serve::Error::Plaintext { .. } => Failure::from_error(Exit::Usage, error)
            .hint("listen on 127.0.0.1, or give a certificate: --admin-cert, --xds-cert"),
        serve::Error::NoIdentity => Failure::from_error(Exit::Usage, error)
            .hint("add --xds-client-ca FILE and --trust-domain DOMAIN"),
        serve::Error::Mesh(_) | serve::Error::File { .. } | serve::Error::Tls { .. } => {
            Failure::from_error(Exit::Failed, error)
        }
    }
}

fn operator(context: &Context, command: &OperatorCommand) -> Result<Exit, Failure> {
    let of = |data: &Path| {
        if data.is_dir() {
            return Ok(Operators::of(data));
        }
        Err(Failure::new(Exit::Failed, format!("there is no folder {}", data.display()))
            .hint("meshctl serve --data DIR makes it"))
    };
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Failed, "cannot read or write the operators").cause(error.to_string())
    };
    match command {
        OperatorCommand::Add { name, role, data } => {
            let role = match role {
                RoleArg::Read => Role::Read,
                RoleArg::Write => Role::Write,
            };
            let secret = of(data)?.add(name, role).map_err(failed)?;
            context.ui.result(&format!("{secret}\n"));
        }
        OperatorCommand::Remove { name, data } => {
            if !of(data)?.remove(name).map_err(failed)? {
                return Err(Failure::new(Exit::Failed, format!("there is no operator {name}")));
            }
        }
        OperatorCommand::List { data } => {
            for (name, role) in of(data)?.list().map_err(failed)? {
                context.ui.result(&format!("{name}  {}\n", role.as_str()));
            }
        }
    }
    Ok(Exit::Done)
}
