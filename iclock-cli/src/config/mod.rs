//! The configuration, in layers, checked before anything is contacted.
//!
//! | layer, the strongest first | file |
//! |---|---|
//! | flags | [`Flags`], `device_spec.rs`, `chosen.rs` |
//! | environment, then `.env`: `ICLOCK_…`, and the Python tool's names | `environment.rs`, `python.rs` |
//! | `--config`, `ICLOCK_CONFIG`, `iclock.toml`; else `devices.json` | `file.rs`, `python.rs` |

mod build;
mod catalogue;
mod chosen;
mod device_spec;
pub(crate) mod duration;
mod environment;
#[cfg(test)]
mod example;
mod file;
mod key;
mod layers;
pub(crate) mod number;
mod outgoing;
mod paths;
pub(crate) mod python;
mod schema;
mod secret;
mod settings;
mod text;
mod toml_text;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use attendance_model::Settings;
use attendance_model::day::{DayRules, Shift};
use chrono::{TimeDelta, Weekday};
use iclock_sync::alert::Limits;
use iclock_sync::receive::PushAccess;
use iclock_sync::schedule::Quiet;
use iclock_sync::timesheet::Rules;
use iclock_sync::{DeviceOptions, EngineOptions, Schedule};

use crate::alerts::Way;
use build::Builder;
use environment::Variables;
pub(crate) use layers::{ConfigError, ConfigErrors, Layer, Origin, Setting};
pub(crate) use toml_text::{as_toml, commented, listed, shown};

/// The flags that set the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) config: Option<PathBuf>,
    pub(crate) devices: Vec<String>,
    pub(crate) sinks: Vec<String>,
    /// Single settings: their path, the flag's name, the text.
    pub(crate) settings: Vec<(&'static str, &'static str, String)>,
    /// Reads nothing but the Python tool's own files.
    pub(crate) python_only: bool,
    /// Reads nothing but these flags.
    pub(crate) bare: bool,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) state_dir: PathBuf,
    pub(crate) interval: Duration,
    pub(crate) schedule: Schedule,
    pub(crate) max_new: Option<u64>,
    pub(crate) output: Option<PathBuf>,
    pub(crate) metrics_file: Option<PathBuf>,
    pub(crate) log: LogConfig,
    pub(crate) push: PushConfig,
    pub(crate) server: ServerConfig,
    pub(crate) alerts: AlertConfig,
    pub(crate) shifts: ShiftConfig,
    pub(crate) devices: Vec<DeviceOptions>,
    /// Terminals that call `serve`. No other command has anything to do with them.
    pub(crate) pushing: Vec<DeviceOptions>,
    pub(crate) sinks: Vec<SinkConfig>,
    pub(crate) engine: EngineOptions,
    /// Warnings for stderr, each reported once.
    pub(crate) warnings: Vec<String>,
    /// Every setting in force, for `config show`.
    pub(crate) settings: Layer,
}

/// The receiver of terminals that push.
#[derive(Clone, Debug, Default)]
pub(crate) struct PushConfig {
    /// The address at which it listens.
    pub(crate) listen: Option<SocketAddr>,
    /// The address at which it listens for TLS.
    pub(crate) listen_tls: Option<SocketAddr>,
    /// The files of the certificate and of its key.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) certificate_key: Option<PathBuf>,
    /// The KiB of requests and answers of each terminal that are kept.
    pub(crate) capture: u64,
    /// Whose calls are believed.
    pub(crate) access: PushAccess,
}

/// What is an alert, and where alerts go.
#[derive(Clone, Debug, Default)]
pub(crate) struct AlertConfig {
    pub(crate) ways: Vec<Way>,
    /// Addresses that get alerts, and what these need.
    webhook: Option<String>,
    slack: Option<String>,
    webhook_token: Option<String>,
    webhook_secret: Option<String>,
    tls_ca: Option<String>,
    proxy: Option<String>,
    no_proxy: Option<String>,
    /// The mail server, and who is named in the mails.
    mail: Option<String>,
    mail_from: Option<String>,
    mail_to: Option<String>,
    pub(crate) limits: Limits,
    /// The hours in which nothing is sent.
    pub(crate) quiet: Option<Quiet>,
}

