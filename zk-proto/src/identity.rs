//! The identity of a terminal.

use alloc::string::String;

/// The identity that a terminal reports. Every field is optional, because firmware may leave it out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// Option `~SerialNumber`.
    pub serial: Option<String>,
    /// The firmware's version text, e.g. `Ver 6.60 Jun 16 2015`.
    pub firmware: Option<String>,
    /// Option `~Platform`, e.g. `ZEM600_TFT`.
    pub platform: Option<String>,
    /// Option `~DeviceName`: the model.
    pub device_name: Option<String>,
    /// Option `MAC`.
    pub mac: Option<String>,
}
