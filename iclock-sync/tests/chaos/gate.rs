//! A place with a terminal, which can be swapped.

use std::net::SocketAddr;
use std::time::Duration;

use attendance_model::{PunchState, RawPunch, Source, VerifyMode};
use iclock_sync::{DeviceOptions, Ingest};
use tokio::time::sleep;
use zk_proto::DeviceTime;
use zk_sim::{Fault, Handle, Profile, Punch, Server, Terminal};

use crate::dice::Dice;

/// The families of terminals. Between them they have every layout.
const PROFILES: [&str; 8] = ["tft40", "tft40-uid", "tft16", "face49", "bw8", "bw8a", "bw16", "single-session"];

/// The clock on the terminals' walls at the start.
const NOW: &str = "2026-03-10T08:00:00";

#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) name: String,
    server: Option<Server>,
    addr: SocketAddr,
    /// A log was emptied since the last poll that read it: a count may look known.
    pub(crate) emptied: bool,
    /// The records that completed polls have shown.
    pub(crate) shown: usize,
    /// Changes its options, so that a reload starts its task again.
    pub(crate) patience: u64,
}

impl Gate {
    pub(crate) async fn start(name: String, serial: &str, dice: &mut Dice) -> Self {
        let server = serve(serial, "127.0.0.1:0".parse().unwrap(), dice).await;
        let addr = server.addr();
        Self { name, server: Some(server), addr, emptied: false, shown: 0, patience: 0 }
    }

    /// Puts another terminal in the place of this one, which takes its log with it.
    pub(crate) async fn swap(&mut self, serial: &str, dice: &mut Dice) {
        drop(self.server.take());
        self.server = Some(serve(serial, self.addr, dice).await);
        (self.emptied, self.shown) = (false, 0);
    }

    pub(crate) fn handle(&self) -> Handle {
        self.server.as_ref().unwrap().handle()
    }

    pub(crate) fn device(&self) -> DeviceOptions {
        let mut device = DeviceOptions::new(&self.name, self.addr.ip().to_string());
        device.port = self.addr.port();
        device.timeout = Duration::from_millis(150 + self.patience);
        device
    }
}

async fn serve(serial: &str, addr: SocketAddr, dice: &mut Dice) -> Server {
    let profile = Profile::named(dice.one_of(&PROFILES)).unwrap();
    loop {
        let terminal = Terminal::builder().profile(profile.clone()).serial(serial).users(20).seed(dice.below(1_000));
        let terminal = terminal.now(NOW.parse().unwrap()).build();
        match Server::start(terminal, addr).await {
            Ok(server) => return server,
            // The port of the terminal before is not free yet.
            Err(_) if addr.port() != 0 => sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// The verify mode of pushed punches: the protocol numbers them in another way.
pub(crate) const PUSHED_MODE: u8 = 15;

/// Punches as their terminal pushes them.
pub(crate) fn as_push(serial: &str, name: &str, punches: &[Punch]) -> Ingest {
    let push = |punch: &Punch| {
        let time = chrono::NaiveDateTime::parse_from_str(&punch.time.to_string(), "%Y-%m-%d %H:%M:%S").unwrap();
        let mut pushed = RawPunch::new(serial, name, &*punch.user_id, time, Source::Push);
        (pushed.punch_state, pushed.verify_mode) = (PunchState(punch.state), VerifyMode(PUSHED_MODE));
        pushed.raw = format!("{}\t{time}\t{}\t{PUSHED_MODE}", punch.user_id, punch.state).into_bytes();
        pushed
    };
    Ingest::new(serial, name, Source::Push, punches.iter().map(push).collect())
}

/// The punch of number `number`, each a minute after the one before. A few make no sense.
pub(crate) fn punch(number: u32, dice: &mut Dice) -> Punch {
    let punch = sound_punch(number, dice);
    match dice.below(24) {
        0 => Punch::new(0, "", punch.time, 0, 1),
        1 => Punch { time: february_30(punch.time), ..punch },
        _ => punch,
    }
}

/// The same, and it makes sense.
pub(crate) fn sound_punch(number: u32, dice: &mut Dice) -> Punch {
    let time = chrono::DateTime::from_timestamp(1_767_250_800 + i64::from(number) * 60, 0).unwrap().naive_utc();
    let time = DeviceTime::from_naive(time).unwrap();
    let uid = 1 + dice.below(20) as u16;
    Punch::new(uid, &(1_000 + u32::from(uid)).to_string(), time, dice.below(2) as u8, 1)
}

/// The time of day on a date that no calendar has.
fn february_30(time: DeviceTime) -> DeviceTime {
    const DAY: u32 = 86_400;
    let year = u32::from(time.year() - 2000);
    // Days count from 0, and each month has 31. The place in the year keeps times apart.
    let minute_of_year = (u32::from(time.month()) * 31 + u32::from(time.day())) * 1_440
        + u32::from(time.hour()) * 60
        + u32::from(time.minute());
    DeviceTime((year * 12 * 31 + 31 + 29) * DAY + minute_of_year % DAY)
}

/// Faults of the line to a terminal.
pub(crate) fn faults(dice: &mut Dice) -> Vec<Fault> {
    let after = dice.below(2_000);
    let fault = match dice.below(9) {
        0 => format!("drop-after={after}x3"),
        1 => format!("drop-after={after}"),
        2 => format!("stall={after}x1"),
        3 => "hang-up-at=1503x2".to_owned(),
        4 => "hang-up-at=50x2".to_owned(),
        5 => "lose-sessionx1@3".to_owned(),
        6 => format!("split-writes={}", 1 + after % 7),
        7 => "bad-checksum=3x2".to_owned(),
        _ => "event-mid-transfer".to_owned(),
    };
    vec![Fault::parse(&fault).unwrap()]
}
