//! The keys of nodes.
//!
//! ```text
//! registration: | NODE | 0: 1 | id: 4 |
//! heartbeat:    | NODE | 1: 1 | id: 4 |
//! replaced:     | NODE | 2: 1 | id: 4 | incarnation: 8 |      value: as of its last heartbeat
//! ```

use alluvium_model::{
    AgentId,
    node::{Incarnation, LeaseOwner},
};

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::Range,
};

const REGISTRATION: u8 = 0;
const HEARTBEAT: u8 = 1;
const REPLACED: u8 = 2;

/// The key of the registration of node `id`.
pub(super) fn registration_key(id: AgentId) -> Vec<u8> {
    Key::new(Tag::NODE).raw(&[REGISTRATION]).raw(&id.0.to_be_bytes()).bytes()
}

/// The key of the heartbeat of node `id`.
pub(super) fn heartbeat_key(id: AgentId) -> Vec<u8> {
    Key::new(Tag::NODE).raw(&[HEARTBEAT]).raw(&id.0.to_be_bytes()).bytes()
}

/// The key of the row that says that the registration `owner` was replaced.
pub(super) fn replaced_key(owner: LeaseOwner) -> Vec<u8> {
    let LeaseOwner { id, incarnation } = owner;
    Key::new(Tag::NODE).raw(&[REPLACED]).raw(&id.0.to_be_bytes()).raw(&incarnation.0.to_be_bytes()).bytes()
}

/// All registrations.
pub(super) fn all_registrations() -> Range {
    Range::prefix(Key::new(Tag::NODE).raw(&[REGISTRATION]).bytes())
}

/// All heartbeats.
pub(super) fn all_heartbeats() -> Range {
    Range::prefix(Key::new(Tag::NODE).raw(&[HEARTBEAT]).bytes())
}

/// The rows of all replaced registrations.
pub(super) fn all_replaced() -> Range {
    Range::prefix(Key::new(Tag::NODE).raw(&[REPLACED]).bytes())
}

/// All rows of all nodes.
pub(super) fn all_rows() -> Range {
    Range::prefix(Key::new(Tag::NODE).bytes())
}

/// The replaced registration whose row is at `key`.
pub(super) fn decode_replaced_key(key: &[u8]) -> Result<LeaseOwner, RowError> {
    let mut reader = RowReader::part("replaced node key", key);
    reader.array::<2>()?;
    let owner = LeaseOwner { id: AgentId(reader.i32()?), incarnation: Incarnation(reader.u64()?) };
    reader.finish()?;
    Ok(owner)
}

/// The node whose registration or heartbeat is at `key`.
pub(super) fn decode_node_key(key: &[u8]) -> Result<AgentId, RowError> {
    let mut reader = RowReader::part("node key", key);
    reader.array::<2>()?;
    let id = AgentId(reader.i32()?);
    reader.finish()?;
    Ok(id)
}
