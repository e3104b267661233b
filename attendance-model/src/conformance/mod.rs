//! The suite that every sink runs: one named test for each promise of [`Sink`].
//!
//! A sink's tests bring a [`Harness`] and one line, `sink_conformance!(MyHarness);`. Being test code, all of it panics where a
//! promise is broken.
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
mod harness;
mod sample;

pub use harness::{Harness, View, run};
pub use sample::{sample, sample_punch};

/// Expands to one `#[test]` for each promise, run against a [`Harness`](crate::conformance::Harness). Two harnesses in one file
/// want a module each.
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
            two_writers_of_the_same_events_store_each_once
            text_of_every_script_and_length_is_kept
            times_at_the_edges_of_the_calendar_are_kept
            times_at_a_change_of_the_clocks_are_kept
            an_absent_work_code_is_not_zero
            flags_drift_source_and_bytes_are_kept
            lookup_answers_in_the_order_of_the_question
            punches_of_one_second_are_apart_or_merged_by_the_scheme
        }
    };
    (@tests $harness:ty: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::run::<$harness>(stringify!($name), $crate::conformance::behaviour::$name::<$harness>());
            }
        )*
    };
}
