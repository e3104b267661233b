//! From layers of text to a checked configuration.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use attendance_model::validate::MAX_NAME_CHARS;
use attendance_model::{Policy, Reason, Rules, Settings};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use iclock_sync::unproven::layout_of;
use iclock_sync::{CommKey, DeviceOptions, EngineOptions, TextEncoding, Transport};

use super::environment::Variables;
use super::layers::{ConfigError, Layer, Setting};
use super::{Config, LogConfig, SinkConfig, device_spec, duration, known, schedule, secret};

const SECOND: Duration = Duration::from_secs(1);

/// Takes settings out of the layers; what is left over at the end is unknown. Goes on after an error, to find the others.
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

    /// The configuration without what is wrong in it, and what that is.
    pub(super) fn build(mut self) -> (Config, Vec<ConfigError>) {
        let mut engine = EngineOptions::default();
        self.number("overlap", &mut engine.overlap);
        self.number("concurrency", &mut engine.concurrency);
        self.number("attempts", &mut engine.attempts);
        self.span("verify_every", &mut engine.verify_every);
        self.span("device_deadline", &mut engine.device_deadline);
        self.span("backoff", &mut engine.backoff);
        self.span("sink_timeout", &mut engine.sink_timeout);
        engine.rules = self.rules();
        let mut interval = Duration::from_secs(300);
        self.span("interval", &mut interval);
        let state_dir =
            self.left.take("state_dir").map_or_else(|| PathBuf::from("state"), |setting| setting.text.into());
        let max_new = self.parsed("max_new", "a number of events, such as 300");
        let output = self.left.take("output").map(|setting| PathBuf::from(setting.text));
        let schedule = schedule::take(&mut self.left, interval, &mut self.errors);
        let log = self.log();
        let numbers = 0..self.left.list_len("device");
        let devices: Vec<(usize, DeviceOptions)> = numbers.filter_map(|n| Some((n, self.device(n)?))).collect();
        let sinks = self.sinks();
        self.refuse_unknown();
        self.refuse_repeated("device", "host", devices.iter().map(|(n, device)| (*n, device.name.as_str())));
        self.refuse_repeated("sink", "url", sinks.iter().map(|sink| (sink.index, sink.name.as_str())));
        self.refuse_repeated_address(&devices);
        let devices = devices.into_iter().map(|(_, device)| device).collect();
        engine.audit_dir.clone_from(&output);
        let Self { all: settings, warnings, errors, .. } = self;
        let config =
            Config { state_dir, interval, schedule, max_new, output, log, devices, sinks, engine, warnings, settings };
        (config, errors)
    }

    /// The value, unless it is wrong.
    fn noted<T>(&mut self, result: Result<T, ConfigError>) -> Option<T> {
        result.map_err(|error| self.errors.push(error)).ok()
    }

    /// A setting's value; `expected` says what would be right.
    fn parsed<T: FromStr>(&mut self, path: &str, expected: &str) -> Option<T> {
        let setting = self.left.take(path)?;
        self.noted(parse(path, &setting, expected))
    }

    fn number<T: FromStr>(&mut self, path: &str, value: &mut T) {
        if let Some(number) = self.parsed(path, "a whole number") {
            *value = number;
        }
    }

    /// A span above 0; a bare number counts seconds.
    fn span(&mut self, path: &str, value: &mut Duration) {
        let Some(setting) = self.left.take(path) else { return };
        if let Some(span) = self.noted(span(path, &setting)) {
            *value = span;
        }
    }

    fn rules(&mut self) -> Rules {
        let mut rules = Rules::default();
        if let Some(list) = self.left.take("rules.allow_list") {
            rules = rules.allow_list(list.text.split(',').map(|id| id.trim().to_owned()));
        }
        if let Some(setting) = self.left.take("rules.earliest") {
            match setting.text.trim().parse::<NaiveDate>() {
                Ok(day) => rules = rules.earliest(day.and_time(NaiveTime::MIN)),
                Err(_) => {
                    let problem = format!("{:?} is no date", setting.text);
                    self.errors.push(setting.wrong("rules.earliest", problem).hint("write it like \"2010-01-01\""));
                }
            }
        }
        for reason in Reason::ALL {
            let path = format!("rules.{reason}");
            let Some(setting) = self.left.take(&path) else { continue };
            let policies = [Policy::Accept, Policy::Flag, Policy::Quarantine];
            let Some(policy) = policies.into_iter().find(|policy| policy.as_str() == setting.text) else {
                let problem = format!("{:?} is no policy", setting.text);
                self.errors.push(setting.wrong(&path, problem).hint("write accept, flag or quarantine"));
                continue;
            };
            match rules.clone().policy(reason, policy) {
                Ok(changed) => rules = changed,
                Err(fixed) => self.errors.push(setting.wrong(&path, fixed.to_string()).hint("remove the line")),
            }
        }
        rules
    }

    fn log(&mut self) -> LogConfig {
        let dir = self.left.take("log.dir").map(|setting| PathBuf::from(setting.text));
        let format = self.left.take("log.format");
        let json = format.as_ref().is_some_and(|setting| setting.text == "json");
        if let Some(setting) = format.filter(|setting| !["json", "text"].contains(&setting.text.as_str())) {
            let problem = format!("{:?} is no format", setting.text);
            self.errors.push(setting.wrong("log.format", problem).hint("write text or json"));
        }
        let mut log = LogConfig { dir, json, size: 10 << 20, keep: 10 };
        self.number("log.size", &mut log.size);
        self.number("log.keep", &mut log.keep);
        log
    }

    /// The n-th terminal; `None` without a host. Its other settings are looked at either way.
    fn device(&mut self, n: usize) -> Option<DeviceOptions> {
        let path = |key: &str| format!("device.{n}.{key}");
        let host = self.left.take(&path("host"));
        let place = match &host {
            Some(host) => self.host(&path("host"), host),
            None => {
                self.miss_host(n);
                None
            }
        };
        let (name, port_of_host) = place.clone().unwrap_or_default();
        let mut device = DeviceOptions::new("", name);
        let port = self.left.take(&path("port"));
        let origin = || host.as_ref().map(|host| host.origin.clone());
        let port = port.or_else(|| Some(Setting::new(port_of_host?, origin()?)));
        if let Some(port) = port {
            let wrong = |problem: String| port.wrong(&path("port"), problem).hint("terminals listen on 4370");
            match port.text.trim().parse() {
                Ok(0) => self.errors.push(wrong("port 0 cannot be connected to".to_owned())),
                Ok(number) => device.port = number,
                Err(_) => self.errors.push(wrong(format!("{:?} is no port", port.text))),
            }
        }
        let named = self.left.take(&path("name"));
        let default = if device.port == 4370 { device.host.clone() } else { device.address() };
        if let Some(name) = named.as_ref().filter(|name| name.text.chars().count() > MAX_NAME_CHARS) {
            let problem = format!("the name is longer than {MAX_NAME_CHARS} characters");
            let hint = "give it a shorter one: sinks store it with each event";
            self.errors.push(name.wrong(&path("name"), problem).hint(hint));
        }
        device.name = named.map_or(default, |setting| setting.text);
        if let Some(key) = self.left.take(&path("comm_key")) {
            let key = self.comm_key(&path("comm_key"), &key);
            device.comm_key = self.noted(key);
        }
        if let Some(transport) = self.left.take(&path("transport")) {
            match transport.text.as_str() {
                "tcp" => device.transport = Transport::Tcp,
                "udp" => device.transport = Transport::Udp,
                "auto" => device.transport = Transport::Auto,
                other => {
                    let problem = format!("{other:?} is no transport");
                    self.errors.push(transport.wrong(&path("transport"), problem).hint("write tcp, udp or auto"));
                }
            }
        }
        self.span(&path("timeout"), &mut device.timeout);
        if let Some(zone) = self.left.take(&path("zone")) {
            let unknown = |_| {
                zone.wrong(&path("zone"), format!("unknown time zone {:?}", zone.text))
                    .hint("write an IANA name such as Indian/Maldives")
            };
            device.zone = self.noted(Tz::from_str(&zone.text).map_err(unknown));
        }
        device.serial = self.left.take(&path("serial")).map(|setting| setting.text);
        if let Some(encoding) = self.left.take(&path("encoding")) {
            let unknown = || {
                encoding
                    .wrong(&path("encoding"), format!("unknown code page {:?}", encoding.text))
                    .hint("write utf-8, gbk, big5, windows-1256 or another name that browsers know")
            };
            if let Some(encoding) = self.noted(TextEncoding::named(&encoding.text).ok_or_else(unknown)) {
                device.encoding = encoding;
            }
        }
        if let Some(layout) = self.left.take(&path("layout")) {
            let unknown = || {
                layout
                    .wrong(&path("layout"), format!("{:?} is no layout of records", layout.text))
                    .hint("write \"40\", \"49\" or another width from 40 to 512, \"16\", \"8b\" or \"8a\"")
            };
            device.layout = self.noted(layout_of(layout.text.trim()).ok_or_else(unknown));
        }
        if let Some(order) = self.parsed(&path("sixteen_mode_first"), "true or false") {
            device.sixteen_mode_first = order;
        }
        place.map(|_| device)
    }

    /// Name or address, and the port behind it.
    fn host(&mut self, path: &str, host: &Setting) -> Option<(String, Option<String>)> {
        let split = device_spec::split_port(&host.text).filter(|(name, _)| !name.contains(char::is_whitespace));
        let place = split.map(|(name, port)| (name.to_owned(), port.map(str::to_owned)));
        self.noted(
            place.ok_or_else(|| {
                host.wrong(path, format!("{:?} is no host", host.text)).hint("write a name or an address")
            }),
        )
    }

    fn miss_host(&mut self, n: usize) {
        let prefix = format!("device.{n}.");
        let mut entries = self.all.iter().filter(|(at, _)| at.starts_with(&prefix)).peekable();
        let origin = entries.peek().map(|(_, setting)| setting.origin.clone());
        let host = format!("device.{n}.host");
        if origin.is_none() {
            let problem = "there is no such terminal, but one with a higher number";
            self.errors.push(ConfigError::new(None, host, problem).hint("count terminals from 0, without a gap"));
            return;
        }
        // A mistyped host is told of as an unknown setting.
        if !entries.any(|(at, _)| !known::is_known(at) && known::nearest(at) == Some("host")) {
            let error = ConfigError::new(origin, host, "the terminal has no host");
            let hint = "set host to the terminal's name or address, e.g. host = \"192.0.2.10\"";
            self.errors.push(error.hint(hint));
        }
    }

    fn comm_key(&mut self, path: &str, key: &Setting) -> Result<CommKey, ConfigError> {
        if !secret::is_reference(&key.text) {
            self.warn_of_plain(path, key);
        }
        let number = secret::resolve(path, key, self.variables)?;
        number.trim().parse().map(CommKey::new).map_err(|_| {
            key.wrong(path, "is not a number of at most 4294967295").hint("write the number set in the terminal's menu")
        })
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
                let hint = format!("set password = \"ENV:NAME\" beside it, or ICLOCK_SINK_{index}_PASSWORD");
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

    /// Reports name terminals and sinks, so no two may be named alike. `named_after` gives a name where none is set.
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

    /// Two entries for one address are one terminal, which one of the two would find taken.
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
            let nearest = known::nearest(path).map(|key| format!("write {key}, or remove it; ")).unwrap_or_default();
            let hint = format!("{nearest}known are: {}", known::listed(path));
            self.errors.push(setting.wrong(path, "unknown setting").hint(hint));
        }
    }
}

