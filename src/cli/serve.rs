//! `serve`: a control plane for running Envoys.

use super::{Context, Exit, Failure, Format, carry};
use super::{store as store_command, target};
use crate::apply::Signal;
use crate::envoy::ProxyId;
use crate::live::Server;
use crate::live::server::joining::JoinTokenRequest;
use crate::model::MeshName;
use crate::serve::limits::Limits;
use crate::serve::{
    self, Authority, Config, Files, Listen, Notice, OnError, Operators, OperatorsError, Role,
    Scope, ServiceScope, Terms,
};
use clap::{Args, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long certificates of proxies are valid unless it is said.
const DAY: Duration = Duration::from_secs(86_400);

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

    /// What happens to changes while the audit log cannot be written. A revocation is always made
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnErrorArg::Reject)]
    audit_on_error: OnErrorArg,

    /// Set a limit of what peers may ask for; may be repeated. `--help` lists them with their defaults
    #[arg(
        long,
        value_name = "NAME=VALUE",
        value_parser = limit,
        long_help = format!("Set a limit of what peers may ask for; may be repeated. Bytes have the \
            form 65536, 64KiB or 16MiB, times 500ms, 30s or 5m. The limits with their defaults:{}",
            Limits::help()),
    )]
    limit: Vec<String>,

    /// The certificate of the admin API, as a PEM file
    #[arg(long, value_name = "FILE", requires = "admin_key", help_heading = "TLS")]
    admin_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "admin_cert", help_heading = "TLS")]
    admin_key: Option<PathBuf>,

    /// The authorities of operators' certificates, which say who needs no token (`meshctl serve
    /// operator add --certificate`)
    #[arg(long, value_name = "FILE", requires = "admin_cert", help_heading = "TLS")]
    admin_client_ca: Option<PathBuf>,

    /// The certificate of xDS, as a PEM file
    #[arg(long, value_name = "FILE", requires = "xds_key", help_heading = "TLS")]
    xds_cert: Option<PathBuf>,

    /// The key of that certificate
    #[arg(long, value_name = "FILE", requires = "xds_cert", help_heading = "TLS")]
    xds_key: Option<PathBuf>,

    /// The authorities of proxies whose certificates come from elsewhere
    #[arg(long, value_name = "FILE", requires = "xds_cert", help_heading = "TLS")]
    xds_client_ca: Option<PathBuf>,

    /// A proxy is who its certificate says: spiffe://DOMAIN/mesh/M/virtual_node/N
    #[arg(long, value_name = "DOMAIN", requires = "xds_cert", help_heading = "TLS")]
    trust_domain: Option<String>,

    /// The certificate of an authority with which this server signs those of proxies: they join with
    /// a token (`meshctl serve token`) and renew by themselves
    #[arg(long, value_name = "FILE", requires_all = ["identity_key", "trust_domain"], help_heading = "Identity")]
    identity_cert: Option<PathBuf>,

    /// The key of that authority
    #[arg(long, value_name = "FILE", requires = "identity_cert", help_heading = "Identity")]
    identity_key: Option<PathBuf>,

    /// How long a proxy's certificate is valid
    #[arg(long, value_name = "TIME", default_value = "24h", help_heading = "Identity")]
    identity_life: carry::Patience,

    /// The authorities of the xDS certificate, which proxies that join are given; unset is
    /// --identity-cert
    #[arg(long, value_name = "FILE", requires = "identity_cert", help_heading = "Identity")]
    xds_ca: Option<PathBuf>,
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
    /// Have a running server make a join token, and print it: it is kept nowhere
    ///
    /// A proxy that has it gets its first certificate by `meshctl bootstrap --join-token`. It works
    /// once. The server is the project's target.
    Token {
        /// Which proxy may join: `virtual_node/cart`, or `virtual_node/cart-*`
        proxies: String,

        /// How long it works
        #[arg(long, value_name = "TIME", default_value = "10m")]
        life: carry::Patience,
    },
    /// Join tokens of a running server that nobody has used: list and remove them
    ///
    /// Their secrets are kept nowhere, so they are not told. The server is the project's target.
    Tokens {
        #[command(subcommand)]
        command: TokensCommand,
    },
    /// Have a running server reject every certificate of a proxy that exists now
    ///
    /// Its streams end, and its unused join tokens are removed. A proxy whose certificates the server
    /// issues joins again with a new join token. Certificates of other authorities (SPIRE) are
    /// rejected until `serve allow`. The server is the project's target.
    Revoke {
        /// The node or gateway, for example `virtual_node/cart`
        proxy: ProxyId,
    },
    /// Have a running server accept certificates of other authorities for a revoked proxy again
    ///
    /// What the server itself issued before the revocation stays rejected. The server is the
    /// project's target.
    Allow {
        /// The node or gateway, for example `virtual_node/cart`
        proxy: ProxyId,
    },
}

