//! Attendance from ZKTeco/iClock terminals into your database.

use std::process::ExitCode;

fn main() -> ExitCode {
    iclock_cli::run()
}
