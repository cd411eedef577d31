//! When a node is taken for gone.

use std::time::Duration;

use super::*;
use crate::{AgentId, Timestamp};

const EXPIRY: Duration = Duration::from_secs(3);

fn node(id: i32, beat: u64) -> Node {
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
        beat,
        clock: Timestamp(0),
        state: NodeState::Active,
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Who is live, and who is expired.
fn ids(observed: &Observed) -> (Vec<i32>, Vec<i32>) {
    let live = observed.live.iter().map(|node| node.id.0).collect();
    (live, observed.expired.iter().map(|(lease_owner, _)| lease_owner.id.0).collect())
}

#[test]
fn a_node_that_does_not_beat_for_an_expiry_is_gone_and_no_earlier() {
    let mut observer = Observer::new(EXPIRY);
    for beat in 0..6 {
        let observed = observer.observe(&[node(2, 7), node(1, beat)], &[], ms(beat * 500));
        assert_eq!(ids(&observed), (vec![1, 2], vec![]));
    }
    let observed = observer.observe(&[node(2, 7), node(1, 6)], &[], ms(2_999));
    assert_eq!(ids(&observed), (vec![1, 2], vec![]));
    let observed = observer.observe(&[node(2, 7), node(1, 7)], &[], ms(3_000));
    assert_eq!(ids(&observed), (vec![1], vec![2]));
    assert_eq!(
        observed.expired,
        [(node(2, 7).lease_owner(), 7)],
        "it can be removed as long as it stands at this beat"
    );
    let observed = observer.observe(&[node(2, 8), node(1, 8)], &[], ms(3_500));
    assert_eq!(ids(&observed), (vec![1, 2], vec![]), "it was slow, and beats again");
}

#[test]
fn another_registration_of_the_same_id_begins_anew() {
    let mut observer = Observer::new(EXPIRY);
    for tick in 0..5 {
        observer.observe(&[node(1, 7)], &[], ms(tick * 600));
    }
    let again = Node { incarnation: Incarnation(9), ..node(1, 7) };
    assert_eq!(ids(&observer.observe(std::slice::from_ref(&again), &[], ms(3_000))), (vec![1], vec![]));
    assert_eq!(ids(&observer.observe(&[again], &[], ms(3_600))), (vec![1], vec![]));
}

#[test]
fn an_observer_that_was_away_gives_everybody_time_to_be_heard_again() {
    let mut observer = Observer::new(EXPIRY);
    observer.observe(&[node(1, 7), node(2, 1)], &[], ms(0));
    // The metastore was out of reach for a minute: nobody could beat.
    assert_eq!(ids(&observer.observe(&[node(1, 7), node(2, 1)], &[], ms(60_000))), (vec![1, 2], vec![]));
    for tick in 1..5 {
        let observed = observer.observe(&[node(1, 7), node(2, 1 + tick)], &[], ms(60_000 + tick * 500));
        assert_eq!(ids(&observed), (vec![1, 2], vec![]));
    }
    assert_eq!(ids(&observer.observe(&[node(1, 7), node(2, 9)], &[], ms(62_500))), (vec![2], vec![1]));
}

#[test]
fn only_an_active_agent_has_a_seat() {
    let kafka = Some(Endpoint { host: "h".to_owned(), port: 9092 });
    let agent = Node { kafka, rank: 4, ..node(1, 0) };
    assert_eq!(agent.candidate().map(|candidate| (candidate.id, candidate.rank)), Some((AgentId(1), 4)));
    assert_eq!(Node { state: NodeState::Draining, ..agent }.candidate(), None);
    assert_eq!(node(2, 0).candidate(), None, "a compactor serves nobody");
}

#[test]
fn addresses_are_written_as_clients_write_them() {
    let written = |host: &str| Endpoint { host: host.to_owned(), port: 80 }.to_string();
    assert_eq!((written("a.b").as_str(), written("::1").as_str()), ("a.b:80", "[::1]:80"));
}

#[test]
fn a_replaced_registration_is_expired_when_it_must_know_it_and_never_live() {
    let mut observer = Observer::new(EXPIRY);
    let old = node(1, 7).lease_owner();
    let new = |beat| Node { incarnation: Incarnation(9), ..node(1, beat) };
    observer.observe(&[node(1, 7)], &[], ms(0));
    for tick in 1..7 {
        let observed = observer.observe(&[new(tick)], &[old], ms(tick * 500));
        assert_eq!((observed.live, observed.expired), (vec![new(tick)], vec![]));
    }
    let observed = observer.observe(&[new(8)], &[old], ms(3_500));
    assert_eq!(observed.expired, [(old, u64::MAX)], "an expiry after it was seen to be replaced");
}
