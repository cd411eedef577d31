//! Breaking transactions.

use super::pick::{Pick, readbacks};
use crate::{
    checker::indexed_history::{CommitStatus, IndexedHistory},
    history::{EventKind, History, Isolation, Outcome, TxnId, ValueId},
};

/// A committed transaction of which read-committed polls saw something, and what.
fn read(history: &History, pick: &Pick) -> Option<(TxnId, Vec<(usize, ValueId)>)> {
    let view = IndexedHistory::of(history);
    let mut read: std::collections::BTreeMap<TxnId, Vec<(usize, ValueId)>> = std::collections::BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::Polled(poll) = &event.what else { continue };
        for seen in poll.records.iter().filter(|_| poll.isolation == Isolation::ReadCommitted) {
            if let Some(txn) = view.send_of(seen.value).and_then(|send| send.sent.txn)
                && view.txns[&txn].status == CommitStatus::Committed
            {
                read.entry(txn).or_default().push((index, seen.value));
            }
        }
    }
    let all: Vec<_> = read.into_iter().collect();
    pick.one(&all)
}

pub fn abort_a_committed_transaction(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (txn, _) = read(history, pick)?;
    for event in &mut history.events {
        match &mut event.what {
            EventKind::TxnEnding(ending) if ending.txn == txn => ending.commit = false,
            EventKind::TxnEnded(ended) if ended.txn == txn => (ended.commit, ended.outcome) = (false, Outcome::Done),
            _ => {}
        }
    }
    Some(())
}

pub fn commit_only_after_it_was_read(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (txn, polls) = read(history, pick)?;
    let (first, _) = *polls.first()?;
    let ending = history
        .events
        .iter()
        .position(|event| matches!(&event.what, EventKind::TxnEnding(ending) if ending.txn == txn))?;
    let mut event = history.events.remove(ending);
    event.at = history.events[first - 1].at + std::time::Duration::from_nanos(1);
    history.events.insert(first, event);
    Some(())
}

pub fn forget_half_a_transaction(history: &mut History, pick: &mut Pick) -> Option<()> {
    let view = IndexedHistory::of(history);
    let torn: Vec<(ValueId, ValueId)> = view
        .txns
        .values()
        .filter(|txn| txn.status == CommitStatus::Committed)
        .filter_map(|txn| {
            let kept = txn.sends.iter().map(|position| &view.sends[*position]).filter(|send| {
                let floor = view.logs[&send.sent.partition].floor.at_end();
                send.acked_base().is_some_and(|base| base >= floor)
            });
            let values: Vec<ValueId> = kept.flat_map(|send| &send.sent.values).copied().collect();
            Some((*values.first()?, *values.last()?)).filter(|(first, last)| first != last)
        })
        .collect();
    let (_, gone) = pick.one(&torn)?;
    for back in readbacks(history) {
        back.records.retain(|seen| seen.value != gone);
    }
    Some(())
}
