//! The value of a committed offset.
//!
//! ```text
//! value | version: 1 (1) | offset: 8 | leader epoch: 4, -1 none | committed, ms: 8 | expires, ms: 8, -1 none
//!       | metadata: text |
//! ```

use alluvium_model::{Offset, Timestamp};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// An offset that a group has committed for one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The offset of the next record to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if the consumer sent it.
    pub leader_epoch: Option<i32>,
    /// The time of the commit, ms.
    pub committed: Timestamp,
    /// The time at which it expires, ms, if the consumer sent it; otherwise the group's rule decides.
    pub expires: Option<Timestamp>,
    /// Text that the consumer sent along; returned as it is.
    pub metadata: String,
}

/// The value of the row of a committed offset.
pub(crate) fn encode(row: &CommittedOffset) -> Vec<u8> {
    RowWriter::new(VERSION)
        .i64(row.offset.0)
        .i32(row.leader_epoch.unwrap_or(-1))
        .i64(row.committed.0)
        .i64(row.expires.unwrap_or(Timestamp::NONE).0)
        .text(&row.metadata)
        .finish()
}

/// The committed offset of a row.
pub(crate) fn decode(bytes: &[u8]) -> Result<CommittedOffset, RowError> {
    let mut row = RowReader::new("offset", bytes, VERSION)?;
    let committed = CommittedOffset {
        offset: Offset(row.i64()?),
        leader_epoch: Some(row.i32()?).filter(|epoch| *epoch != -1),
        committed: Timestamp(row.i64()?),
        expires: Some(Timestamp(row.i64()?)).filter(|time| *time != Timestamp::NONE),
        metadata: row.text()?,
    };
    row.finish()?;
    Ok(committed)
}
