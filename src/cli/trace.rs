//! `trace`: the way of one request through the mesh.

use super::diff::{after_plan, open};
use super::show::revision;
use super::{Context, Exit, Failure, Format};
use crate::load::Loaded;
use crate::model::Mesh;
use crate::plan::Places;
use crate::report;
use crate::traffic::{NoSource, Request, Source, Tracer, sources};
use clap::Args;
use std::path::PathBuf;

/// Show the way of a request: routes, rewrites, nodes, and why each earlier route left it
///
/// Nothing is sent. The answer means what Envoy means; what cannot be told is said, with exit
/// code 1. Without a port in the URL the only listener of the gateway, or the only port of the
/// service, is meant.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// The method, for example GET
    #[arg(value_name = "METHOD")]
    method: String,

    /// The URL that the client calls: `http://HOST[:PORT][/PATH]`, https or tcp
    ///
    /// It is sent as it is written. What is not ASCII and not percent-encoded is rejected by HTTP/1,
    /// which is also what the answer says; HTTP/2 (a port with the protocol `http2` or `grpc`) takes
    /// it in the path and in the query.
    #[arg(value_name = "URL")]
    url: String,

    /// A header, as often as needed; `Host` replaces the host of the URL
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,

    /// The node or gateway that it starts from; the only gateway unless given
    #[arg(long, value_name = "NODE|GATEWAY")]
    from: Option<String>,

    /// Which state of the mesh, instead of the files
    #[arg(long, value_name = "plan:FILE|rev:N|live")]
    at: Option<String>,
}

pub(super) fn run(context: &Context, args: &TraceArgs) -> Result<Exit, Failure> {
    let format = context.format(&[Format::Text, Format::Json])?;
    let wrong = |error: &dyn std::error::Error| Failure::from_error(Exit::Usage, error);
    let mut request = Request::new(&args.method, &args.url).map_err(|error| wrong(&error))?;
    for line in &args.headers {
        request.header(line).map_err(|error| wrong(&error))?;
    }
    let State { mesh, loaded } = state(context, args.at.as_deref())?;
    let source = source(&mesh, args.from.as_deref())?;
    let journey = Tracer::new(&mesh).follow(&source, &request);
    let places = loaded.as_ref().map(|loaded| Places {
        origins: &loaded.origins,
        files: &loaded.files,
        overlay: loaded.overlay,
    });
    let at = args.at.as_deref().unwrap_or("files");
    let document = report::trace::document(&journey, &request, at, places);
    let shown = match format {
        Format::Json => document.json(),
        _ => {
            let files = loaded.as_ref().map(|loaded| &loaded.files);
            document.text(context.ui.color_out(), files)
        }
    };
    context.ui.result(&shown);
    match document.unclear() {
        None => Ok(Exit::Done),
        Some(why) => {
            context.ui.error(&format!("what becomes of the request cannot be determined: {why}"));
            Ok(Exit::Failed)
        }
    }
}

/// A state of the mesh, and the project if its files are that state.
pub(super) struct State {
    pub(super) mesh: Mesh,
    pub(super) loaded: Option<Loaded>,
}

/// The state that `--at` names, or the files.
pub(super) fn state(context: &Context, named: Option<&str>) -> Result<State, Failure> {
    let Some(named) = named else {
        let mut loaded = context.load_checked()?;
        let mesh = std::mem::take(&mut loaded.mesh);
        return Ok(State { mesh, loaded: Some(loaded) });
    };
    if named == "live" {
        let live = context.live(&open(context)?)?;
        if live.revision.is_none() {
            return Err(Failure::new(Exit::Failed, "the target holds nothing yet")
                .hint("meshctl apply puts the files in force"));
        }
        return Ok(State { mesh: live.mesh, loaded: None });
    }
    if let Some(number) = revision(named)? {
        let mesh = open(context)?.at(number)?.mesh;
        return Ok(State { mesh, loaded: None });
    }
    let Some(file) = named.strip_prefix("plan:") else {
        return Err(Failure::new(Exit::Usage, format!("`{named}` is no state of a mesh"))
            .hint("a state is plan:FILE, rev:N or live"));
    };
    Ok(State { mesh: after_plan(context, &PathBuf::from(file))?, loaded: None })
}

/// The node or gateway of this name or address; without one, the only gateway.
fn source(mesh: &Mesh, named: Option<&str>) -> Result<Source, Failure> {
    Source::named(mesh, named).map_err(|why| {
        let all: Vec<String> = sources(mesh).iter().take(KNOWN).map(ToString::to_string).collect();
        let known =
            format!("for example {}", if all.is_empty() { "none".into() } else { all.join(", ") });
        let failure = Failure::new(Exit::Usage, why.to_string());
        failure.hint(match &why {
            NoSource::NoGateway => format!("--from NODE, {known}"),
            NoSource::SeveralGateways => format!("--from GATEWAY, {known}"),
            NoSource::Both(name) => format!("say virtual_node/{name} or virtual_gateway/{name}"),
            NoSource::Unknown(_) => format!("--from NODE|GATEWAY, {known}"),
        })
    })
}

/// How many names a hint shows.
const KNOWN: usize = 5;
