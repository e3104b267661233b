//! Builds a checked configuration from layers of text.

use std::collections::HashMap;
use std::time::Duration;

use attendance_model::{Rules, Settings};
use iclock_sync::{ClockCorrection, DeviceOptions, Schedule};
#[cfg(feature = "http")]
use sink_http::HttpOptions;

use super::environment::Variables;
use super::key::{Entry, Shape, Wrong};
use super::layers::{ConfigError, Layer, Setting};
use super::settings::push::Pushing;
use super::settings::{self, CATALOGUE, Device, Top};
use super::{AlertConfig, Config, LogConfig, PushConfig, ServerConfig, ShiftConfig, SinkConfig, device_spec, secret};
#[cfg(feature = "mail")]
use crate::alerts::Mail;
use crate::alerts::Way;
#[cfg(feature = "http")]
use crate::alerts::{Form, Webhook};

/// The drift above which a clock is set.
const CLOCK_BOUND: Duration = Duration::from_secs(30);

/// Takes settings out of the layers; those that are left at the end are unknown. Continues after an error, to find the
/// others.
pub(super) struct Builder<'a> {
    all: Layer,
    left: Layer,
    variables: &'a Variables,
    warnings: Vec<String>,
    errors: Vec<ConfigError>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(layers: Layer, variables: &'a Variables, warnings: Vec<String>) -> Self {
        Self { all: layers.clone(), left: layers, variables, warnings, errors: Vec::new() }
    }

    /// Returns the configuration without the settings that are wrong, and their errors.
    pub(super) fn build(mut self) -> (Config, Vec<ConfigError>) {
        let (mut top, mut rules) = (Top::default(), Rules::default());
        self.read("", &settings::top(), &mut top);
        self.read("rules.", &settings::rules::entries(), &mut rules);
        let mut schedule = Schedule::graduated(top.interval);
        self.read("schedule.", &settings::schedule::entries(), &mut schedule);
        let mut shifts = ShiftConfig::default();
        self.read("shifts.", &settings::shifts::entries(), &mut shifts);
        let mut log = LogConfig::default();
        self.read("log.", &settings::log::entries(), &mut log);
        let mut push = PushConfig::default();
        self.read("push.", &settings::push::entries(), &mut push);
        self.check_certificate();
        let mut server = ServerConfig::default();
        self.read("server.", &settings::server::entries(), &mut server);
        let mut alerts = AlertConfig::default();
        self.read("alerts.", &settings::alerts::entries(), &mut alerts);
        self.webhooks(&mut alerts);
        self.mail(&mut alerts);
        self.read("retention.", &settings::retention::entries(), &mut top.engine.retention);
        let numbers = 0..self.left.list_len("device");
        let devices: Vec<(usize, DeviceOptions)> =
            numbers.filter_map(|n| Some((n, self.device(n, &schedule)?))).collect();
        let numbers = 0..self.left.list_len("pushing");
        let pushing: Vec<(usize, DeviceOptions)> = numbers.filter_map(|n| Some((n, self.pushing(n)?))).collect();
        let sinks = self.sinks();
        self.refuse_unknown();
        self.refuse_repeated("device", "host", devices.iter().map(|(n, device)| (*n, device.name.as_str())));
        self.refuse_repeated("pushing", "serial", pushing.iter().map(|(n, device)| (*n, device.name.as_str())));
        self.refuse_repeated("sink", "url", sinks.iter().map(|sink| (sink.index, sink.name.as_str())));
        self.refuse_repeated_address(&devices);
        let devices = devices.into_iter().map(|(_, device)| device).collect();
        let pushing = pushing.into_iter().map(|(_, device)| device).collect();
        let Top { state_dir, interval, max_new, output, metrics_file, mut engine } = top;
        engine.rules = rules;
        engine.audit_dir.clone_from(&output);
        let Self { all: settings, warnings, errors, .. } = self;
        let config = Config {
            state_dir,
            interval,
            schedule,
            max_new,
            output,
            metrics_file,
            log,
            push,
            server,
            alerts,
            shifts,
            devices,
            pushing,
            sinks,
            engine,
            warnings,
            settings,
        };
        (config, errors)
    }

    /// Reads the settings of a table into a draft. A wrong one becomes an error and does not change the draft.
    pub(super) fn read<T>(&mut self, prefix: &str, entries: &[Entry<T>], draft: &mut T) {
        for entry in entries {
            let path = format!("{prefix}{}", entry.key.name);
            let Some(setting) = self.left.take(&path) else { continue };
            let Some(text) = self.resolved(&path, &setting, entry.key.shape == Shape::Secret) else { continue };
            if let Err(Wrong { problem, hint }) = entry.read(draft, &text) {
                self.errors.push(setting.wrong(&path, problem).hint(hint));
            }
        }
    }

    /// Returns the text of a setting. A secret may be a reference; one in plain text is warned of.
    fn resolved(&mut self, path: &str, setting: &Setting, is_secret: bool) -> Option<String> {
        if !is_secret {
            return Some(setting.text.clone());
        }
        if !secret::is_reference(&setting.text) {
            self.warn_of_plain(path, setting);
        }
        self.noted(secret::resolve(path, setting, self.variables))
    }

    /// Returns the value, or notes the error.
    fn noted<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    /// Reads the n-th terminal; `None` without a host. Its other settings are checked in any case.
    fn device(&mut self, n: usize, schedule: &Schedule) -> Option<DeviceOptions> {
        let prefix = format!("device.{n}.");
        match self.left.get(&format!("{prefix}host")).cloned() {
            Some(host) => self.split_port(&format!("{prefix}port"), &host),
            None => self.miss_host(n),
        }
        let options = DeviceOptions::new("", "");
        let mut device = Device { name: None, interval: None, correct_clock: false, options };
        self.read(&prefix, &settings::device(), &mut device);
        let Device { name, interval, correct_clock, mut options } = device;
        let clear_when = format!("{prefix}clear_when");
        if let Some(setting) = self.all.get(&clear_when).filter(|_| options.serial.is_none()) {
            let problem = "a log is only cleared by itself if the terminal's serial number is configured";
            let hint = "set serial to the number that `iclock-cli info` shows";
            self.errors.push(setting.wrong(&clear_when, problem).hint(hint));
        }
        options.clock = correct_clock.then_some(ClockCorrection { bound: CLOCK_BOUND, quiet: schedule.quiet });
        options.schedule = interval.map(|interval| schedule.clone().with_base(interval));
        let is_usual = options.port == DeviceOptions::new("", "").port;
        options.name = name.unwrap_or_else(|| if is_usual { options.host.clone() } else { options.address() });
        (!options.host.is_empty()).then_some(options)
    }

    /// Adds the addresses that get alerts.
    fn webhooks(&mut self, alerts: &mut AlertConfig) {
        for (name, url) in [("webhook", alerts.webhook.take()), ("slack", alerts.slack.take())] {
            let Some(url) = url else { continue };
            let (path, is_slack) = (format!("alerts.{name}"), name == "slack");
            match webhook(&url, is_slack, alerts) {
                Ok(way) => alerts.ways.push(way),
                Err((key, problem, hint)) => {
                    let its = self.all.get_key(&format!("alerts.{key}")).filter(|_| key != "url");
                    let Some((path, setting)) = its.or_else(|| self.all.get_key(&path)) else { continue };
                    self.errors.push(setting.wrong(path, problem).hint(hint));
                }
            }
        }
    }

    /// Adds the mails that have alerts.
    fn mail(&mut self, alerts: &mut AlertConfig) {
        let Some(url) = alerts.mail.take() else { return };
        match mail(&url, alerts) {
            Ok(way) => alerts.ways.push(way),
            Err((key, problem, hint)) => {
                let path = format!("alerts.{key}");
                let setting = self.all.get(&path).or_else(|| self.all.get("alerts.mail")).cloned();
                self.errors.extend(setting.map(|setting| setting.wrong(&path, problem).hint(hint)));
            }
        }
    }

    /// TLS needs a certificate with its key, and nothing else does.
    fn check_certificate(&mut self) {
        self.check_together(
            &["push.listen_tls", "push.certificate", "push.certificate_key"],
            "terminals call over TLS with listen_tls, certificate and certificate_key of [push]",
        );
        self.check_together(
            &["server.certificate", "server.certificate_key"],
            "the server speaks HTTPS with certificate and certificate_key of [server]",
        );
    }

    /// Refuses some of these settings without the others.
    fn check_together(&mut self, keys: &[&str], hint: &str) {
        let given: Vec<_> = keys.iter().filter_map(|key| Some((*key, self.all.get(key)?.clone()))).collect();
        let missing = keys.iter().find(|key| given.iter().all(|(given, _)| given != *key));
        if let (Some((path, setting)), Some(missing)) = (given.first(), missing) {
            let problem = format!("{missing} is missing");
            self.errors.push(setting.wrong(path, problem).hint(hint));
        }
    }

    /// Reads the n-th terminal that pushes; `None` without a serial number.
    fn pushing(&mut self, n: usize) -> Option<DeviceOptions> {
        let prefix = format!("pushing.{n}.");
        let serial = format!("{prefix}serial");
        if self.all.get(&serial).is_none() {
            let origin = self.all.iter().find(|(at, _)| at.starts_with(&prefix)).map(|(_, of)| of.origin.clone());
            let error = ConfigError::new(origin, serial, "the terminal has no serial number");
            self.errors.push(error.hint("set serial to the number in its menu, by which it is known when it calls"));
        }
        let mut pushing = Pushing { name: None, options: DeviceOptions::push("", "") };
        self.read(&prefix, &settings::push::terminal(), &mut pushing);
        let Pushing { name, mut options } = pushing;
        let serial = options.serial.clone().filter(|serial| !serial.is_empty())?;
        options.name = name.unwrap_or(serial);
        Some(options)
    }

    /// Takes a port that follows the host as the setting `port`, unless that is set.
    fn split_port(&mut self, path: &str, host: &Setting) {
        // A place that is mistaken has no port; the host says why.
        let place = Some(&host.text).filter(|text| device_spec::mistaken(text).is_none());
        let port = place.and_then(|text| device_spec::split_port(text)).and_then(|(_, port)| port);
        if let Some(port) = port.filter(|_| self.left.get(path).is_none()) {
            self.left.set(path, Setting::new(port, host.origin.clone()));
        }
    }

    fn miss_host(&mut self, n: usize) {
        let prefix = format!("device.{n}.");
        let mut entries = self.all.iter().filter(|(at, _)| at.starts_with(&prefix)).peekable();
        let origin = entries.peek().map(|(_, setting)| setting.origin.clone());
        let host = format!("device.{n}.host");
        if origin.is_none() {
            let of = |n: usize| format!("device.{n}.");
            let is_there = |n: usize| self.all.iter().find(|(at, _)| at.starts_with(&of(n)));
            // Of a gap, one error is enough.
            let begins = n.checked_sub(1).is_none_or(|before| is_there(before).is_some());
            let next = (n + 1..self.all.list_len("device")).find_map(is_there).filter(|_| begins);
            if let Some((at, setting)) = next {
                let error = setting.wrong(at, format!("there is no terminal {n} before this one"));
                self.errors.push(error.hint("count terminals from 0, without a gap"));
            }
            return;
        }
        // A mistyped host is reported as an unknown setting.
        if !entries.any(|(at, _)| CATALOGUE.find(at).is_none() && CATALOGUE.nearest(at) == Some("host")) {
            let error = ConfigError::new(origin, host, "the terminal has no host");
            let hint = "set host to the terminal's name or address, e.g. host = \"192.0.2.10\"";
            self.errors.push(error.hint(hint));
        }
    }

    fn warn_of_plain(&mut self, path: &str, setting: &Setting) {
        self.warnings
            .push(format!("{}: {path} holds a secret in plain text; write ENV:NAME or FILE:PATH", setting.origin));
    }

    fn sinks(&mut self) -> Vec<SinkConfig> {
        let mut sinks: Vec<SinkConfig> = Vec::new();
        for index in 0..self.left.list_len("sink") {
            let mut entries = self.left.take_under(&format!("sink.{index}."));
            let mut take = |key: &str| {
                let at = entries.iter().position(|(known, _)| known == key)?;
                Some(entries.remove(at).1)
            };
            let (name, url) = (take("name"), take("url"));
            let Some(url) = url else {
                self.errors.push(without_url(index, name.as_ref(), &entries));
                continue;
            };
            if secret::has_password(&url.text) {
                let place = format!("{}: sink.{index}.url", url.origin);
                let hint = format!("set password = \"ENV:NAME\" next to it, or ICLOCK_SINK_{index}_PASSWORD");
                self.warnings.push(format!("{place} holds a password in plain text; {hint}"));
            }
            let scheme = url.text.split(':').next().unwrap_or_default().to_owned();
            let taken = |name: &str| sinks.iter().any(|sink| sink.name == name);
            let numbered = || (2..).map(|n| format!("{scheme}-{n}")).find(|name| !taken(name));
            let default = if taken(&scheme) { numbered().unwrap_or_default() } else { scheme.clone() };
            let (mut settings, mut origins) = (Vec::new(), Vec::new());
            for (key, setting) in entries {
                let path = format!("sink.{index}.{key}");
                let is_plain = secret::is_secret(&key) || setting.text.trim_start().starts_with('{');
                if is_plain && !secret::is_reference(&setting.text) {
                    self.warn_of_plain(&path, &setting);
                }
                if let Some(text) = self.noted(secret::resolve(&path, &setting, self.variables)) {
                    settings.push((key.clone(), text));
                }
                origins.push((key, setting.origin));
            }
            let name = name.map_or(default, |setting| setting.text);
            sinks.push(SinkConfig { name, url, settings: Settings::new(settings), origins, index });
        }
        sinks
    }

    /// Refuses one name for two entries, because reports use the names. `named_after` is the key that gives a name if
    /// none is set.
    fn refuse_repeated<'n>(&mut self, list: &str, named_after: &str, names: impl Iterator<Item = (usize, &'n str)>) {
        let mut taken = HashMap::new();
        for (n, name) in names {
            if taken.insert(name, n).is_none() {
                continue;
            }
            let path = format!("{list}.{n}.name");
            let at = self.all.get(&path).or_else(|| self.all.get(&format!("{list}.{n}.{named_after}")));
            let origin = at.map(|setting| setting.origin.clone());
            let error = ConfigError::new(origin, path, format!("{list} {name} is configured twice"));
            self.errors.push(error.hint("give each a name of its own, or remove one of the two"));
        }
    }

    /// Refuses one address for two terminals: a terminal serves one connection at a time.
    fn refuse_repeated_address(&mut self, devices: &[(usize, DeviceOptions)]) {
        let mut taken: HashMap<(String, u16), &str> = HashMap::new();
        for (n, device) in devices {
            let address = (device.host.to_ascii_lowercase(), device.port);
            let Some(other) = taken.insert(address, &device.name).filter(|other| *other != device.name) else {
                continue;
            };
            let path = format!("device.{n}.host");
            let origin = self.all.get(&path).map(|setting| setting.origin.clone());
            let problem = format!("{} is the address of {other} too", device.address());
            self.errors.push(ConfigError::new(origin, path, problem).hint("correct it, or remove one of the two"));
        }
    }

    fn refuse_unknown(&mut self) {
        for (path, setting) in self.left.iter() {
            let nearest = CATALOGUE.nearest(path).map(|key| format!("write {key}, or remove it; ")).unwrap_or_default();
            let hint = format!("{nearest}known are: {}", CATALOGUE.listed(path));
            self.errors.push(setting.wrong(path, "unknown setting").hint(hint));
        }
    }
}

