//! Names and owners of blocks.

use std::sync::Arc;

use alluvium_model::node::{Endpoint, Incarnation, Node, NodeState};
use alluvium_model::placement::Candidate;
use alluvium_model::{
    AgentId, ObjectId, Offset, PartitionIndex, Timestamp, TopicId, TopicPartition, limits, object_key,
};
use uuid::Uuid;

use super::block_owner::owner;
use super::{BlockName, BlockPart, InvalidBlock, OWNERSHIP_RANGE_BLOCKS};

const BLOCK: u64 = limits::CACHE_BLOCK_BYTES;

fn object(writer: u32) -> ObjectId {
    ObjectId::new(Timestamp(1_790_000_000_000), writer, 42)
}

fn v1_key() -> String {
    let partition = TopicPartition::new(TopicId(Uuid::from_u128(5)), PartitionIndex(3));
    object_key::history_v1("orders.v1", partition, Offset(42), object(1))
}

fn history_key() -> String {
    object_key::history("orders.v1", TopicId(Uuid::from_u128(5)), object(1))
}

#[test]
fn names_are_parsed_as_they_were_sent() {
    let segment = BlockName::segment(object(1));
    assert_eq!(BlockName::parse(segment.key(), None), Ok(segment));
    for key in [history_key(), v1_key()] {
        for range in [0..BLOCK, 0..7, BLOCK..BLOCK + 1, 4 * BLOCK..8 * BLOCK] {
            let name = BlockName::history(object(1), &key, range.clone()).unwrap();
            assert_eq!(BlockName::parse(&key, Some(range.clone())), Ok(name.clone()));
            assert_eq!((name.part(), name.object()), (&BlockPart::Range(range), object(1)));
        }
    }
}

#[test]
fn only_keys_as_we_write_them_are_accepted() {
    let segment = object_key::segment(object(1));
    let changed = |key: &str, changes: &[(&str, &str)]| {
        changes.iter().map(|(from, to)| key.replace(from, to)).collect::<Vec<_>>()
    };
    let of_the_topic = [("orders.v1", ".."), ("orders.v1", "a b"), ("orders.v1/", "orders.v1/more/")];
    let mut keys = vec![
        String::new(),
        "probe/0000000000000000".to_owned(),
        format!("/{segment}"),
        format!("segments/zz/{}.seg", object(1)),
        format!("segments/../{}.seg", object(1)),
        format!("{}/", history_key()),
        format!("{}/", v1_key()),
    ];
    keys.extend(changed(&segment, &[(".seg", ""), ("segments/", "segments//")]));
    keys.extend(changed(&history_key(), &of_the_topic));
    keys.extend(changed(&history_key(), &[("orders.v1/", "orders.v1//"), ("history/", "stories/"), (".parquet", "")]));
    keys.extend(changed(&v1_key(), &of_the_topic));
    keys.extend(changed(
        &v1_key(),
        &[
            ("partition=3", "partition=03"),
            ("partition=3", "partition=x"),
            ("partition=3", "shared"),
            ("partition=3/", ""),
            ("00042", "0042"),
            ("00000000000000000042-", ""),
        ],
    ));
    for key in keys {
        assert_eq!(BlockName::parse(&key, None), Err(InvalidBlock::Key(key.clone())), "{key}");
        assert_eq!(BlockName::parse(&key, Some(0..1)), Err(InvalidBlock::Key(key.clone())), "{key}");
    }
}

#[test]
fn history_is_served_by_blocks_of_one_ownership_range_and_segments_whole() {
    let key = history_key();
    for range in
        [0..0, 1..BLOCK, BLOCK - 1..BLOCK, 0..OWNERSHIP_RANGE_BLOCKS * BLOCK + 1, 3 * BLOCK..5 * BLOCK, 0..u64::MAX]
    {
        assert_eq!(BlockName::parse(&key, Some(range.clone())), Err(InvalidBlock::Range(range)));
    }
    let backwards = std::ops::Range { start: 4 * BLOCK, end: BLOCK };
    assert_eq!(BlockName::parse(&key, Some(backwards.clone())), Err(InvalidBlock::Range(backwards)));
    assert_eq!(BlockName::parse(&key, None), Err(InvalidBlock::Part));
    assert_eq!(BlockName::parse(&object_key::segment(object(1)), Some(0..1)), Err(InvalidBlock::Part));
}

