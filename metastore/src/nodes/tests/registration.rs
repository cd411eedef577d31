use std::{collections::BTreeSet, sync::atomic::Ordering};

use alluvium_model::AgentId;
use futures::future::join_all;

use super::*;
use crate::{fixtures, kv::KvFaults};

async fn register(nodes: &Nodes, new: &NewNode, incarnation: u64) -> Node {
    nodes.register(new, Incarnation(incarnation), NOW).await.expect("registered")
}

#[tokio::test]
async fn nodes_get_the_lowest_free_id_and_agents_the_lowest_free_rank_of_their_zone() {
    let nodes = fixtures::memory().await.nodes;
    let mut given = Vec::new();
    for (n, zone) in (1..).zip([Some("a"), Some("b"), Some("a"), None, None]) {
        let node = register(&nodes, &agent(None, zone), n).await;
        given.push((node.id.0, node.rank));
    }
    assert_eq!(given, [(0, 0), (1, 0), (2, 1), (3, 0), (4, 1)]);
    let compactor = register(&nodes, &NewNode { compacts: true, ..NewNode::default() }, 6).await;
    assert_eq!((compactor.id.0, compactor.rank), (5, 0), "a compactor takes no agent's rank");
    nodes.leave(LeaseOwner { id: AgentId(0), incarnation: Incarnation(1) }).await.expect("left");
    let next = register(&nodes, &agent(None, Some("a")), 7).await;
    assert_eq!((next.id.0, next.rank), (0, 0));
    let listed = nodes.list().await.expect("read");
    assert_eq!(listed.iter().map(|node| node.id.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert_eq!(listed[0], next);
}

#[tokio::test]
async fn a_process_that_must_have_an_id_takes_it_over_and_the_other_learns_it_from_its_next_heartbeat() {
    let nodes = fixtures::memory().await.nodes;
    let old = register(&nodes, &agent(Some(7), Some("a")), 1).await;
    let listed = nodes.heartbeat(old.lease_owner(), NodeState::Active, NOW.plus_ms(5)).await.expect("recorded");
    assert_eq!((listed[0].heartbeats, listed[0].clock), (1, NOW.plus_ms(5)));
    let new = register(&nodes, &agent(Some(7), Some("a")), 2).await;
    assert_eq!((new.id, new.rank, new.heartbeats), (AgentId(7), 0, 0), "the rank of its predecessor is free for it");
    assert_eq!(nodes.heartbeat(old.lease_owner(), NodeState::Active, NOW).await, Err(HeartbeatError::Replaced));
    nodes.leave(old.lease_owner()).await.expect("removes only its own row");
    assert!(!nodes.remove_silent(old.lease_owner(), 1).await.expect("read"));
    assert_eq!(nodes.list().await.expect("read"), [new]);
}

#[tokio::test]
async fn only_a_registration_without_new_heartbeats_is_removed() {
    let nodes = fixtures::memory().await.nodes;
    let node = register(&nodes, &agent(None, None), 1).await.lease_owner();
    nodes.heartbeat(node, NodeState::Active, NOW).await.expect("recorded");
    assert!(!nodes.remove_silent(node, 0).await.expect("read"), "it has sent a heartbeat since");
    assert!(nodes.remove_silent(node, 1).await.expect("read"));
    assert!(!nodes.remove_silent(node, 1).await.expect("read"), "it was removed already");
    assert_eq!(nodes.heartbeat(node, NodeState::Active, NOW).await, Err(HeartbeatError::Removed));
    assert_eq!(nodes.list().await.expect("read"), []);
}

#[tokio::test]
async fn a_process_that_lost_its_registration_does_not_take_its_id_from_another() {
    let nodes = fixtures::memory().await.nodes;
    let fixed_id = agent(Some(7), None);
    let old = register(&nodes, &fixed_id, 1).await;
    assert!(nodes.remove_silent(old.lease_owner(), 0).await.expect("read"));
    let again = nodes.register_again(&fixed_id, AgentId(7), Incarnation(2), NOW).await.expect("the id is free");
    assert_eq!(again.id, AgentId(7));
    assert!(nodes.remove_silent(again.lease_owner(), 0).await.expect("read"));
    register(&nodes, &fixed_id, 3).await;
    assert_eq!(nodes.register_again(&fixed_id, AgentId(7), Incarnation(4), NOW).await, Err(HeartbeatError::Replaced));
    let again = async |old, incarnation| {
        let again = nodes.register_again(&agent(None, None), AgentId(old), Incarnation(incarnation), NOW).await;
        again.expect("any id will do").id.0
    };
    assert_eq!((again(7, 5).await, again(9, 6).await), (0, 9), "its old id where it is free, else the lowest");
}

#[tokio::test(start_paused = true)]
async fn each_process_registers_once_with_an_id_of_its_own_under_faults() {
    for seed in 0..20 {
        let faults = KvFaults { seed, conflict_per_mille: 200, unknown_per_mille: 300, ..KvFaults::default() };
        let metastore = fixtures::open(faults).await;
        let registering = (1..=8).map(|n| {
            let nodes = metastore.nodes.clone();
            async move { register(&nodes, &agent(None, Some("a")), n).await }
        });
        let registered = join_all(registering).await;
        let ids: BTreeSet<_> = registered.iter().map(|node| (node.id.0, node.rank)).collect();
        assert_eq!(ids, (0..8).zip(0..8).collect(), "seed {seed}");
        assert_eq!(metastore.nodes.list().await.expect("read").len(), 8, "seed {seed}");
        for node in &registered {
            metastore.nodes.heartbeat(node.lease_owner(), NodeState::Active, NOW).await.expect("recorded");
            metastore.nodes.leave(node.lease_owner()).await.expect("left");
        }
        assert_eq!(metastore.nodes.list().await.expect("read"), [], "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn heartbeats_conflict_with_nothing() {
    let faults = KvFaults { latency_max: std::time::Duration::from_millis(5), ..KvFaults::default() };
    let metastore = fixtures::open(faults).await;
    let mut owners = Vec::new();
    for n in 0..10 {
        owners.push(register(&metastore.nodes, &agent(None, None), n).await.lease_owner());
    }
    for _ in 0..10 {
        let heartbeats =
            owners.iter().map(|lease_owner| metastore.nodes.heartbeat(*lease_owner, NodeState::Active, NOW));
        assert!(join_all(heartbeats).await.iter().all(Result::is_ok));
    }
    assert_eq!(metastore.db.metrics().conflicts.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn either_a_heartbeat_or_a_concurrent_removal_succeeds() {
    let mut removed = 0;
    for seed in 0..60 {
        let faults = KvFaults { seed, latency_max: std::time::Duration::from_millis(10), ..KvFaults::default() };
        let nodes = fixtures::open(faults).await.nodes;
        let node = register(&nodes, &agent(None, None), 1).await.lease_owner();
        let (recorded, removed_now) =
            tokio::join!(nodes.heartbeat(node, NodeState::Active, NOW), nodes.remove_silent(node, 0));
        let is_removed = removed_now.expect("read");
        assert_eq!(recorded.is_ok(), !is_removed, "seed {seed}: {recorded:?}");
        assert_eq!(nodes.list().await.expect("read").is_empty(), is_removed, "seed {seed}");
        removed += usize::from(is_removed);
    }
    assert!((1..60).contains(&removed), "{removed} of 60: both happen");
}
