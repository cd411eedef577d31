//! The metadata cache: answers from memory what it knows, and reads from the metastore once what it does not.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use alluvium_metastore::Metastore;
use alluvium_metastore::feed::FeedPosition;
use alluvium_metastore::log::Log;
use alluvium_model::{ObjectId, Offset, TopicId, TopicPartition};
use tokio::time::Instant;

use super::announced_segments::{AnnouncedSegment, AnnouncedSegments};
use super::cached_partitions::CachedPartitions;
use super::cold_extents::ColdExtents;
use super::encoded_responses::EncodedResponses;
use super::topics::TopicIndex;
use super::waiters::{Waiters, Watch};
use super::{CachedExtents, CachedHead, CachedTopic, MetadataCacheError};

/// Heads in one read of the metastore.
const HEADS_PER_READ_MAX: usize = 1_000;

/// The agent's copy of topics, heads and extents. Clones share it.
#[derive(Clone)]
pub struct MetadataCache {
    pub(super) shared: Arc<MetadataCacheState>,
}

/// What the clones of [`MetadataCache`] share.
pub(super) struct MetadataCacheState {
    pub(super) metastore: Metastore,
    pub(super) topics: RwLock<TopicIndex>,
    partitions: Mutex<CachedPartitions>,
    segments: Mutex<AnnouncedSegments>,
    pub(super) waiters: Waiters,
    pub(super) cold: ColdExtents,
    encoded_responses: EncodedResponses,
    /// Position of the last feed entry that was applied. Held while entries are applied.
    pub(super) cursor: tokio::sync::Mutex<FeedPosition>,
    pub(super) syncs_started: AtomicU64,
    pub(super) syncs_done: AtomicU64,
    pub(super) entries_applied: AtomicU64,
    pub(super) resets: AtomicU64,
    /// The time since which the feed has had entries that are not applied yet.
    pub(super) behind_since: Mutex<Option<Instant>>,
    /// Held while heads are read from the metastore, so that no head is read twice at the same time, nor while the
    /// cache is rebuilt after feed entries were trimmed before they were applied.
    pub(super) heads: tokio::sync::Mutex<()>,
}

