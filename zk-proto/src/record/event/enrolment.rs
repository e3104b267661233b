//! The end of a remote enrolment.

use core::fmt;

use nom::number::complete::le_u16;

use crate::UserId;

/// The end of a remote enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The result, and the reason for a failure.
    pub result: EnrolmentResult,
    /// The finger that was enrolled, if one was.
    pub finger: Option<EnrolledFinger>,
}

/// An enrolled finger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledFinger {
    /// Size of the template in bytes.
    pub template_size: u16,
    /// The user.
    pub user_id: UserId,
    /// The finger, 0-9.
    pub finger: u8,
}

/// The result of a remote enrolment: an open set, the number is kept. Source: public event tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnrolmentResult(pub u16);

impl EnrolmentResult {
    /// The finger is enrolled.
    pub const DONE: Self = Self(0);
    /// The request was wrong.
    pub const BAD_PARAMETER: Self = Self(1);
    /// The user has this finger already.
    pub const ALREADY_ENROLLED: Self = Self(2);
    /// The terminal could not save it.
    pub const NOT_SAVED: Self = Self(3);
    /// The presses did not match, or nobody came in time.
    pub const FAILED: Self = Self(4);
    /// Someone else has this finger.
    pub const FINGER_KNOWN: Self = Self(5);
    /// The enrolment was cancelled at the terminal.
    pub const CANCELLED: Self = Self(6);
    /// Nothing was enrolled.
    pub const NOT_ENROLLED: Self = Self(7);
    /// The terminal was busy with something else.
    pub const WRONG_STATE: Self = Self(8);
}

impl fmt::Display for EnrolmentResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match *self {
            Self::DONE => "done",
            Self::BAD_PARAMETER => "the request was wrong",
            Self::ALREADY_ENROLLED => "the user has this finger already",
            Self::NOT_SAVED => "the terminal could not save it",
            Self::FAILED => "the presses did not agree, or nobody came in time",
            Self::FINGER_KNOWN => "somebody else has this finger",
            Self::CANCELLED => "cancelled at the terminal",
            Self::NOT_ENROLLED => "nothing was enrolled",
            Self::WRONG_STATE => "the terminal was busy with something else",
            Self(number) => return write!(f, "result {number}"),
        };
        f.write_str(word)
    }
}

pub(super) fn enrolment(payload: &[u8]) -> Option<Enrolment> {
    let (rest, result) = le_u16::<_, nom::error::Error<_>>(payload).ok()?;
    Some(Enrolment { result: EnrolmentResult(result), finger: enrolled_finger(rest) })
}

/// The user id has nine bytes, up to 24 on newer firmware. The last byte is the finger (one source for the longer
/// form).
fn enrolled_finger(input: &[u8]) -> Option<EnrolledFinger> {
    let (rest, template_size) = le_u16::<_, nom::error::Error<_>>(input).ok()?;
    let (finger, user_id) = rest.split_last()?;
    Some(EnrolledFinger { template_size, user_id: UserId::from_field(user_id), finger: *finger })
}
