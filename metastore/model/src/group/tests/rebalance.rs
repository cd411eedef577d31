use super::*;

const DELAY: Duration = Duration::from_secs(3);

#[test]
fn the_first_rebalance_waits_for_more_members() {
    let mut fixture = Fixture::with_delay(DELAY);
    let a = fixture.join(old("a"));
    fixture.pass(Duration::from_millis(2_999));
    assert!(fixture.is_waiting(a));
    fixture.pass(Duration::from_millis(1));
    assert_eq!(fixture.joined(a).generation, Generation(1));
}

#[test]
fn the_first_rebalance_waits_longer_as_long_as_members_keep_joining() {
    let mut fixture = Fixture::with_delay(DELAY);
    let a = fixture.join(old("a"));
    fixture.pass(Duration::from_secs(2));
    let b = fixture.join(old("b"));
    fixture.pass(Duration::from_secs(2));
    assert!(fixture.is_waiting(a), "someone came in the first delay, so there is a second");
    fixture.pass(Duration::from_secs(2));
    assert_eq!(fixture.joined(a).members.len(), 2);
    assert_eq!(fixture.joined(b).generation, Generation(1));
}

#[test]
fn the_first_rebalance_waits_no_longer_than_the_rebalance_timeout() {
    let mut fixture = Fixture::with_delay(DELAY);
    let quick = |name: &str| Joiner { rebalance_timeout: Duration::from_secs(7), ..old(name) };
    let a = fixture.join(quick("a"));
    for second in 1..=6 {
        fixture.pass(Duration::from_secs(1));
        fixture.join(quick(&format!("m{second}")));
    }
    assert!(fixture.is_waiting(a));
    fixture.pass(Duration::from_secs(4));
    assert_eq!(fixture.joined(a).members.len(), 7);
}

#[test]
fn a_later_rebalance_completes_as_soon_as_all_have_joined() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let c = fixture.join(old("c"));
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::RebalanceInProgress));
    let a = fixture.rejoin("a");
    assert!(fixture.is_waiting(c));
    let b = fixture.rejoin("b");
    for waiter in [a, b, c] {
        assert_eq!(fixture.joined(waiter).generation, Generation(2));
    }
}

#[test]
fn a_rebalance_completes_without_members_that_do_not_join_in_time() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let c = fixture.join(old("c"));
    fixture.rejoin("b");
    for _ in 0..12 {
        assert_eq!(fixture.heartbeat("a"), Err(GroupError::RebalanceInProgress), "alive, but not joining");
        fixture.pass(Duration::from_secs(5));
    }
    assert_eq!(fixture.joined(c).generation, Generation(2));
    assert_eq!(fixture.joined(c).leader, id("b"), "the leader stayed away");
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::UnknownMember));
}

#[test]
fn a_rebalance_waits_for_pending_members() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.join(modern("b"));
    let a = fixture.rejoin("a");
    assert!(fixture.is_waiting(a));
    let b = fixture.rejoin("b");
    assert_eq!(fixture.joined(a).members.len(), 2);
    assert_eq!(fixture.joined(b).member, id("b"));
}

#[test]
fn a_rebalance_does_not_wait_for_an_expired_pending_member() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.join(modern("b"));
    let a = fixture.rejoin("a");
    fixture.pass(SESSION);
    assert_eq!(fixture.joined(a).members.len(), 1);
}

#[test]
fn all_waiting_syncs_are_answered_when_a_new_rebalance_begins() {
    let mut fixture = Fixture::new();
    fixture.join(old("a"));
    fixture.join(old("b"));
    fixture.elapse();
    let b = fixture.sync("b");
    fixture.join(old("c"));
    assert_eq!(fixture.sync_answer(b), Err(GroupError::RebalanceInProgress));
    assert_eq!(fixture.state(), "PreparingRebalance");
}

#[test]
fn a_new_member_that_disconnects_is_removed_at_once() {
    let mut fixture = Fixture::stable(&["a"]);
    let (b, a) = (fixture.join(old("b")), fixture.join(old("c")));
    fixture.cancel_waiter(b);
    fixture.cancel_waiter(a);
    let a = fixture.rejoin("a");
    assert_eq!(fixture.joined(a).members.len(), 1, "nobody else is waited for");
}

#[test]
fn a_known_member_that_disconnects_has_a_session_timeout_to_join_again() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let first = fixture.rejoin("a");
    fixture.cancel_waiter(first);
    let b = fixture.rejoin("b");
    assert!(fixture.is_waiting(b), "a has not joined any more");
    let again = fixture.rejoin("a");
    assert_eq!(fixture.joined(again).generation, Generation(2));
    assert_eq!(fixture.joined(b).generation, Generation(2));
}

#[test]
fn a_known_member_that_disconnects_for_good_expires() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let a = fixture.rejoin("a");
    fixture.cancel_waiter(a);
    let b = fixture.rejoin("b");
    fixture.pass(SESSION);
    assert_eq!(fixture.joined(b).members.len(), 1);
}
