//! A service-account key, as a file or as text.

use std::fmt;
use std::path::Path;

use attendance_model::OptionsError;
use serde_json::Value;

/// The hint for a key that cannot be used.
pub(crate) const DOWNLOAD: &str = "download the key again: Google Cloud console, IAM, Service accounts, Keys, JSON";

/// A service-account key as the Google console hands it out. Prints without its content.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceAccountKey {
    key: Value,
    origin: String,
}

impl ServiceAccountKey {
    /// The key in a setting's value: its JSON text when it begins with `{`, else the path of a file that holds it.
    ///
    /// # Errors
    /// [`OptionsError`] for `credentials` that names the file and what is wrong with it, never its content.
    pub fn from_setting(value: &str) -> Result<Self, OptionsError> {
        if value.trim_start().starts_with('{') {
            Self::from_json(value, "the key given as text".to_owned())
        } else {
            Self::from_file(Path::new(value))
        }
    }

    /// The key in a file.
    ///
    /// # Errors
    /// [`OptionsError`] for `credentials` that names the file and what is wrong with it, never its content.
    pub fn from_file(path: &Path) -> Result<Self, OptionsError> {
        // In full: a service's current directory is seldom the one that its configuration was written in.
        let full = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let origin = format!("key file {}", full.display());
        let bytes = std::fs::read(path).map_err(|cause| {
            let hint = match cause.kind() {
                std::io::ErrorKind::NotFound => "download a key of the service account, or correct the path",
                std::io::ErrorKind::PermissionDenied => "let the user that runs this program read it",
                _ => "give the path of a service-account key, a JSON file",
            };
            problem(format!("cannot read {origin}: {cause}"), hint)
        })?;
        // An editor on Windows puts a byte order mark in front, or writes UTF-16.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(problem(format!("{origin} is UTF-16, not UTF-8"), "save it as UTF-8"));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| problem(format!("{origin} is not UTF-8"), "save it as UTF-8, or download the key again"))?;
        Self::from_json(text, origin)
    }

    fn from_json(text: &str, origin: String) -> Result<Self, OptionsError> {
        // The parser's own message may quote the text, so only the place of the error is shown.
        let key: Value = serde_json::from_str(text).map_err(|fault| {
            problem(format!("{origin} is not JSON (line {}, column {})", fault.line(), fault.column()), DOWNLOAD)
        })?;
        match key.get("type").and_then(Value::as_str) {
            Some("service_account") => {}
            Some("authorized_user" | "external_account" | "impersonated_service_account") => {
                return Err(problem(
                    format!("{origin} is not a service-account key"),
                    "leave `credentials` out and name this file in GOOGLE_APPLICATION_CREDENTIALS",
                ));
            }
            _ => return Err(problem(format!("{origin} is not a service-account key"), DOWNLOAD)),
        }
        for field in ["client_email", "private_key_id"] {
            if key.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                return Err(problem(format!("{origin} has no {field}"), DOWNLOAD));
            }
        }
        let whole = |pem: &str| pem.starts_with("-----BEGIN ") && pem.contains("-----END ");
        if !key.get("private_key").and_then(Value::as_str).is_some_and(whole) {
            return Err(problem(format!("{origin} has no whole private_key"), DOWNLOAD));
        }
        Ok(Self { key, origin })
    }

    /// The project that the service account belongs to.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.key.get("project_id").and_then(Value::as_str).filter(|project| !project.is_empty())
    }

    /// The origin of the key, for messages.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn json(&self) -> &Value {
        &self.key
    }
}

impl fmt::Debug for ServiceAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceAccountKey({})", self.origin)
    }
}

fn problem(problem: String, hint: &str) -> OptionsError {
    OptionsError::new("credentials", problem).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No key: of the form that is asked for, put together so that nobody takes it for a real one.
    const KEY: &str = concat!(
        r#"{"type":"service_account","project_id":"my-project","private_key_id":"abc",
        "private_key":"-----BEGIN "#,
        "PRIVATE",
        r#" KEY-----\nc2VjcmV0\n-----END "#,
        "PRIVATE",
        r#" KEY-----\n","client_email":"a@b.example"}"#
    );

    #[test]
    fn a_key_as_text_names_its_project() {
        assert_eq!(ServiceAccountKey::from_setting(KEY).unwrap().project(), Some("my-project"));
    }

    #[test]
    fn a_key_in_a_file_names_its_project() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), KEY).unwrap();
        let key = ServiceAccountKey::from_setting(file.path().to_str().unwrap()).unwrap();
        assert_eq!(key.project(), Some("my-project"));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("\u{feff}{KEY}")).unwrap();
        assert_eq!(ServiceAccountKey::from_file(file.path()).unwrap().project(), Some("my-project"));
        let utf_16: Vec<u8> = std::iter::once(0xfeff).chain(KEY.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        std::fs::write(file.path(), utf_16).unwrap();
        let error = ServiceAccountKey::from_file(file.path()).unwrap_err();
        assert!(error.problem.contains("UTF-16") && error.hint.unwrap().contains("UTF-8"), "{}", error.problem);
    }

    #[test]
    fn a_key_prints_without_its_content() {
        let key = ServiceAccountKey::from_setting(KEY).unwrap();
        assert_eq!(format!("{key:?}"), "ServiceAccountKey(the key given as text)");
    }

    #[test]
    fn a_missing_file_is_named_in_full_with_the_hint() {
        let full = std::env::current_dir().unwrap().join("no-such-key.json");
        let error = ServiceAccountKey::from_setting("no-such-key.json").unwrap_err();
        assert_eq!(error.key, "credentials");
        assert!(error.problem.contains(full.to_str().unwrap()), "{}", error.problem);
        assert!(error.hint.unwrap().contains("correct the path"));
    }

    #[test]
    fn a_damaged_key_is_refused_without_quoting_it() {
        for damaged in [
            &KEY[..KEY.len() / 2],
            &KEY.replace("service_account", "other"),
            &KEY.replace("private_key_id", "x"),
            &KEY.replace("-----END PRIVATE KEY-----", ""),
            r#"{"type": "authorized_user", "refresh_token": "c2VjcmV0"}"#,
        ] {
            let error = ServiceAccountKey::from_setting(damaged).unwrap_err();
            assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
        }
    }
}
