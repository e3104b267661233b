//! `--push`: terminals that call a server and push, instead of terminals that listen.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::Local;
use clap::Args;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};
use zk_proto::DeviceTime;
use zk_proto::record::User;
use zk_push::SerialNumber;
use zk_sim::push::{Meter, PushDevice, PushFault, PushProfile, Pusher, Strictness};
use zk_sim::{Device, Punch, Terminal};

use super::{Simulate, with_log};
use crate::config::number;
use crate::context::Outcome;
use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{self, counted};
use crate::signal::{Asked, Signals};
use crate::words::{Words, unknown};

/// The family of a terminal that pushes, unless another one is given.
const FAMILY: &str = "att-21-tab";
/// The time between the first calls of two terminals.
const STAGGER: Duration = Duration::from_millis(10);
/// How often the counts are looked at, and the least time between two lines about them.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LINE_EVERY: Duration = Duration::from_secs(10);
/// The time after which a server that answers nothing, or takes nothing, is reported.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Push {
    /// Call this server and push, instead of listening: http://HOST:PORT or below a path,
    /// on this machine or a private network. --profile and --fault are then those of
    /// terminals that push
    #[arg(long, value_name = "URL", value_parser = server, conflicts_with_all = ["listen", "key", "control"])]
    pub(super) push: Option<Target>,
    /// With --push: the answer to an upload that they accept: lenient (any 2xx), ok-prefix,
    /// ok-count or tablename-count [default: that of the family]
    #[arg(long, value_name = "HOW", requires = "push", value_parser = STRICTNESS, hide_possible_values = true)]
    strictness: Option<Strictness>,
    /// With --push: the most records in an upload [default: 128; access control: 1]
    #[arg(long, value_name = "N", requires = "push", value_parser = number::positive::<u16>)]
    batch: Option<u16>,
    /// With --push: let the waits of the terminals pass N times as fast
    #[arg(long, value_name = "N", requires = "push", value_parser = number::positive::<u32>)]
    speed: Option<u32>,
}

/// A server to push to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    address: SocketAddr,
    path: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The path may be a secret.
        write!(f, "http://{}{}", self.address, if self.path.is_empty() { "" } else { "/..." })
    }
}

/// A terminal at which people can punch.
struct Door {
    users: Vec<User>,
    punches: UnboundedSender<Punch>,
}

/// The doors, and the number of punches that were made at them.
struct Doors {
    all: Vec<Door>,
    made: AtomicU64,
}

