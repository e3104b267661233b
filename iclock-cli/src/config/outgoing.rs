//! The way out to servers over HTTPS: one proxy and one file of certificates for the sinks and the alerts that have
//! none of their own.

use super::environment::Variables;
use super::layers::{ConfigError, Layer, Setting};
use super::secret;
use super::settings::OUTGOING;

/// The general keys, the variables that stand for one if it is not set, and the key of a sink or of `[alerts]`.
const KEYS: [(&str, &[&str], &str); 3] = [
    ("proxy", &["HTTPS_PROXY", "https_proxy"], "proxy"),
    ("no_proxy", &["NO_PROXY", "no_proxy"], "no_proxy"),
    ("ca_file", &[], "tls_ca"),
];

/// Gives the general settings to each sink that speaks HTTPS and to the alerts, unless they have their own.
///
/// # Errors
/// A proxy that refers to a variable or a file that is not there.
pub(super) fn share(variables: &Variables, layers: &mut Layer) -> Result<(), ConfigError> {
    let is_https = |layers: &Layer, n: &usize| {
        let scheme = layers.get(&format!("sink.{n}.url")).and_then(|url| url.text.split(':').next());
        scheme.is_some_and(|scheme| OUTGOING.contains(&scheme))
    };
    let sinks: Vec<usize> = (0..layers.list_len("sink")).filter(|n| is_https(layers, n)).collect();
    let sends_alerts = ["webhook", "slack", "mail"].iter().any(|way| layers.get(&format!("alerts.{way}")).is_some());
    for (general, names, own) in KEYS {
        let of_environment = || names.iter().find_map(|name| variables.get(name));
        let Some(setting) = layers.get(general).or_else(of_environment).cloned() else { continue };
        let setting = if own == "proxy" { proxy(&setting, variables)? } else { setting };
        let places = sinks.iter().map(|n| format!("sink.{n}.")).chain(sends_alerts.then(|| "alerts.".to_owned()));
        for place in places.collect::<Vec<_>>() {
            let path = format!("{place}{own}");
            // A sink may have it after its question mark.
            let in_url = layers.get(&format!("{place}url")).is_some_and(|url| url.text.contains(&format!("{own}=")));
            if layers.get(&path).is_none() && !in_url {
                layers.set(path, setting.clone());
            }
        }
    }
    Ok(())
}

/// Returns the address, with the scheme that other programs let people leave out: without it, a password would not be
/// known as one, and be shown.
fn proxy(setting: &Setting, variables: &Variables) -> Result<Setting, ConfigError> {
    let text = secret::resolve("proxy", setting, variables)?;
    let text = text.trim();
    let is_whole = text == "none" || text.contains("://");
    Ok(Setting::new(if is_whole { text.to_owned() } else { format!("http://{text}") }, setting.origin.clone()))
}

#[cfg(test)]
mod tests {
    use attendance_model::Outgoing;

    use super::super::layers::Origin;
    use super::*;

    fn layer(settings: &[(&str, &str)]) -> Layer {
        let mut layer = Layer::default();
        for (path, text) in settings {
            layer.set(*path, Setting::new(*text, Origin::Default("here")));
        }
        layer
    }

    /// The settings after the general ones were shared, and with these variables of an `.env`.
    fn shared(settings: &[(&str, &str)], env: &str) -> Result<Layer, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".env"), env).unwrap();
        let variables = Variables::of_file(&dir.path().join(".env")).unwrap();
        let mut layers = layer(settings);
        share(&variables, &mut layers)?;
        Ok(layers)
    }

    fn text<'a>(layers: &'a Layer, path: &str) -> Option<&'a str> {
        layers.get(path).map(|setting| &*setting.text)
    }

    #[test]
    fn sinks_over_https_and_alerts_have_the_general_way_out_and_databases_do_not() {
        let settings = [
            ("ca_file", "school.pem"),
            ("sink.0.url", "https://school.example/in"),
            ("sink.1.url", "firestore://school/logs"),
            ("sink.1.tls_ca", "own.pem"),
            ("sink.1.proxy", "none"),
            ("sink.2.url", "postgres://u@h/d"),
            ("sink.3.url", "https://school.example/other?tls_ca=other.pem"),
            ("alerts.slack", "https://chat.example/hook"),
        ];
        let layers = shared(&settings, "HTTPS_PROXY=192.0.2.9:3128\nno_proxy=localhost\n").unwrap();
        for (path, value) in [
            ("sink.0.tls_ca", Some("school.pem")),
            ("sink.0.proxy", Some("http://192.0.2.9:3128")),
            ("sink.0.no_proxy", Some("localhost")),
            ("sink.1.tls_ca", Some("own.pem")),
            ("sink.1.proxy", Some("none")),
            ("sink.2.tls_ca", None),
            ("sink.2.proxy", None),
            ("sink.3.tls_ca", None),
            ("sink.3.proxy", Some("http://192.0.2.9:3128")),
            ("alerts.tls_ca", Some("school.pem")),
            ("alerts.proxy", Some("http://192.0.2.9:3128")),
        ] {
            assert_eq!(text(&layers, path), value, "{path}");
        }
    }

    #[test]
    fn each_sink_that_gets_the_general_settings_knows_them_all() {
        for scheme in OUTGOING {
            let known = super::super::sink_keys(scheme);
            assert!(Outgoing::SETTINGS.iter().all(|key| known.contains(key)), "{scheme}: {known:?}");
        }
        assert!(KEYS.iter().all(|(.., own)| Outgoing::SETTINGS.contains(own)));
    }

    #[test]
    fn a_setting_comes_before_its_variable_and_may_refer_to_another_one() {
        let url = ("sink.0.url", "https://school.example/in");
        let env = "HTTPS_PROXY=http://192.0.2.1:1\nWAY=http://office:hunter2@192.0.2.9:3128\n";
        let layers = shared(&[url, ("proxy", "ENV:WAY")], env).unwrap();
        assert_eq!(text(&layers, "sink.0.proxy"), Some("http://office:hunter2@192.0.2.9:3128"));
        assert!(!secret::masked("sink.0.proxy", text(&layers, "sink.0.proxy").unwrap()).contains("hunter2"));
        let layers = shared(&[url, ("proxy", "none")], env).unwrap();
        assert_eq!(text(&layers, "sink.0.proxy"), Some("none"));
        assert_eq!(shared(&[url, ("proxy", "ENV:NOBODY")], env).unwrap_err().key, "proxy");
        assert_eq!(text(&shared(&[url], "HTTPS_PROXY=\n").unwrap(), "sink.0.proxy"), None);
    }
}
