//! The guarantees of placement.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::{AgentId, ObjectId, PartitionIndex, TopicId, TopicPartition};

fn partition(topic: u128, number: i32) -> TopicPartition {
    TopicPartition::new(TopicId(Uuid::from_u128(topic)), PartitionIndex(number))
}

fn candidate(id: i32, zone: Option<&str>, rank: u32) -> Candidate {
    Candidate { id: AgentId(id), zone: zone.map(Into::into), rank }
}

/// `counts` agents in each of the zones a, b, ..., ranked from 0; ids go through all zones.
fn zones(counts: &[u32]) -> Vec<Candidate> {
    let names = ["a", "b", "c", "d"];
    let each = counts.iter().zip(names).flat_map(|(count, zone)| (0..*count).map(move |rank| (zone, rank)));
    (0..).zip(each).map(|(id, (zone, rank))| candidate(id, Some(zone), rank)).collect()
}

fn partitions(count: i32) -> impl Iterator<Item = TopicPartition> {
    (0..count).map(|n| partition(77, n))
}

/// Agents of different versions must agree: these numbers are never edited.
#[test]
fn placement_is_the_same_for_ever() {
    let candidates = zones(&[3, 3]);
    let leaders =
        |zone| partitions(12).map(|p| leader(p, zone, &candidates).expect("candidates").0).collect::<Vec<_>>();
    assert_eq!(leaders(Some("a")), GOLDEN_A);
    assert_eq!(leaders(Some("b")), GOLDEN_A.map(|id| id + 3));
    assert_eq!(leaders(Some("elsewhere")), GOLDEN_ELSEWHERE);
    let groups = ["", "g", "orders", "payments", "a group with a longer name"];
    assert_eq!(groups.map(|group| coordinator(group, &candidates).expect("candidates").0), GOLDEN_GROUPS);
    let object = ObjectId([7; 16]);
    let owners: Vec<_> =
        (0..12).map(|block| block_owner(object, block, Some("b"), &candidates).expect("candidates").0).collect();
    assert_eq!(owners, GOLDEN_BLOCKS);
    let ids = [1, 2, 3, 4].map(AgentId);
    assert_eq!([&b"a"[..], b"b", b"c", b"d", b"e", b"f"].map(|key| owner(key, &ids).expect("ids").0), GOLDEN_OWNERS);
}

const GOLDEN_A: [i32; 12] = [2, 2, 2, 2, 0, 0, 2, 0, 2, 2, 0, 0];
const GOLDEN_ELSEWHERE: [i32; 12] = [2, 5, 2, 5, 3, 3, 2, 0, 5, 5, 0, 3];
const GOLDEN_GROUPS: [i32; 5] = [0, 2, 5, 2, 4];
const GOLDEN_BLOCKS: [i32; 12] = [5, 3, 5, 4, 4, 5, 5, 4, 3, 5, 5, 5];
const GOLDEN_OWNERS: [i32; 6] = [1, 4, 4, 3, 2, 2];

#[test]
fn there_is_a_leader_wherever_there_is_an_agent() {
    let one = [candidate(5, Some("a"), 0)];
    for zone in [None, Some("a"), Some("b")] {
        assert_eq!(leader(partition(1, 0), zone, &one), Some(AgentId(5)));
    }
    assert_eq!(leader(partition(1, 0), Some("a"), &[]), None);
    assert_eq!((coordinator("g", &[]), owner(b"k", &[])), (None, None));
}

#[test]
fn clients_of_a_zone_with_agents_are_sent_to_no_other() {
    let mut candidates = zones(&[2, 1]);
    candidates.push(candidate(9, None, 0));
    for partition in partitions(200) {
        assert_eq!(leader(partition, Some("b"), &candidates), Some(AgentId(2)));
        assert!(leader(partition, Some("a"), &candidates) < Some(AgentId(2)));
    }
    let without: BTreeSet<_> = partitions(200).map(|partition| leader(partition, None, &candidates)).collect();
    assert_eq!(without.len(), 4, "who says no zone is sent to all of them");
}

#[test]
fn blocks_are_loaded_within_their_zone_only() {
    let candidates = [candidate(1, Some("a"), 0), candidate(2, None, 0)];
    let object = ObjectId([1; 16]);
    for block in 0..50 {
        assert_eq!(block_owner(object, block, Some("a"), &candidates), Some(AgentId(1)));
        assert_eq!(block_owner(object, block, None, &candidates), Some(AgentId(2)));
        assert_eq!(block_owner(object, block, Some("b"), &candidates), None);
    }
}

