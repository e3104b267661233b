//! Short tables: the operation log, messages, bells.

use std::vec::Vec;

use bytes::Bytes;

use super::{Client, ClientError, Step};
use crate::record::{Bell, MessageLink, OperationRecord, ShortMessage};
use crate::{Dataset, ProtoError};

/// How often an inconsistent table is read.
const READINGS: u32 = 2;

impl Client {
    /// Reads the operation log and checks that it is consistent: its length word, its size, its entries from end to
    /// end. An inconsistent log is read once more on a new session.
    ///
    /// # Errors
    /// [`ClientError::Protocol`] for an inconsistent log; otherwise why it could not be read.
    ///
    /// # Example
    /// ```no_run
    /// # async fn example() -> Result<(), zk_proto::ClientError> {
    /// use zk_proto::record::OperationCode;
    /// use zk_proto::{Client, ConnectOptions};
    ///
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// for entry in client.operations().await? {
    ///     if entry.operation == OperationCode::USER_DELETED {
    ///         println!("{}: somebody deleted uid {}", entry.time, entry.parameters[0]);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn operations(&mut self) -> Result<Vec<OperationRecord>, ClientError> {
        let sizes = self.free_sizes().await;
        let count = self.told(sizes.map(Some)).await?.and_then(|sizes| sizes.operation_records());
        self.table(Dataset::Operations, |log| OperationRecord::parse_log(log, count)).await
    }

    /// Reads all short messages. Not verified: the rows are assumed to have the layout of single messages.
    ///
    /// # Errors
    /// As [`Client::operations`].
    pub async fn messages(&mut self) -> Result<Vec<ShortMessage>, ClientError> {
        self.table(Dataset::Messages, |table| ShortMessage::parse_table(&table)).await
    }

    /// Reads which short messages are for which users. Not verified: the rows are assumed to have the layout of single
    /// links.
    ///
    /// # Errors
    /// As [`Client::operations`].
    pub async fn message_links(&mut self) -> Result<Vec<MessageLink>, ClientError> {
        self.table(Dataset::MessageLinks, |table| MessageLink::parse_table(&table)).await
    }

    /// Reads the table of work codes as the terminal sends it, including its length word. No public source documents
    /// its rows.
    ///
    /// # Errors
    /// As [`Client::prepare`] and [`Client::read_range`].
    pub async fn work_codes(&mut self) -> Result<Bytes, ClientError> {
        self.whole_set(Dataset::WorkCodes).await
    }

    /// Reads when the terminal rings: bells 1 to 6, `None` for a bell that is off or missing. Known from
    /// black-and-white terminals.
    ///
    /// # Errors
    /// As [`Client::call`]; also when the option is not a time.
    pub async fn bells(&mut self) -> Result<[Option<Bell>; Bell::COUNT as usize], ClientError> {
        let mut bells = [None; Bell::COUNT as usize];
        for (number, bell) in (1..).zip(&mut bells) {
            if let Some(value) = self.option(&Bell::option(number).map_err(invalid)?).await? {
                *bell = Bell::parse(&value).map_err(invalid)?;
            }
        }
        Ok(bells)
    }

    /// Sets a bell, 1 to 6, or switches it off.
    ///
    /// # Errors
    /// As [`Client::set_option`]; also for another number.
    pub async fn set_bell(&mut self, number: u8, bell: Option<Bell>) -> Result<(), ClientError> {
        let option = Bell::option(number).map_err(invalid)?;
        self.set_option(&option, &Bell::value(bell)).await
    }

    async fn table<T>(
        &mut self,
        dataset: Dataset,
        parse: impl Fn(Bytes) -> Result<T, ProtoError>,
    ) -> Result<T, ClientError> {
        for reading in 1.. {
            let set = self.whole_set(dataset).await?;
            match parse(set) {
                Err(_) if reading < READINGS => self.reconnect().await?,
                parsed => {
                    return parsed.map_err(|error| ClientError::from_proto(Step::Command(dataset.command()), error));
                }
            }
        }
        Err(ClientError::Unusable)
    }
}

fn invalid(error: ProtoError) -> ClientError {
    ClientError::from_proto(Step::Command(crate::Command::OPTIONS_RRQ), error)
}
