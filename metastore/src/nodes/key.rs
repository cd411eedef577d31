//! Keys of nodes.
//!
//! ```text
//! registration:  | tag: 1 | 0: 1 | id: 4 |
//! heartbeat:     | tag: 1 | 1: 1 | id: 4 |
//! replaced:      | tag: 1 | 2: 1 | id: 4 | incarnation: 8 |
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
const BEAT: u8 = 1;
const REPLACED: u8 = 2;

pub(super) fn registration_key(id: AgentId) -> Vec<u8> {
    Key::new(Tag::NODE).raw(&[REGISTRATION]).raw(&id.0.to_be_bytes()).bytes()
}

pub(super) fn beat_key(id: AgentId) -> Vec<u8> {
    Key::new(Tag::NODE).raw(&[BEAT]).raw(&id.0.to_be_bytes()).bytes()
}

pub(super) fn registrations() -> Range {
    Range::prefix(Key::new(Tag::NODE).raw(&[REGISTRATION]).bytes())
}

pub(super) fn beats() -> Range {
    Range::prefix(Key::new(Tag::NODE).raw(&[BEAT]).bytes())
}

pub(super) fn replaced_key(lease_owner: LeaseOwner) -> Vec<u8> {
    let LeaseOwner { id, incarnation } = lease_owner;
    Key::new(Tag::NODE).raw(&[REPLACED]).raw(&id.0.to_be_bytes()).raw(&incarnation.0.to_be_bytes()).bytes()
}

pub(super) fn all_replaced() -> Range {
    Range::prefix(Key::new(Tag::NODE).raw(&[REPLACED]).bytes())
}

/// All rows of all nodes.
pub(super) fn all() -> Range {
    Range::prefix(Key::new(Tag::NODE).bytes())
}

/// Whose registration was replaced, by the key that says so.
pub(super) fn lease_owner_of(key: &[u8]) -> Result<LeaseOwner, RowError> {
    let mut reader = RowReader::part("replaced node key", key);
    reader.array::<2>()?;
    let lease_owner = LeaseOwner { id: AgentId(reader.i32()?), incarnation: Incarnation(reader.u64()?) };
    reader.finish()?;
    Ok(lease_owner)
}

/// The node whose registration or heartbeat is at `key`.
pub(super) fn node_of(key: &[u8]) -> Result<AgentId, RowError> {
    let mut reader = RowReader::part("node key", key);
    reader.array::<2>()?;
    let id = AgentId(reader.i32()?);
    reader.finish()?;
    Ok(id)
}
