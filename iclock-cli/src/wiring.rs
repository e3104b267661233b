//! Makes an engine from a configuration.

use std::sync::Arc;

use attendance_model::{EventId, IdScheme, Sink};
use iclock_sync::{Engine, Observer};

use crate::config::Config;
use crate::error::CliError;

/// Makes the engine of a configuration. Contacts nothing.
pub(crate) fn engine(
    config: &Config,
    sinks: Vec<Arc<dyn Sink>>,
    observer: Option<Arc<dyn Observer>>,
    presumed: &[EventId],
) -> Result<Engine, CliError> {
    let mut builder = Engine::builder(&config.state_dir).options(config.engine.clone());
    if let Some(sink) = sinks.iter().find(|sink| sink.capabilities().ids == IdScheme::IclockSyncV1) {
        builder = builder.presume_delivered(sink.as_ref(), presumed.to_vec());
    }
    for device in &config.devices {
        builder = builder.device(device.clone());
    }
    for sink in sinks {
        builder = builder.sink(sink);
    }
    if let Some(observer) = observer {
        builder = builder.observer(observer);
    }
    Ok(builder.build()?)
}
