//! Users and fingerprints of one terminal, restored on another.

use zk_proto::client::{Backup, Change, Field, Loss, Obstacle, Plan, RestoreOptions, Restored, UserError};
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{User, UserLayout, UserPassword};
use zk_proto::{ClientError, Transport, Uid, UserId};
use zk_sim::{Fault, Profile, Terminal, TerminalBuilder};

use super::people::{finger, writable};
use super::{Site, sites, staffed};

/// A terminal with users, among them one whose record has bytes of its own after its texts, and with fingerprints.
fn full() -> TerminalBuilder {
    let mut terminal = staffed();
    for (uid, fingers) in [(1, 0..3), (2, 5..6), (4, 0..10)] {
        terminal = fingers
            .fold(terminal, |terminal, which| terminal.finger(finger(uid, which, 300 + 131 * usize::from(which))));
    }
    terminal.user_record(&odd_record(72)).user_record(&odd_record(28))
}

/// A record of the width with left-over bytes; the other family's builder takes it for none of its own.
fn odd_record(width: usize) -> Vec<u8> {
    let mut record = vec![0; width];
    record[0] = 200;
    record[3..8].copy_from_slice(b"44\0\xC6\x9A");
    match width {
        72 => {
            record[11..20].copy_from_slice(b"Ned\0Smith");
            record[39..46].copy_from_slice(&[2, 1, 0, 1, 0, 2, 0]);
            record[48..56].copy_from_slice(b"555\0left");
        }
        _ => {
            record[8..16].copy_from_slice(b"Ned\0Smit");
            record[20..24].copy_from_slice(&[9, 2, 7, 0]);
            record[24..26].copy_from_slice(&555u16.to_le_bytes());
        }
    }
    record
}

/// The data of a terminal, byte for byte.
fn held(site: &Site) -> (Vec<u8>, Vec<zk_proto::record::FingerTemplate>) {
    site.terminal.inspect(|terminal| (terminal.user_records().to_vec(), terminal.fingers()))
}

#[tokio::test]
async fn users_and_fingerprints_are_the_same_on_the_other_terminal_byte_for_byte() {
    let (from, to) = (sites(writable, full).await, sites(writable, Terminal::builder).await);
    for (old, new) in from.iter().zip(&to) {
        let backup = old.client().await.backup().await.unwrap();
        assert_eq!((backup.users.len(), backup.fingers.len()), (6, 14), "{}", old.name());
        let mut client = new.client().await;
        let restored = client.while_disabled(None, async |client| client.restore(&backup).await).await.unwrap();
        client.exit().await;
        assert_eq!(restored, Restored { users: 6, fingers: 14 });
        assert_eq!(held(new), held(old), "{}", new.name());
        assert_eq!(new.client().await.backup().await.unwrap(), backup);
    }
}

#[tokio::test]
async fn what_stands_there_already_is_left_alone() {
    let (old, new) = (Site::plain(full()).await, Site::plain(full()).await);
    let backup = old.client().await.backup().await.unwrap();
    let mut client = new.client().await;
    assert_eq!(client.restore(&backup).await.unwrap(), Restored { users: 0, fingers: 0 });
    client.write_fingerprint(&finger(4, 3, 99)).await.unwrap();
    client.edit_users().await.unwrap().change(Uid(2), |user| user.group = 7).await.unwrap();
    client.edit_users().await.unwrap().delete(Uid(1)).await.unwrap();
    assert_eq!(client.restore(&backup).await.unwrap(), Restored { users: 2, fingers: 4 });
    assert_eq!(held(&new), held(&old));
}

#[tokio::test]
async fn a_restore_that_broke_off_goes_on_where_it_was() {
    let old = Site::plain(full()).await;
    let backup = old.client().await.backup().await.unwrap();
    let mut broken = 0;
    // Wherever the line breaks: while reading, between two users, in the middle of a fingerprint.
    for bytes in (100..3_000).step_by(57) {
        let fault = Fault::parse(&format!("drop-after={bytes}x1")).unwrap();
        let new = Site::plain(Terminal::builder().fault(fault)).await;
        let mut client = new.client().await;
        if let Err(error) = client.restore(&backup).await {
            assert!(error.is_transient(), "{bytes}: {error}");
            broken += 1;
            client.reconnect().await.unwrap();
            client.restore(&backup).await.unwrap();
        }
        assert_eq!(held(&new), held(&old), "{bytes}");
    }
    assert!(broken > 10, "{broken}");
}