#[test]
fn work_is_spread_evenly() {
    let candidates = zones(&[5]);
    let mut led: BTreeMap<AgentId, u32> = BTreeMap::new();
    for topic in 0..100 {
        for n in 0..10 {
            *led.entry(leader(partition(topic, n), Some("a"), &candidates).expect("candidates")).or_default() += 1;
        }
    }
    assert!(led.len() == 5 && led.values().all(|count| (140..=260).contains(count)), "{led:?}");
    let mut coordinated: BTreeMap<AgentId, u32> = BTreeMap::new();
    for n in 0..1_000 {
        *coordinated.entry(coordinator(&format!("group-{n}"), &candidates).expect("candidates")).or_default() += 1;
    }
    assert!(coordinated.values().all(|count| (140..=260).contains(count)), "{coordinated:?}");
}

#[test]
fn a_client_tells_its_zone_by_its_rack_or_in_its_id() {
    assert_eq!(client_zone(Some("r"), Some("zone=z")), Some("r"));
    for rack in [None, Some("")] {
        assert_eq!(client_zone(rack, Some("app,zone=z")), Some("z"));
    }
    for id in ["ws_az=z", "app;diskless_az=z", "app automq_az=z,zone=y", "x=1,\tzone=z", "zone=,zone=z"] {
        assert_eq!(client_zone(None, Some(id)), Some("z"), "{id:?}");
    }
    for id in ["", "zone", "zone=", "my-zone=z", "ozone=z"] {
        assert_eq!(client_zone(None, Some(id)), None, "{id:?}");
    }
    assert_eq!(client_zone(None, Some("zone=a=b")), Some("a=b"));
    assert_eq!(client_zone(None, None), None);
}

fn some_candidates() -> impl Strategy<Value = Vec<Candidate>> {
    proptest::collection::vec(1..6_u32, 1..4).prop_map(|counts| zones(&counts))
}

proptest! {
    #[test]
    fn when_an_agent_goes_only_what_it_had_moves(
        candidates in some_candidates(), gone in any::<prop::sample::Index>(), topic: u128,
    ) {
        let gone = candidates[gone.index(candidates.len())].clone();
        let left: Vec<_> = candidates.iter().filter(|candidate| candidate.id != gone.id).cloned().collect();
        let zone = gone.zone.as_deref();
        let is_served = left.iter().any(|candidate| candidate.is_in(zone));
        for n in 0..30 {
            let partition = partition(topic, n);
            let (before, after) = (leader(partition, zone, &candidates), leader(partition, zone, &left));
            prop_assert_eq!(after.is_some(), !left.is_empty());
            if before != Some(gone.id) && is_served {
                prop_assert_eq!(before, after);
            }
            let group = format!("{topic}-{n}");
            let (before, after) = (coordinator(&group, &candidates), coordinator(&group, &left));
            if before != Some(gone.id) {
                prop_assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn agents_of_one_rank_lead_the_same_partitions_in_their_zones(count in 1..6_u32, topic: u128) {
        let candidates = zones(&[count, count, count]);
        let rank_of = |id: Option<AgentId>| {
            candidates.iter().find(|candidate| Some(candidate.id) == id).map(|candidate| candidate.rank)
        };
        for n in 0..30 {
            let ranks = ["a", "b", "c"].map(|zone| rank_of(leader(partition(topic, n), Some(zone), &candidates)));
            prop_assert!(ranks[0] == ranks[1] && ranks[1] == ranks[2], "{:?}", ranks);
            prop_assert_eq!(rank_of(leader(partition(topic, n), None, &candidates)), ranks[0]);
        }
    }

    #[test]
    fn the_order_in_which_agents_are_listed_does_not_matter(candidates in some_candidates(), topic: u128) {
        let reversed: Vec<_> = candidates.iter().rev().cloned().collect();
        for n in 0..10 {
            for zone in [None, Some("a"), Some("b")] {
                let partition = partition(topic, n);
                prop_assert_eq!(leader(partition, zone, &candidates), leader(partition, zone, &reversed));
            }
            prop_assert_eq!(coordinator(&n.to_string(), &candidates), coordinator(&n.to_string(), &reversed));
        }
    }
}
