//! Parse, run, map to an exit code.

use std::process::ExitCode;

/// What the proxy sets aside one thread gives back on another: the system's allocator takes a lock
/// for that, this one a list.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    corscope::cli::run().into()
}
