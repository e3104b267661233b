//! `--device NAME`: a configured terminal, with all of its settings.

use super::layers::{Layer, Setting};

/// Returns the settings of the configured terminal with a name.
pub(super) fn named(configured: &Layer, name: &str) -> Option<Vec<(String, Setting)>> {
    let is_named = |n: &usize| configured.get(&format!("device.{n}.name")).is_some_and(|setting| setting.text == name);
    let n = (0..configured.list_len("device")).find(is_named)?;
    Some(configured.clone().take_under(&format!("device.{n}.")))
}
