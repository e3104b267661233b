//! The terminals that a command is for.

// The comments of arguments are the text of `--help`, where brackets are no markup.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;

use clap::Args;
use iclock_sync::DeviceOptions;
use zk_proto::ConnectOptions;
use zk_proto::transcript::Transcript;

use super::record::SERIAL;
use crate::config::{Config, ConfigError, ConfigErrors, Origin};
use crate::context::Context;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::global::Targets;

/// A name that is so similar to a configured one is taken for a typing error.
const SIMILAR: f64 = 0.85;
/// The most terminals that a plan names one by one.
const NAMED: usize = 6;

/// The flags that choose terminals.
#[derive(Clone, Debug, Args)]
pub(crate) struct Terminals {
    /// A terminal: its configured name or address, or a new one as for sync,
    /// [NAME=]HOST[:PORT][?OPTION=VALUE&...]; repeats
    #[arg(long, value_name = "TERMINAL", verbatim_doc_comment)]
    device: Vec<String>,
    /// All configured terminals
    #[arg(long, conflicts_with = "device")]
    all: bool,
    /// Write what is sent and received to a file, without secrets, for a report of a
    /// problem. Several terminals have a file each: wire.zkt is wire-NAME.zkt
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// The flags that choose terminals, and the same as plain arguments.
#[derive(Clone, Debug, Args)]
pub(crate) struct Named {
    /// The terminals, as with --device
    #[arg(value_name = "TERMINAL", conflicts_with = "all")]
    terminal: Vec<String>,
    #[command(flatten)]
    more: Terminals,
}

/// The terminals of a command that names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// All that are configured: for commands that read.
    All,
    /// The only one that is configured: for commands that change something.
    One,
}

/// A terminal to talk to.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    device: DeviceOptions,
    connect: ConnectOptions,
}

impl Terminal {
    /// A recording in the place of a terminal.
    fn recorded(recording: &Transcript) -> Self {
        let connect = ConnectOptions::replay(recording);
        let mut device = DeviceOptions::new("recorded", &*connect.host);
        (device.port, device.encoding) = (connect.port, connect.encoding);
        // With a serial number to check, more is asked.
        device.serial = recording.notes().iter().find_map(|note| note.strip_prefix(SERIAL)).map(str::to_owned);
        Self { device, connect }
    }

    /// The configured name, else the address.
    pub(crate) fn name(&self) -> &str {
        &self.device.name
    }

    /// All of its settings.
    pub(crate) fn device(&self) -> &DeviceOptions {
        &self.device
    }

    /// The way to it, with the recorder if there is one.
    pub(crate) fn connect_options(&self) -> &ConnectOptions {
        &self.connect
    }
}

impl Named {
    /// As [`Terminals::choose`].
    pub(crate) fn choose(
        &self,
        context: &Context,
        otherwise: Otherwise,
        noted: &str,
    ) -> Result<Vec<Terminal>, CliError> {
        Terminals::from(self).choose(context, otherwise, noted)
    }
}

impl From<&Named> for Terminals {
    fn from(named: &Named) -> Self {
        named.more.and(&named.terminal)
    }
}

impl From<&Self> for Terminals {
    fn from(terminals: &Self) -> Self {
        terminals.clone()
    }
}

impl Terminals {
    /// Starts the log, reads the configuration, and returns the terminals, at least one. `noted` is the command
    /// for a note in the transcript: with its arguments, without terminals and without secrets.
    ///
    /// # Errors
    /// When there is none, when one is misspelled, when several could be meant, or when the file of `--record` cannot
    /// be created.
    pub(crate) fn choose(
        &self,
        context: &Context,
        otherwise: Otherwise,
        noted: &str,
    ) -> Result<Vec<Terminal>, CliError> {
        context.log(None)?;
        if let Some(recording) = context.recording() {
            return Ok(vec![Terminal::recorded(recording)]);
        }
        let devices = self.devices(context, otherwise)?;
        self.recorded(context, devices, noted)
    }

    /// As [`Terminals::choose`], for a command that reads one terminal and writes to others. That one is none of those.
    ///
    /// # Errors
    /// As [`Terminals::choose`].
    pub(crate) fn choose_besides(
        &self,
        context: &Context,
        from: &str,
        noted: &str,
    ) -> Result<(Terminal, Vec<Terminal>), CliError> {
        context.log(None)?;
        let alone = Self { device: vec![from.to_owned()], all: false, record: None };
        let mut devices = alone.devices(context, Otherwise::One)?;
        let others = self.devices(context, Otherwise::One)?;
        let is_named = !self.all;
        let from = devices.iter().map(DeviceOptions::address).collect::<Vec<_>>();
        devices.extend(others.into_iter().filter(|device| is_named || !from.contains(&device.address())));
        let mut terminals = self.recorded(context, devices, noted)?;
        let others = terminals.split_off(1);
        let from = terminals.pop().ok_or_else(|| CliError::from(none()))?;
        if others.is_empty() {
            return Err(CliError::from(none()));
        }
        Ok((from, others))
    }

