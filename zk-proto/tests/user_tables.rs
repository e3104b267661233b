//! The proof of user tables: whole ones are taken, ones that lost their head never name a wrong person.

mod logs;

use bytes::BytesMut;
use logs::{Dice, evidence, spool};
use zk_proto::proof::{Counts, prove_users};
use zk_proto::record::{AccessZones, Privilege, User, UserLayout, UserPassword};
use zk_proto::{Uid, UserId};

/// Sizes among which are those that are whole numbers of wider rows too: 18 and 36 of 28 bytes are 7 and 14 of 72, 30,
/// 60 and 90 are 7, 14 and 21 of 120, and 5 of 72 are 3 of 120.
const SIZES: [u16; 9] = [3, 5, 18, 20, 30, 36, 60, 90, 300];

/// The other fields of the users.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Plain,
    /// Names, cards and passwords.
    Full,
    /// Every fifth row was deleted.
    Vacancies,
}

fn user(kind: Kind, row: u16, dice: &mut Dice) -> User {
    let full = matches!(kind, Kind::Full);
    User {
        uid: Uid(row + 1),
        // Everywhere somebody is the administrator.
        privilege: Privilege(if row == 0 || full && row % 7 == 0 { 14 } else { 0 }),
        password: UserPassword::new(if full && row % 3 == 0 { "4711" } else { "" }),
        name: if full { format!("P {row}").into_bytes().into() } else { bytes::Bytes::new() },
        card: if full { dice.below(90_000_000).into() } else { 0 },
        group: 1,
        user_id: UserId((1000 + u32::from(row) * 3).to_string()),
        zones: AccessZones::Group,
        ..User::default()
    }
}

/// The rows of a table, and whom they name.
fn table(layout: UserLayout, kind: Kind, rows: u16) -> (Vec<u8>, Vec<(u16, String)>) {
    let (mut bytes, mut named, mut dice) = (BytesMut::new(), Vec::new(), Dice(u64::from(rows) | 1));
    for row in 0..rows {
        if matches!(kind, Kind::Vacancies) && row % 5 == 2 {
            bytes.resize(bytes.len() + layout.width(), 0);
            continue;
        }
        let user = user(kind, row, &mut dice);
        user.encode(layout, &mut bytes).unwrap();
        named.push((user.uid.0, user.user_id.0));
    }
    (bytes.to_vec(), named)
}

fn tables() -> impl Iterator<Item = (UserLayout, Kind, u16)> {
    let layouts = [UserLayout::TwentyEight, UserLayout::SeventyTwo].into_iter();
    let kinds = layouts.flat_map(|layout| [Kind::Plain, Kind::Full, Kind::Vacancies].map(|kind| (layout, kind)));
    kinds.flat_map(|(layout, kind)| SIZES.map(|rows| (layout, kind, rows)))
}

/// Whom a set of these rows is proven to name.
fn names(rows: &[u8], count: u16) -> Option<Vec<(u16, String)>> {
    let set = [&u32::try_from(rows.len()).unwrap().to_le_bytes()[..], rows].concat();
    let table = prove_users(spool(&set), &evidence(set.len(), Counts::steady(count.into()))).ok()?;
    Some(table.users().iter().map(|user| (user.uid.0, user.user_id.0.clone())).collect())
}

#[test]
fn a_whole_table_is_taken_whether_or_not_the_count_has_the_deleted_rows() {
    for (layout, kind, rows) in tables() {
        let (bytes, named) = table(layout, kind, rows);
        for count in [rows, named.len() as u16] {
            assert_eq!(names(&bytes, count).as_ref(), Some(&named), "{layout:?} {kind:?} {rows} counted {count}");
        }
    }
}

#[test]
fn a_table_that_lost_its_head_names_nobody_wrongly() {
    // Three rows have too little in them to tell every cut.
    for (layout, kind, rows) in tables().filter(|(_, _, rows)| *rows > 3) {
        let (bytes, named) = table(layout, kind, rows);
        for by in 1..layout.width() {
            let shortened = bytes[by..].to_vec();
            let filled = [&bytes[by..], &vec![0; by]].concat();
            let turned = [&bytes[by..], &bytes[..by]].concat();
            for cut in [shortened, filled, turned] {
                for count in [rows, named.len() as u16] {
                    let got = names(&cut, count);
                    assert!(got.is_none_or(|got| got == named), "{layout:?} {kind:?} {rows} rows, {by} bytes lost");
                }
            }
        }
    }
}
