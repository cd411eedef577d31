//! What loops have consumed: the offsets from which and to which, with the transaction that commits the latter.

use std::collections::BTreeMap;

use alluvium_model::{Offset, TopicPartition};

use super::{CommitStatus, IndexedTxn};
use crate::history::{Event, EventKind, Outcome, TxnId};

/// One transaction's part of one input partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consumption {
    /// The offset from which it consumed.
    pub from: Offset,
    /// The offset to which it consumed, which it commits.
    pub to: Offset,
    /// The transaction.
    pub txn: TxnId,
    /// The event of the commit of the offset.
    pub event: usize,
    /// Whether the transaction is known to be committed; otherwise it may be.
    pub is_committed: bool,
}

/// By group and partition, ascending: what was consumed by transactions that are or may be committed.
pub(super) fn of<'h>(
    events: &'h [Event],
    txns: &BTreeMap<TxnId, IndexedTxn>,
) -> BTreeMap<(&'h str, TopicPartition), Vec<Consumption>> {
    let mut consumed: BTreeMap<(&str, TopicPartition), Vec<Consumption>> = BTreeMap::new();
    for (event, what) in events.iter().map(|event| &event.what).enumerate() {
        let EventKind::CommittedOffset(commit) = what else { continue };
        let (Some(txn), Some(from), Some(to)) = (commit.txn, commit.consumed_from, commit.offset) else { continue };
        let status = txns.get(&txn).map_or(CommitStatus::NotCommitted, |txn| txn.status);
        if commit.outcome == Outcome::Refused || status == CommitStatus::NotCommitted {
            continue;
        }
        let is_committed = status == CommitStatus::Committed;
        let of = consumed.entry((commit.group.as_str(), commit.partition)).or_default();
        of.push(Consumption { from, to, txn, event, is_committed });
    }
    consumed.values_mut().for_each(|of| of.sort_unstable());
    consumed
}
