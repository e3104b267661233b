//! The families of terminals that differ on the wire.

use std::time::Duration;

use zk_proto::Command;
use zk_proto::record::AttendanceLayout;
use zk_proto::record::UserLayout;

/// The first two bytes of a 40- or 49-byte record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexField {
    /// The number of the record, modulo 65536.
    Number,
    /// The uid of the person.
    Uid,
}

/// How a terminal treats a packet with a foreign session id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignSession {
    /// Accepts it, as most firmware does.
    Accept,
    /// Answers 2005.
    Refuse,
    /// Does not answer.
    Ignore,
}

/// A family of terminals. Every field can be changed before a [`Terminal`](crate::Terminal) is built from it.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The name on the command line.
    pub name: &'static str,
    /// A one-line description.
    pub about: &'static str,
    /// True if it answers over TCP.
    pub tcp: bool,
    /// True if it accepts TCP connections but never answers on them; only if it answers over UDP alone.
    pub silent_tcp: bool,
    /// True if it answers over UDP.
    pub udp: bool,
    /// User records.
    pub users: UserLayout,
    /// Attendance records.
    pub log: AttendanceLayout,
    /// First field of wide attendance records.
    pub index: IndexField,
    /// Bytes of a live punch's payload: 10, 12, 14, 32, 36, 37 or 52.
    pub event_len: usize,
    /// The longest data set, including its length word, that answers 1503 inline, in bytes.
    pub inline_limit: usize,
    /// Bytes per DATA packet over TCP.
    pub tcp_packet: u32,
    /// Bytes per DATA packet over UDP; at most 1024 fit a datagram that every client accepts.
    pub udp_packet: u32,
    /// The pause between the packets of one answer over TCP. Clients that expect one packet per read of their socket
    /// (node-zklib, zkteco-js) need a real terminal's pace of some milliseconds.
    pub pace: Duration,
    /// Bytes of the free-sizes answer: 80, 92 or 112.
    pub sizes_len: usize,
    /// The code that answers an option the terminal does not have.
    pub absent_option: Command,
    /// TCP sessions at a time; further connections are closed at once.
    pub sessions: usize,
    /// True if it ignores packets with a wrong checksum.
    pub strict_checksum: bool,
    /// How it treats packets with a foreign session id.
    pub foreign_session: ForeignSession,
    /// True if RESTART is answered before the connection ends.
    pub restart_answered: bool,
    /// Users it can hold.
    pub user_capacity: u32,
    /// Attendance records it can hold.
    pub log_capacity: u32,
    /// Fingerprints it can hold.
    pub finger_capacity: u32,
    /// Faces it can hold, as classic face terminals do (command 150); 0: it serves none this way.
    pub face_capacity: u32,
    /// True if it has photos of its users (command 10010).
    pub user_photos: bool,
    /// True if it serves the log between two times (10004).
    pub log_ranges: bool,
    /// Option `~Platform`.
    pub platform: &'static str,
    /// Option `~DeviceName`.
    pub device_name: &'static str,
    /// The answer to GET_VERSION.
    pub firmware: &'static str,
}

/// The reference behaviour. The other profiles list their differences.
const TFT40: Profile = Profile {
    name: "tft40",
    about: "colour-screen terminal, 40-byte log, 72-byte users, TCP and UDP (iClock880, K40, F18)",
    tcp: true,
    silent_tcp: false,
    udp: true,
    users: UserLayout::SeventyTwo,
    log: AttendanceLayout::Wide(40),
    index: IndexField::Number,
    event_len: 36,
    inline_limit: 1024,
    tcp_packet: 65_528,
    udp_packet: 1024,
    pace: Duration::ZERO,
    sizes_len: 92,
    absent_option: Command::ACK_ERROR,
    sessions: 16,
    strict_checksum: false,
    foreign_session: ForeignSession::Accept,
    restart_answered: true,
    user_capacity: 10_000,
    log_capacity: 2_000_000,
    finger_capacity: 3_000,
    face_capacity: 0,
    user_photos: false,
    log_ranges: false,
    platform: "ZEM760_TFT",
    device_name: "iClock880",
    firmware: "Ver 6.60 Jun 16 2015",
};

