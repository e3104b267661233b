//! The work at each of many terminals at once, and what came of it.

use futures::future::join_all;
use iclock_sync::CancellationToken;
use serde::Serialize;
use tokio::sync::Semaphore;
use zk_proto::{Client, ConnectOptions};

use super::choose::Terminal;
use super::failure::Failure;
use crate::context::Context;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, human};

/// Terminals that are visited at once.
const AT_ONCE: usize = 16;

/// A visit to one terminal, which Ctrl-C ends.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    terminal: &'a Terminal,
    stop: &'a CancellationToken,
}

impl Visit<'_> {
    /// The terminal, with its settings.
    pub(crate) fn terminal(&self) -> &Terminal {
        self.terminal
    }

    /// Opens a session that the caller ends.
    ///
    /// # Errors
    /// When the terminal cannot be reached or refuses, or at Ctrl-C.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let options: &ConnectOptions = self.terminal.connect_options();
        self.unless_stopped(async { Ok(Client::connect(options).await?) }).await
    }

    /// Opens a session, does the work, and ends the session on every path. At Ctrl-C the work is dropped.
    ///
    /// # Errors
    /// Those of the connection and of the work.
    pub(crate) async fn session<R>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        let mut client = self.connect().await?;
        let done = self.unless_stopped(work(&mut client)).await;
        client.exit().await;
        done
    }

    /// As [`Visit::session`], for work that changes the terminal: it is not begun at a terminal with another serial
    /// number than the configured one.
    ///
    /// # Errors
    /// As [`Visit::session`]; with exit code 80 for another terminal.
    pub(crate) async fn change<R>(
        &self,
        work: impl AsyncFnOnce(&mut Client) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        self.session(async |client| {
            self.require_serial(client).await?;
            work(client).await
        })
        .await
    }

    /// Checks that the terminal is the one that is configured.
    ///
    /// # Errors
    /// With exit code 80 when it has another serial number than the configured one, or none.
    pub(crate) async fn require_serial(&self, client: &mut Client) -> Result<(), Failure> {
        let Some(expected) = &self.terminal.device().serial else { return Ok(()) };
        let found = client.identity().await?.serial.unwrap_or_default();
        if found == *expected {
            return Ok(());
        }
        let found = if found.is_empty() { "none".to_owned() } else { output::printable(&found) };
        let error = format!("wrong terminal at this address: its serial number is {found}, not {expected}");
        Err(Failure::refused(error).hint("correct the address or the serial number in the configuration"))
    }

    /// Does the work until Ctrl-C.
    pub(crate) async fn unless_stopped<R>(&self, work: impl Future<Output = Result<R, Failure>>) -> Result<R, Failure> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Failure::interrupted()),
            done = work => done,
        }
    }
}

/// The result at one terminal. As JSON, the fields of `told` follow those before.
#[derive(Debug, Serialize)]
pub(crate) struct Answer<T> {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) error: Option<String>,
    /// The next thing to try after the error.
    #[serde(rename = "try")]
    pub(crate) hint: Option<String>,
    /// The results as far as the work went.
    #[serde(flatten)]
    pub(crate) told: T,
    #[serde(skip)]
    code: ExitCode,
}

/// The results at all terminals, in the order of the terminals.
#[derive(Debug)]
pub(crate) struct Answers<T>(pub(crate) Vec<Answer<T>>);

