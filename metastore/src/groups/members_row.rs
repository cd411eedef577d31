//! The members of a group, as one row that is cut into chunks.
//!
//! ```text
//! value    | part of: | version: 1 (1) | members: varint | member ... | |
//! member   | id: text | instance: optional text | client id: text | client host: text
//!          | session timeout, ms: varint | rebalance timeout, ms: varint
//!          | protocols: varint | protocol ... | assignment: bytes | silent for, ms: varint |
//! protocol | name: text | metadata: bytes |
//! ```

use std::time::Duration;

use alluvium_model::group::{InstanceId, MemberId, Protocol, SavedMember};
use bytes::Bytes;

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;
/// Bytes of the shortest member: a name of one byte, and eight empty fields.
const MEMBER_BYTES_MIN: usize = 10;
/// Bytes of the shortest protocol: an empty name, and empty metadata.
const PROTOCOL_BYTES_MIN: usize = 2;

/// The members as one row, before it is cut into chunks.
pub(super) fn encode_members(members: &[SavedMember]) -> Vec<u8> {
    let row = RowWriter::new(VERSION).count(members.len());
    members.iter().fold(row, put_member).finish()
}

/// The members, from their chunks put together again.
pub(super) fn decode_members(bytes: &[u8]) -> Result<Vec<SavedMember>, RowError> {
    let mut row = RowReader::new("group members", bytes, VERSION)?;
    let count = row.count(MEMBER_BYTES_MIN)?;
    let members = (0..count).map(|_| member(&mut row)).collect::<Result<_, _>>()?;
    row.finish()?;
    Ok(members)
}

fn put_member(row: RowWriter, member: &SavedMember) -> RowWriter {
    let row = row
        .text(member.id.as_str())
        .optional(member.instance.as_ref().map(InstanceId::as_str), RowWriter::text)
        .text(&member.client_id)
        .text(&member.client_host)
        .varint(milliseconds(member.session_timeout))
        .varint(milliseconds(member.rebalance_timeout))
        .count(member.protocols.len());
    let put_protocol = |row: RowWriter, protocol: &Protocol| row.text(&protocol.name).bytes(&protocol.metadata);
    let row = member.protocols.iter().fold(row, put_protocol).bytes(&member.assignment);
    row.varint(milliseconds(member.silent_for))
}

fn member(row: &mut RowReader<'_>) -> Result<SavedMember, RowError> {
    let id = MemberId::new(&row.text()?).ok_or_else(|| row.malformed("empty member id"))?;
    let instance = row.optional(RowReader::text)?.map(|text| InstanceId::new(&text));
    let (client_id, client_host) = (row.text()?, row.text()?);
    let session_timeout = Duration::from_millis(row.varint()?);
    let rebalance_timeout = Duration::from_millis(row.varint()?);
    let count = row.count(PROTOCOL_BYTES_MIN)?;
    let protocols = (0..count).map(|_| protocol(row)).collect::<Result<_, _>>()?;
    let assignment = Bytes::copy_from_slice(row.bytes()?);
    let silent_for = Duration::from_millis(row.varint()?);
    Ok(SavedMember {
        id,
        instance,
        client_id,
        client_host,
        session_timeout,
        rebalance_timeout,
        protocols,
        assignment,
        silent_for,
    })
}

fn protocol(row: &mut RowReader<'_>) -> Result<Protocol, RowError> {
    Ok(Protocol { name: row.text()?.into(), metadata: Bytes::copy_from_slice(row.bytes()?) })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
