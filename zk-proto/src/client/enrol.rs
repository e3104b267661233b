//! Remote enrolment.

use std::fmt;
use std::time::Duration;

use super::{Client, ClientError};
use crate::enrolment::{Progress, Step};
use crate::op::{CancelCapture, RegisterEvents, StartEnrolment, StartVerification};
use crate::record::{Enrolment, EnrolmentResult, EventCode, LiveEvent};

/// The events that report an enrolment.
const TOLD: RegisterEvents =
    RegisterEvents((EventCode::FINGER.0 | EventCode::FINGER_SCORE.0 | EventCode::ENROLL_FINGER.0) as u32);

/// Why an enrolment failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum EnrolError {
    /// Talking to the terminal failed, or it refused: the finger may be enrolled already, or the user unknown.
    Client(ClientError),
    /// The terminal ended it without success.
    Ended(EnrolmentResult),
    /// The terminal reported nothing for too long. Many newer ones never report.
    Silent {
        /// How long the client waited.
        patience: Duration,
    },
}

impl fmt::Display for EnrolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(_) => f.write_str("cannot enrol at the terminal"),
            Self::Ended(result) => write!(f, "nothing was enrolled: {result}"),
            Self::Silent { patience } => write!(f, "terminal told nothing of the enrolment for {patience:?}"),
        }
    }
}

impl std::error::Error for EnrolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Client(source) => Some(source),
            Self::Ended(_) | Self::Silent { .. } => None,
        }
    }
}

impl From<ClientError> for EnrolError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl Client {
    /// Makes the terminal ask a person for a finger, reports every step, and returns when the terminal is done.
    ///
    /// `patience` is the longest wait between two steps: people need a minute. Unless the future is dropped, the
    /// terminal always returns to recognizing people, and the registration for live events ends.
    ///
    /// # Errors
    /// [`EnrolError`] says whether the terminal refused, failed, or reported nothing.
    ///
    /// # Example
    /// ```no_run
    /// use std::time::Duration;
    /// use zk_proto::op::{EnrolmentUser, StartEnrolment};
    /// use zk_proto::{Client, ConnectOptions, UserId};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut client = Client::connect(&ConnectOptions::new("192.0.2.10")).await?;
    /// let user = EnrolmentUser::Text(UserId("1042".into()));
    /// let request = StartEnrolment { user, finger: 6, duress: false };
    /// let enrolment = client.enrol(&request, Duration::from_secs(60), |step| println!("{step:?}")).await?;
    /// println!("{:?}", enrolment.finger);
    /// client.exit().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn enrol(
        &mut self,
        request: &StartEnrolment,
        patience: Duration,
        on_step: impl FnMut(&Step),
    ) -> Result<Enrolment, EnrolError> {
        let outcome = self.enrolled(request, patience, on_step).await;
        let left = self.leave_capture().await;
        // Repeated completions, and what people did meanwhile, are of no use any more.
        while let Ok(Some(_)) = self.next_event(Duration::ZERO).await {}
        let enrolment = outcome?;
        left?;
        Ok(enrolment)
    }

    async fn enrolled(
        &mut self,
        request: &StartEnrolment,
        patience: Duration,
        mut on_step: impl FnMut(&Step),
    ) -> Result<Enrolment, EnrolError> {
        self.call(&TOLD).await?;
        self.call(&CancelCapture).await?;
        self.call(request).await?;
        let mut progress = Progress::default();
        loop {
            let packet = self.next_event(patience).await?.ok_or(EnrolError::Silent { patience })?;
            for event in LiveEvent::parse(EventCode(packet.session.0), packet.data) {
                let Some(step) = progress.on_event(&event) else { continue };
                on_step(&step);
                match step {
                    Step::Ended(Enrolment { result, finger }) if result == EnrolmentResult::DONE => {
                        return Ok(Enrolment { result, finger });
                    }
                    Step::Ended(Enrolment { result, .. }) => return Err(EnrolError::Ended(result)),
                    _ => {}
                }
            }
        }
    }

    /// Returns the terminal to normal: no events, no capture, people are recognized.
    async fn leave_capture(&mut self) -> Result<(), ClientError> {
        let events = self.call(&RegisterEvents::NONE).await;
        let capture = self.call(&CancelCapture).await;
        let people = self.call(&StartVerification::Anybody).await;
        events.and(capture).and(people)
    }
}
