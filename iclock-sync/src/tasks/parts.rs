//! The parts of which an engine is built.

use std::path::PathBuf;
use std::sync::Arc;

use super::target::Target;
use crate::clock::Clock;
use crate::crash::Crashes;
use crate::observer::Observer;
use crate::random::Random;
use crate::{Contact, DeviceOptions, EngineOptions, Hooks};

/// The parts of an engine.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) devices: Vec<Arc<DeviceOptions>>,
    pub(crate) targets: Vec<Arc<Target>>,
    pub(crate) engine: Arc<EngineOptions>,
    pub(crate) state_dir: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    pub(crate) crashes: Crashes,
}

impl Parts {
    /// The terminals that the engine calls.
    pub(crate) fn called(&self) -> impl Iterator<Item = &Arc<DeviceOptions>> {
        self.devices.iter().filter(|device| device.contact == Contact::Call)
    }
}
