//! Producers with a batch that failed before its commit, until they send it again.
//!
//! A producer of which the metastore knows nothing may begin at any sequence. (One whose id is young may not: there the
//! commit rejects what comes before its first batch.) If its first batch fails while its second is still in the socket,
//! nothing in the commit says that the second must wait, and after it the first could never be appended. The pipeline
//! fails what it holds together with what it depends on; this module covers what arrives later.
//!
//! The producer may send the failed batch to another agent, which commits it, and then come back. So whenever a batch
//! is rejected because of a gap, the metastore is read to find out whether the gap was closed elsewhere.
//!
//! Pure. Invariant: while a gap is known, only the failed batch and those before it are admitted.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use alluvium_model::producer::Window;
use tokio::time::Instant;

use super::sequence::{FirstSequence, PartitionProducer};

/// Gaps remembered; each takes some tens of bytes. Further ones are not remembered, as Kafka remembers none.
const GAPS_MAX: usize = 100_000;
/// Age at which a gap is dropped: the producer has sent the batch again or given up by then (`delivery.timeout.ms` is 2
/// min by default).
const GAP_AGE_MAX: Duration = Duration::from_secs(300);
/// Pause between two searches for expired gaps while there is no room for more.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two reads of one producer's window; a client retries after 100 ms.
const READ_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
struct Gap {
    start: FirstSequence,
    since: Instant,
    read_at: Option<Instant>,
}

/// The producers with a gap, and the batch that each has to send again first.
#[derive(Debug, Default)]
pub struct Gaps {
    gaps: HashMap<PartitionProducer, Gap>,
    swept: Option<Instant>,
}

impl Gaps {
    /// Remembers that what `producer` sent from `start` on has failed.
    pub fn open(&mut self, producer: PartitionProducer, start: FirstSequence, now: Instant) {
        if self.gaps.len() >= GAPS_MAX && self.swept.is_none_or(|last| now > last + SWEEP_PAUSE) {
            self.swept = Some(now);
            self.gaps.retain(|_, gap| !gap.is_expired(now));
        }
        let known = self.gaps.get(&producer).filter(|gap| !gap.is_expired(now));
        let start = known.map_or(start, |gap| gap.start.earlier(start));
        if known.is_some() || self.gaps.len() < GAPS_MAX {
            self.gaps.insert(producer, Gap { start, since: now, read_at: None });
        }
    }

    /// Whether a batch that begins at `start` may join. The failed batch closes the gap.
    pub fn admit(&mut self, producer: PartitionProducer, start: FirstSequence, now: Instant) -> bool {
        let Some(gap) = self.gaps.get(&producer) else { return true };
        let closes = start == gap.start || start.epoch > gap.start.epoch || gap.is_expired(now);
        if closes {
            self.gaps.remove(&producer);
            return true;
        }
        // A batch from before the failed one may be a duplicate, and a fenced producer must get its error: the commit
        // answers both.
        start.epoch < gap.start.epoch || start.first.is_before(gap.start.first)
    }

    /// Whether to read the window of `producer`, which was just rejected, from the metastore.
    pub fn is_read_due(&mut self, producer: PartitionProducer, now: Instant) -> bool {
        let Some(gap) = self.gaps.get_mut(&producer) else { return false };
        let is_due = gap.read_at.is_none_or(|read_at| now >= read_at + READ_PAUSE);
        if is_due {
            gap.read_at = Some(now);
        }
        is_due
    }

    /// Closes the gap of `producer` if the failed batch, or one after it, is in its window: from then on the commit
    /// checks sequences by itself.
    pub fn close_if_written(&mut self, producer: PartitionProducer, window: &Window) {
        let is_written = |gap: &Gap| match window.epoch.cmp(&gap.start.epoch) {
            Ordering::Greater => true,
            Ordering::Equal => window.batches.last().is_some_and(|newest| !newest.last.is_before(gap.start.first)),
            Ordering::Less => false,
        };
        if self.gaps.get(&producer).is_some_and(is_written) {
            self.gaps.remove(&producer);
        }
    }
}

impl Gap {
    fn is_expired(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > GAP_AGE_MAX
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::producer::WindowBatch;
    use alluvium_model::{
        Offset, PartitionIndex, ProducerEpoch, ProducerId, Sequence, Timestamp, TopicId, TopicPartition,
    };

    use super::*;

    fn producer(id: i64) -> PartitionProducer {
        (TopicPartition::new(TopicId::default(), PartitionIndex(0)), ProducerId(id))
    }

    fn start(epoch: i16, first: i32) -> FirstSequence {
        FirstSequence { epoch: ProducerEpoch(epoch), first: Sequence(first) }
    }

    #[test]
    fn until_a_failed_batch_is_sent_again_only_it_and_those_before_it_are_admitted() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.open(producer(1), start(0, 10), now);
        assert!(!gaps.admit(producer(1), start(0, 20), now));
        assert!(gaps.admit(producer(1), start(0, 5), now));
        assert!(!gaps.admit(producer(1), start(0, 11), now));
        assert!(gaps.admit(producer(1), start(0, 10), now));
        assert!(gaps.admit(producer(1), start(0, 20), now));
    }

    #[test]
    fn the_earliest_of_several_failed_batches_counts_across_the_wrap() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.open(producer(1), start(0, 2), now);
        gaps.open(producer(1), start(0, i32::MAX - 1), now);
        gaps.open(producer(1), start(0, 7), now);
        assert!(!gaps.admit(producer(1), start(0, 2), now));
        assert!(gaps.admit(producer(1), start(0, i32::MAX - 1), now));
    }

    #[test]
    fn a_new_epoch_has_no_gap() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.open(producer(1), start(0, 10), now);
        assert!(gaps.admit(producer(1), start(1, 0), now));
        gaps.open(producer(1), start(1, 10), now);
        gaps.open(producer(1), start(0, 0), now);
        assert!(
            !gaps.admit(producer(1), start(1, 20), now),
            "a failure of the old epoch does not move the gap of the new one"
        );
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
        let is_admitted = |written: Window| {
            let mut gaps = Gaps::default();
            gaps.open(producer(1), start(1, 10), now);
            gaps.close_if_written(producer(1), &written);
            gaps.admit(producer(1), start(1, 20), now)
        };
        assert!(!is_admitted(window(1, 5, 9)));
        assert!(!is_admitted(window(0, 10, 19)));
        assert!(is_admitted(window(1, 10, 19)));
        assert!(is_admitted(window(1, 15, 19)));
        assert!(is_admitted(window(2, 0, 0)));
    }

    #[test]
    fn a_window_is_read_at_most_once_per_pause() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        assert!(!gaps.is_read_due(producer(1), now));
        gaps.open(producer(1), start(0, 10), now);
        assert!(gaps.is_read_due(producer(1), now));
        assert!(!gaps.is_read_due(producer(1), now));
        assert!(gaps.is_read_due(producer(1), now + READ_PAUSE));
    }

    #[test]
    fn a_gap_expires_after_its_age_limit() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        gaps.open(producer(1), start(0, 10), now);
        assert!(!gaps.admit(producer(1), start(0, 20), now + GAP_AGE_MAX));
        assert!(gaps.admit(producer(1), start(0, 20), now + GAP_AGE_MAX + Duration::from_millis(1)));
    }

    #[test]
    fn the_number_of_gaps_is_bounded() {
        let (mut gaps, now) = (Gaps::default(), Instant::now());
        for id in 0..2 * i64::try_from(GAPS_MAX).unwrap() {
            gaps.open(producer(id), start(0, 0), now);
        }
        assert_eq!(gaps.gaps.len(), GAPS_MAX);
    }
}
