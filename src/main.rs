//! The `meshctl` binary.

use std::process::ExitCode;

/// Plans of large meshes allocate millions of small things on all cores.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(meshctl::cli::run(std::env::args_os()).code())
}
