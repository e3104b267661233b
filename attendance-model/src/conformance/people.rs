//! The part of the suite for sinks that keep people's names.

use crate::NamedPerson;
use crate::conformance::Harness;

/// A harness of a sink that keeps names. Each of its sinks has them switched on.
pub trait NamesHarness: Harness {
    /// True if an older name never replaces a newer one, whichever is written last. A sink that cannot compare without
    /// a read keeps what is written last; the engine writes names in the order of their time.
    const KEEPS_NEWEST: bool = true;

    /// The stored people, in any order, each with the fields that the sink keeps of a person.
    fn people(&self) -> impl Future<Output = Vec<NamedPerson>> + Send;
}

/// Expands to one `#[test]` for each promise of [`Sink::write_names`](crate::Sink::write_names), run against a
/// [`NamesHarness`]. Two harnesses in one file want a module each.
#[macro_export]
macro_rules! names_conformance {
    ($harness:ty) => {
        $crate::names_conformance! { @tests $harness:
            it_says_that_it_keeps_names
            people_are_stored_field_by_field_and_once
            a_newer_name_replaces_an_older_one
            an_older_name_does_not_come_back
            people_of_two_terminals_are_apart
            names_of_every_script_and_length_are_kept
            names_touch_no_event
            a_batch_of_people_of_the_stated_size_is_taken_at_once
            two_writers_of_the_same_people_store_each_once
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
