//! The way in, and attempts to get in another way.

use chrono::{TimeDelta, Utc};
use iclock_server::ServerOptions;
use iclock_server::access::{LINK_HOLDS, Role};
use iclock_sync::service::status::Activity;
use reqwest::Method;

use crate::browser::{Browser, PASSWORD};
use crate::common::{Scene, terminal, until, usual};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_every_page_leads_to_the_login() {
    let scene = Scene::start().await;
    for cookie in ["", "iclock=", "iclock=made-up", "__Host-iclock=made-up", "iclock=\u{fc}; iclock=x"] {
        let mut browser = Browser::of(&scene);
        cookie.clone_into(&mut browser.cookie);
        for path in ["/", "/events", "/terminals/gate", "/people/1", "/settings", "/access", "/api"] {
            let shown = browser.open(path).await;
            assert_eq!(shown.leads_to(), "/login", "{path} with {cookie}: {shown:?}");
        }
    }
    // A token is for programs: it opens no page, wherever it stands.
    let token = scene.token("program", Role::Administrator);
    let mut browser = Browser::of(&scene);
    assert_eq!(browser.open(&format!("/events?token={token}")).await.leads_to(), "/login");
    browser.cookie = format!("iclock={token}");
    assert_eq!(browser.open("/events").await.leads_to(), "/login");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_begins_a_session_and_no_other_does() {
    let scene = Scene::start().await;
    scene.access.set_account("office", Role::Viewer, PASSWORD, Utc::now()).unwrap();
    let mut browser = Browser::of(&scene);
    let wrong = browser.log_in("office", "twelve letters and less").await;
    let unknown = browser.log_in("nobody", PASSWORD).await;
    assert_eq!((wrong.status, unknown.status, &*browser.cookie), (401, 401, ""));
    // Nobody learns from the answer which names there are.
    assert_eq!(wrong.text.replace("office", "nobody"), unknown.text);
    let right = browser.log_in("office", PASSWORD).await;
    assert_eq!(right.leads_to(), "/");
    let cookie = right.header("set-cookie");
    assert!(cookie.starts_with("iclock=") && !cookie.contains("office"), "{cookie}");
    for flag in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"] {
        assert!(cookie.contains(flag), "{flag}: {cookie}");
    }
    let page = browser.open("/").await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn under_https_the_cookie_goes_over_nothing_else() {
    let mut options = ServerOptions::default();
    options.is_secure = true;
    let scene = Scene::with(terminal(), options).await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Viewer).await;
    let shown = browser.log_in("office", PASSWORD).await;
    let cookie = shown.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-iclock=") && cookie.contains("Secure"), "{cookie}");
    assert_eq!(shown.header("strict-transport-security"), "max-age=31536000");
    let chosen = browser.open("/language/ar").await;
    assert!(chosen.header("set-cookie").contains("; Secure"), "{chosen:?}");
    // One that may have been set over plain HTTP counts for nothing.
    browser.cookie = browser.cookie.replace("__Host-", "");
    assert_eq!(browser.open("/").await.leads_to(), "/login");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_takes_no_session_that_somebody_else_chose() {
    let scene = Scene::start().await;
    let mut first = Browser::logged_in(&scene, "office", Role::Viewer).await;
    let before = first.cookie.clone();
    // The session of a stranger in this browser, and one that nobody began.
    for chosen in [&*before, "iclock=chosen"] {
        let mut browser = Browser::of(&scene);
        chosen.clone_into(&mut browser.cookie);
        assert_eq!(browser.log_in("office", PASSWORD).await.leads_to(), "/");
        assert_ne!(browser.cookie, chosen);
        assert_eq!(browser.open("/").await.status, 200);
        chosen.clone_into(&mut browser.cookie);
        assert_eq!(browser.open("/").await.leads_to(), "/login", "{chosen}");
    }
    assert_eq!(first.open("/").await.leads_to(), "/login");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_some_wrong_passwords_even_the_right_one_waits() {
    let scene = Scene::start().await;
    scene.access.set_account("office", Role::Viewer, PASSWORD, Utc::now()).unwrap();
    scene.access.set_account("gatehouse", Role::Viewer, PASSWORD, Utc::now()).unwrap();
    let mut browser = Browser::of(&scene);
    for _ in 0..5 {
        assert_eq!(browser.log_in("office", "not the password").await.status, 401);
    }
    let shown = browser.log_in("office", PASSWORD).await;
    assert_eq!((shown.status, &*browser.cookie), (429, ""));
    assert!(shown.text.contains("Wait"), "{}", shown.text);
    // Nobody else is locked out.
    assert_eq!(browser.log_in("gatehouse", PASSWORD).await.leads_to(), "/");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_sets_one_password_within_its_time() {
    let scene = Scene::start().await;
    let invite = |ago| scene.access.invite("office", Role::Operator, Utc::now() - ago).unwrap().reveal().to_owned();
    let mut browser = Browser::of(&scene);
    let choose = |link: &str, password: &str, again: &str| {
        [("link", link), ("password", password), ("again", again)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
    };
    let late = invite(LINK_HOLDS + TimeDelta::seconds(1));
    let link = invite(TimeDelta::zero());
    for (fields, why) in [
        (choose("iln_made-up", PASSWORD, PASSWORD), "link was used already"),
        (choose(&late, PASSWORD, PASSWORD), "link was used already"),
        (choose(&link, PASSWORD, "another one"), "differ"),
        (choose(&link, "short", "short"), "12 to 256"),
        (choose(&link, &"long".repeat(65), &"long".repeat(65)), "12 to 256"),
    ] {
        let fields = fields.each_ref().map(|(name, text)| (&**name, &**text));
        let shown = browser.submit("/welcome", &fields).await;
        assert_eq!((shown.status, &*browser.cookie), (422, ""), "{fields:?}");
        assert!(shown.text.contains(why), "{why}: {}", shown.text);
    }
    let fields = [("link", &*link), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(browser.submit("/welcome", &fields).await.leads_to(), "/");
    assert_eq!(browser.open("/").await.status, 200, "a password that was just set is not asked for");
    let mut other = Browser::of(&scene);
    assert_eq!(other.submit("/welcome", &fields).await.status, 422, "a link holds once");
    assert_eq!(other.log_in("office", PASSWORD).await.leads_to(), "/");
    // A new password ends what was begun with the old one.
    let link = invite(TimeDelta::zero());
    other
        .submit("/welcome", &[("link", &*link), ("password", "another good one"), ("again", "another good one")])
        .await;
    assert_eq!(browser.open("/").await.leads_to(), "/login");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_needs_the_word_of_the_page_and_comes_from_here() {
    let scene = Scene::start().await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Operator).await;
    let mut other = Browser::logged_in(&scene, "gatehouse", Role::Operator).await;
    let activity = || scene.service.status().terminals["gate"].activity;
    let order = |browser: &Browser, headers: &[(&str, &str)]| {
        let request = browser.request(Method::POST, "/api/v1/terminals/gate/pause");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let (csrf, foreign) = (browser.csrf.clone(), other.csrf.clone());
    assert!(!csrf.is_empty() && csrf != foreign && !browser.cookie.contains(&csrf));
    for headers in [
        &[][..],
        &[("x-csrf-token", "")],
        &[("x-csrf-token", "made-up")],
        &[("x-csrf-token", &*foreign)],
        &[("x-csrf-token", &*csrf), ("sec-fetch-site", "cross-site")],
        &[("x-csrf-token", &*csrf), ("origin", "http://evil.example")],
        &[("x-csrf-token", &*csrf), ("origin", "null")],
    ] {
        let request = order(&browser, headers);
        assert_eq!(browser.send(request).await.status, 403, "{headers:?}");
    }
    assert_ne!(activity(), Activity::Paused);
    // A form of a stranger's page reaches neither the login nor the logout.
    for (path, fields) in
        [("/login", &[("name", "office"), ("password", PASSWORD)][..]), ("/logout", &[("csrf", &csrf)])]
    {
        let request = browser.form(path, fields).header("sec-fetch-site", "cross-site");
        assert_eq!(browser.send(request).await.status, 403, "{path}");
    }
    assert_eq!(browser.submit("/logout", &[("csrf", "made-up")]).await.status, 403);
    assert_eq!(browser.open("/").await.status, 200);
    let shown = browser.order("/api/v1/terminals/gate/pause").await;
    assert!(shown.status < 300, "{shown:?}");
    until("it is paused", || activity() == Activity::Paused).await;
    other.order("/api/v1/terminals/gate/resume").await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logout_ends_the_session_for_everybody_who_has_its_cookie() {
    let scene = Scene::with(terminal(), usual()).await;
    let mut browser = Browser::logged_in(&scene, "office", Role::Viewer).await;
    let (kept, csrf) = (browser.cookie.clone(), browser.csrf.clone());
    let shown = browser.submit("/logout", &[("csrf", &csrf)]).await;
    assert_eq!(shown.leads_to(), "/login");
    assert!(shown.header("set-cookie").contains("Max-Age=0"), "{shown:?}");
    browser.cookie = kept;
    assert_eq!(browser.open("/").await.leads_to(), "/login");
    let request = browser.request(Method::GET, "/api/v1/events");
    assert_eq!(browser.send(request).await.status, 401);
    scene.end().await;
}
