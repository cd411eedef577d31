//! Where each log and each consumer group stands: read for one scrape, up to a number of time series.
//!
//! Heads come from the agent's cached; committed offsets are read, one range per group.

use std::collections::HashMap;

use alluvium_metastore::offsets::Offsets;
use alluvium_model::group::GroupId;
use alluvium_model::{Offset, TopicPartition};
use futures::{StreamExt, TryStreamExt, stream};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::groups::Groups;
use crate::metadata_cache::{CachedHead, MetadataCache, MetadataCacheError};

/// Partitions shown in one scrape, and as many (group, partition) pairs: what Prometheus takes from one target without
/// pain. What is left out is counted.
pub const SERIES_MAX: usize = 10_000;
/// Groups whose offsets are read for one scrape.
pub const GROUPS_READ_MAX: usize = 1_000;
/// Groups read at once.
const READS_AT_ONCE: usize = 16;

/// Which partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartitionLabels {
    topic: String,
    partition: i32,
}

/// Which group, in which partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GroupLabels {
    group: String,
    topic: String,
    partition: i32,
}

/// What positions are read from.
#[derive(Clone)]
pub struct PositionReader {
    /// Topics and heads.
    pub metadata_cache: MetadataCache,
    /// Which groups are coordinated here: others are shown by others.
    pub groups: Groups,
    /// What they have committed.
    pub offsets: Offsets,
}

/// Where logs and groups stood at one scrape.
#[derive(Debug, Default)]
pub struct Positions {
    logs: Vec<(PartitionLabels, CachedHead)>,
    groups: Vec<(GroupLabels, Offset, u64)>,
    omitted: usize,
}

impl PositionReader {
    /// Reads where everything stands.
    ///
    /// # Errors
    /// Where the metastore does not answer.
    pub async fn read(&self) -> Result<Positions, MetadataCacheError> {
        let mut positions = Positions::default();
        self.read_logs(&mut positions).await?;
        self.read_groups(&mut positions).await?;
        Ok(positions)
    }

    async fn read_logs(&self, positions: &mut Positions) -> Result<(), MetadataCacheError> {
        let mut shown = Vec::new();
        for metadata_cache in self.metadata_cache.topics() {
            let room = SERIES_MAX - shown.len();
            let partitions = usize::try_from(metadata_cache.topic.partitions).unwrap_or(0);
            positions.omitted += partitions.saturating_sub(room);
            shown.extend(
                metadata_cache
                    .topic
                    .all_partitions()
                    .take(room)
                    .map(|partition| (metadata_cache.topic.name.clone(), partition)),
            );
        }
        let partitions: Vec<TopicPartition> = shown.iter().map(|(_, partition)| *partition).collect();
        self.metadata_cache.load_heads(&partitions).await?;
        for (topic, partition) in shown {
            // One that is gone was deleted meanwhile.
            if let Some(head) = self.metadata_cache.cached_head(partition) {
                positions.logs.push((PartitionLabels { topic, partition: partition.partition.0 }, head));
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
                let labels = GroupLabels {
                    group: group.as_str().to_owned(),
                    topic: topic.clone(),
                    partition: partition.partition.0,
                };
                let lag = u64::try_from(head.next.0.saturating_sub(committed.offset.0)).unwrap_or(0);
                positions.groups.push((labels, committed.offset, lag));
            }
        }
        Ok(())
    }

    fn name_of(&self, partition: TopicPartition) -> String {
        let topic = self.metadata_cache.topic_by_id(partition.topic);
        topic.map_or_else(|| partition.topic.to_string(), |metadata_cache| metadata_cache.topic.name.clone())
    }
}

impl Collector for Positions {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let high = self.logs.iter().map(|(labels, head)| (labels, head.next.0));
        family(&mut encoder, "partition_high_watermark", "Offset of the next record of a partition", high)?;
        let start = self.logs.iter().map(|(labels, head)| (labels, head.start.0));
        family(&mut encoder, "partition_log_start_offset", "First offset of a partition that can be read", start)?;
        let committed = self.groups.iter().map(|(labels, committed, _)| (labels, committed.0));
        family(&mut encoder, "consumer_group_committed_offset", "Offset committed by a consumer group", committed)?;
        let lag = self.groups.iter().map(|(labels, _, lag)| (labels, i64::try_from(*lag).unwrap_or(i64::MAX)));
        family(&mut encoder, "consumer_group_lag", "Records that a consumer group has not committed yet", lag)?;
        let omitted = ConstGauge::new(i64::try_from(self.omitted).unwrap_or(i64::MAX));
        let help = "Partitions, and groups' partitions, beyond what one scrape shows";
        omitted.encode(encoder.encode_descriptor("series_omitted", help, None, MetricType::Gauge)?)
    }
}

fn family<'a, L: EncodeLabelSet + 'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    series: impl Iterator<Item = (&'a L, i64)>,
) -> Result<(), std::fmt::Error> {
    let mut encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in series {
        ConstGauge::new(value).encode(encoder.encode_family(labels)?)?;
    }
    Ok(())
}
