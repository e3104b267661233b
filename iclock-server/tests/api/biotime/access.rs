//! Who may read: tokens, and accounts by their passwords.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{TimeDelta, Utc};
use iclock_server::access::Role;
use serde_json::{Value, json};

use super::{LISTS, LOGINS, Program};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const PASSWORD: &str = "a good password";
const LIST: &str = "/iclock/api/transactions/";

impl Program {
    /// With an account of this role.
    async fn with_account(role: Role) -> Self {
        let program = Self::start().await;
        program.scene.access.set_account("office", role, PASSWORD, Utc::now()).unwrap();
        program
    }

    async fn log_in(&self, path: &str, password: &str) -> crate::common::Answer {
        self.post(path, JSON, json!({ "username": "office", "password": password }).to_string()).await
    }

    /// Logs in with the right password.
    async fn token(&self, path: &str) -> String {
        let answer = self.log_in(path, PASSWORD).await;
        assert_eq!((answer.status, &*answer.kind), (200, JSON), "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    async fn status(&self, authorization: &str) -> u16 {
        self.ask_as(LIST, Some(authorization)).await.status
    }
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_that_holds_reads_nothing() {
    let program = Program::start().await;
    let past = Utc::now() - TimeDelta::days(1);
    let expired = program.scene.access.create("old", Role::Administrator, Some(past), past).unwrap();
    let expired = format!("Token {}", expired.reveal());
    for list in LISTS {
        for path in [list.to_owned(), format!("{list}1/")] {
            for sent in [None, Some("JWT a.b.c"), Some("Token"), Some(&*expired), Some("Digest x"), Some("")] {
                let answer = program.ask_as(&path, sent).await;
                assert_eq!((answer.status, &*answer.kind), (401, JSON), "{path} {sent:?}: {answer:?}");
                assert!(answer.json()["detail"].is_string(), "{answer:?}");
            }
        }
    }
    let metrics = format!("Token {}", program.scene.token("prometheus", Role::Metrics));
    let answer = program.ask_as(LIST, Some(&metrics)).await;
    assert_eq!((answer.status, answer.json()["detail"].is_string()), (403, true), "{answer:?}");
    assert!(program.scene.access.revoke("payroll").unwrap());
    assert_eq!(program.status(&program.token).await, 401);
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_ours_is_taken_under_each_name() {
    let program = Program::start().await;
    let token = program.token.strip_prefix("Token ").unwrap();
    for scheme in ["Token", "JWT", "jwt", "Bearer"] {
        assert_eq!(program.status(&format!("{scheme} {token}")).await, 200, "{scheme}");
    }
    // A program that has nothing but fields for a name and a password.
    assert_eq!(program.status(&basic("payroll", token)).await, 200);
    assert_eq!(program.status(&basic("board", token)).await, 401);
    for path in LOGINS {
        let body = json!({ "username": "payroll", "password": token }).to_string();
        assert_eq!(program.post(path, JSON, body).await.json(), json!({ "token": token }), "{path}");
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_gives_a_token_however_it_is_sent() {
    let program = Program::with_account(Role::Viewer).await;
    let fields = "username=office&password=a+good+password";
    let json = json!({ "username": "office", "password": PASSWORD, "company": "x" }).to_string();
    let by_mail = json!({ "email": "office", "password": PASSWORD }).to_string();
    for prefix in ["", "/api"] {
        for path in ["/api-token-auth", "/api-token-auth/", "/jwt-api-token-auth", "/jwt-api-token-auth/"] {
            let path = format!("{prefix}{path}");
            for (kind, body) in
                [(JSON, &*json), (FORM, fields), (FORM, &*json), ("text/plain", &*json), (JSON, &by_mail)]
            {
                let answer = program.post(&path, kind, body).await;
                assert_eq!(answer.status, 200, "{path} {kind}: {answer:?}");
                let token = answer.json()["token"].as_str().unwrap().to_owned();
                assert_eq!(program.status(&format!("Token {token}")).await, 200, "{path} {kind}");
                assert_eq!(program.status(&format!("JWT {token}")).await, 200, "{path} {kind}");
            }
        }
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_says_when_it_ends_and_is_renewed_and_all_end_with_the_password() {
    let program = Program::with_account(Role::Viewer).await;
    let (plain, jwt) = (program.token("/api-token-auth/").await, program.token("/jwt-api-token-auth/").await);
    assert_eq!(plain.len(), 40);
    let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let left = claims["exp"].as_i64().unwrap() - Utc::now().timestamp();
    assert!((7 * 86_400 - 120..=7 * 86_400).contains(&left), "{left}");
    let renewed = program.post("/jwt-api-token-refresh/", JSON, json!({ "token": jwt }).to_string()).await;
    let renewed = renewed.json()["token"].as_str().unwrap().to_owned();
    assert_ne!(renewed, jwt);
    let all = [&plain, &jwt, &renewed].map(|token| format!("JWT {token}"));
    for token in &all {
        assert_eq!(program.status(token).await, 200);
        // It reads in this shape, and is good for nothing else.
        let answer = program.ask_as("/api/v1/events", Some(&token.replace("JWT", "Bearer"))).await;
        assert_eq!(answer.status, 401);
    }
    program.scene.access.set_account("office", Role::Viewer, "another password", Utc::now()).unwrap();
    for token in &all {
        assert_eq!(program.status(token).await, 401);
    }
    let refused = program.post("/jwt-api-token-refresh/", JSON, json!({ "token": jwt }).to_string()).await;
    assert_eq!((refused.status, refused.json()["non_field_errors"].is_array()), (400, true), "{refused:?}");
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_login_is_refused_as_at_the_vendors_server() {
    let program = Program::with_account(Role::Viewer).await;
    let wrong = json!({ "non_field_errors": ["Unable to log in with provided credentials."] });
    for path in LOGINS {
        for (name, password) in [("office", "a wrong password"), ("nobody", PASSWORD), ("OFFICE", PASSWORD)] {
            let body = json!({ "username": name, "password": password }).to_string();
            let answer = program.post(path, JSON, body).await;
            assert_eq!((answer.status, answer.json()), (400, wrong.clone()), "{path} {name}");
        }
        let needed = json!({ "password": ["This field is required."] });
        for (kind, body) in [
            (JSON, r#"{"username":"office"}"#),
            (FORM, "username=office&password="),
            (JSON, r#"{"username":"office","password":null}"#),
        ] {
            let answer = program.post(path, kind, body).await;
            assert_eq!((answer.status, answer.json()), (400, needed.clone()), "{path} {body}");
        }
        for (body, status) in [("", 400), ("{", 400), ("[]", 400), ("{}", 400), (&*"x".repeat(100_000), 413)] {
            let answer = program.post(path, JSON, body).await;
            assert_eq!((answer.status, &*answer.kind), (status, JSON), "{path} {answer:?}");
        }
    }
    // A page of a stranger cannot try passwords through a browser of this network.
    let request =
        reqwest::Client::new().post(program.scene.url("/api-token-auth/")).header("sec-fetch-site", "cross-site");
    let foreign = crate::common::answer(request.body("username=office&password=a+good+password")).await;
    assert_eq!(foreign.status, 403, "{foreign:?}");
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_an_account_are_counted_with_those_at_the_pages() {
    let program = Program::with_account(Role::Viewer).await;
    for attempt in 0..2 {
        assert_eq!(program.log_in("/api-token-auth/", "a wrong password").await.status, 400, "{attempt}");
        assert_eq!(program.status(&basic("office", "a wrong password")).await, 401, "{attempt}");
    }
    let form = "name=office&password=a+wrong+password";
    assert_eq!(program.post("/login", FORM, form).await.status, 401);
    let waits = program.log_in("/jwt-api-token-auth/", PASSWORD).await;
    assert_eq!((waits.status, waits.json()["detail"].is_string()), (429, true), "{waits:?}");
    assert_eq!(program.status(&basic("office", PASSWORD)).await, 429);
    assert_eq!(program.post("/login", FORM, form).await.status, 429);
    // Those with a token are not held up, nor is anybody else.
    assert_eq!(program.status(&program.token).await, 200);
    program.scene.access.set_account("gatehouse", Role::Viewer, PASSWORD, Utc::now()).unwrap();
    assert_eq!(program.status(&basic("gatehouse", PASSWORD)).await, 200);
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_sends_its_password_with_each_request_is_not_held_up() {
    let program = Program::with_account(Role::Viewer).await;
    let right = basic("office", PASSWORD);
    assert_eq!(program.status(&right).await, 200);
    for _ in 0..5 {
        let ten = futures::future::join_all((0..10).map(|_| program.status(&right))).await;
        assert_eq!(ten, [200; 10]);
        program.token("/api-token-auth/").await;
    }
    program.scene.access.set_account("office", Role::Viewer, "another password", Utc::now()).unwrap();
    assert_eq!(program.status(&right).await, 401);
    assert_eq!(program.status(&basic("office", "another password")).await, 200);
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_slowed_and_says_for_how_long() {
    let program = Program::start().await;
    let client = reqwest::Client::new();
    let mut refused = None;
    for _ in 0..5_000 {
        let request =
            client.get(program.scene.url("/personnel/api/positions/")).header("authorization", &program.token);
        let response = request.send().await.unwrap();
        if response.status().as_u16() == 429 {
            refused = Some(response);
            break;
        }
        assert_eq!(response.status().as_u16(), 200);
    }
    let refused = refused.expect("so many are too many");
    assert_eq!(refused.headers()["retry-after"], "1");
    let text = refused.text().await.unwrap();
    assert!(text.contains("Expected available in 1 seconds."), "{text}");
    program.scene.end().await;
}
