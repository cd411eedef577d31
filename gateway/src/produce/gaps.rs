//! Producers whose batch failed on its way into the log, until they send it again.
//!
//! A producer that the metastore does not know may begin at any sequence. So when its first batch fails while its second
//! is still in the socket, nothing at commit would tell that the second must wait, and the first could never follow.
//! What the pipeline holds fails together with what it depends on; this is for what comes after.
//!
//! The producer may send it again to another agent, which commits it, and then come back. So where a batch is refused for a
//! gap, the metastore is asked whether the gap was closed elsewhere.
//!
//! Pure. Invariant: while a producer's failed batch is remembered, only that one and those before it are let in.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use alluvium_model::producer::Window;
use alluvium_model::{ProducerEpoch, Sequence};
use alluvium_wire::batch::Batch;
use tokio::time::Instant;

use super::open_segment::Sequenced;

/// Producers remembered: each is some tens of bytes. Further ones are not, which is what Kafka does with all.
const GAPS_MAX: usize = 100_000;
/// By then a producer has sent the batch again or given it up (`delivery.timeout.ms` is 2 min by default).
const GAP_AGE_MAX: Duration = Duration::from_secs(300);
/// Between two searches for those that are over, where there is no room for more.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// Between two questions about one producer: a client tries again after 100 ms.
const ASK_PAUSE: Duration = Duration::from_millis(100);

/// Where a producer's batches begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Its incarnation.
    pub epoch: ProducerEpoch,
    /// The sequence of the first record.
    pub first: Sequence,
}

impl Start {
    /// Of `batch`, which an idempotent producer has sent.
    #[must_use]
    pub fn of(batch: &Batch) -> Self {
        let header = batch.header();
        Self { epoch: ProducerEpoch(header.producer_epoch), first: Sequence(header.base_sequence) }
    }

    /// The earlier of two failed batches of one producer, as far as its newest incarnation is concerned.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if self.epoch > other.epoch || (self.epoch == other.epoch && self.first.is_before(other.first)) {
            self
        } else {
            other
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    start: Start,
    since: Instant,
    asked: Option<Instant>,
}

/// The producers, and what each has to send again first.
#[derive(Debug, Default)]
pub struct Gaps {
    gaps: HashMap<Sequenced, Gap>,
    swept: Option<Instant>,
}

impl Gaps {
    /// What `producer` sent from `start` on failed.
    pub fn note(&mut self, producer: Sequenced, start: Start, now: Instant) {
        if self.gaps.len() >= GAPS_MAX && self.swept.is_none_or(|last| now > last + SWEEP_PAUSE) {
            self.swept = Some(now);
            self.gaps.retain(|_, gap| !gap.is_over(now));
        }
        let known = self.gaps.get(&producer).filter(|gap| !gap.is_over(now));
        let start = known.map_or(start, |gap| gap.start.earlier(start));
        if known.is_some() || self.gaps.len() < GAPS_MAX {
            self.gaps.insert(producer, Gap { start, since: now, asked: None });
        }
    }

    /// Whether a batch that begins at `start` may join. The failed one closes the gap.
    pub fn admit(&mut self, producer: Sequenced, start: Start, now: Instant) -> bool {
        let Some(gap) = self.gaps.get(&producer) else { return true };
        let closes = start == gap.start || start.epoch > gap.start.epoch || gap.is_over(now);
        if closes {
            self.gaps.remove(&producer);
            return true;
        }
        // What was sent before the failed batch may be a duplicate, and a fenced producer is to learn that it is: both are
        // told by the commit.
        start.epoch < gap.start.epoch || start.first.is_before(gap.start.first)
    }
}

impl Gaps {
    /// Whether the metastore is to be asked what `producer`, which was just refused, has written by now.
    pub fn ask(&mut self, producer: Sequenced, now: Instant) -> bool {
        let Some(gap) = self.gaps.get_mut(&producer) else { return false };
        let is_due = gap.asked.is_none_or(|asked| now >= asked + ASK_PAUSE);
        if is_due {
            gap.asked = Some(now);
        }
        is_due
    }

