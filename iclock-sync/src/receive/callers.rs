//! Who may call, and what is known of each terminal that does. No I/O and no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use chrono_tz::Tz;
use sha2::{Digest, Sha256};
use zk_push::Command;

use super::access::PushAccess;
use super::needs::{Needs, needs};
use crate::ledger::{PushAdmission, PushKey, PushLine, PushMemory, PushState, TerminalState};
use crate::{Contact, DeviceOptions, Permission};

/// A terminal that is admitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    /// Its serial number in the ledger, which may be an older `name:NAME`.
    pub(super) serial: String,
    /// Its name for people.
    pub(super) name: String,
    pub(super) zone: Option<Tz>,
    /// What it may be ordered to do besides the usual.
    pub(super) permits: BTreeSet<Permission>,
    pub(super) memory: PushMemory,
}

/// Everybody who may call. One process receives, so that this is the truth next to the ledger.
#[derive(Default)]
pub(super) struct Callers {
    access: PushAccess,
    configured: HashMap<String, Configured>,
    decided: HashMap<String, Decided>,
    /// By the serial number in the ledger.
    memories: BTreeMap<String, PushMemory>,
    /// What the ledger calls the terminals that it knows, by the serial number that they give.
    known: HashMap<String, Known>,
    /// Where the terminals have presented the key, by serial number.
    keys: HashMap<String, PushKey>,
}

/// A request, as far as it decides who is believed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Call<'a> {
    pub(super) serial: &'a str,
    pub(super) address: Option<IpAddr>,
    /// What precedes `iclock` in the path.
    pub(super) path: &'a str,
    /// The key that it presents.
    pub(super) key: Option<&'a [u8]>,
}

struct Configured {
    name: String,
    zone: Option<Tz>,
    permits: BTreeSet<Permission>,
    /// It is never called, so that its entry says that it calls.
    calls: bool,
}

struct Decided {
    state: PushState,
    name: Option<String>,
}

struct Known {
    serial: String,
    name: String,
}

/// What to do with a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is admitted.
    Admitted(Box<Caller>),
    /// It is refused, and waits for a decision: note that it called.
    Waits,
    /// It is refused.
    Refused,
}

impl Caller {
    /// Returns true if the terminal may be sent a command.
    pub(super) fn takes(&self, command: &Command) -> bool {
        match needs(command) {
            Needs::Nothing => true,
            Needs::Permission(permission) => self.permits.contains(&permission),
            Needs::Never => false,
        }
    }
}

impl Callers {
    /// From what the ledger has.
    pub(super) fn new(
        memories: BTreeMap<String, PushMemory>,
        admissions: Vec<PushAdmission>,
        terminals: Vec<TerminalState>,
        keys: Vec<PushKey>,
    ) -> Self {
        let given = |terminal: &TerminalState| terminal.alias.clone().unwrap_or_else(|| terminal.serial.clone());
        let known = terminals
            .into_iter()
            .map(|terminal| (given(&terminal), Known { serial: terminal.serial, name: terminal.name }))
            .collect();
        let keys = keys.into_iter().map(|key| (key.serial.clone(), key)).collect();
        let mut callers = Self { memories, known, keys, ..Self::default() };
        for PushAdmission { serial, state, name, .. } in admissions {
            callers.decide(&serial, state, name);
        }
        callers
    }

    /// Takes over the configured terminals, and whose calls are believed.
    pub(super) fn configure(&mut self, devices: &[DeviceOptions], access: &PushAccess) {
        self.access = access.clone();
        self.configured = devices
            .iter()
            .filter_map(|device| {
                let calls = device.contact == Contact::Push;
                let (name, zone, permits) = (device.name.clone(), device.zone, device.permits.clone());
                Some((device.serial.clone()?, Configured { name, zone, permits, calls }))
            })
            .collect();
    }

    /// Takes over a decision. Serial numbers that only wait are in the ledger alone: their number is not bounded here.
    pub(super) fn decide(&mut self, serial: &str, state: PushState, name: Option<String>) {
        if state == PushState::Pending {
            self.decided.remove(serial);
            return;
        }
        let decided = self.decided.entry(serial.to_owned()).or_insert(Decided { state, name: None });
        decided.state = state;
        decided.name = name.or(decided.name.take());
    }

