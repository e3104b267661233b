//! Attendance records: lines of `ATTLOG`, in 4 to 16 columns.

use bytes::{BufMut, Bytes, BytesMut};

use crate::fields::Field;
use crate::line::{LineError, MAX_LINE};
use crate::time::WallTime;
use crate::{Fields, Text};

/// A punch as a terminal pushes it. Numbers are kept as they came: terminals number verify modes differently, and
/// punch states can be renamed at each terminal.
///
/// The columns are user id, time, punch state, verify mode, work code, two reserved ones, and [`Columns`]. Older
/// terminals stop after 4, 5 or 7. A missing column is `None`, not 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttendanceRecord {
    /// The user id, which the wire calls PIN: text, with leading zeros.
    pub user_id: Text,
    /// The local time of the terminal.
    pub time: WallTime,
    /// The punch state: 0 in, 1 out, 2 and 3 a break, 4 and 5 overtime, 255 for none.
    pub state: Option<i32>,
    /// The verify mode, in the numbers of the terminal's family.
    pub verify_mode: Option<i32>,
    /// The work code. `None` if the column is missing or empty.
    pub work_code: Option<Text>,
    /// Two columns whose meaning is not known. The second is `None` if the line ends before it.
    pub reserved: [Option<Text>; 2],
    /// The columns after those, which differ between firmware families.
    pub columns: Columns,
    /// Further columns.
    pub extra: Vec<Text>,
    /// The column in front of the user id that one firmware is said to send.
    pub leading: Option<Text>,
    /// How the line was written.
    pub form: Form,
}

/// How a line was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Columns with tabs between them.
    #[default]
    Tabs,
    /// The same, with one more tab at the end, as much firmware writes it.
    TrailingTab,
    /// `PIN=…` and `Time=…`.
    Keyed,
    /// Columns with spaces between them.
    Spaces,
}

/// The columns after the first seven.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Columns {
    /// None.
    #[default]
    None,
    /// 8 to 10 columns: a mask, and the temperature of the body.
    Health {
        /// 1 if the person wore a mask.
        mask: Option<i32>,
        /// The temperature as measured.
        temperature: Option<Text>,
        /// The same in the unit that the server chose.
        converted: Option<Text>,
    },
    /// 9 columns: the number of an identity card, of 15 or 18 digits.
    IdentityCard {
        /// The number.
        number: Text,
        /// 0 for attendance, 1 for a check of the card; then the state and the verify mode mean other things.
        kind: Option<i32>,
    },
    /// 16 columns, as terminals for the United States send.
    Jobs(Box<Jobs>),
}

/// Jobs and tips that a person keyed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Jobs {
    /// Six job codes.
    pub jobs: [Text; 6],
    /// Three tips.
    pub tips: [Text; 3],
}

/// A peculiarity of a line that a reader may want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flag {
    /// An extra column is in front of the user id.
    Shifted,
    /// The line has keys instead of columns.
    KeyValue,
    /// The line has spaces instead of tabs.
    Spaces,
    /// The time is a number of seconds, whose zone is not known.
    Epoch,
    /// The time names a day that does not exist.
    BadTime,
    /// The line ends with a tab.
    TrailingTab,
}

impl AttendanceRecord {
    /// The longest user id, in bytes. Terminals allow 24 characters.
    pub const MAX_USER_ID: usize = 96;
    /// The largest number of columns.
    pub const MAX_COLUMNS: usize = 64;

