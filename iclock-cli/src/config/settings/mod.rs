//! Every key of the configuration, once: its name, the shape of its value, the default, a line of documentation, and
//! how it is read. A new key is a new entry here or in the file of its table.
//!
//! | from these tables come | in |
//! |---|---|
//! | the values in force | `build.rs` |
//! | known keys, the nearest one to a mistyped one, the names of variables | `catalogue.rs` |
//! | `config schema` | `schema.rs` |
//! | `docs/iclock.example.toml` | `example.rs` |
//!
//! A sink's keys pass through as text: its own crate reads them.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use attendance_model::validate::MAX_NAME_CHARS;
use chrono_tz::Tz;
use iclock_sync::{CommKey, DeviceOptions, EngineOptions, TextEncoding, Transport};

pub(super) mod alerts;
pub(super) mod log;
pub(super) mod push;
pub(super) mod retention;
pub(super) mod rules;
pub(super) mod schedule;
pub(super) mod server;
pub(super) mod shifts;
mod sink;

use super::catalogue::{Catalogue, Section};
use super::device_spec::{self, Mistaken};
use super::key::Shape::{Path, Secret, Span, Switch, Text, Whole};
use super::key::Shown::{ByDefault, Example, Required, Usual};
use super::key::{Entry, Wrong, choice, key, parsed, put, span, whole};
pub(super) use sink::OUTGOING;

/// All tables, in the order of the example.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::new([
        Section::top(&top()),
        Section::list("device", "Terminals, one entry each.", &device()),
        Section::of_keys("sink", "Sinks, one entry each. The URL says which kind.", sink::keys()),
        Section::list(
            "pushing",
            "Terminals that call `serve`, one entry each. Others wait until somebody approves them: `push pending`.",
            &push::terminal(),
        ),
        Section::table(
            "push",
            "The receiver of terminals that call by themselves, which `serve` runs.",
            &push::entries(),
        ),
        Section::table("server", "The API of `serve`, for other programs.", &server::entries()),
        Section::table("schedule", "The wait between two polls of a loop.", &schedule::entries()),
        Section::table(
            "rules",
            "Records that break a rule: accept delivers them, flag delivers them with the reason in `flags`, and \
             quarantine keeps them back.",
            &rules::entries(),
        ),
        Section::table("shifts", "The hours of work, by which `report` judges.", &shifts::entries()),
        Section::table(
            "retention",
            "Old data shrinks to what it is known by, so that nothing enters twice. A loop does it; by default nothing \
             shrinks.",
            &retention::entries(),
        ),
        Section::table(
            "alerts",
            "What a loop or `serve` tells a person, once when it begins and once when it is over. Without a way, \
             nothing is sent.",
            &alerts::entries(),
        ),
        Section::table("log", "The program's log. Without a directory it goes to stderr alone.", &log::entries()),
    ])
});

/// The settings outside any table.
pub(super) struct Top {
    pub(super) state_dir: PathBuf,
    pub(super) interval: Duration,
    pub(super) max_new: Option<u64>,
    pub(super) output: Option<PathBuf>,
    pub(super) metrics_file: Option<PathBuf>,
    pub(super) engine: EngineOptions,
}

impl Default for Top {
    fn default() -> Self {
        Self {
            state_dir: "state".into(),
            interval: Duration::from_secs(300),
            max_new: None,
            output: None,
            metrics_file: None,
            engine: EngineOptions::default(),
        }
    }
}

/// A terminal, and the name that is set for it.
pub(super) struct Device {
    pub(super) name: Option<String>,
    pub(super) interval: Option<Duration>,
    pub(super) correct_clock: bool,
    pub(super) options: DeviceOptions,
}

