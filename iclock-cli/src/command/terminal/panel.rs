//! `unlock`, `voice` and `lcd`: the door, the loudspeaker and the screen.

use clap::{Args, ValueEnum};
use serde::Serialize;
use zk_proto::op::{ClearLcd, Operation, TestVoice, Unlock, UnlockUnit, Voice, WriteLcd};

use super::base::{Answers, Changing, Failure, Named, Otherwise, Terminal, Terminals, Visit, each, named, noted};
use crate::config::number;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::output::{self, human};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli unlock 192.0.2.10
  iclock-cli unlock 192.0.2.10 --seconds 10 --unit seconds --yes")]
pub(crate) struct UnlockDoor {
    /// How long the door stays open
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = number::within::<u32>(1..=254))]
    seconds: u32,
    /// The unit in which the terminal counts. If the door stays open ten times too
    /// long, it is seconds
    #[arg(long, value_enum, default_value_t = Unit::Tenths)]
    unit: Unit,
    #[command(flatten)]
    changing: Changing<Named>,
}

/// The unit of the time that a door is open.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Unit {
    /// Tenths of a second, as on most terminals
    Tenths,
    /// Whole seconds
    Seconds,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli voice --device 192.0.2.10
  iclock-cli voice 10 --device 192.0.2.10
  iclock-cli voice --list")]
pub(crate) struct PlayVoice {
    /// The number of the message; see --list
    #[arg(value_name = "NUMBER", default_value_t = 0, value_parser = number::any::<u32>)]
    number: u32,
    #[command(flatten)]
    terminals: Terminals,
    /// List the messages that most terminals have
    #[arg(long)]
    list: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli lcd \"Closed today\" --device 192.0.2.10 --yes
  iclock-cli lcd --clear --device 192.0.2.10 --yes")]
pub(crate) struct Lcd {
    /// The text. Terminals with a colour screen take it and show nothing
    #[arg(value_name = "TEXT", required_unless_present = "clear", conflicts_with = "clear")]
    text: Option<String>,
    /// The line, from 0
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::any::<u16>)]
    line: u16,
    /// Remove the text
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    changing: Changing<Terminals>,
}

/// The result at one terminal.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// It took the request.
    done: bool,
}

const VOICES: &[(Voice, &str)] = &[
    (Voice::THANK_YOU, "Thank you"),
    (Voice::INCORRECT_PASSWORD, "Incorrect password"),
    (Voice::ACCESS_DENIED, "Access denied"),
    (Voice::INVALID_ID, "Invalid id"),
    (Voice::TRY_AGAIN, "Please try again"),
    (Voice::DUPLICATE_ID, "Duplicate id"),
    (Voice::CLOCK_FLOW, "The clock flow"),
    (Voice::CLOCK_FULL, "The clock is full"),
    (Voice::DUPLICATE_FINGER, "Duplicate finger"),
    (Voice::DUPLICATE_PUNCH, "Duplicate punch"),
    (Voice::BEEP, "a beep"),
    (Voice::TUNE, "a tune"),
];

impl UnlockDoor {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let Self { seconds, unit, .. } = self;
        let unit_name = unit.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let noted = format!("unlock --seconds {seconds} --unit {unit_name}");
        let terminals = self.changing.choose(context, &noted)?;
        self.changing.ask(context, &format!("Opens the door at {} for {seconds} s.", named(&terminals)))?;
        let unit = match unit {
            Unit::Tenths => UnlockUnit::Tenths,
            Unit::Seconds => UnlockUnit::Seconds,
        };
        let unlock = Unlock::seconds(seconds, unit);
        let answers = do_at_each(context, &terminals, |_| Ok(unlock))?;
        Ok(print(&answers, self.changing.json, "door opened"))
    }
}

impl PlayVoice {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        if self.list {
            let rows = VOICES.iter().map(|(voice, text)| vec![voice.0.to_string(), (*text).to_owned()]);
            output::line(human::table(&["Number", "message"], rows));
            return Ok(crate::exit_code::ExitCode::Done);
        }
        let number = self.number;
        let terminals = self.terminals.choose(context, Otherwise::One, &format!("voice {number}"))?;
        let answers = do_at_each(context, &terminals, |_| Ok(TestVoice(Voice(number))))?;
        Ok(print(&answers, self.json, "played"))
    }
}

impl Lcd {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let line = self.line;
        let Some(text) = self.text.filter(|_| !self.clear) else {
            let terminals = self.changing.choose(context, "lcd --clear")?;
            self.changing.ask(context, &format!("Removes the text from the screen of {}.", named(&terminals)))?;
            let answers = do_at_each(context, &terminals, |_| Ok(ClearLcd))?;
            return Ok(print(&answers, self.changing.json, "text removed"));
        };
        let noted = noted(["lcd", "--line", &line.to_string(), "--", &text]);
        let terminals = self.changing.choose(context, &noted)?;
        self.changing.ask(context, &format!("Writes on line {line} of the screen of {}.", named(&terminals)))?;
        let answers = do_at_each(context, &terminals, |terminal| {
            let unknown = "write it without the characters that the terminal's code page does not have";
            WriteLcd::new(line, &text, terminal.device().encoding).map_err(|error| Failure::from(error).hint(unknown))
        })?;
        Ok(print(&answers, self.changing.json, "text written"))
    }
}

/// Sends one operation to each terminal.
fn do_at_each<O: Operation<Answer = ()>>(
    context: &Context,
    terminals: &[Terminal],
    operation: impl Fn(&Terminal) -> Result<O, Failure>,
) -> Result<Answers<Done>, CliError> {
    each(context, terminals, async |visit: &Visit<'_>, told: &mut Done| {
        let operation = operation(visit.terminal())?;
        visit.change(async |client| Ok(client.call(&operation).await?)).await?;
        told.done = true;
        Ok(())
    })
}

fn print(answers: &Answers<Done>, json: bool, done: &str) -> crate::exit_code::ExitCode {
    answers.print(json, |told| told.done.then(|| done.to_owned()).into_iter().collect());
    answers.code()
}
