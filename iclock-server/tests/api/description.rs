//! The description of the API: it is what is committed, breaks nobody, and is what the server does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use iclock_server::access::Role;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::common::{Scene, answer};

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json")
}

fn described() -> Value {
    serde_json::from_str(&iclock_server::openapi()).unwrap()
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Each operation, as method and path.
fn operations(api: &Value) -> Vec<(String, String, Value)> {
    let of_path = |(path, item): (String, Value)| {
        let all = object(&item).into_iter().filter(|(_, operation)| operation.get("responses").is_some());
        all.map(move |(method, operation)| (method, path.clone(), operation)).collect::<Vec<_>>()
    };
    object(&api["paths"]).into_iter().flat_map(of_path).collect()
}

/// What would break a program that was written for the old description.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let kept: Vec<_> = operations(new);
    for (method, path, operation) in operations(old) {
        let Some((_, _, now)) = kept.iter().find(|(m, p, _)| (m, p) == (&method, &path)) else {
            found.push(format!("{method} {path} is gone"));
            continue;
        };
        let parameters = |operation: &Value| {
            let list = operation["parameters"].as_array().cloned().unwrap_or_default();
            let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
            list.iter().map(|one| (name(one), one["required"] == true)).collect::<BTreeSet<_>>()
        };
        let (before, now) = (parameters(&operation), parameters(now));
        for (name, is_required) in &before {
            if !now.iter().any(|(other, _)| other == name) {
                found.push(format!("{method} {path}: parameter {name} is gone"));
            } else if !is_required && now.contains(&(name.clone(), true)) {
                found.push(format!("{method} {path}: parameter {name} is required now"));
            }
        }
        let is_new = |name: &str| !before.iter().any(|(other, _)| other == name);
        for (name, _) in now.iter().filter(|(name, is_required)| *is_required && is_new(name)) {
            found.push(format!("{method} {path}: parameter {name} is new and required"));
        }
    }
    let schemas = |api: &Value| object(&api["components"]["schemas"]);
    let now = schemas(new);
    for (name, schema) in schemas(old) {
        for (field, kind) in object(&schema["properties"]) {
            match now.get(&name).map(|schema| &schema["properties"][&field]) {
                None | Some(Value::Null) => found.push(format!("{name}.{field} is gone")),
                Some(other) if other["type"] != kind["type"] => {
                    found.push(format!("{name}.{field} is of another type"))
                }
                Some(_) => {}
            }
        }
    }
    found
}

/// `UPDATE_OPENAPI=1` writes the file again. A change that breaks programs needs another path than `/api/v1`.
#[test]
fn the_committed_description_is_the_servers_and_breaks_nobody() {
    let new = described();
    let text = format!("{}\n", iclock_server::openapi());
    let old: Option<Value> = std::fs::read(file()).ok().map(|old| serde_json::from_slice(&old).unwrap());
    let broken = old.as_ref().map(|old| breaks(old, &new)).unwrap_or_default();
    assert_eq!(broken, Vec::<String>::new());
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(file(), &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file()).unwrap(), text, "run it with UPDATE_OPENAPI=1");
}

#[test]
fn each_reference_in_the_description_leads_somewhere() {
    let (text, described) = (iclock_server::openapi(), described());
    let mut count = 0;
    for (at, _) in text.match_indices("\"#/") {
        let path = text[at + 2..].split('"').next().unwrap();
        assert!(described.pointer(path).is_some(), "{path}");
        count += 1;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn a_change_that_breaks_programs_is_found() {
    let old = described();
    assert_eq!(breaks(&old, &old), Vec::<String>::new());
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new);
        breaks(&old, &new)
    };
    let gone = changed(&|new| drop(new["paths"].as_object_mut().unwrap().remove("/api/v1/sinks")));
    assert_eq!(gone, ["get /api/v1/sinks is gone"]);
    let required = changed(&|new| new["paths"]["/api/v1/events"]["get"]["parameters"][0]["required"] = json!(true));
    assert_eq!(required, ["get /api/v1/events: parameter user is required now"]);
    let field = changed(&|new| {
        let properties = &mut new["components"]["schemas"]["Event"]["properties"];
        properties.as_object_mut().unwrap().remove("user_id");
        properties["verify_mode"]["type"] = json!("string");
    });
    assert_eq!(field, ["Event.user_id is gone", "Event.verify_mode is of another type"]);
}

