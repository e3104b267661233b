//! Users, fingerprints, faces and photos.

use bytes::Bytes;
use zk_proto::client::UserError;
use zk_proto::encoding::TextEncoding;
use zk_proto::op::{
    ClearAdministrators, CountPhotos, DeleteTemplate, DeleteTemplateOf, GetPinWidth, ReadBareTemplate, ReadTemplate,
    RefreshData, WriteTemplate, WriteUser,
};
use zk_proto::record::{FaceTemplate, FingerTemplate, NewUser, Privilege, User, UserLayout};
use zk_proto::session::{Enrolled, Upload};
use zk_proto::{Client, ClientError, Command, ProtoError, Uid, UserId};
use zk_sim::{Fault, Profile, Terminal, TerminalBuilder};

use super::{Named, Site, sites, staffed};

/// Every operation on people, for terminals that are [`equipped`].
pub(crate) const OPERATIONS: &[Named] = &[
    ("user table", |client| {
        Box::pin(async {
            let table = client.user_table().await?;
            let ids: Vec<_> = table.users().iter().map(|user| user.user_id.as_str()).collect();
            assert_eq!(ids, ["1001", "1002", "1003", "1004", "1005"]);
            Ok(())
        })
    }),
    ("pin width", |client| {
        Box::pin(async {
            let width = client.call(&GetPinWidth).await?.ok_or("terminal does not say")?;
            assert!(matches!(width, 5 | 9), "{width}");
            Ok(())
        })
    }),
    ("read fingerprint", |client| {
        Box::pin(async {
            let template = client.fingerprint(Uid(1), 6).await?;
            assert_eq!(template, Some(finger(1, 6, 1700).template));
            Ok(())
        })
    }),
    ("read all fingerprints", |client| {
        Box::pin(async {
            assert_eq!(client.fingerprints().await?, [finger(1, 6, 1700), finger(4, 6, 800), finger(5, 6, 500)]);
            Ok(())
        })
    }),
    ("face", |client| {
        Box::pin(async {
            assert_eq!(client.face(Uid(1)).await?.templates, faces().collect::<Vec<_>>());
            Ok(())
        })
    }),
    ("user photo", |client| {
        Box::pin(async {
            assert_eq!(client.user_photo(&UserId("1001".into())).await?, Some(photo()));
            Ok(())
        })
    }),
    ("backup", |client| {
        Box::pin(async {
            let backup = client.backup().await?;
            assert_eq!((backup.users.len(), backup.fingers.len()), (5, 3));
            Ok(())
        })
    }),
    ("refresh data", |client| Box::pin(async { Ok(client.call(&RefreshData).await?) })),
    ("clear administrators", |client| Box::pin(async { Ok(client.call(&ClearAdministrators).await?) })),
    ("create user", |client| {
        Box::pin(async {
            let mut users = client.edit_users().await?;
            users.create(&NewUser::new("4242").name("Visitor")).await?;
            users.verify().await?;
            Ok(users.finish().await?)
        })
    }),
    ("change user", |client| {
        Box::pin(async {
            let mut users = client.edit_users().await?;
            users.change(Uid(2), |user| user.group = 3).await?;
            users.verify().await?;
            Ok(users.finish().await?)
        })
    }),
    ("delete user", |client| {
        Box::pin(async {
            let mut users = client.edit_users().await?;
            users.delete(Uid(3)).await?;
            Ok(users.finish().await?)
        })
    }),
    ("write fingerprint", |client| Box::pin(async { Ok(client.write_fingerprint(&finger(1, 6, 900)).await?) })),
    ("delete fingerprint", |client| {
        Box::pin(async { Ok(client.call(&DeleteTemplate { uid: Uid(4), finger: 6 }).await?) })
    }),
    ("delete fingerprint by user id", |client| {
        Box::pin(async { Ok(client.call(&DeleteTemplateOf::new(&UserId("1005".into()), 6)?).await?) })
    }),
    ("upload users", |client| {
        Box::pin(async {
            let layout = client.edit_users().await?.layout();
            let user = NewUser::new("77").in_slot(Uid(77), layout, TextEncoding::UTF_8)?;
            let enrolled = Enrolled { user, fingers: vec![finger(77, 1, 900)] };
            Ok(client.upload_users(layout, &[enrolled]).await?)
        })
    }),
];

