//! The questions of `init`, and the settings that answers or flags make.

use std::collections::VecDeque;
use std::fmt;

use chrono_tz::Tz;
use iclock_sync::diagnose::{self, Cause};
use zk_proto::{Client, ClientError};

use super::ask::Ask;
use super::offer::{self, Offer};
use crate::config::{Config, ConfigErrors, Flags, Layer, Origin, Setting};
use crate::context::Context;
use crate::error::CliError;
use crate::sinks;

/// The answers.
pub(super) struct Answers {
    pub(super) settings: Layer,
    pub(super) secrets: Vec<Secret>,
}

/// A secret, and the file that it goes to, next to the configuration.
pub(super) struct Secret {
    pub(super) file: String,
    pub(super) text: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.file)
    }
}

/// A kind of sink, its example of a URL, and its secret.
struct Kind {
    scheme: &'static str,
    title: &'static str,
    url: &'static str,
    secret: Option<&'static str>,
}

const KINDS: [Kind; 7] = [
    Kind { scheme: "sqlite", title: "SQLite: a file, nothing to install", url: "sqlite:attendance.db", secret: None },
    Kind {
        scheme: "postgres",
        title: "PostgreSQL",
        url: "postgres://iclock@localhost/attendance",
        secret: Some("password"),
    },
    Kind {
        scheme: "mysql",
        title: "MySQL or MariaDB",
        url: "mysql://iclock@localhost/attendance",
        secret: Some("password"),
    },
    Kind {
        scheme: "mongodb",
        title: "MongoDB",
        url: "mongodb://iclock@localhost/attendance",
        secret: Some("password"),
    },
    Kind { scheme: "firestore", title: "Firestore", url: "firestore://my-project/staffAttendanceLogs", secret: None },
    Kind { scheme: "csv", title: "CSV file", url: "csv:attendance.csv", secret: None },
    Kind { scheme: "jsonl", title: "JSON Lines file", url: "jsonl:attendance.jsonl", secret: None },
];

/// The settings of flags.
pub(super) fn of_flags(devices: &[String], sinks: &[String]) -> Result<Layer, CliError> {
    let flags = Flags { devices: devices.to_vec(), sinks: sinks.to_vec(), bare: true, ..Flags::default() };
    // A reference to a secret may lead nowhere yet, and a URL is read by its sink.
    let (config, _) = Config::examine(&flags)?;
    Ok(config.settings)
}

/// Asks for the terminals and sinks that no flag names. `search` finds terminals, if the person wants that.
pub(super) fn ask(
    context: &Context,
    person: &mut impl Ask,
    search: impl FnOnce() -> Result<Vec<Offer>, CliError>,
    (devices, sinks): (&[String], &[String]),
    zone: Option<Tz>,
) -> Result<Answers, CliError> {
    let (mut devices, mut sinks, mut secrets) = (devices.to_vec(), sinks.to_vec(), Vec::new());
    let mut of_devices = Vec::new();
    let mut offered = if devices.is_empty() { offer::offered(person, search)? } else { VecDeque::new() };
    while devices.is_empty() || !of_devices.is_empty() {
        let more = if devices.is_empty() { "" } else { "; empty if there is no other one" };
        let (host, serial) = match offered.pop_front() {
            Some(Offer { address, serial, .. }) => (address, serial),
            None => (person.text(&format!("Address of a terminal, as its menu shows it{more}"), "")?, None),
        };
        if host.is_empty() {
            if devices.is_empty() {
                eprintln!("A terminal is needed. Its address is in its menu: Comm, Ethernet.");
                continue;
            }
            break;
        }
        let mut key = None;
        while let Some(cause) = trouble(context, &host, key.as_deref())? {
            eprintln!("{host}: {cause}\n  try: {}", cause.fix());
            if matches!(cause, Cause::KeyMissing | Cause::KeyWrong) {
                key = Some(person.secret("Its communication key; empty to leave it out")?);
                if key.as_ref().is_some_and(|key| !key.is_empty()) {
                    continue;
                }
                key = None;
            }
            break;
        }
        let name =
            person.text("A name for it, which its records will carry", &format!("terminal-{}", devices.len() + 1))?;
        of_devices.push(devices.len());
        let key = key.map(|text| {
            let file = format!("keys/{}", file_name(&name));
            secrets.push(Secret { file: file.clone(), text });
            format!("key=FILE:{file}")
        });
        devices.push(offer::spec(&name, &host, serial.as_deref(), key));
    }
    let mut password = None;
    if sinks.is_empty() {
        let (url, secret) = ask_sink(person)?;
        sinks.push(url);
        password = secret;
    }
    let mut settings = of_flags(&devices, &sinks)?;
    if let Some(text) = password {
        let file = "keys/sink-password".to_owned();
        settings.set("sink.0.password", Setting::new(format!("FILE:{file}"), Origin::Default("answered")));
        secrets.push(Secret { file, text });
    }
    if zone.is_none() && !of_devices.is_empty() {
        ask_zone(person, &of_devices, &mut settings)?;
    }
    Ok(Answers { settings, secrets })
}

