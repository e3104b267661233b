//! The suite that every sink runs: one named test for each promise of [`Sink`](crate::Sink).
//!
//! A sink's tests bring a [`Harness`] and one line, `sink_conformance!(MyHarness);`. Being test code, all of it panics
//! where a promise is broken. A second harness, with a [`Proxy`] between the sink and its server, shows that the
//! promises hold on a network that breaks: see [`Harness::LOSES_ANSWERS`].
//!
//! ```
//! use attendance_model::conformance::{Harness, View};
//! use attendance_model::{MemorySink, Sink};
//!
//! struct Memory(MemorySink);
//!
//! impl Harness for Memory {
//!     async fn fresh() -> Self {
//!         Self(MemorySink::new("memory"))
//!     }
//!     fn sink(&self) -> &dyn Sink {
//!         &self.0
//!     }
//!     fn another(&self) -> Box<dyn Sink> {
//!         Box::new(self.0.clone())
//!     }
//!     async fn stored(&self) -> Vec<View> {
//!         self.0.stored().iter().map(View::full).collect()
//!     }
//! }
//!
//! attendance_model::sink_conformance!(Memory);
//! ```

pub mod behaviour;
mod flaky;
mod harness;
mod people;
mod proxy;
mod sample;

pub use flaky::{FlakySink, Mishap};
pub use harness::{Harness, View, run, skipped};
pub use people::NamesHarness;
pub use proxy::{Direction, Fault, Proxy};
pub use sample::{sample, sample_punch, sample_range, sample_with};

