//! Loads the golden vectors of `vectors/push`.
#![allow(dead_code)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;
use zk_push::{Head, Request};

/// The cases of one file.
pub(crate) fn cases(set: &str) -> Vec<Value> {
    let path = format!("{}/../vectors/push/{set}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["set"], set);
    serde_json::from_value(file["cases"].take()).unwrap()
}

/// The bytes of a body.
pub(crate) fn body(value: &Value) -> Bytes {
    let Some((form, content)) = value.as_object().and_then(|object| object.iter().next()) else { return Bytes::new() };
    match form.as_str() {
        "utf8" => Bytes::copy_from_slice(content.as_str().unwrap().as_bytes()),
        "b64" => STANDARD.decode(content.as_str().unwrap()).unwrap().into(),
        "repeat" => {
            let times = usize::try_from(content["times"].as_u64().unwrap()).unwrap();
            content["utf8"].as_str().unwrap().repeat(times).into()
        }
        "concat" => content.as_array().unwrap().iter().flat_map(body).collect::<Vec<u8>>().into(),
        other => panic!("a body of an unknown form: {other}"),
    }
}

/// The request of a case or of a step.
pub(crate) fn request(value: &Value) -> Request {
    let (method, target) = (value["method"].as_str().unwrap(), value["target"].as_str().unwrap());
    Request { head: Head::parse(method, target).unwrap(), body: body(&value["body"]) }
}

/// All requests of the vectors with their case's id: single ones, and those of sequences.
pub(crate) fn requests() -> Vec<(String, Request)> {
    let mut found = Vec::new();
    for case in ["handshake", "att_uploads", "acc_uploads", "commands"].iter().flat_map(|set| cases(set)) {
        let id = case["id"].as_str().unwrap().to_owned();
        let steps = case["steps"].as_array().cloned().unwrap_or_else(|| vec![case.clone()]);
        found.extend(
            steps.iter().filter(|step| step["request"].is_object()).map(|step| (id.clone(), request(&step["request"]))),
        );
    }
    assert!(found.len() > 50, "{} requests", found.len());
    found
}

/// A text field.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
