//! A session and a terminal in one process, with invented time and no sockets.

use std::time::Duration;

use zk_proto::op::{FreeData, GetFreeSizes, Operation, ReadTemplate};
use zk_proto::proof::{Counts, Evidence, Proven, prove};
use zk_proto::reply::Reply;
use zk_proto::session::{Config, Event};
use zk_proto::{Dataset, FreeSizes, Prepared, ProtoError, Session, Spool, Transport, frame};
use zk_sim::{Action, Device, LinkId};

use super::schedule::Schedule;

/// Events after which a reading is taken to have no end.
const MANY: usize = 200_000;

/// A terminal, the line to it, and one session after the other.
struct Line {
    device: Device,
    link: Option<LinkId>,
    session: Session,
    udp: bool,
    now: Duration,
    steps: usize,
}

impl Line {
    fn open(device: Device, udp: bool, now: Duration) -> Result<Self, String> {
        let config = Config::default().timeout(Duration::from_secs(2));
        let session = if udp { Session::datagrams(config) } else { Session::stream(config) };
        let mut line = Self { device, link: None, session, udp, now, steps: 0 };
        line.link = line.device.open(if udp { zk_sim::Transport::Udp } else { zk_sim::Transport::Tcp });
        line.session.connect(now);
        match line.next()? {
            Event::Connected => Ok(line),
            other => Err(format!("{other:?}")),
        }
    }

    /// The next event; an error when the session failed or the line broke.
    fn next(&mut self) -> Result<Event, String> {
        loop {
            self.steps += 1;
            assert!(self.steps < MANY, "a reading has no end");
            while let Some(wire) = self.session.poll_transmit() {
                self.carry(&wire)?;
            }
            match self.session.poll_event() {
                Some(Event::Failed(error)) => return Err(error.to_string()),
                Some(Event::Live(_)) => {}
                Some(event) => return Ok(event),
                None => {
                    // A request in hand always has a deadline.
                    let deadline = self.session.poll_timeout().ok_or("nothing to wait for")?;
                    self.now = self.now.max(deadline);
                    self.session.handle_timeout(self.now);
                }
            }
        }
    }

    /// Carries a packet to the terminal, and what it does about it back.
    fn carry(&mut self, wire: &bytes::Bytes) -> Result<(), String> {
        let link = self.link.ok_or("the terminal took no connection")?;
        let packet = if self.udp { wire.clone() } else { wire.slice(frame::PREFIX_LEN..) };
        let mut actions = self.device.handle_packet(link, packet, self.now);
        actions.extend(self.device.poll_events(link, self.now));
        for action in actions {
            match action {
                Action::Write(whole) => {
                    for piece in whole.writes() {
                        self.session.handle_input(self.now, &piece.to_bytes()).map_err(|error| error.to_string())?;
                    }
                }
                Action::Pause(pause) => {
                    self.now += pause;
                    self.session.handle_timeout(self.now);
                }
                Action::Close => {
                    self.device.close(link);
                    self.link = None;
                }
            }
        }
        Ok(())
    }

    fn sizes(&mut self) -> Result<Option<u32>, String> {
        self.session.call(self.now, &GetFreeSizes);
        match self.next()? {
            Event::Answer(packet) => {
                let reply = Reply {
                    command: GetFreeSizes::COMMAND,
                    code: packet.command,
                    field: packet.session.0,
                    data: &packet.data,
                };
                let sizes: Result<FreeSizes, ProtoError> = GetFreeSizes.decode(&reply);
                sizes.map(|sizes| sizes.records()).map_err(|error| error.to_string())
            }
            other => Err(format!("{other:?}")),
        }
    }

    /// Reads a whole set into a spool; also how long the terminal says it is.
    fn read(&mut self, dataset: Dataset) -> Result<(Spool, u64), String> {
        self.session.prepare(self.now, dataset);
        let mut spool = Spool::in_memory(1 << 20);
        let announced = match self.next()? {
            Event::Prepared(Prepared::Inline(bytes)) => {
                spool.write_at(0, &bytes).map_err(|error| error.to_string())?;
                return Ok((spool, bytes.len() as u64));
            }
            Event::Prepared(Prepared::Empty { .. }) => return Ok((spool, 0)),
            Event::Prepared(Prepared::Buffered { size }) => {
                self.session.read(self.now, 0, size);
                size
            }
            Event::Prepared(Prepared::Streamed { size }) => size,
            other => return Err(format!("{other:?}")),
        };
        loop {
            match self.next()? {
                Event::Data { offset, bytes } => {
                    spool.write_at(offset, &bytes).map_err(|error| error.to_string())?;
                }
                Event::Finished => return Ok((spool, announced)),
                other => return Err(format!("{other:?}")),
            }
        }
    }

    fn free(&mut self) -> Result<(), String> {
        self.session.call(self.now, &FreeData);
        self.next().map(drop)
    }

    /// Says good-bye and leaves; the terminal may answer or not.
    fn leave(mut self) -> (Device, Duration) {
        self.session.exit(self.now);
        let _ = self.next();
        if let Some(link) = self.link {
            self.device.close(link);
        }
        (self.device, self.now)
    }
}

/// Reads a set once, as bytes, with nothing to prove them; also how long that took.
pub(crate) fn read_bytes(device: Device, udp: bool, dataset: Dataset) -> Result<(Vec<u8>, Duration), String> {
    let mut line = Line::open(device, udp, Duration::ZERO)?;
    let (mut spool, _) = line.read(dataset)?;
    let length = spool.contiguous();
    Ok((spool.read(0..length).map_err(|error| error.to_string())?.to_vec(), line.now))
}

/// Asks for one fingerprint; `None` is none.
pub(crate) fn read_template(device: Device, udp: bool, asked: &ReadTemplate) -> Result<Option<Vec<u8>>, String> {
    let mut line = Line::open(device, udp, Duration::ZERO)?;
    line.session.call(line.now, asked);
    let Event::Answer(packet) = line.next()? else { return Err("no answer".to_owned()) };
    let command = ReadTemplate::COMMAND;
    let reply = Reply { command, code: packet.command, field: packet.session.0, data: &packet.data };
    let found = asked.decode(&reply).map_err(|error| error.to_string())?;
    Ok(found.map(|found| found.0.to_vec()))
}

/// Reads and proves the log, on a fresh session once more where the first reading was not enough; or says why not.
pub(crate) fn read_log(schedule: &Schedule) -> Result<Proven, String> {
    let udp = schedule.transport() == Transport::Udp;
    let mut device = Device::new(schedule.terminal());
    schedule.arm(|faults| device.set_faults(faults));
    let (mut now, mut earlier) = (Duration::ZERO, None);
    let mut last = String::new();
    for _ in 0..3 {
        let mut line = Line::open(device, udp, now)?;
        let before = line.sizes()?;
        let (spool, announced) = line.read(Dataset::Attendance)?;
        line.free()?;
        let counts = Counts { before, after: line.sizes()? };
        let host_now = line.device.terminal().now();
        let evidence = Evidence::new(announced, counts, host_now).earlier(earlier);
        (device, now) = line.leave();
        match prove(spool, &evidence) {
            Ok(proven) => return Ok(proven),
            Err(unproven) => {
                last = unproven.to_string();
                earlier = unproven.needs_second_reading();
            }
        }
    }
    Err(last)
}
