//! Every fault is felt by somebody who asks for everything.

use std::time::Duration;

use crate::common::{Client, LOG, USERS};
use zk_proto::record::FingerTemplate;
use zk_proto::{Command, SessionId, Uid};
use zk_sim::{Fault, FaultKind, Transport};

use super::{TEMPLATES, new_user, terminal};

/// The first finger of the first generated user, by text.
fn enrolment() -> [u8; 26] {
    let mut request = [0; 26];
    request[..4].copy_from_slice(b"1001");
    request[25] = 1;
    request
}

/// A run through all that faults can touch, without and with a comm key: what came back, as text to compare.
fn everything(fault: Option<Fault>, transport: Transport) -> String {
    everything_with(0, fault, transport) + &everything_with(99, fault, transport)
}

fn everything_with(key: u32, fault: Option<Fault>, transport: Transport) -> String {
    let template = vec![7; 300].into();
    let finger = FingerTemplate { uid: Uid(1), finger: 6, flag: 1, template };
    let builder = terminal("tft40", 300).key(key).finger(finger);
    let builder = fault.map_or(builder.clone(), |fault| builder.fault(fault));
    let mut client = Client::new(builder.build(), transport);
    let mut seen = format!("{:?}", client.ask(Command::CONNECT, &[]));
    let second = client.device.open(Transport::Tcp);
    seen += &format!("{}", second.is_some());
    for key in [1, key] {
        let token = zk_proto::CommKey::new(key).scramble(SessionId(client.session), 50);
        seen += &format!("{:?}", client.ask(Command::AUTH, &token));
    }
    for (command, data) in [
        (Command::GET_FREE_SIZES, &[][..]),
        (Command::GET_TIME, &[]),
        (Command::GET_PINWIDTH, &[]),
        (Command::OPTIONS_RRQ, b"~ExtendFmt\0"),
        (Command::USER_WRQ, &new_user()),
        (Command::DATA_WRRQ, TEMPLATES),
        (Command::STARTENROLL, &enrolment()),
        (Command::DATA_WRRQ, USERS),
        (Command::DATA_RDY, &[0, 0, 0, 0, 100, 0, 0, 0]),
        (Command::FREE_DATA, &[]),
        (Command::DATA_WRRQ, LOG),
        (Command::DATA_RDY, &[0, 0, 0, 0, 0, 16, 0, 0]),
        (Command::DATA_RDY, &[0, 16, 0, 0, 0, 16, 0, 0]),
        (Command::DATA_RDY, &[0, 32, 0, 0, 228, 14, 0, 0]),
        (Command::ATTLOG_RRQ, &[]),
        (Command::REG_EVENT, &[1, 0, 0, 0]),
    ] {
        seen += &format!("{:?}", client.ask(command, data));
        seen += &format!("{:?}", client.device.poll_events(client.link, client.now));
    }
    for _ in 0..2 {
        let punch = client.device.next_punch().unwrap();
        client.device.punch(punch);
        seen += &format!("{:?}", client.events());
        client.now += Duration::from_secs(3);
    }
    seen + &format!("{:?}", client.ask(Command::EXIT, &[]))
}

#[test]
fn every_fault_is_felt() {
    let sound = [Transport::Tcp, Transport::Udp].map(|transport| everything(None, transport));
    for kind in FaultKind::ALL {
        let faulty = [Transport::Tcp, Transport::Udp].map(|transport| everything(Some(Fault::new(*kind)), transport));
        assert_ne!(faulty, sound, "{}", kind.name());
    }
}