/// Asks for the sink; returns its URL and its password.
fn ask_sink(person: &mut impl Ask) -> Result<(String, Option<String>), CliError> {
    let built: Vec<&'static str> = sinks::kinds().collect();
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| built.contains(&kind.scheme)).collect();
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let chosen = person.choose("The place for the records", &titles)?;
    let kind = kinds.get(chosen).or(kinds.first());
    let url = person.text("Its URL", kind.map(|kind| kind.url).unwrap_or_default())?;
    let password = match kind.and_then(|kind| kind.secret) {
        Some(what) => Some(person.secret(&format!("Its {what}; empty if there is none"))?),
        None => None,
    };
    Ok((url, password.filter(|password| !password.is_empty())))
}

fn ask_zone(person: &mut impl Ask, devices: &[usize], settings: &mut Layer) -> Result<(), CliError> {
    let here = iana_time_zone::get_timezone().unwrap_or_default();
    let zone = loop {
        let answer = person.text("The time zone of the terminals, such as Indian/Maldives; - for none", &here)?;
        if answer == "-" || answer.is_empty() {
            return Ok(());
        }
        match answer.parse::<Tz>() {
            Ok(zone) => break zone,
            Err(_) => eprintln!("{answer:?} is not a zone of the IANA database"),
        }
    };
    for n in devices {
        settings.set(format!("device.{n}.zone"), Setting::new(zone.name(), Origin::Default("answered")));
    }
    Ok(())
}

/// Tries to open a session. Returns the cause if there is none.
fn trouble(context: &Context, place: &str, key: Option<&str>) -> Result<Option<Cause>, CliError> {
    let spec = key.map_or_else(|| place.to_owned(), |key| format!("{place}?key={key}"));
    let flags = Flags { devices: vec![spec], bare: true, ..Flags::default() };
    let (config, errors) = Config::examine(&flags)?;
    let Some(device) = config.devices.first() else { return Err(ConfigErrors::in_order(errors).into()) };
    let connected: Result<(), ClientError> = context.wait_for(async {
        let mut client = Client::connect(&device.connect_options()).await?;
        let identity = client.identity().await;
        client.exit().await;
        let identity = identity?;
        let facts = [identity.device_name, identity.serial].into_iter().flatten().collect::<Vec<_>>();
        eprintln!("{place}: {}", facts.join(", ").escape_debug());
        Ok(())
    })?;
    Ok(connected.err().map(|error| diagnose::cause_of(&error)))
}

