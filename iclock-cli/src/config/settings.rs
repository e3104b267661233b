//! Every key of the configuration, once: its name, the shape of its value, the default, a line of documentation, and
//! how it is read. A new key is a new entry here.
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
use attendance_model::{Policy, Reason, Rules};
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;
use iclock_sync::schedule::{Level, Quiet};
use iclock_sync::{CommKey, DeviceOptions, EngineOptions, Schedule, TextEncoding, Transport};

use super::LogConfig;
use super::catalogue::{Catalogue, Section};
use super::device_spec;
use super::key::Shape::{List, Number, OneOf, Path, Secret, Span, Switch, Text, Whole};
use super::key::Shown::{ByDefault, Example, Fixed, Required, Usual};
use super::key::{Entry, Key, Wrong, choice, key, parsed, put, span, whole};

/// All tables, in the order of the example.
pub(super) static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    Catalogue::new([
        Section::top(&top()),
        Section::list("device", "Terminals, one entry each.", &device()),
        Section::of_keys("sink", "Sinks, one entry each. The URL says which kind.", sink()),
        Section::table("schedule", "The wait between two polls of a loop.", &schedule()),
        Section::table(
            "rules",
            "Records that break a rule: accept delivers them, flag delivers them with the reason in `flags`, and \
             quarantine keeps them back.",
            &rules(),
        ),
        Section::table("log", "The program's log. Without a directory it goes to stderr alone.", &log()),
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
            "The most new events that one run may send to a sink. With more, it sends none and ends with 50. \
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
                device.name = Some(text.to_owned());
                if text.chars().count() <= MAX_NAME_CHARS {
                    return Ok(());
                }
                let problem = format!("the name is longer than {MAX_NAME_CHARS} characters");
                Err(Wrong::new(problem, "give it a shorter one: sinks store it with each event"))
            },
        ),
        key("host", Text, Required("192.0.2.10"), "Name or address.", |device: &mut Device, text| {
            let place = device_spec::split_port(text).filter(|(name, _)| !name.contains(char::is_whitespace));
            let wrong = || Wrong::new(format!("{text:?} is no host"), "write a name or an address");
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
                    Err(_) => wrong(format!("{text:?} is no port")),
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

/// The schemes of the URLs that databases and files have.
const SQL: &[&str] = &["sqlite", "postgres", "mysql"];
const SERVERS: &[&str] = &["postgres", "mysql", "mongodb"];
const DATABASES: &[&str] = &["sqlite", "firestore", "postgres", "mysql", "mongodb"];

fn sink() -> Vec<Key> {
    vec![
        Key::new("name", Text, Usual("local"), "The name in reports; unique. By default it is the scheme of the URL."),
        Key::new("url", Text, Required("sqlite:attendance.db"), "The database or the file that gets the events."),
        Key::new(
            "ids",
            OneOf(vec!["full", "iclock-sync-v1"]),
            Example("full"),
            "The ids of events: full, or iclock-sync-v1 for the Python tool's. Firestore has the latter by default, \
             other sinks the former.",
        ),
        Key::new("timeout", Span, ByDefault("30s"), "The longest that one request may take.").of(DATABASES),
        Key::new("table", Text, ByDefault("attendance_events"), "The table, which is created if it is missing.")
            .of(SQL),
        Key::new("schema", Text, Example("hr"), "The schema of the table. By default the server chooses.")
            .of(&["postgres"]),
        Key::new("collection", Text, ByDefault("attendance_events"), "The collection.").of(&["mongodb"]),
        Key::new("password", Secret, Example("ENV:DB_PASSWORD"), "The password of the user in the URL.").of(SERVERS),
        Key::new(
            "tls",
            OneOf(vec!["disable", "prefer", "require", "verify-full"]),
            ByDefault("prefer"),
            "Encryption: disable, prefer, require, or verify-full, which checks the server's certificate.",
        )
        .of(&["postgres", "mysql"]),
        Key::new("tls_ca", Path, Example("ca.pem"), "A PEM file of certificates to trust.").of(SERVERS),
        Key::new("pool", Whole(1, u32::MAX as u64), ByDefault("4"), "The most connections at once.").of(SERVERS),
        Key::new(
            "credentials",
            Path,
            Example("config/firebase-key.json"),
            "The key file of a service account. By default application default credentials are used.",
        )
        .of(&["firestore"]),
        Key::new("database", Text, ByDefault("(default)"), "The database of the project.").of(&["firestore"]),
        Key::new("emulator", Text, Example("127.0.0.1:8080"), "The address of an emulator, instead of the service.")
            .of(&["firestore"]),
        Key::new(
            "layout",
            OneOf(vec!["compatible", "full"]),
            ByDefault("compatible"),
            "compatible: the Python tool's five fields. full: these and a map of the rest.",
        )
        .of(&["firestore"]),
        Key::new(
            "time",
            OneOf(vec!["wall-clock-as-utc", "instant"]),
            ByDefault("wall-clock-as-utc"),
            "The timestamp of a document: wall-clock-as-utc, which SchoolSync reads, or instant for the true moment.",
        )
        .of(&["firestore"]),
        Key::new(
            "daily_writes",
            Whole(1, u64::MAX),
            Example("20000"),
            "The most writes in a day, such as what the free tier allows. The rest follows the next day. \
             By default there is no limit.",
        )
        .of(&["firestore"]),
        Key::new(
            "rotate",
            Text,
            Example("day"),
            "When a new file begins: day, or a size such as 100MB. By default never.",
        )
        .of(&["csv", "jsonl"]),
    ]
}

pub(super) fn schedule() -> Vec<Entry<Schedule>> {
    let cap = |name, level: Level, shown, doc| {
        key(name, Span, ByDefault(shown), doc, move |schedule: &mut Schedule, text| {
            let span = span(text)?;
            schedule.caps.iter_mut().skip(level as usize).take(1).for_each(|cap| *cap = span);
            Ok(())
        })
    };
    let from = |name, level: Level, shown, doc| {
        key(name, Whole(0, 23), ByDefault(shown), doc, move |schedule: &mut Schedule, text| {
            let hour: u32 = parsed(text, "an hour from 0 to 23")?;
            if hour > 23 {
                return Err(Wrong::new(format!("there is no hour {hour}"), "write 0 to 23"));
            }
            schedule.hours.retain(|(_, known)| *known != level);
            schedule.hours.push((hour, level));
            schedule.hours.sort_unstable();
            Ok(())
        })
    };
    vec![
        // The others change what this one sets.
        choice(
            "kind",
            "kind of schedule",
            [("graduated", Schedule::graduated as fn(_) -> _), ("fixed", Schedule::fixed)],
            ByDefault("graduated"),
            "graduated: the wait grows while no punches come. fixed: it is always `interval`.",
            |schedule: &mut Schedule, of_kind| put(schedule, Ok(of_kind(schedule.base))),
        ),
        key(
            "factor",
            Number(1.0, 100.0),
            ByDefault("1.5"),
            "The factor by which the wait grows with each poll that finds nothing.",
            |schedule: &mut Schedule, text| match parsed(text, "a number from 1 to 100, such as 1.5")? {
                factor if (1.0..=100.0).contains(&factor) => put(&mut schedule.factor, Ok(factor)),
                _ => Err(Wrong::new("is not between 1 and 100", "write 1.5")),
            },
        ),
        cap("rest", Level::Rest, "5m", "The longest wait at the first of four levels."),
        cap("nap", Level::Nap, "15m", "The longest wait at the second level."),
        cap("sleep", Level::Sleep, "1h", "The longest wait at the third level."),
        cap("dream", Level::Dream, "3h", "The longest wait at the last level."),
        from(
            "rest_from",
            Level::Rest,
            "6",
            "The hour of the day from which the wait grows no further than the first level.",
        ),
        from("nap_from", Level::Nap, "16", "The hour from which it grows no further than the second level."),
        from("sleep_from", Level::Sleep, "18", "The hour from which it grows no further than the third level."),
        from("dream_from", Level::Dream, "23", "The hour from which it grows no further than the last level."),
        key(
            "day_start",
            Text,
            ByDefault("06:00"),
            "The start of the working day: no wait goes past it.",
            |schedule: &mut Schedule, text| put(&mut schedule.day_start, time(text).map(Some)),
        ),
        key(
            "jitter",
            Number(0.0, 0.5),
            ByDefault("0.1"),
            "The share of a wait by which it may be longer or shorter, so that terminals are not polled in step.",
            |schedule: &mut Schedule, text| match parsed(text, "a number from 0 to 0.5, such as 0.1")? {
                jitter if (0.0..=0.5).contains(&jitter) => put(&mut schedule.jitter, Ok(jitter)),
                _ => Err(Wrong::new("is not between 0 and 0.5", "write 0.1")),
            },
        ),
        key(
            "quiet",
            Text,
            Example("22:00-05:00"),
            "The hours in which no poll is due. Punches that are heard live are read all the same. \
             By default there are none.",
            |schedule: &mut Schedule, text| {
                let wrong = || Wrong::new(format!("{text:?} is no span of the day"), "write it like 22:00-05:00");
                let (from, until) = text.split_once('-').ok_or_else(wrong)?;
                let quiet = Quiet { from: time(from.trim())?, until: time(until.trim())? };
                put(&mut schedule.quiet, Ok(Some(quiet)))
            },
        ),
    ]
}

/// Reads a time of the day.
fn time(text: &str) -> Result<NaiveTime, Wrong> {
    let wrong = |_| Wrong::new(format!("{text:?} is no time"), "write it like 06:00");
    NaiveTime::parse_from_str(text, "%H:%M").map_err(wrong)
}

pub(super) fn rules() -> Vec<Entry<Rules>> {
    let mut entries = vec![
        key(
            "allow_list",
            List,
            Example("1,2,42"),
            "The only user ids that may punch. By default any may.",
            |rules: &mut Rules, text| {
                let ids = text.split(',').map(|id| id.trim().to_owned());
                let changed = std::mem::take(rules).allow_list(ids);
                put(rules, Ok(changed))
            },
        ),
        key("earliest", Text, ByDefault("2010-01-01"), "The first day that is believed.", |rules: &mut Rules, text| {
            let wrong = |_| Wrong::new(format!("{text:?} is no date"), "write it like \"2010-01-01\"");
            let day: NaiveDate = text.trim().parse().map_err(wrong)?;
            let changed = std::mem::take(rules).earliest(day.and_time(NaiveTime::MIN));
            put(rules, Ok(changed))
        }),
    ];
    entries.extend(Reason::ALL.map(policy));
    entries
}

/// The policy of one rule.
fn policy(reason: Reason) -> Entry<Rules> {
    let default = reason.default_policy().as_str();
    let policies = [Policy::Accept, Policy::Flag, Policy::Quarantine];
    choice(
        reason.as_str(),
        "policy",
        policies.map(|policy| (policy.as_str(), policy)),
        if reason.is_fixed() { Fixed(default) } else { ByDefault(default) },
        about(reason),
        move |rules: &mut Rules, policy| {
            let changed = rules.clone().policy(reason, policy);
            put(rules, changed.map_err(|fixed| Wrong::new(fixed.to_string(), "remove the line")))
        },
    )
}

/// The records that break a rule.
fn about(reason: Reason) -> &'static str {
    match reason {
        Reason::EmptyUserId => "No user id.",
        Reason::NonNumericUserId => "A user id that is not a number.",
        Reason::NonPositiveUserId => "A user id of 0 or less.",
        Reason::UnknownState => "A punch state that no document names.",
        Reason::UnknownVerifyMode => "A verify mode that no document names.",
        Reason::UndecodableUserId => {
            "Bytes in a user id that are no text. accept leaves these bytes out, as the Python tool did."
        }
        Reason::ClockResetTime => "A time before `earliest`, or years before the terminal's other punches.",
        Reason::FutureTime => "A time more than a day ahead of this computer.",
        Reason::NotOnAllowList => "A user id that is not in `allow_list`, if there is one.",
        _ => "",
    }
}

pub(super) fn log() -> Vec<Entry<LogConfig>> {
    vec![
        key(
            "dir",
            Path,
            Example("logs"),
            "Directory of the files sync_YYYYMMDD_HHMMSS.log.",
            |log: &mut LogConfig, text| put(&mut log.dir, Ok(Some(text.into()))),
        ),
        choice(
            "format",
            "format",
            [("text", false), ("json", true)],
            ByDefault("text"),
            "text, or json for an object on each line.",
            |log: &mut LogConfig, json| put(&mut log.json, Ok(json)),
        ),
        key(
            "size",
            Whole(0, usize::MAX as u64),
            ByDefault("10485760"),
            "The bytes at which a new file begins.",
            |log: &mut LogConfig, text| put(&mut log.size, whole(text)),
        ),
        key(
            "keep",
            Whole(0, usize::MAX as u64),
            ByDefault("10"),
            "The files that are kept.",
            |log: &mut LogConfig, text| put(&mut log.keep, whole(text)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example::example;
    use crate::config::layers::{Layer, Origin, Setting};
    use crate::config::schema::schema;
    use crate::config::{Builder, Variables, secret};

    /// A table with a key that the program does not have.
    fn alarm() -> Vec<Entry<Duration>> {
        vec![key("snooze", Span, ByDefault("9m"), "The time until the next ring.", |draft: &mut Duration, text| {
            put(draft, span(text))
        })]
    }

    #[test]
    fn a_new_key_is_one_entry_and_is_read_and_named_everywhere() {
        let catalogue = Catalogue::new([Section::top(&top()), Section::table("alarm", "The alarm.", &alarm())]);
        assert!(catalogue.find("alarm.snooze").is_some());
        assert_eq!(catalogue.nearest("alarm.snoze"), Some("snooze"));
        assert_eq!(catalogue.path_of_variable("alarm_snooze"), "alarm.snooze");
        assert_eq!(catalogue.nearest_variable("ICLOCK_ALARM_SNOZE"), "ICLOCK_ALARM_SNOOZE");
        let property = &schema(&catalogue)["properties"]["alarm"]["properties"]["snooze"];
        assert_eq!(
            (&property["default"], &property["description"]),
            (&"9m".into(), &"The time until the next ring.".into())
        );
        let shown = "\n# The alarm.\n\n[alarm]\n# The time until the next ring.\n# snooze = \"9m\"\n";
        assert!(example(&catalogue).ends_with(shown), "{}", example(&catalogue));

        let mut layer = Layer::default();
        layer.set("alarm.snooze", Setting::new("2m", Origin::Flag("test")));
        let variables = Variables::default();
        let mut draft = Duration::ZERO;
        let mut builder = Builder::new(layer, &variables, Vec::new());
        builder.read("alarm.", &alarm(), &mut draft);
        assert_eq!(draft, Duration::from_secs(120));
    }

    #[test]
    fn every_word_of_a_choice_is_explained() {
        for section in CATALOGUE.sections() {
            for key in &section.keys {
                let OneOf(words) = &key.shape else { continue };
                let missing = words.iter().find(|word| !key.doc.contains(*word) && !section.doc.contains(*word));
                assert_eq!(missing, None, "{}", key.name);
            }
        }
    }

    #[test]
    fn a_secret_of_the_tables_is_masked() {
        let keys = CATALOGUE.sections().iter().flat_map(|section| &section.keys);
        for key in keys.filter(|key| key.shape == Secret) {
            assert!(secret::is_secret(key.name), "{}", key.name);
        }
    }

    #[test]
    fn a_path_is_known_by_its_table_and_key() {
        for path in ["interval", "device.0.host", "sink.12.url", "schedule.factor", "rules.empty_user_id", "log.dir"] {
            assert!(CATALOGUE.find(path).is_some(), "{path}");
        }
        for path in ["host", "device.0.hots", "device.host", "sink.0.url.x", "log.x.dir", "service_host", "device"] {
            assert!(CATALOGUE.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        assert_eq!(CATALOGUE.nearest("device.0.hots"), Some("host"));
        assert_eq!(CATALOGUE.nearest("intervall"), Some("interval"));
        assert_eq!(CATALOGUE.nearest_variable("ICLOCK_INTERVALL"), "ICLOCK_INTERVAL");
        assert_eq!(CATALOGUE.nearest_variable("ICLOCK_DEVICE_1_HOTS"), "ICLOCK_DEVICE_1_HOST");
        assert_eq!(CATALOGUE.nearest_variable("ICLOCK_SINK_0_URI"), "ICLOCK_SINK_0_URL");
    }

    #[test]
    fn a_variable_names_the_path_of_its_key() {
        for (variable, path) in [
            ("interval", "interval"),
            ("state_dir", "state_dir"),
            ("device_0_comm_key", "device.0.comm_key"),
            ("schedule_day_start", "schedule.day_start"),
            ("devices", "devices"),
        ] {
            assert_eq!(CATALOGUE.path_of_variable(variable), path);
        }
    }
}
