//! How a transcript is shown: a line for each packet, and for each event of its connections.

use serde::Serialize;
use zk_proto::Packet;
use zk_proto::transcript::{Line, Transcript, What};

use super::packets::Packets;
use crate::output;

/// The bytes of a packet's data that are shown unless all are asked for.
const FIRST: usize = 8;

/// An entry as JSON.
#[derive(Debug, Default, Serialize)]
struct Entry {
    /// The time since the recording began, in microseconds.
    at_us: u64,
    /// `sent`, `received`, or an event of the connection.
    what: String,
    command: Option<String>,
    /// The number of the command.
    code: Option<u16>,
    session: Option<u16>,
    reply_id: Option<u16>,
    /// Bytes of the data.
    length: Option<usize>,
    data: Option<String>,
    /// True if the checksum is right.
    intact: Option<bool>,
    error: Option<String>,
}

pub(super) fn run(transcript: &Transcript, full: bool, json: bool) {
    if !json {
        head(transcript);
    }
    let mut packets = Packets::default();
    for line in transcript.lines() {
        for entry in entries(line, &mut packets) {
            let written = match json {
                true => {
                    output::json(&entry);
                    true
                }
                false => output::text(format_args!("{}\n", entry.text(full))),
            };
            if !written {
                return;
            }
        }
    }
}

/// The notes, and the way to the terminal.
fn head(transcript: &Transcript) {
    for note in transcript.notes() {
        output::line(format_args!("# {}", output::printable(note)));
    }
    let setting = |name| output::printable(transcript.setting(name).unwrap_or("?"));
    output::line(format_args!(
        "# terminal {}:{}, transport {}",
        setting("host"),
        setting("port"),
        setting("transport")
    ));
}

/// What an entry shows. A read that completes no packet shows nothing, nor does the work of the session itself.
fn entries(line: &Line, packets: &mut Packets) -> Vec<Entry> {
    let at_us = u64::try_from(line.at.as_micros()).unwrap_or(u64::MAX);
    let what = match &line.what {
        What::Call => return Vec::new(),
        What::Sent(_) => "sent",
        What::Received(_) => "received",
        _ => "",
    };
    let of_packet = |packet: Result<Packet, _>| match packet {
        Ok(packet) => Entry::packet(at_us, what, &packet),
        Err(error) => {
            let error: zk_proto::ProtoError = error;
            Entry { at_us, what: what.to_owned(), error: Some(error.to_string()), ..Entry::default() }
        }
    };
    let whole: Vec<Entry> = packets.of(&line.what).into_iter().map(of_packet).collect();
    if !what.is_empty() {
        return whole;
    }
    // As the transcript writes it, without the time.
    let text = line.to_string();
    let what = text.split_once(' ').map_or("", |(_, what)| what);
    vec![Entry { at_us, what: output::printable(what), ..Entry::default() }]
}

impl Entry {
    fn packet(at_us: u64, what: &str, packet: &Packet) -> Self {
        Self {
            at_us,
            what: what.to_owned(),
            command: Some(packet.command.to_string()),
            code: Some(packet.command.0),
            session: Some(packet.session.0),
            reply_id: Some(packet.reply_id.0),
            length: Some(packet.data.len()),
            data: Some(packet.data.iter().map(|byte| format!("{byte:02x}")).collect()),
            intact: Some(packet.intact),
            error: None,
        }
    }

    fn text(&self, full: bool) -> String {
        let at = format!("{:>6}.{:06}", self.at_us / 1_000_000, self.at_us % 1_000_000);
        let arrow = if self.what == "sent" { ">" } else { "<" };
        let (Some(command), Some(session), Some(reply_id)) = (&self.command, self.session, self.reply_id) else {
            return match &self.error {
                Some(error) => format!("{at}  {arrow} no packet: {error}"),
                None => format!("{at}  {}", self.what),
            };
        };
        let data = self.data.as_deref().unwrap_or_default();
        let shown =
            data.get(..FIRST * 2).filter(|_| !full).map_or_else(|| data.to_owned(), |first| format!("{first}.."));
        let shown = if data.len() == FIRST * 2 { data } else { &shown };
        let wrong = if self.intact == Some(false) { "  CHECKSUM WRONG" } else { "" };
        let length = output::grouped(data.len() as u64 / 2);
        let text = format!("{at}  {arrow} {command:22} {session:>5} {reply_id:>5} {length:>7}  {shown}{wrong}");
        text.trim_end().to_owned()
    }
}