    /// A person has approved a terminal, and takes it as it is: it may call over plain HTTP.
    pub(super) fn takes_line(&mut self, serial: &str) {
        if let Some(caller) = self.caller(serial).filter(|caller| caller.memory.line == PushLine::FellBack) {
            self.remember(&caller, |memory| memory.line = PushLine::Plain);
        }
    }

    /// The address of the terminal that calls.
    pub(super) fn address(&self, peer: Option<SocketAddr>, forwarded_for: Option<&str>) -> Option<IpAddr> {
        self.access.address(peer, forwarded_for)
    }

    /// The address of a terminal behind a known proxy; `None` for one that calls by itself.
    pub(super) fn forwarded(&self, peer: Option<SocketAddr>, forwarded_for: Option<&str>) -> Option<IpAddr> {
        peer.filter(|peer| self.access.is_proxy(peer.ip())).and_then(|_| self.address(peer, forwarded_for))
    }

    /// Returns true for the address of a known proxy.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.access.is_proxy(address)
    }

    /// Returns true if many terminals may call from an address: that of a proxy, or of this computer, on which only a
    /// proxy, a tunnel or a simulation calls.
    pub(super) fn is_of_many(&self, address: IpAddr) -> bool {
        address.to_canonical().is_loopback() || self.access.is_proxy(address)
    }

    /// Decides about a request.
    pub(super) fn verdict(&self, call: Call<'_>) -> Verdict {
        // All are always looked up, so that the time of a refusal says nothing.
        let (is_allowed, has_key) = (self.access.allows(call.address, call.path), self.has_key(call));
        match self.caller(call.serial) {
            _ if !is_allowed || !has_key => Verdict::Refused,
            Some(caller) => Verdict::Admitted(Box::new(caller)),
            None if self.decided.contains_key(call.serial) => Verdict::Refused,
            None => Verdict::Waits,
        }
    }

    /// Terminals present the key only when they shake hands. Other requests are believed from where that was. Digests
    /// are compared, so that the time of the comparison says nothing about the key.
    fn has_key(&self, call: Call<'_>) -> bool {
        let Some(key) = &self.access.comm_key else { return true };
        let right = digest(key.as_bytes(), call.serial);
        match call.key {
            Some(given) => digest(given, call.serial) == right,
            None => self
                .keys
                .get(call.serial)
                .is_some_and(|known| known.digest == right && Some(known.address) == call.address),
        }
    }

    /// Remembers where an admitted terminal has presented the key. Returns what is new of that, for the ledger.
    pub(super) fn presents_key(&mut self, call: Call<'_>) -> Option<PushKey> {
        self.access.comm_key.as_ref()?;
        let (serial, digest) = (call.serial.to_owned(), digest(call.key?, call.serial));
        let key = PushKey { serial, digest, address: call.address? };
        if self.keys.get(call.serial) == Some(&key) {
            return None;
        }
        self.keys.insert(call.serial.to_owned(), key.clone());
        Some(key)
    }

    /// Returns a terminal that is admitted.
    pub(super) fn caller(&self, serial: &str) -> Option<Caller> {
        let (configured, decided) = (self.configured.get(serial), self.decided.get(serial));
        let is_admitted = match decided.map(|decided| decided.state) {
            Some(PushState::Denied) => false,
            Some(PushState::Approved) => true,
            Some(PushState::Pending) | None => configured.is_some_and(|configured| configured.calls),
        };
        if !is_admitted {
            return None;
        }
        let known = self.known.get(serial);
        let named = |known: &Known| self.configured.values().find(|configured| configured.name == known.name);
        let configured = configured.or_else(|| known.and_then(named));
        let name = configured
            .map(|configured| configured.name.as_str())
            .or_else(|| decided.and_then(|decided| decided.name.as_deref()))
            .or_else(|| known.map(|known| known.name.as_str()));
        let in_ledger = known.map_or(serial, |known| &known.serial);
        Some(Caller {
            serial: in_ledger.to_owned(),
            name: name.unwrap_or(serial).to_owned(),
            zone: configured.and_then(|configured| configured.zone),
            permits: configured.map(|configured| configured.permits.clone()).unwrap_or_default(),
            memory: self.memories.get(in_ledger).cloned().unwrap_or_default(),
        })
    }

    /// Notes over which line an admitted terminal calls. Returns the line if that is a change.
    pub(super) fn calls_over(&mut self, caller: &Caller, over_tls: bool) -> Option<PushLine> {
        let known = self.memories.get(&caller.serial).map(|memory| memory.line).unwrap_or_default();
        let line = known.after_call(over_tls);
        if line == known {
            return None;
        }
        self.remember(caller, |memory| memory.line = line);
        Some(line)
    }

    /// Remembers something of a terminal, once it is in the ledger.
    pub(super) fn remember(&mut self, caller: &Caller, change: impl FnOnce(&mut PushMemory)) {
        change(self.memories.entry(caller.serial.clone()).or_default());
    }
}

