//! Progress on a terminal: a line for each device while there are few, one for all of them otherwise.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use iclock_sync::observer::Silent;
use iclock_sync::{DeviceProgress, Observer, SinkProgress};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressStyle};

use super::grouped;

/// The most lines; a screen has other things, too.
const MOST_LINES: usize = 12;

/// An observer for these devices and sinks; a silent one if `wanted` is false or there is no screen.
pub(crate) fn observer(devices: &[String], sinks: &[String], wanted: bool) -> Arc<dyn Observer> {
    // Both: with the report in a file, nobody watches the screen.
    if !wanted || !io::stderr().is_terminal() || !io::stdout().is_terminal() {
        return Arc::new(Silent);
    }
    Arc::new(Lines::new(devices, sinks))
}

struct Lines {
    lines: HashMap<String, ProgressBar>,
    all: ProgressBar,
}

impl Lines {
    fn new(devices: &[String], sinks: &[String]) -> Self {
        let screen = MultiProgress::new();
        // The template is a constant that a test draws.
        let style = ProgressStyle::with_template("{spinner} {prefix:20!} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let mut lines = HashMap::new();
        let add = |name: &str| {
            let line = screen.add(ProgressBar::new_spinner().with_style(style.clone()).with_prefix(name.to_owned()));
            line.enable_steady_tick(Duration::from_millis(120));
            line
        };
        let all = add("");
        all.set_message(format!("{} terminals, {} sinks", devices.len(), sinks.len()));
        if devices.len() + sinks.len() <= MOST_LINES {
            lines.extend(devices.iter().map(|name| (device_key(name), add(name))));
            lines.extend(sinks.iter().map(|name| (sink_key(name), add(name))));
        }
        Self { lines, all }
    }

    fn show(&self, key: &str, message: String, over: bool) {
        match self.lines.get(key) {
            Some(line) if over => line.finish_with_message(message),
            Some(line) => line.set_message(message),
            None => self.all.tick(),
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.all.finish_and_clear();
        for line in self.lines.values() {
            line.finish_and_clear();
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("lines", &self.lines.len()).finish()
    }
}

impl Observer for Lines {
    fn device(&self, device: &str, progress: DeviceProgress) {
        let (message, over) = match progress {
            DeviceProgress::Connecting => ("connecting".to_owned(), false),
            DeviceProgress::Reading { bytes, total: Some(total) } => {
                (format!("reading {} of {}", HumanBytes(bytes), HumanBytes(total)), false)
            }
            DeviceProgress::Reading { bytes, total: None } => (format!("reading {}", HumanBytes(bytes)), false),
            DeviceProgress::Recording { records, new } => {
                (format!("{} records, {} new", grouped(records), grouped(new)), false)
            }
            DeviceProgress::Finished { ok } => (ended(ok), true),
            _ => return,
        };
        self.show(&device_key(device), message, over);
    }

    fn sink(&self, sink: &str, progress: SinkProgress) {
        let (message, over) = match progress {
            SinkProgress::Delivered { settled, pending } => {
                (format!("{} delivered, {} to go", grouped(settled), grouped(pending)), false)
            }
            SinkProgress::Retrying { attempt } => (format!("trying again after failure {attempt}"), false),
            SinkProgress::Finished { ok } => (ended(ok), true),
            _ => return,
        };
        self.show(&sink_key(sink), message, over);
    }
}

fn ended(ok: bool) -> String {
    if ok { "done" } else { "failed" }.to_owned()
}

fn device_key(name: &str) -> String {
    format!("device {name}")
}

fn sink_key(name: &str) -> String {
    format!("sink {name}")
}