/// The parts of a face, longer together than one packet.
fn faces() -> impl Iterator<Item = FaceTemplate> {
    (0..15).map(|index| FaceTemplate { size: 1214, uid: Uid(1), index, flag: 1, data: vec![index; 2570].into() })
}

/// The bytes of a photo.
fn photo() -> Bytes {
    [&[0xFF, 0xD8][..], &[7; 5000], &[0xFF, 0xD9]].concat().into()
}

/// A fingerprint of so many bytes, which ends in none of the padding that reading one by one cuts off.
pub(crate) fn finger(uid: u16, finger: u8, length: usize) -> FingerTemplate {
    let mark = u16::from(finger) ^ uid;
    let template: Bytes = (0..length).map(|n| (n as u16).wrapping_mul(31).wrapping_add(mark) as u8 | 1).collect();
    FingerTemplate { uid: Uid(uid), finger, flag: 1, template }
}

/// A terminal on which each operation finds what it needs.
pub(crate) fn equipped() -> TerminalBuilder {
    let terminal = faces().fold(staffed(), TerminalBuilder::face).photo("1001", photo());
    [finger(1, 6, 1700), finger(4, 6, 800), finger(5, 6, 500)].into_iter().fold(terminal, TerminalBuilder::finger)
}

pub(crate) fn writable(profile: &Profile) -> bool {
    profile.users != UserLayout::HundredTwenty
}

fn stored(site: &Site, uid: Uid) -> Option<User> {
    site.terminal.inspect(|terminal| terminal.user(uid.0).cloned())
}

#[tokio::test]
async fn users_are_created_changed_and_deleted() {
    for site in sites(writable, staffed).await {
        let mut client = site.client().await;
        let mut users = client.edit_users().await.unwrap();
        assert_eq!((users.layout(), users.all().len()), (site.profile.users, 5), "{}", site.name());
        let visitor = NewUser::new("4242").name("Visitor").password("1234").card(7_654_321).privilege(Privilege::ADMIN);
        let uid = users.create(&visitor).await.unwrap();
        users.change(Uid(2), |user| user.group = 3).await.unwrap();
        users.delete(Uid(3)).await.unwrap();
        assert_eq!(users.by_user_id("4242").unwrap().uid, uid);
        users.verify().await.unwrap();
        users.finish().await.unwrap();
        client.exit().await;

        let user = stored(&site, uid).unwrap();
        assert_eq!((user.user_id.as_str(), &user.name[..], user.card), ("4242", &b"Visitor"[..], 7_654_321));
        assert_eq!((user.password.as_bytes(), user.privilege, user.group), (&b"1234"[..], Privilege::ADMIN, 1));
        assert_eq!(stored(&site, Uid(2)).unwrap().group, 3);
        assert_eq!(stored(&site, Uid(3)), None);
        assert_eq!(site.terminal.inspect(|terminal| terminal.users().len()), 5);
    }
}

#[tokio::test]
async fn a_new_user_gets_the_smallest_free_slot_or_the_one_of_its_number() {
    for site in sites(writable, staffed).await {
        let mut client = site.client().await;
        let mut users = client.edit_users().await.unwrap();
        users.delete(Uid(3)).await.unwrap();
        assert_eq!(users.next_free_uid(), Some(Uid(3)));
        let by_number = site.profile.users == UserLayout::TwentyEight;
        assert_eq!(users.create(&NewUser::new("90")).await.unwrap(), Uid(if by_number { 90 } else { 3 }));
        assert_eq!(users.create(&NewUser::new("70000")).await.unwrap(), Uid(if by_number { 3 } else { 6 }));
    }
}

#[tokio::test]
async fn changes_are_taken_over_at_exit_when_nobody_said_so_before() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    client.edit_users().await.unwrap().delete(Uid(1)).await.unwrap();
    client.exit().await;
    let refreshed = site.terminal.received().iter().filter(|packet| packet.command == Command::REFRESHDATA).count();
    assert_eq!(refreshed, 1);
}

