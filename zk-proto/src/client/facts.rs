//! What a terminal says of itself.

use std::string::String;

use super::{Client, ClientError};
use crate::op::{GetFreeSizes, GetTime, GetVersion, ReadOption};
use crate::{DeviceTime, FreeSizes, Identity};

impl Client {
    /// Reads who the terminal says it is. What it refuses to tell is `None`.
    ///
    /// # Errors
    /// When the line breaks or the terminal stops answering.
    pub async fn identity(&mut self) -> Result<Identity, ClientError> {
        let firmware = match self.call(&GetVersion).await {
            Ok(version) => Some(version),
            Err(ClientError::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Identity {
            serial: self.option("~SerialNumber").await?,
            firmware: firmware.filter(|version| !version.is_empty()),
            platform: self.option("~Platform").await?,
            device_name: self.option("~DeviceName").await?,
            mac: self.option("MAC").await?,
        })
    }

    /// Reads one option, in the code page of the options; `None` when the terminal has none of this name, refuses it, or it is empty.
    ///
    /// # Errors
    /// When the line breaks or the terminal stops answering.
    pub async fn option(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        match self.call(&ReadOption(name)).await {
            Ok(value) => Ok(value.map(|value| value.text(self.options.encoding)).filter(|value| !value.is_empty())),
            Err(ClientError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads counts and capacities.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn free_sizes(&mut self) -> Result<FreeSizes, ClientError> {
        self.call(&GetFreeSizes).await
    }

    /// Reads the terminal's clock.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn time(&mut self) -> Result<DeviceTime, ClientError> {
        self.call(&GetTime).await
    }
}