/// Expands to one `#[test]` for each promise, run against a [`Harness`]. Two harnesses in
/// one file want a module each.
#[macro_export]
macro_rules! sink_conformance {
    ($harness:ty) => {
        $crate::sink_conformance! { @tests $harness:
            it_describes_itself
            a_probe_of_a_fresh_target_prepares_it_and_can_be_repeated
            a_batch_is_stored_field_by_field
            an_empty_batch_is_no_failure
            a_batch_of_the_stated_size_is_taken_at_once
            a_repeated_batch_is_stored_once
            overlapping_batches_are_stored_once
            an_event_twice_in_one_batch_is_stored_once
            outcomes_come_in_the_order_of_the_batch
            what_is_stored_is_not_changed_by_a_later_write
            another_sink_on_the_same_target_knows_what_is_stored
            as_many_writes_at_once_as_it_says_are_taken
            two_writers_of_the_same_events_store_each_once
            two_writers_of_a_big_log_store_each_once
            a_write_that_is_dropped_half_way_is_completed_by_another
            text_of_every_script_and_length_is_kept
            times_at_the_edges_of_the_calendar_are_kept
            times_at_a_change_of_the_clocks_are_kept
            an_absent_work_code_is_not_zero
            flags_drift_source_and_bytes_are_kept
            lookup_answers_in_the_order_of_the_question
            documents_are_counted_by_the_day_of_their_local_time
            punches_of_one_second_are_apart_or_merged_by_the_scheme
            it_keeps_what_it_says_that_it_keeps
        }
    };
    (@tests $harness:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let behaviour = $crate::conformance::behaviour::$name::<$harness>();
                $crate::conformance::run::<$harness>(stringify!($name), behaviour);
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    //! The suite must catch a sink that breaks its promise.

    use async_trait::async_trait;
    use chrono::NaiveDate;

    use super::*;
    use crate::{AttendanceEvent, Capabilities, EventId, MemorySink, Notice, Outcome, Sink, SinkError};

    #[derive(Clone, Copy, Debug)]
    enum Fault {
        StoresAgain,
        SaysStoredAgain,
        LosesTheWorkCode,
        TrimsTheUserId,
        ReversesOutcomes,
        FindsEverything,
        CountsEverything,
    }

    #[derive(Clone, Debug)]
    struct BrokenSink(MemorySink, Fault);

    #[async_trait]
    impl Sink for BrokenSink {
        fn name(&self) -> &str {
            "broken"
        }

        fn target(&self) -> String {
            self.0.target()
        }

        fn capabilities(&self) -> Capabilities {
            self.0.capabilities()
        }

        async fn probe(&self) -> Result<Vec<Notice>, SinkError> {
            self.0.probe().await
        }

        async fn write(&self, batch: &[AttendanceEvent]) -> Result<Vec<Outcome>, SinkError> {
            let mut batch = batch.to_vec();
            for event in &mut batch {
                match self.1 {
                    Fault::StoresAgain => {
                        let earlier = u8::try_from(self.0.stored().len()).unwrap_or(u8::MAX);
                        event.id = EventId::from_bytes([earlier; 16]);
                    }
                    Fault::LosesTheWorkCode => event.work_code = None,
                    Fault::TrimsTheUserId => event.user_id = event.user_id.trim().to_owned(),
                    Fault::SaysStoredAgain
                    | Fault::ReversesOutcomes
                    | Fault::FindsEverything
                    | Fault::CountsEverything => {}
                }
            }
            let mut outcomes = self.0.write(&batch).await?;
            match self.1 {
                Fault::SaysStoredAgain => outcomes.fill(Outcome::Stored),
                Fault::ReversesOutcomes => outcomes.reverse(),
                _ => {}
            }
            Ok(outcomes)
        }

        async fn lookup(&self, ids: &[EventId]) -> Result<Vec<bool>, SinkError> {
            match self.1 {
                Fault::FindsEverything => Ok(vec![true; ids.len()]),
                _ => self.0.lookup(ids).await,
            }
        }

        async fn count_by_day(&self, days: &[NaiveDate]) -> Result<Vec<u64>, SinkError> {
            match self.1 {
                Fault::CountsEverything => Ok(vec![self.0.stored().len() as u64; days.len()]),
                _ => self.0.count_by_day(days).await,
            }
        }
    }

    struct Broken<const FAULT: usize>(BrokenSink);

    const FAULTS: [Fault; 7] = [
        Fault::StoresAgain,
        Fault::SaysStoredAgain,
        Fault::LosesTheWorkCode,
        Fault::TrimsTheUserId,
        Fault::ReversesOutcomes,
        Fault::FindsEverything,
        Fault::CountsEverything,
    ];

    impl<const FAULT: usize> Harness for Broken<FAULT> {
        async fn fresh() -> Self {
            Self(BrokenSink(MemorySink::new("memory"), FAULTS[FAULT]))
        }

        fn sink(&self) -> &dyn Sink {
            &self.0
        }

        fn another(&self) -> Box<dyn Sink> {
            Box::new(self.0.clone())
        }

        async fn stored(&self) -> Vec<View> {
            self.0.0.stored().iter().map(View::full).collect()
        }
    }

    macro_rules! caught {
        ($($name:ident: $fault:literal by $behaviour:ident,)*) => {
            $(
                #[test]
                #[should_panic]
                fn $name() {
                    run::<Broken<$fault>>(stringify!($behaviour), behaviour::$behaviour::<Broken<$fault>>());
                }
            )*
        };
    }

    caught! {
        a_sink_that_stores_an_event_again_is_caught: 0 by a_repeated_batch_is_stored_once,
        a_sink_that_calls_an_old_event_new_is_caught: 1 by a_repeated_batch_is_stored_once,
        a_sink_that_loses_a_field_is_caught: 2 by an_absent_work_code_is_not_zero,
        a_sink_that_trims_text_is_caught: 3 by text_of_every_script_and_length_is_kept,
        a_sink_that_mixes_up_outcomes_is_caught: 4 by outcomes_come_in_the_order_of_the_batch,
        a_sink_that_finds_what_is_not_there_is_caught: 5 by lookup_answers_in_the_order_of_the_question,
        a_sink_that_counts_the_documents_of_other_days_is_caught:
            6 by documents_are_counted_by_the_day_of_their_local_time,
    }
}