#[tokio::test]
async fn a_taken_slot_and_a_taken_id_are_refused_before_anything_is_sent() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    let taken = users.create(&NewUser::new("99").uid(Uid(4))).await;
    assert!(matches!(taken, Err(UserError::UidTaken { uid: Uid(4) })));
    let taken = users.create(&NewUser::new("1004")).await;
    assert!(matches!(taken, Err(UserError::UserIdTaken { uid: Uid(4), .. })));
    let taken = users.change(Uid(5), |user| user.user_id = UserId("1004".into())).await;
    assert!(matches!(taken, Err(UserError::UserIdTaken { uid: Uid(4), .. })));
    assert!(matches!(users.delete(Uid(9)).await, Err(UserError::NoSuchUser { uid: Uid(9) })));
    assert!(site.terminal.received().iter().all(|packet| packet.command != Command::USER_WRQ));
}

/// Q26: what a terminal refuses by itself, with 2001.
#[tokio::test]
async fn a_terminal_refuses_another_record_width_a_second_slot_for_an_id_and_a_full_table() {
    let profile = Profile { user_capacity: 6, ..Profile::default() };
    let site = Site::start(&profile, zk_proto::Transport::Tcp, staffed()).await;
    let mut client = site.client().await;
    let layout = UserLayout::SeventyTwo;
    let write = |uid: u16, user_id: &str| {
        let user = NewUser::new(user_id).in_slot(Uid(uid), layout, TextEncoding::UTF_8).unwrap();
        WriteUser::new(layout, &user).unwrap()
    };
    let refused = |outcome: Result<(), ClientError>| {
        assert!(matches!(outcome, Err(ClientError::Refused { code: Command::ACK_ERROR, .. })), "{outcome:?}");
    };
    refused(client.call(&WriteUser::raw(write(9, "9").record().slice(..28))).await);
    refused(client.call(&WriteUser::raw(Bytes::from(vec![0; 72]))).await);
    refused(client.call(&write(9, "1001")).await);
    client.call(&write(9, "9")).await.unwrap();
    refused(client.call(&write(10, "10")).await);
    client.call(&write(9, "9")).await.unwrap();
}

