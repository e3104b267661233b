//! Quirks of time: when a terminal uploads, how often it polls, and what its clock shows. There is no network, so that
//! hours pass at once.

use zk_push::chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use zk_push::request::Request;
use zk_push::terminal::Step;
use zk_push::time::ZoneOffset;

use super::*;

/// The time at which everything begins: noon.
const NOON: &str = "2026-03-01T12:00:00Z";

/// A terminal in conversation with its server.
struct Talk {
    device: PushDevice,
    settings: Settings,
    now: Duration,
    /// The times of its polls.
    polls: Vec<Duration>,
    /// The time of each upload of records, and their number.
    uploads: Vec<(Duration, usize)>,
    waiting: Vec<Numbered>,
}

impl Talk {
    fn new(profile: PushProfile, options: &[(&str, &str)]) -> Self {
        let mut settings = Settings::default();
        settings.more = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (polls, uploads, waiting) = (Vec::new(), Vec::new(), Vec::new());
        Self { device: PushDevice::new(profile), settings, now: Duration::ZERO, polls, uploads, waiting }
    }

    fn punch(&mut self, count: u8) {
        let made = u8::try_from(self.device.log().len()).unwrap();
        (made..made + count).for_each(|second| self.device.punch(&punch(second)));
    }

    fn order(&mut self, command: Command) {
        self.waiting.push(Numbered { id: CommandId::new(1).unwrap(), command });
    }

    /// The true time.
    fn date(&self) -> DateTime<Utc> {
        NOON.parse::<DateTime<Utc>>().unwrap() + self.now
    }

    /// Everything that is due until then is sent and answered.
    fn pass_until(&mut self, end: Duration) {
        while let Some(due) = self.device.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            if let Some(sent) = self.device.poll_request(self.now) {
                let (status, body) = self.answer(sent.head, sent.body);
                self.device.handle_answer(self.now, status, Some(self.date()), &body);
            }
        }
        self.now = end;
    }

    fn answer(&mut self, head: zk_push::Head, body: bytes::Bytes) -> (u16, bytes::Bytes) {
        let terminal = Terminal::new(head.serial.clone()).with_settings(self.settings.clone());
        let mut terminal = terminal
            .with_dialect(self.device.profile().dialect)
            .with_registration(Registration::new("code", "session").unwrap(), true);
        let reply = match terminal.handle_request(self.date(), Request { head, body }) {
            Step::Reply(reply) => reply,
            Step::Accept(accept) => {
                if let Some(upload) = accept.batch().content.upload() {
                    self.uploads.push((self.now, upload.count()));
                }
                accept.stored()
            }
            Step::Poll(poll) => {
                self.polls.push(self.now);
                poll.deliver(&std::mem::take(&mut self.waiting), None).0
            }
        };
        (reply.status, reply.body)
    }

    /// The minutes after which records were uploaded, and their number in each.
    fn batches(&self) -> Vec<(u64, usize)> {
        self.uploads.iter().map(|(at, count)| (at.as_secs() / 60, *count)).collect()
    }

    /// The seconds between polls since a time.
    fn pauses(&self, since: Duration) -> Vec<u64> {
        let polls: Vec<Duration> = self.polls.iter().copied().filter(|at| *at >= since).collect();
        polls.windows(2).map(|two| (two[1] - two[0]).as_secs()).collect()
    }
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

fn in_utc(mut profile: PushProfile) -> PushProfile {
    profile.zone = ZoneOffset::from_minutes(0);
    profile
}

fn attendance() -> PushProfile {
    in_utc(PushProfile::attendance(serial("ATT1")))
}

