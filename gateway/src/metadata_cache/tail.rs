//! Keeping the cached up to date: the feed is read up to its tip and applied, one reader at a time.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use alluvium_metastore::feed::{FeedEntry, FeedError, FeedPosition};
use alluvium_model::{TopicId, TopicPartition};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{CachedTopic, MetadataCache, MetadataCacheError};

/// Entries of one read of the feed.
const ENTRIES_PER_READ_MAX: usize = 256;
/// Pause after the metastore did not answer.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

impl MetadataCache {
    /// Reads the feed up to its tip: what was committed before the call is in the cached after it. Call it after every
    /// mutation of one's own and before answering that something does not exist.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn sync(&self) -> Result<(), MetadataCacheError> {
        // A reading that began before this call may miss what this caller has committed; the next one does not.
        let needed = self.shared.syncs_started.load(Ordering::SeqCst) + 1;
        let mut cursor = self.shared.cursor.lock().await;
        if self.shared.syncs_done.load(Ordering::SeqCst) >= needed {
            return Ok(());
        }
        let number = self.shared.syncs_started.fetch_add(1, Ordering::SeqCst) + 1;
        self.catch_up(&mut cursor).await?;
        self.shared.syncs_done.store(number, Ordering::SeqCst);
        self.behind(None);
        Ok(())
    }

    /// [`Self::sync`], where it takes no longer than `patience`: for answers that must be given anyhow.
    pub async fn catch_up_within(&self, patience: Duration) {
        match timeout(patience, self.sync()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "answering from a cached that may be out of date"),
            Err(_) => tracing::debug!("answering from a cached that may be out of date: the metastore is slow"),
        }
    }

    /// The tail task: applies the feed as it grows, until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        while let Some(()) = cancel.run_until_cancelled(self.follow_once()).await {}
    }

    async fn follow_once(&self) {
        let position = *self.shared.cursor.lock().await;
        let followed = match self.shared.metastore.feed.next(&position, ENTRIES_PER_READ_MAX).await {
            Ok(news) => self.take_in(news).await,
            Err(FeedError::Lagged) => self.sync().await,
            Err(FeedError::Metastore(error)) => Err(MetadataCacheError::from(error)),
        };
        if let Err(error) = followed {
            tracing::warn!(%error, "the feed cannot be read; trying again");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Applies what follows an earlier position: what a sync has applied meanwhile is passed over.
    async fn take_in(&self, news: Vec<(FeedPosition, FeedEntry)>) -> Result<(), MetadataCacheError> {
        self.behind(Some(Instant::now()));
        let mut cursor = self.shared.cursor.lock().await;
        let (positions, entries): (Vec<FeedPosition>, Vec<FeedEntry>) =
            news.into_iter().filter(|(position, _)| *position > *cursor).unzip();
        if let Some(last) = positions.last() {
            self.apply(entries).await?;
            *cursor = *last;
        }
        self.behind(None);
        Ok(())
    }

    async fn catch_up(&self, cursor: &mut FeedPosition) -> Result<(), MetadataCacheError> {
        loop {
            let entries = match self.shared.metastore.feed.read(cursor, ENTRIES_PER_READ_MAX).await {
                Ok(entries) => entries,
                Err(FeedError::Lagged) => {
                    self.start_over(cursor).await?;
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

    /// Applies entries in order; topics are read again once for all of them. Applying an entry twice changes nothing.
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
        if let FeedEntry::Commit { extents } = &mut entry {
            // What is told of a topic that is gone by now would never be forgotten.
            extents.retain(|(partition, _)| self.exists(*partition));
        }
        let changed = self.cached().apply(&entry);
        if matches!(entry, FeedEntry::Swap { .. } | FeedEntry::Trim { .. }) {
            changed.iter().for_each(|partition| self.shared.cold.forget(*partition));
        }
        self.shared.waiters.wake(&changed);
    }

    /// The feed no longer has what comes next: everything is read anew from its end.
    async fn start_over(&self, cursor: &mut FeedPosition) -> Result<(), MetadataCacheError> {
        self.shared.resets.fetch_add(1, Ordering::Relaxed);
        tracing::warn!("lagged behind the feed; reading everything again");
        // A head that was read before the new position, and learnt after everything was forgotten, would stay behind.
        let _no_head_is_being_read = self.shared.heads.lock().await;
        let position = self.shared.metastore.feed.position().await?;
        self.cached().clear();
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
        for gone in self.topics().into_iter().filter(|topic| !listed.contains(&topic.topic.id)) {
            self.put_topic(gone.topic.id, None);
        }
        for topic in topics {
            self.put_topic(topic.id, Some(Arc::new(CachedTopic::new(topic))));
        }
        Ok(())
    }

    fn put_topic(&self, id: TopicId, topic: Option<Arc<CachedTopic>>) {
        let gone = topic.is_none();
        let before = self.shared.topics.write().unwrap_or_else(PoisonError::into_inner).put(id, topic);
        let Some(before) = before else { return };
        let partitions: Vec<TopicPartition> = before.topic.all_partitions().collect();
        if gone {
            let mut cached = self.cached();
            for partition in &partitions {
                cached.remove(*partition);
                self.shared.cold.forget(*partition);
            }
        }
        self.shared.waiters.wake(&partitions);
    }
}