/// The error for a sink without a URL, or with a mistyped key.
fn without_url(index: usize, name: Option<&Setting>, others: &[(String, Setting)]) -> ConfigError {
    let is_mistyped = |key: &str| {
        let path = format!("sink.{index}.{key}");
        CATALOGUE.find(&path).is_none() && CATALOGUE.nearest(&path) == Some("url")
    };
    if let Some((key, setting)) = others.iter().find(|(key, _)| is_mistyped(key)) {
        return setting.wrong(&format!("sink.{index}.{key}"), "unknown setting").hint("write url");
    }
    let origin = name.or_else(|| others.first().map(|(_, setting)| setting)).map(|setting| setting.origin.clone());
    ConfigError::new(origin, format!("sink.{index}.url"), "the sink has no URL")
        .hint("set url, e.g. url = \"sqlite:attendance.db\"")
}

/// A way by a mail server. The error is the key, the problem, and what to do.
#[cfg(feature = "mail")]
fn mail(url: &str, alerts: &AlertConfig) -> Result<Way, (&'static str, String, &'static str)> {
    let to: Vec<&str> = alerts.mail_to.iter().flat_map(|to| to.split(',')).filter(|to| !to.trim().is_empty()).collect();
    let from = alerts.mail_from.as_deref();
    let from = from.ok_or_else(|| ("mail_from", "is missing".to_owned(), "write the sender of the mails"))?;
    let mail = Mail::new(url, from, &to, alerts.tls_ca.as_deref().map(std::path::Path::new))?;
    Ok(Way::Mail(Box::new(mail)))
}