    /// A record of seven columns, as most terminals send it.
    #[must_use]
    pub fn new(user_id: impl Into<Text>, time: WallTime, state: i32, verify_mode: i32) -> Self {
        Self {
            user_id: user_id.into(),
            time,
            state: Some(state),
            verify_mode: Some(verify_mode),
            work_code: Some("0".into()),
            reserved: [Some("0".into()), Some("0".into())],
            columns: Columns::None,
            extra: Vec::new(),
            leading: None,
            form: Form::Tabs,
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`LineError`] says what is missing. The line is then no punch, and its neighbours are not affected.
    pub fn parse(line: &Bytes) -> Result<Self, LineError> {
        if line.len() > MAX_LINE {
            return Err(LineError::TooLong);
        }
        let separator = if line.contains(&b'\t') { b'\t' } else { b' ' };
        let (columns, ends_with_tab) = split(line, separator)?;
        if columns.first().is_some_and(is_keyed) {
            return Self::from_fields(&Fields::parse(line)?);
        }
        if separator == b' ' {
            return Self::from_spaces(columns);
        }
        let is_time = |at: usize| columns.get(at).is_some_and(|text| WallTime::parse(text).is_some());
        let shifted = !is_time(1) && is_time(2);
        let mut columns = columns.into_iter();
        let leading = if shifted { columns.next() } else { None };
        let form = if ends_with_tab { Form::TrailingTab } else { Form::Tabs };
        Ok(Self { leading, form, ..Self::from_columns(columns.collect())? })
    }

    fn from_columns(columns: Vec<Text>) -> Result<Self, LineError> {
        const NEED: usize = 4;
        let have = columns.len();
        let mut columns = columns.into_iter();
        let [Some(user_id), Some(time), Some(state), Some(verify_mode)] = [(); NEED].map(|()| columns.next()) else {
            return Err(LineError::TooFewColumns { have, need: NEED });
        };
        let (user_id, time) = (checked_user_id(user_id)?, WallTime::parse(&time).ok_or(LineError::NoTime)?);
        let (state, verify_mode) = (number(&state, "punch state")?, number(&verify_mode, "verify mode")?);
        let work_code = columns.next().filter(|code| !code.is_empty());
        let reserved = [columns.next(), columns.next()];
        let (more, extra) = Columns::read(columns.collect());
        let form = Form::Tabs;
        Ok(Self { user_id, time, state, verify_mode, work_code, reserved, columns: more, extra, leading: None, form })
    }

    /// Hand-written notes have `PIN date time state …`.
    fn from_spaces(columns: Vec<Text>) -> Result<Self, LineError> {
        let mut columns = columns.into_iter();
        let (Some(user_id), Some(date), Some(time)) = (columns.next(), columns.next(), columns.next()) else {
            return Err(LineError::NoTime);
        };
        let time = Text::from(format!("{date} {time}"));
        let columns = [user_id, time].into_iter().chain(columns).collect();
        Ok(Self { form: Form::Spaces, ..Self::from_columns(columns)? })
    }

    fn from_fields(fields: &Fields) -> Result<Self, LineError> {
        let user_id = checked_user_id(fields.any(&["PIN", "UserID"]).cloned().ok_or(LineError::NoUserId)?)?;
        let time = fields.any(&["Time", "DateTime"]).and_then(WallTime::parse).ok_or(LineError::NoTime)?;
        let whole = |keys: &[&str], column| fields.any(keys).map_or(Ok(None), |text| number(text, column));
        Ok(Self {
            state: whole(&["Status", "State"], "punch state")?,
            verify_mode: whole(&["Verify", "VerifyMode", "VerifyType"], "verify mode")?,
            work_code: fields.get("WorkCode").filter(|code| !code.is_empty()).cloned(),
            reserved: [None, None],
            form: Form::Keyed,
            ..Self::new(user_id, time, 0, 0)
        })
    }

    /// The peculiarities of the line.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let form = match self.form {
            Form::Tabs => None,
            Form::TrailingTab => Some(Flag::TrailingTab),
            Form::Keyed => Some(Flag::KeyValue),
            Form::Spaces => Some(Flag::Spaces),
        };
        let shifted = self.leading.as_ref().map(|_| Flag::Shifted);
        let time = match (self.time.is_epoch, self.time.at) {
            (true, _) => Some(Flag::Epoch),
            (false, None) => Some(Flag::BadTime),
            (false, Some(_)) => None,
        };
        [shifted, form, time].into_iter().flatten().collect()
    }

    /// Writes the line in columns with tabs, whatever form it had, without its end.
    pub fn write(&self, out: &mut BytesMut) {
        let number = |value: Option<i32>| Text::from(value.map(|value| value.to_string()).unwrap_or_default());
        let mut columns: Vec<Text> = self.leading.iter().cloned().collect();
        columns.extend([self.user_id.clone(), self.time.text.clone(), number(self.state), number(self.verify_mode)]);
        let more = self.columns.write();
        let rest: Vec<Text> = more.into_iter().chain(self.extra.iter().cloned()).collect();
        let reserved = if rest.is_empty() { self.reserved.iter().flatten().count() } else { 2 };
        if self.work_code.is_some() || reserved > 0 {
            columns.push(self.work_code.clone().unwrap_or_default());
        }
        columns.extend(self.reserved.iter().take(reserved).map(|column| column.clone().unwrap_or_default()));
        columns.extend(rest);
        if self.form == Form::TrailingTab {
            columns.push(Text::default());
        }
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                out.put_u8(b'\t');
            }
            out.extend_from_slice(column.as_bytes());
        }
    }
}