/// Black-and-white terminals share all but the width of their log.
const BW: Profile = Profile {
    users: UserLayout::TwentyEight,
    event_len: 12,
    sizes_len: 80,
    platform: "ZEM560",
    device_name: "MA300",
    firmware: "Ver 6.21 Jan 05 2011",
    ..TFT40
};

impl Profile {
    /// Every family that can be named, the default first.
    pub const ALL: &'static [Profile] = &[
        TFT40,
        Profile {
            name: "tft40-uid",
            about: "as tft40, with the uid where tft40 numbers its records (F19)",
            index: IndexField::Uid,
            event_len: 32,
            device_name: "F19",
            firmware: "Ver 6.81 Jan 02 2014",
            ..TFT40
        },
        Profile {
            name: "tft40-small-packets",
            about: "as tft40, with 1008 bytes per packet over TCP (K40, Z40)",
            tcp_packet: 1008,
            device_name: "K40",
            platform: "ZLM60_TFT",
            ..TFT40
        },
        Profile {
            name: "tft16",
            about: "colour-screen terminal with the extended 16-byte log",
            log: AttendanceLayout::Sixteen,
            device_name: "iClock260",
            platform: "ZEM510_TFT",
            ..TFT40
        },
        Profile {
            name: "face49",
            about: "visible-light face terminal, 49-byte log, TCP only, strict checksums (SpeedFace-V5L)",
            udp: false,
            log: AttendanceLayout::Wide(49),
            event_len: 52,
            sizes_len: 112,
            strict_checksum: true,
            user_photos: true,
            log_ranges: true,
            device_name: "SpeedFace-V5L",
            platform: "ZAM180_TFT",
            firmware: "Ver 6.60 Aug 19 2021",
            ..TFT40
        },
        Profile {
            name: "iface",
            about: "as tft40, with face templates and user photos (iFace402, iFace800)",
            face_capacity: 400,
            user_photos: true,
            device_name: "iFace402",
            ..TFT40
        },
        Profile {
            name: "mb1",
            about: "as tft40, TCP only, 120-byte users that cannot be written (NGTeco MB1)",
            udp: false,
            users: UserLayout::HundredTwenty,
            device_name: "NG-MB1",
            platform: "ZMM200_TFT",
            ..TFT40
        },
        Profile {
            name: "bw8",
            about: "black-and-white terminal, 8-byte log (layout B), 28-byte users (MA300, ZEM500)",
            log: AttendanceLayout::EightB,
            event_len: 10,
            ..BW
        },
        Profile {
            name: "bw8a",
            about: "as bw8, with the 8-byte layout A",
            log: AttendanceLayout::EightA,
            event_len: 14,
            ..BW
        },
        Profile {
            name: "bw16",
            about: "black-and-white terminal, extended 16-byte log, 28-byte users (X628)",
            log: AttendanceLayout::Sixteen,
            device_name: "X628",
            ..BW
        },
        Profile {
            name: "udp-only",
            about: "black-and-white terminal that answers over UDP alone, 16-byte log (U580)",
            tcp: false,
            log: AttendanceLayout::Sixteen,
            device_name: "U580",
            ..BW
        },
        Profile {
            name: "silent-tcp",
            about: "as bw8, UDP alone, and TCP connections that are taken and never answered (MA300)",
            tcp: false,
            silent_tcp: true,
            log: AttendanceLayout::EightB,
            event_len: 10,
            firmware: "Ver 6.62 May 10 2013",
            ..BW
        },
        Profile {
            name: "single-session",
            about: "as tft40, TCP only, one connection at a time, refuses foreign session ids",
            udp: false,
            sessions: 1,
            foreign_session: ForeignSession::Refuse,
            device_name: "K14",
            platform: "JZ4725_TFT",
            ..TFT40
        },
        Profile {
            name: "d2",
            about: "as tft40, unknown options answered 65535, restart not answered (D2, AK3750)",
            absent_option: Command::ACK_UNKNOWN,
            restart_answered: false,
            device_name: "D2",
            platform: "AK3750WIFI_TFT",
            ..TFT40
        },
    ];

    /// The family with that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|profile| profile.name == name).cloned()
    }
}

impl Default for Profile {
    fn default() -> Self {
        TFT40
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_found() {
        for profile in Profile::ALL {
            assert_eq!(Profile::named(profile.name).unwrap().about, profile.about);
        }
        assert!(Profile::named("no such").is_none());
    }
}