pub(super) fn top() -> Vec<Entry<Top>> {
    vec![
        key(
            "state_dir",
            Path,
            ByDefault("state"),
            "Directory of the ledger: the punches read, what each sink has, and the quarantine. Back it up.",
            |top: &mut Top, text| put(&mut top.state_dir, Ok(text.into())),
        ),
        key(
            "interval",
            Span,
            ByDefault("5m"),
            "The wait of `sync --loop` after a poll that found something. [schedule] says how it grows.",
            |top: &mut Top, text| put(&mut top.interval, span(text)),
        ),
        key(
            "max_new",
            Whole(0, u64::MAX),
            Example("300"),
            "The most new events that one run may send to a sink. With more, it sends none and exits with 50. \
             By default there is no limit.",
            |top: &mut Top, text| put(&mut top.max_new, parsed(text, "a number of events, such as 300").map(Some)),
        ),
        key(
            "output",
            Path,
            Example("output"),
            "Directory of exports (./output by default), and of one logs_<time>.json for each run that stored \
             something (by default there is none).",
            |top: &mut Top, text| put(&mut top.output, Ok(Some(text.into()))),
        ),
        key(
            "audit",
            Switch,
            ByDefault("true"),
            "Keeps the audit: for each event when and how it was read, and when each sink stored it.",
            |top: &mut Top, text| put(&mut top.engine.audit, parsed(text, "true or false")),
        ),
        key(
            "names",
            Switch,
            ByDefault("false"),
            "Reads people's names from the terminals and keeps them in the ledger, for what is shown to people. \
             Passwords, cards and fingerprints are not kept.",
            |top: &mut Top, text| put(&mut top.engine.names, parsed(text, "true or false")),
        ),
        key(
            "proxy",
            Text,
            Example("http://192.0.2.9:3128"),
            "The proxy through which sinks and alerts call addresses that begin with https://; none is no proxy. \
             By default that of the environment, HTTPS_PROXY.",
            |_, _| Ok(()),
        ),
        key(
            "no_proxy",
            Text,
            Example("localhost, .school.example, 192.0.2.0/24"),
            "The hosts, domains and networks that are called without the proxy. By default NO_PROXY.",
            |_, _| Ok(()),
        ),
        key(
            "ca_file",
            Path,
            Example("ca.pem"),
            "A PEM file of certificates that sinks and alerts trust besides the usual ones, unless they have a tls_ca \
             of their own. Databases have only their own.",
            |_, _| Ok(()),
        ),
        key(
            "metrics_file",
            Path,
            Example("metrics.txt"),
            "A file that a loop keeps up to date with its metrics, as OpenMetrics text.",
            |top: &mut Top, text| put(&mut top.metrics_file, Ok(Some(text.into()))),
        ),
        key(
            "overlap",
            Whole(0, u32::MAX as u64),
            ByDefault("16"),
            "Records before the known end of a log that are read again and compared.",
            |top: &mut Top, text| put(&mut top.engine.overlap, whole(text)),
        ),
        key(
            "verify_every",
            Span,
            ByDefault("6h"),
            "How long an unchanged number of records is trusted before the end of the log is read.",
            |top: &mut Top, text| put(&mut top.engine.verify_every, span(text)),
        ),
        key(
            "concurrency",
            Whole(1, usize::MAX as u64),
            ByDefault("32"),
            "Terminals read at once.",
            |top: &mut Top, text| put(&mut top.engine.concurrency, whole(text)),
        ),
        key(
            "device_deadline",
            Span,
            ByDefault("30m"),
            "The longest that one terminal may take in a run.",
            |top: &mut Top, text| put(&mut top.engine.device_deadline, span(text)),
        ),
        key(
            "attempts",
            Whole(1, u32::MAX as u64),
            ByDefault("3"),
            "Tries to reach a terminal or to write a batch, the first included.",
            |top: &mut Top, text| put(&mut top.engine.attempts, whole(text)),
        ),
        key(
            "backoff",
            Span,
            ByDefault("500ms"),
            "The wait between the first two tries; it doubles each time.",
            |top: &mut Top, text| put(&mut top.engine.backoff, span(text)),
        ),
        key(
            "sink_timeout",
            Span,
            ByDefault("60s"),
            "The longest that one call to a sink may take.",
            |top: &mut Top, text| put(&mut top.engine.sink_timeout, span(text)),
        ),
    ]
}