impl Columns {
    /// Reads the columns from the eighth on. What does not fit is returned as extra columns.
    fn read(mut columns: Vec<Text>) -> (Self, Vec<Text>) {
        if columns.len() >= 9 {
            let rest = columns.split_off(9);
            return match <[Text; 9]>::try_from(columns) {
                Ok([a, b, c, d, e, f, first, second, third]) => {
                    (Self::Jobs(Box::new(Jobs { jobs: [a, b, c, d, e, f], tips: [first, second, third] })), rest)
                }
                Err(columns) => (Self::None, columns),
            };
        }
        let is_identity = |text: &Text| matches!(text.as_bytes().len(), 15 | 18) && text.as_bytes().is_ascii();
        match columns.as_slice() {
            [] => (Self::None, columns),
            [card] if is_identity(card) => (Self::IdentityCard { number: card.clone(), kind: None }, Vec::new()),
            [card, kind] if is_identity(card) && number(kind, "").is_ok() => {
                (Self::IdentityCard { number: card.clone(), kind: number(kind, "").unwrap_or_default() }, Vec::new())
            }
            [mask, rest @ ..] => match number(mask, "") {
                Ok(mask) => {
                    let (temperature, converted) = (rest.first().cloned(), rest.get(1).cloned());
                    let extra = rest.iter().skip(2).cloned().collect();
                    (Self::Health { mask, temperature, converted }, extra)
                }
                // Nothing that is known: a punch is not lost because of a column that nobody needs.
                Err(_) => (Self::None, columns),
            },
        }
    }

    fn write(&self) -> Vec<Text> {
        let number = |value: &Option<i32>| Text::from(value.map(|value| value.to_string()).unwrap_or_default());
        match self {
            Self::None => Vec::new(),
            Self::Health { mask, temperature, converted } => {
                [Some(number(mask)), temperature.clone(), converted.clone()].into_iter().flatten().collect()
            }
            Self::IdentityCard { number: card, kind } => {
                [Some(card.clone()), kind.map(|kind| kind.to_string().into())].into_iter().flatten().collect()
            }
            Self::Jobs(jobs) => jobs.jobs.iter().chain(&jobs.tips).cloned().collect(),
        }
    }
}

impl Flag {
    /// The flag's name in `vectors/push`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shifted => "shifted",
            Self::KeyValue => "keyvalue",
            Self::Spaces => "spaces",
            Self::Epoch => "epoch",
            Self::BadTime => "bad_time",
            Self::TrailingTab => "trailing_tab",
        }
    }
}

/// Splits a line into columns, and leaves out one empty column at its end.
fn split(line: &Bytes, separator: u8) -> Result<(Vec<Text>, bool), LineError> {
    let max = AttendanceRecord::MAX_COLUMNS;
    let pieces = line.split(|byte| *byte == separator).take(max + 1);
    let mut columns: Vec<Text> = pieces.map(|piece| line.slice_ref(piece).into()).collect();
    if columns.len() > max {
        return Err(LineError::TooManyFields { max });
    }
    let ends_with_separator = columns.len() > 4 && columns.last().is_some_and(Text::is_empty);
    if ends_with_separator {
        columns.pop();
    }
    Ok((columns, ends_with_separator))
}

/// Returns true if the column is `PIN=…` or the like, which no user id is.
fn is_keyed(column: &Text) -> bool {
    let field = Field::parse(&column.clone().into_bytes());
    field.value.is_some() && ["PIN", "UserID", "Time", "DateTime"].iter().any(|key| field.is(key))
}

fn checked_user_id(user_id: Text) -> Result<Text, LineError> {
    let max = AttendanceRecord::MAX_USER_ID;
    match user_id.as_bytes().len() {
        0 => Err(LineError::NoUserId),
        length if length > max => Err(LineError::LongUserId { max }),
        _ => Ok(user_id),
    }
}

/// Reads a column that is a number or empty.
fn number(text: &Text, column: &'static str) -> Result<Option<i32>, LineError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.number().and_then(|value| i32::try_from(value).ok()).map(Some).ok_or(LineError::NotANumber { column })
}
