//! Facts that a terminal reports about itself.

use std::string::String;

use super::{Client, ClientError};
use crate::op::{GetFreeSizes, GetTime, GetVersion, ReadOption};
use crate::{DeviceTime, FreeSizes, Identity};

impl Client {
    /// Reads the terminal's identity. Facts that it does not report are `None`.
    ///
    /// # Errors
    /// When the terminal does not answer the question for its serial number, stops answering, or the connection is
    /// lost.
    pub async fn identity(&mut self) -> Result<Identity, ClientError> {
        let firmware = self.call(&GetVersion).await;
        let firmware = self.told(firmware.map(Some)).await?;
        let serial = match self.option("~SerialNumber").await {
            Err(ClientError::Refused { .. }) => None,
            serial => serial?,
        };
        let mut told = [None, None, None];
        for (value, name) in told.iter_mut().zip(["~Platform", "~DeviceName", "MAC"]) {
            let answer = self.option(name).await;
            *value = self.told(answer).await?;
        }
        let [platform, device_name, mac] = told;
        Ok(Identity { serial, firmware: firmware.filter(|version| !version.is_empty()), platform, device_name, mac })
    }

    /// Continues after a question that a terminal may be unable to answer, on a new session if the question ended or
    /// silenced the old one. Returns why there was no answer.
    ///
    /// # Errors
    /// When the failure was not about the question alone, or no new session could be opened.
    pub async fn skip(&mut self, why: ClientError) -> Result<ClientError, ClientError> {
        if !why.is_about_the_question() {
            return Err(why);
        }
        // A terminal that did not answer may stay silent for the rest of this session.
        let silent = matches!(why, ClientError::TimedOut { .. });
        if silent || self.in_call {
            self.reconnect().await?;
        }
        Ok(why)
    }

    /// Turns a question that the terminal does not answer into `None`.
    pub(super) async fn told<T>(&mut self, answer: Result<Option<T>, ClientError>) -> Result<Option<T>, ClientError> {
        match answer {
            Ok(answer) => Ok(answer),
            Err(why) => self.skip(why).await.map(|_| None),
        }
    }

    /// Reads one option, in the code page of the options. `None` when the terminal has no option of this name: it
    /// answers with an empty value or one of three codes (2001, 4999, 65535).
    ///
    /// # Errors
    /// As [`Client::call`]. Any other refusal ([`ClientError::Refused`]) and a busy terminal ([`ClientError::NotNow`])
    /// do not mean that there is no such option.
    pub async fn option(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        let value = self.call(&ReadOption(name)).await?;
        Ok(value.map(|value| value.text(self.options.encoding)).filter(|value| !value.is_empty()))
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
