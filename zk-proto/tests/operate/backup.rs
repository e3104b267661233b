//! Users and fingerprints of one terminal, restored on another.

use zk_proto::client::{Restored, UserError};
use zk_proto::record::UserLayout;
use zk_proto::{ClientError, Transport, Uid};
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
