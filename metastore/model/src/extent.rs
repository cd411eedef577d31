//! The extent: a contiguous offset range of one partition inside one object, the metastore's index row.

use std::ops::Range;

use crate::{ObjectId, Offset, Timestamp};

/// A contiguous offset range of one partition inside one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offsets covered: `start` inclusive, `end` exclusive, never empty.
    pub offsets: Range<Offset>,
    /// The object that holds them.
    pub object: ObjectId,
    /// What the object is and where in it the records lie.
    pub source: ExtentSource,
    /// Bytes that the extent takes in its object, as retention and quotas count them.
    pub bytes: u64,
    /// Records in it (fewer than offsets where compaction dropped some).
    pub records: u64,
    /// Smallest and largest record timestamp (ms); `NONE` where it holds no record.
    pub timestamps: (Timestamp, Timestamp),
}

/// What kind of object an extent lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtentSource {
    /// Batches verbatim in a segment (level 0). The batches lie back to back in `position`; the offset of each follows
    /// from the ones before it.
    Segment {
        /// Bytes within the object.
        position: Range<u64>,
        /// Numbers (from 0, within the run) of batches that the commit refused, ascending: they take no offset.
        refused: Vec<u32>,
    },
    /// The whole of one history file (Parquet, level 1 or more).
    History {
        /// 1 for a rewrite of segments, one more than the highest input for a rewrite of history files.
        level: u8,
    },
}