/// Q27 and Q25.
#[tokio::test]
async fn a_large_uid_is_written_and_the_group_is_no_flag_of_time_zones() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    for uid in [40_000, 65_534] {
        users.create(&NewUser::new(uid.to_string()).uid(Uid(uid))).await.unwrap();
        let raw = stored(&site, Uid(uid)).unwrap().raw;
        assert_eq!(raw[..2], uid.to_le_bytes());
        assert_eq!(raw[39..48], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    users.verify().await.unwrap();
}

#[tokio::test]
async fn a_change_leaves_every_other_byte_as_it_was() {
    // A password with left-over bytes after it, zones of the user's own, and an id with such bytes too.
    let mut record = [0; 72];
    record[..2].copy_from_slice(&13u16.to_le_bytes());
    record[3..11].copy_from_slice(b"444\0\xC6\x9A\x80\x7C");
    record[11..14].copy_from_slice(b"Ned");
    record[39..46].copy_from_slice(&[2, 1, 0, 1, 0, 2, 0]);
    record[48..56].copy_from_slice(b"555\0left");
    let site = Site::plain(staffed().user_record(&record)).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    users.change(Uid(13), |user| user.card = 0xDE).await.unwrap();
    users.verify().await.unwrap();
    record[35] = 0xDE;
    assert_eq!(stored(&site, Uid(13)).unwrap().raw[..], record);
}

#[tokio::test]
async fn an_old_terminal_takes_ids_that_are_numbers_alone() {
    let bw = Profile::named("bw16").unwrap();
    let site = Site::start(&bw, zk_proto::Transport::Tcp, staffed()).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    for id in ["A-7", "007", ""] {
        let refused = users.create(&NewUser::new(id)).await;
        assert!(matches!(refused, Err(UserError::Field(ProtoError::Invalid { what: "user id" }))), "{refused:?}");
    }
    users.create(&NewUser::new("7")).await.unwrap();
}

#[tokio::test]
async fn an_empty_table_is_filled_in_the_layout_of_the_family() {
    for site in sites(writable, Terminal::builder).await {
        let mut client = site.client().await;
        let mut users = client.edit_users().await.unwrap();
        assert_eq!(users.layout(), site.profile.users, "{}", site.name());
        users.create(&NewUser::new("1")).await.unwrap();
        users.verify().await.unwrap();
        assert_eq!(users.all().len(), 1);
    }
}

#[tokio::test]
async fn users_of_120_bytes_are_read_and_never_written() {
    let mb1 = Profile::named("mb1").unwrap();
    let site = Site::start(&mb1, zk_proto::Transport::Tcp, staffed()).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    assert_eq!((users.layout(), users.all().len()), (UserLayout::HundredTwenty, 5));
    assert_eq!(users.by_uid(Uid(2)).unwrap().user_id.as_str(), "1002");
    assert!(matches!(users.create(&NewUser::new("9")).await, Err(UserError::Field(_))));
    assert!(site.terminal.received().iter().all(|packet| packet.command != Command::USER_WRQ));
}

/// Q28.
#[tokio::test]
async fn rows_of_zeros_are_counted_apart() {
    for name in ["tft40", "bw8", "mb1"] {
        let profile = Profile::named(name).unwrap();
        let fault = Fault::parse("zeroed-users=2").unwrap();
        let site = Site::start(&profile, zk_proto::Transport::Tcp, staffed().fault(fault)).await;
        let table = site.client().await.user_table().await.unwrap();
        assert_eq!((table.users().len(), table.vacant()), (5, 2), "{name}");
    }
}

/// Q24.
#[tokio::test]
async fn names_are_in_the_code_page_of_the_terminal() {
    for (label, name, cut) in [("gbk", "张伟张伟张伟张伟张伟张伟张伟", 11), ("windows-1256", "محمد علي", 8)]
    {
        let encoding = TextEncoding::named(label).unwrap();
        let site = Site::plain(staffed().encoding(encoding)).await;
        let mut client = Client::connect(&site.options().encoding(encoding)).await.unwrap();
        let mut users = client.edit_users().await.unwrap();
        let generated = users.by_uid(Uid(1)).unwrap().name_text(encoding);
        assert!(!generated.is_ascii() && !generated.contains('\u{FFFD}'), "{generated}");
        let uid = users.create(&NewUser::new("9").name(name)).await.unwrap();
        users.verify().await.unwrap();
        let cut: String = name.chars().take(cut).collect();
        assert_eq!(stored(&site, uid).unwrap().name, encoding.encode(&cut, 24).unwrap());
        assert_eq!(users.by_uid(uid).unwrap().name_text(encoding), cut);
        let lacking = users.create(&NewUser::new("10").name("ދިވެހި")).await;
        assert!(matches!(lacking, Err(UserError::Field(ProtoError::Invalid { what: "name" }))));
    }
}

#[tokio::test]
async fn a_write_that_is_acknowledged_and_ignored_is_found_out() {
    let site = Site::plain(staffed().fault(Fault::parse("ignored-writes").unwrap())).await;
    let mut client = site.client().await;
    let mut users = client.edit_users().await.unwrap();
    users.change(Uid(4), |user| user.group = 9).await.unwrap();
    assert!(matches!(users.verify().await, Err(UserError::NotKept { uid: Uid(4) })));
    assert_eq!(users.by_uid(Uid(4)).unwrap().group, 1, "what is in hand is what was read");
}

/// Q26.
#[tokio::test]
async fn firmware_that_refuses_single_records_gets_them_uploaded() {
    for site in sites(writable, || staffed().fault(Fault::parse("refuse-user-writes").unwrap())).await {
        let mut client = site.client().await;
        let mut users = client.edit_users().await.unwrap();
        let uid = users.create(&NewUser::new("4242").name("Visitor")).await.unwrap();
        users.change(Uid(2), |user| user.group = 3).await.unwrap();
        users.verify().await.unwrap();
        assert_eq!(stored(&site, uid).unwrap().user_id.as_str(), "4242", "{}", site.name());
        assert_eq!(stored(&site, Uid(2)).unwrap().group, 3);
    }
}

#[tokio::test]
async fn administrators_become_common_users() {
    for site in sites(writable, staffed).await {
        let mut client = site.client().await;
        assert_eq!(stored(&site, Uid(1)).unwrap().privilege, Privilege::ADMIN);
        client.call(&ClearAdministrators).await.unwrap();
        assert_eq!(stored(&site, Uid(1)).unwrap().privilege, Privilege::USER);
    }
}

#[tokio::test]
async fn the_width_of_user_ids_is_read_where_the_terminal_says_it() {
    let site = Site::plain(staffed()).await;
    assert_eq!(site.client().await.call(&GetPinWidth).await.unwrap(), Some(9));
    // Q17.
    let site = Site::plain(staffed().without_option("~PIN2Width")).await;
    assert_eq!(site.client().await.call(&GetPinWidth).await.unwrap(), None);
}

#[tokio::test]
async fn fingerprints_are_written_read_and_deleted() {
    for site in sites(writable, staffed).await {
        let mut client = site.client().await;
        let duress = FingerTemplate { flag: 3, ..finger(1, 6, 1700) };
        client.write_fingerprint(&finger(2, 0, 513)).await.unwrap();
        client.write_fingerprint(&finger(1, 6, 400)).await.unwrap();
        client.write_fingerprint(&duress).await.unwrap();
        let all = [duress.clone(), finger(2, 0, 513)];
        assert_eq!(client.fingerprints().await.unwrap(), all, "{}", site.name());
        assert_eq!(site.terminal.inspect(Terminal::fingers), all);
        assert_eq!(client.fingerprint(Uid(1), 6).await.unwrap().unwrap(), duress.template);
        assert_eq!(client.call(&ReadTemplate { uid: Uid(1), finger: 7 }).await.unwrap(), None);

        client.call(&DeleteTemplate { uid: Uid(2), finger: 0 }).await.unwrap();
        client.call(&DeleteTemplateOf::new(&UserId("1001".into()), 6).unwrap()).await.unwrap();
        assert_eq!(site.terminal.inspect(Terminal::fingers), []);
        assert_eq!(client.fingerprints().await.unwrap(), []);
        let missing = client.call(&DeleteTemplate { uid: Uid(2), finger: 0 }).await;
        assert!(matches!(missing, Err(ClientError::Refused { .. })));
    }
}

#[tokio::test]
async fn a_table_of_fingerprints_that_lost_bytes_is_read_again_and_never_believed() {
    for cut in 1..=60 {
        let fault = |times: &str| Fault::parse(&format!("cut-templates={cut}{times}")).unwrap();
        let site = Site::plain(equipped().fault(fault("x1"))).await;
        let mut client = site.client().await;
        assert_eq!(client.fingerprints().await.unwrap(), site.terminal.inspect(Terminal::fingers), "{cut}");
        site.terminal.set_faults(&[fault("")]);
        assert!(matches!(client.fingerprints().await, Err(UserError::Templates)), "{cut}");
    }
}

#[tokio::test]
async fn a_fingerprint_is_also_read_the_old_way() {
    for site in sites(|_| true, equipped).await {
        let mut client = site.client().await;
        let bare = client.call(&ReadBareTemplate { uid: Uid(1), finger: 6 }).await.unwrap();
        assert_eq!(bare, Some(finger(1, 6, 1700).template), "{}", site.name());
        assert_eq!(client.call(&ReadBareTemplate { uid: Uid(1), finger: 7 }).await.unwrap(), None);
    }
}

#[tokio::test]
async fn attendance_photos_are_counted_where_the_family_has_them() {
    let site =
        Site::start(&Profile::named("face49").unwrap(), zk_proto::Transport::Tcp, staffed().attendance_photos(12))
            .await;
    assert_eq!(site.client().await.call(&CountPhotos::default()).await.unwrap(), 12);
}

#[tokio::test]
async fn a_fingerprint_of_nobody_is_refused() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let refused = client.write_fingerprint(&finger(99, 1, 100)).await;
    assert!(matches!(refused, Err(ClientError::Refused { command: Command::TMP_WRITE, .. })), "{refused:?}");
    client.time().await.unwrap();
}

