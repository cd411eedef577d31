//! A file of format version 1, for tests: it must stay readable, and nothing writes such files any more.

use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition};
use uuid::Uuid;

/// The file as it was first written, with four records; never regenerate it.
pub const FILE: &[u8] = include_bytes!("tests/golden-v1.parquet");
/// The name of the topic that it says it is of.
pub const TOPIC: &str = "orders";
/// The partition that it says it is of.
pub const PARTITION: TopicPartition =
    TopicPartition { topic: TopicId(Uuid::from_u128(0x1234)), partition: PartitionIndex(3) };

/// The extent of the file under the name `object`.
#[must_use]
pub fn extent(object: ObjectId) -> Extent {
    Extent {
        offsets: Offset(99)..Offset(1_200),
        object,
        source: ExtentSource::HistoryV1 { level: 1 },
        bytes: FILE.len() as u64,
        records: 4,
        timestamps: (Timestamp(-1), Timestamp(1_790_000_000_005)),
    }
}
