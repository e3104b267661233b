//! Consent of a person before a terminal is changed.

use std::io::{BufRead, IsTerminal as _, Write};

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// The flag that answers the question in advance.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Consent {
    /// Do it without asking
    #[arg(short, long)]
    yes: bool,
}

impl Consent {
    /// Says what will be done, and asks whether to do it. The question is on stderr.
    ///
    /// # Errors
    /// Exit code 80 when the answer is not yes, or when nobody can be asked because stdin is no terminal; 130 at
    /// Ctrl-C.
    pub(crate) fn ask(self, context: &Context, plan: &str) -> Result<(), CliError> {
        if context.recording().is_some() {
            // A recording cannot be changed.
            return Ok(());
        }
        let is_loud = !(self.yes && context.is_quiet());
        if is_loud {
            eprintln!("{plan}");
        }
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            let what = "nobody can be asked, because stdin is no terminal; nothing was changed";
            return Err(CliError::new(ExitCode::Refused, what).hint("add --yes"));
        }
        context.block_on(async |signals| {
            let (tell, told) = tokio::sync::oneshot::channel();
            // A thread of its own: nothing but the end of the program ends a read of the keyboard.
            std::thread::spawn(move || {
                // The program may have ended meanwhile.
                let _ = tell.send(agrees(&mut std::io::stdin().lock(), &mut std::io::stderr()));
            });
            tokio::select! {
                () = signals.stop.cancelled() => {
                    Err(CliError::new(ExitCode::Interrupted, "interrupted; nothing was changed"))
                }
                agreed = told => match agreed {
                    Ok(true) => Ok(()),
                    _ => Err(CliError::new(ExitCode::Refused, "not confirmed; nothing was changed")
                        .hint("answer y, or add --yes")),
                },
            }
        })
    }
}

/// Returns true if the next line is a yes.
fn agrees(input: &mut dyn BufRead, output: &mut dyn Write) -> bool {
    matches!(&*question("Go on? [y/N] ", input, output).to_lowercase(), "y" | "yes")
}

/// The line that a person types after a question, or that a program sends; `None` for an empty one.
pub(crate) fn typed(text: &str) -> Option<String> {
    Some(question(text, &mut std::io::stdin().lock(), &mut std::io::stderr())).filter(|line| !line.is_empty())
}

fn question(text: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> String {
    // The question is a courtesy; the answer counts.
    let _ = write!(output, "{text}").and_then(|()| output.flush());
    let mut line = String::new();
    // A stream that cannot be read says nothing, which is no yes.
    let _ = input.read_line(&mut line);
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_yes_is_one() {
        for (typed, expected) in [("y\n", true), ("YES\r\n", true), ("", false), ("\n", false), ("yep\n", false)] {
            let mut asked = Vec::new();
            assert_eq!(agrees(&mut typed.as_bytes(), &mut asked), expected, "{typed:?}");
            assert_eq!(asked, b"Go on? [y/N] ");
        }
    }
}
