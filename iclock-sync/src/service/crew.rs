//! The parts of a service: one for each terminal, one for each sink.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::part::{Part, Trouble};
use crate::deliver::task::SinkTask;
use crate::poll::Habits;
use crate::poll::task::TerminalTask;
use crate::tasks::{Orders, Shared, Target, Told};
use crate::{Contact, DeviceOptions};

/// The parts that run.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) terminals: BTreeMap<String, Part<DeviceOptions>>,
    /// The terminals that are never called, and have no task.
    pub(super) pushing: BTreeMap<String, Arc<DeviceOptions>>,
    pub(super) sinks: BTreeMap<String, Part<Target>>,
    pub(super) shared: Arc<Shared>,
    pub(super) told: mpsc::UnboundedSender<Told>,
    pub(super) trouble: Trouble,
    pub(super) stop: CancellationToken,
    /// Each terminal is polled once, and each sink served until all were.
    pub(super) once: bool,
}

impl Crew {
    /// Nobody works yet.
    pub(super) fn new(
        shared: Arc<Shared>,
        told: mpsc::UnboundedSender<Told>,
        trouble: Trouble,
        stop: CancellationToken,
        once: bool,
    ) -> Self {
        Self {
            terminals: BTreeMap::new(),
            pushing: BTreeMap::new(),
            sinks: BTreeMap::new(),
            shared,
            told,
            trouble,
            stop,
            once,
        }
    }

    /// Starts the task of a terminal that is called.
    pub(super) fn add_terminal(&mut self, device: &Arc<DeviceOptions>) {
        if device.contact == Contact::Push {
            let serial = device.serial.clone().unwrap_or_default();
            self.shared.board.add_pushing(&device.name, device.address(), serial);
            self.pushing.insert(device.name.clone(), Arc::clone(device));
            return;
        }
        self.shared.board.add_terminal(&device.name, device.address());
        let (shared, told, once) = (Arc::clone(&self.shared), self.told.clone(), self.once);
        let clock = Arc::clone(&shared.clock);
        let part =
            Part::start(Arc::clone(device), clock, &self.trouble, self.stop.child_token(), |orders, place, stop| {
                let habits = Habits::default();
                TerminalTask {
                    device: Arc::clone(device),
                    once,
                    shared,
                    orders,
                    place,
                    told,
                    stop,
                    habits,
                    notes: Vec::new(),
                }
            });
        self.terminals.insert(device.name.clone(), part);
    }

    /// Starts the task of a sink.
    pub(super) fn add_sink(&mut self, target: &Arc<Target>) {
        self.shared.board.add_sink(target.sink.name());
        let (shared, told, once) = (Arc::clone(&self.shared), self.told.clone(), self.once);
        let clock = Arc::clone(&shared.clock);
        let part =
            Part::start(Arc::clone(target), clock, &self.trouble, self.stop.child_token(), |orders, place, stop| {
                SinkTask { target: Arc::clone(target), once, shared, orders, place, told, stop }
            });
        self.sinks.insert(target.sink.name().to_owned(), part);
    }

    /// Stops the task of a terminal, and waits until its session has ended.
    pub(super) async fn remove_terminal(&mut self, name: &str) {
        if self.pushing.remove(name).is_some() {
            self.shared.board.remove_terminal(name);
        }
        if let Some(mut part) = self.terminals.remove(name) {
            part.stop();
            part.ended().await;
            self.shared.board.remove_terminal(name);
        }
    }

    /// Stops the task of a sink, and waits until what it has sent is recorded.
    pub(super) async fn remove_sink(&mut self, name: &str) {
        if let Some(mut part) = self.sinks.remove(name) {
            part.stop();
            part.ended().await;
            self.shared.board.remove_sink(name);
        }
    }

    /// The terminals, by name.
    pub(super) fn devices(&self) -> impl Iterator<Item = &Arc<DeviceOptions>> {
        self.terminals.values().map(|part| &part.of).chain(self.pushing.values())
    }

    /// Changes the orders of a terminal. Returns false if there is none of that name.
    pub(super) fn order_terminal(&self, name: &str, change: impl FnOnce(&mut Orders)) -> bool {
        self.terminals.get(name).map(|part| part.order(change)).is_some()
    }

    /// Changes the orders of a sink. Returns false if there is none of that name.
    pub(super) fn order_sink(&self, name: &str, change: impl FnOnce(&mut Orders)) -> bool {
        self.sinks.get(name).map(|part| part.order(change)).is_some()
    }

    /// Waits until all terminals have ended.
    pub(super) async fn terminals_ended(&mut self) {
        for part in self.terminals.values_mut() {
            part.ended().await;
        }
    }

    /// Waits until all sinks have ended.
    pub(super) async fn sinks_ended(&mut self) {
        for part in self.sinks.values_mut() {
            part.ended().await;
        }
    }

    /// Ends at once what still runs.
    pub(super) fn abort(&self) {
        self.terminals.values().for_each(Part::abort);
        self.sinks.values().for_each(Part::abort);
    }
}