fn digest(key: &[u8], serial: &str) -> String {
    let digest = Sha256::new().chain_update(key).chain_update([0]).chain_update(serial).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(serial: &'a str, path: &'a str) -> Call<'a> {
        Call { serial, path, ..Call::default() }
    }

    fn admitted(callers: &Callers, serial: &str) -> Option<Caller> {
        match callers.verdict(call(serial, "")) {
            Verdict::Admitted(caller) => Some(*caller),
            _ => None,
        }
    }

    #[test]
    fn a_terminal_that_is_never_called_is_admitted_by_its_entry_and_one_that_is_called_by_a_person() {
        let mut callers = Callers::default();
        let mut gate = DeviceOptions::push("gate", "A1");
        gate.zone = Some(Tz::Indian__Maldives);
        let mut office = DeviceOptions::new("office", "192.0.2.10");
        (office.serial, office.zone) = (Some("B2".to_owned()), Some(Tz::Europe__Berlin));
        callers.configure(&[gate, office], &PushAccess::default());
        let caller = admitted(&callers, "A1").unwrap();
        assert_eq!((caller.name.as_str(), caller.zone), ("gate", Some(Tz::Indian__Maldives)));
        assert_eq!(callers.verdict(call("B2", "")), Verdict::Waits);
        callers.decide("B2", PushState::Approved, Some("other".to_owned()));
        let caller = admitted(&callers, "B2").unwrap();
        assert_eq!((caller.name.as_str(), caller.zone), ("office", Some(Tz::Europe__Berlin)), "the entry counts");
        // A person has the last word.
        callers.decide("A1", PushState::Denied, None);
        assert_eq!(callers.verdict(call("A1", "")), Verdict::Refused);
    }

    #[test]
    fn an_approved_terminal_has_the_name_of_the_decision_and_else_the_one_that_the_ledger_has() {
        let known = TerminalState {
            serial: "name:gate".to_owned(),
            alias: Some("A1".to_owned()),
            name: "gate".to_owned(),
            ..TerminalState::default()
        };
        let mut callers = Callers::new(BTreeMap::new(), Vec::new(), vec![known], Vec::new());
        for serial in ["A1", "C3"] {
            callers.decide(serial, PushState::Approved, None);
        }
        let caller = |callers: &Callers, serial| admitted(callers, serial).map(|caller| (caller.serial, caller.name));
        assert_eq!(caller(&callers, "A1"), Some(("name:gate".to_owned(), "gate".to_owned())));
        assert_eq!(caller(&callers, "C3"), Some(("C3".to_owned(), "C3".to_owned())));
        callers.decide("C3", PushState::Approved, Some("yard".to_owned()));
        callers.decide("C3", PushState::Approved, None);
        assert_eq!(caller(&callers, "C3"), Some(("C3".to_owned(), "yard".to_owned())), "a name stays");
    }

    #[test]
    fn with_a_key_a_terminal_is_believed_from_where_it_has_presented_it() {
        let mut callers = Callers::default();
        let access = PushAccess { comm_key: Some("88888888".to_owned()), ..PushAccess::default() };
        callers.configure(&[DeviceOptions::push("gate", "A1")], &access);
        let at = |last| Some(IpAddr::from([192, 0, 2, last]));
        let call = |serial, address, key: Option<&'static str>| Call {
            serial,
            address,
            path: "",
            key: key.map(str::as_bytes),
        };
        let is_admitted = |callers: &Callers, call| matches!(callers.verdict(call), Verdict::Admitted(_));
        assert_eq!(callers.verdict(call("A1", at(1), None)), Verdict::Refused, "it has never presented it");
        assert_eq!(callers.verdict(call("A1", at(1), Some("12345678"))), Verdict::Refused);
        assert_eq!(callers.verdict(call("B2", at(1), Some("12345678"))), Verdict::Refused, "it is not even noted");
        assert_eq!(callers.verdict(call("B2", at(1), Some("88888888"))), Verdict::Waits);
        let right = call("A1", at(1), Some("88888888"));
        assert!(is_admitted(&callers, right));
        let kept = callers.presents_key(right).unwrap();
        assert_eq!(callers.presents_key(right), None, "the ledger has it");
        assert!(is_admitted(&callers, call("A1", at(1), None)));
        assert!(!is_admitted(&callers, call("A1", at(2), None)), "somebody else");
        assert!(!is_admitted(&callers, call("A1", at(1), Some("12345678"))), "a wrong one is wrong everywhere");

        // After a restart, and with another key.
        let mut callers = Callers::new(BTreeMap::new(), Vec::new(), Vec::new(), vec![kept]);
        callers.configure(&[DeviceOptions::push("gate", "A1")], &access);
        assert!(is_admitted(&callers, call("A1", at(1), None)));
        let other = PushAccess { comm_key: Some("77777777".to_owned()), ..access };
        callers.configure(&[DeviceOptions::push("gate", "A1")], &other);
        assert!(!is_admitted(&callers, call("A1", at(1), None)));
        assert!(!format!("{other:?}").contains("7777"));
    }

    #[test]
    fn a_terminal_that_falls_back_from_tls_is_a_change_each_time_until_somebody_approves_it() {
        let mut callers = Callers::default();
        callers.configure(&[DeviceOptions::push("gate", "A1")], &PushAccess::default());
        let calls = |over_tls: bool, callers: &mut Callers| {
            let caller = admitted(callers, "A1").unwrap();
            callers.calls_over(&caller, over_tls)
        };
        let changes: Vec<_> = [false, true, true, false, false, true, false]
            .map(|over_tls| calls(over_tls, &mut callers))
            .into_iter()
            .collect();
        let (tls, back) = (Some(PushLine::Tls), Some(PushLine::FellBack));
        assert_eq!(changes, [None, tls, None, back, None, tls, back]);
        callers.takes_line("A1");
        assert_eq!(calls(false, &mut callers), None);
        assert_eq!([true, false].map(|over_tls| calls(over_tls, &mut callers)), [tls, back]);
    }

    #[test]
    fn only_a_proxy_or_this_computer_calls_for_many_terminals() {
        let mut callers = Callers::default();
        let access = PushAccess { proxies: vec!["198.51.100.0/24".parse().unwrap()], ..PushAccess::default() };
        callers.configure(&[], &access);
        let is_of_many = |address: &str| callers.is_of_many(address.parse().unwrap());
        assert!(is_of_many("198.51.100.2") && is_of_many("::ffff:198.51.100.2"));
        assert!(is_of_many("127.0.0.1") && is_of_many("::1") && is_of_many("::ffff:127.0.0.1"));
        assert!(!is_of_many("192.0.2.7"));
        let forwarded = |peer: &str| {
            let peer = Some(SocketAddr::new(peer.parse().unwrap(), 1));
            callers.forwarded(peer, Some("192.0.2.9")).map(|address| address.to_string())
        };
        assert_eq!(forwarded("198.51.100.2").as_deref(), Some("192.0.2.9"));
        assert_eq!((forwarded("127.0.0.1"), forwarded("192.0.2.7")), (None, None), "nobody has named it");
    }

    #[test]
    fn nobody_is_admitted_or_noted_whose_calls_are_not_believed() {
        let mut callers = Callers::default();
        let access = PushAccess { token: Some("s3cret".to_owned()), ..PushAccess::default() };
        callers.configure(&[DeviceOptions::push("gate", "A1")], &access);
        for serial in ["A1", "B2"] {
            assert_eq!(callers.verdict(call(serial, "t/wrong")), Verdict::Refused, "{serial}");
        }
        assert!(matches!(callers.verdict(call("A1", "t/s3cret")), Verdict::Admitted(_)));
        assert_eq!(callers.verdict(call("B2", "t/s3cret")), Verdict::Waits);
    }
}
