use super::*;

/// Two members that have joined and not synced; "a" leads.
fn completing() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.join(old("a"));
    fixture.join(old("b"));
    fixture.elapse();
    assert_eq!(fixture.state(), "CompletingRebalance");
    fixture
}

#[test]
fn followers_wait_for_the_leader_and_get_its_assignments() {
    let mut fixture = completing();
    let b = fixture.sync("b");
    assert!(fixture.is_waiting(b));
    let a = fixture.sync_as("a", [(id("b"), Bytes::from("all")), (id("unknown"), Bytes::from("x"))].into());
    assert_eq!(fixture.sync_answer(b), Ok(Bytes::from("all")));
    assert_eq!(fixture.sync_answer(a), Ok(Bytes::new()), "the leader gave itself nothing");
    assert_eq!(fixture.state(), "Stable");
}

#[test]
fn a_late_follower_gets_its_assignment_at_once() {
    let mut fixture = completing();
    fixture.sync_as("a", [(id("b"), Bytes::from("all"))].into());
    let b = fixture.sync("b");
    assert_eq!(fixture.sync_answer(b), Ok(Bytes::from("all")));
}

#[test]
fn the_assignment_is_saved_before_any_member_gets_it() {
    let mut fixture = completing();
    fixture.sync_as("a", [(id("b"), Bytes::from("all"))].into());
    let saved = fixture.saves.last().expect("saved");
    assert_eq!((saved.state, saved.generation), (SavedState::Stable, Generation(1)));
    assert_eq!(saved.members[1].assignment, Bytes::from("all"));
}

#[test]
fn a_sync_of_another_generation_is_refused() {
    let mut fixture = completing();
    let stale = Sync {
        member: id("b"),
        instance: None,
        generation: Generation(0),
        protocol_type: None,
        protocol: None,
        assignments: BTreeMap::new(),
    };
    let waiter = fixture.sync_with(stale.clone());
    assert_eq!(fixture.sync_answer(waiter), Err(GroupError::IllegalGeneration));
    let unknown = fixture.sync_with(Sync { member: id("unknown"), ..stale.clone() });
    assert_eq!(fixture.sync_answer(unknown), Err(GroupError::UnknownMember));
    let current = Sync { generation: Generation(1), ..stale };
    let other_type = fixture.sync_with(Sync { protocol_type: Some("connect".into()), ..current.clone() });
    assert_eq!(fixture.sync_answer(other_type), Err(GroupError::InconsistentProtocol));
    let other = fixture.sync_with(Sync { protocol: Some("sticky".into()), ..current });
    assert_eq!(fixture.sync_answer(other), Err(GroupError::InconsistentProtocol));
}

#[test]
fn a_sync_while_preparing_is_answered_with_rebalance_in_progress() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.join(old("c"));
    let b = fixture.sync("b");
    assert_eq!(fixture.sync_answer(b), Err(GroupError::RebalanceInProgress));
}

#[test]
fn members_that_never_sync_are_removed_and_the_others_rebalance() {
    let mut fixture = completing();
    fixture.sync("a");
    let mut passed = Duration::ZERO;
    while passed < REBALANCE {
        let _ = (fixture.heartbeat("a"), fixture.heartbeat("b"));
        fixture.pass(Duration::from_secs(5));
        passed += Duration::from_secs(5);
    }
    assert_eq!((fixture.state(), fixture.group.size()), ("PreparingRebalance", 1));
    assert_eq!(fixture.heartbeat("b"), Err(GroupError::UnknownMember));
}

#[test]
fn an_assignment_that_cannot_be_saved_is_refused() {
    let mut fixture = completing();
    fixture.rules.bytes_max = 1_000;
    let waiter = fixture.sync_as("a", [(id("a"), Bytes::from(vec![0; 2_000]))].into());
    assert_eq!(fixture.sync_answer(waiter), Err(GroupError::AssignmentTooLarge));
    assert_eq!(fixture.state(), "CompletingRebalance");
}

#[test]
fn a_sync_repeated_after_a_disconnect_is_answered() {
    let mut fixture = completing();
    let first = fixture.sync("b");
    fixture.cancel_waiter(first);
    let second = fixture.sync("b");
    fixture.sync_as("a", [(id("b"), Bytes::from("all"))].into());
    assert!(fixture.is_waiting(first));
    assert_eq!(fixture.sync_answer(second), Ok(Bytes::from("all")));
}
