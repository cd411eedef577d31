//! Segments that a job could not read for a while. Pure.

use std::collections::BTreeSet;

use alluvium_model::ObjectId;

/// Segments remembered (16 B each, about 30 B with their place); if there are more, the oldest are forgotten, and their
/// next failure counts as the first.
const UNREAD_MAX: usize = 10_000;

/// Segments of which a read has failed, in jobs that have ended: what needs them is not written in parts after their
/// first failure, as the next job probably reads them.
#[derive(Debug, Default)]
pub(crate) struct UnreadSegments(BTreeSet<ObjectId>);

impl UnreadSegments {
    /// Whether `segment` could not be read by an earlier job.
    pub(super) fn contains(&self, segment: ObjectId) -> bool {
        self.0.contains(&segment)
    }

    /// A job could not read `segments`.
    pub(super) fn add(&mut self, segments: impl IntoIterator<Item = ObjectId>) {
        self.0.extend(segments);
        while self.0.len() > UNREAD_MAX {
            self.0.pop_first();
        }
    }

    /// A job has read `segments`.
    pub(super) fn remove(&mut self, segments: impl IntoIterator<Item = ObjectId>) {
        if !self.0.is_empty() {
            for segment in segments {
                self.0.remove(&segment);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::Timestamp;

    use super::*;

    #[test]
    fn segments_are_remembered_until_they_are_read_or_too_many() {
        let segment = |n| ObjectId::new(Timestamp(n), 0, 0);
        let mut unread = UnreadSegments::default();
        unread.add((0..3).map(segment));
        unread.remove([segment(1)]);
        assert_eq!((0..3).map(|n| unread.contains(segment(n))).collect::<Vec<_>>(), [true, false, true]);
        unread.add((10..10 + i64::try_from(UNREAD_MAX).expect("small")).map(segment));
        assert_eq!(unread.0.len(), UNREAD_MAX);
        assert!(!unread.contains(segment(0)));
    }
}
