//! The live events of a terminal other than punches, and their layout.

use bytes::{BufMut, Bytes, BytesMut};
use zk_proto::record::{EnrolmentResult, EventCode};

/// An event at a terminal, sent to every client that registered for its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// A finger was placed on the sensor.
    Finger,
    /// The quality of its picture: 0 bad, 100 good.
    FingerScore(u8),
    /// The user in this slot was recognized; `None`: nobody.
    Verified(Option<u32>),
    /// A user was enrolled at the terminal.
    UserEnrolled(u16),
    /// A remote enrolment ended.
    Enrolled {
        /// The result.
        result: EnrolmentResult,
        /// The size of the template, the user id and the finger, if it succeeded.
        finger: Option<(u16, String, u8)>,
    },
    /// A key was pressed.
    Button(u8),
    /// The door was opened, for this uid.
    Unlocked(u16),
    /// The terminal started.
    Started,
    /// A card was read.
    Card(u32),
    /// The case was opened.
    Tamper,
    /// The exit button was pressed.
    ExitButton,
    /// The terminal was misused.
    Misoperation,
    /// The door was closed.
    DoorClosed,
    /// The user of this uid opened under duress.
    Duress(u16),
    /// The user of this uid went in twice without going out.
    Antipassback(u16),
    /// Anything else: code and payload as sent.
    Other(u16, Bytes),
}

impl TerminalEvent {
    /// The bit that clients register for.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Finger => EventCode::FINGER.0,
            Self::FingerScore(_) => EventCode::FINGER_SCORE.0,
            Self::Verified(_) => EventCode::VERIFY.0,
            Self::UserEnrolled(_) => EventCode::ENROLL_USER.0,
            Self::Enrolled { .. } => EventCode::ENROLL_FINGER.0,
            Self::Button(_) => EventCode::BUTTON.0,
            Self::Unlocked(_) => EventCode::UNLOCK.0,
            Self::Started => EventCode::STARTUP.0,
            Self::Card(_) => EventCode::CARD.0,
            Self::Tamper
            | Self::ExitButton
            | Self::Misoperation
            | Self::DoorClosed
            | Self::Duress(_)
            | Self::Antipassback(_) => EventCode::ALARM.0,
            Self::Other(code, _) => *code,
        }
    }

    /// The payload. Source of the layouts: `vectors/events.json`.
    pub(crate) fn payload(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Finger | Self::Started => {}
            Self::FingerScore(score) => out.put_u8(*score),
            Self::Verified(uid) => {
                out.put_u32_le(uid.unwrap_or(u32::MAX));
                out.put_u8(1);
            }
            Self::UserEnrolled(uid) | Self::Unlocked(uid) => out.put_u16_le(*uid),
            Self::Enrolled { result, finger } => {
                out.put_u16_le(result.0);
                if let Some((size, user_id, finger)) = finger {
                    out.put_u16_le(*size);
                    text(user_id, if user_id.len() > 9 { 24 } else { 9 }, &mut out);
                    out.put_u8(*finger);
                }
            }
            Self::Button(key) => out.put_u8(*key),
            Self::Card(number) => out.put_u32_le(*number),
            Self::Tamper => out.put_u32_le(0x37),
            Self::ExitButton => out.put_u32_le(0x35),
            Self::Misoperation => out.put_u32_le(0x3A),
            Self::DoorClosed => out.put_u64_le(0x54),
            Self::Duress(uid) => person(0x20, *uid, &mut out),
            Self::Antipassback(uid) => person(0x22, *uid, &mut out),
            Self::Other(_, payload) => out.put_slice(payload),
        }
        out.freeze()
    }
}

/// An alarm that names a person: four bytes of ones, kind, uid, how the person was matched.
fn person(kind: u16, uid: u16, out: &mut BytesMut) {
    out.put_u32_le(u32::MAX);
    out.put_u16_le(kind);
    out.put_u16_le(uid);
    out.put_u32_le(1);
}

fn text(text: &str, width: usize, out: &mut BytesMut) {
    let bytes = text.as_bytes().get(..width).unwrap_or(text.as_bytes());
    out.put_slice(bytes);
    out.put_bytes(0, width - bytes.len());
}