/// The server of pages and of the API.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerConfig {
    /// The address at which it listens.
    pub(crate) listen: Listen,
    /// A proxy in front speaks HTTPS, and nobody comes another way.
    pub(crate) https: bool,
    /// The names by which it is called, besides addresses and `localhost`.
    pub(crate) hosts: Vec<String>,
    /// Programs for the vendor's server may read.
    pub(crate) biotime: bool,
    /// The files of the certificate and of its key.
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) certificate_key: Option<PathBuf>,
}

/// Where the server of pages and of the API listens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Nothing is configured: at [`Listen::USUAL`], if that is free.
    #[default]
    Usual,
    /// At this address.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl Listen {
    /// This computer alone reaches it.
    pub(crate) const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

    /// The address, if there is to be one.
    pub(crate) fn address(self) -> Option<SocketAddr> {
        match self {
            Self::Usual => Some(Self::USUAL),
            Self::At(address) => Some(address),
            Self::Off => None,
        }
    }
}

/// The files of the program's log, next to stderr.
#[derive(Clone, Debug)]
pub(crate) struct LogConfig {
    /// Their directory; without one there are no files.
    pub(crate) dir: Option<PathBuf>,
    /// The files have JSON lines instead of text.
    pub(crate) json: bool,
    /// The bytes at which a file is rotated.
    pub(crate) size: usize,
    /// The number of files that are kept.
    pub(crate) keep: usize,
    /// Each terminal has a file of its own, too.
    pub(crate) per_terminal: bool,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { dir: None, json: false, size: 10 << 20, keep: 10, per_terminal: false }
    }
}

/// The hours of work, by which reports judge.
#[derive(Clone, Debug)]
pub(crate) struct ShiftConfig {
    /// How punches become days.
    pub(crate) day: DayRules,
    hours: Option<Shift>,
    grace: TimeDelta,
    /// The working days, if hours are set.
    days: Vec<Weekday>,
    /// The names of departments, by number.
    pub(crate) departments: BTreeMap<u8, String>,
    department_hours: BTreeMap<u8, Shift>,
}

impl Default for ShiftConfig {
    fn default() -> Self {
        Self {
            day: DayRules::default(),
            hours: None,
            grace: TimeDelta::zero(),
            days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
            departments: BTreeMap::new(),
            department_hours: BTreeMap::new(),
        }
    }
}

impl ShiftConfig {
    /// The rules of timesheets.
    pub(crate) fn rules(&self) -> Rules {
        let with_grace = |shift: &Shift| {
            let mut shift = shift.clone();
            shift.grace = self.grace;
            shift
        };
        let mut rules = Rules::default();
        rules.day = self.day.clone();
        rules.shift = self.hours.as_ref().map(with_grace);
        rules.of_department =
            self.department_hours.iter().map(|(number, shift)| (*number, with_grace(shift))).collect();
        // Without hours nobody works at all.
        rules.working_days(self.days.iter().copied().filter(|_| self.hours.is_some()))
    }
}

/// A sink as configured; its own crate reads the rest.
#[derive(Clone, Debug)]
pub(crate) struct SinkConfig {
    pub(crate) name: String,
    pub(crate) url: Setting,
    pub(crate) settings: Settings,
    /// The origin of each of its settings.
    pub(crate) origins: Vec<(String, Origin)>,
    /// Its number in the list, for messages.
    pub(crate) index: usize,
}

impl SinkConfig {
    /// Returns true if the two open the same sink, wherever they are written.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.url.text, &self.settings) == (&other.name, &other.url.text, &other.settings)
    }

    /// Returns the argument of `replay --sink` for this sink: its name, or its URL if it was given by a flag. Secrets
    /// are masked.
    pub(crate) fn as_argument(&self) -> String {
        match self.url.origin {
            Origin::Flag(_) if !self.url.text.contains("password=") => secret::masked("url", &self.url.text),
            _ => self.name.clone(),
        }
    }
}

