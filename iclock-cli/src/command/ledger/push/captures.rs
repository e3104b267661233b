//! `push captures`: the last requests of a terminal and their answers, as `serve` has kept them.

use iclock_sync::receive::Captured;
use zk_push::SerialNumber;

use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output;

/// Shows what is kept of a terminal, the oldest first.
pub(super) fn list(context: &Context, serial: &str, json: bool) -> Outcome {
    let known = SerialNumber::new(serial).ok_or_else(|| super::no_serial(serial))?;
    let config = context.quiet_config()?;
    let captured = Captured::of(&config.state_dir, &known).map_err(|error| {
        let what = format!("cannot read what was captured in {}", config.state_dir.display());
        CliError::because(ExitCode::State, what, &error).hint("check the rights of the state directory")
    })?;
    if captured.is_empty() && !json {
        output::line(format_args!("nothing of {serial} was captured"));
        if config.push.capture == 0 {
            output::line("write capture = 64 into [push]: then `serve` keeps its last requests");
        }
    }
    for of in captured {
        let written = if json {
            output::json(&of);
            true
        } else {
            output::text(text(&of))
        };
        if !written {
            break;
        }
    }
    Ok(ExitCode::Done)
}

/// The exchange as lines: `>` is the terminal's, `<` the answer.
fn text(of: &Captured) -> String {
    let mut text = match of.missed {
        0 => String::new(),
        missed => format!("({missed} more, of which nothing is kept)\n"),
    };
    let at = of.at.with_timezone(&chrono::Local).format("%Y-%m-%d %H:%M:%S");
    text.push_str(&format!("{at} {}, {} bytes: {}\n", output::printable(&of.request), of.body_bytes, of.status));
    for (sign, lines) in [('>', &of.body), ('<', &of.answer)] {
        let line = |line: &str| output::printable(&line.replace('\t', " | "));
        lines.lines().for_each(|each| text.push_str(&format!("  {sign} {}\n", line(each))));
    }
    text
}
