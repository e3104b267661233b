//! The secret bytes of a packet.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::Command;
use crate::checksum::{checksum, is_intact};
use crate::packet::HEADER_LEN;
use crate::record::UserLayout;

/// A set of records, by its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// No secrets: the attendance and the operation log.
    Open,
    /// The user table.
    Users,
    /// All fingerprints.
    Templates,
    /// Unknown.
    Secret,
}

/// The content of the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// No secret.
    Open,
    /// Possibly a secret.
    Secret,
    /// The size of a set, or the set itself.
    Prepared(Set),
    /// A part of the prepared set, from an offset on.
    Part(Set, u64),
}

/// The header fields of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) command: Command,
    pub(super) field: u16,
    pub(super) reply_id: u16,
}

impl Header {
    pub(super) fn of(packet: &[u8]) -> Option<Self> {
        let word = |at: usize| packet.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes));
        Some(Self { command: Command(word(0)?), field: word(4)?, reply_id: word(6)? })
    }
}

/// Reads a little-endian number at an offset.
pub(super) fn word(data: &[u8], at: usize) -> Option<u64> {
    data.get(at..)?.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes)))
}

/// Zeroes the secrets of a request and corrects its checksum. Equal packets give equal results.
pub(crate) fn mask_request(packet: &mut [u8]) {
    let Some(header) = Header::of(packet) else { return };
    change(packet, |data| match header.command {
        Command::OPTIONS_WRQ => mask_option(data),
        Command::USER_WRQ => mask_user(data),
        command if is_open(command) || matches!(command, Command::DATA_WRRQ | Command::DATA_RDY) => {}
        Command::ATTLOG_RRQ | Command::OPLOG_RRQ | Command::USERTEMP_RRQ | Command::DB_RRQ => {}
        Command::GET_USERTEMP | Command::USERFACE_RRQ => {}
        _ => data.fill(0),
    });
}

/// The content of the answer to a request; `prepared` is the set that was prepared last.
pub(super) fn answer_to(command: Command, data: &[u8], prepared: Set) -> Answer {
    let byte = |at: usize| data.get(at).copied().unwrap_or(0);
    match command {
        Command::OPTIONS_RRQ if is_secret_name(data) => Answer::Secret,
        Command::DATA_WRRQ => {
            let inner = Command(u16::from_le_bytes([byte(1), byte(2)]));
            Answer::Prepared(match inner {
                Command::ATTLOG_RRQ | Command::OPLOG_RRQ | Command::ATTLOG_TIME_RRQ => Set::Open,
                Command::USERTEMP_RRQ if byte(3) == 5 => Set::Users,
                Command::DB_RRQ if byte(3) == 2 => Set::Templates,
                _ => Set::Secret,
            })
        }
        Command::DATA_RDY => Answer::Part(prepared, word(data, 0).unwrap_or(0)),
        Command::ATTLOG_RRQ | Command::OPLOG_RRQ => Answer::Prepared(Set::Open),
        // With three bytes it requests a fingerprint.
        Command::USERTEMP_RRQ if byte(0) == 5 && data.len() < 3 => Answer::Prepared(Set::Users),
        Command::DB_RRQ if byte(0) == 2 => Answer::Prepared(Set::Templates),
        command if is_open(command) => Answer::Open,
        _ => Answer::Secret,
    }
}

/// Returns true if an event may be kept. Events with a card number, or of unknown form, may not.
pub(super) fn is_open_event(code: u16) -> bool {
    const CARDS: u16 = 0x0400 | 0x0800 | 0x1000;
    code.is_power_of_two() && code < 1 << 15 && code & CARDS == 0
}

