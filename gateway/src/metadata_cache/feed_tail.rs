//! Tails the feed to keep the metadata cache up to date. One reader at a time reads the feed to its end and applies it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use alluvium_metastore::feed::{FeedEntry, FeedError, FeedPosition};
use alluvium_model::{TopicId, TopicPartition};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{CachedTopic, MetadataCache, MetadataCacheError};

/// Feed entries in one read.
const ENTRIES_PER_READ_MAX: usize = 256;
/// Pause before the next try if the metastore does not answer.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

impl MetadataCache {
    /// Reads the feed to its end: the cache has everything that was committed before the call. Call it after every
    /// change that this agent commits, and before answering that something does not exist.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn sync(&self) -> Result<(), MetadataCacheError> {
        // A sync that began before this call may miss what the caller has committed; the next one does not.
        let needed = self.shared.syncs_started.load(Ordering::SeqCst) + 1;
        let mut cursor = self.shared.cursor.lock().await;
        if self.shared.syncs_done.load(Ordering::SeqCst) >= needed {
            return Ok(());
        }
        let number = self.shared.syncs_started.fetch_add(1, Ordering::SeqCst) + 1;
        self.catch_up(&mut cursor).await?;
        self.shared.syncs_done.store(number, Ordering::SeqCst);
        self.set_behind_since(None);
        Ok(())
    }

    /// [`Self::sync`] for at most `time_max`, for answers that are given even if the cache is out of date.
    pub async fn catch_up_within(&self, time_max: Duration) {
        match timeout(time_max, self.sync()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "the feed cannot be read; answering from metadata that may be out of date");
            }
            Err(_) => tracing::debug!("the metastore is slow; answering from metadata that may be out of date"),
        }
    }

    /// The task that tails the feed: applies entries as they are committed, until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        while let Some(()) = cancel.run_until_cancelled(self.apply_next()).await {}
    }

    async fn apply_next(&self) {
        let position = *self.shared.cursor.lock().await;
        let applied = match self.shared.metastore.feed.next(&position, ENTRIES_PER_READ_MAX).await {
            Ok(entries) => self.apply_after_cursor(entries).await,
            Err(FeedError::Lagged) => self.sync().await,
            Err(FeedError::Metastore(error)) => Err(MetadataCacheError::from(error)),
        };
        if let Err(error) = applied {
            tracing::warn!(%error, "the feed cannot be read; retrying");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Applies those of `entries` that are after the cursor. A sync may have applied the others meanwhile.
    async fn apply_after_cursor(&self, entries: Vec<(FeedPosition, FeedEntry)>) -> Result<(), MetadataCacheError> {
        self.set_behind_since(Some(Instant::now()));
        let mut cursor = self.shared.cursor.lock().await;
        let (positions, entries): (Vec<FeedPosition>, Vec<FeedEntry>) =
            entries.into_iter().filter(|(position, _)| *position > *cursor).unzip();
        if let Some(last) = positions.last() {
            self.apply(entries).await?;
            *cursor = *last;
        }
        self.set_behind_since(None);
        Ok(())
    }

    async fn catch_up(&self, cursor: &mut FeedPosition) -> Result<(), MetadataCacheError> {
        loop {
            let entries = match self.shared.metastore.feed.read(cursor, ENTRIES_PER_READ_MAX).await {
                Ok(entries) => entries,
                Err(FeedError::Lagged) => {
                    self.rebuild(cursor).await?;
                    continue;
                }
                Err(FeedError::Metastore(error)) => return Err(error.into()),
            };
            let Some((last, _)) = entries.last() else { return Ok(()) };
            let last = *last;
            let more = entries.len() >= ENTRIES_PER_READ_MAX;
            self.apply(entries.into_iter().map(|(_, entry)| entry).collect()).await?;
            *cursor = last;
            if !more {
                return Ok(());
            }
        }
    }

    /// Applies entries in order, after reading the topics that they announce, each once. Applying an entry twice
    /// changes nothing.
    async fn apply(&self, entries: Vec<FeedEntry>) -> Result<(), MetadataCacheError> {
        let mut changed_topics = BTreeSet::new();
        for entry in &entries {
            if let FeedEntry::Topics { ids } = entry {
                changed_topics.extend(ids.iter().copied());
            }
        }
        for id in changed_topics {
            self.read_topic(id).await?;
        }
        self.shared.entries_applied.fetch_add(entries.len() as u64, Ordering::Relaxed);
        for entry in entries {
            self.apply_one(entry);
        }
        Ok(())
    }

    fn apply_one(&self, mut entry: FeedEntry) {
        // Extents of a topic that was deleted meanwhile would never be removed from the cache.
        match &mut entry {
            FeedEntry::Commit { extents, .. } => extents.retain(|(partition, _)| self.exists(*partition)),
            FeedEntry::TransactionEnd { partitions } => partitions.retain(|end| self.exists(end.partition)),
            FeedEntry::Swap { .. } | FeedEntry::Trim { .. } | FeedEntry::Topics { .. } => {}
        }
        self.segments().apply(&entry, Instant::now());
        let changed = self.partitions().apply(&entry);
        if matches!(entry, FeedEntry::Swap { .. } | FeedEntry::Trim { .. }) {
            changed.iter().for_each(|partition| self.shared.cold.invalidate(*partition));
        }
        self.shared.waiters.wake(&changed);
    }

    /// Rebuilds the cache at the end of the feed, because the feed no longer has the entries after the cursor.
    async fn rebuild(&self, cursor: &mut FeedPosition) -> Result<(), MetadataCacheError> {
        self.shared.resets.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("the feed was trimmed beyond what was applied; reading all topics again");
        // A head that is read before the new position and cached after the caches are cleared would stay out of date.
        let _no_head_is_being_read = self.shared.heads.lock().await;
        let position = self.shared.metastore.feed.position().await?;
        self.partitions().clear();
        self.segments().clear();
        self.shared.cold.clear();
        self.read_topics().await?;
        *cursor = position;
        self.shared.waiters.wake_all();
        Ok(())
    }

    async fn read_topic(&self, id: TopicId) -> Result<(), MetadataCacheError> {
        let topic = self.shared.metastore.topics.by_id(id).await?;
        self.put_topic(id, topic.map(|topic| Arc::new(CachedTopic::new(topic))));
        Ok(())
    }

    pub(super) async fn read_topics(&self) -> Result<(), MetadataCacheError> {
        let topics = self.shared.metastore.topics.list().await?;
        let listed: BTreeSet<TopicId> = topics.iter().map(|topic| topic.id).collect();
        for deleted in self.topics().into_iter().filter(|topic| !listed.contains(&topic.topic.id)) {
            self.put_topic(deleted.topic.id, None);
        }
        for topic in topics {
            self.put_topic(topic.id, Some(Arc::new(CachedTopic::new(topic))));
        }
        Ok(())
    }

    fn put_topic(&self, id: TopicId, topic: Option<Arc<CachedTopic>>) {
        let is_deleted = topic.is_none();
        let before = self.shared.topics.write().unwrap_or_else(PoisonError::into_inner).put(id, topic);
        let Some(before) = before else { return };
        let partitions: Vec<TopicPartition> = before.topic.all_partitions().collect();
        if is_deleted {
            let mut cached = self.partitions();
            for partition in &partitions {
                cached.remove(*partition);
                self.shared.cold.invalidate(*partition);
            }
        }
        self.shared.waiters.wake(&partitions);
    }
}
