//! The service of Windows: what the service control manager is asked to do. `manager.rs` asks it.

#[cfg(windows)]
mod manager;

use std::path::Path;

use super::{Install, Named, Uninstall, program};
use crate::config::Flags;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::output;

/// The flag by which the manager starts this program; the name and the directory of the service follow. People have no
/// use for it.
pub(crate) const AS_SERVICE: &str = "--as-service";
/// The file in the service's directory with the error that ended it.
#[cfg(windows)]
pub(crate) const LAST_ERROR: &str = "last-error.txt";

/// The accounts that need no password, the one with the fewest rights first. icacls gets their identifiers, because
/// their names depend on Windows' language.
const ACCOUNTS: [(&str, &str); 3] =
    [("LocalService", "*S-1-5-19"), ("NetworkService", "*S-1-5-20"), ("LocalSystem", "*S-1-5-18")];
/// The identifiers of the administrators and of the system.
const OWNERS: [&str; 2] = ["*S-1-5-32-544", "*S-1-5-18"];

const DESCRIPTION: &str = "Attendance from ZKTeco/iClock terminals into databases";
/// The manager starts a service that failed again after this time.
const RESTART_AFTER_SECONDS: u32 = 60;
/// Failures that lie so far apart do not add up.
const RESET_AFTER_SECONDS: u32 = 86_400;

/// A service that is about to be installed.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    name: &'a str,
    account: (&'static str, &'static str),
    dir: String,
    #[cfg(windows)]
    config: String,
    program: String,
    arguments: Vec<String>,
}

impl<'a> Plan<'a> {
    fn new(args: &'a Install, flags: &Flags) -> Result<Self, CliError> {
        let name = args.named.name.as_str();
        let dir = directory(name);
        let whole = |path: &Path| match cfg!(windows) {
            true => std::path::absolute(path).map(|path| path.display().to_string()),
            false => Ok(path.display().to_string()),
        };
        let or = |path: Option<&Path>, usual: &str| match path {
            Some(path) => whole(path).map_err(|error| {
                CliError::because(ExitCode::Configuration, format!("cannot tell where {} is", path.display()), &error)
                    .hint(r"give the whole path, from C:\ on")
            }),
            None => Ok(format!("{dir}\\{usual}")),
        };
        let state = flags.settings.iter().find(|(key, ..)| *key == "state_dir").map(|(.., dir)| Path::new(dir));
        let (config, state) = (or(flags.config.as_deref(), "iclock.toml")?, or(state, "state")?);
        let program = match cfg!(windows) {
            true => program()?.display().to_string(),
            false => r"C:\Program Files\iclock\iclock-cli.exe".to_owned(),
        };
        let mut arguments = vec![AS_SERVICE.to_owned(), name.to_owned(), dir.clone()];
        arguments.extend(args.command().split(' ').map(str::to_owned));
        arguments.extend(["--config", &config, "--state", &state, "--quiet"].map(str::to_owned));
        Ok(Self {
            name,
            account: account(&args.user)?,
            dir,
            #[cfg(windows)]
            config,
            program,
            arguments,
        })
    }

    /// The arguments of icacls that keep everybody but the service and the administrators out of its directory.
    fn rights(&self) -> Vec<String> {
        let mut words = vec![self.dir.clone(), "/inheritance:r".to_owned(), "/grant".to_owned()];
        words.extend(OWNERS.iter().map(|owner| format!("{owner}:(OI)(CI)F")));
        words.push(format!("{}:(OI)(CI)M", self.account.1));
        words
    }

    /// The same as commands for an elevated command prompt.
    fn commands(&self) -> String {
        let Self { name, account: (account, _), dir, .. } = self;
        let rights: Vec<String> = self.rights().iter().map(|word| quoted(word)).collect();
        let start = std::iter::once(&self.program).chain(&self.arguments).map(|word| quoted(word).replace('"', "\\\""));
        let start = start.collect::<Vec<_>>().join(" ");
        let account = manager_name(account);
        let again = RESTART_AFTER_SECONDS * 1000;
        [
            format!("if not exist \"{dir}\" mkdir \"{dir}\""),
            format!("icacls {}", rights.join(" ")),
            format!("sc create {name} binPath= \"{start}\" start= delayed-auto obj= \"{account}\""),
            format!("sc description {name} \"{DESCRIPTION}\""),
            format!("sc failure {name} reset= {RESET_AFTER_SECONDS} actions= restart/{again}"),
            format!("sc failureflag {name} 1"),
            format!("sc start {name}"),
        ]
        .join("\n")
    }
}

