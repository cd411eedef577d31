//! Keeps what is known of the work up to date: by the feed, and by a survey of everything at the start, when the feed
//! was missed, when partitions were assigned anew, and rarely.
//!
//! The backlog is locked while a partition is read and while entries of the feed are applied, so that both happen one
//! after the other: an entry is either in the reading, and ignored, or applied after it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alluvium_metastore::Error;
use alluvium_metastore::feed::{Feed, FeedEntry, FeedError, FeedPosition};
use alluvium_metastore::leases::MaintenanceRole;
use alluvium_metastore::topics::Topic;
use alluvium_model::log::Head;
use alluvium_model::{Extent, Timestamp, TopicPartition};
use alluvium_runtime::Clock;
use tokio::sync::{MutexGuard as AsyncMutexGuard, watch};

use super::assignment::Assignment;
use super::{Backlog, ExpiryQueue, LargePartitions, PartitionWork, PlanInput, Planner};
use crate::Counters;
use crate::assigned_work::AssignedWork;
use crate::held_leases::HeldLeases;
use crate::in_flight::{BusyExtents, InFlight};
use crate::plan::{Policy, Selection};
use crate::retention::Retention;
use crate::tasks::TaskStatus;

/// Entries of the feed in one read.
const FEED_ENTRIES_MAX: usize = 256;
/// Pause between two reads of the feed while it grows: one read for many commits, and a lag of no more than that.
const FEED_PAUSE: Duration = Duration::from_millis(200);
/// After this time a partition is looked at again whose merges found no room: longer than some of those that wait take,
/// as each look reads its extents.
const MERGES_PAUSE: Duration = Duration::from_secs(300);

/// What is known of the work of this compactor.
pub(crate) struct WorkIndex {
    feed: Feed,
    pub(crate) planner: Planner,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    backlog: tokio::sync::Mutex<Backlog>,
    expiry: Mutex<ExpiryQueue>,
    assignment: Assignment,
    is_survey_needed: AtomicBool,
    /// Whether the feed is tailed from some position on: a survey that began earlier would have to be repeated.
    is_tailing: watch::Sender<bool>,
}

