//! What a job has done so far: it reports each batch here, and what it holds if it stops in the middle is known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alluvium_metastore::leases::{Lease, LeaseKey};
use alluvium_model::{Offset, TopicPartition};
use tokio::sync::mpsc;

use super::job_result::JobResult;
use crate::plan::Job;

/// The progress of one job.
pub(crate) struct Progress {
    job: u64,
    results: mpsc::Sender<JobResult>,
    open: Mutex<Open>,
}

/// What would be left if the job stopped now.
#[derive(Default)]
struct Open {
    /// Compactions whose end was not reported.
    compactions: BTreeSet<(TopicPartition, Offset, Offset)>,
    /// Leases, and how often the job uses each.
    leases: BTreeMap<LeaseKey, (Lease, usize)>,
}

impl Progress {
    /// Nothing done of `job`, whose number is `number`; results of batches go to `results`.
    pub(crate) fn new(number: u64, job: &Job, results: mpsc::Sender<JobResult>) -> Self {
        let compactions = job.compactions().iter().map(|compaction| {
            let offsets = compaction.offsets();
            (compaction.partition, offsets.start, offsets.end)
        });
        let open = Open { compactions: compactions.collect(), leases: BTreeMap::new() };
        Self { job: number, results, open: Mutex::new(open) }
    }

    /// Reports a batch.
    pub(super) async fn send(&self, result: JobResult) {
        {
            let mut open = self.open();
            let replaced = result.replaced.iter().map(|replaced| (replaced.partition, &replaced.offsets));
            let not_done = result.not_done.iter().map(|(partition, offsets)| (*partition, offsets));
            for (partition, offsets) in replaced.chain(not_done) {
                open.compactions.remove(&(partition, offsets.start, offsets.end));
            }
        }
        // Nobody listens only if the compactor is stopping.
        let _ = self.results.send(JobResult { job: self.job, ..result }).await;
    }

    /// Notes that the job uses `leases`.
    pub(super) fn leased<'a>(&self, leases: impl IntoIterator<Item = &'a Lease>) {
        let mut open = self.open();
        for lease in leases {
            open.leases.entry(lease.key.clone()).or_insert_with(|| (lease.clone(), 0)).1 += 1;
        }
    }

    /// Notes that the job uses `leases` once less each.
    pub(super) fn released(&self, leases: &[Lease]) {
        let mut open = self.open();
        for lease in leases {
            if let Some((_, uses)) = open.leases.get_mut(&lease.key) {
                *uses = uses.saturating_sub(1);
            }
        }
        open.leases.retain(|_, (_, uses)| *uses > 0);
    }

    /// The leases that the job still uses, each as often as it does. It must have stopped.
    pub(crate) fn take_leases(&self) -> Vec<Lease> {
        let leases = std::mem::take(&mut self.open().leases).into_values();
        leases.flat_map(|(lease, uses)| std::iter::repeat_n(lease, uses)).collect()
    }

    /// The last result of a job that did not come to its end, because of `error` in `what`: none of what was not
    /// reported before is done.
    pub(crate) fn failed(&self, what: &str, error: &dyn std::fmt::Display) -> JobResult {
        let mut result = JobResult { job: self.job, is_end: true, ..JobResult::default() };
        result.report.fail(what, error);
        let open = std::mem::take(&mut self.open().compactions);
        result.not_done = open.into_iter().map(|(partition, start, end)| (partition, start..end)).collect();
        result
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::node::{Incarnation, LeaseOwner};
    use alluvium_model::{AgentId, Extent, ExtentSource, ObjectId, PartitionIndex, Timestamp, TopicId};

    use super::super::job_result::Replaced;
    use super::*;
    use crate::plan::Compaction;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new(TopicId::default(), PartitionIndex(number))
    }

    fn compaction(number: i32) -> Compaction {
        let extent = Extent {
            offsets: Offset(0)..Offset(7),
            object: ObjectId::default(),
            source: ExtentSource::Segment { position: 0..1, rejected: Vec::new() },
            bytes: 1,
            records: 7,
            timestamps: (Timestamp(0), Timestamp(0)),
        };
        Compaction {
            topic: "orders".to_owned(),
            partition: partition(number),
            log_start: Offset(0),
            inputs: vec![extent],
        }
    }

    #[tokio::test]
    async fn a_job_that_stops_leaves_what_it_has_not_reported_and_the_leases_that_it_has_not_released() {
        let (results, mut sent) = mpsc::channel(1);
        let progress = Progress::new(5, &Job::Rewrite((0..4).map(compaction).collect()), results);
        let owner = LeaseOwner { id: AgentId(0), incarnation: Incarnation(0) };
        let leases: Vec<Lease> =
            [0, 1, 1].map(|number| Lease { key: LeaseKey::Partition(partition(number)), owner, token: 0 }).into();
        progress.leased(&leases);
        let offsets = Offset(0)..Offset(7);
        let replaced = vec![Replaced { partition: partition(1), offsets: offsets.clone(), inputs: Vec::new() }];
        let not_done = vec![(partition(2), offsets.clone())];
        progress.send(JobResult { replaced, not_done, ..JobResult::default() }).await;
        progress.released(&leases[..2]);

        let result = progress.failed("a compaction", &"a panic");
        assert_eq!(result.not_done, vec![(partition(0), offsets.clone()), (partition(3), offsets)]);
        assert_eq!(result.report.failures, vec!["a compaction: a panic".to_owned()]);
        assert!(result.is_end && result.job == 5);
        assert_eq!(progress.take_leases(), leases[2..].to_vec());
        assert_eq!(progress.take_leases(), Vec::new());
        let batch = sent.recv().await.expect("reported");
        assert!(!batch.is_end && batch.job == 5);
    }
}
