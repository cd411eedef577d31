//! The keys of objects in the bucket, relative to the prefix of the store.
//!
//! ```text
//! segments/<hash: 2 hex>/<object id: 32 hex>.seg
//! history/<topic name>/<topic id>/<object id: 32 hex>.parquet
//! history/<topic name>/<topic id>/partition=<n>/<start offset: 20 digits>-<object id: 32 hex>.parquet
//! ```
//!
//! Segment keys fan out over 256 hashed prefixes, since S3 scales by prefix. History keys are for people and analytics
//! engines: one glob names a topic, and as ids begin with a time, files are listed in the order of their creation. The
//! last line is of files of format version 1, which are not written any more. Topic names are legal path parts by Kafka's
//! own rule (`[a-zA-Z0-9._-]`, not `.`, `..`).

use crate::{Extent, ExtentSource, ObjectId, Offset, TopicId, TopicPartition};

/// The prefix of the keys of all segments.
pub const SEGMENTS: &str = "segments/";
/// The prefix of the keys of all history files.
pub const HISTORY: &str = "history/";
/// The start of the names of directories of files of format version 1.
const PARTITION_V1: &str = "partition=";

/// The key of segment `id`.
#[must_use]
pub fn segment(id: ObjectId) -> String {
    format!("{SEGMENTS}{:02x}/{id}.seg", spread(id))
}

/// The key of the history file `id` of `topic`, which is called `topic_name`.
#[must_use]
pub fn history(topic_name: &str, TopicId(topic): TopicId, id: ObjectId) -> String {
    format!("{HISTORY}{topic_name}/{topic}/{id}.parquet")
}

/// The key of the history file `id` of format version 1 of `partition` of the topic called `topic_name`, whose first
/// offset is `start`.
#[must_use]
pub fn history_v1(topic_name: &str, partition: TopicPartition, start: Offset, id: ObjectId) -> String {
    let TopicPartition { topic: TopicId(topic), partition } = partition;
    format!("{HISTORY}{topic_name}/{topic}/{PARTITION_V1}{partition}/{:020}-{id}.parquet", start.0)
}

/// The key of the object in which `extent` of `partition` of the topic called `topic_name` lies; for a marker, which lies
/// in none, a key that no object has.
#[must_use]
pub fn of_extent(topic_name: &str, partition: TopicPartition, extent: &Extent) -> String {
    match extent.source {
        ExtentSource::Segment { .. } | ExtentSource::Marker { .. } => segment(extent.object),
        ExtentSource::HistoryV1 { .. } => history_v1(topic_name, partition, extent.offsets.start, extent.object),
        ExtentSource::History { .. } => history(topic_name, partition.topic, extent.object),
    }
}

/// The id of the object at `key` (relative, as above); `None` if it is no key of ours.
#[must_use]
pub fn parse(key: &str) -> Option<ObjectId> {
    let (directory, file) = key.rsplit_once('/')?;
    if key.starts_with(SEGMENTS) {
        ObjectId::parse(file.strip_suffix(".seg")?)
    } else if key.starts_with(HISTORY) {
        let name = file.strip_suffix(".parquet")?;
        let is_v1 = directory.rsplit('/').next().is_some_and(|last| last.starts_with(PARTITION_V1));
        ObjectId::parse(if is_v1 { name.split_once('-')?.1 } else { name })
    } else {
        None
    }
}

/// FNV-1a folded to one byte: cheap, never changes, and spreads ids evenly that differ in few bits.
fn spread(id: ObjectId) -> u8 {
    let hash = id.0.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let [a, b, c, d] = hash.to_be_bytes();
    a ^ b ^ c ^ d
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{PartitionIndex, Timestamp};

    #[test]
    fn keys_name_their_object() {
        let id = ObjectId::new(Timestamp(1_790_000_000_000), 1, 2);
        assert_eq!(parse(&segment(id)), Some(id));
        let partition = TopicPartition::new(TopicId(Uuid::from_u128(5)), PartitionIndex(3));
        let key = history_v1("orders.v1", partition, Offset(42), id);
        assert_eq!(parse(&key), Some(id));
        assert!(
            key.starts_with("history/orders.v1/00000000-0000-0000-0000-000000000005/partition=3/00000000000000000042-")
        );
        let key = history("orders.v1", partition.topic, id);
        assert_eq!(parse(&key), Some(id));
        assert_eq!(key, format!("history/orders.v1/00000000-0000-0000-0000-000000000005/{id}.parquet"));
    }

    #[test]
    fn foreign_keys_are_not_ours() {
        for key in [
            "",
            "segments/",
            "segments/00/x.seg",
            "history/a/b/c.parquet",
            "history/a/b/1-00000000000000000000000000000000.parquet",
            "history/a/b/partition=1/00000000000000000000000000000000.parquet",
            "other/00000000000000000000000000000000.seg",
        ] {
            assert_eq!(parse(key), None, "{key}");
        }
    }
}
