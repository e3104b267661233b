//! What terminals tell of themselves: versions, functions, and the numbers that they can hold. No I/O.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};

use zk_push::request::{Endpoint, Info, Method};
use zk_push::{Fields, Head, Text};

/// What a terminal tells, by name.
pub(super) type Facts = Vec<(&'static str, String)>;

/// The longest value that is kept, in bytes.
const LONGEST: usize = 128;

/// The parameters of a handshake that are kept.
const OF_HANDSHAKE: [&str; 4] = ["DeviceType", "language", "pushver", "PushOptionsFlag"];
/// The parameters of a registration or of the table `options` that are kept. Keys and passwords are none of them.
const OF_PARAMETERS: [&str; 48] = [
    "AccSupportFunList",
    "AuxInCount",
    "AuxOutCount",
    "BioDataFun",
    "BioPhotoFun",
    "CmdFormat",
    "CommType",
    "DateFmtFunOn",
    "DeviceName",
    "DeviceType",
    "FPVersion",
    "FWVersion",
    "FaceFunOn",
    "FaceVersion",
    "FingerFunOn",
    "FirmVer",
    "FvFunOn",
    "FvVersion",
    "IsOnlyRFMachine",
    "IsSupportQRcode",
    "Language",
    "LockCount",
    "MAC",
    "MachineType",
    "MaskDetectionFunOn",
    "MaxAttLogCount",
    "MaxAttPhotoCount",
    "MaxFaceCount",
    "MaxFingerCount",
    "MaxMultiBioDataCount",
    "MaxMultiBioPhotoCount",
    "MaxPackageSize",
    "MaxPvCount",
    "MaxUserCount",
    "MaxUserFingerCount",
    "MultiBioDataSupport",
    "MultiBioPhotoSupport",
    "MultiBioVersion",
    "OEMVendor",
    "PhotoFunOn",
    "Platform",
    "PushVersion",
    "PvVersion",
    "ReaderCount",
    "StringPinFunOn",
    "VerifyStyles",
    "VisilightFun",
    "ZKFPVersion",
];

/// Returns what the head of a request tells: a handshake, or a poll with `INFO`.
pub(super) fn of_head(head: &Head) -> Facts {
    if matches!((&head.endpoint, head.method), (Endpoint::Cdata, Method::Get)) && head.query.get("options").is_some() {
        return OF_HANDSHAKE.into_iter().filter_map(|name| Some((name, kept(head.query.get(name)?)?))).collect();
    }
    let Some(info) = head.query.get("INFO").map(Info::parse) else { return Facts::new() };
    // Its numbers of users and records change all the time.
    let told = [
        ("FWVersion", &info.firmware),
        ("FPVersion", &info.fingerprint_version),
        ("FaceVersion", &info.face_version),
        ("functions", &info.functions),
    ];
    told.into_iter().filter_map(|(name, value)| Some((name, kept(value.as_ref()?)?))).collect()
}

/// Returns what parameters tell.
pub(super) fn of_parameters(parameters: &Fields) -> Facts {
    OF_PARAMETERS.into_iter().filter_map(|name| Some((name, kept(parameters.get(name)?)?))).collect()
}

fn kept(value: &Text) -> Option<String> {
    let text = value.to_str().filter(|text| text.len() <= LONGEST && !text.contains(char::is_control))?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// What the terminals have told last, as digests: a terminal tells most of it again and again.
#[derive(Debug, Default)]
pub(super) struct Told {
    hasher: RandomState,
    /// By serial number, and by the first name.
    last: HashMap<(String, &'static str), u64>,
}

impl Told {
    /// Returns true if a terminal has not told just this before, since the start.
    pub(super) fn is_new(&mut self, serial: &str, facts: &Facts) -> bool {
        let Some((first, _)) = facts.first() else { return false };
        let digest = self.hasher.hash_one(facts);
        self.last.insert((serial.to_owned(), first), digest) != Some(digest)
    }

    /// It was not kept.
    pub(super) fn forget(&mut self, serial: &str) {
        self.last.retain(|(known, _), _| known != serial);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zk_push::options::parse_parameters;

    use super::*;

    #[test]
    fn versions_and_functions_are_kept_and_no_secret() {
        let head = Head::parse("GET", "/iclock/cdata?SN=A1&options=all&pushver=2.4.1&DeviceType=att&pushcommkey=k3y");
        assert_eq!(of_head(&head.unwrap()), [("DeviceType", "att".to_owned()), ("pushver", "2.4.1".to_owned())]);
        let head = Head::parse("GET", "/iclock/getrequest?SN=A1&INFO=Ver%208,3,4,5,192.0.2.7,10,39,12,1,01110");
        let told = ["Ver 8", "10", "39", "01110"].map(ToOwned::to_owned);
        assert_eq!(of_head(&head.unwrap()).into_iter().map(|(_, value)| value).collect::<Vec<_>>(), told);
        assert_eq!(of_head(&Head::parse("GET", "/iclock/getrequest?SN=A1").unwrap()), []);
        let long = "x".repeat(LONGEST + 1);
        let body = format!("~DeviceName=X1,~MaxUserCount=100,MAC=,Platform={long},authKey=k3y,ComPwd=4711,UserCount=7");
        let told = of_parameters(&parse_parameters(&Bytes::from(body)).unwrap());
        assert_eq!(told, [("DeviceName", "X1".to_owned()), ("MaxUserCount", "100".to_owned())]);
    }

    #[test]
    fn what_is_told_again_is_not_new_until_it_changes_or_was_not_kept() {
        let mut told = Told::default();
        let facts = |version: &str| vec![("FWVersion", version.to_owned())];
        let news = [facts("1"), facts("1"), facts("2"), facts("1"), vec![]].map(|facts| told.is_new("A1", &facts));
        assert_eq!(news, [true, false, true, true, false]);
        assert!(told.is_new("B2", &facts("1")) && told.is_new("A1", &vec![("pushver", "1".to_owned())]));
        assert!(!told.is_new("A1", &facts("1")), "a handshake tells other things than a poll");
        told.forget("A1");
        assert!(told.is_new("A1", &facts("1")) && !told.is_new("B2", &facts("1")));
    }
}