#[derive(Debug, Subcommand)]
enum TokensCommand {
    /// List id, proxies, end and maker of each
    List,
    /// Remove one: nobody joins with it any more
    Remove {
        /// Its id
        #[arg(value_parser = token_id)]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum OperatorCommand {
    /// Make an operator, or give one a new secret, and print the secret: it is kept nowhere
    ///
    /// With --certificate there is no secret: an operator is who has such a certificate.
    Add {
        /// The name in the audit log
        name: String,

        /// What it may do
        #[arg(long, value_enum, default_value_t = RoleArg::Read)]
        role: RoleArg,

        /// A mesh in which it may do that, or `*`; unset is all, for the roles read and write
        #[arg(long, value_name = "MESH", required_if_eq("role", "register"))]
        mesh: Vec<String>,

        /// A service that it may register instances of, or `NAMESPACE/*`, or `*`; for the role
        /// register
        #[arg(long, value_name = "NAMESPACE/SERVICE", required_if_eq("role", "register"))]
        service: Vec<String>,

        /// How long it is valid; `serve operator renew` and `POST /v1/token/renew` renew it
        #[arg(long, value_name = "TIME", default_value = "90d")]
        life: carry::Patience,

        /// The SPIFFE URI of the operator's certificate, of an authority of --admin-client-ca
        #[arg(long, value_name = "URI", value_parser = operator_uri)]
        certificate: Option<String>,

        /// The folder of the server
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Have an operator be valid for its whole life again, with the secret that it has
    Renew {
        /// The name
        name: String,

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
    /// List the operators: name, role, where it may do that, and when it expires
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
    /// Register instances of services, and nothing else
    Register,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnErrorArg {
    /// They are rejected, and `/readyz` fails
    Reject,
    /// They are made; the metric `meshctl_audit_failing` is 1
    Alarm,
}

pub(super) fn run(context: &Context, args: &ServeArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    match &args.command {
        Some(Command::Operator { command }) => return operator(context, command),
        Some(Command::Token { proxies, life }) => return token(context, proxies, *life),
        Some(Command::Tokens { command }) => return tokens(context, command),
        Some(Command::Revoke { proxy }) => return revoke(context, proxy),
        Some(Command::Allow { proxy }) => return allow(context, proxy),
        None => {}
    }
    let config = config(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "cannot start").cause(error.to_string()))?;
    runtime.block_on(async {
        let stop = carry::listen();
        let mut again = signal(SignalKind::hangup())
            .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
        let mut running = serve::start(&config).await.map_err(|error| failure(&error))?;
        if let Some(secret) = &running.secret {
            context.ui.status(&format!("The secret of the operator is in {}.", secret.display()));
        }
        if let Some(xds) = running.xds {
            context.ui.result(&format!("admin {}\nxds {xds}\n", running.admin));
            if context.ui.lost().is_some() {
                // Whoever started it waits for the addresses.
                running.stop(Signal::Terminate).await;
                return Ok(Exit::Failed);
            }
        }
        loop {
            tokio::select! {
                () = stop.requested() => break,
                _ = again.recv() => running.reload(),
                Some(notice) = running.notices.recv() => match &notice {
                    Notice::Loaded { .. } => context.ui.status(&notice.to_string()),
                    Notice::Refused { .. } => context.ui.warning(&notice.to_string()),
                },
            }
        }
        let signal = stop.signal().unwrap_or(Signal::Terminate);
        running.stop(signal).await;
        // To be asked to end is how a server ends.
        Ok(Exit::Done)
    })
}

/// Looks at a limit.
fn limit(text: &str) -> Result<String, String> {
    Limits::default().set(text).map(|()| text.to_owned())
}

/// Reads the id of a join token.
fn token_id(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit()) {
        true => Ok(text.to_owned()),
        false => Err("it has the letters and digits that `serve tokens list` shows".to_owned()),
    }
}

/// Reads the SPIFFE URI of an operator's certificate.
fn operator_uri(text: &str) -> Result<String, String> {
    let path = text.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
    match path {
        Some((domain, path)) if path.starts_with("mesh/") && !domain.is_empty() => {
            Err("it names a proxy, which is no operator".to_owned())
        }
        Some((domain, path)) if !domain.is_empty() && !path.is_empty() && !text.contains('*') => {
            Ok(text.to_owned())
        }
        _ => Err("it has the form spiffe://DOMAIN/PATH, without a wildcard".to_owned()),
    }
}

fn config(args: &ServeArgs) -> Result<Config, Failure> {
    let Some(data) = args.data.clone() else {
        return Err(Failure::new(Exit::Usage, "a folder is needed").hint("name it: --data DIR"));
    };
    let tls = |certificate: &Option<PathBuf>, key: &Option<PathBuf>, clients: &Option<PathBuf>| {
        let (certificate, key) = (certificate.clone()?, key.clone()?);
        Some(Files { certificate, key, clients: clients.iter().cloned().collect() })
    };
    let mut xds =
        Listen { address: args.xds, tls: tls(&args.xds_cert, &args.xds_key, &args.xds_client_ca) };
    if let (Some(files), Some(own)) = (&mut xds.tls, &args.identity_cert) {
        files.clients.push(own.clone());
    }
    let authority = match (&args.identity_cert, &args.identity_key, &args.trust_domain) {
        (Some(certificate), Some(key), Some(trust_domain)) => Some(Authority {
            certificate: certificate.clone(),
            key: key.clone(),
            trust_domain: trust_domain.clone(),
            life: args.identity_life.time().unwrap_or(DAY),
            servers: args.xds_ca.clone().unwrap_or_else(|| certificate.clone()),
        }),
        _ => None,
    };
    let mut limits = Limits::default();
    for text in &args.limit {
        limits
            .set(text)
            .map_err(|why| Failure::new(Exit::Usage, format!("--limit {text}: {why}")))?;
    }
    Ok(Config {
        limits,
        data,
        admin: Listen {
            address: args.admin,
            tls: tls(&args.admin_cert, &args.admin_key, &args.admin_client_ca),
        },
        xds,
        trust_domain: args.trust_domain.clone(),
        authority,
        names: args.admin_name.clone(),
        grace: args.grace.time().unwrap_or(Duration::ZERO),
        audit_on_error: match args.audit_on_error {
            OnErrorArg::Reject => OnError::Reject,
            OnErrorArg::Alarm => OnError::Alarm,
        },
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
            .hint(
            "add --trust-domain DOMAIN, and --xds-client-ca FILE or --identity-cert and --identity-key",
        ),
        serve::Error::Authority { .. } => Failure::from_error(Exit::Failed, error)
            .hint("see --identity-cert and --identity-key: PEM files of one authority"),
        serve::Error::Mesh(_) | serve::Error::File { .. } | serve::Error::Tls { .. } => {
            Failure::from_error(Exit::Failed, error)
        }
    }
}

/// Asks the server that is the project's target.
fn ask<T>(
    context: &Context,
    question: impl FnOnce(&Server) -> Result<T, crate::live::Error>,
) -> Result<T, Failure> {
    let loaded = context.load()?;
    let target = context.open_target(&loaded)?;
    match target.server() {
        Some(server) => question(server).map_err(|error| target::failure(&error)),
        None => Err(Failure::new(Exit::Usage, "the target is a folder, which has no such thing")
            .hint("name one with `server` in meshctl.toml: --target NAME")),
    }
}

fn token(context: &Context, proxies: &str, life: carry::Patience) -> Result<Exit, Failure> {
    let life = life.time().unwrap_or_default().as_secs();
    let request = JoinTokenRequest { proxies: proxies.to_owned(), life_s: life };
    let made = ask(context, |server| server.join_token(&request))?;
    if let Err(error) = context.ui.deliver(&format!("{}\n", made.token)) {
        let removed = ask(context, |server| server.remove_join_token(&made.id));
        return Err(match removed {
            Ok(_) => unprinted(&error, "the join token was removed again"),
            Err(failure) => unprinted(&error, &format!("the join token {} works", made.id))
                .cause(failure.message)
                .hint(format!("meshctl serve tokens remove {}", made.id)),
        });
    }
    context.ui.status(&format!("For {} until {}, once.", made.proxies, made.until));
    Ok(Exit::Done)
}

/// A secret could not be printed, of which there is no copy.
fn unprinted(error: &std::io::Error, now: &str) -> Failure {
    Failure::new(Exit::Failed, format!("the secret could not be written to stdout; {now}"))
        .cause(error.to_string())
}

fn tokens(context: &Context, command: &TokensCommand) -> Result<Exit, Failure> {
    match command {
        TokensCommand::List => {
            for token in ask(context, Server::join_tokens)?.tokens {
                let line =
                    format!("{}  {}  {}  {}\n", token.id, token.proxies, token.until, token.by);
                context.ui.result(&line);
            }
        }
        TokensCommand::Remove { id } => {
            ask(context, |server| server.remove_join_token(id))?;
            context.ui.status(&format!("Removed join token {id}."));
        }
    }
    Ok(Exit::Done)
}

fn revoke(context: &Context, proxy: &ProxyId) -> Result<Exit, Failure> {
    ask(context, |server| server.revoke(proxy))?;
    context.ui.status(&format!("The certificates of {proxy} are rejected from now on."));
    Ok(Exit::Done)
}

fn allow(context: &Context, proxy: &ProxyId) -> Result<Exit, Failure> {
    ask(context, |server| server.allow(proxy))?;
    let issued = "those that the server issued before the revocation stay rejected";
    context.ui.status(&format!("Certificates of {proxy} are accepted again; {issued}."));
    Ok(Exit::Done)
}

fn operator(context: &Context, command: &OperatorCommand) -> Result<Exit, Failure> {
    let of = |data: &Path| {
        if data.is_dir() {
            return Ok(Operators::of(data));
        }
        Err(Failure::new(Exit::Failed, format!("there is no folder {}", data.display()))
            .hint("meshctl serve --data DIR makes it"))
    };
    let failed = |error: OperatorsError| match &error {
        OperatorsError::Store(error) => store_command::failure(error),
        OperatorsError::Undelivered(source) => unprinted(source, "nothing was changed"),
        OperatorsError::Unanswered(_) => Failure::from_error(Exit::Unknown, &error)
            .hint("meshctl serve operator list shows what became of it"),
        OperatorsError::Refused(_) | OperatorsError::Random(_) => {
            Failure::new(Exit::Failed, "the operators were not changed").cause(error.to_string())
        }
    };
    match command {
        OperatorCommand::Add { name, role, mesh, service, life, certificate, data } => {
            let terms = terms(*role, mesh, service, *life)?;
            let done = match certificate {
                Some(uri) => {
                    let done = of(data)?.add_certified(name, terms, uri).map_err(failed)?;
                    context.ui.status(&format!("Operator `{name}` now authenticates with {uri}."));
                    done
                }
                None => {
                    let deliver = |secret: &str| context.ui.deliver(&format!("{secret}\n"));
                    of(data)?.add(name, terms, deliver).map_err(|error| match error {
                        OperatorsError::Undelivered(_) | OperatorsError::Unanswered(_) => {
                            failed(error)
                        }
                        error => {
                            failed(error).hint("the secret above, if there is one, does not work")
                        }
                    })?
                }
            };
            say_validity(context, name, &done);
        }
        OperatorCommand::Renew { name, data } => {
            let done = of(data)?.renew(name).map_err(failed)?;
            there(name, &done)?;
            say_validity(context, name, &done);
        }
        OperatorCommand::Remove { name, data } => {
            let done = of(data)?.remove(name).map_err(failed)?;
            there(name, &done)?;
            unrecorded(context, &done);
        }
        OperatorCommand::List { data } => {
            for (name, known) in of(data)?.list().map_err(failed)? {
                let certificate = known.certificate.map(|uri| format!("  {uri}"));
                let certificate = certificate.unwrap_or_default();
                let until = match known.until {
                    None => String::new(),
                    Some(until) => format!("  until {}", serve::time(until)),
                };
                let (role, scope) = (known.role.as_str(), known.scope);
                context.ui.result(&format!("{name}  {role}  {scope}{until}{certificate}\n"));
            }
        }
    }
    Ok(Exit::Done)
}

/// What an operator is to be allowed, as the flags say.
fn terms(
    role: RoleArg,
    meshes: &[String],
    services: &[String],
    life: carry::Patience,
) -> Result<Terms, Failure> {
    let usage = |why: String| Failure::new(Exit::Usage, why);
    let role = match role {
        RoleArg::Read => Role::Read,
        RoleArg::Write => Role::Write,
        RoleArg::Register => Role::Register,
    };
    if role != Role::Register && !services.is_empty() {
        return Err(usage("--service is for the role register".to_owned()));
    }
    let all = |texts: &[String]| texts.iter().any(|text| text == "*");
    let name = |text: &String| MeshName::new(text.clone()).map_err(usage);
    let meshes = match meshes.is_empty() || all(meshes) {
        true => None,
        false => Some(meshes.iter().map(name).collect::<Result<_, _>>()?),
    };
    // Namespaces may have slashes.
    let service = |text: &String| match text.rsplit_once('/') {
        Some((namespace, service)) if !namespace.is_empty() && !service.is_empty() => {
            let service = Some(service.to_owned()).filter(|service| service != "*");
            Ok(ServiceScope { namespace: namespace.to_owned(), service })
        }
        _ => Err(usage(format!("`{text}` is no service: NAMESPACE/SERVICE, NAMESPACE/* or *"))),
    };
    let services = match services.is_empty() || all(services) {
        true => None,
        false => Some(services.iter().map(service).collect::<Result<_, _>>()?),
    };
    Ok(Terms { role, scope: Scope { meshes, services }, life: life.time() })
}

/// Fails if there is no operator of a name.
fn there(name: &str, done: &serve::Done) -> Result<(), Failure> {
    match done.there {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, format!("there is no operator {name}"))),
    }
}

/// Says until when an operator is valid, and what the audit log lacks.
fn say_validity(context: &Context, name: &str, done: &serve::Done) {
    match &done.until {
        Some(until) => context.ui.status(&format!("{name} is valid until {until}.")),
        None => context.ui.status(&format!("{name} is valid until it is removed.")),
    }
    unrecorded(context, done);
}

fn unrecorded(context: &Context, done: &serve::Done) {
    if let Some(why) = &done.unrecorded {
        context.ui.warning(&format!("it is done, but not in the audit log: {why}"));
    }
}
