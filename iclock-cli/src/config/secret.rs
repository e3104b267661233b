//! Secrets, and references to them: `ENV:NAME`, `FILE:PATH`.

use std::path::Path;

use super::environment::Variables;
use super::layers::{ConfigError, Setting};
use super::text;

/// Returns the text of a setting, or the text that it refers to.
pub(crate) fn resolve(key: &str, setting: &Setting, variables: &Variables) -> Result<String, ConfigError> {
    if let Some(name) = setting.text.strip_prefix("ENV:") {
        return match variables.get(name) {
            Some(value) => Ok(value.text.clone()),
            None if variables.is_empty(name) => Err(setting
                .wrong(key, format!("environment variable {name} is set, but empty"))
                .hint(format!("give {name} a value, in the environment or in .env"))),
            None => Err(setting
                .wrong(key, format!("environment variable {name} is not set"))
                .hint(format!("set {name} in the environment or in .env"))),
        };
    }
    if let Some(path) = setting.text.strip_prefix("FILE:") {
        return match text::read(Path::new(path)) {
            Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) => Err(setting.wrong(key, format!("cannot read {path}: {}", error.problem)).hint(error.hint)),
        };
    }
    Ok(setting.text.clone())
}

/// Returns true if a setting refers to its value.
pub(crate) fn is_reference(text: &str) -> bool {
    text.starts_with("ENV:") || text.starts_with("FILE:")
}

/// Returns true if the value of a key must not be shown.
pub(crate) fn is_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    // The address of a mail server has its password.
    last == "mail" || ["comm_key", "password", "secret", "slack", "token"].iter().any(|word| last.contains(word))
}

/// Returns true if a URL contains a password.
pub(crate) fn has_password(url: &str) -> bool {
    let address = url.split_once("://").map_or("", |(_, rest)| rest);
    let address = address.split('?').next().unwrap_or_default();
    let user = address.rsplit_once('@').map_or("", |(user, _)| user);
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

/// Returns a value for display, without secrets and the password of a URL.
pub(crate) fn masked(key: &str, text: &str) -> String {
    if is_reference(text) {
        return text.to_owned();
    }
    if is_secret(key) || text.trim_start().starts_with('{') {
        return "***".to_owned();
    }
    match (text.split_once("://"), text.rfind('@')) {
        (Some((scheme, rest)), Some(at)) => {
            let place = &text[at..];
            let user = rest.split([':', '@']).next().unwrap_or_default();
            let password = if rest.split('@').next().unwrap_or_default().contains(':') { ":***" } else { "" };
            format!("{scheme}://{user}{password}{place}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_references_are_shown() {
        assert_eq!(masked("device.0.comm_key", "4711"), "***");
        assert_eq!(masked("device.0.comm_key", "ENV:FRONT_KEY"), "ENV:FRONT_KEY");
        assert_eq!(masked("sink.0.password", "hunter2"), "***");
        assert_eq!(masked("sink.0.token", "hunter2"), "***");
        assert_eq!(masked("sink.0.secret", "hunter2"), "***");
        assert_eq!(masked("sink.0.credentials", "{\"private_key\":1}"), "***");
        assert_eq!(masked("sink.0.credentials", "config/key.json"), "config/key.json");
        assert_eq!(masked("sink.0.url", "postgres://ann:hunter2@db.example/x"), "postgres://ann:***@db.example/x");
        assert_eq!(masked("sink.0.url", "postgres://ann@db.example/x"), "postgres://ann@db.example/x");
        assert_eq!(masked("sink.0.url", "sqlite:att.db"), "sqlite:att.db");
    }

    #[test]
    fn a_password_in_a_url_is_found() {
        for url in ["mysql://ann:pw@db.example/x", "mongodb://ann:p@ss@a,b/x?tls=true"] {
            assert!(has_password(url), "{url}");
        }
        for url in ["mysql://ann@db.example:3306/x", "mysql://ann:@h/x", "sqlite:a:b@c.db", "postgres://a@h:1/x?b=c@d"]
        {
            assert!(!has_password(url), "{url}");
        }
    }

    #[test]
    fn a_password_with_an_at_sign_is_masked_whole() {
        assert!(!masked("sink.0.url", "mysql://ann:p@ss@db.example/x").contains("ss@"));
    }
}