impl WorkIndex {
    pub(crate) fn new(
        feed: Feed,
        planner: Planner,
        policy: Policy,
        large: LargePartitions,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            feed,
            planner,
            clock,
            counters,
            backlog: tokio::sync::Mutex::new(Backlog::new(policy)),
            expiry: Mutex::default(),
            assignment: Assignment::new(large),
            is_survey_needed: AtomicBool::new(true),
            is_tailing: watch::Sender::new(false),
        }
    }

    pub(crate) async fn backlog(&self) -> AsyncMutexGuard<'_, Backlog> {
        self.backlog.lock().await
    }

    /// Shows how much waits at level 0. Returns how many partitions are worth a look.
    pub(crate) fn show_lag(&self, backlog: &Backlog) -> usize {
        let now = self.clock.now();
        self.counters.set_lag(backlog.lag(), backlog.age(now));
        self.counters.set_active_partitions(self.assignment.active_partitions());
        backlog.ripe(now)
    }

    pub(crate) fn expiry(&self) -> MutexGuard<'_, ExpiryQueue> {
        self.expiry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what is assigned to this compactor. Work that is new to it is found by a survey.
    pub(crate) async fn assign(&self, assigned: AssignedWork) {
        let mut backlog = self.backlog.lock().await;
        if !self.assignment.set(assigned) {
            return;
        }
        backlog.retain(|partition| self.assignment.has_partition(partition));
        if !self.has_retention() {
            self.expiry().clear();
        }
        self.is_survey_needed.store(true, Ordering::Relaxed);
    }

    /// Finds the partitions that have got or lost so much data that somebody else may have them now.
    pub(crate) async fn reassign(&self) {
        let now = self.clock.now();
        let changed = self.assignment.sweep(now);
        if !changed.is_empty() {
            let mut backlog = self.backlog.lock().await;
            changed.into_iter().for_each(|partition| self.take_or_leave(&mut backlog, partition, now));
        }
    }

    /// Looks at `partition`, which is assigned by something else since now, or leaves it to another compactor.
    fn take_or_leave(&self, backlog: &mut Backlog, partition: TopicPartition, now: Timestamp) {
        if self.assignment.has_partition(partition) {
            backlog.look_at(partition, now);
        } else {
            backlog.remove(partition);
        }
    }

    fn has_retention(&self) -> bool {
        self.assignment.has_role(MaintenanceRole::Retention)
    }

    /// Tails the feed from its end until reading it fails.
    pub(crate) async fn tail(&self, leases: &HeldLeases, status: &TaskStatus) -> Result<(), Error> {
        let mut position = self.feed.position().await?;
        // Whatever came before is found by a survey.
        self.request_survey();
        self.is_tailing.send_replace(true);
        loop {
            status.set_passed(self.clock.now());
            let entries = match self.feed.next(&position, FEED_ENTRIES_MAX).await {
                Ok(entries) => entries,
                Err(FeedError::Lagged) => return Ok(()),
                Err(FeedError::Metastore(error)) => return Err(error),
            };
            let is_caught_up = entries.len() < FEED_ENTRIES_MAX;
            status.set_backlog(entries.len());
            self.assign(leases.assigned_work()).await;
            position = self.apply(entries, position).await?;
            if is_caught_up {
                status.set_backlog(0);
                tokio::time::sleep(FEED_PAUSE).await;
            }
        }
    }

    async fn apply(
        &self,
        entries: Vec<(FeedPosition, FeedEntry)>,
        mut position: FeedPosition,
    ) -> Result<FeedPosition, Error> {
        let now = self.clock.now();
        let has_retention = self.has_retention();
        let mut topics = Vec::new();
        {
            let mut backlog = self.backlog.lock().await;
            let mut expiry = self.expiry();
            for (at, entry) in entries {
                position = at;
                let mut append = |partition, extent: &Extent| {
                    if has_retention {
                        expiry.append(partition, now);
                    }
                    if self.assignment.append(partition, extent, now) {
                        self.take_or_leave(&mut backlog, partition, now);
                    }
                    if self.assignment.has_partition(partition) {
                        backlog.append(partition, extent, now);
                    }
                };
                match entry {
                    FeedEntry::Commit { extents, .. } => {
                        extents.iter().for_each(|(partition, extent)| append(*partition, extent));
                    }
                    FeedEntry::TransactionEnd { partitions } => {
                        partitions.iter().for_each(|end| append(end.partition, &end.marker));
                    }
                    FeedEntry::Swap { partition, inputs, outputs } => {
                        if outputs.iter().any(|extent| extent.level() == 1) {
                            self.assignment.compacted(partition);
                        }
                        backlog.swap(partition, &inputs, now);
                    }
                    FeedEntry::Trim { partition, start } => backlog.trim(partition, start, now),
                    FeedEntry::Topics { ids } => {
                        ids.iter().for_each(|id| backlog.change_topic(*id, now));
                        topics.extend(ids);
                    }
                }
            }
            self.show_lag(&backlog);
        }
        for id in topics.into_iter().filter(|_| has_retention) {
            let topic = self.planner.topics.by_id(id).await?;
            if let Some(topic) = topic.filter(Retention::concerns) {
                let heads = self.planner.heads(&topic).await?;
                let mut expiry = self.expiry();
                heads.iter().for_each(|(partition, _)| expiry.look_at(*partition, now));
            }
        }
        Ok(position)
    }

    /// Waits until the feed is tailed.
    pub(crate) async fn tailing(&self) {
        // The sender is a part of this.
        let _ = self.is_tailing.subscribe().wait_for(|is_tailing| *is_tailing).await;
    }

    /// Makes a survey due.
    pub(crate) fn request_survey(&self) {
        self.is_survey_needed.store(true, Ordering::Relaxed);
    }

    /// Whether a survey is due, as the last one ended `since` ago.
    pub(crate) fn is_survey_due(&self, since: Option<Duration>, interval: Duration) -> bool {
        self.is_survey_needed.load(Ordering::Relaxed) || since.is_none_or(|since| since >= interval)
    }

    /// Reads everything once.
    pub(crate) async fn survey(&self) -> Result<(), Error> {
        self.is_survey_needed.store(false, Ordering::Relaxed);
        let surveyed = self.read_everything().await;
        if surveyed.is_err() {
            self.is_survey_needed.store(true, Ordering::Relaxed);
        }
        surveyed
    }

    async fn read_everything(&self) -> Result<(), Error> {
        let has_retention = self.has_retention();
        for topic in self.planner.topics().await? {
            let may_expire = has_retention && Retention::concerns(&topic);
            for (partition, head) in self.planner.heads(&topic).await? {
                if may_expire {
                    self.expiry().look_at(partition, self.clock.now());
                }
                if self.assignment.has_partition(partition) || self.assignment.would_own_if_large(partition, &head) {
                    let mut backlog = self.backlog.lock().await;
                    // A look at it decides; what is there in one that was never looked at is read now, for the lag.
                    self.read(&mut backlog, &topic, partition, head).await?;
                }
            }
        }
        Ok(())
    }

    /// Reads level 0 of one partition without planning it: from what is there may follow whose it is.
    async fn read(
        &self,
        backlog: &mut Backlog,
        topic: &Topic,
        partition: TopicPartition,
        head: Head,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let (end, selection) = (head.stable, Selection::None);
        let input =
            PlanInput { topic, partition, head, end, selection, bytes_max: 0, in_flight: &BusyExtents::default(), now };
        let work = self.planner.plan(input).await?;
        self.assignment.surveyed(partition, &work.reading.lag, now);
        if self.assignment.has_partition(partition) {
            backlog.surveyed(partition, &work.reading, !work.merges.is_empty(), now);
        } else {
            backlog.remove(partition);
        }
        Ok(())
    }

    /// Plans the next partition that is worth a look, around what is `in_flight`, and notes its work there. `None` if
    /// there is none.
    pub(crate) async fn plan_next(
        &self,
        in_flight: &InFlight,
        looks: PassLooks,
    ) -> Result<Option<PartitionWork>, Error> {
        let mut backlog = self.backlog.lock().await;
        let Some(partition) = backlog.take_due(looks.now, looks.retry) else { return Ok(None) };
        self.look(&mut backlog, partition, Selection::Eligible, in_flight, looks).await.map(Some)
    }

    /// Plans `partition`, which may be rewritten early because others are rewritten too.
    pub(crate) async fn plan_early(
        &self,
        partition: TopicPartition,
        in_flight: &InFlight,
        looks: PassLooks,
    ) -> Result<PartitionWork, Error> {
        let mut backlog = self.backlog.lock().await;
        let Some(partition) = backlog.take(partition, looks.retry) else { return Ok(PartitionWork::default()) };
        self.look(&mut backlog, partition, Selection::Early, in_flight, looks).await
    }

    /// Plans `partition` and notes what is planned as in flight.
    async fn look(
        &self,
        backlog: &mut Backlog,
        partition: TopicPartition,
        selection: Selection,
        in_flight: &InFlight,
        looks: PassLooks,
    ) -> Result<PartitionWork, Error> {
        let PassLooks { now, retry, bytes_max, with_merges } = looks;
        if !self.assignment.has_partition(partition) {
            // It was assigned elsewhere while a job had work of it.
            backlog.remove(partition);
            return Ok(PartitionWork::default());
        }
        let Some((topic, head)) = self.planner.partition(partition).await? else {
            self.planner.forget(partition);
            backlog.remove(partition);
            return Ok(PartitionWork::default());
        };
        let (end, busy) = (head.stable, in_flight.of(partition));
        let input = PlanInput { topic: &topic, partition, head, end, selection, bytes_max, in_flight: &busy, now };
        let mut work = self.planner.plan(input).await?;
        backlog.read(partition, &work.reading, retry, now);
        if !with_merges && !work.merges.is_empty() {
            work.merges.clear();
            backlog.look_at(partition, now.plus(MERGES_PAUSE));
        }
        work.compactions().for_each(|compaction| in_flight.add(compaction));
        Ok(work)
    }
}

/// What all looks of one pass at partitions have in common.
#[derive(Clone, Copy)]
pub(crate) struct PassLooks {
    pub(crate) now: Timestamp,
    /// When to look again at a partition that gives no work, unless something happens to it.
    pub(crate) retry: Timestamp,
    /// Bytes of the rewrites that one look gives, unless the first of them is larger.
    pub(crate) bytes_max: u64,
    /// Whether merges are wanted too, or left to a later look.
    pub(crate) with_merges: bool,
}
