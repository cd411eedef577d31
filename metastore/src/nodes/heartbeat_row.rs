//! The value of a heartbeat row: everything that changes while a node is registered.
//!
//! ```text
//! value | version: 1 (1) | incarnation: 8 | heartbeats: 8 | clock, ms: 8 | state: 1 |
//! state   1 active, 2 draining
//! ```

use alluvium_model::{
    Timestamp,
    node::{Incarnation, Node, NodeState},
};

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 1;

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
}

impl HeartbeatRow {
    /// The row of a node as it is.
    pub fn of(node: &Node) -> Self {
        Self { incarnation: node.incarnation, heartbeats: node.heartbeats, clock: node.clock, state: node.state }
    }
}

/// The value of a heartbeat row.
pub(super) fn encode_heartbeat(row: &HeartbeatRow) -> Vec<u8> {
    let state = match row.state {
        NodeState::Active => 1,
        NodeState::Draining => 2,
    };
    RowWriter::new(VERSION).u64(row.incarnation.0).u64(row.heartbeats).i64(row.clock.0).u8(state).finish()
}

/// The contents of a heartbeat row.
pub(super) fn decode_heartbeat(bytes: &[u8]) -> Result<HeartbeatRow, RowError> {
    let mut row = RowReader::new("heartbeat", bytes, VERSION)?;
    let (incarnation, heartbeats, clock) = (Incarnation(row.u64()?), row.u64()?, Timestamp(row.i64()?));
    let state = match row.u8()? {
        1 => NodeState::Active,
        2 => NodeState::Draining,
        other => return Err(row.error(RowProblem::UnknownKind(other))),
    };
    row.finish()?;
    Ok(HeartbeatRow { incarnation, heartbeats, clock, state })
}
