//! A user table with the people in the logs of these tests.

use crate::logs::{evidence, spool};
use bytes::BytesMut;
use zk_proto::proof::{Counts, People, UserTable, prove_users};
use zk_proto::record::{AccessZones, Privilege, User, UserLayout};
use zk_proto::{Uid, UserId};

/// A table of people with these slots and ids.
pub(crate) fn table(people: impl IntoIterator<Item = (u16, String)>) -> UserTable {
    let mut bytes = BytesMut::new();
    let mut count = 0;
    for (uid, id) in people {
        let zones = AccessZones::Group;
        let user =
            User { uid: Uid(uid), privilege: Privilege(0), group: 1, user_id: UserId(id), zones, ..User::default() };
        user.encode(UserLayout::SeventyTwo, &mut bytes).unwrap();
        count += 1;
    }
    let set = [&(bytes.len() as u32).to_le_bytes()[..], &bytes].concat();
    prove_users(spool(&set), &evidence(set.len(), Counts::steady(count))).unwrap()
}

/// The three hundred people of an ordinary log.
pub(crate) fn everybody() -> People {
    People::of(&table((1..=300).map(|uid| (uid, (u32::from(uid) * 37).to_string())))).unwrap()
}
