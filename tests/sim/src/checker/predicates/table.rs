//! The table of all invariants.

use super::{
    aborted_read, acked_elsewhere, agents_disagree, dangling_extent, double_owner, duplicate, extent_gap,
    extent_overlap, generation_went_back, inconsistent_offset, invented_record, leftover_object, log_start,
    lost_commit, lost_write, nonmonotonic_poll, nonmonotonic_send, offset_gap, offset_overlap, poll_skip,
    precommitted_read, read_beyond_end, stale_commit, stale_generation, stuck, torn_batch, torn_transaction, unseen,
    write_cycle,
};
use crate::{
    checker::{
        findings::{Findings, Violation},
        indexed_history::IndexedHistory,
    },
    history::History,
};

/// One invariant.
#[derive(Clone, Copy)]
pub struct Predicate {
    /// The name under which violations are reported.
    pub name: &'static str,
    /// What the invariant says, after the number of the invariant in docs/architecture.md that it belongs to.
    pub promise: &'static str,
    find: fn(&IndexedHistory<'_>, &mut Findings),
}

macro_rules! table {
    ($($module:ident $name:literal $promise:literal)*) => {
        &[$(Predicate { name: $name, promise: $promise, find: $module::find }),*]
    };
}

/// All invariants, with their numbers in docs/architecture.md, and with Jepsen's names if Jepsen has one.
pub const PREDICATES: &[Predicate] = table! {
    lost_write "lost-write" "1: what was acknowledged or seen is there at the end, unless it was deleted"
    unseen "unseen" "1: what was acknowledged is within what the last reads reach"
    acked_elsewhere "acked-elsewhere" "1: what was acknowledged is at its acknowledged offset and nowhere else"
    log_start "log-start-wrong" "1: only what was asked to go is gone, and all of it"
    inconsistent_offset "inconsistent-offset" "2: at one offset everybody sees the same record"
    agents_disagree "agents-disagree" "2: all agents have the same log, before and after compaction"
    offset_overlap "offset-overlap" "3: no two batches have an offset in common"
    offset_gap "offset-gap" "3: offsets grow by one per record, from the log start to the end"
    extent_overlap "extent-overlap" "3: no two extents cover one offset"
    extent_gap "extent-gap" "3: extents leave no offset out"
    poll_skip "poll-skip" "3: a consumer is given every record between where it begins and where it ends"
    nonmonotonic_poll "nonmonotonic-poll" "3: a consumer is given records in the order of offsets, from where it asked"
    read_beyond_end "read-beyond-end" "3: nobody is given records beyond the end that the same answer tells"
    duplicate "duplicate" "4: a record is there once; without idempotence at most as often as it was sent"
    nonmonotonic_send "nonmonotonic-send" "4: the sends of one connection, or of an idempotent producer, keep their order"
    write_cycle "write-cycle" "4: what was sent after another was acknowledged comes after it"
    torn_batch "torn-batch" "4: a batch is there whole and in one piece"
    aborted_read "aborted-read" "5: nobody sees what was refused; read-committed readers nothing of an aborted transaction"
    precommitted_read "precommitted-read" "5: read-committed readers see nothing of a transaction before its commit is asked for"
    torn_transaction "torn-transaction" "5: a transaction is there as a whole or not at all"
    double_owner "group-double-owner" "6: in one generation a partition has one owner"
    stale_generation "stale-generation-accepted" "6: once a generation has begun, older ones are refused"
    generation_went_back "generation-went-back" "6: generations of a group grow"
    lost_commit "lost-commit" "6: a committed offset is there, and is one that somebody committed"
    stale_commit "committed-offset-went-back" "6: a committed offset replaces those before it"
    dangling_extent "dangling-extent" "7: no extent points to an object that is not there, or about to go"
    leftover_object "leftover-object" "7: no object is left over"
    invented_record "invented-record" "every record that is read was sent, to this partition, before it was read"
    stuck "stuck" "after the end of faults everything comes to an end"
};

/// Checks `history`: all violations of all invariants.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let history = IndexedHistory::of(history);
    PREDICATES.iter().flat_map(|predicate| predicate.check(&history)).collect()
}

impl Predicate {
    fn check(&self, history: &IndexedHistory<'_>) -> Vec<Violation> {
        let mut findings = Findings::new(self.name);
        (self.find)(history, &mut findings);
        findings.into_violations()
    }
}
