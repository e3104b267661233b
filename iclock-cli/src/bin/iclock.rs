//! The Python tool's command, with its flags, file names and shapes.

use std::process::ExitCode;

fn main() -> ExitCode {
    iclock_cli::run_iclock()
}