#[tokio::test]
async fn a_backup_is_not_written_over_other_people_or_onto_another_kind_of_terminal() {
    let backup = Site::plain(full()).await.client().await.backup().await.unwrap();
    let attempt = async |terminal: TerminalBuilder, profile: &str| {
        let site = Site::start(&Profile::named(profile).unwrap(), Transport::Tcp, terminal).await;
        let before = held(&site);
        let refused = site.client().await.restore(&backup).await.unwrap_err();
        assert_eq!(held(&site), before, "nothing was written");
        refused
    };
    let other = |uid, user_id: &str| {
        let person = zk_sim::Person { uid, user_id: user_id.into(), name: "Other".into(), privilege: 0 };
        Terminal::builder().people(vec![person])
    };
    assert!(matches!(attempt(other(2, "9"), "tft40").await, UserError::UidTaken { uid: Uid(2) }));
    assert!(matches!(attempt(other(9, "1002"), "tft40").await, UserError::UserIdTaken { uid: Uid(9), .. }));
    let layout = attempt(staffed(), "bw8").await;
    assert!(matches!(layout, UserError::Layout { there: UserLayout::SeventyTwo, here: UserLayout::TwentyEight }));
    let algorithm = attempt(Terminal::builder().option("~ZKFPVersion", "9"), "tft40").await;
    assert!(matches!(algorithm, UserError::Algorithm { .. }));
}

#[tokio::test]
async fn a_full_terminal_refuses_by_name() {
    let old = Site::plain(full()).await;
    let backup = old.client().await.backup().await.unwrap();
    let profile = Profile { user_capacity: 3, ..Profile::default() };
    let site = Site::start(&profile, Transport::Tcp, Terminal::builder()).await;
    let refused = site.client().await.restore(&backup).await.unwrap_err();
    let UserError::Pull(zk_proto::client::PullError::Client(ClientError::Refused { command, .. })) = refused else {
        panic!("{refused}");
    };
    assert_eq!(command, zk_proto::Command::USER_WRQ);
}

/// The plan for a backup at a terminal, with the usual options.
async fn planned(backup: &Backup, site: &Site) -> Plan {
    let mut client = site.client().await;
    let plan = client.plan_restore(backup, &RestoreOptions::default()).await.unwrap();
    client.exit().await;
    plan
}

#[tokio::test]
async fn users_of_one_family_fit_the_records_of_the_other() {
    for (from, to) in [("tft40", "bw8"), ("bw8", "tft40"), ("mb1", "tft40")] {
        let from = Site::start(&Profile::named(from).unwrap(), Transport::Tcp, full()).await;
        let to = Site::start(&Profile::named(to).unwrap(), Transport::Tcp, Terminal::builder()).await;
        let mut backup = from.client().await.backup().await.unwrap();
        // The odd record of 28 bytes has a card of 40 bits, which 72 bytes cannot hold.
        backup.users.iter_mut().for_each(|user| user.card &= u64::from(u32::MAX));
        let plan = planned(&backup, &to).await;
        assert_eq!(plan.obstacles, []);
        assert_eq!(plan.count_users(&Change::Added), backup.users.len(), "{}", from.name());
        let of_odd = plan.users.iter().find(|planned| planned.from == Uid(200)).map(|planned| &planned.losses[..]);
        match from.profile.name {
            // Its record says that it has access times of its own.
            "tft40" => assert_eq!(of_odd, Some(&[Loss::Zones][..])),
            "bw8" => assert_eq!(of_odd, Some(&[Loss::Zones][..])),
            _ => assert!(plan.users.iter().all(|planned| planned.losses.contains(&Loss::Credentials))),
        }
        let mut client = to.client().await;
        let mut steps = 0;
        let restored = client.carry_out(&plan, |_| steps += 1).await.unwrap();
        assert_eq!(restored, Restored { users: backup.users.len(), fingers: 14 });
        assert_eq!(steps, backup.users.len() + 14);
        assert!(planned(&backup, &to).await.is_empty(), "{}: once is enough", from.name());
        assert_eq!(held(&to).1, held(&from).1, "the fingerprints are the same");
        for user in client.user_table().await.unwrap().users() {
            let there = backup.users.iter().find(|there| there.user_id == user.user_id).unwrap();
            assert_eq!((there.uid, there.privilege), (user.uid, user.privilege));
            assert!(there.name.starts_with(&user.name[..]) || from.profile.name == "mb1");
        }
    }
}

