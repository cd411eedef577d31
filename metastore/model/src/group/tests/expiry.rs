use super::*;

#[test]
fn a_silent_member_expires_after_its_session_timeout() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.pass(Duration::from_secs(9));
    fixture.heartbeat("a").expect("alive");
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.heartbeat("b"), Err(GroupError::UnknownMember));
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::RebalanceInProgress));
}

#[test]
fn heartbeats_keep_a_member_for_ever() {
    let mut fixture = Fixture::stable(&["a"]);
    for _ in 0..100 {
        fixture.pass(Duration::from_secs(9));
        assert_eq!(fixture.heartbeat("a"), Ok(()));
    }
}

#[test]
fn a_heartbeat_of_another_generation_is_refused_and_does_not_count() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.pass(Duration::from_secs(9));
    let stale = fixture.group.heartbeat(&id("a"), None, Generation(0), fixture.now);
    assert_eq!(stale, Err(GroupError::IllegalGeneration));
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.state(), "Empty");
}

#[test]
fn a_member_whose_join_waits_does_not_expire() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let a = fixture.rejoin("a");
    for _ in 0..10 {
        let _ = fixture.heartbeat("b");
        fixture.pass(Duration::from_secs(5));
    }
    assert!(fixture.is_waiting(a));
    fixture.rejoin("b");
    assert_eq!(fixture.joined(a).generation, Generation(2));
}

#[test]
fn the_join_of_a_new_member_does_not_wait_for_ever() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.rules.session_timeout_max = Duration::from_secs(10_000);
    let slow = Joiner {
        session_timeout: Duration::from_secs(10_000),
        rebalance_timeout: Duration::from_secs(10_000),
        ..old("slow")
    };
    let slow = fixture.join(Joiner { member: None, ..slow });
    let b = fixture.join(Joiner { rebalance_timeout: Duration::from_secs(10_000), ..old("b") });
    fixture.cancel_waiter(b);
    for _ in 0..31 {
        let _ = fixture.heartbeat("a");
        fixture.pass(Duration::from_secs(9));
        let _ = fixture.heartbeat("a");
        fixture.pass(Duration::from_secs(1));
    }
    assert_eq!(fixture.join_error(slow), GroupError::UnknownMember);
}

#[test]
fn an_expired_pending_member_is_removed() {
    let mut fixture = Fixture::new();
    fixture.join(modern("a"));
    assert!(!fixture.group.is_vacant());
    fixture.pass(SESSION);
    assert!(fixture.group.is_vacant());
    let late = fixture.rejoin("a");
    assert_eq!(fixture.join_error(late), GroupError::UnknownMember);
}

#[test]
fn a_commit_counts_as_a_heartbeat() {
    let mut fixture = Fixture::stable(&["a"]);
    let committer =
        Committer { member: Some(id("a")), instance: None, generation: Some(Generation(1)), ..Committer::default() };
    for _ in 0..5 {
        fixture.pass(Duration::from_secs(9));
        fixture.group.admit_commit(&committer, fixture.now).expect("admitted");
    }
    assert_eq!(fixture.state(), "Stable");
}
