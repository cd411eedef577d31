//! All ways of breaking a history, and the invariant that must report each.

use super::{admin, groups, pick::Pick, reads, sends, transactions};
use crate::history::History;

pub struct Mutation {
    pub name: &'static str,
    pub caught_by: &'static str,
    /// Breaks the history; `None` if there is nothing to break in this way.
    pub mutate: fn(&mut History, &mut Pick) -> Option<()>,
}

macro_rules! catalogue {
    ($($mutate:path => $caught_by:literal)*) => {
        &[$(Mutation { name: stringify!($mutate), caught_by: $caught_by, mutate: $mutate }),*]
    };
}

pub const MUTATIONS: &[Mutation] = catalogue! {
    sends::forget_an_acknowledged_batch => "lost-write"
    sends::forget_a_batch_that_was_only_seen => "lost-write"
    sends::forget_the_end_of_the_log => "unseen"
    sends::acknowledge_what_never_arrived => "unseen"
    sends::acknowledge_another_offset => "acked-elsewhere"
    sends::swap_two_records_everywhere => "acked-elsewhere"
    sends::acknowledge_an_offset_twice => "offset-overlap"
    sends::leave_an_offset_out => "offset-gap"
    sends::append_a_record_again => "duplicate"
    sends::swap_two_sends_of_a_producer => "nonmonotonic-send"
    sends::send_a_batch_after_its_successors => "write-cycle"
    sends::tear_a_batch => "torn-batch"
    sends::refuse_what_is_there => "aborted-read"
    reads::drop_a_record_from_a_poll => "poll-skip"
    reads::go_on_too_far => "poll-skip"
    reads::swap_two_records_of_a_poll => "nonmonotonic-poll"
    reads::give_a_record_twice => "nonmonotonic-poll"
    reads::go_back => "nonmonotonic-poll"
    reads::change_a_value_in_one_read => "inconsistent-offset"
    reads::change_a_timestamp_in_one_read => "inconsistent-offset"
    reads::drop_a_record_from_one_readback => "agents-disagree"
    reads::cut_one_readback_short => "agents-disagree"
    reads::end_before_the_last_record => "read-beyond-end"
    reads::garble_a_value => "invented-record"
    reads::move_a_record_to_another_partition => "invented-record"
    transactions::abort_a_committed_transaction => "aborted-read"
    transactions::commit_only_after_it_was_read => "precommitted-read"
    transactions::forget_half_a_transaction => "torn-transaction"
    transactions::fence_a_producer_before_it_writes => "zombie-write"
    transactions::hide_a_committed_record_from_committed_readbacks => "unseen-after-end"
    transactions::leave_a_transaction_open => "hanging-transaction"
    transactions::keep_a_partition_unstable => "hanging-transaction"
    transactions::answer_an_old_stable_offset => "stable-offset-goes-back"
    transactions::hide_a_committed_record_from_one_reader => "reads-disagree-about-aborted"
    transactions::consume_twice => "lost-offset-commit"
    transactions::go_on_behind_what_was_not_consumed => "doubled-offset-commit"
    groups::give_a_partition_to_two => "group-double-owner"
    groups::accept_an_old_heartbeat => "stale-generation-accepted"
    groups::accept_an_old_commit => "stale-generation-accepted"
    groups::go_back_a_generation => "generation-went-back"
    groups::lose_a_commit => "lost-commit"
    groups::invent_an_offset => "lost-commit"
    groups::answer_an_old_offset => "committed-offset-went-back"
    admin::raise_a_log_start => "log-start-wrong"
    admin::ignore_a_deletion => "log-start-wrong"
    admin::lose_an_object => "dangling-extent"
    admin::leave_an_object => "leftover-object"
    admin::leave_a_part_in_a_shared_file => "doubled-part"
    admin::lose_an_extent => "extent-gap"
    admin::stretch_an_extent => "extent-overlap"
    admin::starve_compaction => "compaction-starved"
    admin::starve_retention => "retention-starved"
    admin::starve_a_late_consumer => "catch-up-starved"
    admin::get_stuck => "stuck"
};
