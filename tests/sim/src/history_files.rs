//! What lies in history files at the end of a run, read from the files themselves, as analytics engines read them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use alluvium_history::{HistoryFile, RangedRead, SourceError};
use alluvium_metastore::Metastore;
use alluvium_model::{AgentId, Extent, ExtentSource, Offset, TopicPartition, object_key};
use alluvium_objects::Objects;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::clients::values;
use crate::history::{Isolation, Phase, Readback, Seen};

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
                let key = object_key::history(&topic.name, partition, extent.offsets.start, extent.object);
                records.extend(read(objects, key, &extent).await?.into_iter().filter(|seen| seen.offset >= head.start));
            }
            readbacks.push(Readback {
                began,
                partition,
                agent: AgentId(-1),
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
        let Some(last) = page.last() else { break };
        from = last.offsets.end;
        let is_last = page.len() < EXTENTS_MAX;
        extents.extend(page.into_iter().map(|extent| (extent.offsets.start, extent)));
        if is_last {
            break;
        }
    }
    Ok(extents.into_values().collect())
}

async fn read(objects: &Objects, key: String, extent: &Extent) -> anyhow::Result<Vec<Seen>> {
    let source = Source { objects, key, bytes: extent.bytes };
    let file = HistoryFile::open(&source).await?;
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