    /// What `producer` has written: the failed batch, or what comes after it, closes the gap, for the commit judges again by
    /// itself.
    pub fn learn(&mut self, producer: Sequenced, written: &Window) {
        let reaches = |gap: &Gap| match written.epoch.cmp(&gap.start.epoch) {
            Ordering::Greater => true,
            Ordering::Equal => written.batches.last().is_some_and(|newest| !newest.last.is_before(gap.start.first)),
            Ordering::Less => false,
        };
        if self.gaps.get(&producer).is_some_and(reaches) {
            self.gaps.remove(&producer);
        }
    }
}

impl Gap {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > GAP_AGE_MAX
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::producer::WindowBatch;
    use alluvium_model::{Offset, PartitionIndex, ProducerId, Timestamp, TopicId, TopicPartition};

    use super::*;

    fn producer(id: i64) -> Sequenced {
        (TopicPartition::new(TopicId::default(), PartitionIndex(0)), ProducerId(id))
    }

    fn start(epoch: i16, first: i32) -> Start {
        Start { epoch: ProducerEpoch(epoch), first: Sequence(first) }
    }

    #[test]
    fn after_a_failed_batch_only_that_one_and_those_before_it_are_let_in_until_it_comes() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.note(producer(1), start(0, 10), now);
        assert!(!gaps.admit(producer(1), start(0, 20), now));
        assert!(gaps.admit(producer(1), start(0, 5), now));
        assert!(!gaps.admit(producer(1), start(0, 11), now));
        assert!(gaps.admit(producer(1), start(0, 10), now));
        assert!(gaps.admit(producer(1), start(0, 20), now));
    }

    #[test]
    fn of_several_failed_batches_the_earliest_counts_across_the_wrap() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.note(producer(1), start(0, 2), now);
        gaps.note(producer(1), start(0, i32::MAX - 1), now);
        gaps.note(producer(1), start(0, 7), now);
        assert!(!gaps.admit(producer(1), start(0, 2), now));
        assert!(gaps.admit(producer(1), start(0, i32::MAX - 1), now));
    }

    #[test]
    fn a_new_incarnation_begins_anew() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.note(producer(1), start(0, 10), now);
        assert!(gaps.admit(producer(1), start(1, 0), now));
        gaps.note(producer(1), start(1, 10), now);
        gaps.note(producer(1), start(0, 0), now);
        assert!(!gaps.admit(producer(1), start(1, 20), now), "what failed of the old one says nothing of the new one");
    }

    #[test]
    fn a_gap_that_was_closed_elsewhere_is_closed_here() {
        let window = |epoch, first, last| Window {
            epoch: ProducerEpoch(epoch),
            touched: Timestamp(0),
            appended: 5,
            batches: vec![WindowBatch {
                first: Sequence(first),
                last: Sequence(last),
                base: Offset(0),
                timestamp: Timestamp(0),
            }],
        };
        let now = Instant::now();
        let is_let_in = |written: Window| {
            let mut gaps = Gaps::default();
            gaps.note(producer(1), start(1, 10), now);
            gaps.learn(producer(1), &written);
            gaps.admit(producer(1), start(1, 20), now)
        };
        assert!(!is_let_in(window(1, 5, 9)));
        assert!(!is_let_in(window(0, 10, 19)));
        assert!(is_let_in(window(1, 10, 19)));
        assert!(is_let_in(window(1, 15, 19)));
        assert!(is_let_in(window(2, 0, 0)));
    }

    #[test]
    fn the_metastore_is_not_asked_all_the_time() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        assert!(!gaps.ask(producer(1), now));
        gaps.note(producer(1), start(0, 10), now);
        assert!(gaps.ask(producer(1), now));
        assert!(!gaps.ask(producer(1), now));
        assert!(gaps.ask(producer(1), now + ASK_PAUSE));
    }

    #[test]
    fn a_producer_that_gave_up_is_let_in_again_in_the_end() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.note(producer(1), start(0, 10), now);
        assert!(!gaps.admit(producer(1), start(0, 20), now + GAP_AGE_MAX));
        assert!(gaps.admit(producer(1), start(0, 20), now + GAP_AGE_MAX + Duration::from_millis(1)));
    }

    #[test]
    fn the_memory_of_failed_producers_is_bounded() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        for id in 0..2 * i64::try_from(GAPS_MAX).unwrap() {
            gaps.note(producer(id), start(0, 0), now);
        }
        assert_eq!(gaps.gaps.len(), GAPS_MAX);
    }
}
