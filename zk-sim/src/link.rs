//! One client's connection, from the terminal's side.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::event::TerminalEvent;
use crate::faults::{FaultKind, Faults};
use crate::line::{Line, Transport};
use crate::reply::Reply;
use crate::transfer::Prepared;
use crate::upload::Upload;

/// How long an event waits for its acknowledgement before it is sent again.
const EVENT_PATIENCE: Duration = Duration::from_secs(2);
/// How often an event is sent in all.
const EVENT_SENDINGS: u32 = 3;
/// How long a repeated datagram is answered from memory.
const REPEAT_WINDOW: Duration = Duration::from_secs(10);
/// How long a UDP client may be silent before its session is forgotten.
const UDP_PATIENCE: Duration = Duration::from_secs(60);

/// The state of a client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    AwaitsKey,
    Ready,
}

/// The fate of a link after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Stay,
    End,
    Restart,
    /// Only the connection ends.
    HangUp,
}

/// The state of a session that may have read users, and freed the buffer since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsersRead {
    No,
    Buffered,
    Freed,
}

/// An event that was sent and not yet acknowledged.
#[derive(Debug)]
struct Unacknowledged {
    code: u16,
    payload: Bytes,
    sent_at: Duration,
    sendings: u32,
}

/// One client's connection to a [`Device`](crate::Device).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

impl LinkId {
    pub(crate) fn new(number: u64) -> Self {
        Self(number)
    }

    /// Counts connections from 0.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

/// One client's state.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) transport: Transport,
    pub(crate) state: State,
    pub(crate) session: u16,
    pub(crate) mask: u32,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) upload: Option<Upload>,
    pub(crate) line: Line,
    /// True if foreign session ids are refused, whatever the profile says.
    pub(crate) own_session_only: bool,
    /// The progress in reading users and freeing the buffer.
    pub(crate) users_read: UsersRead,
    /// Requests so far, for faults that begin after some.
    requests: i64,
    key_after: Option<i64>,
    silent_after: Option<i64>,
    event_sendings: u32,
    event_twice: bool,
    heard_at: Duration,
    /// The last request and its answer, for a repeated datagram.
    last: Option<(Bytes, Duration, Vec<Reply>)>,
    /// Events to send: code and payload.
    waiting: VecDeque<(u16, Bytes)>,
    unacknowledged: VecDeque<Unacknowledged>,
}

impl Link {
    /// Opens a link and decides the faults of the whole session.
    pub(crate) fn open(transport: Transport, pace: Duration, faults: &mut Faults, seed: u64) -> Self {
        Self {
            transport,
            state: State::Idle,
            session: 0,
            mask: 0,
            prepared: None,
            upload: None,
            line: Line::open(transport, pace, faults, seed),
            own_session_only: false,
            users_read: UsersRead::No,
            requests: 0,
            key_after: faults.strike(FaultKind::KeyMidSession),
            silent_after: faults.strike(FaultKind::StallPackets),
            event_sendings: if faults.strike(FaultKind::EventsOnce).is_some() { 1 } else { EVENT_SENDINGS },
            event_twice: faults.strike(FaultKind::EventTwice).is_some(),
            heard_at: Duration::ZERO,
            last: None,
            waiting: VecDeque::new(),
            unacknowledged: VecDeque::new(),
        }
    }

    pub(crate) fn reset(&mut self, state: State) {
        self.state = state;
        self.own_session_only = false;
        self.users_read = UsersRead::No;
        self.mask = 0;
        self.prepared = None;
        self.upload = None;
        self.waiting.clear();
        self.unacknowledged.clear();
    }

    /// Notes a packet. A UDP client that was silent for too long has lost its session.
    pub(crate) fn heard(&mut self, now: Duration) {
        if self.transport == Transport::Udp && now.saturating_sub(self.heard_at) > UDP_PATIENCE {
            self.reset(State::Idle);
        }
        self.heard_at = now;
    }

    /// Counts a request, and starts the faults that begin after so many.
    pub(crate) fn count_request(&mut self) {
        self.requests += 1;
        if self.silent_after.is_some_and(|after| self.requests > after) {
            self.line.fall_silent();
        }
        if self.state == State::Ready && self.key_after.is_some_and(|after| self.requests > after) {
            self.state = State::AwaitsKey;
            self.key_after = None;
        }
    }

    /// The earlier answer to an identical recent datagram.
    pub(crate) fn repeated(&self, datagram: &Bytes, now: Duration) -> Option<Vec<Reply>> {
        let (last, at, replies) = self.last.as_ref()?;
        let again = last == datagram && now.saturating_sub(*at) < REPEAT_WINDOW;
        again.then(|| replies.clone())
    }

    /// Keeps an answer for [`Link::repeated`].
    pub(crate) fn remember(&mut self, datagram: Bytes, now: Duration, replies: &[Reply]) {
        if self.transport == Transport::Udp {
            self.last = Some((datagram, now, replies.to_vec()));
        }
    }

    /// Returns true if the client registered for a kind of events.
    pub(crate) fn wants(&self, code: u16) -> bool {
        self.state == State::Ready && self.mask & u32::from(code) != 0
    }

    /// Queues an event, if the client registered for its kind.
    pub(crate) fn tell(&mut self, code: u16, payload: impl FnOnce() -> Bytes) {
        if self.wants(code) {
            self.waiting.push_back((code, payload()));
        }
    }

    /// Queues an event that the client itself caused. It needs no registration.
    pub(crate) fn answer_later(&mut self, event: &TerminalEvent) {
        self.waiting.push_back((event.code(), event.payload()));
    }

    /// Notes the acknowledgement of an event. Acknowledgements do not say which.
    pub(crate) fn acknowledged(&mut self) {
        self.unacknowledged.pop_front();
    }

    /// Events to send now: new ones, and those that were not acknowledged in time.
    pub(crate) fn due_events(&mut self, now: Duration) -> Vec<Reply> {
        let mut replies = Vec::new();
        self.unacknowledged.retain_mut(|event| {
            if now < event.sent_at + EVENT_PATIENCE {
                return true;
            }
            if event.sendings >= self.event_sendings {
                return false;
            }
            event.sendings += 1;
            event.sent_at = now;
            replies.push(Reply::event(event.code, event.payload.clone()));
            true
        });
        for (code, payload) in self.waiting.drain(..) {
            replies.push(Reply::event(code, payload.clone()));
            if self.event_twice {
                replies.push(Reply::event(code, payload.clone()));
            }
            self.unacknowledged.push_back(Unacknowledged { code, payload, sent_at: now, sendings: 1 });
        }
        replies
    }

    /// The time at which [`Link::due_events`] next has an event, if no packet arrives.
    pub(crate) fn next_event(&self) -> Option<Duration> {
        self.unacknowledged.iter().map(|event| event.sent_at + EVENT_PATIENCE).min()
    }
}
