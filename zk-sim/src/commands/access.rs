//! Access control: groups, zones, combinations, and what is set for single users.

use bytes::{Buf, BufMut, BytesMut};
use zk_proto::Command;
use zk_proto::record::{AccessGroup, UnlockCombination, UserLayout, UserVerifyStyle, UserZones, WeeklyZone};

use super::{Answer, Request, one};
use crate::link::Link;
use crate::reply::Reply;
use crate::terminal::Terminal;

/// Zones and combinations that every terminal has.
const ZONES: u16 = 50;
const COMBINATIONS: u8 = 10;
/// Bytes of a verify style, read and written.
const STYLE: usize = 24;
/// The bytes after a zone that is read. Source: `vectors/packets_replies.json`, captured; the meaning is not known.
const AFTER_ZONE: [u8; 2] = [0xA7, 0x1C];

pub(super) fn answer(terminal: &mut Terminal, _link: &mut Link, request: &Request<'_>) -> Answer {
    let (command, data) = (request.command, request.data);
    let answered = match command {
        Command::USERGRP_RRQ | Command::USERTZ_RRQ | Command::VERIFY_RRQ => read_of_user(terminal, command, data),
        Command::GRPTZ_RRQ | Command::TZ_RRQ | Command::ULG_RRQ => read(terminal, command, data),
        Command::USERGRP_WRQ
        | Command::USERTZ_WRQ
        | Command::VERIFY_WRQ
        | Command::GRPTZ_WRQ
        | Command::TZ_WRQ
        | Command::ULG_WRQ => write(terminal, command, data).and_then(|done| done.then(BytesMut::new)),
        _ => return None,
    };
    one(answered.map_or_else(Reply::error, |data| Reply::ok_with(data.freeze())))
}

fn read_of_user(terminal: &Terminal, command: Command, mut data: &[u8]) -> Option<BytesMut> {
    let uid = match command {
        Command::VERIFY_RRQ => data.try_get_u16_le().ok()?,
        _ => u16::try_from(data.try_get_u32_le().ok()?).ok()?,
    };
    let user = terminal.users.get(uid)?;
    let mut out = BytesMut::new();
    match command {
        Command::USERGRP_RRQ => out.put_u8(user.group),
        Command::USERTZ_RRQ => {
            let UserZones { own, zones } = terminal.user_zones(uid)?;
            // In the answer 1 means the group's zones, in the write the user's own.
            out.put_u16_le((!own).into());
            zones.into_iter().for_each(|zone| out.put_u16_le(zone));
        }
        _ => {
            out.put_u16_le(uid);
            out.put_u8(terminal.access.style(uid).0);
            out.put_bytes(0, STYLE - 3);
        }
    }
    Some(out)
}

fn read(terminal: &Terminal, command: Command, mut data: &[u8]) -> Option<BytesMut> {
    let mut out = BytesMut::new();
    match command {
        Command::GRPTZ_RRQ => terminal.access.group(group(terminal, data.try_get_u8().ok()?)?).encode(&mut out).ok()?,
        Command::TZ_RRQ => {
            let number =
                u16::try_from(data.try_get_u32_le().ok()?).ok().filter(|number| (1..=ZONES).contains(number))?;
            let mut written = BytesMut::new();
            terminal.access.zone(number).encode(&mut written).ok()?;
            // The number has two bytes here, four in the write.
            out.put_u16_le(number);
            out.put_slice(written.get(4..)?);
            out.put_slice(&AFTER_ZONE);
        }
        _ => terminal.access.combination(combination(terminal, data.try_get_u8().ok()?)?).encode(&mut out),
    }
    Some(out)
}

/// `None` or `false` when the terminal refuses.
fn write(terminal: &mut Terminal, command: Command, mut data: &[u8]) -> Option<bool> {
    match command {
        Command::VERIFY_WRQ => {
            let (uid, style) = (data.try_get_u16_le().ok()?, UserVerifyStyle(data.try_get_u8().ok()?));
            let known = terminal.users.contains(uid) && data.len() == STYLE - 3;
            if known {
                terminal.access.set_style(uid, style);
            }
            Some(known)
        }
        Command::USERGRP_WRQ => {
            let uid = u16::try_from(data.try_get_u32_le().ok()?).ok()?;
            let number = group(terminal, data.try_get_u8().ok()?)?;
            Some(terminal.users.change(uid, |user| user.group = number))
        }
        Command::USERTZ_WRQ => {
            let uid = u16::try_from(data.try_get_u32_le().ok()?).ok()?;
            let own = data.try_get_u32_le().ok()? == 1;
            let mut zones = [0; 3];
            for zone in &mut zones {
                *zone = u16::try_from(data.try_get_u32_le().ok()?).ok().filter(|zone| *zone <= ZONES)?;
            }
            Some(terminal.users.contains(uid) && terminal.set_user_zones(uid, UserZones { own, zones }))
        }
        Command::GRPTZ_WRQ => {
            let written = AccessGroup::parse(data).ok()?;
            group(terminal, written.number)?;
            terminal.access.set_group(written);
            Some(true)
        }
        Command::TZ_WRQ => {
            // As in the read, except that the number has four bytes.
            let zone = WeeklyZone::parse(&[data.get(..2)?, data.get(4..)?].concat()).ok()?;
            let fits = data.len() == 32 && (1..=ZONES).contains(&zone.number);
            fits.then(|| terminal.access.set_zone(zone));
            Some(fits)
        }
        Command::ULG_WRQ => {
            let written = UnlockCombination::parse(data).ok()?;
            combination(terminal, written.number)?;
            terminal.access.set_combination(written);
            Some(true)
        }
        _ => None,
    }
}

/// The number of a group that the terminal has.
fn group(terminal: &Terminal, number: u8) -> Option<u8> {
    let last = if terminal.profile.users == UserLayout::TwentyEight { 5 } else { 100 };
    (1..=last).contains(&number).then_some(number)
}

/// The number of a combination that the terminal has. Black-and-white terminals keep them as text in an unknown form,
/// so they refuse.
fn combination(terminal: &Terminal, number: u8) -> Option<u8> {
    let listed = terminal.profile.users != UserLayout::TwentyEight;
    (listed && (1..=COMBINATIONS).contains(&number)).then_some(number)
}
