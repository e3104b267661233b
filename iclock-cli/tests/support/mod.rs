//! Helpers of long tests: random instants, new punches, and new collections.
#![allow(dead_code, reason = "each test file uses a part")]

use std::time::{Duration, SystemTime};

use zk_proto::DeviceTime;
use zk_sim::{Handle, Punch};

/// A random generator; a failing test shows its seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
        println!("seed {seed}");
        Self(seed)
    }

    /// A moment before `end`.
    pub(crate) fn within(&mut self, end: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        end.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// Adds punches after the newest record, a second apart.
pub(crate) fn punch(handle: &Handle, count: u32) {
    let last = handle.records().iter().map(|punch| punch.time.0).max().unwrap();
    let real = (last + 1..).map(DeviceTime).filter(|time| time.exists());
    let punches = real.zip(0..count).map(|(time, number)| {
        let uid = 1 + (number % 50) as u16;
        Punch::new(uid, &(1000 + u32::from(uid)).to_string(), time, (number % 2) as u8, 1)
    });
    handle.add_punches(punches);
}

/// A name that no other test and no earlier run has.
pub(crate) fn new_collection() -> String {
    format!("logs-{}-{}", std::process::id(), SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos())
}
