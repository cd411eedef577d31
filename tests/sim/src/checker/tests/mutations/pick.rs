//! Choosing what to break.

use std::collections::BTreeSet;

use alluvium_model::{Offset, TopicPartition};
use alluvium_runtime::{Rng, SeededRng};

use crate::{
    checker::indexed_history::IndexedHistory,
    history::{Event, EventKind, History, Poll, Readback, Seen, Sent, ValueId},
};

pub struct Pick(SeededRng);

/// An acknowledged batch of no transaction.
#[derive(Clone, Debug)]
pub struct AckedSend {
    pub sent: usize,
    pub acked: usize,
    pub base: Offset,
    pub batch: Sent,
}

impl Pick {
    pub fn new(seed: u64) -> Self {
        Self(SeededRng::new(seed ^ 0xa110_0000))
    }

    pub fn below(&self, bound: usize) -> usize {
        usize::try_from(self.0.next_u64() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    pub fn one<T: Clone>(&self, things: &[T]) -> Option<T> {
        things.get(self.below(things.len())).cloned()
    }

    /// The position of one event that `fits`.
    pub fn event(&self, history: &History, fits: impl Fn(&EventKind) -> bool) -> Option<usize> {
        let fitting: Vec<usize> = (0..history.events.len()).filter(|at| fits(&history.events[*at].what)).collect();
        self.one(&fitting)
    }

    /// Some acknowledged batch of no transaction, no part of which was deleted.
    pub fn acked(&self, history: &History, fits: impl Fn(&AckedSend) -> bool) -> Option<AckedSend> {
        let acked: Vec<AckedSend> = acked(history).into_iter().filter(|acked| fits(acked)).collect();
        self.one(&acked)
    }
}

/// All acknowledged batches of no transaction, no part of which was deleted, in the order of their sends.
pub fn acked(history: &History) -> Vec<AckedSend> {
    let view = IndexedHistory::of(history);
    let sends = view.sends.iter().filter(|send| send.sent.txn.is_none()).filter_map(|send| {
        let base = send.acked_base()?;
        let (_, acked) = send.ended?;
        let kept = base >= view.logs[&send.sent.partition].floor.at_end();
        kept.then(|| AckedSend { sent: send.event, acked, base, batch: send.sent.clone() })
    });
    sends.collect()
}

pub fn readbacks(history: &mut History) -> impl Iterator<Item = &mut Readback> {
    history.events.iter_mut().filter_map(|event| match &mut event.what {
        EventKind::Readback(back) => Some(back),
        _ => None,
    })
}

pub fn poll_at(history: &mut History, at: usize) -> Option<&mut Poll> {
    match &mut history.events[at].what {
        EventKind::Polled(poll) => Some(poll),
        _ => None,
    }
}

/// All records of `partition` that any reader saw, at any offset.
pub fn records(history: &mut History, partition: TopicPartition) -> impl Iterator<Item = &mut Seen> {
    history.events.iter_mut().flat_map(move |Event { what, .. }| match what {
        EventKind::Polled(poll) if poll.partition == partition => poll.records.iter_mut(),
        EventKind::Readback(back) if back.partition == partition => back.records.iter_mut(),
        _ => [].iter_mut(),
    })
}

/// What is read back at the end of `partition`, and at which offsets.
pub fn last(history: &History, partition: TopicPartition) -> BTreeSet<(Offset, ValueId)> {
    let read = history.events.iter().flat_map(|event| match &event.what {
        EventKind::Readback(back) if back.partition == partition => back.records.as_slice(),
        _ => &[],
    });
    read.map(|seen| (seen.offset, seen.value)).collect()
}