/// Does the work at each terminal, at many at once. None waits for a dead one. The work fills in its results; those
/// of a failed terminal are kept as far as they went.
///
/// # Errors
/// When the program itself fails. The failure of a terminal is in its answer.
pub(crate) fn each<T: Default>(
    context: &Context,
    terminals: &[Terminal],
    work: impl AsyncFn(&Visit<'_>, &mut T) -> Result<(), Failure>,
) -> Result<Answers<T>, CliError> {
    let fresh = terminals.iter().map(|terminal| Answer::of(terminal, T::default(), Ok(())));
    Answers(fresh.collect()).then(context, terminals, work)
}

impl<T> Answer<T> {
    fn of(terminal: &Terminal, told: T, done: Result<(), Failure>) -> Self {
        let (error, hint, code) = match done {
            Ok(()) => (None, None, ExitCode::Done),
            Err(Failure { error, hint, code }) => (Some(error), hint, code),
        };
        Self { name: terminal.name().to_owned(), address: terminal.device().address(), error, hint, told, code }
    }
}

impl<T> Answers<T> {
    /// Does more work, in the same way, at the terminals that have not failed. It finds the results so far.
    ///
    /// # Errors
    /// As [`each()`].
    pub(crate) fn then(
        self,
        context: &Context,
        terminals: &[Terminal],
        work: impl AsyncFn(&Visit<'_>, &mut T) -> Result<(), Failure>,
    ) -> Result<Self, CliError> {
        context.block_on(async |signals| {
            let (places, stop, work) = (&Semaphore::new(AT_ONCE), &signals.stop, &work);
            let visits = terminals.iter().zip(self.0).map(|(terminal, answer)| async move {
                if answer.error.is_some() {
                    return answer;
                }
                // It is never closed.
                let _place = places.acquire().await;
                let (visit, mut told) = (Visit { terminal, stop }, answer.told);
                let done = match stop.is_cancelled() {
                    true => Err(Failure::interrupted()),
                    false => work(&visit, &mut told).await,
                };
                Answer::of(terminal, told, done)
            });
            Ok(Self(join_all(visits).await))
        })
    }
}

impl<T: Serialize> Answers<T> {
    /// Prints a line of JSON for each terminal, or lines for people: the terminal's name is put before each of them,
    /// and errors are on stderr.
    pub(crate) fn print(&self, json: bool, lines: impl Fn(&T) -> Vec<String>) {
        if json {
            return self.print_json();
        }
        for answer in &self.0 {
            for line in lines(&answer.told) {
                output::line(human::wrap_from(&format!("{}: {line}", answer.name), 0));
            }
        }
        self.complain();
    }

    /// Prints a line of JSON for each terminal, or a table for people: a row has the terminal's name and what `rows`
    /// returns; errors are on stderr. Without any row there is no table.
    pub(crate) fn print_table(&self, json: bool, header: &[&str], rows: impl Fn(&T) -> Vec<Vec<String>>) {
        if json {
            return self.print_json();
        }
        let header: Vec<&str> = std::iter::once("Terminal").chain(header.iter().copied()).collect();
        let of = |answer: &Answer<T>| {
            let named = |row: Vec<String>| std::iter::once(answer.name.clone()).chain(row).collect();
            rows(&answer.told).into_iter().map(named).collect::<Vec<Vec<String>>>()
        };
        let rows: Vec<Vec<String>> = self.0.iter().flat_map(of).collect();
        if !rows.is_empty() {
            output::line(human::table(&header, rows));
        }
        self.complain();
    }

    /// Prints a line of JSON for each terminal.
    pub(crate) fn print_json(&self) {
        self.0.iter().for_each(output::json);
    }
}

impl<T> Answers<T> {
    /// Prints the errors on stderr.
    pub(crate) fn complain(&self) {
        for answer in &self.0 {
            let Some(error) = &answer.error else { continue };
            let error = CliError::new(answer.code, format!("{}: {error}", answer.name));
            match &answer.hint {
                Some(hint) => error.hint(hint).print(),
                None => error.print(),
            }
        }
    }

    /// For people: says of each terminal without results that there are none, so that silence is no answer.
    pub(crate) fn say_none(&self, json: bool, none: &str, is_none: impl Fn(&T) -> bool) {
        for answer in self.0.iter().filter(|answer| !json && answer.error.is_none() && is_none(&answer.told)) {
            output::line(format_args!("{}: {none}", answer.name));
        }
    }

    /// The exit code: 130 after Ctrl-C; else, of the codes that failures ask for, the first of 10, 20, 40, 80 and 1.
    pub(crate) fn code(&self) -> ExitCode {
        let codes = [
            ExitCode::Interrupted,
            ExitCode::Configuration,
            ExitCode::Terminal,
            ExitCode::Unproven,
            ExitCode::Refused,
            ExitCode::Fault,
        ];
        let holds = |code: &ExitCode| self.0.iter().any(|answer| answer.code == *code);
        codes.into_iter().find(holds).unwrap_or(ExitCode::Done)
    }
}
