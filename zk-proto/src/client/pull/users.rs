//! Reading the user table with proof.

use super::transfer::reach;
use super::{Progress, PullError, PullRequest, Puller, announced, reconnect};
use crate::Dataset;
use crate::client::{Client, ClientError, Step};
use crate::proof::{Counts, Evidence, People, Proven, Unproven, UserTable, prove_users};

impl Puller<'_> {
    /// Reads the user table if the records need it.
    pub(super) async fn users(&mut self, proven: &Proven) -> Result<Option<Result<UserTable, Unproven>>, PullError> {
        if proven.records() == 0 || !proven.layout().is_some_and(|layout| layout.needs_users()) {
            return Ok(None);
        }
        if let Some(table) = self.table.take() {
            return Ok(Some(Ok(table)));
        }
        // The terminal has one buffer, and reading the users replaces its content.
        self.buffered = None;
        pull_users(self.client, self.request).await.map(Some)
    }

    /// Reads the user table as evidence for doubtful records. If it cannot be read or proven, the log is judged without
    /// it.
    pub(super) async fn meet_people(&mut self) {
        if self.people.is_some() || self.people_sought {
            return;
        }
        self.people_sought = true;
        self.buffered = None;
        if let Ok(Ok(table)) = pull_people(self.client, self.request).await {
            self.people = People::of(&table);
            self.table = Some(table);
        }
    }
}

/// Reads the user table and proves it. A table without proof is read once more on a new session.
///
/// The outer error comes from the terminal, the connection or the spool; the inner one is a table without proof.
///
/// # Errors
/// As [`pull`](super::pull).
pub async fn pull_users(client: &mut Client, request: &PullRequest) -> Result<Result<UserTable, Unproven>, PullError> {
    let mut reached = None;
    let first = read_users(client, request, &mut reached).await;
    let outcome = match first {
        Ok(Ok(table)) => return Ok(Ok(table)),
        Err(error) if !error.is_transient() => return Err(error),
        Ok(Err(_)) | Err(_) => match reconnect(client).await {
            Ok(()) => read_users(client, request, &mut reached).await,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Err(error) if error.is_silence() => Err(ClientError::Stalled { step: Step::Users, progress: reached }.into()),
        outcome => outcome,
    }
}

/// Reads the user table if it may help but is not needed. A terminal that does not answer is not asked twice.
async fn pull_people(client: &mut Client, request: &PullRequest) -> Result<Result<UserTable, Unproven>, PullError> {
    match read_users(client, request, &mut None).await {
        Ok(Ok(table)) => Ok(Ok(table)),
        Err(error) if error.is_silence() || !error.is_transient() => Err(error),
        Ok(Err(_)) | Err(_) => {
            reconnect(client).await?;
            read_users(client, request, &mut None).await
        }
    }
}

async fn read_users(
    client: &mut Client,
    request: &PullRequest,
    reached: &mut Option<Progress>,
) -> Result<Result<UserTable, Unproven>, PullError> {
    let before = user_count(client, request).await?;
    let prepared = client.prepare(Dataset::Users).await?;
    let mut spool = request.spool();
    let announced = announced(&prepared);
    let (mut came, silent) = (false, client.driver.silence.spent);
    reach(reached, 0, announced);
    let read = client
        .read_all(&prepared, |offset, bytes| {
            let before = reached.map_or(0, |reached| reached.bytes);
            reach(reached, offset + bytes.len() as u64, announced);
            came |= reached.map_or(0, |reached| reached.bytes) > before;
            Ok::<_, PullError>(spool.write_at(offset, &bytes)?)
        })
        .await;
    if came {
        client.driver.silence.forget(silent);
    }
    read?;
    match client.free_data().await {
        // The table is here. That the terminal keeps its buffer does no harm.
        Err(error) if error.is_about_the_question() && !client.in_call => {}
        freed => freed?,
    }
    let after = user_count(client, request).await?;
    let evidence = Evidence {
        remembered: request.remembered,
        ..Evidence::new(announced, Counts { before, after }, request.host_now)
    };
    Ok(prove_users(spool, &evidence))
}

async fn user_count(client: &mut Client, request: &PullRequest) -> Result<Option<u32>, PullError> {
    if request.countless {
        return Ok(None);
    }
    match client.free_sizes().await {
        Ok(sizes) => Ok(sizes.users()),
        Err(ClientError::Refused { .. } | ClientError::NotNow { .. }) => Ok(None),
        Err(ClientError::Protocol { .. } | ClientError::TimedOut { .. }) if !client.in_call => Ok(None),
        Err(error) => Err(error.into()),
    }
}
