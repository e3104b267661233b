//! A terminal that answers packets, without a network: bytes in, actions out, time as an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use zk_proto::{Command, DeviceTime, Packet, SessionId};

use crate::commands::{self, Request};
use crate::data::held;
use crate::event::TerminalEvent;
use crate::faults::{Fault, FaultKind};
use crate::layout::encode_event;
use crate::line::{Action, Transport};
use crate::link::{Link, LinkId, State, Then};
use crate::profile::ForeignSession;
use crate::punch::Punch;
use crate::received::{History, Received, Stats};
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::transfer::EVENT_PUNCH;

/// The start of an access control panel's answers: it speaks another protocol on the same port.
const PANEL: &[u8] = &[0xAA, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A terminal and its sessions. The driver opens a link per connection (over UDP: per source address), hands packets in
/// and carries the actions out.
#[derive(Debug)]
pub struct Device {
    pub(crate) terminal: Terminal,
    links: BTreeMap<LinkId, Link>,
    next_link: u64,
    next_session: u16,
    received: History,
    stats: Stats,
    /// The end of the last session, or the last CONNECT that came too soon.
    rests_since: Option<Duration>,
}

impl Device {
    /// A device around a terminal.
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        let next_session = terminal.first_session;
        let (received, stats) = (History::default(), Stats::default());
        Self { terminal, links: BTreeMap::new(), next_link: 0, next_session, received, stats, rests_since: None }
    }

    /// Accepts a connection. `None`: it is refused, close it.
    pub fn open(&mut self, transport: Transport) -> Option<LinkId> {
        self.stats.connections += 1;
        if transport == Transport::Tcp {
            let open = self.links.values().filter(|link| link.transport == Transport::Tcp).count();
            let refused = open > 0 && self.terminal.faults.strike(FaultKind::RefuseSecond).is_some();
            if refused || open >= self.terminal.profile.sessions {
                self.stats.refused += 1;
                return None;
            }
        }
        if transport == Transport::Tcp
            && self.links.values().any(|link| link.transport == Transport::Tcp)
            && self.terminal.faults.strike(FaultKind::KillFirst).is_some()
        {
            self.links.retain(|_, link| link.transport == Transport::Udp);
        }
        let id = LinkId::new(self.next_link);
        self.next_link += 1;
        let seed = self.terminal.seed ^ id.number().wrapping_mul(0xD1B5_4A32_D192_ED03);
        let pace = self.terminal.profile.pace;
        let mut link = Link::open(transport, pace, &mut self.terminal.faults, seed);
        if transport == Transport::Tcp && self.terminal.profile.silent_tcp {
            link.line.fall_silent();
        }
        self.links.insert(id, link);
        Some(id)
    }

    /// Forgets a connection that has ended.
    pub fn close(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    /// Returns true if the device still keeps this connection; after a restart it keeps none.
    #[must_use]
    pub fn is_open(&self, link: LinkId) -> bool {
        self.links.contains_key(&link)
    }

    /// Answers one packet, without its TCP prefix, that arrived at `now` (any origin, never going back).
    pub fn handle_packet(&mut self, link: LinkId, bytes: Bytes, now: Duration) -> Vec<Action> {
        let Some(mut open) = self.links.remove(&link) else { return vec![Action::Close] };
        let (actions, keep) = self.answer(link, &mut open, bytes, now);
        self.stats.count_out(&actions);
        if keep {
            self.links.insert(link, open);
        }
        actions
    }

    fn answer(&mut self, id: LinkId, link: &mut Link, bytes: Bytes, now: Duration) -> (Vec<Action>, bool) {
        self.stats.bytes_received += bytes.len() as u64;
        let nothing = (Vec::new(), true);
        if link.line.loses(&mut self.terminal.faults) {
            return nothing;
        }
        let Ok(packet) = Packet::parse(bytes.clone()) else { return nothing };
        if self.terminal.profile.strict_checksum && !packet.intact {
            return nothing;
        }
        link.heard(now);
        self.terminal.lockout.tick(now);
        self.terminal.panel.tick(now);
        if let Some(replies) = link.repeated(&bytes, now) {
            self.stats.repeats += 1;
            return (link.line.send(&mut self.terminal.faults, link.session, packet.reply_id.0, replies), true);
        }
        self.stats.count_command(packet.command);
        self.received.add(Received::new(id, &packet));
        if packet.command == Command::ACK_OK {
            link.acknowledged();
            return nothing;
        }
        if self.terminal.faults.strike(FaultKind::AccessPanel).is_some() {
            return (link.line.raw(Bytes::from_static(PANEL)), true);
        }
        if link.transport == Transport::Tcp {
            let rests = |since: Duration| now.saturating_sub(since) < self.terminal.session_rest;
            let too_soon = packet.command == Command::CONNECT && self.rests_since.is_some_and(rests);
            if too_soon || packet.command == Command::EXIT {
                self.rests_since = Some(now);
            }
            if too_soon {
                self.stats.refused += 1;
                return (vec![Action::Close], false);
            }
        }
        let (replies, then) = self.respond(link, &packet);
        link.remember(bytes, now, &replies);
        let mut actions = link.line.send(&mut self.terminal.faults, link.session, packet.reply_id.0, replies);
        match then {
            Then::Stay => (actions, true),
            Then::End => {
                link.reset(State::Idle);
                let stays = link.transport == Transport::Udp;
                if !stays {
                    actions.push(Action::Close);
                }
                (actions, stays)
            }
            Then::HangUp => {
                actions.push(Action::Close);
                (actions, false)
            }
            Then::Restart => {
                self.restart();
                actions.push(Action::Close);
                (actions, false)
            }
        }
    }

    /// The state machine of a session.
    fn respond(&mut self, link: &mut Link, packet: &Packet) -> (Vec<Reply>, Then) {
        link.count_request();
        let faults = &mut self.terminal.faults;
        if faults.strike_command(FaultKind::StallAt, packet.command) {
            link.line.fall_silent();
        }
        if faults.strike_command(FaultKind::IgnoreCommand, packet.command) {
            return (Vec::new(), Then::Stay);
        }
        if faults.strike_command(FaultKind::HangUpAt, packet.command) {
            return (Vec::new(), Then::HangUp);
        }
        let unauthorised = || (vec![Reply::code(Command::ACK_UNAUTH)], Then::Stay);
        if packet.command == Command::CONNECT {
            return (self.connect(link), Then::Stay);
        }
        match link.state {
            State::Idle if packet.command == Command::EXIT => return (vec![Reply::ok()], Then::End),
            State::Idle => return unauthorised(),
            State::AwaitsKey => {
                let right = packet.command == Command::AUTH
                    && self.terminal.comm_key().accepts(SessionId(link.session), &packet.data);
                if !right {
                    let closes = packet.command == Command::AUTH
                        && self.terminal.faults.strike(FaultKind::CloseOnWrongKey).is_some();
                    let (refusal, _) = unauthorised();
                    return (refusal, if closes { Then::End } else { Then::Stay });
                }
                link.state = State::Ready;
                if self.terminal.faults.strike(FaultKind::NewSession).is_some() {
                    link.session = self.new_session();
                    link.own_session_only = true;
                }
                return (vec![Reply::ok()], Then::Stay);
            }
            State::Ready => {}
        }
        if packet.session.0 != link.session {
            match self.terminal.profile.foreign_session {
                _ if link.own_session_only => return unauthorised(),
                ForeignSession::Accept => {}
                ForeignSession::Refuse => return unauthorised(),
                ForeignSession::Ignore => return (Vec::new(), Then::Stay),
            }
        }
        if packet.command != Command::EXIT && self.terminal.faults.strike(FaultKind::LoseSession).is_some() {
            link.reset(State::Idle);
            return unauthorised();
        }
        let is_read = matches!(packet.command, Command::DATA_WRRQ | Command::ATTLOG_RRQ);
        if self.terminal.events_alone && link.mask != 0 && is_read {
            return (vec![Reply::code(Command::ACK_ERROR)], Then::Stay);
        }
        commands::answer(&mut self.terminal, link, &Request { command: packet.command, data: &packet.data })
    }

    fn connect(&mut self, link: &mut Link) -> Vec<Reply> {
        if self.terminal.faults.strike(FaultKind::SilentConnect).is_some() {
            return Vec::new();
        }
        if self.terminal.faults.strike(FaultKind::Secure).is_some() {
            return vec![Reply::code(Command::SECURE_CHALLENGE)];
        }
        // A stream is one session; a datagram that connects again is a new client at the old address.
        if link.state == State::Idle || link.transport == Transport::Udp {
            link.reset(State::AwaitsKey);
            link.session = self.new_session();
        }
        let demanded = self.terminal.faults.strike(FaultKind::DemandKey).is_some();
        if self.terminal.key == 0 && !demanded {
            link.state = State::Ready;
        }
        vec![if link.state == State::Ready { Reply::ok() } else { Reply::code(Command::ACK_UNAUTH) }]
    }

    fn new_session(&mut self) -> u16 {
        let session = self.next_session;
        self.next_session = session.checked_add(1).unwrap_or(1);
        session
    }

    /// Stores a punch and sends it to every client that registered for punches.
    pub fn punch(&mut self, punch: Punch) {
        let punch = self.terminal.store(punch);
        for link in self.links.values_mut() {
            if link.wants(EVENT_PUNCH) && !self.terminal.faults.strike_nth(FaultKind::LoseEvents) {
                link.tell(EVENT_PUNCH, || encode_event(&self.terminal.profile, &punch));
            }
        }
    }

    /// Sends an event to every client that registered for its kind.
    pub fn emit(&mut self, event: &TerminalEvent) {
        for link in self.links.values_mut() {
            link.tell(event.code(), || event.payload());
        }
    }

    /// The next punch of the user table: users take turns, coming and going.
    #[must_use]
    pub fn next_punch(&self) -> Option<Punch> {
        let users = &self.terminal.users;
        let turn = self.terminal.log.shown().len();
        let user = users.nth(turn.checked_rem(users.len())?)?;
        let state = (turn / users.len() % 2) as u8;
        Some(held(self.terminal.profile.log, Punch::new(user.uid.0, &user.user_id.0, self.terminal.now(), state, 1)))
    }

    /// Events to send on a link at `now`: new ones, and those that were not acknowledged in time.
    pub fn poll_events(&mut self, link: LinkId, now: Duration) -> Vec<Action> {
        let Some(link) = self.links.get_mut(&link) else { return Vec::new() };
        let replies = link.due_events(now);
        let actions = link.line.send(&mut self.terminal.faults, link.session, 0, replies);
        self.stats.count_out(&actions);
        actions
    }

    /// The time at which [`Device::poll_events`] next has something to do on a link, if no packet arrives.
    #[must_use]
    pub fn poll_timeout(&self, link: LinkId) -> Option<Duration> {
        self.links.get(&link)?.next_event()
    }

    /// Silences every open connection without closing it, as a pulled cable does.
    pub fn go_silent(&mut self) {
        self.links.values_mut().for_each(|link| link.line.fall_silent());
    }

    /// Ends every session, as a restart does. The terminal keeps its data.
    pub fn restart(&mut self) {
        self.links.clear();
        self.terminal.lockout.enable();
    }

    /// The terminal.
    #[must_use]
    pub fn terminal(&self) -> &Terminal {
        &self.terminal
    }

    /// The log as a client finds it, faults that change records included.
    #[must_use]
    pub fn records(&self) -> &[Punch] {
        self.terminal.log.shown()
    }

    /// Empties the log.
    pub fn clear_log(&mut self) {
        self.terminal.log.clear();
    }

    /// Drops the oldest records, as a full log does.
    pub fn drop_oldest(&mut self, count: usize) {
        let layout = self.terminal.profile.log;
        self.terminal.log.drop_oldest(count, layout, &mut self.terminal.faults);
    }

    /// Replaces all faults and resets their counters. Open connections keep the faults that were decided when they
    /// opened.
    pub fn set_faults(&mut self, faults: &[Fault]) {
        self.terminal.set_faults(faults);
    }

    /// Sets the comm key for future sessions; 0 means none.
    pub fn set_key(&mut self, key: u32) {
        self.terminal.key = key;
    }

    /// Sets the clock, as a person at the terminal would.
    pub fn set_now(&mut self, time: DeviceTime) {
        self.terminal.set_time(time);
    }

    /// Moves the clock, as a bad crystal does.
    pub fn move_clock(&mut self, by: TimeDelta) {
        self.terminal.move_clock(by);
    }

    /// Returns true if the terminal was enabled when the last packet came.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.terminal.lockout.is_enabled()
    }

    /// The same at a time of the driver: a terminal may enable itself.
    #[must_use]
    pub fn is_enabled_at(&self, now: Duration) -> bool {
        self.terminal.lockout.is_enabled_at(now)
    }

    /// The received packets, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.received.entries()
    }

    /// Counts since the device was made.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }
}
