//! The extent: a contiguous offset range of one partition inside one object, the metastore's index row.

use std::ops::Range;

use crate::transaction::{TransactionalProducer, Verdict};
use crate::{ObjectId, Offset, Timestamp};

/// A contiguous offset range of one partition inside one object; a marker lies in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Offsets covered: `start` inclusive, `end` exclusive, never empty.
    pub offsets: Range<Offset>,
    /// The object that holds them; all zeros for a marker.
    pub object: ObjectId,
    /// The kind of object, and where in it the records lie.
    pub source: ExtentSource,
    /// Number of bytes of the extent in its object, as retention counts them.
    pub bytes: u64,
    /// Number of records in it: fewer than offsets if compaction dropped some.
    pub records: u64,
    /// Smallest and largest record timestamp, ms; `NONE` if it holds no record.
    pub timestamps: (Timestamp, Timestamp),
}

impl Extent {
    /// Its level: 0 until it is compacted; history files have the level that their rewrite gave them.
    #[must_use]
    pub fn level(&self) -> u8 {
        match self.source {
            ExtentSource::Segment { .. } | ExtentSource::Marker { .. } => 0,
            ExtentSource::HistoryV1 { level } | ExtentSource::History { level, .. } => level,
        }
    }

    /// Whether it lies in a segment, or is a marker: level 0, which compaction has yet to rewrite.
    #[must_use]
    pub fn is_level_0(&self) -> bool {
        self.level() == 0
    }

    /// Whether it ends a transaction, and so lies in no object.
    #[must_use]
    pub fn is_marker(&self) -> bool {
        matches!(self.source, ExtentSource::Marker { .. })
    }

    /// Whether it lies in a history file that was written with parts of other partitions.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.source, ExtentSource::History { file_bytes, .. } if file_bytes != self.bytes)
    }

    /// Number of bytes of the whole history file that it lies in; for a part of a segment, of that part.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        match self.source {
            ExtentSource::Segment { .. } | ExtentSource::Marker { .. } | ExtentSource::HistoryV1 { .. } => self.bytes,
            ExtentSource::History { file_bytes, .. } => file_bytes,
        }
    }

    /// When it came to be, ms: the time of its object, or of the end that it marks.
    #[must_use]
    pub fn arrived(&self) -> Timestamp {
        if self.is_marker() { self.timestamps.0 } else { self.object.created() }
    }
}

/// The kind of object that an extent lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtentSource {
    /// Batches, verbatim, in a segment (level 0). They lie back to back in `position`; the offset of each follows from
    /// those before it.
    Segment {
        /// The range of bytes within the object.
        position: Range<u64>,
        /// Numbers (from 0, within the run) of the batches that the commit rejected, ascending: they take no offsets.
        rejected: Vec<u32>,
    },
    /// Nothing: the end of a transaction. It takes one offset and holds no record.
    Marker {
        /// Whose transaction it was, with the epoch that the control batch carries.
        producer: TransactionalProducer,
        /// How it ended.
        verdict: Verdict,
    },
    /// The whole of one history file of format version 1 (Parquet, level 1 or more), which is not written any more.
    HistoryV1 {
        /// As below.
        level: u8,
    },
    /// The rows of the partition in a history file (Parquet, level 1 or more), which may hold several partitions of the
    /// topic. The file says where they lie.
    History {
        /// 1 for a rewrite of segments, one more than the highest input for a rewrite of history files.
        level: u8,
        /// Number of bytes of the whole file: from there its footer is found. If no other partition has a part of it, the
        /// extent has as many.
        file_bytes: u64,
    },
}