/// A path with names in it that exist.
fn filled(path: &str) -> String {
    let path = path.replace("{serial}", "SN1").replace("{id}", "1").replace("{user_id}", "1");
    path.replace("{name}", if path.contains("/sinks/") { "school" } else { "gate" })
}

/// A body that means something here.
fn body(path: &str) -> Value {
    match path {
        "/api/v1/quarantine/resolve" => json!({ "ids": [9_000_000], "note": "none" }),
        "/api/v1/pushing/{serial}/commands" => json!({ "command": "info" }),
        "/api/v1/unproven/{id}/accept" => json!({ "serial": "SN1" }),
        _ => json!({}),
    }
}

/// The JSON Schema of an answer, with the schemas that it refers to.
fn schema_of(api: &Value, operation: &Value, status: u16, kind: &str) -> Option<Value> {
    let content = &operation["responses"][status.to_string()]["content"][kind]["schema"];
    let text = content.as_object().map(|_| content.to_string())?;
    let schemas = api["components"]["schemas"].to_string();
    let local = |text: String| text.replace("#/components/schemas/", "#/$defs/");
    let mut schema: Value = serde_json::from_str(&local(text)).unwrap();
    schema["$defs"] = serde_json::from_str(&local(schemas)).unwrap();
    Some(schema)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_answers_each_caller_as_it_is_described() {
    let scene = Scene::start().await;
    let api = described();
    let tokens = [
        ("none", None),
        ("wrong", Some("ick_0000".to_owned())),
        ("metrics", Some(scene.token("metrics", Role::Metrics))),
        ("viewer", Some(scene.token("looks", Role::Viewer))),
        ("operator", Some(scene.token("orders", Role::Operator))),
        ("administrator", Some(scene.token("decides", Role::Administrator))),
    ];
    let all = operations(&api);
    assert!(all.len() > 15, "{}", all.len());
    for (method, path, operation) in all {
        let needs = Role::of_word(operation["x-role"].as_str().unwrap()).unwrap();
        let method: Method = method.to_uppercase().parse().unwrap();
        let mut url = filled(&path);
        match &*path {
            // It never ends.
            "/api/v1/events/stream" => url.push_str("?after=x"),
            "/api/v1/events/export" => url.push_str("?format=json"),
            "/api/v1/people/{user_id}/days" => url.push_str("?from=2025-01-01&to=2025-12-31"),
            _ => {}
        }
        for (who, token) in &tokens {
            let sent = operation.get("requestBody").map(|_| body(&path));
            let got = scene.send(method.clone(), &url, token.as_deref(), sent.as_ref()).await;
            let what = format!("{who}: {method} {url}: {got:?}");
            match *who {
                "none" | "wrong" => assert_eq!(got.status, 401, "{what}"),
                role if Role::of_word(role).unwrap() < needs => assert_eq!(got.status, 403, "{what}"),
                _ if path.ends_with("/stream") => assert_eq!(got.status, 400, "{what}"),
                _ => assert!((200..300).contains(&got.status) || got.status == 404, "{what}"),
            }
            assert!(operation["responses"][got.status.to_string()].is_object(), "it is not described: {what}");
            if got.text.is_empty() || got.kind == "application/octet-stream" {
                continue;
            }
            let kind = got.kind.split(';').next().unwrap();
            let schema = schema_of(&api, &operation, got.status, kind).unwrap_or_else(|| panic!("no schema: {what}"));
            let problems: Vec<_> = jsonschema::validator_for(&schema)
                .unwrap()
                .iter_errors(&got.json())
                .map(|error| error.to_string())
                .collect();
            assert_eq!(problems, Vec::<String>::new(), "{what}");
        }
    }
    let served = answer(scene.request("/api/v1/openapi.json")).await;
    assert_eq!(served.json(), api);
    scene.end().await;
}
