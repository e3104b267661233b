//! Enrolment, and the sensor.

use bytes::{BufMut, Bytes, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, Uid, UserId};

/// Bytes of a user id in the text form.
const TEXT: usize = 24;

/// Makes the terminal ask a person for a finger (command 61). Live events report the result;
/// [`Client::enrol`](crate::Client::enrol) does the whole enrolment.
///
/// This mostly works on firmware from before 2014-2016. Many newer terminals show the screen and report nothing. The
/// slot of the finger must be empty. Faces cannot be enrolled remotely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartEnrolment {
    /// Who is to be enrolled.
    pub user: EnrolmentUser,
    /// Which finger, 0-9.
    pub finger: u8,
    /// True if the finger means duress. Only the text form can say so.
    pub duress: bool,
}

/// How an enrolment names the person. The form depends on the terminal's family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnrolmentUser {
    /// By user id, as text of up to 24 bytes: colour-screen terminals.
    Text(UserId),
    /// By user id, as a number: black-and-white terminals.
    Number(u32),
}

impl Operation for StartEnrolment {
    const COMMAND: Command = Command::STARTENROLL;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        match &self.user {
            EnrolmentUser::Text(user_id) => {
                let id = user_id.as_str().as_bytes();
                let id = id.get(..TEXT).unwrap_or(id);
                payload.put_slice(id);
                payload.put_bytes(0, TEXT - id.len());
                payload.put_u8(self.finger);
                payload.put_u8(if self.duress { 3 } else { 1 });
            }
            EnrolmentUser::Number(number) => {
                payload.put_u32_le(*number);
                payload.put_u8(self.finger);
            }
        }
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Lets the terminal recognize people again after a capture, an enrolment or a menu (command 60).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartVerification {
    /// Any user.
    Anybody,
    /// Only the user in this slot.
    Only(Uid),
}

impl Operation for StartVerification {
    const COMMAND: Command = Command::STARTVERIFY;
    const REPEATABLE: bool = true;
    type Answer = ();

    fn encode(&self, payload: &mut BytesMut) {
        if let Self::Only(uid) = self {
            payload.put_u16_le(uid.0);
        }
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<(), ProtoError> {
        reply.ok().map(drop)
    }
}

/// Ends whatever the terminal is capturing, an enrolment included (command 62).
#[derive(Clone, Copy, Debug)]
pub struct CancelCapture;

bare!(CancelCapture, CANCELCAPTURE, repeatable);

/// Takes a picture of the finger on the sensor (command 1009; one source, a manual of 2006). The format of the image is
/// not documented. Use TCP: a lost datagram cannot be requested again, because it would belong to another picture.
#[derive(Clone, Copy, Debug)]
pub struct CaptureFinger {
    /// The width of the image; 500 for a small one.
    pub width: u32,
}

impl CaptureFinger {
    /// The small image.
    pub const SMALL: Self = Self { width: 500 };
}

impl Operation for CaptureFinger {
    const COMMAND: Command = Command::CAPTUREFINGER;
    const BULK: bool = true;
    type Answer = Bytes;

    fn encode(&self, payload: &mut BytesMut) {
        payload.put_u32_le(self.width);
    }

    fn decode(&self, reply: &Reply<'_>) -> Result<Bytes, ProtoError> {
        reply.ok().map(Bytes::copy_from_slice)
    }
}

/// Takes the whole picture of the sensor, 640 x 480 (command 1012; one source, a manual of 2006). The format of the
/// image is not documented. Use TCP: a lost datagram cannot be requested again, because it would belong to another
/// picture.
#[derive(Clone, Copy, Debug)]
pub struct CaptureImage;

impl Operation for CaptureImage {
    const COMMAND: Command = Command::CAPTUREIMAGE;
    const BULK: bool = true;
    type Answer = Bytes;

    fn encode(&self, _payload: &mut BytesMut) {}

    fn decode(&self, reply: &Reply<'_>) -> Result<Bytes, ProtoError> {
        reply.ok().map(Bytes::copy_from_slice)
    }
}