/// Commands without a secret in their data or their answer.
fn is_open(command: Command) -> bool {
    matches!(
        command,
        Command::OPTIONS_RRQ
            | Command::CLEAR_DATA
            | Command::CLEAR_ATTLOG
            | Command::CLEAR_OPLOG
            | Command::CLEAR_ADMIN
            | Command::DELETE_USER
            | Command::DELETE_USERTEMP
            | Command::DEL_FPTMP
            | Command::USERGRP_RRQ
            | Command::USERGRP_WRQ
            | Command::USERTZ_RRQ
            | Command::USERTZ_WRQ
            | Command::GRPTZ_RRQ
            | Command::GRPTZ_WRQ
            | Command::TZ_RRQ
            | Command::TZ_WRQ
            | Command::ULG_RRQ
            | Command::ULG_WRQ
            | Command::VERIFY_RRQ
            | Command::VERIFY_WRQ
            | Command::UNLOCK
            | Command::DOORSTATE_RRQ
            | Command::STATE_RRQ
            | Command::GET_FREE_SIZES
            | Command::GET_PINWIDTH
            | Command::GET_VERSION
            | Command::GET_TIME
            | Command::SET_TIME
            | Command::ENABLE_CLOCK
            | Command::STARTVERIFY
            | Command::STARTENROLL
            | Command::CANCELCAPTURE
            | Command::WRITE_LCD
            | Command::CLEAR_LCD
            | Command::TESTVOICE
            | Command::REG_EVENT
            | Command::CONNECT
            | Command::EXIT
            | Command::ENABLEDEVICE
            | Command::DISABLEDEVICE
            | Command::RESTART
            | Command::POWEROFF
            | Command::SLEEP
            | Command::RESUME
            | Command::REFRESHDATA
            | Command::REFRESHOPTION
            | Command::TMP_WRITE
            | Command::SAVE_USERTEMPS
            | Command::CHECKSUM_BUFFER
            | Command::PREPARE_DATA
            | Command::FREE_DATA
            | Command::ACK_OK
    )
}

fn is_secret_name(data: &[u8]) -> bool {
    let name: String = data.iter().take_while(|byte| !matches!(byte, 0 | b'=')).map(|byte| char::from(*byte)).collect();
    let name = name.to_ascii_lowercase();
    ["key", "pass", "pwd", "psw", "secret", "token"].iter().any(|word| name.contains(word))
}

/// Zeroes the value of an option whose name mentions a secret.
fn mask_option(data: &mut [u8]) {
    if is_secret_name(data) {
        let value = data.iter_mut().skip_while(|byte| **byte != b'=').skip(1);
        value.for_each(|byte| *byte = 0);
    }
}

fn mask_user(data: &mut [u8]) {
    match UserLayout::ALL.into_iter().find(|layout| layout.width() == data.len()) {
        Some(layout) => {
            let mask = secrets(layout, data);
            mask.into_iter().zip(data).filter(|(secret, _)| *secret).for_each(|(_, byte)| *byte = 0);
        }
        // In an unknown form, only the slot is known to be no secret.
        None => data.iter_mut().skip(2).for_each(|byte| *byte = 0),
    }
}

/// The range of a field.
type Field = (usize, usize);

/// The bytes of a user record that are secret, or left over after the end of a text.
pub(super) fn secrets(layout: UserLayout, record: &[u8]) -> Vec<bool> {
    let (secret, texts): (&[Field], &[Field]) = match layout {
        UserLayout::TwentyEight => (&[(3, 8), (16, 21)], &[(8, 16)]),
        UserLayout::SeventyTwo => (&[(3, 11), (35, 39)], &[(11, 35), (48, 72)]),
        UserLayout::HundredTwenty => (&[(3, 35)], &[(35, 59), (59, 96), (96, 120)]),
    };
    let mut mask = vec![false; record.len()];
    let mut set = |from: usize, to: usize| {
        mask.get_mut(from..to).into_iter().flatten().for_each(|secret| *secret = true);
    };
    secret.iter().for_each(|(from, to)| set(*from, *to));
    for (from, to) in texts {
        let text = record.get(*from..*to).unwrap_or_default();
        set(from + text.iter().position(|byte| *byte == 0).unwrap_or(text.len()), *to);
    }
    mask
}

