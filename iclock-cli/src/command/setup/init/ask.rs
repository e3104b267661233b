//! Questions to a person at the keyboard.

use std::io::IsTerminal as _;

use dialoguer::theme::ColorfulTheme;
use dialoguer::{Input, MultiSelect, Password, Select};

use crate::error::CliError;
use crate::exit_code::ExitCode;

/// Asks questions. Tests answer them from a list.
pub(super) trait Ask {
    /// A line of text; empty if the default is taken and empty.
    fn text(&mut self, question: &str, default: &str) -> Result<String, CliError>;
    /// A secret, which is not shown; may be empty.
    fn secret(&mut self, question: &str) -> Result<String, CliError>;
    /// The number of the chosen item.
    fn choose(&mut self, question: &str, items: &[&str]) -> Result<usize, CliError>;
    /// The numbers of the chosen items; all are chosen at first.
    fn choose_several(&mut self, question: &str, items: &[&str]) -> Result<Vec<usize>, CliError>;
}

/// The person at this terminal.
#[derive(Default)]
pub(super) struct Person(ColorfulTheme);

impl Person {
    /// Returns true if somebody can answer.
    pub(super) fn is_there() -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }
}

impl Ask for Person {
    fn text(&mut self, question: &str, default: &str) -> Result<String, CliError> {
        let input = Input::with_theme(&self.0).with_prompt(question).allow_empty(true);
        let input = if default.is_empty() { input } else { input.default(default.to_owned()) };
        let answer: String = input.interact_text().map_err(unanswered)?;
        Ok(answer.trim().to_owned())
    }

    fn secret(&mut self, question: &str) -> Result<String, CliError> {
        let password = Password::with_theme(&self.0).with_prompt(question).allow_empty_password(true);
        password.interact().map_err(unanswered)
    }

    fn choose(&mut self, question: &str, items: &[&str]) -> Result<usize, CliError> {
        Select::with_theme(&self.0).with_prompt(question).items(items).default(0).interact().map_err(unanswered)
    }

    fn choose_several(&mut self, question: &str, items: &[&str]) -> Result<Vec<usize>, CliError> {
        let select = MultiSelect::with_theme(&self.0).with_prompt(format!("{question} (space changes, enter ends)"));
        select.items(items).defaults(&vec![true; items.len()]).interact().map_err(unanswered)
    }
}

fn unanswered(error: dialoguer::Error) -> CliError {
    CliError::because(ExitCode::Interrupted, "the questions were not answered; nothing was written", &error)
}
