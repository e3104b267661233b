//! Reading sets of records as bytes.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::{Client, ClientError, Step};
use crate::op::FreeData;
use crate::session::Event;
use crate::{Command, Dataset, Prepared};

impl Client {
    /// Requests a set of records and returns how the terminal will send it.
    ///
    /// [`Prepared::Streamed`] must be followed by [`Client::read_all`] at once. If the terminal forgot the session, the
    /// request is repeated on a new one, as by [`Client::call`].
    ///
    /// # Errors
    /// When the terminal refuses for a reason other than "no data", does not answer, or the connection breaks.
    pub async fn prepare(&mut self, dataset: Dataset) -> Result<Prepared, ClientError> {
        match self.prepare_once(dataset).await {
            // This request gives up the content of an earlier buffer anyway.
            Err(ClientError::SessionLost) if !self.bound => {
                self.reconnect().await?;
                self.prepare_once(dataset).await
            }
            outcome => outcome,
        }
    }

    async fn prepare_once(&mut self, dataset: Dataset) -> Result<Prepared, ClientError> {
        let step = Step::Command(dataset.command());
        self.enter()?;
        self.holds_buffer = true;
        let now = self.driver.now();
        self.driver.session.prepare(now, dataset);
        let event = self.driver.next(step).await;
        self.settle(&event);
        match event? {
            Event::Prepared(prepared) => Ok(prepared),
            _ => Err(ClientError::Unusable),
        }
    }

    /// Reads a range of a set that is [`Prepared::Buffered`], and hands its bytes to `sink` with their offset, in
    /// order, each once, as they arrive. Returns how many there were.
    ///
    /// Lost, short or damaged answers are requested again in smaller chunks before this fails. `sink` also sees the
    /// progress. An error of `sink` ends the reading at once, and the client stays usable. After a dropped future, call
    /// [`Client::abort`].
    ///
    /// Only the ten newest records of a log, with progress and a way to stop:
    /// ```no_run
    /// use zk_proto::{Client, ConnectOptions, Dataset, Prepared};
    ///
    /// # async fn tail(stopped: impl Fn() -> bool) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// let Prepared::Buffered { size } = client.prepare(Dataset::Attendance).await? else {
    ///     return Err("a small log comes at once".into());
    /// };
    /// let range = size.saturating_sub(10 * 40)..size;
    /// let mut tail = Vec::new();
    /// client
    ///     .read_range(range.clone(), |offset, bytes| {
    ///         tail.extend_from_slice(&bytes);
    ///         println!("{} of {} bytes", offset - range.start + bytes.len() as u64, range.end - range.start);
    ///         if stopped() { Err::<(), Box<dyn std::error::Error + Send + Sync>>("stopped".into()) } else { Ok(()) }
    ///     })
    ///     .await?;
    /// client.free_data().await?;
    /// client.exit().await;
    /// # Ok(tail)
    /// # }
    /// ```
    /// These bytes are not proven: [`pull`](super::pull()) reads the tail of a log with its proof.
    ///
    /// # Errors
    /// The error of `sink`, or why the reading failed.
    pub async fn read_range<E, S>(&mut self, range: Range<u64>, sink: S) -> Result<u64, E>
    where
        E: From<ClientError>,
        S: FnMut(u64, Bytes) -> Result<(), E>,
    {
        self.enter()?;
        let now = self.driver.now();
        self.driver.session.read(now, range.start, range.end);
        self.drain(Step::Command(Command::DATA_RDY), sink).await
    }

    /// Reads the whole set that [`Client::prepare`] announced, in whichever form. Returns how many bytes there were.
    ///
    /// # Errors
    /// As [`Client::read_range`].
    pub async fn read_all<E, S>(&mut self, prepared: &Prepared, mut sink: S) -> Result<u64, E>
    where
        E: From<ClientError>,
        S: FnMut(u64, Bytes) -> Result<(), E>,
    {
        match prepared {
            Prepared::Empty { .. } => Ok(0),
            Prepared::Inline(bytes) => {
                sink(0, bytes.clone())?;
                Ok(bytes.len() as u64)
            }
            Prepared::Buffered { size } => self.read_range(0..*size, sink).await,
            Prepared::Streamed { .. } => {
                self.enter()?;
                self.drain(Step::Command(Command::DATA), sink).await
            }
        }
    }

    /// Reads the user table as the terminal sends it, including its length word. Empty if there is none.
    ///
    /// # Errors
    /// As [`Client::prepare`] and [`Client::read_range`].
    pub async fn users(&mut self) -> Result<Bytes, ClientError> {
        let prepared = self.prepare(Dataset::Users).await?;
        if let Prepared::Inline(bytes) = prepared {
            return Ok(bytes);
        }
        let mut table = BytesMut::new();
        self.read_all(&prepared, |_, bytes| {
            table.extend_from_slice(&bytes);
            Ok::<(), ClientError>(())
        })
        .await?;
        Ok(table.freeze())
    }

    /// Drops the terminal's transfer buffer.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn free_data(&mut self) -> Result<(), ClientError> {
        match self.call(&FreeData).await {
            // The buffer ended with the session.
            Err(ClientError::SessionLost) if !self.bound && self.holds_buffer => self.reconnect().await?,
            outcome => outcome?,
        }
        self.holds_buffer = false;
        Ok(())
    }

    async fn drain<E, S>(&mut self, step: Step, mut sink: S) -> Result<u64, E>
    where
        E: From<ClientError>,
        S: FnMut(u64, Bytes) -> Result<(), E>,
    {
        let mut read = 0;
        loop {
            let event = self.driver.next(step).await;
            match event {
                Ok(Event::Data { offset, bytes }) => {
                    read += bytes.len() as u64;
                    if let Err(error) = sink(offset, bytes) {
                        self.driver.session.abandon();
                        self.in_call = false;
                        return Err(error);
                    }
                }
                Ok(Event::Finished) => {
                    self.in_call = false;
                    return Ok(read);
                }
                Ok(_) => return Err(ClientError::Unusable.into()),
                Err(_) => {
                    self.settle(&event);
                    return event.map(|_| read).map_err(E::from);
                }
            }
        }
    }
}
