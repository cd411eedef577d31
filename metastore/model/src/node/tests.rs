//! When a node is considered failed.

use std::time::Duration;

use super::*;
use crate::{AgentId, Timestamp};

const EXPIRY: Duration = Duration::from_secs(3);

fn node(id: i32, heartbeats: u64) -> Node {
    Node {
        id: AgentId(id),
        incarnation: Incarnation(100 + u64::from(id.unsigned_abs())),
        rank: 0,
        zone: None,
        kafka: None,
        http: None,
        compacts: false,
        version: String::new(),
        started: Timestamp(0),
        heartbeats,
        clock: Timestamp(0),
        state: NodeState::Active,
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The ids of the live and of the expired nodes.
fn ids(liveness: &Liveness) -> (Vec<i32>, Vec<i32>) {
    let live = liveness.live.iter().map(|node| node.id.0).collect();
    (live, liveness.expired.iter().map(|(owner, _)| owner.id.0).collect())
}

#[test]
fn a_node_expires_after_an_expiry_without_a_heartbeat_and_no_earlier() {
    let mut detector = FailureDetector::new(EXPIRY);
    for heartbeats in 0..6 {
        let liveness = detector.observe(&[node(2, 7), node(1, heartbeats)], &[], ms(heartbeats * 500));
        assert_eq!(ids(&liveness), (vec![1, 2], vec![]));
    }
    let liveness = detector.observe(&[node(2, 7), node(1, 6)], &[], ms(2_999));
    assert_eq!(ids(&liveness), (vec![1, 2], vec![]));
    let liveness = detector.observe(&[node(2, 7), node(1, 7)], &[], ms(3_000));
    assert_eq!(ids(&liveness), (vec![1], vec![2]));
    assert_eq!(
        liveness.expired,
        [(node(2, 7).lease_owner(), 7)],
        "it can be removed as long as this is its last heartbeat"
    );
    let liveness = detector.observe(&[node(2, 8), node(1, 8)], &[], ms(3_500));
    assert_eq!(ids(&liveness), (vec![1, 2], vec![]), "it was slow, and sends heartbeats again");
}

#[test]
fn another_registration_of_the_same_id_has_a_whole_expiry() {
    let mut detector = FailureDetector::new(EXPIRY);
    for tick in 0..5 {
        detector.observe(&[node(1, 7)], &[], ms(tick * 600));
    }
    let again = Node { incarnation: Incarnation(9), ..node(1, 7) };
    assert_eq!(ids(&detector.observe(std::slice::from_ref(&again), &[], ms(3_000))), (vec![1], vec![]));
    assert_eq!(ids(&detector.observe(&[again], &[], ms(3_600))), (vec![1], vec![]));
}

#[test]
fn after_a_long_pause_every_node_has_time_to_send_another_heartbeat() {
    let mut detector = FailureDetector::new(EXPIRY);
    detector.observe(&[node(1, 7), node(2, 1)], &[], ms(0));
    // The metastore was out of reach for a minute: nobody could send a heartbeat.
    assert_eq!(ids(&detector.observe(&[node(1, 7), node(2, 1)], &[], ms(60_000))), (vec![1, 2], vec![]));
    for tick in 1..5 {
        let liveness = detector.observe(&[node(1, 7), node(2, 1 + tick)], &[], ms(60_000 + tick * 500));
        assert_eq!(ids(&liveness), (vec![1, 2], vec![]));
    }
    assert_eq!(ids(&detector.observe(&[node(1, 7), node(2, 9)], &[], ms(62_500))), (vec![2], vec![1]));
}

#[test]
fn only_an_active_agent_is_a_candidate() {
    let kafka = Some(Endpoint { host: "h".to_owned(), port: 9092 });
    let agent = Node { kafka, rank: 4, ..node(1, 0) };
    assert_eq!(agent.candidate().map(|candidate| (candidate.id, candidate.rank)), Some((AgentId(1), 4)));
    assert_eq!(Node { state: NodeState::Draining, ..agent }.candidate(), None);
    assert_eq!(node(2, 0).candidate(), None, "a compactor serves no clients");
}

#[test]
fn addresses_are_written_as_clients_write_them() {
    let written = |host: &str| Endpoint { host: host.to_owned(), port: 80 }.to_string();
    assert_eq!((written("a.b").as_str(), written("::1").as_str()), ("a.b:80", "[::1]:80"));
}

#[test]
fn a_replaced_registration_expires_when_it_must_know_it_and_is_never_live() {
    let mut detector = FailureDetector::new(EXPIRY);
    let old = node(1, 7).lease_owner();
    let new = |heartbeats| Node { incarnation: Incarnation(9), ..node(1, heartbeats) };
    detector.observe(&[node(1, 7)], &[], ms(0));
    for tick in 1..7 {
        let liveness = detector.observe(&[new(tick)], &[old], ms(tick * 500));
        assert_eq!((liveness.live, liveness.expired), (vec![new(tick)], vec![]));
    }
    let liveness = detector.observe(&[new(8)], &[old], ms(3_500));
    assert_eq!(liveness.expired, [(old, u64::MAX)], "an expiry after it was seen to be replaced");
}
