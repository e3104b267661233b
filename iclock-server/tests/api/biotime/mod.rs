//! Reads in the shape of the vendor's server, as its programs do them.

mod access;
mod pages;
mod rows;

use iclock_server::ServerOptions;
use iclock_server::access::Role;
use reqwest::Method;
use serde_json::Value;
use zk_sim::Terminal;

use crate::common::{Answer, Scene, answer, usual};

/// Every list, and the paths where names and passwords go.
const LISTS: [&str; 7] = [
    "/iclock/api/transactions/",
    "/iclock/api/terminals/",
    "/personnel/api/employees/",
    "/personnel/api/departments/",
    "/personnel/api/areas/",
    "/personnel/api/positions/",
    "/personnel/api/resigns/",
];
const LOGINS: [&str; 2] = ["/api-token-auth/", "/jwt-api-token-auth/"];

/// A scene in which it is switched on, and a program with a token.
struct Program {
    scene: Scene,
    token: String,
}

fn on() -> ServerOptions {
    let mut options = usual();
    options.biotime = true;
    options
}

impl Program {
    /// With a terminal whose 60 records are all events.
    async fn start() -> Self {
        Self::with(60, on()).await
    }

    async fn with(records: usize, options: ServerOptions) -> Self {
        let scene = Scene::with(Terminal::builder().records(records).users(8).seed(7), options).await;
        let token = format!("Token {}", scene.token("payroll", Role::Viewer));
        Self { scene, token }
    }

    /// Reads, and is answered with 200 and JSON.
    async fn read(&self, path: &str) -> Value {
        let answer = self.ask(path).await;
        assert_eq!((answer.status, &*answer.kind), (200, "application/json"), "{path}: {answer:?}");
        answer.json()
    }

    /// The rows of a page.
    async fn rows(&self, path: &str) -> Vec<Value> {
        self.read(path).await["data"].as_array().unwrap().clone()
    }

    async fn ask(&self, path: &str) -> Answer {
        self.ask_as(path, Some(&self.token)).await
    }

    async fn ask_as(&self, path: &str, authorization: Option<&str>) -> Answer {
        let request = reqwest::Client::new().get(self.scene.url(path));
        answer(authorization.into_iter().fold(request, |request, text| request.header("authorization", text))).await
    }

    /// Sends a text as the body.
    async fn post(&self, path: &str, kind: &str, body: impl Into<String>) -> Answer {
        let request = reqwest::Client::new().post(self.scene.url(path));
        answer(request.header("content-type", kind).body(body.into())).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_by_default() {
    let scene = Scene::start().await;
    let token = scene.token("payroll", Role::Viewer);
    for path in LISTS.iter().chain(&LOGINS).chain(&["/api/docs/", "/iclock/api/x", "/personnel/api/x"]) {
        for method in [Method::GET, Method::POST] {
            let answer = scene.ask(method.clone(), path, Some(&token)).await;
            assert_eq!(
                (answer.status, &*answer.kind),
                (404, "application/problem+json"),
                "{method} {path}: {answer:?}"
            );
        }
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_changed() {
    let program = Program::start().await;
    let client = reqwest::Client::new();
    for list in LISTS {
        for path in [list.to_owned(), format!("{list}1/"), format!("{list}1")] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let request = client.request(method.clone(), program.scene.url(&path));
                let answer = answer(request.header("authorization", &program.token)).await;
                assert_eq!((answer.status, &*answer.kind), (405, "application/json"), "{method} {path}: {answer:?}");
                assert!(answer.json()["detail"].is_string(), "{answer:?}");
            }
        }
    }
    for path in LOGINS {
        assert_eq!(program.ask(path).await.status, 405, "{path}");
    }
    program.scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_the_vendor_does_not_have_looks_as_at_its_server() {
    let program = Program::start().await;
    let page = program.ask("/personnel/api/locations/").await;
    assert_eq!((page.status, &*page.kind), (404, "text/html; charset=utf-8"), "{page:?}");
    assert!(page.text.contains("<title>Page not found</title>"), "{page:?}");
    for path in ["/iclock/api/devices/", "/iclock/api/transactions/export/", "/iclock/api/transactions/1/2/"] {
        let answer = program.ask(path).await;
        assert_eq!((answer.status, answer.json()["detail"].as_str()), (404, Some("Not found.")), "{path}");
    }
    let docs = program.ask_as("/api/docs/", None).await;
    assert_eq!((docs.status, &*docs.kind), (200, "text/html; charset=utf-8"));
    assert!(docs.text.contains("<title>BioTime 8.5 API DOCS"), "{docs:?}");
    program.scene.end().await;
}
