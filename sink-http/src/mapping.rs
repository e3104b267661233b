//! What is sent, and what a receiver may answer.

use attendance_model::flat::FlatEvent;
use attendance_model::{AttendanceEvent, EventId, IdScheme, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest reason of a receiver that is kept, in characters.
const REASON: usize = 300;

#[derive(Serialize)]
struct Events<'a> {
    events: Vec<FlatEvent<'a>>,
}

#[derive(Serialize)]
struct Question<'a> {
    ids: &'a [EventId],
}

/// The answer to events, if the receiver tells them apart.
#[derive(Deserialize)]
struct Outcomes {
    outcomes: Vec<OneOutcome>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OneOutcome {
    Stored,
    Known,
    Rejected(String),
}

#[derive(Deserialize)]
struct Answer {
    stored: Vec<bool>,
}

/// `{"events": […]}`: each with the names of the SQL table, under its id.
pub(crate) fn events(ids: IdScheme, batch: &[AttendanceEvent]) -> serde_json::Result<Vec<u8>> {
    let events = batch.iter().map(|event| FlatEvent::new(ids.id_of(event), event)).collect();
    serde_json::to_vec(&Events { events })
}

/// `{"ids": […]}`.
pub(crate) fn question(ids: &[EventId]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Question { ids })
}

/// The outcomes of a success. A receiver that says nothing of single events has stored them all. `None` if what it says
/// of them cannot be understood, or is of another number of them.
pub(crate) fn outcomes(body: &[u8], events: usize) -> Option<Vec<Outcome>> {
    let said = serde_json::from_slice(body).unwrap_or(Value::Null);
    if said.get("outcomes").is_none() {
        return Some(vec![Outcome::Stored; events]);
    }
    let Outcomes { outcomes } = serde_json::from_value(said).ok()?;
    let outcome = |one| match one {
        OneOutcome::Stored => Outcome::Stored,
        OneOutcome::Known => Outcome::AlreadyStored,
        OneOutcome::Rejected(reason) => Outcome::Rejected { reason: shown(&reason) },
    };
    (outcomes.len() == events).then(|| outcomes.into_iter().map(outcome).collect())
}

/// The answer to a question about so many ids. `None` if it is no answer to it.
pub(crate) fn answer(body: &[u8], ids: usize) -> Option<Vec<bool>> {
    let Answer { stored } = serde_json::from_slice(body).ok()?;
    (stored.len() == ids).then_some(stored)
}

/// A receiver's words, short and on one line.
pub(crate) fn shown(words: &str) -> String {
    let words = words.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_tells_events_apart_or_has_stored_them_all() {
        let told = br#"{"outcomes": ["stored", "known", {"rejected": "nobody\n has this id"}]}"#;
        let rejected = Outcome::Rejected { reason: "nobody has this id".to_owned() };
        assert_eq!(outcomes(told, 3).unwrap(), [Outcome::Stored, Outcome::AlreadyStored, rejected]);
        assert_eq!(outcomes(told, 2), None);
        assert_eq!(outcomes(br#"{"outcomes": 2}"#, 2), None);
        for untold in [&b""[..], b"OK", b"{}", b"[1]", b"{\"id\": 2}"] {
            assert_eq!(outcomes(untold, 2).unwrap(), [Outcome::Stored, Outcome::Stored]);
        }
    }

    #[test]
    fn only_an_answer_to_the_question_counts() {
        assert_eq!(answer(br#"{"stored": [true, false]}"#, 2).unwrap(), [true, false]);
        for other in [&b"OK"[..], br#"{"stored": [true]}"#, br#"{"stored": 2}"#] {
            assert_eq!(answer(other, 2), None);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shown(&"ދ".repeat(1_000)).chars().count(), REASON);
        assert_eq!(shown("<h1>\r\n\tNo</h1>\x1b[0m"), "<h1> No</h1> [0m");
    }
}
