//! Users that are set from a list, and users and fingerprints that are removed.

use zk_proto::client::{Change, Field, Loss, Obstacle, Restored, UserEdit, UserError};
use zk_proto::record::{Privilege, User, UserPassword};
use zk_proto::{Command, Uid};
use zk_sim::{Fault, Person, TerminalBuilder};

use super::people::{finger, writable};
use super::{Site, sites, staffed};

/// Three people; the first and the last one have fingerprints.
fn three() -> TerminalBuilder {
    let person = |uid: u16, name: &str| Person {
        uid,
        user_id: (1000 + u32::from(uid)).to_string().into(),
        name: name.to_owned(),
        privilege: 0,
    };
    let terminal = staffed().people(vec![person(1, "Ali"), person(2, "Eva"), person(4, "Zoe")]);
    terminal.finger(finger(1, 0, 500)).finger(finger(1, 6, 600)).finger(finger(4, 3, 700))
}

fn user(site: &Site, user_id: &str) -> Option<User> {
    site.terminal.inspect(|terminal| terminal.users().into_iter().find(|user| user.user_id.as_str() == user_id))
}

#[tokio::test]
async fn what_a_list_names_is_changed_or_created_and_the_rest_stays() {
    for site in sites(writable, three).await {
        let before = user(&site, "1002").unwrap();
        let edits = [
            UserEdit { name: Some("Ali".into()), ..UserEdit::new("1001") },
            UserEdit { card: Some(77), password: Some(UserPassword::new("1234")), ..UserEdit::new("1002") },
            UserEdit { name: Some("New".into()), privilege: Some(Privilege::ADMIN), ..UserEdit::new("7") },
            UserEdit { uid: Some(Uid(4)), ..UserEdit::new("8") },
        ];
        let mut client = site.client().await;
        let plan = client.plan_edits(&edits).await.unwrap();
        assert_eq!((&plan.obstacles[..], plan.fingers.len()), (&[][..], 0), "{}", site.name());
        let changes: Vec<_> = plan.users.iter().map(|planned| planned.change.clone()).collect();
        assert_eq!(changes, [Change::Unchanged, Change::Changed, Change::Added, Change::Added]);
        assert_eq!(plan.users[1].fields(), [Field::Password, Field::Card]);
        let written = client.carry_out(&plan, |_| {}).await.unwrap();
        client.exit().await;
        assert_eq!(written, Restored { users: 3, fingers: 0 });
        let after = user(&site, "1002").unwrap();
        assert_eq!((after.card, after.password.as_bytes(), &after.name), (77, &b"1234"[..], &before.name));
        let new = user(&site, "7").unwrap();
        assert_eq!((&new.name[..], new.privilege, new.group), (&b"New"[..], Privilege::ADMIN, 1), "{}", site.name());
        assert!(user(&site, "8").is_some_and(|user| user.uid != Uid(4)), "that slot is Zoe's");
        assert_eq!(user(&site, "1004").unwrap().uid, Uid(4));
        let again = site.client().await.plan_edits(&edits).await.unwrap();
        assert!(again.is_empty(), "{}: {again:?}", site.name());
    }
}

#[tokio::test]
async fn a_user_that_does_not_fit_is_an_obstacle_and_a_long_name_a_loss() {
    let site = Site::start(&zk_sim::Profile::named("bw8").unwrap(), zk_proto::Transport::Tcp, three()).await;
    let edits = [
        UserEdit::new("A7"),
        UserEdit { password: Some(UserPassword::new("123456789")), ..UserEdit::new("1001") },
        UserEdit { name: Some("Alexandra".into()), ..UserEdit::new("1002") },
        UserEdit::new("1004"),
        UserEdit::new("1004"),
    ];
    let mut client = site.client().await;
    let plan = client.plan_edits(&edits).await.unwrap();
    let unfit = |id: &str| {
        let is_it =
            |obstacle: &&Obstacle| matches!(obstacle, Obstacle::Unfit { user_id, .. } if user_id.as_str() == id);
        plan.obstacles.iter().filter(is_it).count()
    };
    assert_eq!((unfit("A7"), unfit("1001"), plan.obstacles.len()), (1, 1, 3), "{:?}", plan.obstacles);
    assert!(plan.obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::Twice { .. })));
    let long = plan.users.iter().find(|planned| planned.user.user_id.as_str() == "1002").unwrap();
    assert_eq!((&long.user.name[..], &long.losses[..]), (&b"Alexandr"[..], &[Loss::Name][..]));
    assert!(client.carry_out(&plan, |_| {}).await.is_err());
    assert!(!site.terminal.stats().commands.contains_key(&Command::USER_WRQ), "nothing was written");
}

#[tokio::test]
async fn removed_users_take_their_fingerprints_along() {
    for site in sites(writable, three).await {
        let mut client = site.client().await;
        let table = client.user_table().await.unwrap();
        let gone: Vec<User> = table.users().iter().filter(|user| user.uid != Uid(2)).cloned().collect();
        let mut steps = Vec::new();
        client.remove_users(&gone, |count| steps.push(count)).await.unwrap();
        client.exit().await;
        assert_eq!(steps, [1, 2], "{}", site.name());
        let left = site.terminal.inspect(|terminal| (terminal.users(), terminal.fingers()));
        assert_eq!((left.0.len(), left.0[0].uid, left.1), (1, Uid(2), Vec::new()), "{}", site.name());
    }
}

#[tokio::test]
async fn a_user_who_was_changed_meanwhile_is_not_removed() {
    let site = Site::plain(three()).await;
    let mut client = site.client().await;
    let users = client.user_table().await.unwrap().users().to_vec();
    client.edit_users().await.unwrap().change(Uid(4), |user| user.group = 5).await.unwrap();
    let refused = client.remove_users(&users, |_| {}).await.unwrap_err();
    assert!(matches!(refused, UserError::Outdated { user_id } if user_id.as_str() == "1004"));
    assert_eq!(site.terminal.inspect(|terminal| terminal.users().len()), 3);
}

#[tokio::test]
async fn removed_fingerprints_are_gone_and_the_others_stay() {
    for site in sites(writable, three).await {
        let mut client = site.client().await;
        client.remove_fingerprints(&[finger(1, 0, 500), finger(4, 3, 700)], |_| {}).await.unwrap();
        assert_eq!(site.terminal.inspect(zk_sim::Terminal::fingers), [finger(1, 6, 600)], "{}", site.name());
        let again = client.remove_fingerprints(&[finger(1, 0, 500)], |_| {}).await.unwrap_err();
        assert!(matches!(again, UserError::FingerChanged { uid: Uid(1), finger: 0 }), "{again}");
        let other = client.remove_fingerprints(&[finger(1, 6, 601)], |_| {}).await.unwrap_err();
        assert!(matches!(other, UserError::FingerChanged { uid: Uid(1), finger: 6 }), "{other}");
    }
}

#[tokio::test]
async fn a_fingerprint_that_the_terminal_refuses_to_delete_is_named() {
    let site = Site::plain(three().fault(Fault::parse("refuse-command=19").unwrap())).await;
    let mut client = site.client().await;
    let error = client.remove_fingerprints(&[finger(1, 6, 600)], |_| {}).await.unwrap_err();
    assert!(matches!(error, UserError::FingerNotDeleted { uid: Uid(1), finger: 6 }), "{error}");
}
