//! The JSON Schema of a configuration file, for editors.

use serde_json::{Map, Value, json};

use super::catalogue::{Catalogue, Section};
use super::key::{Key, Shape, Shown};
use super::toml_text;

/// The schema of these tables. A file that it takes may still have a value that is wrong, such as an unknown time zone.
pub(crate) fn schema(catalogue: &Catalogue) -> Value {
    let mut properties = Map::new();
    for section in catalogue.sections() {
        if section.name.is_empty() {
            properties.extend(section.keys.iter().map(|key| (key.name.to_owned(), of_key(section, key))));
        } else {
            properties.insert(section.name.to_owned(), of_section(section));
        }
    }
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Configuration of iclock-cli",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn of_section(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.keys.iter().map(|key| (key.name.to_owned(), of_key(section, key))).collect();
    let required: Vec<&str> =
        section.keys.iter().filter(|key| matches!(key.shown, Shown::Required(_))).map(|key| key.name).collect();
    let mut entry = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        entry["required"] = json!(required);
    }
    if section.is_list {
        return json!({ "description": section.doc, "type": "array", "items": entry });
    }
    entry["description"] = json!(section.doc);
    entry
}

fn of_key(section: &Section, key: &Key) -> Value {
    let mut schema = of_shape(&key.shape);
    // Every setting of a sink may be a reference.
    if section.name == "sink" && !is_text(&key.shape) {
        schema = json!({ "anyOf": [schema, { "type": "string", "pattern": "^(ENV|FILE):" }] });
    }
    let mut description = key.doc.to_owned();
    if !key.backends.is_empty() {
        description.push_str(&format!(" For {}.", key.backends.join(", ")));
    }
    if !description.is_empty() {
        schema["description"] = json!(description);
    }
    let value = toml_text::as_json(&key.shape, key.shown.text());
    match key.shown {
        Shown::ByDefault(_) => schema["default"] = value,
        Shown::Fixed(_) => schema["const"] = value,
        Shown::Example(_) | Shown::Usual(_) | Shown::Required(_) => schema["examples"] = json!([value]),
    }
    schema
}

/// Returns true if any text has this shape.
fn is_text(shape: &Shape) -> bool {
    matches!(shape, Shape::Text | Shape::Path | Shape::Secret | Shape::Span | Shape::List)
}

fn of_shape(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Path => json!({ "type": "string" }),
        Shape::Secret => json!({ "type": ["string", "integer"] }),
        Shape::Whole(least, most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Number(least, most) => json!({ "type": "number", "minimum": least, "maximum": most }),
        // A bare number counts seconds.
        Shape::Span => json!({ "type": ["string", "number"], "exclusiveMinimum": 0 }),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::Switch => json!({ "type": "boolean" }),
        Shape::List => json!({ "type": ["array", "string"], "items": { "type": ["string", "integer"] } }),
    }
}
