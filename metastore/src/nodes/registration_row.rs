//! The value of a registration row: written once, when a node registers.
//!
//! ```text
//! value    | version: 1 (1) | incarnation: 8 | rank: 4 | zone: optional text | kafka: optional endpoint
//!          | http: optional endpoint | compacts: 1 | version of the program: text | started, ms: 8 |
//! endpoint | host: text | port: varint |
//! ```

use alluvium_model::{
    AgentId, CompactionLoad, Timestamp, limits,
    node::{Endpoint, Incarnation, Node, NodeState},
};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;

/// The value of the registration row of `node`.
pub(super) fn encode_registration(node: &Node) -> Vec<u8> {
    RowWriter::new(VERSION)
        .u64(node.incarnation.0)
        .u32(node.rank)
        .optional(node.zone.as_deref(), RowWriter::text)
        .optional(node.kafka.as_ref(), put_endpoint)
        .optional(node.http.as_ref(), put_endpoint)
        .u8(node.compacts.into())
        .text(&node.version)
        .i64(node.started.0)
        .finish()
}

/// The node of a registration row, as before its first heartbeat.
pub(super) fn decode_registration(id: AgentId, bytes: &[u8]) -> Result<Node, RowError> {
    let mut row = RowReader::new("node", bytes, VERSION)?;
    let (incarnation, rank) = (Incarnation(row.u64()?), row.u32()?);
    let zone = row.optional(RowReader::text)?.map(Into::into);
    let kafka = row.optional(endpoint)?;
    let http = row.optional(endpoint)?;
    let compacts = row.flag()?;
    let (version, started) = (row.text()?, Timestamp(row.i64()?));
    row.finish()?;
    Ok(Node {
        id,
        incarnation,
        rank,
        zone,
        kafka,
        http,
        compacts,
        version,
        started,
        heartbeats: 0,
        clock: started,
        state: NodeState::Active,
        expiry: limits::NODE_EXPIRY,
        compaction: CompactionLoad::default(),
    })
}

fn put_endpoint(row: RowWriter, endpoint: &Endpoint) -> RowWriter {
    row.text(&endpoint.host).varint(endpoint.port.into())
}

fn endpoint(row: &mut RowReader<'_>) -> Result<Endpoint, RowError> {
    let (host, port) = (row.text()?, row.varint()?);
    let port = u16::try_from(port).map_err(|_| row.malformed("port"))?;
    Ok(Endpoint { host, port })
}
