//! The handle of the cached: what is known, asked without waiting; what is not, read once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::feed::FeedPosition;
use alluvium_metastore::log::Log;
use alluvium_model::{Extent, Offset, TopicId, TopicPartition};
use tokio::time::Instant;

use super::cold::ColdExtents;
use super::partitions::CachedPartitions;
use super::topics::TopicIndex;
use super::waiters::{Waiters, Watch};
use super::{CachedHead, CachedTopic, MetadataCacheError};

/// Heads read by one lookup.
const HEADS_PER_READ_MAX: usize = 1_000;

/// The cached. Clones share it.
#[derive(Clone)]
pub struct MetadataCache {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) metastore: Metastore,
    pub(super) topics: RwLock<TopicIndex>,
    cached: Mutex<CachedPartitions>,
    pub(super) waiters: Waiters,
    pub(super) cold: ColdExtents,
    /// Up to where the feed was applied; whoever holds it applies more.
    pub(super) cursor: tokio::sync::Mutex<FeedPosition>,
    pub(super) syncs_started: AtomicU64,
    pub(super) syncs_done: AtomicU64,
    pub(super) entries_applied: AtomicU64,
    pub(super) resets: AtomicU64,
    /// Since when there is something in the feed that was not applied yet.
    pub(super) behind_since: Mutex<Option<Instant>>,
    /// Whoever holds it reads heads, so that none is read twice at once, nor across the loss of the feed.
    pub(super) heads: tokio::sync::Mutex<()>,
}

/// Whether records are new or old: which cache they go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// The feed told of them lately.
    Tail,
    /// They were looked up.
    Backfill,
}

impl MetadataCache {
    /// Reads the topics, from which on the feed tells.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn open(metastore: Metastore, retire_grace: Duration) -> Result<Self, MetadataCacheError> {
        let cold = ColdExtents::new(metastore.log.clone(), retire_grace / 2);
        // The position first: what changes while topics are read is then told again.
        let position = metastore.feed.position().await?;
        let metadata_cache = Self {
            shared: Arc::new(Shared {
                metastore,
                topics: RwLock::default(),
                cached: Mutex::default(),
                waiters: Waiters::default(),
                cold,
                cursor: tokio::sync::Mutex::new(position),
                syncs_started: AtomicU64::new(0),
                syncs_done: AtomicU64::new(0),
                entries_applied: AtomicU64::new(0),
                resets: AtomicU64::new(0),
                behind_since: Mutex::new(None),
                heads: tokio::sync::Mutex::new(()),
            }),
        };
        metadata_cache.read_topics().await?;
        Ok(metadata_cache)
    }

    /// The topic called `name`.
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<Arc<CachedTopic>> {
        self.shared.topics.read().unwrap_or_else(PoisonError::into_inner).by_name(name)
    }

    /// The topic with this id.
    #[must_use]
    pub fn topic_by_id(&self, id: TopicId) -> Option<Arc<CachedTopic>> {
        self.shared.topics.read().unwrap_or_else(PoisonError::into_inner).by_id(id)
    }

    /// All topics, by name.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<CachedTopic>> {
        self.shared.topics.read().unwrap_or_else(PoisonError::into_inner).all()
    }

    /// The head of `partition`, read from the metastore the first time; `None` where there is no such
    /// partition.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn head(&self, partition: TopicPartition) -> Result<Option<CachedHead>, MetadataCacheError> {
        self.load_heads(&[partition]).await?;
        Ok(self.cached_head(partition))
    }

    /// The head of `partition`, if it was read before and still exists.
    #[must_use]
    pub fn cached_head(&self, partition: TopicPartition) -> Option<CachedHead> {
        self.exists(partition).then(|| self.cached().head(partition)).flatten()
    }

    /// Reads those heads of `partitions` that are not known yet.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn load_heads(&self, partitions: &[TopicPartition]) -> Result<(), MetadataCacheError> {
        if self.unknown(partitions).is_empty() {
            return Ok(());
        }
        let _reading = self.shared.heads.lock().await;
        for missing in self.unknown(partitions).chunks(HEADS_PER_READ_MAX) {
            // The feed is merged into what is read whichever is newer, so nothing is missed in between.
            let heads = self.shared.metastore.log.heads(missing).await?;
            let mut cached = self.cached();
            for (partition, head) in missing.iter().zip(heads) {
                // What is learnt of a topic that is gone by now would never be forgotten.
                if let Some(head) = head
                    && self.exists(*partition)
                {
                    cached.learn(*partition, head.into());
                }
            }
        }
        Ok(())
    }

    /// Extents of `partition` from the one that holds `from` up to `until`, of about `bytes`: from memory where the feed
    /// told of them lately, else looked up.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn extents(
        &self,
        partition: TopicPartition,
        from: Offset,
        until: Offset,
        bytes: u64,
    ) -> Result<(Tier, Vec<Arc<Extent>>), MetadataCacheError> {
        match self.recent(partition, from, bytes) {
            Some(extents) => Ok((Tier::Tail, extents)),
            None => Ok((Tier::Backfill, self.shared.cold.find(partition, from, until, bytes).await?)),
        }
    }

    /// The same from memory only; `None` where they have to be looked up.
    #[must_use]
    pub fn recent(&self, partition: TopicPartition, from: Offset, bytes: u64) -> Option<Vec<Arc<Extent>>> {
        self.cached().recent(partition, from, bytes)
    }

    /// The logs that the cached is of, for what it does not hold.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.shared.metastore.log
    }

    /// An object of `partition` was gone: forgets where its records were, and brings the cached up to date.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn refresh(&self, partition: TopicPartition) -> Result<(), MetadataCacheError> {
        self.sync().await?;
        self.shared.cold.forget(partition);
        Ok(())
    }

    /// Watches `partitions` for changes, from now on.
    #[must_use]
    pub fn watch(&self, partitions: impl IntoIterator<Item = TopicPartition>) -> Watch {
        self.shared.waiters.watch(partitions)
    }

    /// Entries of the feed applied so far.
    #[must_use]
    pub fn entries_applied(&self) -> u64 {
        self.shared.entries_applied.load(Ordering::Relaxed)
    }

    /// How often the feed was lost, and everything read anew.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.shared.resets.load(Ordering::Relaxed)
    }

    /// How long there has been something in the feed that is not in the cached, ms.
    #[must_use]
    pub fn lag_ms(&self) -> u64 {
        let since = *self.shared.behind_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Whether the topic has this partition, as far as is known.
    #[must_use]
    pub fn exists(&self, partition: TopicPartition) -> bool {
        self.topic_by_id(partition.topic).is_some_and(|topic| topic.partition(partition.partition.0).is_some())
    }

    pub(super) fn cached(&self) -> MutexGuard<'_, CachedPartitions> {
        self.shared.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behind(&self, since: Option<Instant>) {
        *self.shared.behind_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn unknown(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let existing: Vec<TopicPartition> =
            partitions.iter().copied().filter(|partition| self.exists(*partition)).collect();
        let cached = self.cached();
        existing.into_iter().filter(|partition| cached.head(*partition).is_none()).collect()
    }
}
