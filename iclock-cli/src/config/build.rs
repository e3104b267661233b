//! From layers of text to a checked configuration.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use attendance_model::validate::MAX_NAME_CHARS;
use attendance_model::{Policy, Reason, Rules, Settings};
use chrono_tz::Tz;
use iclock_sync::{CommKey, DeviceOptions, EngineOptions, TextEncoding, Transport};

use super::environment::Variables;
use super::layers::{ConfigError, Layer, Setting};
use super::{Config, LogConfig, SinkConfig, device_spec, duration, known, schedule, secret};

const SECOND: Duration = Duration::from_secs(1);

/// Takes settings out of the layers; what is left over at the end is unknown.
pub(super) struct Builder<'a> {
    all: Layer,
    left: Layer,
    variables: &'a Variables,
    warnings: Vec<String>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(layers: Layer, variables: &'a Variables, warnings: Vec<String>) -> Self {
        Self { all: layers.clone(), left: layers, variables, warnings }
    }

    pub(super) fn build(mut self) -> Result<Config, ConfigError> {
        let mut engine = EngineOptions::default();
        self.number("overlap", &mut engine.overlap)?;
        self.number("concurrency", &mut engine.concurrency)?;
        self.number("attempts", &mut engine.attempts)?;
        self.span("verify_every", &mut engine.verify_every)?;
        self.span("device_deadline", &mut engine.device_deadline)?;
        self.span("backoff", &mut engine.backoff)?;
        self.span("sink_timeout", &mut engine.sink_timeout)?;
        engine.rules = self.rules()?;
        let mut interval = Duration::from_secs(300);
        self.span("interval", &mut interval)?;
        let state_dir =
            self.left.take("state_dir").map_or_else(|| PathBuf::from("state"), |setting| setting.text.into());
        let max_new = self.parsed("max_new", "a number of events, such as 300")?;
        let output = self.left.take("output").map(|setting| PathBuf::from(setting.text));
        let schedule = schedule::take(&mut self.left, interval)?;
        let log = self.log()?;
        let devices = (0..self.left.list_len("device")).map(|n| self.device(n)).collect::<Result<Vec<_>, _>>()?;
        let sinks = self.sinks()?;
        self.refuse_unknown()?;
        let device_names = devices.iter().enumerate().map(|(n, device)| (n, device.name.as_str()));
        self.refuse_repeated("device", "host", device_names)?;
        self.refuse_repeated("sink", "url", sinks.iter().map(|sink| (sink.index, sink.name.as_str())))?;
        engine.audit_dir.clone_from(&output);
        let Self { all: settings, warnings, .. } = self;
        Ok(Config { state_dir, interval, schedule, max_new, output, log, devices, sinks, engine, warnings, settings })
    }

    /// A setting's value; `expected` says what would be right.
    fn parsed<T: FromStr>(&mut self, path: &str, expected: &str) -> Result<Option<T>, ConfigError> {
        let Some(setting) = self.left.take(path) else { return Ok(None) };
        parse(path, &setting, expected).map(Some)
    }

    fn number<T: FromStr>(&mut self, path: &str, value: &mut T) -> Result<(), ConfigError> {
        if let Some(number) = self.parsed(path, "a whole number")? {
            *value = number;
        }
        Ok(())
    }

    /// A span above 0; a bare number counts seconds.
    fn span(&mut self, path: &str, value: &mut Duration) -> Result<(), ConfigError> {
        let Some(setting) = self.left.take(path) else { return Ok(()) };
        *value = span(path, &setting)?;
        Ok(())
    }

    fn rules(&mut self) -> Result<Rules, ConfigError> {
        let mut rules = Rules::default();
        if let Some(list) = self.left.take("rules.allow_list") {
            rules = rules.allow_list(list.text.split(',').map(|id| id.trim().to_owned()));
        }
        for reason in Reason::ALL {
            let path = format!("rules.{reason}");
            let Some(setting) = self.left.take(&path) else { continue };
            let policies = [Policy::Accept, Policy::Flag, Policy::Quarantine];
            let policy = policies.into_iter().find(|policy| policy.as_str() == setting.text).ok_or_else(|| {
                setting
                    .wrong(&path, format!("{:?} is no policy", setting.text))
                    .mend("write accept, flag or quarantine")
            })?;
            rules = rules
                .policy(reason, policy)
                .map_err(|fixed| setting.wrong(&path, fixed.to_string()).mend("remove the line"))?;
        }
        Ok(rules)
    }

    fn log(&mut self) -> Result<LogConfig, ConfigError> {
        let dir = self.left.take("log.dir").map(|setting| PathBuf::from(setting.text));
        let json = match self.left.take("log.format") {
            None => false,
            Some(setting) if setting.text == "json" => true,
            Some(setting) if setting.text == "text" => false,
            Some(setting) => {
                let problem = format!("{:?} is no format", setting.text);
                return Err(setting.wrong("log.format", problem).mend("write text or json"));
            }
        };
        let mut log = LogConfig { dir, json, size: 10 << 20, keep: 10 };
        self.number("log.size", &mut log.size)?;
        self.number("log.keep", &mut log.keep)?;
        Ok(log)
    }

    fn device(&mut self, n: usize) -> Result<DeviceOptions, ConfigError> {
        let path = |key: &str| format!("device.{n}.{key}");
        let Some(host) = self.left.take(&path("host")) else {
            let known = self.all.iter().find(|(at, _)| at.starts_with(&format!("device.{n}.")));
            let origin = known.map(|(_, setting)| setting.origin.clone());
            return Err(ConfigError::new(origin, path("host"), "the terminal has no host")
                .mend("set host to the terminal's name or address, e.g. host = \"192.0.2.10\""));
        };
        let split = device_spec::split_port(&host.text).filter(|(name, _)| !name.contains(char::is_whitespace));
        let (name, port_of_host) = split.ok_or_else(|| {
            host.wrong(&path("host"), format!("{:?} is no host", host.text)).mend("write a name or an address")
        })?;
        let mut device = DeviceOptions::new("", name);
        let port = self.left.take(&path("port"));
        let port = port.or_else(|| port_of_host.map(|text| Setting::new(text, host.origin.clone())));
        if let Some(port) = port {
            let wrong = |problem: &str| port.wrong(&path("port"), problem).mend("terminals listen on 4370");
            device.port = port.text.trim().parse().map_err(|_| wrong(&format!("{:?} is no port", port.text)))?;
            if device.port == 0 {
                return Err(wrong("port 0 cannot be connected to"));
            }
        }
        let named = self.left.take(&path("name"));
        let default = if device.port == 4370 { device.host.clone() } else { device.address() };
        if let Some(name) = named.as_ref().filter(|name| name.text.chars().count() > MAX_NAME_CHARS) {
            let problem = format!("the name is longer than {MAX_NAME_CHARS} characters");
            return Err(name
                .wrong(&path("name"), problem)
                .mend("give it a shorter one: sinks store it with each event"));
        }
        device.name = named.map_or(default, |setting| setting.text);
        if let Some(key) = self.left.take(&path("comm_key")) {
            device.comm_key = Some(self.comm_key(&path("comm_key"), &key)?);
        }
        if let Some(transport) = self.left.take(&path("transport")) {
            device.transport = match transport.text.as_str() {
                "tcp" => Transport::Tcp,
                "udp" => Transport::Udp,
                "auto" => Transport::Auto,
                other => {
                    let problem = format!("{other:?} is no transport");
                    return Err(transport.wrong(&path("transport"), problem).mend("write tcp, udp or auto"));
                }
            };
        }
        self.span(&path("timeout"), &mut device.timeout)?;
        if let Some(zone) = self.left.take(&path("zone")) {
            let unknown = |_| {
                zone.wrong(&path("zone"), format!("unknown time zone {:?}", zone.text))
                    .mend("write an IANA name such as Indian/Maldives")
            };
            device.zone = Some(Tz::from_str(&zone.text).map_err(unknown)?);
        }
        device.serial = self.left.take(&path("serial")).map(|setting| setting.text);
        if let Some(encoding) = self.left.take(&path("encoding")) {
            device.encoding = TextEncoding::named(&encoding.text).ok_or_else(|| {
                encoding
                    .wrong(&path("encoding"), format!("unknown code page {:?}", encoding.text))
                    .mend("write utf-8, gbk, big5, windows-1256 or another name that browsers know")
            })?;
        }
        if let Some(order) = self.parsed(&path("sixteen_mode_first"), "true or false")? {
            device.sixteen_mode_first = order;
        }
        Ok(device)
    }

    fn comm_key(&mut self, path: &str, key: &Setting) -> Result<CommKey, ConfigError> {
        if !secret::is_reference(&key.text) {
            self.warn_of_plain(path, key);
        }
        let number = secret::resolve(path, key, self.variables)?;
        number.trim().parse().map(CommKey::new).map_err(|_| {
            key.wrong(path, "is not a number of at most 4294967295").mend("write the number set in the terminal's menu")
        })
    }

    fn warn_of_plain(&mut self, path: &str, setting: &Setting) {
        self.warnings
            .push(format!("{}: {path} holds a secret in plain text; write ENV:NAME or FILE:PATH", setting.origin));
    }

    fn sinks(&mut self) -> Result<Vec<SinkConfig>, ConfigError> {
        let mut sinks: Vec<SinkConfig> = Vec::new();
        for index in 0..self.left.list_len("sink") {
            let mut entries = self.left.take_under(&format!("sink.{index}."));
            let mut take = |key: &str| {
                let at = entries.iter().position(|(known, _)| known == key)?;
                Some(entries.remove(at).1)
            };
            let (name, url) = (take("name"), take("url"));
            let Some(url) = url else {
                let origin = name.map(|setting| setting.origin).or_else(|| Some(entries.first()?.1.origin.clone()));
                return Err(ConfigError::new(origin, format!("sink.{index}.url"), "the sink has no URL")
                    .mend("set url, e.g. url = \"sqlite:attendance.db\""));
            };
            let scheme = url.text.split(':').next().unwrap_or_default().to_owned();
            let taken = |name: &str| sinks.iter().any(|sink| sink.name == name);
            let numbered = || (2..).map(|n| format!("{scheme}-{n}")).find(|name| !taken(name));
            let default = if taken(&scheme) { numbered().unwrap_or_default() } else { scheme.clone() };
            let (mut settings, mut origins) = (Vec::new(), Vec::new());
            for (key, setting) in entries {
                let path = format!("sink.{index}.{key}");
                if secret::is_secret(&key) && !secret::is_reference(&setting.text) {
                    self.warn_of_plain(&path, &setting);
                }
                settings.push((key.clone(), secret::resolve(&path, &setting, self.variables)?));
                origins.push((key, setting.origin));
            }
            let name = name.map_or(default, |setting| setting.text);
            sinks.push(SinkConfig { name, url, settings: Settings::new(settings), origins, index });
        }
        Ok(sinks)
    }

    /// Reports name terminals and sinks, so no two may be named alike. `named_after` gives a name where none is set.
    fn refuse_repeated<'n>(
        &self,
        list: &str,
        named_after: &str,
        names: impl Iterator<Item = (usize, &'n str)>,
    ) -> Result<(), ConfigError> {
        let mut taken = HashSet::new();
        let Some((n, name)) = names.into_iter().find(|(_, name)| !taken.insert(*name)) else { return Ok(()) };
        let path = format!("{list}.{n}.name");
        let at = self.all.get(&path).or_else(|| self.all.get(&format!("{list}.{n}.{named_after}")));
        let origin = at.map(|setting| setting.origin.clone());
        Err(ConfigError::new(origin, path, format!("{list} {name} is configured twice"))
            .mend("give each a name of its own, or remove one of the two"))
    }

    fn refuse_unknown(&self) -> Result<(), ConfigError> {
        let Some((path, setting)) = self.left.iter().next() else { return Ok(()) };
        let nearest = known::nearest(path).map(|key| format!("write {key}, or remove it; ")).unwrap_or_default();
        Err(setting.wrong(path, "unknown setting").mend(format!("{nearest}known are: {}", known::listed(path))))
    }
}

pub(super) fn parse<T: FromStr>(path: &str, setting: &Setting, expected: impl Display) -> Result<T, ConfigError> {
    let wrong =
        |_| setting.wrong(path, format!("{:?} is not {expected}", setting.text)).mend(format!("write {expected}"));
    setting.text.trim().parse().map_err(wrong)
}

pub(super) fn span(path: &str, setting: &Setting) -> Result<Duration, ConfigError> {
    duration::parse(&setting.text, SECOND).filter(|span| !span.is_zero()).ok_or_else(|| {
        setting
            .wrong(path, format!("{:?} is no span of time above 0", setting.text))
            .mend("write it like 30s, 5m or 1h 30m; a bare number counts seconds")
    })
}
