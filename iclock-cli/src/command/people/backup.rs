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
use super::visit;
use crate::context::{Context, Outcome};
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, grouped, human};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iclock-cli backup 192.0.2.10
  iclock-cli backup front-gate gate.tar.age --passphrase-file pass.txt
  iclock-cli backup front-gate --no-attendance --recipient age1...")]
pub(crate) struct Backup {
    /// The terminal: its configured name or address, or a new one as for sync
    terminal: String,
    /// The file [default: NAME-TIME.tar, or .tar.age if encrypted]
    file: Option<PathBuf>,
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

/// A backup as JSON.
#[derive(Debug, Serialize)]
struct Told<'a> {
    name: &'a str,
    address: String,
    file: String,
    encrypted: bool,
    #[serde(flatten)]
    manifest: &'a Manifest,
}

impl Backup {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        let device = visit::terminal(context, &self.terminal)?;
        let lock = self.sealing.lock()?;
        let encrypted = !matches!(lock, Lock::Open);
        let path = self.file.clone().unwrap_or_else(|| named(&device.name, encrypted));
        if !self.replace && path.exists() {
            return Err(FileError::Exists { path }.into());
        }
        let attendance = (!self.no_attendance).then(|| request(&device));
        let wanted = Wanted::default().attendance(attendance).portraits(!self.no_photos);
        context.block_on(async |signals| {
            let snapshot =
                visit::session(&device, &signals, async |client| Ok(Snapshot::take(client, &wanted, |_| {}).await?));
            let snapshot = snapshot.await.map_err(|why| why.at(&device.name))?;
            let is_unproven = snapshot.is_unproven();
            let (file, replace) = (path.clone(), self.replace);
            let written =
                tokio::task::spawn_blocking(move || snapshot.write(&file, &lock, SystemTime::now(), replace)).await;
            let manifest = written.map_err(|error| {
                CliError::because(ExitCode::Fault, format!("cannot write {}", path.display()), &error)
            })??;
            self.print(&device, &path, encrypted, &manifest);
            if is_unproven {
                return Err(CliError::new(
                    ExitCode::Unproven,
                    format!("{}: its attendance log could not be verified; its bytes are in the file", device.name),
                )
                .hint("back it up again, over TCP if it was UDP"));
            }
            Ok(ExitCode::Done)
        })
    }

    fn print(&self, device: &DeviceOptions, path: &Path, encrypted: bool, manifest: &Manifest) {
        let file = path.display().to_string();
        if self.json {
            let told = Told { name: &device.name, address: device.address(), file, encrypted, manifest };
            output::json(told);
            return;
        }
        let counts = manifest.counts;
        let records = manifest.attendance.as_ref().and_then(|log| log.records).unwrap_or(0);
        let mut parts: Vec<String> = Vec::new();
        for (count, what) in [
            (counts.users as u64, "users"),
            (counts.fingerprints as u64, "fingerprints"),
            (counts.faces as u64, "templates of faces"),
            (counts.photos as u64, "photos"),
            (counts.options as u64, "options"),
            (records, "attendance records"),
        ] {
            if count > 0 {
                parts.push(format!("{} {what}", grouped(count)));
            }
        }
        output::line(human::folded(&format!("{}: {} in {file}", device.name, parts.join(", ")), 2));
        manifest.missing.iter().for_each(|missing| output::line(human::wrap(&format!("not given: {missing}"))));
        if !encrypted {
            tracing::warn!("{file} is not encrypted, and has people's passwords and fingerprints");
        }
    }
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
