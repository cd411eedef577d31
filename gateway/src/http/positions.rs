//! The ends of all logs and the committed offsets of consumer groups, read for each scrape, up to a number of time
//! series.
//!
//! Ends of logs come from the agent's metadata cache; committed offsets are read from the metastore, one range per
//! group.

use std::collections::HashMap;

use alluvium_metastore::offsets::Offsets;
use alluvium_model::group::GroupId;
use alluvium_model::{Offset, TopicPartition};
use futures::{StreamExt, TryStreamExt, stream};

use crate::groups::Groups;
use crate::metadata_cache::{CachedHead, MetadataCache, MetadataCacheError};
use crate::metrics::{Metric, Series};

/// Partitions shown in one scrape, and as many (group, partition) pairs: a usual size of one Prometheus target. What is
/// left out is counted.
pub const SERIES_MAX: usize = 10_000;
/// Groups whose offsets are read for one scrape.
pub const GROUPS_READ_MAX: usize = 1_000;
/// Groups read at once.
const READS_AT_ONCE: usize = 16;

/// The parts of an agent that positions are read from.
#[derive(Clone)]
pub struct PositionReader {
    /// Topics, and the offsets where their logs begin and end.
    pub metadata_cache: MetadataCache,
    /// The groups that this agent coordinates; other agents show theirs.
    pub groups: Groups,
    /// The offsets that groups have committed.
    pub offsets: Offsets,
}

/// The offsets of logs and groups at one scrape.
#[derive(Debug, Default)]
pub struct Positions {
    logs: Vec<LogPosition>,
    groups: Vec<GroupPosition>,
    omitted: usize,
}

#[derive(Debug)]
struct LogPosition {
    topic: String,
    partition: i32,
    head: CachedHead,
}

#[derive(Debug)]
struct GroupPosition {
    group: String,
    topic: String,
    partition: i32,
    committed: Offset,
    lag: i64,
}

/// Metrics of logs and groups.
pub const POSITION_METRICS: &[Metric<Positions>] = &[
    Metric::gauges(
        "partition_high_watermark",
        "offset",
        &["topic", "partition"],
        "Offset of the next record of a partition",
        |positions| positions.logs.iter().map(|log| log.series(log.head.next)).collect(),
    ),
    Metric::gauges(
        "partition_log_start_offset",
        "offset",
        &["topic", "partition"],
        "First offset of a partition that can be read",
        |positions| positions.logs.iter().map(|log| log.series(log.head.start)).collect(),
    ),
    Metric::gauges(
        "consumer_group_committed_offset",
        "offset",
        &["group", "topic", "partition"],
        "Offset committed by a consumer group",
        |positions| positions.groups.iter().map(|group| group.series(group.committed.0)).collect(),
    ),
    Metric::gauges(
        "consumer_group_lag",
        "records",
        &["group", "topic", "partition"],
        "Records that a consumer group has not committed yet",
        |positions| positions.groups.iter().map(|group| group.series(group.lag)).collect(),
    ),
    Metric::gauge(
        "series_omitted",
        "series",
        "Partitions, and partitions of groups, left out because one scrape shows no more",
        |positions| positions.omitted as u64,
    ),
];

impl LogPosition {
    fn series(&self, offset: Offset) -> Series {
        Series { labels: vec![self.topic.clone(), self.partition.to_string()], value: offset.0 }
    }
}

impl GroupPosition {
    fn series(&self, value: i64) -> Series {
        Series { labels: vec![self.group.clone(), self.topic.clone(), self.partition.to_string()], value }
    }
}

impl PositionReader {
    /// Reads the offsets of all logs and groups.
    ///
    /// # Errors
    /// If the metastore does not answer.
    pub async fn read(&self) -> Result<Positions, MetadataCacheError> {
        let mut positions = Positions::default();
        self.read_logs(&mut positions).await?;
        self.read_groups(&mut positions).await?;
        Ok(positions)
    }

    async fn read_logs(&self, positions: &mut Positions) -> Result<(), MetadataCacheError> {
        let mut shown = Vec::new();
        for topic in self.metadata_cache.topics() {
            let room = SERIES_MAX - shown.len();
            let partitions = usize::try_from(topic.topic.partitions).unwrap_or(0);
            positions.omitted += partitions.saturating_sub(room);
            let named = |partition| (topic.topic.name.clone(), partition);
            shown.extend(topic.topic.all_partitions().take(room).map(named));
        }
        let partitions: Vec<TopicPartition> = shown.iter().map(|(_, partition)| *partition).collect();
        self.metadata_cache.load_heads(&partitions).await?;
        for (topic, partition) in shown {
            // One without a head was deleted meanwhile.
            if let Some(head) = self.metadata_cache.cached_head(partition) {
                positions.logs.push(LogPosition { topic, partition: partition.partition.0, head });
            }
        }
        Ok(())
    }

    async fn read_groups(&self, positions: &mut Positions) -> Result<(), MetadataCacheError> {
        let listed = self.groups.list().await?;
        let groups = listed.into_iter().take(GROUPS_READ_MAX).map(|listed| listed.group);
        let read = |group: GroupId| async move {
            let offsets = self.offsets.fetch_all(&group).await?;
            Ok::<_, MetadataCacheError>((group, offsets))
        };
        let mut reads = stream::iter(groups).map(read).buffered(READS_AT_ONCE);
        let mut names: HashMap<_, String> = HashMap::new();
        while let Some((group, offsets)) = reads.try_next().await? {
            let committed: Vec<TopicPartition> = offsets.iter().map(|(partition, _)| *partition).collect();
            let room = SERIES_MAX - positions.groups.len();
            let shown = committed.get(..room).unwrap_or(&committed);
            positions.omitted += committed.len() - shown.len();
            self.metadata_cache.load_heads(shown).await?;
            for (partition, committed) in offsets.into_iter().take(shown.len()) {
                let Some(head) = self.metadata_cache.cached_head(partition) else { continue };
                let topic = names.entry(partition.topic).or_insert_with(|| self.name_of(partition));
                positions.groups.push(GroupPosition {
                    group: group.as_str().to_owned(),
                    topic: topic.clone(),
                    partition: partition.partition.0,
                    committed: committed.offset,
                    lag: head.next.0.saturating_sub(committed.offset.0).max(0),
                });
            }
        }
        Ok(())
    }

    fn name_of(&self, partition: TopicPartition) -> String {
        let topic = self.metadata_cache.topic_by_id(partition.topic);
        topic.map_or_else(|| partition.topic.to_string(), |topic| topic.topic.name.clone())
    }
}
