//! Node rows.
//!
//! ```text
//! registration, version 1:
//! | version: 1 | incarnation: 8 | rank: 4 | zone: optional text | kafka: optional endpoint | http: optional endpoint
//! | compacts: 1 | program's version: text | started, ms: 8 |
//! heartbeat, version 1:
//! | version: 1 | incarnation: 8 | beat: 8 | clock, ms: 8 | state: 1 |
//! optional: | 0: 1 | or | 1: 1 | it |      endpoint: | host: text | port: varint |      state: 1 active, 2 draining
//! ```

use alluvium_model::{
    AgentId, Timestamp,
    node::{Endpoint, Incarnation, Node, NodeState},
};

use crate::keyspace::{RowError, RowProblem, RowReader, RowWriter};

const REGISTRATION_VERSION: u8 = 1;
const BEAT_VERSION: u8 = 1;

/// The heartbeat row: all that changes while a node is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beat {
    pub incarnation: Incarnation,
    pub beat: u64,
    pub clock: Timestamp,
    pub state: NodeState,
}

impl Beat {
    pub fn of(node: &Node) -> Self {
        Self { incarnation: node.incarnation, beat: node.beat, clock: node.clock, state: node.state }
    }
}

pub(super) fn encode_registration(node: &Node) -> Vec<u8> {
    let row = RowWriter::new(REGISTRATION_VERSION).u64(node.incarnation.0).u32(node.rank);
    let row = put_optional(row, node.zone.as_deref(), RowWriter::text);
    let row = put_optional(row, node.kafka.as_ref(), put_endpoint);
    let row = put_optional(row, node.http.as_ref(), put_endpoint);
    row.u8(node.compacts.into()).text(&node.version).i64(node.started.0).finish()
}

/// The node of a registration, as if it had never beaten.
pub(super) fn decode_registration(id: AgentId, bytes: &[u8]) -> Result<Node, RowError> {
    let mut row = RowReader::new("node", bytes, REGISTRATION_VERSION)?;
    let (incarnation, rank) = (Incarnation(row.u64()?), row.u32()?);
    let zone = optional(&mut row, RowReader::text)?.map(Into::into);
    let kafka = optional(&mut row, endpoint)?;
    let http = optional(&mut row, endpoint)?;
    let compacts = flag(&mut row)?;
    let (version, started) = (row.text()?, Timestamp(row.i64()?));
    row.finish()?;
    let (beat, clock, state) = (0, started, NodeState::Active);
    Ok(Node { id, incarnation, rank, zone, kafka, http, compacts, version, started, beat, clock, state })
}

pub(super) fn encode_beat(beat: &Beat) -> Vec<u8> {
    let state = match beat.state {
        NodeState::Active => 1,
        NodeState::Draining => 2,
    };
    RowWriter::new(BEAT_VERSION).u64(beat.incarnation.0).u64(beat.beat).i64(beat.clock.0).u8(state).finish()
}

pub(super) fn decode_beat(bytes: &[u8]) -> Result<Beat, RowError> {
    let mut row = RowReader::new("heartbeat", bytes, BEAT_VERSION)?;
    let (incarnation, beat, clock) = (Incarnation(row.u64()?), row.u64()?, Timestamp(row.i64()?));
    let state = match row.u8()? {
        1 => NodeState::Active,
        2 => NodeState::Draining,
        other => return Err(row.error(RowProblem::UnknownKind(other))),
    };
    row.finish()?;
    Ok(Beat { incarnation, beat, clock, state })
}

fn put_optional<T: ?Sized>(row: RowWriter, it: Option<&T>, put: impl Fn(RowWriter, &T) -> RowWriter) -> RowWriter {
    match it {
        Some(it) => put(row.u8(1), it),
        None => row.u8(0),
    }
}

fn optional<'a, T>(
    row: &mut RowReader<'a>,
    read: impl Fn(&mut RowReader<'a>) -> Result<T, RowError>,
) -> Result<Option<T>, RowError> {
    if flag(row)? { read(row).map(Some) } else { Ok(None) }
}

fn flag(row: &mut RowReader<'_>) -> Result<bool, RowError> {
    match row.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(row.malformed("flag")),
    }
}

fn put_endpoint(row: RowWriter, endpoint: &Endpoint) -> RowWriter {
    row.text(&endpoint.host).varint(endpoint.port.into())
}

fn endpoint(row: &mut RowReader<'_>) -> Result<Endpoint, RowError> {
    let (host, port) = (row.text()?, row.varint()?);
    let port = u16::try_from(port).map_err(|_| row.malformed("port"))?;
    Ok(Endpoint { host, port })
}
