//! Lease rows.
//!
//! ```text
//! version 1: | version: 1 | owner: 4 | its incarnation: 8 | token: 8 |
//! ```

use alluvium_model::{
    AgentId,
    node::{Incarnation, LeaseOwner},
};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// Who holds a lease, and by which acquisition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub owner: LeaseOwner,
    pub token: u64,
}

pub(super) fn encode(held: Held) -> Vec<u8> {
    RowWriter::new(VERSION).i32(held.owner.id.0).u64(held.owner.incarnation.0).u64(held.token).finish()
}

pub(super) fn decode(bytes: &[u8]) -> Result<Held, RowError> {
    let mut row = RowReader::new("lease", bytes, VERSION)?;
    let owner = LeaseOwner { id: AgentId(row.i32()?), incarnation: Incarnation(row.u64()?) };
    let held = Held { owner, token: row.u64()? };
    row.finish()?;
    Ok(held)
}
