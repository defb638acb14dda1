//! Flags that every command takes.

use crate::report::ColorChoice;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Flags that every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The project's folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    pub directory: Option<PathBuf>,

    /// The overlay to lay over the files: env/NAME.toml
    #[arg(long, value_name = "NAME", env = "MESHCTL_ENV", hide_env_values = true, global = true)]
    pub env: Option<String>,

    /// The target of meshctl.toml to work against
    #[arg(
        long,
        value_name = "NAME",
        env = "MESHCTL_TARGET",
        hide_env_values = true,
        global = true
    )]
    pub target: Option<String>,

    /// The form of the result
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        env = "MESHCTL_FORMAT",
        hide_env_values = true,
        global = true
    )]
    pub format: Format,

    /// The form was set by the environment, for whatever command has it.
    #[arg(skip)]
    pub format_is_default: bool,

    /// When to colour output
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, global = true)]
    pub color: Color,

    /// Never ask; a question counts as answered with no
    #[arg(long, global = true)]
    pub no_input: bool,

    /// Leave out words that are not errors
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Say more; may be given twice
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document with a published schema
    Json,
    /// One JSON object a line, as things happen
    Ndjson,
    /// Markdown for a pull request
    Markdown,
    /// GitHub workflow annotations
    Github,
    /// SARIF 2.1.0
    Sarif,
    /// JUnit XML
    Junit,
    /// App Mesh's API JSON
    AppmeshJson,
    /// A Mermaid flow chart
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture
    Svg,
}

impl Format {
    /// The word of the flag.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
            Self::Github => "github",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::AppmeshJson => "appmesh-json",
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Svg => "svg",
        }
    }
}

/// When to colour output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for ColorChoice {
    fn from(color: Color) -> Self {
        match color {
            Color::Auto => Self::Auto,
            Color::Always => Self::Always,
            Color::Never => Self::Never,
        }
    }
}
