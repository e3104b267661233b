//! Access control: groups, zones, combinations, and what is set for single users.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, BytesMut};
use zk_proto::Command;
use zk_proto::record::{
    AccessGroup, AccessZones, Hours, UnlockCombination, UserLayout, UserVerifyStyle, UserZones, VerifyStyle, WeeklyZone,
};

use crate::reply::Reply;
use crate::terminal::Terminal;

/// Zones and combinations that every terminal has.
const ZONES: u16 = 50;
const COMBINATIONS: u8 = 10;
/// Bytes of what is written and read about how a user proves who they are.
const STYLE: usize = 24;
/// What follows a zone when it is read. Source: `vectors/packets_replies.json`, captured; the meaning is not known.
const BEHIND_ZONE: [u8; 2] = [0xA7, 0x1C];

/// What access control knows beside the user records.
#[derive(Clone, Debug, Default)]
pub struct Access {
    groups: BTreeMap<u8, AccessGroup>,
    zones: BTreeMap<u16, WeeklyZone>,
    combinations: BTreeMap<u8, UnlockCombination>,
    styles: BTreeMap<u16, UserVerifyStyle>,
    /// Of users whose records have no place for them.
    user_zones: BTreeMap<u16, UserZones>,
}

impl Access {
    /// A group. One that nobody wrote lets its users in by the first zone.
    #[must_use]
    pub fn group(&self, number: u8) -> AccessGroup {
        let fresh = AccessGroup { number, zones: [1, 0, 0], style: VerifyStyle::ANY, holidays: false };
        self.groups.get(&number).copied().unwrap_or(fresh)
    }

    /// A zone. One that nobody wrote is always open.
    #[must_use]
    pub fn zone(&self, number: u16) -> WeeklyZone {
        self.zones.get(&number).copied().unwrap_or(WeeklyZone { number, days: [Hours::ALWAYS; 7] })
    }

    /// A combination. Of those that nobody wrote, the first is one person of the first group; the others are empty.
    #[must_use]
    pub fn combination(&self, number: u8) -> UnlockCombination {
        let first = UnlockCombination { number, groups: [1, 0, 0, 0, 0], people: 1 };
        let fresh = if number == 1 { first } else { UnlockCombination { number, ..UnlockCombination::default() } };
        self.combinations.get(&number).copied().unwrap_or(fresh)
    }

    /// How a user proves who they are.
    #[must_use]
    pub fn style(&self, uid: u16) -> UserVerifyStyle {
        self.styles.get(&uid).copied().unwrap_or_default()
    }

    /// Forgets a user who is deleted.
    pub(crate) fn forget(&mut self, uid: u16) {
        self.styles.remove(&uid);
        self.user_zones.remove(&uid);
    }

    /// Forgets everybody.
    pub(crate) fn forget_all(&mut self) {
        self.styles.clear();
        self.user_zones.clear();
    }
}

impl Terminal {
    /// When a user may enter: the record says it where it has a place for it. `None` when there is no such user.
    #[must_use]
    pub fn user_zones(&self, uid: u16) -> Option<UserZones> {
        Some(match self.users.get(uid)?.zones {
            AccessZones::Listed { flag, zones } => UserZones { own: flag == 1, zones },
            _ => self.access.user_zones.get(&uid).copied().unwrap_or_default(),
        })
    }

    fn set_user_zones(&mut self, uid: u16, zones: UserZones) -> bool {
        if self.profile.users == UserLayout::SeventyTwo {
            let listed = AccessZones::Listed { flag: zones.own.into(), zones: zones.zones };
            return self.users.change(uid, |user| user.zones = listed);
        }
        self.access.user_zones.insert(uid, zones);
        self.users.contains(uid)
    }
}

/// Answers the commands about access control.
pub(crate) fn answer(terminal: &mut Terminal, command: Command, data: &[u8]) -> Reply {
    let answered = match command {
        Command::USERGRP_RRQ | Command::USERTZ_RRQ | Command::VERIFY_RRQ => read_of_user(terminal, command, data),
        Command::GRPTZ_RRQ | Command::TZ_RRQ | Command::ULG_RRQ => read(terminal, command, data),
        _ => write(terminal, command, data).and_then(|done| done.then(BytesMut::new)),
    };
    answered.map_or_else(Reply::error, |data| Reply::ok_with(data.freeze()))
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
            // Here 1 means the group's, in the write the user's own.
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
            out.put_slice(&BEHIND_ZONE);
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
                terminal.access.styles.insert(uid, style);
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
            terminal.access.groups.insert(group(terminal, written.number)?, written);
            Some(true)
        }
        Command::TZ_WRQ => {
            // As it is read, but that the number has four bytes.
            let zone = WeeklyZone::parse(&[data.get(..2)?, data.get(4..)?].concat()).ok()?;
            let fits = data.len() == 32 && (1..=ZONES).contains(&zone.number);
            fits.then(|| terminal.access.zones.insert(zone.number, zone));
            Some(fits)
        }
        Command::ULG_WRQ => {
            let written = UnlockCombination::parse(data).ok()?;
            terminal.access.combinations.insert(combination(terminal, written.number)?, written);
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

/// The number of a combination that the terminal has. Black-and-white terminals have them as texts, whose form is not known: they
/// refuse.
fn combination(terminal: &Terminal, number: u8) -> Option<u8> {
    let listed = terminal.profile.users != UserLayout::TwentyEight;
    (listed && (1..=COMBINATIONS).contains(&number)).then_some(number)
}
