//! The value of a lease row.
//!
//! ```text
//! value | version: 1 (1) | owner's node id: 4 | owner's incarnation: 8 | token: 8 |
//! ```

use alluvium_model::{
    AgentId,
    node::{Incarnation, LeaseOwner},
};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// The owner of a lease, and the token of its acquisition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaseRow {
    /// The node and registration that holds the lease.
    pub owner: LeaseOwner,
    /// Random, and new with each acquisition.
    pub token: u64,
}

/// The value of a lease row.
pub(super) fn encode(row: LeaseRow) -> Vec<u8> {
    RowWriter::new(VERSION).i32(row.owner.id.0).u64(row.owner.incarnation.0).u64(row.token).finish()
}

/// The contents of a lease row.
pub(super) fn decode(bytes: &[u8]) -> Result<LeaseRow, RowError> {
    let mut row = RowReader::new("lease", bytes, VERSION)?;
    let owner = LeaseOwner { id: AgentId(row.i32()?), incarnation: Incarnation(row.u64()?) };
    let lease = LeaseRow { owner, token: row.u64()? };
    row.finish()?;
    Ok(lease)
}
