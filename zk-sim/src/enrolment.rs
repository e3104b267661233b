//! A remote enrolment: the person comes at once and presses the finger three times.

use bytes::{Buf, Bytes};
use zk_proto::ids::up_to_nul;
use zk_proto::record::{EnrolmentResult, OperationCode};

use crate::event::TerminalEvent;
use crate::faults::FaultKind;
use crate::terminal::Terminal;

/// Presses that make a template.
const PRESSES: usize = 3;
/// Bytes of a generated template.
const TEMPLATE: usize = 512;

/// The requested user and finger.
struct Asked {
    user_id: String,
    finger: u8,
    duress: bool,
}

impl Asked {
    /// Text of 24 bytes, finger and flag; or, on old firmware, a number and the finger.
    fn parse(mut data: &[u8]) -> Option<Self> {
        match data.len() {
            26 => {
                let user_id = String::from_utf8_lossy(up_to_nul(data.get(..24)?)).into_owned();
                Some(Self { user_id, finger: *data.get(24)?, duress: *data.get(25)? == 3 })
            }
            5 => {
                let user_id = data.try_get_u32_le().ok()?.to_string();
                Some(Self { user_id, finger: data.try_get_u8().ok()?, duress: false })
            }
            _ => None,
        }
    }
}

/// Enrols a finger and returns the events that the terminal sends meanwhile. `None`: it refuses, because there is no
/// such user, or the user has this finger.
pub(crate) fn enrol(terminal: &mut Terminal, data: &[u8]) -> Option<Vec<TerminalEvent>> {
    let asked = Asked::parse(data)?;
    let uid = terminal.users.uid(&asked.user_id)?;
    if terminal.biometrics.finger(uid, asked.finger).is_some() {
        return None;
    }
    if terminal.faults.strike(FaultKind::EnrolSilent).is_some() {
        return Some(Vec::new());
    }
    let mut told = Vec::new();
    if terminal.faults.strike(FaultKind::EnrolRepeat).is_some() {
        told.extend([TerminalEvent::Finger, TerminalEvent::FingerScore(0)]);
    }
    for _ in 0..PRESSES {
        told.extend([TerminalEvent::Finger, TerminalEvent::FingerScore(100)]);
    }
    let refused = terminal.faults.strike(FaultKind::EnrolFails).and_then(|result| u16::try_from(result).ok());
    let ended = match refused {
        Some(result) => TerminalEvent::Enrolled { result: EnrolmentResult(result), finger: None },
        None => stored(terminal, uid, asked),
    };
    if terminal.faults.strike(FaultKind::EnrolTwice).is_some() {
        told.push(ended.clone());
    }
    told.push(ended);
    Some(told)
}

fn stored(terminal: &mut Terminal, uid: u16, asked: Asked) -> TerminalEvent {
    let Asked { user_id, finger, duress } = asked;
    // No two fingers are the same.
    let seed = [uid.to_le_bytes(), [finger, b'F']].concat();
    let template: Bytes = seed.iter().copied().cycle().take(TEMPLATE).collect();
    match terminal.biometrics.write_finger(uid, finger, if duress { 3 } else { 1 }, template) {
        true => {
            let parameters = [uid, 0, finger.into(), TEMPLATE as u16];
            terminal.note(OperationCode::FINGER_ENROLLED, parameters);
            TerminalEvent::Enrolled { result: EnrolmentResult::DONE, finger: Some((TEMPLATE as u16, user_id, finger)) }
        }
        false => TerminalEvent::Enrolled { result: EnrolmentResult::NOT_SAVED, finger: None },
    }
}
