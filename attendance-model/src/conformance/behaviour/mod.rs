//! The promises, one function each.

mod batches;
mod fields;
mod names;
mod questions;
mod side_by_side;
mod steps;

pub use batches::{
    a_batch_is_stored_field_by_field, a_batch_of_the_stated_size_is_taken_at_once,
    a_probe_of_a_fresh_target_prepares_it_and_can_be_repeated, a_repeated_batch_is_stored_once,
    an_empty_batch_is_no_failure, an_event_twice_in_one_batch_is_stored_once,
    another_sink_on_the_same_target_knows_what_is_stored, it_describes_itself, outcomes_come_in_the_order_of_the_batch,
    overlapping_batches_are_stored_once, what_is_stored_is_not_changed_by_a_later_write,
};
pub use fields::{
    an_absent_work_code_is_not_zero, flags_drift_source_and_bytes_are_kept, it_keeps_what_it_says_that_it_keeps,
    text_of_every_script_and_length_is_kept, times_at_a_change_of_the_clocks_are_kept,
    times_at_the_edges_of_the_calendar_are_kept,
};
pub use names::{
    a_batch_of_people_of_the_stated_size_is_taken_at_once, a_newer_name_replaces_an_older_one,
    an_older_name_does_not_come_back, it_says_that_it_keeps_names, names_of_every_script_and_length_are_kept,
    names_touch_no_event, people_are_stored_field_by_field_and_once, people_of_two_terminals_are_apart,
    two_writers_of_the_same_people_store_each_once,
};
pub use questions::{
    documents_are_counted_by_the_day_of_their_local_time, lookup_answers_in_the_order_of_the_question,
    punches_of_one_second_are_apart_or_merged_by_the_scheme,
};
pub use side_by_side::{
    a_write_that_is_dropped_half_way_is_completed_by_another, as_many_writes_at_once_as_it_says_are_taken,
    two_writers_of_a_big_log_store_each_once, two_writers_of_the_same_events_store_each_once,
};
