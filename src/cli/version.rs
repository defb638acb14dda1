//! `version`: what this is, and which Envoy it speaks to.

use super::{Context, Exit, Failure, Format};
use clap::Args;
use serde_json::json;

/// Print the version
#[derive(Debug, Args)]
pub(super) struct VersionArgs {}

/// The Envoy whose API is built in.
pub(super) const ENVOY_VERSION: &str = "1.40.0";

pub(super) fn run(context: &Context, _args: &VersionArgs) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match context.format(&[Format::Text, Format::Json])? {
        Format::Json => {
            let document = json!({
                "format": "meshctl.version",
                "format_version": "1.0",
                "version": version,
                "envoy_api": "v3",
                "envoy": ENVOY_VERSION,
            });
            context.ui.result(&format!("{document:#}\n"));
        }
        Format::Text
        | Format::Ndjson
        | Format::Markdown
        | Format::Github
        | Format::Sarif
        | Format::Junit
        | Format::AppmeshJson
        | Format::Mermaid
        | Format::Dot
        | Format::Svg => {
            context.ui.result(&format!("meshctl {version} (Envoy API of {ENVOY_VERSION})\n"));
        }
    }
    Ok(Exit::Done)
}
