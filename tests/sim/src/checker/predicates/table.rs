//! The table of all invariants.

use super::{
    aborted_disagree, aborted_read, acked_elsewhere, agents_disagree, catch_up_starved, compaction_starved,
    dangling_extent, double_owner, doubled_offset_commit, doubled_part, duplicate, extent_gap, extent_overlap,
    generation_went_back, hanging_transaction, inconsistent_offset, invented_record, leftover_object, log_start,
    lost_commit, lost_offset_commit, lost_write, nonmonotonic_poll, nonmonotonic_send, offset_gap, offset_overlap,
    poll_skip, precommitted_read, read_beyond_end, retention_starved, stable_offset_back, stale_commit,
    stale_generation, stuck, torn_batch, torn_transaction, unseen, unseen_after_end, write_cycle, zombie_write,
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
    lost_write "lost-write" "1: a record that was acknowledged or read is there at the end, unless it was deleted"
    unseen "unseen" "1: an acknowledged record lies within the final reads"
    acked_elsewhere "acked-elsewhere" "1: an acknowledged record is at its acknowledged offset and nowhere else"
    log_start "log-start-wrong" "1: exactly the records whose deletion was requested are deleted"
    inconsistent_offset "inconsistent-offset" "2: all reads of an offset return the same record"
    agents_disagree "agents-disagree" "2: all agents have the same log, before and after compaction"
    doubled_part "doubled-part" "2: what a query of history files finds is current or deleted"
    offset_overlap "offset-overlap" "3: no two batches have an offset in common"
    offset_gap "offset-gap" "3: offsets grow by one per record, from the log start to the end"
    extent_overlap "extent-overlap" "3: no two extents cover one offset"
    extent_gap "extent-gap" "3: extents leave no gap between offsets"
    poll_skip "poll-skip" "3: a consumer reads every record between its first and its last position"
    nonmonotonic_poll "nonmonotonic-poll" "3: a consumer reads records in offset order, from its fetch offset"
    read_beyond_end "read-beyond-end" "3: no response has records beyond the end offset that it reports"
    duplicate "duplicate" "4: a record is in the log once; without idempotence at most as often as it was sent"
    nonmonotonic_send "nonmonotonic-send" "4: sends of one connection or idempotent producer keep their order"
    write_cycle "write-cycle" "4: a record that was sent after another was acknowledged comes after it"
    torn_batch "torn-batch" "4: a batch is in the log whole and contiguous"
    aborted_read "aborted-read" "5: rejected records are never read; aborted ones never by read-committed readers"
    precommitted_read "precommitted-read" "5: read-committed readers see no transaction before its commit is requested"
    torn_transaction "torn-transaction" "5: a transaction is visible as a whole or not at all"
    zombie_write "zombie-write" "5: a producer that is fenced has no effect any more"
    unseen_after_end "unseen-after-end" "5: a transaction whose commit is known is seen by whoever reads after that"
    hanging_transaction "hanging-transaction" "5: no transaction is open beyond its timeout"
    stable_offset_back "stable-offset-goes-back" "5: what is stable stays stable"
    aborted_disagree "reads-disagree-about-aborted" "5: all read-committed reads agree about what was aborted"
    lost_offset_commit "lost-offset-commit" "5: records of which a transaction was made are consumed by no other one"
    doubled_offset_commit "doubled-offset-commit" "5: offsets of transactions are committed with them, and only then"
    double_owner "group-double-owner" "6: in one generation a partition has one owner"
    stale_generation "stale-generation-accepted" "6: once a generation has begun, older ones are rejected"
    generation_went_back "generation-went-back" "6: generations of a group grow"
    lost_commit "lost-commit" "6: the committed offset exists, and a client has committed it"
    stale_commit "committed-offset-went-back" "6: a committed offset replaces those before it"
    dangling_extent "dangling-extent" "7: no extent points to an object that is missing or retired"
    leftover_object "leftover-object" "7: no object without a reference is left"
    invented_record "invented-record" "every record that is read was sent, to this partition, before it was read"
    compaction_starved "compaction-starved" "while the load goes on, what is old enough leaves level 0"
    retention_starved "retention-starved" "while the load goes on, what need not be kept is deleted"
    catch_up_starved "catch-up-starved" "while the load goes on, a consumer that began far behind catches up"
    stuck "stuck" "after the last fault every client finishes"
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
