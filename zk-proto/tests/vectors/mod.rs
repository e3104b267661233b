//! Loads the golden vectors of the repository.
#![allow(dead_code)]

use serde_json::Value;

/// The vectors of one kind, from `vectors/KIND.json`.
pub(crate) fn load(kind: &str) -> Vec<Value> {
    let path = format!("{}/../vectors/{kind}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut file: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["kind"], kind);
    serde_json::from_value(file["vectors"].take()).unwrap()
}

/// The bytes of a hex field.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

/// A number field.
pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}
