//! A kept log is accepted while the service runs.

use std::sync::Arc;

use zk_proto::record::AttendanceLayout;

use super::orders::{ALONE_WITHIN, OrderError};
use super::{NotFound, Service};
use crate::error::blocking;
use crate::unproven::{AcceptError, Acceptance, Accepting};

impl Service {
    /// Finds out what it would do to accept a kept log, in a layout, or in the only one that is possible. Nothing is
    /// changed.
    ///
    /// # Errors
    /// [`OrderError::NotAccepted`] says why it cannot be accepted.
    pub async fn acceptance(&self, id: i64, layout: Option<AttendanceLayout>) -> Result<Acceptance, OrderError> {
        let (ledger, options) = (Arc::clone(&self.shared.ledger), Arc::clone(&self.shared.settings().engine));
        let found = blocking("ledger", move || Ok(Acceptance::prepare(&ledger, id, layout, &options))).await?;
        Ok(found?)
    }

    /// Accepts a kept log, as [`Acceptance::carry_out`] does, between two polls of its terminal. `serial` is the serial
    /// number of the terminal, as a person has it who looked at the log.
    ///
    /// # Errors
    /// [`OrderError`]. Then nothing is changed, or what was begun goes on when it is done again.
    pub async fn accept(
        &self,
        id: i64,
        layout: Option<AttendanceLayout>,
        serial: &str,
    ) -> Result<Accepting, OrderError> {
        let name = self.acceptance(id, layout).await?.buffer().device_name.clone();
        let guest = self.crew.lock().await.terminals.get(name.as_str()).map(super::part::Part::guest);
        let _alone = match guest {
            // A poll that is under way moves the cursor.
            Some(mut guest) => match guest.is_alone(ALONE_WITHIN).await {
                true => Some(guest),
                false => return Err(OrderError::Busy(name)),
            },
            None => None,
        };
        let acceptance = self.acceptance(id, layout).await?;
        if acceptance.serial() != serial {
            return Err(NotFound(serial.to_owned()).into());
        }
        let ledger = Arc::clone(&self.shared.ledger);
        let done: Result<Accepting, AcceptError> = blocking("ledger", move || Ok(acceptance.carry_out(ledger))).await?;
        self.shared.news.send_modify(|news| news.commits += 1);
        Ok(done?)
    }
}