/// P49: it uploads in batches at the times that it was told, and only polls between them.
#[test]
fn records_that_come_in_batches_come_at_their_times_and_all_of_them() {
    let named = [("Realtime", "0"), ("TransInterval", "0"), ("TransTimes", "14:05;00:00")];
    let mut talk = Talk::new(attendance(), &named);
    for (until, punches) in [(10, 7), (124, 5), (126, 4), (719, 3), (800, 0)] {
        talk.pass_until(minutes(until));
        talk.punch(punches);
    }
    assert_eq!(talk.batches(), [(125, 12), (720, 7)]);
    assert!(talk.pauses(Duration::ZERO).iter().all(|pause| *pause <= 10), "it is never silent");
    // The server need not wait for the time.
    talk.punch(2);
    talk.order(Command::upload_new());
    talk.pass_until(minutes(801));
    assert_eq!(talk.batches().last(), Some(&(800, 2)));

    // The same at each interval, also of a terminal that does not care for `Realtime=1`.
    let mut stubborn = attendance();
    stubborn.uploads_at_once = false;
    for (profile, realtime) in [(attendance(), "0"), (stubborn, "1")] {
        let mut talk = Talk::new(profile, &[("Realtime", realtime), ("TransInterval", "30"), ("TransTimes", "")]);
        for (until, punches) in [(5, 3), (31, 2), (100, 0)] {
            talk.pass_until(minutes(until));
            talk.punch(punches);
        }
        assert_eq!(talk.batches(), [(30, 3), (60, 2)], "{realtime}");
    }
}

/// P50: it polls every half minute, and often after a command or an upload, whatever delay it was told.
#[test]
fn a_terminal_that_polls_as_it_likes_gets_the_next_command_soon_after_one() {
    let mut profile = attendance();
    profile.adapts_polls = true;
    let mut talk = Talk::new(profile, &[]);
    talk.pass_until(minutes(10));
    assert!(talk.pauses(Duration::ZERO).iter().all(|pause| *pause == 30));
    talk.punch(1);
    talk.pass_until(minutes(11));
    let pauses = talk.pauses(minutes(10));
    assert!(pauses.len() > 10 && pauses[..10].iter().all(|pause| *pause == 2), "{pauses:?}");
    talk.pass_until(minutes(20));
    assert_eq!(talk.pauses(minutes(12)).iter().max(), Some(&30), "it is quiet again");
    for _ in 0..3 {
        talk.order(Command::info());
        while !talk.waiting.is_empty() {
            talk.pass_until(talk.now + Duration::from_secs(1));
        }
        talk.order(Command::upload_new());
        talk.pass_until(talk.now + Duration::from_secs(2));
        assert!(talk.waiting.is_empty());
    }
    assert_eq!(talk.device.executed().len(), 6);
}

/// P51: its clock gains or loses minutes in a day: the date of each answer sets it, or a command.
#[test]
fn a_clock_that_drifts_is_set_by_the_date_of_each_answer_or_by_a_command() {
    let off = |talk: &Talk| (talk.device.shows(talk.now) - talk.date().naive_utc()).num_seconds();
    for drift in [7_200, -7_200] {
        let mut profile = attendance();
        profile.drift = drift;
        let mut talk = Talk::new(profile, &[]);
        assert!(off(&talk) < -700_000_000, "it begins years ago");
        for hours in 1..10 {
            talk.pass_until(minutes(60 * hours));
            assert!(off(&talk).abs() <= 1, "{}", off(&talk));
        }
        // Nobody answers for an hour.
        let silence = talk.now + minutes(60);
        talk.now = silence;
        assert_eq!(off(&talk), i64::from(drift / 24), "{drift}");
        talk.pass_until(silence);
        assert_eq!(off(&talk), 0);
    }
    let mut profile = in_utc(PushProfile::access(serial("ACC1")));
    profile.drift = 7_200;
    let mut talk = Talk::new(profile, &[]);
    talk.pass_until(minutes(60));
    assert_eq!(off(&talk), 300, "dates say nothing to it after the handshake");
    let right: NaiveDateTime = talk.date().naive_utc() + TimeDelta::seconds(10);
    talk.order(Command::set_time(right).unwrap());
    talk.pass_until(talk.now + Duration::from_secs(10));
    assert!(off(&talk).abs() <= 10, "{}", off(&talk));
}