pub(super) fn device() -> Vec<Entry<Device>> {
    vec![
        key(
            "name",
            Text,
            Usual("front-gate"),
            "The name in reports; unique. By default it is the host.",
            |device: &mut Device, text| {
                if text.trim().is_empty() {
                    return Err(Wrong::new("the name is empty", "write one, or leave it out"));
                }
                if text.contains(char::is_control) {
                    return Err(Wrong::new(format!("the name {text:?} has control characters"), "leave them out"));
                }
                device.name = Some(text.to_owned());
                if text.chars().count() <= MAX_NAME_CHARS {
                    return Ok(());
                }
                let problem = format!("the name is longer than {MAX_NAME_CHARS} characters");
                Err(Wrong::new(problem, "give it a shorter one: sinks store it with each event"))
            },
        ),
        key("host", Text, Required("192.0.2.10"), "Name or address.", |device: &mut Device, text| {
            if let Some(Mistaken { problem, hint }) = device_spec::mistaken(text) {
                return Err(Wrong::new(problem, hint));
            }
            let place = device_spec::split_port(text).filter(|(name, _)| !name.contains(char::is_whitespace));
            let wrong = || Wrong::new(format!("{text:?} is not a valid host"), "write a name or an address");
            put(&mut device.options.host, place.map(|(name, _)| name.to_owned()).ok_or_else(wrong))
        }),
        key(
            "port",
            Whole(1, 65_535),
            ByDefault("4370"),
            "The port that the terminal listens on.",
            |device: &mut Device, text| {
                let wrong = |problem: String| Err(Wrong::new(problem, "terminals listen on 4370"));
                match text.trim().parse() {
                    Ok(0) => wrong("port 0 cannot be connected to".to_owned()),
                    Ok(port) => put(&mut device.options.port, Ok(port)),
                    Err(_) => wrong(format!("{text:?} is not a valid port")),
                }
            },
        ),
        key(
            "comm_key",
            Secret,
            Example("ENV:FRONT_KEY"),
            "The communication key in the terminal's menu. ENV:NAME and FILE:PATH keep it out of this file. \
             By default there is none.",
            |device: &mut Device, text| {
                let wrong = |_| {
                    let problem = "is not a number of at most 4294967295";
                    Wrong::new(problem, "write the number set in the terminal's menu")
                };
                let number = text.trim().parse().map_err(wrong);
                put(&mut device.options.comm_key, number.map(|number| Some(CommKey::new(number))))
            },
        ),
        choice(
            "transport",
            "transport",
            [("tcp", Transport::Tcp), ("udp", Transport::Udp), ("auto", Transport::Auto)],
            ByDefault("auto"),
            "tcp, udp, or auto, which tries TCP, then UDP if nothing answers.",
            |device: &mut Device, transport| put(&mut device.options.transport, Ok(transport)),
        ),
        key("timeout", Span, ByDefault("5s"), "The longest wait for one answer.", |device: &mut Device, text| {
            put(&mut device.options.timeout, span(text))
        }),
        key(
            "interval",
            Span,
            Example("1m"),
            "The wait of `sync --loop` after a poll of this terminal that found something. By default the general \
             `interval`.",
            |device: &mut Device, text| put(&mut device.interval, span(text).map(Some)),
        ),
        key(
            "zone",
            Text,
            Usual("Indian/Maldives"),
            "The terminal's time zone, by its IANA name: each event then has its true instant next to the wall clock. \
             By default there is none.",
            |device: &mut Device, text| {
                let wrong = |_| {
                    let problem = format!("unknown time zone {text:?}");
                    Wrong::new(problem, "write an IANA name such as Indian/Maldives")
                };
                put(&mut device.options.zone, Tz::from_str(text).map(Some).map_err(wrong))
            },
        ),
        choice(
            "clock",
            "habit with clocks",
            [("watch", false), ("correct", true)],
            ByDefault("watch"),
            "correct: the terminal's clock is set when it is off by more than 30 s, but never near midnight, in quiet \
             hours or without a `zone`. watch: its drift is only reported.",
            |device: &mut Device, correct| put(&mut device.correct_clock, Ok(correct)),
        ),
        key(
            "serial",
            Text,
            Example("OID7040067012100054"),
            "The serial number that the terminal must have: another terminal at this address is refused. \
             By default any is taken.",
            |device: &mut Device, text| put(&mut device.options.serial, Ok(Some(text.to_owned()))),
        ),
        key(
            "clear_when",
            Text,
            Example("90%"),
            "The fill level at which a run or a loop clears the terminal's log, as `clear` does: after a backup, and \
             only if every sink has all of it. Needs `serial`. By default it is never cleared.",
            |device: &mut Device, text| {
                let level = text.strip_suffix('%').unwrap_or(text).trim().parse().ok();
                let wrong = || Wrong::new(format!("{text:?} is no fill level"), "write it like 90%, from 1% to 100%");
                let level = level.filter(|level| (1..=100).contains(level)).ok_or_else(wrong);
                put(&mut device.options.clear_when, level.map(Some))
            },
        ),
        key(
            "encoding",
            Text,
            ByDefault("utf-8"),
            "The code page of the terminal's texts: utf-8, gbk, big5, windows-1256 and so on.",
            |device: &mut Device, text| {
                let wrong = || {
                    let hint = "write utf-8, gbk, big5, windows-1256 or another name that browsers know";
                    Wrong::new(format!("unknown code page {text:?}"), hint)
                };
                put(&mut device.options.encoding, TextEncoding::named(text).ok_or_else(wrong))
            },
        ),
        key(
            "layout",
            Text,
            Example("40"),
            "The layout of the terminal's records: 40, 49 or another width from 40 to 512, 16, 8b, 8a. \
             By default it is found out.",
            |device: &mut Device, text| {
                let wrong = || {
                    let hint = "write \"40\", \"49\" or another width from 40 to 512, \"16\", \"8b\" or \"8a\"";
                    Wrong::new(format!("{text:?} is no layout of records"), hint)
                };
                put(&mut device.options.layout, text.trim().parse().ok().map(Some).ok_or_else(wrong))
            },
        ),
        key(
            "sixteen_mode_first",
            Switch,
            ByDefault("false"),
            "For terminals with 16-byte records: the verify mode is before the punch state, as in the Python tool.",
            |device: &mut Device, text| put(&mut device.options.sixteen_mode_first, parsed(text, "true or false")),
        ),
    ]
}

#[cfg(test)]
mod tests;
