//! Commands for terminals that push.

use std::sync::Arc;
use std::time::Duration;

use iclock_server::access::Role;
use iclock_sync::receive::{PushAccess, PushReceiver};
use iclock_sync::{CancellationToken, DeviceOptions, Permission};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use zk_push::server::Limits;

use crate::common::{Answer, Scene, terminal, usual};

const PATH: &str = "/api/v1/pushing/SN1/commands";

/// A receiver, and a terminal that has pushed to it.
pub(crate) struct Receiving {
    url: String,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Receiving {
    pub(crate) async fn start(scene: &Scene, door: &DeviceOptions) -> Self {
        let devices = std::slice::from_ref(door);
        let receiver = PushReceiver::open(&scene.service, devices, &PushAccess::default()).await.unwrap();
        let (receiver, stop) = (Arc::new(receiver), CancellationToken::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/iclock", listener.local_addr().unwrap());
        let serves = tokio::spawn(Arc::clone(&receiver).serve(listener, Limits::default(), stop.clone()));
        let stopped = stop.clone();
        let takes = tokio::spawn(async move {
            while !stopped.is_cancelled() {
                receiver.take_orders().await.unwrap();
                sleep(Duration::from_millis(20)).await;
            }
        });
        let receiving = Self { url, stop, tasks: [serves, takes] };
        receiving.send("cdata?SN=SN1&table=ATTLOG&Stamp=9999", "7\t2026-03-01 08:00:00\t0\t1\n").await;
        receiving
    }

    pub(crate) async fn send(&self, path: &str, body: &'static str) -> String {
        let request = reqwest::Client::new().post(format!("{}/{path}", self.url)).body(body);
        request.send().await.unwrap().text().await.unwrap()
    }

    /// The commands that the terminal takes.
    async fn poll(&self) -> String {
        let answer = reqwest::get(format!("{}/getrequest?SN=SN1", self.url)).await.unwrap();
        answer.text().await.unwrap().trim_end().to_owned()
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn post(scene: &Scene, token: &str, body: &Value) -> Answer {
    scene.send(Method::POST, PATH, Some(token), Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_enters_the_queue_is_taken_and_answered() {
    let mut door = DeviceOptions::push("door", "SN1");
    door.permits = [Permission::OpenDoor].into();
    let scene = Scene::beside(terminal(), usual(), std::slice::from_ref(&door)).await;
    let (operator, administrator) =
        (scene.token("operator", Role::Operator), scene.token("chief", Role::Administrator));
    let info = json!({ "command": "info" });
    assert_eq!(post(&scene, &operator, &info).await.status, 404, "it has not called yet");
    let receiving = Receiving::start(&scene, &door).await;
    let queued = post(&scene, &operator, &info).await;
    assert_eq!((queued.status, &queued.json()["ids"]), (202, &json!([1])), "{queued:?}");
    let delete = json!({ "command": "delete_user", "id": "7" });
    let refused = post(&scene, &operator, &delete).await;
    assert_eq!(refused.status, 403, "what changes something is for administrators: {refused:?}");
    let secret = json!({ "command": "set_user", "id": "7", "name": "S3cret", "card": "99" });
    assert_eq!(post(&scene, &administrator, &secret).await.json()["ids"], json!([2]));
    let open = json!({ "command": "open_door", "seconds": 3 });
    assert_eq!(post(&scene, &administrator, &open).await.json()["ids"], json!([3]));
    let commands = receiving.poll().await;
    assert!(commands.contains("C:1:INFO") && commands.contains("Name=S3cret"), "{commands}");
    receiving.send("devicecmd?SN=SN1", "ID=1&Return=0&CMD=INFO\n").await;
    let list = scene.json("/pushing/SN1/commands").await;
    assert!(!list.to_string().contains("S3cret"), "a value of a command is shown to nobody: {list}");
    let states: Vec<_> = list["commands"].as_array().unwrap().iter().map(|of| (&of["id"], &of["state"])).collect();
    assert_eq!(states[2], (&json!(1), &json!("answered")), "{list}");
    assert_eq!(states[1], (&json!(2), &json!("sent")), "{list}");
    let audit = scene.ask(Method::GET, "/api/v1/audit/orders", Some(&administrator)).await;
    let what: Vec<_> = audit.json()["orders"].as_array().unwrap().iter().map(|of| of["what"].clone()).collect();
    assert_eq!(what, ["command AC_UNLOCK", "command DATA UPDATE USERINFO", "command INFO"]);
    assert!(!audit.text.contains("S3cret"));
    receiving.end().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_permission_or_sense_is_refused_and_none_is_left_behind() {
    let door = DeviceOptions::push("door", "SN1");
    let scene = Scene::beside(terminal(), usual(), std::slice::from_ref(&door)).await;
    let administrator = scene.token("chief", Role::Administrator);
    let receiving = Receiving::start(&scene, &door).await;
    for (body, status, named) in [
        (json!({ "command": "open_door" }), 409, "open-door"),
        (json!({ "command": "clear_log" }), 409, "clear"),
        (json!({ "command": "set_options", "options": { "IPAddress": "192.0.2.9" } }), 409, "network"),
        (json!({ "command": "set_time" }), 400, "clocks"),
        (json!({ "command": "enroll", "id": "7", "finger": 10 }), 400, "finger"),
        (json!({ "command": "set_user", "id": "7", "card": "x" }), 400, "card"),
        (json!({ "command": "set_user", "id": "7", "password": "1" }), 400, "password"),
        (json!({ "command": "set_user", "id": "7", "name": "a\tPri=14" }), 400, "no such command"),
        (json!({ "command": "shell", "fields": ["date"] }), 400, "shell"),
        (json!({}), 400, "command"),
    ] {
        let answer = post(&scene, &administrator, &body).await;
        assert_eq!(answer.status, status, "{body}: {answer:?}");
        assert!(answer.text.contains(named), "{body}: {answer:?}");
    }
    assert_eq!(receiving.poll().await, "OK");
    assert_eq!(scene.json("/pushing/SN1/commands").await["commands"], json!([]));
    receiving.end().await;
    scene.end().await;
}
