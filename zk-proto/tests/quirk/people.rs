//! Users.

use zk_proto::client::{Pulled, UserError};
use zk_proto::encoding::TextEncoding;
use zk_proto::record::{AccessZones, NewUser, UserLayout};
use zk_proto::{Client, DeviceTime, Uid, UserId};
use zk_sim::{Person, Punch, Terminal};

use super::{Site, rows};

/// Q24: names in another code page are read with the configured one and cut between characters; their bytes are kept.
#[tokio::test]
async fn names_are_in_the_code_page_of_the_terminal() {
    let gbk = TextEncoding::named("GBK").unwrap();
    let terminal = Terminal::builder().users(6).encoding(gbk);
    let site = Site::start("tft40", &[], terminal).await;
    let mut client = Client::connect(&site.options().encoding(gbk)).await.unwrap();
    let name = "\u{524d}\u{53f0}".repeat(7);
    let mut users = client.edit_users().await.unwrap();
    let uid = users.create(&NewUser::new("2001").name(name.clone())).await.unwrap();
    users.finish().await.unwrap();
    let table = client.user_table().await.unwrap();
    let stored = table.users().iter().find(|user| user.uid == uid).unwrap();
    let told = stored.name_text(gbk);
    assert!(name.starts_with(&told) && told.chars().count() == 11, "23 bytes and a NUL hold eleven characters: {told}");
    assert_eq!(stored.name[..], gbk.encode(&told, 24).unwrap()[..]);
    assert!(table.users().iter().all(|user| !user.name_text(gbk).contains('\u{FFFD}')));
}

/// Q25: a new user has a group and no time zones of its own, so that the door opens.
#[tokio::test]
async fn a_new_user_may_pass_whenever_the_group_may() {
    let site = Site::with("tft40", 0, &[]).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    let uid = users.create(&NewUser::new("2001")).await.unwrap();
    users.finish().await.unwrap();
    let stored = site.terminal.inspect(|terminal| terminal.user(uid.0).cloned()).unwrap();
    assert_eq!((stored.group, stored.zones), (1, AccessZones::Listed { flag: 0, zones: [0; 3] }));
    assert_eq!(stored.raw[39..48], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

/// Q26: a uid or user id that is taken is found before the terminal can refuse it, and the record has the right size.
#[tokio::test]
async fn a_taken_uid_or_user_id_is_named_before_anything_is_sent() {
    for profile in ["tft40", "bw16"] {
        let site = Site::with(profile, 0, &[]).await;
        let mut client = site.client().await;
        let mut users = client.edit_users().await.unwrap();
        let error = users.create(&NewUser::new("9999").uid(Uid(4))).await.unwrap_err();
        assert!(matches!(error, UserError::UidTaken { uid: Uid(4) }), "{error:?}");
        let error = users.create(&NewUser::new("1004")).await.unwrap_err();
        assert!(matches!(error, UserError::UserIdTaken { uid: Uid(4), .. }), "{error:?}");
        assert_eq!(site.sent(zk_proto::Command::USER_WRQ), 0, "{profile}");
        users.create(&NewUser::new("9999")).await.unwrap();
        users.finish().await.unwrap();
        assert_eq!(site.terminal.inspect(|terminal| terminal.users().len()), 31, "{profile}");
    }
}

/// Q27: uids above 32767.
#[tokio::test]
async fn uids_have_sixteen_bits_without_a_sign() {
    let site = Site::with("tft40", 0, &[]).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    let uid = users.create(&NewUser::new("2001").uid(Uid(40_000))).await.unwrap();
    users.verify().await.unwrap();
    users.delete(uid).await.unwrap();
    users.finish().await.unwrap();
    assert_eq!(uid, Uid(40_000));
    assert!(site.terminal.inspect(|terminal| terminal.user(40_000).is_none()));
}

/// Q28: deleted users remain in the table as rows of zeros, which are counted separately.
#[tokio::test]
async fn rows_of_zeros_are_nobody() {
    for profile in ["tft40", "bw16"] {
        let site = Site::with(profile, 0, &["zeroed-users=4"]).await;
        let table = site.client().await.user_table().await.unwrap();
        assert_eq!((table.users().len(), table.vacant()), (30, 4), "{profile}");
        let layout = if profile == "tft40" { UserLayout::SeventyTwo } else { UserLayout::TwentyEight };
        assert_eq!(table.layout(), Some(layout), "{profile}");
    }
}

/// Q28: a person without an id is nobody, and is known by the slot.
#[tokio::test]
async fn a_person_without_an_id_is_listed_by_the_slot() {
    let person = |uid: u16| Person {
        uid,
        user_id: if uid == 3 { "".into() } else { uid.to_string().as_str().into() },
        name: "A".into(),
        privilege: 0,
    };
    let terminal = Terminal::builder().people((1..=30).map(person).collect());
    let site = Site::start("tft40", &[], terminal).await;
    let table = site.client().await.user_table().await.unwrap();
    assert_eq!((table.users().len(), table.vacant(), table.without_id()), (29, 1, &[Uid(3)][..]));
}

/// Q85: user ids with bytes that are no text, in the log and in the user table, remain visible, and the id is no
/// other user's.
#[tokio::test]
async fn bytes_that_are_no_text_stay_in_a_user_id() {
    let time = DeviceTime::new(2025, 5, 18, 7, 0, 0).unwrap();
    let ids = [&b"5"[..], b"5\xD2", b"\xD25", b"\xD2"].map(|field| UserId::from_field(field).0);
    let person =
        |(id, uid): (&String, u16)| Person { uid, user_id: id.as_str().into(), name: "A".into(), privilege: 0 };
    let punches = (0..40u32).map(|n| {
        // 36 of 40 are user 5's, so that the log is proven.
        let id = if n < 4 { &ids[n as usize] } else { "5" };
        Punch::new(1, id, DeviceTime(time.0 + 60 * n), 0, 1)
    });
    for profile in ["tft40", "face49"] {
        let terminal = Terminal::builder().people(ids.iter().zip(1..).map(person).collect());
        let site = Site::start(profile, &[], terminal.punches(punches.clone().collect())).await;
        let mut pulled = site.pull(&mut site.client().await).await;
        let Pulled::Full(proven) = &mut pulled.found else { panic!("{profile}: {pulled:?}") };
        assert_eq!(rows(proven).iter().filter(|row| row.0 == "5").count(), 37, "{profile}");
        let table = site.client().await.user_table().await.unwrap();
        let read: Vec<&str> = table.users().iter().map(|user| user.user_id.as_str()).collect();
        assert_eq!(read, ["5", "5\u{FFFD}D2", "\u{FFFD}D25", "\u{FFFD}D2"], "{profile}");
    }
}
