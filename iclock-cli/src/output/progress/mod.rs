//! Progress on a terminal: a line for all, and one for each device and sink while there are few.

mod canvas;
mod share;

use std::collections::HashMap;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use iclock_sync::observer::Silent;
use iclock_sync::{DeviceProgress, Observer, SinkProgress};
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{counted, grouped};
use canvas::Canvas;
use share::{Share, Shares};

/// The most lines below the one for all; a screen has other things, too.
const MOST_LINES: usize = 12;

/// The most drawings in a second.
const REDRAWS: u8 = 20;

const FOR_ALL: &str = "{spinner} {msg}";
const FOR_ONE: &str = "{spinner} {prefix:20!} {msg}";

/// The lines that are on the screen now.
static SCREEN: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// An observer for these devices and sinks; a silent one if `wanted` is false or there is no screen.
pub(crate) fn observer(devices: &[String], sinks: &[String], wanted: bool) -> Arc<dyn Observer> {
    if !wanted || !io::stderr().is_terminal() {
        return Arc::new(Silent);
    }
    Arc::new(Lines::new(devices, sinks))
}

/// Removes the lines from the screen for good. Work that is still ending draws none any more.
pub(crate) fn clear() {
    if let Some(screen) = locked(&SCREEN).take() {
        // What cannot be cleared is above the report, and does no harm.
        let _ = screen.clear();
        screen.set_draw_target(ProgressDrawTarget::hidden());
    }
}

/// Writes to stderr. Lines of progress make room for it, and come back below it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside;

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &*locked(&SCREEN) {
            Some(screen) => screen.suspend(|| io::stderr().write(bytes)),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

struct Lines {
    lines: HashMap<String, ProgressBar>,
    all: ProgressBar,
    began: Instant,
    terminals: Mutex<Terminals>,
}

struct Terminals {
    shares: Shares,
    /// The beginnings of the transfers.
    began: HashMap<String, Instant>,
}

impl Lines {
    fn new(devices: &[String], sinks: &[String]) -> Self {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(Canvas::stderr()), REDRAWS);
        let screen = MultiProgress::with_draw_target(target);
        let style = |template| {
            // The templates are constants that a test reads.
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
        };
        let add = |style: ProgressStyle, name: &str| {
            let line = screen.add(ProgressBar::new_spinner().with_style(style).with_prefix(name.to_owned()));
            line.enable_steady_tick(Duration::from_millis(120));
            line
        };
        let all = add(style(FOR_ALL), "");
        let mut lines = HashMap::new();
        if devices.len() + sinks.len() <= MOST_LINES {
            let style = style(FOR_ONE);
            lines.extend(devices.iter().map(|name| (device_key(name), add(style.clone(), name))));
            lines.extend(sinks.iter().map(|name| (sink_key(name), add(style.clone(), name))));
        }
        let terminals = Terminals { shares: Shares::of(devices.len()), began: HashMap::new() };
        let began = Instant::now();
        all.set_message(terminals.shares.message(Duration::ZERO));
        *locked(&SCREEN) = Some(screen);
        Self { lines, all, began, terminals: Mutex::new(terminals) }
    }

    fn show(&self, key: &str, message: String, over: bool) {
        match self.lines.get(key) {
            Some(line) if over => line.finish_with_message(message),
            Some(line) => line.set_message(message),
            None => {}
        }
    }

    /// Changes the shares, and shows them.
    fn change(&self, change: impl FnOnce(&mut Terminals)) {
        let mut terminals = locked(&self.terminals);
        change(&mut terminals);
        self.all.set_message(terminals.shares.message(self.began.elapsed()));
    }

    /// The message of a transfer, which is counted for all.
    fn reading(&self, device: &str, share: Share) -> String {
        let mut message = String::new();
        self.change(|terminals| {
            terminals.shares.set(device, share);
            let began = terminals.began.entry(device.to_owned()).or_insert_with(Instant::now);
            message = share.message(began.elapsed());
        });
        message
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        clear();
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
            DeviceProgress::Reading { bytes, total: Some(total), records } => {
                (self.reading(device, Share::new(bytes, total, records)), false)
            }
            DeviceProgress::Reading { bytes, total: None, .. } => (format!("reading {}", HumanBytes(bytes)), false),
            DeviceProgress::Recording { records, new } => {
                (format!("{}, {} new", counted(records, "record", "records"), grouped(new)), false)
            }
            DeviceProgress::Finished { ok } => {
                self.change(|terminals| terminals.shares.finish(device));
                (ended(ok), true)
            }
            _ => return,
        };
        self.show(&device_key(device), message, over);
    }

    fn sink(&self, sink: &str, progress: SinkProgress) {
        let (message, over) = match progress {
            SinkProgress::Delivered { settled, pending } => {
                (format!("{} delivered, {} to go", grouped(settled), grouped(pending)), false)
            }
            SinkProgress::Retrying { attempt } => (format!("retry {attempt}"), false),
            SinkProgress::Finished { ok } => (ended(ok), true),
            _ => return,
        };
        self.show(&sink_key(sink), message, over);
    }
}

/// No holder of these locks panics half-way.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_valid() {
        for template in [FOR_ALL, FOR_ONE] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