impl MetadataCache {
    /// Reads all topics. From then on the feed announces changes; [`Self::run`] applies them.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn open(metastore: Metastore, retire_grace: Duration) -> Result<Self, MetadataCacheError> {
        let cold = ColdExtents::new(metastore.log.clone(), retire_grace / 2);
        // The position is read before the topics: a change between the two reads is announced after the position.
        let position = metastore.feed.position().await?;
        let metadata_cache = Self {
            shared: Arc::new(MetadataCacheState {
                metastore,
                topics: RwLock::default(),
                partitions: Mutex::default(),
                segments: Mutex::default(),
                waiters: Waiters::default(),
                cold,
                encoded_responses: EncodedResponses::default(),
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

    /// All topics, ordered by name.
    #[must_use]
    pub fn topics(&self) -> Vec<Arc<CachedTopic>> {
        self.shared.topics.read().unwrap_or_else(PoisonError::into_inner).all()
    }

    /// How often a topic has changed since the cache was opened.
    #[must_use]
    pub fn topic_changes(&self) -> u64 {
        self.shared.topics.read().unwrap_or_else(PoisonError::into_inner).changes()
    }

    /// Metadata responses as they were encoded.
    #[must_use]
    pub fn encoded_responses(&self) -> &EncodedResponses {
        &self.shared.encoded_responses
    }

    /// Whether the topic has this partition, as far as the feed was applied.
    #[must_use]
    pub fn exists(&self, partition: TopicPartition) -> bool {
        self.topic_by_id(partition.topic).is_some_and(|topic| topic.partition(partition.partition.0).is_some())
    }

    /// The head of `partition`, read from the metastore the first time; `None` if there is no such partition.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn head(&self, partition: TopicPartition) -> Result<Option<CachedHead>, MetadataCacheError> {
        self.load_heads(&[partition]).await?;
        Ok(self.cached_head(partition))
    }

    /// The head of `partition`, if it was read before and the partition still exists.
    #[must_use]
    pub fn cached_head(&self, partition: TopicPartition) -> Option<CachedHead> {
        self.exists(partition).then(|| self.partitions().head(partition)).flatten()
    }

    /// Reads those heads of `partitions` that are not cached yet.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn load_heads(&self, partitions: &[TopicPartition]) -> Result<(), MetadataCacheError> {
        if self.without_head(partitions).is_empty() {
            return Ok(());
        }
        let _reading = self.shared.heads.lock().await;
        for missing in self.without_head(partitions).chunks(HEADS_PER_READ_MAX) {
            // The heads read are merged with what the feed announced meanwhile, so nothing is missed in between.
            let heads = self.shared.metastore.log.heads(missing).await?;
            let mut cached = self.partitions();
            for (partition, head) in missing.iter().zip(heads) {
                // The head of a topic that was deleted meanwhile would never be removed from the cache.
                if let Some(head) = head
                    && self.exists(*partition)
                {
                    cached.merge_head(*partition, head.into());
                }
            }
        }
        Ok(())
    }

    /// Extents of `partition` from the one that holds `from` on, of about `bytes`, if the feed announced them recently;
    /// `None` if they have to be looked up ([`Self::cold_extents`]).
    #[must_use]
    pub fn recent_extents(&self, partition: TopicPartition, from: Offset, bytes: u64) -> Option<CachedExtents> {
        self.partitions().recent_extents(partition, from, bytes)
    }

    /// The extents of `partition` that cover `offsets`, up to about `bytes`, looked up in the metastore unless an
    /// earlier lookup is cached; if `committed`, with how the transactions in them have ended.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn cold_extents(
        &self,
        partition: TopicPartition,
        offsets: Range<Offset>,
        bytes: u64,
        committed: bool,
    ) -> Result<CachedExtents, MetadataCacheError> {
        self.shared.cold.find(partition, offsets, bytes, committed).await
    }

    /// What is known of a segment that the feed announced lately.
    #[must_use]
    pub fn announced_segment(&self, object: ObjectId) -> Option<AnnouncedSegment> {
        self.segments().find(object, Instant::now())
    }

    /// The metastore's logs, for what is not cached.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.shared.metastore.log
    }

    /// Brings the cache up to date and drops the looked-up extents of `partition`, because one of its objects was not
    /// found.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn refresh(&self, partition: TopicPartition) -> Result<(), MetadataCacheError> {
        self.sync().await?;
        self.shared.cold.invalidate(partition);
        Ok(())
    }

    /// Watches `partitions` for changes from now on.
    #[must_use]
    pub fn watch(&self, partitions: impl IntoIterator<Item = TopicPartition>) -> Watch {
        self.shared.waiters.watch(partitions)
    }

    /// Feed entries applied so far.
    #[must_use]
    pub fn entries_applied(&self) -> u64 {
        self.shared.entries_applied.load(Ordering::Relaxed)
    }

    /// How often the cache was rebuilt because feed entries were trimmed before they were applied.
    #[must_use]
    pub fn resets(&self) -> u64 {
        self.shared.resets.load(Ordering::Relaxed)
    }

    /// Milliseconds for which the feed has had entries that are not applied yet; 0 if there are none.
    #[must_use]
    pub fn lag_ms(&self) -> u64 {
        let since = *self.shared.behind_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn partitions(&self) -> MutexGuard<'_, CachedPartitions> {
        self.shared.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segments(&self) -> MutexGuard<'_, AnnouncedSegments> {
        self.shared.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_behind_since(&self, since: Option<Instant>) {
        *self.shared.behind_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Those of `partitions` that exist and whose head is not cached.
    fn without_head(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let existing: Vec<TopicPartition> =
            partitions.iter().copied().filter(|partition| self.exists(*partition)).collect();
        let cached = self.partitions();
        existing.into_iter().filter(|partition| cached.head(*partition).is_none()).collect()
    }
}
