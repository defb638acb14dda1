//! `completions`: what shells need to complete meshctl's words.

use super::{Context, Exit, Failure, Format};
use clap::Args;
use clap_complete::Shell;

/// Print the completion script of a shell
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The completion script of a shell.
pub(super) fn script(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut super::command(), "meshctl", &mut bytes);
    String::from_utf8(bytes).expect("invariant: completion scripts are text")
}

pub(super) fn run(context: &Context, args: &CompletionsArgs) -> Result<Exit, Failure> {
    context.format(&[Format::Text])?;
    context.ui.document(&script(args.shell));
    Ok(Exit::Done)
}
