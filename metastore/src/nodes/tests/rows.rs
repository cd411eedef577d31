use alluvium_model::{AgentId, CompactionLoad, node::Node};
use proptest::prelude::*;

use super::*;
use crate::{
    keyspace::RowProblem,
    nodes::{
        heartbeat_row::{HeartbeatRow, decode_heartbeat, encode_heartbeat},
        key::{decode_node_key, heartbeat_key, registration_key},
        registration_row::{decode_registration, encode_registration},
    },
};

fn node() -> Node {
    Node {
        id: AgentId(3),
        incarnation: Incarnation(0x0102),
        rank: 4,
        zone: Some("az".into()),
        kafka: Some(Endpoint { host: "k".to_owned(), port: 9092 }),
        http: None,
        compacts: true,
        version: "1.0".to_owned(),
        started: Timestamp(5),
        heartbeats: 0,
        clock: Timestamp(5),
        state: NodeState::Active,
        expiry: alluvium_model::limits::NODE_EXPIRY,
        compaction: CompactionLoad::default(),
    }
}

#[test]
fn the_registration_row_of_version_1_is_these_bytes() {
    let bytes = [
        &[1][..],
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[0, 0, 0, 4],
        b"\x01\x01\x02az",
        b"\x01\x01\x01k\x02\x23\x84",
        &[0],
        &[1],
        b"\x01\x031.0",
        &[0, 0, 0, 0, 0, 0, 0, 5],
    ]
    .concat();
    assert_eq!(encode_registration(&node()), bytes);
    assert_eq!(decode_registration(AgentId(3), &bytes), Ok(node()));
    assert_eq!(
        decode_registration(AgentId(3), &[2]).map_err(|error| error.problem),
        Err(RowProblem::UnknownVersion(2))
    );
}

#[test]
fn the_heartbeat_row_of_version_2_is_these_bytes() {
    let row = HeartbeatRow {
        incarnation: Incarnation(1),
        heartbeats: 258,
        clock: Timestamp(6),
        state: NodeState::Draining,
        expiry: std::time::Duration::from_secs(3),
        compaction: CompactionLoad { waiting_bytes: 259, bytes_per_second: 7 },
    };
    let bytes = [
        &[2][..],
        &[0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 0, 0, 0, 0, 0, 1, 2],
        &[0, 0, 0, 0, 0, 0, 0, 6],
        &[2, 0, 0, 11, 184],
        &[0, 0, 0, 0, 0, 0, 1, 3],
        &[0, 0, 0, 0, 0, 0, 0, 7],
    ]
    .concat();
    assert_eq!(encode_heartbeat(&row), bytes);
    assert_eq!(decode_heartbeat(&bytes), Ok(row));
    let version_1 = [&[1], &bytes[1..30]].concat();
    let compaction = CompactionLoad::default();
    assert_eq!(decode_heartbeat(&version_1), Ok(HeartbeatRow { compaction, ..row }), "of an older program");
    let degraded = [&bytes[..25], &[3], &bytes[26..]].concat();
    assert_eq!(decode_heartbeat(&degraded), Ok(HeartbeatRow { state: NodeState::Degraded, ..row }));
    assert_eq!(encode_heartbeat(&HeartbeatRow { state: NodeState::Degraded, ..row }), degraded);
    let unknown = [&bytes[..25], &[4], &bytes[26..]].concat();
    assert_eq!(decode_heartbeat(&unknown).map_err(|error| error.problem), Err(RowProblem::UnknownKind(4)));
}

#[test]
fn keys_name_their_node() {
    assert_eq!(registration_key(AgentId(258)), [0x80, 0, 0, 0, 1, 2]);
    assert_eq!(heartbeat_key(AgentId(258)), [0x80, 1, 0, 0, 1, 2]);
    assert_eq!(decode_node_key(&heartbeat_key(AgentId(258))), Ok(AgentId(258)));
    assert!(decode_node_key(&[0x80, 0, 0]).is_err());
}

proptest! {
    #[test]
    fn registrations_come_back_as_they_were(
        rank: u32, zone: Option<String>, host in proptest::option::of(".{0,30}"), port: u16, compacts: bool,
        started: i64,
    ) {
        let endpoint = host.map(|host| Endpoint { host, port });
        let (zone, started) = (zone.map(Into::into), Timestamp(started));
        let (kafka, http) = (endpoint.clone(), endpoint);
        let node = Node { rank, zone, kafka, http, compacts, started, clock: started, ..node() };
        prop_assert_eq!(decode_registration(node.id, &encode_registration(&node)), Ok(node));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let versioned: Vec<u8> = std::iter::once(1).chain(bytes.iter().copied()).collect();
        for bytes in [&bytes, &versioned] {
            let _ = (decode_registration(AgentId(0), bytes), decode_heartbeat(bytes), decode_node_key(bytes));
        }
    }
}
