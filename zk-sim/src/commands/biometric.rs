//! Fingerprints, faces and photos, one at a time; enrolment and the sensor.

use bytes::{Buf, Bytes};
use zk_proto::Command;
use zk_proto::ids::up_to_nul;
use zk_proto::record::UserLayout;

use super::{Answer, Request, acknowledge, one};
use crate::capture;
use crate::enrolment;
use crate::link::{Link, Then};
use crate::reply::Reply;
use crate::terminal::Terminal;
use crate::transfer::Prepared;

/// The number that selects the face among the parts of a user.
const FACE: u8 = 50;

/// A uid and a finger, or another part of a user.
pub(super) fn finger(mut data: &[u8]) -> Option<(u16, u8)> {
    data.try_get_u16_le().ok().zip(data.try_get_u8().ok())
}

pub(super) fn answer(terminal: &mut Terminal, link: &mut Link, request: &Request<'_>) -> Answer {
    let data = request.data;
    one(match request.command {
        Command::GET_USERTEMP
        | Command::USERFACE_RRQ
        | Command::USERPHOTO_RRQ
        | Command::CAPTUREFINGER
        | Command::CAPTUREIMAGE => return Some((read(terminal, link, request), Then::Stay)),
        Command::STARTVERIFY | Command::CANCELCAPTURE => Reply::ok(),
        Command::STARTENROLL => match enrolment::enrol(terminal, data) {
            Some(told) => {
                told.iter().for_each(|event| link.answer_later(event));
                Reply::ok()
            }
            None => Reply::error(),
        },
        Command::TEST_TEMP => match terminal.biometrics.whose(data) {
            Some(uid) => Reply::ok_with(uid.to_le_bytes().to_vec()),
            None => Reply::error(),
        },
        Command::USERTEMP_WRQ => write_template(terminal, data),
        Command::DELETE_USERTEMP => {
            acknowledge(finger(data).is_some_and(|(uid, finger)| terminal.biometrics.delete_finger(uid, finger)))
        }
        Command::DEL_FPTMP => acknowledge(delete_template_of(terminal, data)),
        Command::GET_PHOTO_COUNT if terminal.profile.user_photos => {
            Reply::ok_with(terminal.attendance_photos.to_le_bytes().to_vec())
        }
        _ => return None,
    })
}

/// Reads one fingerprint, face or photo: inline if it is short, otherwise in packets.
fn read(terminal: &mut Terminal, link: &Link, request: &Request<'_>) -> Vec<Reply> {
    let found = match request.command {
        Command::GET_USERTEMP => {
            finger(request.data).and_then(|(uid, finger)| terminal.biometrics.padded_finger(uid, finger))
        }
        Command::USERFACE_RRQ if terminal.profile.face_capacity > 0 => {
            let asked = finger(request.data).filter(|(_, part)| *part == FACE);
            asked.and_then(|(uid, _)| terminal.biometrics.encoded_face(uid))
        }
        Command::USERPHOTO_RRQ if terminal.profile.user_photos => {
            let name = String::from_utf8_lossy(up_to_nul(request.data));
            name.strip_suffix(".jpg").and_then(|user_id| terminal.biometrics.photo(user_id).cloned())
        }
        Command::CAPTUREFINGER => {
            let mut width = request.data;
            width.try_get_u32_le().ok().and_then(|width| capture::finger(width, terminal.seed))
        }
        Command::CAPTUREIMAGE => Some(capture::whole(terminal.seed)),
        _ => return vec![Reply::code(Command::ACK_UNKNOWN)],
    };
    let Some(prepared) = found.map(Prepared::whole) else { return vec![Reply::error()] };
    if prepared.fits_inline(terminal, link.transport) {
        return prepared.inline();
    }
    prepared.streamed(terminal, link.transport)
}

/// Writes a fingerprint without the upload buffer; only old firmware supports it.
fn write_template(terminal: &mut Terminal, mut data: &[u8]) -> Reply {
    if terminal.profile.users != UserLayout::TwentyEight {
        return Reply::code(Command::ACK_UNKNOWN);
    }
    let whole = data.try_get_u16_le().is_ok_and(|size| usize::from(size) == data.len() + 2);
    let head = finger(data).zip(data.get(3).copied());
    let (Some(((uid, finger), flag)), Some(template), true) = (head, data.get(4..), whole) else {
        return Reply::error();
    };
    let free = terminal.users.contains(uid) && terminal.biometrics.finger(uid, finger).is_none();
    let template = Bytes::copy_from_slice(template);
    acknowledge(free && terminal.biometrics.write_finger(uid, finger, flag, template))
}

/// Deletes a fingerprint by user id: 24 bytes of text, then the finger.
fn delete_template_of(terminal: &mut Terminal, data: &[u8]) -> bool {
    let (Some(user_id), Some(finger)) = (data.get(..24), data.get(24)) else { return false };
    let Some(uid) = terminal.users.uid(&String::from_utf8_lossy(up_to_nul(user_id))) else { return false };
    terminal.biometrics.delete_finger(uid, *finger)
}