/// The name of a file for a terminal's key.
fn file_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() || "-_".contains(letter) { letter } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use crate::global::Global;

    use super::*;

    /// Answers from a list; a choice by its number.
    struct Script(VecDeque<&'static str>);

    impl Script {
        fn next(&mut self, default: &str) -> String {
            match self.0.pop_front().expect("another question") {
                "<enter>" => default.to_owned(),
                answer => answer.to_owned(),
            }
        }
    }

    impl Ask for Script {
        fn text(&mut self, _: &str, default: &str) -> Result<String, CliError> {
            Ok(self.next(default))
        }
        fn secret(&mut self, _: &str) -> Result<String, CliError> {
            Ok(self.next(""))
        }
        fn choose(&mut self, _: &str, items: &[&str]) -> Result<usize, CliError> {
            let wanted = self.next("");
            Ok(items.iter().position(|item| item.starts_with(&wanted)).unwrap())
        }
        fn choose_several(&mut self, _: &str, items: &[&str]) -> Result<Vec<usize>, CliError> {
            let wanted = self.next("");
            Ok((0..items.len()).filter(|n| items[*n].contains(&wanted)).collect())
        }
    }

    #[test]
    fn answers_make_the_settings_and_secrets_go_to_files() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let keyed = zk_sim::Terminal::builder().records(3).key(4711).build();
        let server = runtime.block_on(zk_sim::Server::start(keyed, "127.0.0.1:0".parse().unwrap())).unwrap();
        let host: &'static str = server.addr().to_string().leak();
        let answers =
            ["Type", host, "9", "4711", "front gate", "", "SQLite", "<enter>", "Mars/Olympus", "Indian/Maldives"];
        let mut person = Script(answers.into());
        let context = Context::new(Global::default());
        let nothing = || panic!("the person types the addresses");
        let Answers { settings, secrets } = ask(&context, &mut person, nothing, (&[], &[]), None).unwrap();
        assert!(person.0.is_empty(), "{:?}", person.0);
        let of = |path: &str| settings.get(path).map(|setting| setting.text.as_str());
        assert_eq!(of("device.0.name"), Some("front gate"));
        assert_eq!(of("device.0.comm_key"), Some("FILE:keys/front-gate"));
        assert_eq!(of("device.0.zone"), Some("Indian/Maldives"));
        assert_eq!(of("sink.0.url"), Some("sqlite:attendance.db"));
        assert_eq!((secrets[0].file.as_str(), secrets[0].text.as_str()), ("keys/front-gate", "4711"));
        assert!(!format!("{secrets:?}").contains("4711"));
    }

    #[test]
    fn terminals_that_are_found_are_offered_and_those_that_are_chosen_are_taken_with_their_serial_numbers() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let open = zk_sim::Terminal::builder().records(3).serial("GATE1").build();
        let server = runtime.block_on(zk_sim::Server::start(open, "127.0.0.1:0".parse().unwrap())).unwrap();
        let address = server.addr().to_string();
        let offer = |address: &str, serial: &str| Offer {
            address: address.to_owned(),
            serial: Some(serial.to_owned()),
            about: format!("a terminal, {serial}"),
        };
        let answers = ["Search", "GATE1", "<enter>", "", "SQLite", "<enter>", "-"];
        let mut person = Script(answers.into());
        let context = Context::new(Global::default());
        let search = || Ok(vec![offer("127.0.0.1:9", "OTHER"), offer(&address, "GATE1")]);
        let Answers { settings, .. } = ask(&context, &mut person, search, (&[], &[]), None).unwrap();
        assert!(person.0.is_empty(), "{:?}", person.0);
        let of = |path: &str| settings.get(path).map(|setting| setting.text.clone());
        assert_eq!(of("device.0.name").as_deref(), Some("terminal-1"));
        assert_eq!(of("device.0.serial").as_deref(), Some("GATE1"));
        assert_eq!(of("device.0.port"), Some(server.addr().port().to_string()));
        assert_eq!(of("device.1.name"), None);
    }

    #[test]
    fn if_none_is_found_the_person_types_the_address() {
        let answers = ["Search", "127.0.0.1:9?transport=tcp", "gate", "", "SQLite", "<enter>", "-"];
        let mut person = Script(answers.into());
        let context = Context::new(Global::default());
        let Answers { settings, .. } = ask(&context, &mut person, || Ok(Vec::new()), (&[], &[]), None).unwrap();
        assert_eq!(settings.get("device.0.name").map(|setting| setting.text.as_str()), Some("gate"));
    }
}