#[tokio::test]
async fn a_user_whose_slot_is_anothers_gets_a_free_one_together_with_the_fingerprints() {
    let backup = Site::plain(full()).await.client().await.backup().await.unwrap();
    let person =
        |uid, user_id: &str| zk_sim::Person { uid, user_id: user_id.into(), name: "Other".into(), privilege: 0 };
    // 1001 is here in slot 9; the slots of 1002 and 1004 are others'.
    let people = vec![person(2, "77"), person(4, "78"), person(9, "1001")];
    let site = Site::plain(Terminal::builder().people(people).finger(finger(4, 1, 600))).await;
    let plan = planned(&backup, &site).await;
    assert_eq!(plan.obstacles, []);
    let slots: Vec<_> = plan.users.iter().map(|planned| (planned.user.user_id.as_str(), planned.user.uid.0)).collect();
    assert_eq!(slots, [("1001", 9), ("1002", 1), ("1003", 3), ("1004", 6), ("1005", 5), ("555", 200)]);
    assert_eq!((plan.users[0].change.clone(), plan.users[0].fields()[0]), (Change::Changed, Field::Name));
    assert_eq!(plan.left_alone.iter().map(|user| user.uid.0).collect::<Vec<_>>(), [2, 4]);
    let mut client = site.client().await;
    client.carry_out(&plan, |_| {}).await.unwrap();
    let there = client.backup().await.unwrap();
    for finger in &backup.fingers {
        let owner = backup.users.iter().find(|user| user.uid == finger.uid).unwrap();
        let here = there.users.iter().find(|user| user.user_id == owner.user_id).unwrap().uid;
        let same = |other: &&zk_proto::record::FingerTemplate| (other.uid, other.finger) == (here, finger.finger);
        assert_eq!(there.fingers.iter().find(same).unwrap().template, finger.template);
    }
    assert!(there.fingers.contains(&zk_proto::record::FingerTemplate { flag: 1, ..self::finger(4, 1, 600) }));
    assert_eq!(there.fingers.len(), 15);
    assert!(there.users.iter().any(|user| user.user_id.as_str() == "78" && user.uid == Uid(4)));
}

#[tokio::test]
async fn a_plan_that_is_out_of_date_writes_nothing() {
    let backup = Site::plain(full()).await.client().await.backup().await.unwrap();
    let site = Site::plain(staffed()).await;
    site.client().await.edit_users().await.unwrap().delete(Uid(3)).await.unwrap();
    let plan = planned(&backup, &site).await;
    site.client()
        .await
        .edit_users()
        .await
        .unwrap()
        .create(&zk_proto::record::NewUser::new("9").uid(Uid(3)))
        .await
        .unwrap();
    let before = held(&site);
    let outdated = site.client().await.carry_out(&plan, |_| {}).await;
    assert!(matches!(outdated, Err(UserError::Outdated { .. })), "{outdated:?}");
    assert_eq!(held(&site), before);
}

#[tokio::test]
async fn whatever_cannot_be_written_is_known_before_and_nothing_is_written() {
    let mut backup = Site::plain(full()).await.client().await.backup().await.unwrap();
    let attempt = async |backup: &Backup, profile: Profile, terminal: TerminalBuilder| {
        let site = Site::start(&profile, Transport::Tcp, terminal).await;
        let before = held(&site);
        let plan = planned(backup, &site).await;
        site.client().await.carry_out(&plan, |_| {}).await.unwrap_err();
        assert_eq!(held(&site), before, "nothing was written");
        plan.obstacles
    };
    let full = attempt(&backup, Profile { user_capacity: 3, ..Profile::default() }, Terminal::builder()).await;
    assert_eq!(full, [Obstacle::Users { new: 6, room: 3 }]);
    let full = attempt(&backup, Profile { finger_capacity: 10, ..Profile::default() }, Terminal::builder()).await;
    assert_eq!(full, [Obstacle::Fingers { new: 14, room: 10 }]);
    let other = Terminal::builder().option("~ZKFPVersion", "9");
    let [Obstacle::Algorithm { .. }] = attempt(&backup, Profile::default(), other).await[..] else { panic!() };
    let mb1 = attempt(&backup, Profile::named("mb1").unwrap(), staffed()).await;
    assert_eq!(mb1, [Obstacle::ReadOnly { layout: UserLayout::HundredTwenty }]);
    backup.users[0].user_id = UserId("A-7".into());
    backup.users[1].password = UserPassword::new("123456");
    let unfit = attempt(&backup, Profile::named("bw8").unwrap(), Terminal::builder()).await;
    let texts: Vec<_> = unfit.iter().map(ToString::to_string).collect();
    assert!(texts[0].contains("user A-7 does not fit") && texts[1].contains("password"), "{texts:?}");
}

#[test]
fn a_name_is_written_in_the_code_page_of_the_other_terminal() {
    let gbk = TextEncoding::named("gbk").unwrap();
    let name = gbk.encode("张伟", 23).unwrap().into();
    let user = User { uid: Uid(1), user_id: UserId("1".into()), name, ..User::default() };
    let backup = Backup { layout: Some(UserLayout::SeventyTwo), users: vec![user], ..Backup::default() };
    let here = Backup { layout: Some(UserLayout::TwentyEight), ..Backup::default() };
    let options = RestoreOptions::default().encoding(gbk);
    let plan = Plan::new(&backup, &here, TextEncoding::UTF_8, &options);
    assert_eq!((&plan.users[0].user.name[..], &plan.users[0].losses[..]), ("张伟".as_bytes(), &[][..]));
    let arabic = Plan::new(&backup, &here, TextEncoding::named("cp1256").unwrap(), &options);
    let [Obstacle::Unfit { .. }] = arabic.obstacles[..] else { panic!("{:?}", arabic.obstacles) };
}
