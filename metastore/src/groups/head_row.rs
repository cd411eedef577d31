//! The head row of a group: everything but its members.
//!
//! ```text
//! value | version: 1 (1) | revision: 8 | token: 8 | saved, ms: 8 | state: 1 | generation: 4
//!       | protocol type: optional text | protocol: optional text | leader: optional text | members: varint |
//! state   1 empty, 2 completing rebalance, 3 stable, 4 preparing rebalance
//! ```

use std::sync::Arc;

use alluvium_model::{
    Timestamp,
    group::{Generation, MemberId, SavedMember, SavedState, Snapshot},
};

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const VERSION: u8 = 1;

/// Identifies one save of a group: its number, and a random token. A coordinator whose fence is not the one that is
/// stored works on an outdated group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// The number of the save: grows by one with each.
    pub revision: u64,
    /// Random: distinguishes the saves of two coordinators with the same number, and lets a coordinator recognise its
    /// own save if its result is unknown.
    pub token: u64,
}

/// The contents of a head row: a [`Snapshot`] without its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupHead {
    /// Identifies the save.
    pub fence: Fence,
    /// The time of the save, ms.
    pub saved: Timestamp,
    /// The state at the save.
    pub state: SavedState,
    /// The current generation.
    pub generation: Generation,
    /// `consumer`, or another embedded protocol; `None` before the first member.
    pub protocol_type: Option<Arc<str>>,
    /// The assignor that the members agreed on; `None` before the first generation.
    pub protocol: Option<Arc<str>>,
    /// Member id of the leader.
    pub leader: Option<Arc<str>>,
    /// Number of members.
    pub members: u64,
}

impl GroupHead {
    /// The head of a group that is saved as `snapshot`.
    pub(super) fn of(snapshot: &Snapshot, fence: Fence, saved: Timestamp) -> Self {
        Self {
            fence,
            saved,
            state: snapshot.state,
            generation: snapshot.generation,
            protocol_type: snapshot.protocol_type.clone(),
            protocol: snapshot.protocol.clone(),
            leader: snapshot.leader.as_ref().map(|leader| leader.as_str().into()),
            members: snapshot.members.len() as u64,
        }
    }

    /// The group with this head and these members.
    pub(super) fn with_members(self, members: Vec<SavedMember>) -> Snapshot {
        Snapshot {
            state: self.state,
            generation: self.generation,
            protocol_type: self.protocol_type,
            protocol: self.protocol,
            leader: self.leader.as_deref().and_then(MemberId::new),
            members,
        }
    }
}

/// The value of a head row.
pub(super) fn encode_head(head: &GroupHead) -> Vec<u8> {
    let row = RowWriter::new(VERSION)
        .u64(head.fence.revision)
        .u64(head.fence.token)
        .i64(head.saved.0)
        .u8(state_number(head.state))
        .i32(head.generation.0);
    row.optional(head.protocol_type.as_deref(), RowWriter::text)
        .optional(head.protocol.as_deref(), RowWriter::text)
        .optional(head.leader.as_deref(), RowWriter::text)
        .varint(head.members)
        .finish()
}

/// The contents of a head row.
pub(super) fn decode_head(bytes: &[u8]) -> Result<GroupHead, RowError> {
    let mut row = RowReader::new("group", bytes, VERSION)?;
    let head = GroupHead {
        fence: Fence { revision: row.u64()?, token: row.u64()? },
        saved: Timestamp(row.i64()?),
        state: state_of(row.u8()?, &row)?,
        generation: Generation(row.i32()?),
        protocol_type: row.optional(RowReader::text)?.map(Into::into),
        protocol: row.optional(RowReader::text)?.map(Into::into),
        leader: row.optional(RowReader::text)?.map(Into::into),
        members: row.varint()?,
    };
    row.finish()?;
    Ok(head)
}

fn state_number(state: SavedState) -> u8 {
    match state {
        SavedState::Empty => 1,
        SavedState::CompletingRebalance => 2,
        SavedState::Stable => 3,
        SavedState::PreparingRebalance => 4,
    }
}

fn state_of(number: u8, row: &RowReader<'_>) -> Result<SavedState, RowError> {
    match number {
        1 => Ok(SavedState::Empty),
        2 => Ok(SavedState::CompletingRebalance),
        3 => Ok(SavedState::Stable),
        4 => Ok(SavedState::PreparingRebalance),
        other => Err(row.error(RowProblem::UnknownKind(other))),
    }
}