    /// These flags, with more terminals before those of --device.
    pub(crate) fn and(&self, terminals: &[String]) -> Self {
        let device = terminals.iter().chain(&self.device).cloned().collect();
        Self { device, ..self.clone() }
    }

    fn recorded(
        &self,
        context: &Context,
        mut devices: Vec<DeviceOptions>,
        noted: &str,
    ) -> Result<Vec<Terminal>, CliError> {
        context.records().attach(self.record.as_deref(), noted, &mut devices)?;
        let terminal = |device: DeviceOptions| Terminal { connect: device.connect_options(), device };
        Ok(devices.into_iter().map(terminal).collect())
    }

    fn devices(&self, context: &Context, otherwise: Otherwise) -> Result<Vec<DeviceOptions>, CliError> {
        let (configured, errors) = Config::examine(&context.flags(&Targets::default()))?;
        let known = |text: &str| {
            let devices = &configured.devices;
            let by_address = || devices.iter().find(|device| text == device.host || text == device.address());
            devices.iter().find(|device| device.name == text).or_else(by_address)
        };
        if let Some(error) = self.device.iter().find_map(|text| misspelled(text, known(text), &configured.devices)) {
            return Err(error.into());
        }
        let new: Vec<String> = self.device.iter().filter(|text| known(text).is_none()).cloned().collect();
        if new.len() == self.device.len() && !new.is_empty() {
            return Ok(context.warned(Config::load(&context.flags(&of(new)))?).devices);
        }
        if !errors.is_empty() {
            return Err(ConfigErrors::in_order(errors).into());
        }
        let mut chosen: Vec<DeviceOptions> = self.device.iter().filter_map(|text| known(text).cloned()).collect();
        if !new.is_empty() {
            chosen.extend(Config::load(&context.flags(&of(new)))?.devices);
        }
        let configured = context.warned(configured);
        if self.device.is_empty() {
            match configured.devices.len() {
                0 => return Err(none().into()),
                2.. if otherwise == Otherwise::One && !self.all => return Err(several(&configured.devices)),
                _ => chosen = configured.devices,
            }
        }
        // The same one by its name and by its address is one terminal: it serves one session at a time.
        let mut distinct: Vec<DeviceOptions> = Vec::new();
        for device in chosen {
            if distinct.iter().all(|other| other.address() != device.address()) {
                distinct.push(device);
            }
        }
        Ok(distinct)
    }
}

fn of(device: Vec<String>) -> Targets {
    Targets { device, ..Targets::default() }
}

/// The names of terminals in a sentence; of many, the number and the first ones.
pub(crate) fn named(terminals: &[Terminal]) -> String {
    let shown = |terminal: &Terminal| match terminal.device.address() {
        address if address == terminal.name() || terminal.device.host == terminal.name() => address,
        address => format!("{} ({address})", terminal.name()),
    };
    let names: Vec<String> = terminals.iter().take(NAMED).map(shown).collect();
    match terminals.len() {
        count if count > NAMED => format!("{count} terminals: {} and {} more", names.join(", "), count - NAMED),
        _ => names.join(", "),
    }
}

fn none() -> ConfigError {
    ConfigError::new(Some(Origin::Default("configuration")), "device", "no terminal is configured")
        .hint("give --device 192.0.2.10, or write [[device]] in iclock.toml")
}

fn several(devices: &[DeviceOptions]) -> CliError {
    let names: Vec<&str> = devices.iter().take(NAMED).map(|device| device.name.as_str()).collect();
    let what = format!("{} terminals are configured, and none is named", devices.len());
    let more = if devices.len() > NAMED { ", ..." } else { "" };
    CliError::new(ExitCode::Usage, what).hint(format!("--all, or --device with one of {}{more}", names.join(", ")))
}

/// An error for a name that is nearly a configured one.
fn misspelled(text: &str, known: Option<&DeviceOptions>, devices: &[DeviceOptions]) -> Option<ConfigError> {
    if known.is_some() || text.contains(['.', ':', '=', '?']) {
        return None;
    }
    let similar = |name: &str| strsim::jaro_winkler(&text.to_lowercase(), &name.to_lowercase());
    let nearest = devices.iter().max_by(|a, b| similar(&a.name).total_cmp(&similar(&b.name)))?;
    (similar(&nearest.name) > SIMILAR).then(|| {
        ConfigError::new(None, "device", format!("no terminal is called {text}"))
            .hint(format!("--device {}; a host of this name is --device NAME={text}", nearest.name))
    })
}
