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
        expiry: EXPIRY,
        compaction: crate::CompactionLoad::default(),
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
    let mut detector = FailureDetector::default();
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
fn a_node_expires_after_its_own_expiry_whatever_that_of_the_observer_is() {
    let mut detector = FailureDetector::default();
    let patient = Node { expiry: 2 * EXPIRY, ..node(2, 7) };
    for (now, live) in [(0, vec![1, 2]), (600, vec![1, 2]), (2_900, vec![1, 2]), (3_600, vec![1, 2])] {
        assert_eq!(ids(&detector.observe(&[node(1, 7), patient.clone()], &[], ms(now))).0, live, "{now}");
    }
    for now in (1..).map(|n| 3_600 + n * 600).take_while(|now| *now < 6_600) {
        assert!(ids(&detector.observe(&[node(1, 7), patient.clone()], &[], ms(now))).0.contains(&2), "{now}");
    }
    let mut now = 6_600;
    while !ids(&detector.observe(&[node(1, 7), patient.clone()], &[], ms(now))).1.contains(&2) {
        now += 600;
    }
    assert!(now <= 9_000, "{now}");
    assert_eq!(ids(&detector.observe(&[node(1, 7), patient.clone()], &[], ms(now))).1, [1, 2]);
}

#[test]
fn another_registration_of_the_same_id_has_a_whole_expiry() {
    let mut detector = FailureDetector::default();
    for tick in 0..5 {
        detector.observe(&[node(1, 7)], &[], ms(tick * 600));
    }
    let again = Node { incarnation: Incarnation(9), ..node(1, 7) };
    assert_eq!(ids(&detector.observe(std::slice::from_ref(&again), &[], ms(3_000))), (vec![1], vec![]));
    assert_eq!(ids(&detector.observe(&[again], &[], ms(3_600))), (vec![1], vec![]));
}

#[test]
fn after_a_long_pause_every_node_has_time_to_send_another_heartbeat() {
    let mut detector = FailureDetector::default();
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
    let mut detector = FailureDetector::default();
    let old = node(1, 7).lease_owner();
    let new = |heartbeats| Node { incarnation: Incarnation(9), ..node(1, heartbeats) };
    detector.observe(&[node(1, 7)], &[], ms(0));
    for tick in 1..7 {
        let liveness = detector.observe(&[new(tick)], &[(old, EXPIRY)], ms(tick * 500));
        assert_eq!((liveness.live, liveness.expired), (vec![new(tick)], vec![]));
    }
    let liveness = detector.observe(&[new(8)], &[(old, EXPIRY)], ms(3_500));
    assert_eq!(liveness.expired, [(old, u64::MAX)], "an expiry after it was seen to be replaced");
}

#[test]
fn a_suspected_node_that_died_stays_suspected_until_it_is_removed() {
    let mut suspicions = Suspicions::default();
    assert!(suspicions.suspect(node(1, 0).lease_owner()));
    assert!(!suspicions.suspect(node(1, 0).lease_owner()), "it is suspected already");
    // Its last heartbeats are read after it died.
    for heartbeats in [8, 8, 8] {
        assert!(!suspicions.observe(&[node(1, heartbeats), node(2, 3)]));
        assert_eq!(suspicions.suspects().collect::<Vec<_>>(), [node(1, 0).lease_owner()]);
    }
    assert!(suspicions.observe(&[node(2, 4)]));
    assert_eq!(suspicions, Suspicions::default());
}

#[test]
fn a_suspected_node_that_sends_heartbeats_or_registers_again_is_cleared() {
    let mut suspicions = Suspicions::default();
    suspicions.suspect(node(1, 7).lease_owner());
    suspicions.suspect(node(2, 7).lease_owner());
    assert!(!suspicions.observe(&[node(1, 8), node(2, 8)]));
    let again = Node { incarnation: Incarnation(9), ..node(2, 8) };
    assert!(suspicions.observe(&[node(1, 9), again]));
    assert!(!suspicions.contains(node(1, 9).lease_owner()) && !suspicions.contains(node(2, 8).lease_owner()));
}