/// Q41.
#[tokio::test]
async fn old_firmware_alone_takes_a_template_directly() {
    for (name, taken) in [("bw8", true), ("tft40", false)] {
        let site = Site::start(&Profile::named(name).unwrap(), zk_proto::Transport::Tcp, staffed()).await;
        let written = site.client().await.call(&WriteTemplate::new(&finger(1, 2, 300)).unwrap()).await;
        match written {
            Ok(()) => assert!(taken),
            Err(error) => assert!(!taken && matches!(error, ClientError::Refused { code: Command::ACK_UNKNOWN, .. })),
        }
        let there = site.terminal.inspect(Terminal::fingers);
        assert_eq!(there, if taken { vec![finger(1, 2, 300)] } else { vec![] });
    }
}

#[tokio::test]
async fn users_are_uploaded_with_their_fingerprints() {
    for site in sites(writable, staffed).await {
        let layout = site.profile.users;
        let enrolled: Vec<_> = (101..=120)
            .map(|uid| {
                let new = NewUser::new(uid.to_string()).name(format!("N{uid}"));
                let user = new.in_slot(Uid(uid), layout, TextEncoding::UTF_8).unwrap();
                Enrolled { user, fingers: vec![finger(uid, 0, 1214), finger(uid, 9, 700)] }
            })
            .collect();
        let mut client = site.client().await;
        client.upload_users(layout, &enrolled).await.unwrap();
        client.refresh().await.unwrap();
        let fingers: Vec<_> = enrolled.iter().flat_map(|one| one.fingers.clone()).collect();
        assert_eq!(site.terminal.inspect(Terminal::fingers), fingers, "{}", site.name());
        let table = client.user_table().await.unwrap();
        assert_eq!(table.user_id(Uid(120)).unwrap().as_str(), "120");
        assert_eq!(table.users().len(), 25);
    }
}

