//! The API, to be read: the description of its operations as a page.

use std::sync::LazyLock;

use askama::Template;
use axum::response::Response;
use serde_json::Value;

use super::page::Page;
use crate::problem::Problem;

/// An operation.
struct Operation {
    method: String,
    path: String,
    text: String,
    parameters: Vec<(String, String)>,
}

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(operations);

#[derive(Template)]
#[template(path = "api.html")]
struct Api {
    page: Page,
    operations: &'static [Operation],
}

/// The page.
pub(super) async fn show(page: Page) -> Result<Response, Problem> {
    Page::show(&Api { page: page.at("api"), operations: &OPERATIONS })
}

fn operations() -> Vec<Operation> {
    let description: Value = serde_json::from_str(&crate::openapi()).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let paths = description["paths"].as_object().into_iter().flatten();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().cloned().unwrap_or_default();
        let operations = methods.into_iter().map(|(method, operation)| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let parameters = parameters.map(|one| (text(&one["name"]), text(&one["description"]))).collect();
            let parts = ["summary", "description"].map(|key| text(&operation[key]));
            let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
            Operation { method: method.to_uppercase(), path: path.clone(), text, parameters }
        });
        operations.collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_with_a_text() {
        let operations = operations();
        assert!(operations.len() >= 20, "{}", operations.len());
        assert!(operations.iter().all(|one| !one.text.is_empty() && one.path.starts_with("/api/v1/")));
    }
}