impl Doors {
    fn punch(&self, door: usize, punch: Punch) {
        let Some(door) = self.all.get(door) else { return };
        // The terminals stay until the program ends.
        if door.punches.send(punch).is_ok() {
            self.made.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lets the next person punch at each door.
    async fn punch_every(&self, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0.. {
            ticks.tick().await;
            let Some(now) = DeviceTime::from_naive(Local::now().naive_local()) else { continue };
            for (at, door) in self.all.iter().enumerate() {
                if let Some(user) = door.users.get(number % door.users.len().max(1)) {
                    let state = u8::from(number / door.users.len() % 2 == 1);
                    self.punch(at, Punch::new(user.uid.0, &user.user_id.to_string(), now, state, 1));
                }
            }
        }
    }
}

/// Runs the terminals until the program is told to stop.
pub(super) async fn run(args: &Simulate, target: &Target, signals: &Signals) -> Outcome {
    let meter = Arc::new(Meter::default());
    let mut doors = Doors { all: Vec::new(), made: AtomicU64::default() };
    let mut pushers = JoinSet::new();
    let speed = args.push.speed.unwrap_or(1);
    for n in 0..args.count {
        let seed = args.seed.wrapping_add(n.into());
        let (device, users) = device(args, seed)?;
        output::line(format_args!("pushing {target} serial={}", device.profile().serial));
        *doors.made.get_mut() += device.log().len() as u64;
        let pusher = Pusher::new(device, target.address).map_err(|error| {
            CliError::because(ExitCode::Usage, "--push: the server is not called", &error)
                .hint("give its address, as in --push http://127.0.0.1:8081")
        })?;
        let pusher = pusher.under(&target.path).faults(faults(&args.fault)?, seed).speed(speed);
        let pusher = pusher.meter(Arc::clone(&meter));
        let (punches, made) = unbounded_channel();
        doors.all.push(Door { users, punches });
        pushers.spawn(async move {
            sleep(STAGGER * u32::from(n) / speed).await;
            pusher.run(made).await;
        });
    }
    let punches = async {
        match (args.passing(), args.punch_every) {
            (Some(passing), _) => {
                let users = doors.all.first().map(|door| door.users.as_slice()).unwrap_or_default();
                passing.pass(users, doors.all.len(), args.seed, |door, punch| doors.punch(door, punch)).await;
            }
            (None, Some(every)) => doors.punch_every(every).await,
            (None, None) => {}
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = signals.stop.cancelled() => {}
        () = punches => {}
        () = tell(target, &meter, &doors.made) => {}
    }
    eprintln!("{}", summary(&meter, doors.made.load(Ordering::Relaxed)));
    Ok(if signals.asked() == Some(Asked::Interrupt) { ExitCode::Interrupted } else { ExitCode::Done })
}

/// A terminal with its log and its users.
fn device(args: &Simulate, seed: u64) -> Result<(PushDevice, Vec<User>), CliError> {
    let terminal = with_log(Terminal::builder(), args, seed)?.build();
    let no_serial = || {
        CliError::new(ExitCode::Usage, "the terminal has no serial number")
            .hint("another --seed makes another terminal")
    };
    let serial = SerialNumber::new(terminal.serial()).ok_or_else(no_serial)?;
    let family = args.profile.as_deref().unwrap_or(FAMILY);
    let mut profile = PushProfile::named(family, serial).ok_or_else(|| {
        let known: Vec<&str> = PushProfile::FAMILIES.iter().map(|(name, _)| *name).collect();
        CliError::new(ExitCode::Usage, format!("--profile: no family that pushes is called {family:?}"))
            .hint(format!("one of {}", known.join(", ")))
    })?;
    profile.strictness = args.push.strictness.unwrap_or(profile.strictness);
    profile.batch = args.push.batch.map_or(profile.batch, usize::from);
    let users = terminal.users();
    let mut device = PushDevice::new(profile);
    for user in &users {
        device.add_user(&user.user_id.to_string(), user.name.clone());
    }
    Device::new(terminal).records().iter().for_each(|punch| device.punch(punch));
    Ok((device, users))
}

pub(super) fn faults(names: &[String]) -> Result<Vec<PushFault>, CliError> {
    let fault = |name: &String| {
        PushFault::named(name).ok_or_else(|| {
            CliError::new(ExitCode::Usage, format!("--fault: no fault of terminals that push is called {name:?}"))
                .hint("iclock-cli simulate --list-faults")
        })
    };
    names.iter().map(fault).collect()
}

/// Reports when everything is acknowledged, or why nothing is.
async fn tell(target: &Target, meter: &Meter, made: &AtomicU64) {
    let began = tokio::time::Instant::now();
    let (mut told, mut line, mut warned) = (0, None, false);
    loop {
        sleep(LOOK_EVERY).await;
        let (stats, made) = (meter.stats(), made.load(Ordering::Relaxed));
        if !warned && began.elapsed() >= PATIENCE && made > 0 && stats.acknowledged == 0 {
            warned = true;
            if stats.requests == stats.failures {
                eprintln!("no answer from {target}; try: iclock-cli serve --push {}", target.address);
            } else {
                eprintln!("nothing is acknowledged yet; the server may wait: iclock-cli push pending");
            }
        }
        let is_due = line.is_none_or(|line: tokio::time::Instant| line.elapsed() >= LINE_EVERY);
        if stats.acknowledged == made && made > told && is_due {
            (told, line) = (made, Some(tokio::time::Instant::now()));
            eprintln!("{}", summary(meter, made));
        }
    }
}

fn summary(meter: &Meter, made: u64) -> String {
    let stats = meter.stats();
    let again = stats.sent.saturating_sub(stats.acknowledged);
    format!(
        "{} of {} acknowledged, {again} sent in vain; {}, {} without an answer; 99 of 100 answers within {:.0?}",
        stats.acknowledged,
        counted(made, "record", "records"),
        counted(stats.requests, "request", "requests"),
        stats.failures,
        stats.most
    )
}

/// Reads the address of a server.
fn server(text: &str) -> Result<Target, String> {
    let wanted = || "write it like http://127.0.0.1:8081".to_owned();
    let rest = text.strip_prefix("http://").ok_or_else(wanted)?;
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = if place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        place.to_owned()
    } else {
        format!("{place}:80")
    };
    let mut found = place.to_socket_addrs().map_err(|error| format!("{place}: {error}; {}", wanted()))?;
    let address = found.next().ok_or_else(wanted)?;
    Ok(Target { address, path: path.trim_end_matches('/').to_owned() })
}

/// The answers that terminals may want.
const STRICTNESS: Words<Strictness> = Words::new(strictness, |name| {
    Strictness::named(name).ok_or_else(|| {
        let all = strictness();
        unknown(name, &all, &format!("there are: {}", all.join(", ")))
    })
});

fn strictness() -> Vec<&'static str> {
    Strictness::ALL.into_iter().map(Strictness::name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_with_or_without_port_and_path() {
        let read = |text: &str| server(text).map(|target| (target.address.to_string(), target.path));
        assert_eq!(read("http://127.0.0.1:8081"), Ok(("127.0.0.1:8081".into(), String::new())));
        assert_eq!(read("http://[::1]:8081/t/S3CRET/"), Ok(("[::1]:8081".into(), "t/S3CRET".into())));
        assert_eq!(read("http://127.0.0.1/"), Ok(("127.0.0.1:80".into(), String::new())));
        for wrong in ["127.0.0.1:8081", "https://127.0.0.1", "http://", "http:///x"] {
            assert!(read(wrong).unwrap_err().contains("http://127.0.0.1:8081"), "{wrong}");
        }
        assert_eq!(server("http://127.0.0.1:1/t/S3CRET").unwrap().to_string(), "http://127.0.0.1:1/...");
    }
}
