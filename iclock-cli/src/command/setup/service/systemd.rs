//! The service as a systemd unit.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Install, Named, Uninstall, loaded, program, run};
use crate::config::Flags;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;
use crate::output;

/// The unit with the paths of its own documentation: `deploy/iclock.service` of the repository.
const UNIT: &str = include_str!("iclock.service");

/// The directory of the configuration if no flag names another.
const CONFIG: &str = "/etc/iclock/iclock.toml";
/// The configuration that the other commands read if no flag names another.
const HERE: &str = "iclock.toml";

/// Directories that the unit hides from the service: `ProtectHome` and `PrivateTmp`.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
/// The hint for such a path.
const VISIBLE: &str =
    "put the program into /usr/local/bin, the configuration into /etc/iclock, the state below /var/lib";

pub(super) fn install(context: &Context, args: &Install) -> Outcome {
    let flags = context.flags(&Targets::default());
    let config = absolute(flags.config.as_deref().unwrap_or(Path::new(CONFIG)))?;
    let state = state(&flags, &args.named.name)?;
    let program = program()?;
    let hidden = [&program, &config, &state].into_iter().find(|path| is_hidden(path));
    let unit = unit(args, &program, &config, &state);
    let path = unit_path(&args.named);
    if args.print {
        output::line(format_args!("# {}\n{}", path.display(), unit.trim_end()));
        if let Some(hidden) = hidden {
            tracing::warn!("{}; {VISIBLE}", out_of_sight(hidden));
        }
        if flags.config.is_none() && Path::new(HERE).exists() {
            tracing::warn!("the service reads {CONFIG}, not the {HERE} that is here");
        }
        return Ok(ExitCode::Done);
    }
    if let Some(hidden) = hidden.filter(|_| args.named.root == Path::new("/")) {
        return Err(CliError::new(ExitCode::Configuration, out_of_sight(hidden)).hint(VISIBLE));
    }
    if args.named.root == Path::new("/") {
        loaded(&config, args)?;
        add_user(&args.user)?;
        // `init` writes it for its owner alone.
        run("chgrp", &[&args.user, &config.display().to_string()])?;
        run("chmod", &["g+r", &config.display().to_string()])?;
    }
    let written = fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).and_then(|()| fs::write(&path, unit));
    written.map_err(|error| cannot("write", &path, &error))?;
    output::line(format_args!("written: {}", path.display()));
    systemctl(&args.named, &["enable"], true)?;
    if args.named.root == Path::new("/") {
        run("systemctl", &["daemon-reload"])?;
        run("systemctl", &["restart", &args.named.name])?;
        output::line(format_args!("{} runs; watch it: journalctl -u {0} -f", args.named.name));
    }
    Ok(ExitCode::Done)
}

pub(super) fn uninstall(args: &Uninstall) -> Outcome {
    let path = unit_path(&args.named);
    if args.print {
        output::line(format_args!("systemctl disable --now {}\nrm {}", args.named.name, path.display()));
        return Ok(ExitCode::Done);
    }
    if !path.exists() {
        return Err(CliError::new(
            ExitCode::Configuration,
            format!("no service is installed: {} is missing", path.display()),
        )
        .hint("name it with --name if it has another name"));
    }
    systemctl(&args.named, &["disable"], true)?;
    if args.named.root == Path::new("/") {
        run("systemctl", &["stop", &args.named.name])?;
    }
    fs::remove_file(&path).map_err(|error| cannot("remove", &path, &error))?;
    if args.named.root == Path::new("/") {
        run("systemctl", &["daemon-reload"])?;
    }
    output::line(format_args!("removed: {}; configuration and state were left alone", path.display()));
    Ok(ExitCode::Done)
}

pub(super) fn status(named: &Named) -> Outcome {
    let path = unit_path(named);
    if !path.exists() {
        output::line(format_args!("{}: not installed ({} is missing)", named.name, path.display()));
        return Ok(ExitCode::Found);
    }
    let enabled = answer(named, "is-enabled");
    let active = if named.root == Path::new("/") { answer(named, "is-active") } else { "unknown".to_owned() };
    output::line(format_args!("{}: {}, {active}", named.name, enabled));
    output::line(format_args!("unit: {}", path.display()));
    let runs = active == "active" || named.root != Path::new("/");
    Ok(if runs { ExitCode::Done } else { ExitCode::Found })
}

/// Returns true if the service would not see this file.
fn is_hidden(path: &Path) -> bool {
    HIDDEN.iter().any(|directory| path.starts_with(directory))
}

fn out_of_sight(path: &Path) -> String {
    format!("the service cannot see {}: home directories and /tmp are hidden from it", path.display())
}