impl Config {
    /// Reads and checks all layers in the current directory. Contacts nothing.
    pub(crate) fn load(flags: &Flags) -> Result<Self, ConfigErrors> {
        match Self::examine(flags)? {
            (config, errors) if errors.is_empty() => Ok(config),
            (_, errors) => Err(ConfigErrors::in_order(errors)),
        }
    }

    /// The schedule of a loop.
    pub(crate) fn loop_schedule(&self) -> Schedule {
        let mut schedule = self.schedule.clone();
        schedule.base = self.interval;
        schedule
    }

    /// Like [`Config::load`], but returns the usable part next to all errors.
    pub(crate) fn examine(flags: &Flags) -> Result<(Self, Vec<ConfigError>), ConfigError> {
        let dir = Path::new("");
        let variables = if flags.bare { Variables::default() } else { Variables::load(dir)? };
        let mut warnings = Vec::new();
        let mut layers = collect(flags, &variables, dir, &mut warnings)?;
        outgoing::share(&variables, &mut layers)?;
        Ok(Builder::new(layers, &variables, warnings).build())
    }

    /// The same, with the terminals that push among the terminals.
    pub(crate) fn serving(mut self) -> Self {
        self.devices.append(&mut self.pushing);
        self
    }

    /// Returns errors for what a sync needs and is not configured: a terminal, and with `sinks` a sink.
    pub(crate) fn missing(&self, sinks: bool) -> Vec<ConfigError> {
        self.missing_of(self.settings.list_len("device") == 0, sinks)
    }

    /// Returns errors for what a service needs and is not configured: with `sinks` a sink, and something to do.
    pub(crate) fn missing_to_serve(&self, sinks: bool) -> Vec<ConfigError> {
        let mut errors = self.missing_of(false, sinks);
        let is_called = self.push.listen.or(self.push.listen_tls).is_some();
        // Who names an address for the dashboard wants that; the terminals may come later.
        if !is_called && self.settings.list_len("device") == 0 && !matches!(self.server.listen, Listen::At(_)) {
            let place = Some(Origin::Default("configuration"));
            let error = ConfigError::new(place, "push.listen", "no terminal is read, and none can call");
            errors.push(error.hint(
                "give --device front=192.0.2.10 or --push 127.0.0.1:8081, or write [[device]] or [push] in iclock.toml",
            ));
        }
        errors
    }

    fn missing_of(&self, a_terminal: bool, sinks: bool) -> Vec<ConfigError> {
        let missing = |key: &str, what: &str, hint: &str| {
            let place = Some(Origin::Default("configuration"));
            ConfigError::new(place, key, format!("no {what} is configured")).hint(hint)
        };
        let mut errors = Vec::new();
        if a_terminal {
            let hint =
                "give --device front=192.0.2.10, write [[device]] in iclock.toml, or try it out: iclock-cli demo";
            errors.push(missing("device", "terminal", hint));
        }
        if sinks && self.settings.list_len("sink") == 0 {
            errors.push(missing("sink", "sink", "give --sink sqlite:attendance.db, or write [[sink]] in iclock.toml"));
        }
        errors
    }
}

/// The settings of a backend's sinks, next to their name and URL.
#[cfg(test)]
pub(crate) fn sink_keys(scheme: &str) -> Vec<&'static str> {
    let section = settings::CATALOGUE.sections().iter().find(|section| section.name == "sink");
    let keys = section.into_iter().flat_map(|section| &section.keys);
    let theirs = keys.filter(|key| key.backends.is_empty() || key.backends.contains(&scheme)).map(|key| key.name);
    theirs.filter(|name| !["name", "url"].contains(name)).collect()
}

