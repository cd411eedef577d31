//! The value of a heartbeat row: everything that changes while a node is registered.
//!
//! ```text
//! value | version: 1 (2) | incarnation: 8 | heartbeats: 8 | clock, ms: 8 | state: 1 | expiry, ms: 4 |
//!       | bytes that wait for compaction: 8 | bytes compacted in a second: 8 |
//! state   1 active, 2 draining, 3 degraded
//!
//! Version 1, of older programs, ends before what is said of compaction.
//! ```

use std::time::Duration;

use alluvium_model::{
    CompactionLoad, Timestamp,
    node::{Incarnation, Node, NodeState},
};

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 2;
const VERSION_WITHOUT_COMPACTION: u8 = 1;

/// The contents of a heartbeat row; the fields are those of [`Node`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeartbeatRow {
    /// The registration that the heartbeat keeps alive.
    pub incarnation: Incarnation,
    /// Number of heartbeats since the registration.
    pub heartbeats: u64,
    /// The node's clock at its last heartbeat, ms.
    pub clock: Timestamp,
    /// Whether the node takes work.
    pub state: NodeState,
    /// How long the node considers itself valid after the start of its last heartbeat; whole ms.
    pub expiry: Duration,
    /// What the node's compactor has to do.
    pub compaction: CompactionLoad,
}

impl HeartbeatRow {
    /// The row of a node as it is.
    pub fn of(node: &Node) -> Self {
        let Node { incarnation, heartbeats, clock, state, expiry, compaction, .. } = *node;
        Self { incarnation, heartbeats, clock, state, expiry, compaction }
    }
}

/// The value of a heartbeat row.
pub(super) fn encode_heartbeat(row: &HeartbeatRow) -> Vec<u8> {
    let state = match row.state {
        NodeState::Active => 1,
        NodeState::Draining => 2,
        NodeState::Degraded => 3,
    };
    // A longer one is no use to anybody: options allow a minute.
    let expiry_ms = u32::try_from(row.expiry.as_millis()).unwrap_or(u32::MAX);
    let writer = RowWriter::new(VERSION).u64(row.incarnation.0).u64(row.heartbeats).i64(row.clock.0).u8(state);
    let CompactionLoad { waiting_bytes, bytes_per_second } = row.compaction;
    writer.u32(expiry_ms).u64(waiting_bytes).u64(bytes_per_second).finish()
}

/// The contents of a heartbeat row.
pub(super) fn decode_heartbeat(bytes: &[u8]) -> Result<HeartbeatRow, RowError> {
    let mut row = RowReader::part("heartbeat", bytes);
    let has_compaction = match row.u8()? {
        VERSION => true,
        VERSION_WITHOUT_COMPACTION => false,
        other => return Err(row.error(RowProblem::UnknownVersion(other))),
    };
    let (incarnation, heartbeats, clock) = (Incarnation(row.u64()?), row.u64()?, Timestamp(row.i64()?));
    let state = match row.u8()? {
        1 => NodeState::Active,
        2 => NodeState::Draining,
        3 => NodeState::Degraded,
        other => return Err(row.error(RowProblem::UnknownKind(other))),
    };
    let expiry = Duration::from_millis(row.u32()?.into());
    let mut compaction = CompactionLoad::default();
    if has_compaction {
        compaction = CompactionLoad { waiting_bytes: row.u64()?, bytes_per_second: row.u64()? };
    }
    row.finish()?;
    Ok(HeartbeatRow { incarnation, heartbeats, clock, state, expiry, compaction })
}
