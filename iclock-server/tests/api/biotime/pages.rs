//! Pages: each event once, whatever enters meanwhile, and links that lead from one to the next.

use serde_json::Value;
use zk_sim::Punch;

use super::{Program, on};
use crate::common::{answer, until};

impl Program {
    /// Follows the links from a page to the last one. Calls `meanwhile` after each page.
    async fn follow(&self, path: &str, mut meanwhile: impl AsyncFnMut(usize)) -> Vec<i64> {
        let (mut url, mut ids) = (self.scene.url(path), Vec::new());
        for page in 1.. {
            let request = reqwest::Client::new().get(&url).header("authorization", &self.token);
            let body = answer(request).await.json();
            ids.extend(body["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
            meanwhile(page).await;
            let Some(next) = body["next"].as_str() else { break };
            next.clone_into(&mut url);
        }
        ids
    }

    /// Lets a person punch, and waits until the event is there.
    async fn punch(&self, minute: u8) {
        let time = zk_proto::DeviceTime::new(2020, 3, 2, 8, minute, 0).unwrap();
        self.scene.terminal.handle().add_punch(Punch::new(1, "1", time, 0, 1));
        let new = || self.scene.service.status().terminals["gate"].new;
        let expected = new() + 1;
        self.scene.service.poll_now("gate").await.unwrap();
        until("the punch is read", || new() == expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_to_each_event_once_with_and_without_filters() {
    let program = Program::start().await;
    let all: Vec<i64> = (1..=60).collect();
    let nothing = async |_| {};
    for query in [
        "",
        "?page_size=7",
        "?limit=7",
        "?page_size=60&limit=3",
        "?page_size=1000",
        "?page_size=0",
        "?page_size=x",
        "?page=1&&page_size=11",
        "?page_size=7&start_time=2000-01-01",
        "?limit=9&terminal_alias=gate",
    ] {
        for slash in ["", "/"] {
            let path = format!("/iclock/api/transactions{slash}{query}");
            assert_eq!(program.follow(&path, nothing).await, all, "{path}");
        }
    }
    let user = program.rows("/iclock/api/transactions/").await[0]["emp_code"].as_str().unwrap().to_owned();
    let of_user = program.follow(&format!("/iclock/api/transactions/?page_size=2&emp_code={user}"), nothing).await;
    let whole = program.rows(&format!("/iclock/api/transactions/?page_size=100&emp_code={user}")).await;
    assert_eq!(of_user, whole.iter().map(|row| row["id"].as_i64().unwrap()).collect::<Vec<_>>());
    assert!(of_user.len() > 2 && of_user.len() < 60);
    assert_eq!(program.follow("/personnel/api/employees?page_size=3", nothing).await.len(), 8);
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_enter_meanwhile_come_at_the_end_although_their_time_is_early() {
    let program = Program::start().await;
    let mut minute = 0;
    for (query, expected) in [("?page_size=10", 63), ("?page_size=10&terminal_alias=gate", 66)] {
        let enter = async |page: usize| {
            if page <= 3 {
                minute += 1;
                program.punch(minute).await;
            }
        };
        let path = format!("/iclock/api/transactions/{query}");
        assert_eq!(program.follow(&path, enter).await, (1..=expected).collect::<Vec<_>>(), "{query}");
    }
    let early = program.rows("/iclock/api/transactions/?ordering=punch_time&page_size=6").await;
    assert!(early.iter().all(|row| row["id"].as_i64().unwrap() > 60), "{early:?}");
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_how_many_there_are_and_what_is_before_and_after() {
    let program = Program::start().await;
    let page = program.read("/iclock/api/transactions/?page=2&page_size=25").await;
    let link = |number| program.scene.url(&format!("/iclock/api/transactions/?page={number}&page_size=25"));
    assert_eq!((&page["count"], &page["msg"], &page["code"]), (&60.into(), &"".into(), &0.into()));
    assert_eq!((&page["previous"], &page["next"]), (&link(1).into(), &link(3).into()));
    let last = program.read("/iclock/api/transactions/?page=last&page_size=25").await;
    assert_eq!(last, program.read("/iclock/api/transactions/?page=3&page_size=25").await);
    assert_eq!((&last["next"], last["data"].as_array().unwrap().len()), (&Value::Null, 10));
    let first = program.read("/iclock/api/transactions/").await;
    assert_eq!((&first["previous"], first["data"].as_array().unwrap().len()), (&Value::Null, 10));
    for page in ["4", "0", "-1", "x", "1.5", "18446744073709551615", "99999999999999999999999"] {
        for filter in ["", "&terminal_alias=gate"] {
            let answer = program.ask(&format!("/iclock/api/transactions/?page_size=25&page={page}{filter}")).await;
            assert_eq!((answer.status, &answer.json()["detail"]), (404, &"Invalid page.".into()), "{page}");
        }
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_ten_thousand_rows_at_most_and_its_link_says_so() {
    let program = Program::with(10_050, on()).await;
    let page = program.read("/iclock/api/transactions/?page_size=100000000").await;
    let ids = |page: &Value| page["data"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    let (mut seen, next): (Vec<i64>, _) = (ids(&page), page["next"].as_str().unwrap());
    assert_eq!((seen.len(), next.contains("page=2&page_size=10000")), (10_000, true), "{next}");
    seen.extend::<Vec<i64>>(ids(&program.read("/iclock/api/transactions/?page=2&limit=99999999999999999999999").await));
    assert_eq!(seen, (1..=10_050).collect::<Vec<_>>());
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_has_the_name_by_which_the_server_was_called_and_no_other() {
    for is_secure in [false, true] {
        let mut options = on();
        options.hosts = vec!["clock.example".to_owned()];
        options.is_secure = is_secure;
        let program = Program::with(60, options).await;
        let scheme = if is_secure { "https" } else { "http" };
        for (host, called) in [
            ("clock.example", "clock.example"),
            ("192.0.2.7:8080", "192.0.2.7:8080"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:x@evil.example", ""),
            ("localhost:1/evil.example", ""),
        ] {
            let request = reqwest::Client::new().get(program.scene.url("/iclock/api/transactions/?page=2"));
            let request = request.header("authorization", &program.token).header("host", host);
            let answer = answer(request.header("x-forwarded-host", "evil.example")).await;
            assert!(!answer.text.contains("evil"), "{host}: {answer:?}");
            if answer.status == 200 {
                let expected = format!("{scheme}://{called}/iclock/api/transactions/?page=3&page_size=10");
                assert_eq!((&answer.json()["next"], called.is_empty()), (&expected.into(), false), "{host}");
            } else {
                assert!(called.is_empty() && [400, 421].contains(&answer.status), "{host}: {answer:?}");
            }
        }
        let request = reqwest::Client::new().get(program.scene.url("/iclock/api/transactions/"));
        let stranger = request.header("authorization", &program.token).header("host", "evil.example");
        assert_eq!(answer(stranger).await.status, 421);
        program.scene.end().await;
    }
}
