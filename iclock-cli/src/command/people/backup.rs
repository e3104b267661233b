//! `backup`: everything that a terminal gives, in one file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Local, Utc};
use clap::Args;
use iclock_sync::DeviceOptions;
use serde::Serialize;
use zk_backup::{FileError, Lock, Manifest, Snapshot, Wanted};
use zk_proto::DeviceTime;
use zk_proto::client::PullRequest;
use zk_proto::record::FieldOrder;

use super::key::Sealing;
use crate::command::terminal::base::{Failure, Otherwise, Terminal, Terminals, Visit, each};
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::grouped;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli backup 192.0.2.10
  iclock-cli backup front-gate gate.tar.age --passphrase-file pass.txt
  iclock-cli backup front-gate --no-attendance --recipient age1...
  iclock-cli backup --all --dir backups")]
pub(crate) struct Backup {
    /// The terminal, as with --device
    #[arg(conflicts_with = "all")]
    terminal: Option<String>,
    /// The file [default: NAME-TIME.tar, or .tar.age if encrypted]
    #[arg(conflicts_with = "device")]
    file: Option<PathBuf>,
    #[command(flatten)]
    terminals: Terminals,
    /// The directory of files without a name of their own
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave the attendance log out
    #[arg(long)]
    no_attendance: bool,
    /// Leave faces and photos out
    #[arg(long)]
    no_photos: bool,
    #[command(flatten)]
    sealing: Sealing,
    /// Replace the file if it is there already
    #[arg(long)]
    replace: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The backup of one terminal.
#[derive(Debug, Default, Serialize)]
struct Kept {
    file: Option<String>,
    encrypted: bool,
    #[serde(flatten)]
    manifest: Option<Manifest>,
}

impl Backup {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let named: Vec<String> = self.terminal.iter().cloned().collect();
        let terminals = self.terminals.and(&named).choose(context, Otherwise::One, "backup")?;
        let lock = self.sealing.lock()?;
        if let Some(path) = self.file.iter().find(|path| !self.replace && path.exists()) {
            return Err(CliError::from(FileError::Exists { path: path.clone() }));
        }
        // Before anything is read: a backup takes minutes.
        if let Some(directory) = self.directory().filter(|directory| !directory.is_dir()) {
            let what = format!("cannot write to {}: there is no such directory", directory.display());
            return Err(CliError::new(ExitCode::Configuration, what).hint("make the directory, or name another one"));
        }
        let answers =
            each(context, &terminals, async |visit: &Visit<'_>, kept: &mut Kept| self.keep(visit, &lock, kept).await)?;
        answers.print(self.json, lines);
        for file in answers.0.iter().filter_map(|answer| answer.told.file.as_ref().filter(|_| !answer.told.encrypted)) {
            tracing::warn!("{file} is not encrypted, and has people's passwords and fingerprints");
        }
        Ok(answers.code())
    }

    async fn keep(&self, visit: &Visit<'_>, lock: &Lock, kept: &mut Kept) -> Result<(), Failure> {
        let device = visit.terminal().device();
        let attendance = (!self.no_attendance).then(|| request(device));
        let wanted = Wanted::default().attendance(attendance).portraits(!self.no_photos);
        let snapshot = visit.change(async |client| Ok(Snapshot::take(client, &wanted, |_| {}).await?)).await?;
        let is_unproven = snapshot.is_unproven();
        let path = self.path(visit.terminal(), lock);
        let (file, lock, replace) = (path.clone(), lock.clone(), self.replace);
        kept.encrypted = !matches!(lock, Lock::Open);
        let written =
            tokio::task::spawn_blocking(move || snapshot.write(&file, &lock, SystemTime::now(), replace)).await;
        let shown = path.display().to_string();
        kept.manifest = Some(written.map_err(|error| Failure {
            code: ExitCode::Fault,
            ..Failure::new(format!("cannot write {shown}: {error}"))
        })??);
        kept.file = Some(shown);
        if is_unproven {
            let error = "its attendance log could not be verified; its bytes are in the file";
            let hint = "back it up again, over TCP if it was UDP";
            return Err(Failure { code: ExitCode::Unproven, ..Failure::new(error) }.hint(hint));
        }
        Ok(())
    }

    /// The directory of the files, if one is named.
    fn directory(&self) -> Option<&Path> {
        let directory = self.file.as_ref().map_or(self.dir.as_deref(), |file| file.parent());
        directory.filter(|directory| !directory.as_os_str().is_empty())
    }

    /// The file for a terminal.
    fn path(&self, terminal: &Terminal, lock: &Lock) -> PathBuf {
        let name = || named(terminal.name(), !matches!(lock, Lock::Open));
        self.file.clone().unwrap_or_else(|| self.dir.clone().unwrap_or_default().join(name()))
    }
}

/// The content of a backup, for people.
fn lines(kept: &Kept) -> Vec<String> {
    let (Some(manifest), Some(file)) = (&kept.manifest, &kept.file) else { return Vec::new() };
    let counts = manifest.counts;
    let records = manifest.attendance.as_ref().and_then(|log| log.records).unwrap_or(0);
    let parts = [
        (counts.users as u64, "users"),
        (counts.fingerprints as u64, "fingerprints"),
        (counts.faces as u64, "templates of faces"),
        (counts.photos as u64, "photos"),
        (counts.options as u64, "options"),
        (records, "attendance records"),
    ];
    let counted = parts.into_iter().filter(|(count, _)| *count > 0);
    let counted: Vec<String> = counted.map(|(count, what)| format!("{} {what}", grouped(count))).collect();
    let missing = manifest.missing.iter().map(|missing| format!("not given: {missing}"));
    std::iter::once(format!("{} in {file}", counted.join(", "))).chain(missing).collect()
}

/// The name of a file that nobody named.
fn named(terminal: &str, encrypted: bool) -> PathBuf {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let name: String = terminal.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    let end = if encrypted { "tar.age" } else { "tar" };
    PathBuf::from(format!("{name}-{}.{end}", Utc::now().format("%Y%m%dT%H%M%SZ")))
}

/// The request for the whole log.
fn request(device: &DeviceOptions) -> PullRequest {
    let now = match device.zone {
        Some(zone) => DateTime::<Utc>::with_timezone(&Utc::now(), &zone).naive_local(),
        None => Local::now().naive_local(),
    };
    let order = if device.sixteen_mode_first { FieldOrder::VerifyFirst } else { FieldOrder::default() };
    PullRequest::new(DeviceTime::from_naive(now).unwrap_or(DeviceTime::RESET)).layout(device.layout).order(order)
}
