//! The pages as a browser gets them: whole, harmless, and for each role what it may do.

use axum::Router;
use chrono::Utc;
use iclock_server::access::Role;
use iclock_server::{ServerOptions, Setting, router};
use iclock_sync::CancellationToken;
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use zk_push::server::{Limits, listen};
use zk_sim::Person;

use crate::browser::{Browser, PASSWORD, Shown};
use crate::common::{AT_MOST, Scene, terminal, until};

const PAGES: [&str; 18] = [
    "/",
    "/terminals",
    "/terminals/gate",
    "/terminals/gate/users",
    "/terminals?search=ga&only=bad",
    "/terminals?silent_for=90m",
    "/events",
    "/events?user=1&from=2026-01-01&to=2026-12-31",
    "/people",
    "/people/1",
    "/reports",
    "/quarantine",
    "/unproven",
    "/sinks",
    "/pushing",
    "/pushing/SN1",
    "/access",
    "/api",
];

/// The tags of a page, with their attributes.
fn tags(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').skip(1).map(|tag| tag.split('>').next().unwrap_or_default())
}

/// Nothing in it runs, and nothing in it is loaded from elsewhere.
fn is_harmless(path: &str, shown: &Shown) {
    assert_eq!((shown.status, shown.header("content-type")), (200, "text/html; charset=utf-8"), "{path}: {shown:?}");
    let policy = shown.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
    for tag in tags(&shown.text) {
        assert!(!tag.starts_with("script") || tag.contains(" src=\"/"), "{path}: {tag}");
        let attributes: String = tag.split('"').step_by(2).collect();
        let is_bare = !["style", " style=", " on"].iter().any(|part| attributes.contains(part));
        assert!(is_bare || tag.contains("stylesheet"), "{path}: {tag}");
        assert!(!tag.contains("=\"http") && !tag.contains("=\"//"), "{path}: {tag}");
    }
    for word in [PASSWORD, "ick_", "argon2"] {
        assert!(!shown.text.contains(word), "{path} has {word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_whole_and_harmless_in_every_language() {
    let scene = Scene::start().await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Administrator).await;
    let session = browser.cookie.clone();
    for (language, direction) in [("en", "ltr"), ("ar", "rtl")] {
        browser.cookie = format!("{session}; language={language}");
        for path in PAGES {
            let shown = browser.open(path).await;
            is_harmless(path, &shown);
            let begins = format!("<html lang=\"{language}\" dir=\"{direction}\">");
            assert!(shown.text.contains(&begins) && shown.text.contains("</html>"), "{path}");
        }
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_the_pages_are_those_of_the_program_and_no_others() {
    let scene = Scene::start().await;
    let mut browser = Browser::of(&scene);
    let page = browser.open("/login").await;
    for (before, kind) in
        [("<script type=\"module\" src=\"", "text/javascript"), ("\"stylesheet\" href=\"", "text/css")]
    {
        let request = browser.request(Method::GET, page.value(before));
        let file = browser.send(request).await;
        assert_eq!(file.status, 200, "{before}");
        assert!(file.header("content-type").starts_with(kind) && file.header("cache-control").contains("immutable"));
    }
    for path in [
        "/assets/app.js",
        "/assets/",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e%2fCargo.toml",
        "/assets/..%5c..%5cCargo.toml",
        "/assets/%2fetc%2fpasswd",
        "/assets/....//Cargo.toml",
        "/assets/app.js%00",
    ] {
        let request = browser.request(Method::GET, path);
        let status = browser.send(request).await.status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_that_a_terminal_holds_is_shown_and_never_run() {
    let person = |uid: u16, user_id: &str, name: &str| {
        let (user_id, name) = (user_id.into(), name.to_owned());
        Person { uid, user_id, name, privilege: 0 }
    };
    let people =
        vec![person(1, "<b>1", "<script>a"), person(2, "\"'><i>", "&lt;\"'><img src=x>"), person(3, "3", "<script>c")];
    // Names are read for programs that want them.
    let mut options = ServerOptions::default();
    options.biotime = true;
    let scene = Scene::with(terminal().users(3).people(people), options).await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Administrator).await;
    let paths = [
        "/",
        "/events",
        "/people",
        "/people/%3Cb%3E1",
        "/terminals/gate",
        "/terminals/gate/users",
        "/quarantine",
        "/reports",
    ];
    for path in ["/people", "/terminals/gate/users"] {
        let shown = browser.open(path).await.text;
        assert!(shown.contains("&#60;script&#62;c"), "the name is on {path}: {shown}");
    }
    let mut shown_as_text = 0;
    for path in
        paths.into_iter().chain(["/events?user=%3Cscript%3Ea&from=%22%3E%3Cscript%3E", "/people?search=%3Cb%3E1"])
    {
        let shown = browser.open(path).await;
        for tag in tags(&shown.text) {
            let is_ours =
                !["b>1", "script>a", "i>", "img"].iter().any(|foreign| format!("{tag}>").starts_with(foreign));
            assert!(is_ours && (!tag.starts_with("script") || tag.contains("src=")), "{path}: {tag}");
        }
        shown_as_text += shown.text.matches("&#60;").count();
    }
    assert!(shown_as_text > 5, "the names are there: {shown_as_text}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_sees_what_it_may_do_and_can_do_nothing_else() {
    let mut options = ServerOptions::default();
    let (value, origin) = ("*****".to_owned(), "iclock.toml:3".to_owned());
    options.settings = vec![Setting { name: "device.gate.password".to_owned(), value, origin }];
    let scene = Scene::with(terminal(), options).await;
    for (role, polls, resolves, settings) in
        [(Role::Viewer, false, false, 403), (Role::Operator, true, false, 403), (Role::Administrator, true, true, 200)]
    {
        let mut browser = Browser::logged_in(&scene, role.as_str(), role).await;
        let (terminal, records) = (browser.open("/terminals/gate").await, browser.open("/quarantine").await);
        assert_eq!(terminal.text.contains("data-post"), polls, "{role:?}");
        assert_eq!(records.text.contains("quarantine/resolve"), resolves, "{role:?}");
        let held = browser.open("/terminals/gate/users").await;
        assert_eq!(held.status, if polls { 200 } else { 403 }, "{role:?}");
        assert_eq!(held.text.matches("<tr><td>").count(), if polls { 8 } else { 0 }, "{role:?}: {}", held.text);
        for path in ["/settings", "/access"] {
            let shown = browser.open(path).await;
            assert_eq!(shown.status, settings, "{role:?} {path}");
            assert_eq!(terminal.text.contains(&format!("href=\"{path}\"")), settings == 200, "{role:?} {path}");
        }
        let polled = browser.order("/api/v1/terminals/gate/poll").await.status;
        assert_eq!(polled, if polls { 202 } else { 403 }, "{role:?}");
    }
    let mut browser = Browser::logged_in(&scene, "chief", Role::Administrator).await;
    let shown = browser.open("/settings").await;
    is_harmless("/settings", &shown);
    assert!(shown.text.contains("iclock.toml:3") && shown.text.contains("*****"), "{}", shown.text);
    // The audit says who gave the order.
    let request = browser.request(Method::GET, "/api/v1/audit/orders");
    let audit = browser.send(request).await.text;
    assert!(audit.contains("account operator") && audit.contains("account administrator"), "{audit}");
    assert!(!audit.contains("account viewer"), "{audit}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_pages_for_browsers_and_problems_for_programs() {
    let scene = Scene::start().await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Viewer).await;
    for (path, status) in [
        ("/nothing", 404),
        ("/terminals/nobody", 404),
        ("/events?from=yesterday", 400),
        ("/events?cursor=x", 400),
        ("/events?state=banana", 400),
        ("/reports?month=2026-13", 400),
        ("/language/xx", 404),
    ] {
        let shown = browser.open(path).await;
        assert_eq!((shown.status, shown.header("content-type")), (status, "text/html; charset=utf-8"), "{path}");
        assert!(shown.text.contains("<nav") && shown.text.contains("</html>"), "{path}: {}", shown.text);
        let request = browser.request(Method::GET, path);
        let problem = browser.send(request).await;
        assert_eq!((problem.status, problem.header("content-type")), (status, "application/problem+json"), "{path}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_and_nobody_else_notices() {
    let scene = Scene::start().await;
    let mut browser = Browser::of(&scene);
    // A little more than may be, and much more.
    let answer = browser.form("/login", &[("name", "office"), ("password", &"x".repeat(65 << 10))]).send().await;
    assert_eq!(answer.unwrap().status().as_u16(), 413);
    let much = "x".repeat(4 << 20);
    for _ in 0..10 {
        // The server hangs up in the middle of it; the answer may be lost by that.
        if let Ok(answer) = browser.form("/login", &[("name", "office"), ("password", &much)]).send().await {
            assert_eq!(answer.status().as_u16(), 413);
        }
    }
    assert_eq!(browser.open("/login").await.status, 200);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let scene = Scene::start().await;
    let mut stream = TcpStream::connect(scene.address).await.unwrap();
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 100\r\n\r\nname=",
        scene.address
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(AT_MOST, stream.read_exact(&mut answer)).await.expect("it is answered").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_prefix_the_pages_lead_to_each_other() {
    let scene = Scene::start().await;
    scene.access.set_account("office", Role::Viewer, PASSWORD, Utc::now()).unwrap();
    let inner = router(&scene.service, ServerOptions::default()).unwrap();
    let outer = Router::new().nest("/attendance", inner);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(listen(listener, outer, Limits::default(), stop.clone().cancelled_owned()));
    let mut browser = Browser::at(base);
    assert_eq!(browser.open("/attendance").await.leads_to(), "/attendance/login");
    let form = browser.open("/attendance/login").await;
    assert_eq!(form.value("action=\""), "/attendance/login");
    let shown = browser.submit("/attendance/login", &[("name", "office"), ("password", PASSWORD)]).await;
    assert_eq!(shown.leads_to(), "/attendance");
    for path in PAGES.iter().filter(|path| !["/access", "/terminals/gate/users"].contains(*path)) {
        let shown = browser.open(format!("/attendance{path}").trim_end_matches('/')).await;
        is_harmless(path, &shown);
        for tag in tags(&shown.text) {
            for attribute in [" href=\"/", " src=\"/", " action=\"/", " data-post=\"/"] {
                let leads = tag.split_once(attribute).map_or("attendance", |(_, rest)| rest);
                assert!(leads.starts_with("attendance"), "{path}: {tag}");
            }
        }
    }
    stop.cancel();
    serving.await.unwrap();
    until("the router is gone", || std::sync::Arc::strong_count(&scene.service) == 1).await;
    scene.end().await;
}