#[cfg(not(feature = "mail"))]
fn mail(_: &str, alerts: &AlertConfig) -> Result<Way, (&'static str, String, &'static str)> {
    // Only a mail reads them.
    let _ = (&alerts.mail_from, &alerts.mail_to);
    Err(("mail", "this program was built without mail".to_owned(), "build it with the feature mail"))
}

/// A way to an address. The error is the key, the problem, and what to do.
#[cfg(feature = "http")]
fn webhook(url: &str, is_slack: bool, alerts: &AlertConfig) -> Result<Way, (String, String, String)> {
    let ours = [
        ("token", alerts.webhook_token.as_ref().filter(|_| !is_slack)),
        ("secret", alerts.webhook_secret.as_ref().filter(|_| !is_slack)),
        ("tls_ca", alerts.tls_ca.as_ref()),
        ("proxy", alerts.proxy.as_ref()),
        ("no_proxy", alerts.no_proxy.as_ref()),
    ];
    let ours = ours.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone())));
    let form = if is_slack { Form::Slack } else { Form::Json };
    let options = HttpOptions::parse("alerts", url, Settings::new(ours));
    match options.and_then(|options| Webhook::open(form, options)) {
        Ok(webhook) => Ok(Way::Webhook(Box::new(webhook))),
        Err(error) => {
            let hint = error.hint.clone().unwrap_or_else(|| "write https://HOST/PATH".to_owned());
            Err((error.key, error.problem, hint))
        }
    }
}

#[cfg(not(feature = "http"))]
fn webhook(_: &str, is_slack: bool, alerts: &AlertConfig) -> Result<Way, (String, String, String)> {
    // Only a webhook reads them.
    let _ = (&alerts.webhook_token, &alerts.webhook_secret, &alerts.tls_ca, &alerts.proxy, &alerts.no_proxy);
    let key = if is_slack { "slack" } else { "webhook" };
    Err((
        key.to_owned(),
        "this program was built without webhooks".to_owned(),
        "build it with the feature http".to_owned(),
    ))
}
