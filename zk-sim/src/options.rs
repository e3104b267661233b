//! The terminal's options: names and values as text.

use zk_proto::record::AttendanceLayout;
use zk_proto::record::Bell;
use zk_proto::record::UserLayout;

use crate::profile::Profile;

/// The options of one terminal, in the order in which they were set.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    values: Vec<(String, String)>,
    /// True if a client has written options and not refreshed them.
    pub(crate) stale: bool,
}

impl Options {
    pub(crate) fn new(profile: &Profile, serial: &str) -> Self {
        let colour = profile.users != UserLayout::TwentyEight;
        let face = profile.log.width() > 40 || profile.face_capacity > 0;
        let flag = |on: bool| if on { "1" } else { "0" };
        let values = [
            ("~SerialNumber", serial),
            ("~Platform", profile.platform),
            ("~DeviceName", profile.device_name),
            ("~OEMVendor", "ZKTeco Inc."),
            ("~OS", "1"),
            ("~ProductTime", "2015-06-16 09:00:00"),
            ("~ZKFPVersion", "10"),
            ("~ExtendFmt", flag(profile.log == AttendanceLayout::Sixteen)),
            ("~UserExtFmt", flag(colour)),
            ("ExtendOPLog", "0"),
            ("~SSR", flag(colour)),
            ("~PIN2Width", if colour { "9" } else { "5" }),
            ("WorkCode", flag(profile.log == AttendanceLayout::Sixteen)),
            ("ZKFaceVersion", if face { "7" } else { "0" }),
            ("FaceFunOn", flag(face)),
            ("FingerFunOn", "1"),
            ("~RFCardOn", "1"),
            ("~IsABCPinEnable", "0"),
            ("CompatOldFirmware", "0"),
            ("DeviceID", "1"),
            ("MAC", "00:17:61:c8:ec:17"),
            ("IPAddress", "192.0.2.201"),
            ("NetMask", "255.255.255.0"),
            ("GATEIPAddress", "192.0.2.1"),
            ("DHCP", "0"),
            ("TCPPort", "4370"),
            ("UDPPort", "4370"),
            ("Language", "69"),
            ("VoiceOn", "1"),
            ("LockOn", "5"),
        ];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let bells = (1..=Bell::COUNT).filter(|_| !colour).filter_map(|number| Bell::option(number).ok());
        let bells = bells.map(|name| (name, Bell::value(None)));
        Self { values: values.into_iter().map(owned).chain(bells).collect(), stale: false }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        match self.values.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.values.push((name.to_owned(), value.to_owned())),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.values.retain(|(known, _)| known != name);
    }
}