#[test]
fn bytes_that_are_not_the_segment_are_rejected() {
    let name = BlockName::segment(object(1));
    let partition = TopicPartition::new(TopicId(Uuid::from_u128(5)), PartitionIndex(3));
    let written = |writer: u32, created: Timestamp| {
        let facts = alluvium_segment::BatchFacts { records: 1, timestamps: (created, created), producer: None };
        let batch = alluvium_segment::BatchInput { parts: [vec![7; 100].into(), bytes::Bytes::new()], facts };
        let run = alluvium_segment::RunInput { partition, batches: vec![batch] };
        alluvium_segment::encode(writer, created, vec![run]).unwrap().parts.concat()
    };
    let correct = written(1, object(1).created());
    assert_eq!(name.check(&correct), Ok(()));
    assert!(name.check(&correct[1..]).is_err() && name.check(&correct[..correct.len() - 1]).is_err());
    assert!(name.check(&written(2, object(1).created())).is_err() && name.check(&written(1, Timestamp(5))).is_err());
    assert!(name.check(&[]).is_err());
}

fn node(id: i32, zone: Option<&str>) -> Node {
    Node {
        id: AgentId(id),
        incarnation: Incarnation(1),
        rank: id.unsigned_abs(),
        zone: zone.map(Arc::from),
        kafka: None,
        http: Some(Endpoint { host: "agent".to_owned(), port: u16::try_from(id).unwrap() }),
        compacts: false,
        version: String::new(),
        started: Timestamp(0),
        heartbeats: 1,
        clock: Timestamp(0),
        state: NodeState::Active,
        expiry: alluvium_model::limits::NODE_EXPIRY,
        compaction: alluvium_model::CompactionLoad::default(),
    }
}

fn candidates(nodes: &[Node]) -> Vec<Candidate> {
    nodes.iter().map(|node| Candidate { id: node.id, zone: node.zone.clone(), rank: node.rank }).collect()
}

/// The agent that each of `nodes` asks for `block`; `None` if it asks none.
fn asked(block: &BlockName, nodes: &[Node], candidates: &[Candidate]) -> Vec<Option<i32>> {
    let ask = |this: &Node| owner(block, this, candidates, nodes).map(|owner| owner.id.0);
    nodes.iter().map(ask).collect()
}

#[test]
fn a_segment_is_owned_by_its_writer_in_the_writers_zone_and_by_one_agent_in_each_other_zone() {
    let nodes: Vec<Node> = (1..=6).map(|id| node(id, Some(if id <= 3 { "a" } else { "b" }))).collect();
    let segment = BlockName::segment(object(2));
    let asked = asked(&segment, &nodes, &candidates(&nodes));
    assert_eq!(asked[..3], [Some(2), None, Some(2)]);
    let others: Vec<i32> = asked[3..].iter().flatten().copied().collect();
    assert_eq!(others.len(), 2);
    assert!(others[0] == others[1] && (4..=6).contains(&others[0]));
}

#[test]
fn ownership_ranges_of_a_history_file_are_spread_over_the_zone() {
    let nodes: Vec<Node> = (1..=3).map(|id| node(id, None)).collect();
    let mut owners = std::collections::BTreeSet::new();
    for range in 0..32 {
        let start = range * OWNERSHIP_RANGE_BLOCKS * BLOCK;
        let of_block = |start: u64| {
            let name = BlockName::history(object(1), &history_key(), start..start + BLOCK).unwrap();
            asked(&name, &nodes, &candidates(&nodes))
        };
        let asked = of_block(start);
        assert_eq!(asked.iter().flatten().count(), 2, "all but the owner ask");
        assert_eq!(asked, of_block(start + 3 * BLOCK), "blocks of one ownership range have one owner");
        owners.extend(asked.into_iter().flatten());
    }
    assert_eq!(owners.len(), 3);
}

#[test]
fn an_agent_alone_in_its_zone_asks_none_and_no_agent_asks_one_without_http() {
    let mut nodes = vec![node(1, Some("a")), node(2, Some("b")), node(3, None)];
    let segment = BlockName::segment(object(1));
    assert_eq!(asked(&segment, &nodes, &candidates(&nodes)), [None, None, None]);
    // A draining agent is not a candidate: it asks others but is not asked.
    nodes.push(node(4, Some("a")));
    assert_eq!(asked(&segment, &nodes, &candidates(&nodes[..3])), [None, None, None, Some(1)]);
    nodes[0].http = None;
    assert_eq!(asked(&segment, &nodes, &candidates(&nodes)), [None; 4]);
}