/// The unit for these paths and this user.
fn unit(args: &Install, program: &Path, config: &Path, state: &Path) -> String {
    let (_, unit) = UNIT.split_once("[Unit]").unwrap_or_default();
    let directory = config.parent().unwrap_or(Path::new("/")).display().to_string();
    let start = format!(
        "ExecStart={} {} --config {} --state {} --quiet",
        escaped(program),
        args.command(),
        escaped(config),
        escaped(state)
    );
    let lines = unit.lines().map(|line| match line.split_once('=') {
        Some(("ExecStart", _)) => start.clone(),
        Some(("Documentation", _)) => format!("Documentation=file://{}", config.display()),
        Some(("User", _)) => format!("User={}", args.user),
        Some(("Group", _)) => format!("Group={}", args.user),
        Some(("EnvironmentFile", _)) => format!("EnvironmentFile=-{directory}/secrets"),
        Some(("StateDirectory", _)) => format!("StateDirectory={}", args.named.name),
        Some(("WorkingDirectory", _)) => format!("WorkingDirectory=/var/lib/{}", args.named.name),
        _ => line.to_owned(),
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    format!("# Made by iclock-cli service install.\n\n[Unit]{text}\n")
}

/// A path as `ExecStart` takes it: quoted if it has spaces, with specifiers and variables switched off.
fn escaped(path: &Path) -> String {
    let text = path.display().to_string().replace('%', "%%").replace('$', "$$");
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./%$@+,:".contains(letter);
    if text.chars().all(is_plain) { text } else { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) }
}

/// The state directory: the one of the flags, or one below the service's own.
fn state(flags: &Flags, name: &str) -> Result<PathBuf, CliError> {
    match flags.settings.iter().find(|(key, ..)| *key == "state_dir") {
        Some((.., dir)) => absolute(Path::new(dir)),
        None => Ok(Path::new("/var/lib").join(name).join("state")),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(path).map_err(|error| {
        CliError::because(ExitCode::Configuration, format!("cannot tell where {} is", path.display()), &error)
            .hint("give the whole path, from / on")
    })
}

fn unit_path(named: &Named) -> PathBuf {
    named.root.join("etc/systemd/system").join(format!("{}.service", named.name))
}

/// Makes the user of the service, unless it exists.
fn add_user(user: &str) -> Result<(), CliError> {
    let known = Command::new("id").args(["-u", user]).output().is_ok_and(|output| output.status.success());
    if known {
        return Ok(());
    }
    run("useradd", &["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", user])
}

fn systemctl(named: &Named, command: &[&str], must: bool) -> Result<(), CliError> {
    let root = format!("--root={}", named.root.display());
    let mut arguments: Vec<&str> = if named.root == Path::new("/") { Vec::new() } else { vec![&root] };
    arguments.extend(command);
    arguments.push(&named.name);
    match run("systemctl", &arguments) {
        Err(error) if must => Err(error),
        _ => Ok(()),
    }
}

/// The word that systemctl answers.
fn answer(named: &Named, question: &str) -> String {
    let mut command = Command::new("systemctl");
    if named.root != Path::new("/") {
        command.arg(format!("--root={}", named.root.display()));
    }
    match command.args([question, &named.name]).output() {
        Ok(output) if !output.stdout.is_empty() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(_) | Err(_) => "unknown".to_owned(),
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> CliError {
    CliError::because(ExitCode::Configuration, format!("cannot {what} {}", path.display()), error)
        .hint("run it as root, as in: sudo iclock-cli service install")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn install() -> Install {
        let named = Named { name: "iclock".to_owned(), root: "/".into() };
        Install { named, print: true, windows: false, user: "iclock".to_owned(), live: false, serve: false }
    }

    #[test]
    fn the_unit_of_the_repository_is_the_one_that_is_installed() {
        let (program, config) = (Path::new("/usr/local/bin/iclock-cli"), Path::new(CONFIG));
        let made = unit(&install(), program, config, Path::new("/var/lib/iclock/state"));
        let of = |unit: &str| unit.split_once("[Unit]").unwrap().1.trim().to_owned();
        assert_eq!(of(&made), of(UNIT), "paths of the same installation change nothing");
        let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/iclock.service");
        if deployed.exists() {
            assert_eq!(fs::read_to_string(deployed).unwrap(), UNIT, "copy it: deploy/iclock.service");
        }
    }

    #[test]
    fn the_unit_runs_the_command_that_is_asked_for() {
        let start = |live, serve| {
            let args = Install { live, serve, ..install() };
            let unit = unit(&args, Path::new("/bin/i"), Path::new(CONFIG), Path::new("/s"));
            unit.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/i ").map(str::to_owned)).unwrap()
        };
        let rest = "--config /etc/iclock/iclock.toml --state /s --quiet";
        for (live, serve, command) in [
            (false, false, "sync --loop"),
            (true, false, "sync --live"),
            (false, true, "serve"),
            (true, true, "serve --live"),
        ] {
            assert_eq!(start(live, serve), format!("{command} {rest}"));
        }
    }

    #[test]
    fn what_the_unit_hides_from_the_service_is_known() {
        for hidden in ["/home/x/bin/iclock-cli", "/run/user/7/iclock.toml", "/var/tmp/state"] {
            assert!(is_hidden(Path::new(hidden)), "{hidden}");
        }
        for seen in [CONFIG, "/usr/local/bin/iclock-cli", "/var/lib/iclock/state", "/homes/x"] {
            assert!(!is_hidden(Path::new(seen)), "{seen}");
        }
        assert!(UNIT.contains("ProtectHome=yes") && UNIT.contains("PrivateTmp=yes"));
    }

    #[test]
    fn a_path_with_spaces_or_specifiers_is_escaped() {
        assert_eq!(escaped(Path::new("/srv/a b/100%/$x")), "\"/srv/a b/100%%/$$x\"");
        assert_eq!(escaped(Path::new("/srv/a")), "/srv/a");
    }
}
