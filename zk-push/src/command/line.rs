//! The lines that answer a poll: `C:id:command`.

use bytes::{Bytes, BytesMut};

use super::{Command, CommandId, Numbered, Verb};
use crate::Text;
use crate::line::lines;

/// The most commands in one answer.
const MAX_COMMANDS: usize = 200;
/// The longest answer, in bytes, unless a single command is longer.
const MAX_BYTES: usize = 40 << 10;

/// The commands of one answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The numbers of the commands in the answer.
    pub sent: Vec<CommandId>,
    /// The answer's body. Empty without commands; then the answer is `OK`.
    pub body: Bytes,
}

/// Writes commands in their order, as many as one answer takes. A restart comes last, because the terminal drops what
/// comes after it. The others wait for the next poll.
///
/// With `wraps`, each line has the form that controllers with `CmdFormat=1` need.
#[must_use]
pub fn write(commands: &[Numbered], wraps: Option<&crate::SerialNumber>) -> Batch {
    let is_restart = |numbered: &&Numbered| {
        numbered.command.verb() == Verb::Reboot || numbered.command.as_str().starts_with("CONTROL DEVICE 03")
    };
    let ordered = commands.iter().filter(|numbered| !is_restart(numbered)).chain(commands.iter().filter(is_restart));
    let (mut sent, mut body) = (Vec::new(), BytesMut::new());
    for numbered in ordered.take(MAX_COMMANDS) {
        let line = match wraps {
            Some(serial) => {
                let id = numbered.id;
                format!("DataType=1,SN={serial},Priority=0,CmdID={id},CmdDesc={numbered}\n")
            }
            None => format!("{numbered}\n"),
        };
        if !body.is_empty() && body.len() + line.len() > MAX_BYTES {
            break;
        }
        body.extend_from_slice(line.as_bytes());
        sent.push(numbered.id);
    }
    Batch { sent, body: body.freeze() }
}

/// A command as a terminal reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The number, as it came: servers also use letters.
    pub id: Text,
    /// The command. `None` if its text is none that a server should send.
    pub command: Option<Command>,
}

/// Reads an answer to a poll. Lines without `C:id:` are ignored, as terminals do.
pub fn read(body: &Bytes) -> impl Iterator<Item = Received> {
    lines(body).filter_map(|line| {
        let wrapped = line.windows(9).position(|window| window == b",CmdDesc=").map(|at| line.slice(at + 9..));
        let line = wrapped.filter(|_| line.starts_with(b"DataType=")).unwrap_or_else(|| line.clone());
        let rest = line.strip_prefix(b"C:")?;
        let end = rest.iter().position(|byte| *byte == b':')?;
        let (id, text) = (rest.get(..end)?, rest.get(end + 1..)?);
        let is_id = (1..=16).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric);
        let command = std::str::from_utf8(text).ok().and_then(|text| Command::new(text).ok());
        is_id.then(|| Received { id: line.slice_ref(id).into(), command })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(id: u32, text: &str) -> Numbered {
        Numbered { id: CommandId::new(id).unwrap(), command: Command::new(text).unwrap() }
    }

    #[test]
    fn a_restart_comes_last() {
        let batch = write(&[numbered(1, "REBOOT"), numbered(2, "CHECK"), numbered(3, "LOG")], None);
        assert_eq!(&batch.body[..], b"C:2:CHECK\nC:3:LOG\nC:1:REBOOT\n");
    }

    #[test]
    fn an_answer_has_a_bounded_size_and_a_long_command_goes_alone() {
        let photo = numbered(1, &format!("DATA UPDATE USERPIC PIN=1\tContent={}", "A".repeat(50_000)));
        let batch = write(&[photo, numbered(2, "CHECK")], None);
        assert_eq!(batch.sent, [CommandId(1)]);
        let many: Vec<_> = (1..=500).map(|id| numbered(id, "CHECK")).collect();
        assert_eq!(write(&many, None).sent.len(), 200);
        assert_eq!(write(&[], None), Batch::default());
    }

    #[test]
    fn a_terminal_reads_what_was_written_and_nothing_else() {
        let sent = [numbered(5, "DATA UPDATE USERINFO PIN=1\tName=A"), numbered(6, "CHECK")];
        for wraps in [None, crate::SerialNumber::new("A1")] {
            let read: Vec<_> = read(&write(&sent, wraps.as_ref()).body).collect();
            let texts: Vec<_> = read.iter().map(|read| (read.id.to_string(), read.command.clone().unwrap())).collect();
            assert_eq!(texts, sent.clone().map(|sent| (sent.id.to_string(), sent.command)));
        }
        assert_eq!(read(&"DATA UPDATE USERINFO PIN=1\nOK\nC:\nC::CHECK\nC:x y:CHECK\n".into()).count(), 0);
    }
}
