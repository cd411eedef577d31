//! Keys of nodes.
//!
//! ```text
//! registration:  | tag: 1 | 0: 1 | id: 4 |
//! heartbeat:     | tag: 1 | 1: 1 | id: 4 |
//! ```

use alluvium_model::AgentId;

use crate::{
    keyspace::{Key, RowError, RowReader, Tag},
    kv::Range,
};

const REGISTRATION: u8 = 0;
const BEAT: u8 = 1;

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

/// The node whose registration or heartbeat is at `key`.
pub(super) fn node_of(key: &[u8]) -> Result<AgentId, RowError> {
    let mut reader = RowReader::part("node key", key);
    reader.array::<2>()?;
    let id = AgentId(reader.i32()?);
    reader.finish()?;
    Ok(id)
}