pub(super) fn install(context: &Context, args: &Install) -> Outcome {
    let plan = Plan::new(args, &context.flags(&Targets::default()))?;
    if args.print {
        output::line(plan.commands());
        return Ok(ExitCode::Done);
    }
    #[cfg(windows)]
    return manager::install(&plan, args);
    #[cfg(not(windows))]
    Err(elsewhere(plan.name))
}

pub(super) fn uninstall(args: &Uninstall) -> Outcome {
    let name = args.named.name.as_str();
    if args.print {
        output::line(format_args!("sc stop {name}\nsc delete {name}"));
        return Ok(ExitCode::Done);
    }
    #[cfg(windows)]
    return manager::uninstall(name);
    #[cfg(not(windows))]
    Err(elsewhere(name))
}

pub(super) fn status(named: &Named) -> Outcome {
    #[cfg(windows)]
    return manager::status(&named.name);
    #[cfg(not(windows))]
    Err(elsewhere(&named.name))
}

#[cfg(not(windows))]
fn elsewhere(name: &str) -> CliError {
    CliError::new(ExitCode::Usage, format!("{name} is no service of this machine, which does not run Windows"))
        .hint("--print shows what would be done there")
}

/// The directory of a service: its configuration, unless a flag names another, and all that it writes.
fn directory(name: &str) -> String {
    let data = std::env::var("ProgramData").ok().filter(|_| cfg!(windows));
    format!("{}\\{name}", data.as_deref().unwrap_or(r"C:\ProgramData"))
}

fn account(user: &str) -> Result<(&'static str, &'static str), CliError> {
    let known = ACCOUNTS.iter().find(|(name, _)| name.eq_ignore_ascii_case(user));
    // The user on Linux, if no flag names another.
    let known = known.or_else(|| (user == super::USER).then_some(&ACCOUNTS[0]));
    known.copied().ok_or_else(|| {
        CliError::new(ExitCode::Usage, format!("a service of Windows cannot be installed for the account {user}"))
            .hint("--user takes LocalService, NetworkService or LocalSystem; services.msc sets others, with a password")
    })
}

/// The account as the service control manager knows it, in every language of Windows.
fn manager_name(account: &str) -> String {
    if account == "LocalSystem" { account.to_owned() } else { format!("NT AUTHORITY\\{account}") }
}

fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.:\\/".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("\"{word}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(user: &str) -> Install {
        let named = Named { name: "gate".to_owned(), root: "/".into() };
        Install { named, print: true, windows: true, user: user.to_owned(), live: true, serve: false }
    }

    #[test]
    fn the_manager_starts_this_program_as_a_service_with_its_own_directory() {
        let args = install("iclock");
        let plan = Plan::new(&args, &Flags::default()).unwrap();
        let dir = directory("gate");
        let words =
            format!(r"--as-service gate {dir} sync --live --config {dir}\iclock.toml --state {dir}\state --quiet");
        assert_eq!(plan.arguments.join(" "), words);
        let commands = plan.commands();
        assert!(commands.contains(&format!("iclock-cli.exe\\\" {words}\" start= ")), "{commands}");
        assert!(commands.contains(r#"obj= "NT AUTHORITY\LocalService""#), "{commands}");
    }

    #[test]
    fn the_directory_of_a_service_is_closed_to_all_but_it_and_the_administrators() {
        let args = install("networkservice");
        let rights = Plan::new(&args, &Flags::default()).unwrap().rights();
        let all = ["/inheritance:r", "/grant", "*S-1-5-32-544:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F", "*S-1-5-20:(OI)(CI)M"];
        assert_eq!(rights[1..], all);
    }

    #[test]
    fn an_account_that_needs_a_password_is_refused() {
        let error = Plan::new(&install("Aminath"), &Flags::default()).unwrap_err();
        assert_eq!(error.code, ExitCode::Usage);
    }
}
