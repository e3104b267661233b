//! The front of a terminal: screen, loudspeaker, lock, and sleep.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, Bytes};
use zk_proto::Command;
use zk_proto::op::{DeviceState, DoorState, Voice};

/// The front of a terminal.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The text of each line, in the terminal's code page.
    lines: BTreeMap<u16, Bytes>,
    blinks: bool,
    voice: Option<Voice>,
    state: DeviceState,
    asleep: bool,
    restarts: u32,
    switched_off: u32,
    unlocks: u32,
    /// The time until which the lock is open.
    open_until: Option<Duration>,
    now: Duration,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            lines: BTreeMap::new(),
            blinks: true,
            voice: None,
            state: DeviceState::WAITING,
            asleep: false,
            restarts: 0,
            switched_off: 0,
            unlocks: 0,
            open_until: None,
            now: Duration::ZERO,
        }
    }
}

impl Panel {
    /// The text of a line of the screen, as bytes in the terminal's code page.
    #[must_use]
    pub fn line(&self, line: u16) -> Option<&[u8]> {
        self.lines.get(&line).map(|text| &text[..])
    }

    /// Returns true if the colon of the clock blinks.
    #[must_use]
    pub fn clock_blinks(&self) -> bool {
        self.blinks
    }

    /// The last voice message that was played.
    #[must_use]
    pub fn last_voice(&self) -> Option<Voice> {
        self.voice
    }

    /// The state that the terminal reports.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        self.state
    }

    /// Returns true if the terminal was put to sleep.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// How often clients restarted it.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// How often clients switched it off. It is always switched on again at once.
    #[must_use]
    pub fn switched_off(&self) -> u32 {
        self.switched_off
    }

    /// How often clients opened the door.
    #[must_use]
    pub fn unlocks(&self) -> u32 {
        self.unlocks
    }

    /// The door when the last packet came. It stays open as long as the lock.
    #[must_use]
    pub fn door(&self) -> DoorState {
        if self.open_until.is_some_and(|until| self.now < until) { DoorState::OPEN } else { DoorState::CLOSED }
    }

    pub(crate) fn set_state(&mut self, state: DeviceState) {
        self.state = state;
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self, now: Duration) {
        self.now = now;
    }

    /// Restarts the terminal.
    pub(crate) fn restart(&mut self, command: Command) {
        let off = u32::from(command == Command::POWEROFF);
        let (restarts, switched_off) = (self.restarts + 1 - off, self.switched_off + off);
        *self = Self { restarts, switched_off, unlocks: self.unlocks, now: self.now, ..Self::default() };
    }

    /// Opens the lock for so many tenths of a second.
    pub(crate) fn unlock(&mut self, tenths: u32) {
        self.unlocks += 1;
        self.open_until = Some(self.now + Duration::from_millis(u64::from(tenths) * 100));
    }

    pub(crate) fn set_blinking(&mut self, blinks: bool) {
        self.blinks = blinks;
    }

    pub(crate) fn set_asleep(&mut self, asleep: bool) {
        self.asleep = asleep;
    }

    pub(crate) fn play(&mut self, voice: Voice) {
        self.voice = Some(voice);
    }

    pub(crate) fn clear(&mut self) {
        self.lines.clear();
    }

    pub(crate) fn write(&mut self, mut data: &[u8]) -> bool {
        let Some(line) = data.try_get_u16_le().ok() else { return false };
        // A zero, and a space that some clients leave out.
        let text = data.get(1..).unwrap_or_default();
        self.lines.insert(line, Bytes::copy_from_slice(text.strip_prefix(b" ").unwrap_or(text)));
        true
    }
}
