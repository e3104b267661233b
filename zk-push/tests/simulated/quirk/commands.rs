//! Quirks of commands and of their results.

use zk_push::command::UserUpdate;

use super::*;

fn command(text: &str) -> Command {
    Command::new(text).unwrap()
}

/// Gives a terminal commands, and returns its results by number.
async fn codes(dialect: Dialect, commands: impl IntoIterator<Item = Command>) -> Vec<Option<i64>> {
    let scene = Scene::new(dialect).await;
    scene.order(commands);
    scene.run(PushDevice::new(scene.profile())).await;
    scene.books().codes().into_iter().map(|(_, code)| code).collect()
}

fn user(dialect: Dialect, user_id: &'static str) -> Command {
    Command::update_user(dialect, &UserUpdate { user_id, ..UserUpdate::default() }).unwrap()
}

/// P13: several results come in one request. P43: each has the number of its command.
#[tokio::test]
async fn results_that_come_together_are_told_apart() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.order([Command::check(), Command::upload_new(), command("USER ADD PIN=1")]);
    scene.run(PushDevice::new(scene.profile())).await;
    let books = scene.books();
    let expected = [("1", 0), ("2", 0), ("3", -1002)].map(|(id, code)| (id.to_owned(), Some(code)));
    assert_eq!(books.codes(), expected);
    assert_eq!(books.targets.iter().filter(|target| target.contains("devicecmd")).count(), 1);
}

/// P14: output comes as it is, in a form of its own.
#[tokio::test]
async fn a_result_inside_output_is_no_result() {
    let scene = Scene::new(Dialect::Attendance).await;
    scene.order([Command::check(), command("SHELL date"), Command::check()]);
    scene.run(PushDevice::new(scene.profile())).await;
    let books = scene.books();
    assert_eq!(books.codes(), ["1", "2", "3"].map(|id| (id.to_owned(), Some(0))));
    let output = books.results.iter().find_map(|result| result.content.clone()).unwrap();
    assert!(output.starts_with(b"ID=0&Return=0"), "{output:?}");
}

/// P15: the answer to a query comes as an upload, and only the number of its rows as a result.
#[tokio::test]
async fn a_query_is_answered_by_an_upload() {
    for dialect in [Dialect::Attendance, Dialect::Access] {
        let scene = Scene::new(dialect).await;
        scene.order([user(dialect, "7"), user(dialect, "8"), Command::query_users(dialect, None).unwrap()]);
        scene.run(PushDevice::new(scene.profile())).await;
        let books = scene.books();
        assert_eq!((books.keyed("user").len(), books.codes()[2].1), (2, Some(2)), "{dialect}");
        assert_eq!(books.answered.contains("3"), dialect == Dialect::Access);
    }
}

/// P16: short forms are refused. P22: so are the other dialect's.
#[tokio::test]
async fn forms_of_others_are_refused_with_the_codes_of_the_dialect() {
    let (attendance, access) = (Dialect::Attendance, Dialect::Access);
    let short = ["USER ADD PIN=1", "DATA DEL USERINFO PIN=1"].map(command);
    let [att, acc] = [attendance, access].map(|dialect| Command::query_users(dialect, None).unwrap());
    let all = short.into_iter().chain([att, acc]);
    assert_eq!(codes(attendance, all.clone()).await, [Some(-1002), Some(-1002), Some(0), Some(-1004)]);
    assert_eq!(codes(access, all).await, [Some(-13), Some(-13), Some(-629), Some(0)]);
}

/// P17: a line without a number is ignored.
#[tokio::test]
async fn a_command_without_a_number_is_ignored_and_ours_have_one() {
    let scene = Scene::new(Dialect::Attendance).await;
    let mut device = PushDevice::new(scene.profile());
    device.take_commands(&"REBOOT\nCHECK\n".into());
    assert_eq!((device.executed().len(), device.results().count()), (0, 0));
    scene.order([Command::check()]);
    assert_eq!(scene.run(device).await.device().executed(), ["CHECK"]);
}

/// P18: a template needs its user first.
#[tokio::test]
async fn a_template_before_its_user_is_refused() {
    for (dialect, template, refused) in [
        (Dialect::Attendance, "DATA UPDATE FINGERTMP PIN=7\tFID=0\tTMP=AAAA", -10),
        (Dialect::Access, "DATA UPDATE templatev10 Pin=7\tFingerID=0\tTemplate=AAAA", -27),
    ] {
        let order = [command(template), user(dialect, "7"), command(template)];
        assert_eq!(codes(dialect, order).await, [Some(refused), Some(0), Some(0)]);
    }
}