#[tokio::test]
async fn the_checksum_of_an_upload_is_asked_for_when_wanted() {
    let site = Site::plain(staffed()).await;
    let mut client = site.client().await;
    let upload = Upload::finger(&finger(1, 1, 1500)).unwrap();
    assert!(client.upload(&upload.clone().with_checksum()).await.unwrap().is_some());
    client.call(&DeleteTemplate { uid: Uid(1), finger: 1 }).await.unwrap();
    assert_eq!(client.upload(&upload).await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_user_takes_fingerprints_along() {
    let site = Site::plain(staffed().finger(finger(2, 5, 600)).finger(finger(3, 5, 600))).await;
    let mut client = site.client().await;
    client.edit_users().await.unwrap().delete(Uid(2)).await.unwrap();
    assert_eq!(client.fingerprints().await.unwrap(), [finger(3, 5, 600)]);
}

#[tokio::test]
async fn faces_and_photos_are_read_where_the_family_has_them() {
    for site in sites(|profile| profile.name == "iface", equipped).await {
        let mut client = site.client().await;
        let face = client.face(Uid(1)).await.unwrap();
        assert_eq!((face.templates, face.trailing), (faces().collect(), 0), "{}", site.name());
        assert_eq!(client.face(Uid(2)).await.unwrap().templates, []);
        assert_eq!(client.user_photo(&UserId("1001".into())).await.unwrap(), Some(photo()));
        assert_eq!(client.user_photo(&UserId("1002".into())).await.unwrap(), None);
        assert_eq!(client.free_sizes().await.unwrap().faces(), Some(1));
    }
    let site = Site::plain(equipped()).await;
    let unknown = site.client().await.face(Uid(1)).await;
    assert!(matches!(unknown, Err(ClientError::Refused { code: Command::ACK_UNKNOWN, .. })));
}

#[tokio::test]
async fn every_operation_on_people_succeeds_or_is_refused() {
    for site in sites(|_| true, equipped).await {
        for (name, operation) in OPERATIONS {
            let mut client = site.client().await;
            if let Err(error) = operation(&mut client).await {
                let refused = error.to_string();
                let possible = name.starts_with("face") || name.starts_with("user photo") || !writable(&site.profile);
                assert!(possible, "{name} at {}: {refused}", site.name());
            }
            client.exit().await;
        }
    }
}
