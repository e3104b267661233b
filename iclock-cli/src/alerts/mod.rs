//! The alerts of a service: what has changed goes out by the configured ways. A way that fails or hangs delays neither
//! the service nor the other ways: each message goes out on a thread of its own, one at a time for each way.

mod command;
#[cfg(feature = "mail")]
mod mail;
mod way;
#[cfg(feature = "http")]
mod webhook;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use chrono::{Local, Utc};
use iclock_sync::alert::{Book, Message};
use iclock_sync::health::Health;

use crate::config::AlertConfig;
#[cfg(feature = "mail")]
pub(crate) use mail::Mail;
pub(crate) use way::Way;
#[cfg(feature = "http")]
pub(crate) use webhook::{Form, Webhook};

/// The wait after a failure, and after further ones; at most an hour.
const FIRST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// What has to go out, and what is on its way.
#[derive(Debug)]
pub(crate) struct Alerts {
    state_dir: PathBuf,
    book: Book,
    /// As it is on the disk.
    written: Book,
    /// The ways by which something goes out now.
    busy: BTreeSet<String>,
    failing: BTreeMap<String, Failing>,
    answers: (Sender<Answer>, Receiver<Answer>),
}

/// A way that failed.
#[derive(Debug)]
struct Failing {
    wait: Duration,
    next: Instant,
}

/// A message, its way, and the problem with that, if there was one.
type Answer = (Message, String, Option<String>);

impl Alerts {
    /// Goes on with what an earlier service has left.
    pub(crate) fn open(state_dir: &Path) -> Self {
        let book = Book::read(state_dir).unwrap_or_else(|error| {
            tracing::warn!("what was wrong before is not known, and is told again: {error}");
            Book::default()
        });
        let (written, state_dir) = (book.clone(), state_dir.to_owned());
        Self { state_dir, book, written, busy: BTreeSet::new(), failing: BTreeMap::new(), answers: channel() }
    }

    /// Looks at the state of the service, and sends what has changed. It waits for nobody.
    pub(crate) fn look(&mut self, health: &Health, config: &AlertConfig) {
        if config.ways.is_empty() && self.book == Book::default() {
            return;
        }
        while let Ok(answer) = self.answers.1.try_recv() {
            self.hear(answer, Instant::now());
        }
        let names: Vec<String> = config.ways.iter().map(|way| way.name().to_owned()).collect();
        let now = (Utc::now(), Local::now().time());
        self.book.look(health, &config.limits, config.quiet, &names, now);
        self.send(&config.ways, Instant::now());
        if self.book != self.written {
            // The next look tries again.
            match self.book.write(&self.state_dir) {
                Ok(()) => self.written = self.book.clone(),
                Err(error) => tracing::debug!("the alerts cannot be kept: {error}"),
            }
        }
    }

    fn send(&mut self, ways: &[Way], now: Instant) {
        for way in ways {
            let name = way.name();
            let waits = self.failing.get(name).is_some_and(|failing| now < failing.next);
            if waits || self.busy.contains(name) {
                continue;
            }
            let next = self.book.waiting().iter().find(|waiting| waiting.ways.iter().any(|left| left == name));
            let Some(message) = next.map(|waiting| waiting.message.clone()) else { continue };
            self.busy.insert(name.to_owned());
            let (way, answers) = (way.clone(), self.answers.0.clone());
            std::thread::spawn(move || {
                let problem = way.send(&message).err();
                // The service may have ended meanwhile; the next one sends it again.
                let _ = answers.send((message, way.name().to_owned(), problem));
            });
        }
    }

    fn hear(&mut self, (message, way, problem): Answer, now: Instant) {
        self.busy.remove(&way);
        let Some(problem) = problem else {
            if self.failing.remove(&way).is_some() {
                tracing::warn!("alerts go out by {way} again");
            }
            self.book.sent(&message, &way);
            return;
        };
        let wait = match self.failing.get(&way) {
            Some(failing) => (failing.wait * 2).min(LONGEST_WAIT),
            None => {
                tracing::warn!("an alert did not go out by {way}, and is tried again: {problem}");
                FIRST_WAIT
            }
        };
        self.failing.insert(way, Failing { wait, next: now + wait });
    }
}