/// A sink that has no URL, or a mistyped one.
fn without_url(index: usize, name: Option<&Setting>, others: &[(String, Setting)]) -> ConfigError {
    let is_mistyped = |key: &str| {
        let path = format!("sink.{index}.{key}");
        !known::is_known(&path) && known::nearest(&path) == Some("url")
    };
    if let Some((key, setting)) = others.iter().find(|(key, _)| is_mistyped(key)) {
        return setting.wrong(&format!("sink.{index}.{key}"), "unknown setting").hint("write url");
    }
    let origin = name.or_else(|| others.first().map(|(_, setting)| setting)).map(|setting| setting.origin.clone());
    ConfigError::new(origin, format!("sink.{index}.url"), "the sink has no URL")
        .hint("set url, e.g. url = \"sqlite:attendance.db\"")
}

pub(super) fn parse<T: FromStr>(path: &str, setting: &Setting, expected: impl Display) -> Result<T, ConfigError> {
    let wrong =
        |_| setting.wrong(path, format!("{:?} is not {expected}", setting.text)).hint(format!("write {expected}"));
    setting.text.trim().parse().map_err(wrong)
}

pub(super) fn span(path: &str, setting: &Setting) -> Result<Duration, ConfigError> {
    duration::parse(&setting.text, SECOND).filter(|span| !span.is_zero()).ok_or_else(|| {
        setting
            .wrong(path, format!("{:?} is no span of time above 0", setting.text))
            .hint("write it like 30s, 5m or 1h 30m; a bare number counts seconds")
    })
}
