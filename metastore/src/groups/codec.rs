//! Group rows.
//!
//! ```text
//! head, version 1:
//! | version: 1 | revision: 8 | token: 8 | saved, ms: 8 | state: 1 | generation: 4
//! | protocol type: optional text | protocol: optional text | leader: optional text | members: varint |
//! body, version 1, cut into chunks:
//! | version: 1 | members: varint, each:
//!   | id: text | instance: optional text | client id: text | client host: text
//!   | session timeout, ms: varint | rebalance timeout, ms: varint
//!   | protocols: varint, each: | name: text | metadata: bytes |
//!   | assignment: bytes |
//! optional text: | 0: 1 | or | 1: 1 | text |        state: 1 empty, 2 completing rebalance, 3 stable
//! ```

use std::{sync::Arc, time::Duration};

use alluvium_model::{
    Timestamp,
    group::{Generation, InstanceId, MemberId, Protocol, SavedMember, SavedState, Snapshot},
};
use bytes::Bytes;

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const HEAD_VERSION: u8 = 1;
const BODY_VERSION: u8 = 1;

/// Which save of a group is stored: its number, and a random token of who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Grows by one with each save of the group.
    pub revision: u64,
    /// Random: tells two coordinators' saves of the same number apart, and one's own again after an unknown result.
    pub token: u64,
}

/// The head row: everything about a group but its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub fence: Fence,
    pub saved: Timestamp,
    pub state: SavedState,
    pub generation: Generation,
    pub protocol_type: Option<Arc<str>>,
    pub protocol: Option<Arc<str>>,
    pub leader: Option<Arc<str>>,
    pub members: u64,
}

impl Head {
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

pub(super) fn encode_head(head: &Head) -> Vec<u8> {
    let row = RowWriter::new(HEAD_VERSION)
        .u64(head.fence.revision)
        .u64(head.fence.token)
        .i64(head.saved.0)
        .u8(state_number(head.state))
        .i32(head.generation.0);
    let row = put_optional(row, head.protocol_type.as_deref());
    let row = put_optional(row, head.protocol.as_deref());
    put_optional(row, head.leader.as_deref()).varint(head.members).finish()
}

pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head, RowError> {
    let mut row = RowReader::new("group", bytes, HEAD_VERSION)?;
    let head = Head {
        fence: Fence { revision: row.u64()?, token: row.u64()? },
        saved: Timestamp(row.i64()?),
        state: state_of(row.u8()?, &row)?,
        generation: Generation(row.i32()?),
        protocol_type: optional(&mut row)?.map(Into::into),
        protocol: optional(&mut row)?.map(Into::into),
        leader: optional(&mut row)?.map(Into::into),
        members: row.varint()?,
    };
    row.finish()?;
    Ok(head)
}

pub(super) fn encode_body(members: &[SavedMember]) -> Vec<u8> {
    let row = RowWriter::new(BODY_VERSION).count(members.len());
    members.iter().fold(row, put_member).finish()
}

pub(super) fn decode_body(bytes: &[u8]) -> Result<Vec<SavedMember>, RowError> {
    let mut row = RowReader::new("group members", bytes, BODY_VERSION)?;
    // The smallest member: a name of one byte, and seven empty fields.
    let count = row.count(9)?;
    let members = (0..count).map(|_| member(&mut row)).collect::<Result<_, _>>()?;
    row.finish()?;
    Ok(members)
}

fn put_member(row: RowWriter, member: &SavedMember) -> RowWriter {
    let row = put_optional(row.text(member.id.as_str()), member.instance.as_ref().map(InstanceId::as_str))
        .text(&member.client_id)
        .text(&member.client_host)
        .varint(milliseconds(member.session_timeout))
        .varint(milliseconds(member.rebalance_timeout))
        .count(member.protocols.len());
    let put_protocol = |row: RowWriter, protocol: &Protocol| row.text(&protocol.name).bytes(&protocol.metadata);
    member.protocols.iter().fold(row, put_protocol).bytes(&member.assignment)
}

fn member(row: &mut RowReader<'_>) -> Result<SavedMember, RowError> {
    let id = MemberId::new(&row.text()?).ok_or_else(|| row.malformed("empty member id"))?;
    let instance = optional(row)?.map(|text| InstanceId::new(&text));
    let (client_id, client_host) = (row.text()?, row.text()?);
    let session_timeout = Duration::from_millis(row.varint()?);
    let rebalance_timeout = Duration::from_millis(row.varint()?);
    let count = row.count(2)?;
    let protocols = (0..count).map(|_| protocol(row)).collect::<Result<_, _>>()?;
    let assignment = Bytes::copy_from_slice(row.bytes()?);
    Ok(SavedMember { id, instance, client_id, client_host, session_timeout, rebalance_timeout, protocols, assignment })
}

fn protocol(row: &mut RowReader<'_>) -> Result<Protocol, RowError> {
    Ok(Protocol { name: row.text()?.into(), metadata: Bytes::copy_from_slice(row.bytes()?) })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn state_number(state: SavedState) -> u8 {
    match state {
        SavedState::Empty => 1,
        SavedState::CompletingRebalance => 2,
        SavedState::Stable => 3,
    }
}

fn state_of(number: u8, row: &RowReader<'_>) -> Result<SavedState, RowError> {
    match number {
        1 => Ok(SavedState::Empty),
        2 => Ok(SavedState::CompletingRebalance),
        3 => Ok(SavedState::Stable),
        other => Err(row.error(RowProblem::UnknownKind(other))),
    }
}

fn put_optional(row: RowWriter, text: Option<&str>) -> RowWriter {
    match text {
        Some(text) => row.u8(1).text(text),
        None => row.u8(0),
    }
}

fn optional(row: &mut RowReader<'_>) -> Result<Option<String>, RowError> {
    match row.u8()? {
        0 => Ok(None),
        1 => row.text().map(Some),
        _ => Err(row.malformed("optional text")),
    }
}