/// Changes the data of a packet. A right checksum stays right, and a wrong one wrong.
pub(super) fn change(packet: &mut [u8], how: impl FnOnce(&mut [u8])) {
    let (intact, off_by) = (is_intact(packet), stored(packet).wrapping_sub(exact(packet)));
    let Some(data) = packet.get_mut(HEADER_LEN..) else { return };
    how(data);
    let sum = exact(packet).wrapping_add(if intact { 0 } else { off_by });
    store(packet, sum);
    if !intact && is_intact(packet) {
        // Two of the sum's 65,536 values mean the same.
        store(packet, sum.wrapping_add(2));
    }
}

fn stored(packet: &[u8]) -> u16 {
    packet.get(2..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn exact(packet: &[u8]) -> u16 {
    checksum(&[packet.get(..2).unwrap_or_default(), packet.get(4..).unwrap_or_default()])
}

fn store(packet: &mut [u8], sum: u16) {
    if let Some(slot) = packet.get_mut(2..).and_then(|rest| rest.first_chunk_mut()) {
        *slot = sum.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::{Packet, ReplyId, SessionId};

    fn masked(command: Command, data: &[u8]) -> Packet {
        let mut packet = BytesMut::new();
        Packet::encode(command, SessionId(7), ReplyId(9), data, &mut packet);
        mask_request(&mut packet);
        Packet::parse(packet.freeze()).unwrap()
    }

    #[test]
    fn tokens_keys_and_passwords_are_zeros_in_packets_that_verify() {
        for (command, data, expected) in [
            (Command::AUTH, &b"\x6d\xe1\x32\x63"[..], &[0; 4][..]),
            (Command::OPTIONS_WRQ, b"ComKey=1234\0", b"ComKey=\0\0\0\0\0"),
            (Command::OPTIONS_WRQ, b"NetMask=255.0.0.0\0", b"NetMask=255.0.0.0\0"),
            (Command::DATA, b"template", &[0; 8]),
            (Command::USER_WRQ, b"\x01\x00\x00pass", b"\x01\x00\0\0\0\0\0"),
            (Command(10_999), b"unheard of", &[0; 10]),
            (Command::DATA_RDY, b"\x00\x01\x00\x00\x10\x00\x00\x00", b"\x00\x01\x00\x00\x10\x00\x00\x00"),
        ] {
            let packet = masked(command, data);
            assert!(packet.intact);
            assert_eq!(packet.data, expected, "{command}");
        }
    }

    #[test]
    fn a_wrong_checksum_stays_wrong_in_the_same_way() {
        for off_by in 1..=u16::MAX {
            let mut packet = BytesMut::new();
            Packet::encode(Command::AUTH, SessionId(7), ReplyId(9), &off_by.to_le_bytes(), &mut packet);
            let sum = stored(&packet).wrapping_add(off_by);
            store(&mut packet, sum);
            let before = Packet::parse(packet.clone().freeze()).unwrap();
            mask_request(&mut packet);
            let after = Packet::parse(packet.freeze()).unwrap();
            assert_eq!(before.intact, after.intact, "{off_by}");
        }
    }

    #[test]
    fn of_a_user_record_the_slot_the_name_and_the_id_stay() {
        let mut record = [0xAA; 72];
        record[..3].copy_from_slice(&[7, 0, 14]);
        record[11..16].copy_from_slice(b"Ned\0x");
        record[48..52].copy_from_slice(b"555\0");
        let kept = masked(Command::USER_WRQ, &record).data;
        assert_eq!(kept[..3], [7, 0, 14]);
        assert_eq!((&kept[11..14], &kept[48..51]), (&b"Ned"[..], &b"555"[..]));
        assert!(kept[3..11].iter().chain(&kept[14..39]).chain(&kept[51..]).all(|byte| *byte == 0));
    }
}
