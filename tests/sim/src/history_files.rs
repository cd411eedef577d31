//! What lies in history files at the end of a run, read from the files themselves, as analytics engines read them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use alluvium_history::{HistoryFile, RangedRead, SourceError};
use alluvium_metastore::Metastore;
use alluvium_metastore::topics::Topic;
use alluvium_model::{Extent, ExtentSource, Offset, TopicPartition, object_key};
use alluvium_objects::Objects;
use anyhow::Context;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::clients::values;
use crate::history::{AgentAddress, Isolation, LiveExtent, Phase, Readback, Seen};

/// Extents read from the metastore at once.
const EXTENTS_MAX: usize = 10_000;
/// Payload read from a file at once: all of it, in a simulation.
const READ_BYTES_MAX: usize = 64 << 20;

/// Reads the history files of all partitions: of each, from the log start to where level 0 begins.
///
/// # Errors
/// If the metastore or a file cannot be read.
pub async fn read_files(metastore: &Metastore, objects: &Objects, began: Duration) -> anyhow::Result<Vec<Readback>> {
    let mut readbacks = Vec::new();
    for topic in metastore.topics.list().await? {
        for partition in topic.all_partitions() {
            let Some(head) = metastore.log.head(partition).await? else { continue };
            let (mut records, mut end) = (Vec::new(), head.start);
            for extent in extents(metastore, partition).await? {
                let ExtentSource::History { .. } = extent.source else { break };
                end = extent.offsets.end.max(head.start);
                let key = object_key::of_extent(&topic.name, partition, &extent);
                let read = read(objects, key, partition, &extent).await?;
                records.extend(read.into_iter().filter(|seen| seen.offset >= head.start));
            }
            readbacks.push(Readback {
                began,
                partition,
                agent: AgentAddress::from("nobody"),
                phase: Phase::Files,
                isolation: Isolation::ReadCommitted,
                log_start: head.start,
                records,
                markers: Vec::new(),
                high_watermark: end,
                stable: end,
            });
        }
    }
    Ok(readbacks)
}

/// All extents of a partition, in the order of their offsets.
///
/// # Errors
/// If the metastore cannot be read.
pub async fn extents(metastore: &Metastore, partition: TopicPartition) -> anyhow::Result<Vec<Extent>> {
    let mut extents: BTreeMap<Offset, Extent> = BTreeMap::new();
    let mut from = Offset(0);
    loop {
        let page = metastore.log.find(partition, from, EXTENTS_MAX).await?;
        // The log may return fewer than are asked for, although there are more.
        let Some(last) = page.last() else { return Ok(extents.into_values().collect()) };
        from = last.offsets.end;
        extents.extend(page.into_iter().map(|extent| (extent.offsets.start, extent)));
    }
}

/// The parts of the shared history files of `topic` that are neither among `live` nor deleted.
///
/// # Errors
/// If the metastore or a file cannot be read.
pub async fn doubled_parts(
    metastore: &Metastore,
    objects: &Objects,
    topic: &Topic,
    live: &[LiveExtent],
) -> anyhow::Result<Vec<String>> {
    let shared: BTreeSet<_> =
        live.iter().filter(|extent| extent.is_shared).filter_map(|extent| extent.object).collect();
    let mut doubled = Vec::new();
    for object in shared {
        // One that is missing is found by another predicate.
        let Ok(bytes) = objects.get(&object_key::history(&topic.name, topic.id, object)).await else { continue };
        for identity in HistoryFile::open(&Memory(bytes)).await?.identities() {
            let is_live = |of: &LiveExtent| {
                of.object == Some(object) && of.partition == identity.partition && of.offsets == identity.offsets
            };
            let start = metastore.log.head(identity.partition).await?.map_or(Offset(0), |head| head.start);
            if !live.iter().any(is_live) && identity.offsets.end > start {
                let (partition, offsets) = (identity.partition, &identity.offsets);
                doubled.push(format!("{object} has {} to {} of {partition}", offsets.start, offsets.end));
            }
        }
    }
    Ok(doubled)
}

async fn read(objects: &Objects, key: String, partition: TopicPartition, extent: &Extent) -> anyhow::Result<Vec<Seen>> {
    let source = Source { objects, key, bytes: extent.file_bytes() };
    let file = HistoryFile::open(&source).await?;
    let file =
        file.holding(partition, &extent.offsets).with_context(|| format!("the file holds {}", file.contents()))?;
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let from = seen.last().map_or(extent.offsets.start, |last| last.offset.plus(1));
        let records = file.records(&source, from, READ_BYTES_MAX).await?;
        if records.is_empty() {
            return Ok(seen);
        }
        seen.extend(records.into_iter().map(|record| Seen {
            offset: record.offset,
            value: values::decode(record.value.as_deref()),
            timestamp: record.timestamp,
        }));
    }
}

/// The bytes of a file.
struct Memory(Bytes);

impl RangedRead for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let range = usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(0);
        async move { Ok(self.0.slice(range)) }.boxed()
    }
}

/// One file in the object store.
struct Source<'a> {
    objects: &'a Objects,
    key: String,
    bytes: u64,
}

impl RangedRead for Source<'_> {
    fn size(&self) -> u64 {
        self.bytes
    }

    fn read(&self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        async move { self.objects.get_range(&self.key, range).await.map_err(SourceError::from) }.boxed()
    }
}
