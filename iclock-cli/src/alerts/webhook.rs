//! Alerts to an address: as JSON of this program, or as Slack and those like it take them.

use std::fmt;

use attendance_model::OptionsError;
use iclock_sync::alert::{Kind, Message};
use iclock_sync::chain;
use serde_json::{Value, json};
use sink_http::{Hook, HttpOptions};

/// What the receiver of a webhook understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// All facts.
    Json,
    /// `{"text": …}`, as Slack, Mattermost and Rocket.Chat take it.
    Slack,
}

/// An address with its form.
#[derive(Clone)]
pub(crate) struct Webhook {
    form: Form,
    hook: Hook,
}

/// Leaves the address out: its path is often the secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("form", &self.form).finish_non_exhaustive()
    }
}

impl Webhook {
    /// For an address and its settings. Contacts nothing.
    pub(crate) fn open(form: Form, options: HttpOptions) -> Result<Self, OptionsError> {
        Ok(Self { form, hook: Hook::open(options)? })
    }

    pub(super) fn name(&self) -> &'static str {
        match self.form {
            Form::Json => "webhook",
            Form::Slack => "slack",
        }
    }

    /// Sends a message, on a thread that may wait.
    pub(super) fn send(&self, message: &Message) -> Result<(), String> {
        let body = match self.form {
            Form::Json => as_json(message),
            Form::Slack => json!({ "text": slack(message) }),
        };
        let id = format!("alert-{}", message.at.timestamp_micros());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot send anything: {error}"))?;
        runtime.block_on(self.hook.send(&id, body.to_string().into_bytes())).map_err(|error| chain(&error))
    }
}

fn as_json(message: &Message) -> Value {
    let lines = message.lines.iter().map(|line| {
        json!({
            "kind": line.subject.kind,
            "name": Some(&line.subject.name).filter(|_| line.subject.kind != Kind::Disk),
            "state": if line.is_over { "over" } else { "begun" },
            "since": line.since,
            "text": line.text,
        })
    });
    json!({
        "at": message.at,
        "title": message.title(),
        "text": message.text(),
        "alerts": lines.collect::<Vec<_>>(),
        "open": message.open,
        "digest": message.is_digest,
        "test": message.lines.is_empty(),
    })
}

/// The three characters with a meaning are escaped, so that nothing becomes a link or calls everybody.
fn slack(message: &Message) -> String {
    let text = format!("*{}*\n{}", message.title(), message.text());
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use attendance_model::Settings;

    use super::*;

    /// A receiver that answers once, and the request that it got.
    fn receiver(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hooks/s3cret", listener.local_addr().unwrap());
        let got = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
            while !request.ends_with(b"}") {
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0);
                request.extend_from_slice(&buffer[..read]);
            }
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            String::from_utf8(request).unwrap()
        });
        (url, got)
    }

    fn webhook(form: Form, url: &str) -> Webhook {
        let settings = Settings::new([("secret".to_owned(), "k3y".to_owned())]);
        Webhook::open(form, HttpOptions::parse("webhook", url, settings).unwrap()).unwrap()
    }

    #[test]
    fn a_receiver_gets_all_facts_signed_and_one_like_slack_a_text() {
        let message = Message::test(chrono::DateTime::UNIX_EPOCH);
        let (url, got) = receiver("204 No Content");
        webhook(Form::Json, &url).send(&message).unwrap();
        let request = got.join().unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hooks/s3cret ") && head.contains("webhook-signature: v1,"), "{head}");
        assert!(head.contains("webhook-id: alert-0\r\n"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["test"], &body["alerts"]), (&json!(true), &json!([])));

        let (url, got) = receiver("200 OK");
        webhook(Form::Slack, &url).send(&message).unwrap();
        let request = got.join().unwrap();
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let text = "*iclock: a test, nothing is wrong*\nAlerts of this program arrive here.\n";
        assert_eq!(body, json!({ "text": text }));
    }

    #[test]
    fn a_refusal_says_why_and_not_where() {
        let (url, got) = receiver("403 Forbidden");
        let problem = webhook(Form::Json, &url).send(&Message::test(chrono::DateTime::UNIX_EPOCH)).unwrap_err();
        got.join().unwrap();
        assert!(problem.contains("403") && problem.contains("127.0.0.1") && !problem.contains("s3cret"), "{problem}");
        assert!(!format!("{:?}", webhook(Form::Json, &url)).contains("s3cret"));
    }
}
