//! The segments that the feed announced lately: about how large each is, and whether it is still at the tail. Pure.
//!
//! Readers at the tail of all partitions of a segment come within moments of its announcement, so that one load of the
//! whole serves them all. Whoever comes later reads for itself.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use alluvium_metastore::feed::FeedEntry;
use alluvium_model::{ExtentSource, ObjectId};
use tokio::time::Instant;

/// Segments remembered: at about 70 B each, 1 MB; at ten a second, 27 minutes.
const SEGMENTS_MAX: usize = 16_384;
/// A segment is at the tail for this long after its announcement: well over the time that a slow GET takes, and far
/// below the lag of a consumer that catches up.
pub const TAIL_AGE_MAX: Duration = Duration::from_secs(5);

/// A segment that the feed announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnouncedSegment {
    /// Its size in bytes, as far as its extents tell: without the footer.
    pub bytes: u64,
    /// Bytes of the segments announced from this one on, itself included.
    pub bytes_since: u64,
    /// Whether it was announced within [`TAIL_AGE_MAX`].
    pub is_new: bool,
}

/// Segments by id, the oldest of [`SEGMENTS_MAX`] forgotten first.
#[derive(Debug, Default)]
pub struct AnnouncedSegments {
    by_id: HashMap<ObjectId, Announced>,
    /// The oldest first.
    order: VecDeque<ObjectId>,
    /// Bytes announced so far.
    bytes: u64,
}

#[derive(Debug)]
struct Announced {
    bytes: u64,
    /// Bytes announced before it.
    bytes_before: u64,
    at: Instant,
}

impl AnnouncedSegments {
    /// Notes the segments that `entry`, applied at `now`, announces. The entries of one large commit add up.
    pub fn apply(&mut self, entry: &FeedEntry, now: Instant) {
        let FeedEntry::Commit { extents, .. } = entry else { return };
        for (_, extent) in extents {
            if let ExtentSource::Segment { position, .. } = &extent.source {
                self.note(extent.object, position.end, now);
            }
        }
    }

    fn note(&mut self, object: ObjectId, end: u64, now: Instant) {
        let announced = self.by_id.entry(object).or_insert_with(|| {
            self.order.push_back(object);
            Announced { bytes: 0, bytes_before: self.bytes, at: now }
        });
        let more = end.saturating_sub(announced.bytes);
        announced.bytes += more;
        self.bytes += more;
        while self.order.len() > SEGMENTS_MAX {
            self.order.pop_front().and_then(|oldest| self.by_id.remove(&oldest));
        }
    }

    /// What is known of `object` at `now`; `None` if it was not announced lately.
    #[must_use]
    pub fn find(&self, object: ObjectId, now: Instant) -> Option<AnnouncedSegment> {
        self.by_id.get(&object).map(|announced| AnnouncedSegment {
            bytes: announced.bytes,
            bytes_since: self.bytes - announced.bytes_before,
            is_new: now.saturating_duration_since(announced.at) < TAIL_AGE_MAX,
        })
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::{Extent, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
    use uuid::Uuid;

    use super::*;

    fn object(n: u64) -> ObjectId {
        ObjectId::new(Timestamp(1), 1, n)
    }

    fn commit(segment: u64, ends: &[u64]) -> FeedEntry {
        let partition = TopicPartition::new(TopicId(Uuid::nil()), PartitionIndex(0));
        let extent = |end: &u64| Extent {
            offsets: Offset(0)..Offset(1),
            object: object(segment),
            source: ExtentSource::Segment { position: 0..*end, rejected: Vec::new() },
            bytes: *end,
            records: 1,
            timestamps: (Timestamp(1), Timestamp(1)),
        };
        FeedEntry::Commit { extents: ends.iter().map(|end| (partition, extent(end))).collect(), stable: Vec::new() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_segment_is_as_large_as_its_last_run_says_and_new_for_a_while() {
        let (mut segments, began) = (AnnouncedSegments::default(), Instant::now());
        segments.apply(&commit(1, &[10, 30]), began);
        segments.apply(&commit(1, &[50, 40]), began);
        segments.apply(&commit(2, &[7]), began);
        let first = AnnouncedSegment { bytes: 50, bytes_since: 57, is_new: true };
        assert_eq!(segments.find(object(1), began), Some(first));
        let last = AnnouncedSegment { bytes: 7, bytes_since: 7, is_new: false };
        assert_eq!(segments.find(object(2), began + TAIL_AGE_MAX), Some(last));
        assert_eq!(segments.find(object(3), began), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_segments_are_forgotten() {
        let (mut segments, now) = (AnnouncedSegments::default(), Instant::now());
        for segment in 0..=SEGMENTS_MAX as u64 {
            segments.apply(&commit(segment, &[1]), now);
        }
        assert_eq!(segments.find(object(0), now), None);
        assert!(segments.find(object(1), now).is_some());
        assert_eq!(segments.by_id.len(), SEGMENTS_MAX);
    }
}
