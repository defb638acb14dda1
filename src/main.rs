//! The `meshctl` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(meshctl::cli::run(std::env::args_os()).code())
}