/// Returns the secret of a flag: its text, or what `ENV:NAME` or `FILE:PATH` refers to.
///
/// # Errors
/// When that cannot be read.
pub(crate) fn secret_of_flag(flag: &'static str, text: &str) -> Result<String, ConfigError> {
    let setting = Setting { text: text.to_owned(), origin: Origin::Flag(flag) };
    secret::resolve("password", &setting, &Variables::load(Path::new(""))?)
}

/// The JSON Schema of a configuration file.
pub(crate) fn schema() -> serde_json::Value {
    schema::schema(&settings::CATALOGUE)
}

/// Reads the `.env` and `devices.json` of a Python tool's directory, for a configuration file in the directory
/// `config_dir`. Returns warnings, too.
pub(crate) fn of_python_tool(dir: &Path, config_dir: &Path) -> Result<(Layer, Vec<String>), ConfigError> {
    let (variables, mut warnings) = (Variables::load(dir)?, Vec::new());
    let flags = Flags { python_only: true, ..Flags::default() };
    let mut layers = collect(&flags, &variables, dir, &mut warnings)?;
    paths::move_key(&mut layers, dir, config_dir);
    Ok((layers, warnings))
}

/// Reads all layers and puts each on top of the weaker ones.
fn collect(flags: &Flags, variables: &Variables, dir: &Path, warnings: &mut Vec<String>) -> Result<Layer, ConfigError> {
    let mut layers = match config_file(flags, variables, dir) {
        Some(path) if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) => {
            python::device_file(&path)?
        }
        Some(path) => {
            let mut layer = file::read(&path)?;
            let directory = paths::directory_of(&path);
            if layer.get("state_dir").is_none() && !directory.as_os_str().is_empty() {
                let state = directory.join("state").display().to_string();
                layer.set("state_dir", Setting::new(state, Origin::Default("next to the configuration file")));
            }
            layer
        }
        None => Layer::default(),
    };
    let listed = python::device_list(variables)?;
    if listed.list_len("device") > 0 {
        if flags.devices.is_empty() && layers.list_len("device") > 0 {
            warnings.push("terminals are taken from DEVICE_IPS, not from the configuration file".to_owned());
        }
        layers.drop_list("device");
        layers.cover(listed);
    }
    // With what the environment adds to each, by its number.
    let mut configured = layers.clone();
    if !flags.devices.is_empty() {
        configured.cover(variables.settings(&mut Vec::new())?);
        layers.drop_list("device");
    }
    if !flags.sinks.is_empty() {
        layers.drop_list("sink");
    }
    if flags.python_only {
        layers.cover(variables.rules());
    } else {
        layers.cover(variables.settings(warnings)?);
    }
    for (n, spec) in flags.devices.iter().enumerate() {
        let Some(settings) = chosen::named(&configured, spec) else {
            device_spec::read(n, spec, &mut layers)?;
            continue;
        };
        let prefix = format!("device.{n}.");
        layers.take_under(&prefix);
        for (key, setting) in settings {
            layers.set(format!("{prefix}{key}"), setting);
        }
    }
    for (n, url) in flags.sinks.iter().enumerate() {
        layers.set(format!("sink.{n}.url"), Setting::new(url, Origin::Flag("--sink")));
    }
    python::device_defaults(variables, &mut layers);
    if !flags.bare {
        python::firestore_sink(variables, dir, &mut layers)?;
    }
    for (path, flag, text) in &flags.settings {
        layers.set(*path, Setting::new(text, Origin::Flag(flag)));
    }
    Ok(layers)
}

fn config_file(flags: &Flags, variables: &Variables, dir: &Path) -> Option<PathBuf> {
    if flags.bare {
        return None;
    }
    let named = flags.config.clone().or_else(|| Some(variables.get("ICLOCK_CONFIG")?.text.clone().into()));
    let named = named.filter(|_| !flags.python_only);
    let toml = Some("iclock.toml").filter(|_| !flags.python_only);
    named
        .or_else(|| toml.into_iter().chain(python::DEVICE_FILES).map(|name| dir.join(name)).find(|path| path.is_file()))
}
