use bytes::{BufMut, BytesMut};

use super::Operation;
use crate::reply::Reply;
use crate::{Command, ProtoError, UserId};

/// Bytes of a user id in the text form.
const TEXT: usize = 24;

/// Lets the terminal ask a person for a finger (command 61); how it went is told by live events.
/// [`Client::enrol`](crate::Client::enrol) does the whole.
///
/// Works mostly on firmware of before 2014-2016: many newer terminals show the screen and tell nothing. The slot of the finger
/// must be empty. Faces cannot be enrolled from afar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartEnrolment {
    /// Who is to be enrolled.
    pub user: EnrolmentUser,
    /// Which finger, 0-9.
    pub finger: u8,
    /// Whether the finger is to mean duress. Only the text form can say so.
    pub duress: bool,
}

/// How an enrolment names the person; which form a terminal takes is its family's.
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
