//! The work that is planned at a time, and its limits. Pure.

use std::collections::VecDeque;

use crate::plan::{self, Compaction, Job};
use crate::work::PartitionWork;

/// Partitions planned at a time: those that share segments are packed into one job, as many as fit one.
pub(crate) const PLAN_PARTITIONS_MAX: usize = plan::JOB_REWRITES_MAX;
/// Extents planned at a time (about 200 B each), and extents of merges that wait.
pub(crate) const PLAN_EXTENTS_MAX: usize = 200_000;

/// What was planned at a time.
pub(crate) struct PlannedWork {
    rewrites: Vec<Compaction>,
    merges: Vec<Compaction>,
    partitions: usize,
    extents: usize,
    bytes: u64,
    bytes_max: u64,
    takes_others_along: bool,
}

impl PlannedWork {
    /// Nothing yet; it is full once its rewrites have `bytes_max` bytes.
    pub(crate) fn new(bytes_max: u64) -> Self {
        let (rewrites, merges) = (Vec::new(), Vec::new());
        Self { rewrites, merges, partitions: 0, extents: 0, bytes: 0, bytes_max, takes_others_along: false }
    }

    /// Whether no more partitions should be planned.
    pub(crate) fn is_full(&self) -> bool {
        self.partitions >= PLAN_PARTITIONS_MAX || self.extents >= PLAN_EXTENTS_MAX || self.bytes >= self.bytes_max
    }

    /// Whether a partition is rewritten because the age of small ones has come, and so others of them that soon will be
    /// should come along.
    pub(crate) fn takes_others_along(&self) -> bool {
        self.takes_others_along
    }

    /// Extents to rewrite and to merge.
    pub(crate) fn extents(&self) -> usize {
        self.extents
    }

    /// Adds the work of one partition.
    pub(crate) fn add(&mut self, work: PartitionWork) {
        self.partitions += 1;
        self.extents += work.inputs();
        self.bytes = work.rewrites.iter().map(Compaction::bytes).fold(self.bytes, u64::saturating_add);
        self.takes_others_along |= work.is_slow;
        self.rewrites.extend(work.rewrites);
        self.merges.extend(work.merges);
    }

    /// The jobs that rewrite, of at most `job_bytes_max` bytes unless a single rewrite is larger. The merges are put to the
    /// `waiting` ones.
    pub(crate) fn into_jobs(self, job_bytes_max: u64, waiting: &mut WaitingMerges) -> Vec<Job> {
        waiting.add(self.merges);
        plan::pack(self.rewrites, job_bytes_max)
    }
}

/// Merges that are planned and not run yet: some after the rewrites of each pass, so that what becomes ripe meanwhile
/// does not wait for all of them.
#[derive(Default)]
pub(crate) struct WaitingMerges {
    merges: VecDeque<Compaction>,
    extents: usize,
}

impl WaitingMerges {
    /// Whether there are so many that no more should be planned.
    pub(crate) fn is_full(&self) -> bool {
        self.extents >= PLAN_EXTENTS_MAX
    }

    fn add(&mut self, merges: Vec<Compaction>) {
        self.extents += merges.iter().map(|merge| merge.inputs.len()).sum::<usize>();
        self.merges.extend(merges);
    }

    /// The next ones: `merges_max` of those that have waited longest.
    pub(crate) fn take(&mut self, merges_max: usize) -> Vec<Job> {
        let taken: Vec<Compaction> = self.merges.drain(..merges_max.min(self.merges.len())).collect();
        self.extents -= taken.iter().map(|merge| merge.inputs.len()).sum::<usize>();
        taken.into_iter().map(Job::Merge).collect()
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};

    use super::*;

    fn compaction(number: i32, inputs: i64, bytes: u64) -> Compaction {
        let extent = |n| Extent {
            offsets: Offset(n)..Offset(n + 1),
            object: ObjectId::new(Timestamp(0), 0, 0),
            source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
            bytes,
            records: 1,
            timestamps: (Timestamp(0), Timestamp(0)),
        };
        let partition = TopicPartition::new(TopicId::default(), PartitionIndex(number));
        let inputs = (0..inputs).map(extent).collect();
        Compaction { topic: "orders".to_owned(), partition, log_start: Offset(0), inputs }
    }

    fn rewrite(compaction: Compaction) -> PartitionWork {
        PartitionWork { rewrites: vec![compaction], ..PartitionWork::default() }
    }

    fn merges(number: i32, count: usize) -> PartitionWork {
        PartitionWork { merges: vec![compaction(number, 4, 1); count], ..PartitionWork::default() }
    }

    #[test]
    fn a_pass_is_full_after_so_many_bytes_extents_or_partitions() {
        let mut pass = PlannedWork::new(100);
        pass.add(rewrite(compaction(1, 3, 33)));
        assert!(!pass.is_full());
        pass.add(rewrite(compaction(2, 1, 1)));
        assert!(pass.is_full());
        let mut pass = PlannedWork::new(u64::MAX);
        (0..100).for_each(|n| pass.add(rewrite(compaction(n, 2_000, 1))));
        assert!(pass.is_full() && pass.extents() == PLAN_EXTENTS_MAX);
        let mut pass = PlannedWork::new(u64::MAX);
        (0..PLAN_PARTITIONS_MAX).for_each(|_| pass.add(PartitionWork::default()));
        assert!(pass.is_full());
    }

    #[test]
    fn a_pass_takes_others_along_if_a_rewrite_is_slow() {
        let mut pass = PlannedWork::new(u64::MAX);
        pass.add(rewrite(compaction(1, 1, 2 << 20)));
        assert!(!pass.takes_others_along());
        pass.add(PartitionWork { is_slow: true, ..rewrite(compaction(3, 1, 100)) });
        pass.add(merges(2, 1));
        assert!(pass.takes_others_along());
    }

    #[test]
    fn merges_wait_and_some_are_taken_at_a_time() {
        let (mut pass, mut waiting) = (PlannedWork::new(u64::MAX), WaitingMerges::default());
        pass.add(merges(1, 3));
        pass.add(rewrite(compaction(2, 1, 1)));
        let jobs = pass.into_jobs(1_000, &mut waiting);
        assert!(matches!(jobs.as_slice(), [Job::Rewrite(_)]));
        assert_eq!([2, 2, 2].map(|merges_max| waiting.take(merges_max).len()), [2, 1, 0]);
        assert_eq!(waiting.extents, 0);
        waiting.add(vec![compaction(1, 4, 1); PLAN_EXTENTS_MAX / 4]);
        assert!(waiting.is_full());
        waiting.take(1);
        assert!(!waiting.is_full());
    }
}
