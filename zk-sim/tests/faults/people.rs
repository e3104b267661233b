//! What faults do to users and fingerprints.

use crate::common::{Client, USERS, u32_at};
use zk_proto::record::FingerTemplate;
use zk_proto::{Command, Uid};
use zk_sim::Transport;

use super::{TEMPLATES, new_user, terminal, with};

#[test]
fn a_user_record_is_acknowledged_and_ignored() {
    for (faults, more) in [(&[][..], 1), (&["ignored-writes"], 0), (&["ignored-writes@1"], 1)] {
        let mut client = with("tft40", 50, faults);
        let before = client.read(USERS).len();
        assert_eq!(client.ask(Command::USER_WRQ, &new_user()).codes(), [2000]);
        assert_eq!(client.read(USERS).len(), before + more * 72, "{faults:?}");
    }
}

#[test]
fn single_user_records_are_refused_and_uploaded_ones_taken() {
    let mut client = with("tft40", 50, &["refuse-user-writes"]);
    assert_eq!(client.ask(Command::USER_WRQ, &new_user()).codes(), [2001]);
    let upload = [&73u32.to_le_bytes()[..], &[0; 8], &[2], &new_user()].concat();
    client.ask(Command::PREPARE_DATA, &(upload.len() as u32).to_le_bytes());
    client.ask(Command::DATA, &upload);
    assert_eq!(client.ask(Command::SAVE_USERTEMPS, &[12, 0, 0, 0, 0, 0, 8, 0]).codes(), [2000]);
    assert_eq!(client.device.terminal().user(77).unwrap().user_id.as_str(), "7");
}

#[test]
fn the_table_of_fingerprints_loses_its_head() {
    let table = |faults: &[&str]| {
        let finger = FingerTemplate { uid: Uid(1), finger: 6, flag: 1, template: vec![7; 30].into() };
        let builder = faults.iter().fold(terminal("tft40", 0), |builder, fault| builder.fault(fault.parse().unwrap()));
        Client::connected(builder.finger(finger).build(), Transport::Tcp).read(TEMPLATES)
    };
    let (sound, cut) = (table(&[]), table(&["cut-templates=7"]));
    assert_eq!(cut[..4], sound[..4]);
    assert_eq!(cut[4..], [&sound[11..], &[0; 7]].concat());
}

#[test]
fn deleted_users_stand_in_the_table_as_zeros() {
    let sound = with("tft40", 50, &[]).read(USERS);
    let users = with("tft40", 50, &["zeroed-users=2"]).read(USERS);
    assert_eq!(u32_at(&users, 0) as usize, sound.len() - 4 + 2 * 72);
    let zeroed = users[4..].chunks(72).filter(|row| row.iter().all(|byte| *byte == 0)).count();
    assert_eq!(zeroed, 2);
}