/// P19: templates of newer firmware are refused unless the options say a version.
#[tokio::test]
async fn our_options_say_the_version_that_newer_templates_need() {
    let template = || command("DATA UPDATE BIODATA Pin=7\tNo=0\tTmp=AAAA");
    assert_eq!(codes(Dialect::Attendance, [user(Dialect::Attendance, "7"), template()]).await, [Some(0), Some(0)]);
    let mut alone = PushDevice::new(PushProfile::attendance(serial("ATT1")));
    alone.take_commands(&"C:1:DATA UPDATE BIODATA Pin=7\tNo=0\tTmp=AAAA\n".into());
    assert_eq!(alone.results().next().unwrap().code, Some(-30));
}

/// P20: a deletion by another key deletes everybody.
#[tokio::test]
async fn a_deletion_that_deletes_everybody_cannot_be_written() {
    assert!(Command::new("DATA DELETE user uid=1").is_err());
    let mut alone = PushDevice::new(PushProfile::access(serial("ACC1")));
    alone.add_user("7", "Ann");
    alone.take_commands(&"C:1:DATA DELETE user uid=1\nC:2:DATA COUNT user\n".into());
    assert_eq!(alone.results().map(|result| result.code).collect::<Vec<_>>(), [Some(-13), Some(1)]);
}

/// P21: a key in another spelling makes a row of nobody.
#[tokio::test]
async fn our_keys_are_spelled_as_the_terminal_needs_them() {
    let scene = Scene::new(Dialect::Access).await;
    let junk = command("DATA UPDATE user pin=9");
    scene.order([junk, user(Dialect::Access, "7"), Command::query_users(Dialect::Access, None).unwrap()]);
    let mut pusher = scene.run(PushDevice::new(scene.profile())).await;
    assert_eq!(scene.books().codes().iter().map(|(_, code)| *code).collect::<Vec<_>>(), [Some(0), Some(0), Some(2)]);
    // The row of nobody is there, and not under the number that was meant.
    pusher.device().take_commands(&"C:9:DATA UPDATE templatev10 Pin=9\tTemplate=AAAA\n".into());
    assert_eq!(pusher.device().results().next().unwrap().code, Some(-27));
}

/// P23: one unit stops in the middle of an answer unless each packet gets a bare `OK`.
#[tokio::test]
async fn packets_are_answered_with_a_bare_ok_if_the_settings_say_so() {
    let mut settings = Settings::default();
    settings.bare_query_answers = true;
    for (settings, arrive) in [(settings, 30), (Settings::default(), 10)] {
        let scene = Scene::with(Dialect::Access, settings).await;
        scene.order([command("DATA QUERY tablename=transaction,fielddesc=*,filter=*")]);
        let mut profile = scene.profile();
        (profile.wants_bare_answers, profile.packet) = (true, 10);
        let mut pusher = scene.pusher(full(profile));
        if arrive == 30 {
            crate::run(&mut pusher).await;
        } else {
            let endless = tokio::time::timeout(Duration::from_millis(500), pusher.run_until_idle()).await;
            assert!(endless.is_err(), "it sends its first packet again and again");
        }
        let rows: BTreeSet<String> =
            scene.books().keyed("transaction").iter().map(|row| row.fields.get("index").unwrap().to_string()).collect();
        assert_eq!(rows.len(), arrive);
    }
}

/// P24: it reports no result of a query.
#[tokio::test]
async fn a_query_without_a_result_is_known_by_the_number_in_its_packets() {
    let scene = Scene::new(Dialect::Access).await;
    scene.order([command("DATA QUERY tablename=transaction,fielddesc=*,filter=*")]);
    let mut profile = scene.profile();
    profile.reports_queries = false;
    scene.run(full(profile)).await;
    let books = scene.books();
    assert_eq!((books.results.len(), books.keyed("transaction").len()), (0, 30));
    assert!(books.answered.contains("1"));
}

/// P28: limits of time are stored as they come, whatever they are, and not enforced.
#[tokio::test]
async fn limits_of_time_are_text_to_a_terminal() {
    let scene = Scene::new(Dialect::Attendance).await;
    let limited = command("DATA UPDATE USERINFO PIN=0001\tStartDatetime=soon\tEndDatetime=2020-01-01 00:00:00");
    scene.order([limited, Command::query_users(Dialect::Attendance, None).unwrap()]);
    scene.run(full(scene.profile())).await;
    let books = scene.books();
    assert_eq!(books.keyed("user")[0].fields.get("StartDatetime"), Some(&"soon".into()));
    assert!(books.punches().iter().any(|(user_id, _)| user_id == "0001"));
}

/// P34: a picture that is too large is refused.
#[tokio::test]
async fn a_large_picture_is_refused() {
    let picture = |size| command(&format!("DATA UPDATE BIOPHOTO PIN=7\tType=9\tContent={}", "A".repeat(size)));
    let order = [user(Dialect::Attendance, "7"), picture(20_000), picture(100_000)];
    assert_eq!(codes(Dialect::Attendance, order).await, [Some(0), Some(0), Some(-1001)]);
}
