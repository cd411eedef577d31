use super::*;

#[test]
fn a_member_that_leaves_starts_a_rebalance_for_the_others() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.leave_as("a").expect("left");
    assert_eq!(fixture.heartbeat("b"), Err(GroupError::RebalanceInProgress));
    let b = fixture.rejoin("b");
    assert_eq!(fixture.joined(b).leader, id("b"));
}

#[test]
fn a_group_whose_last_member_leaves_is_empty_in_a_new_generation() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.leave_as("a").expect("left");
    assert_eq!((fixture.state(), fixture.group.generation()), ("Empty", Generation(2)));
    assert_eq!(fixture.group.protocol_type(), Some("consumer"), "it is still known what kind of group it was");
    assert_eq!(fixture.saves.last().expect("saved").state, SavedState::Empty);
}

#[test]
fn several_leave_at_once_each_with_its_own_result_and_one_rebalance() {
    let mut fixture = Fixture::stable(&["a", "b", "c"]);
    let leavers = ["a", "unknown", "b"].map(|name| Leaver { member: Some(id(name)), instance: None });
    let (results, effects) = fixture.group.leave(&leavers, &fixture.rules, fixture.now).expect("the group lives");
    fixture.note(effects);
    assert_eq!(results, [Ok(()), Err(GroupError::UnknownMember), Ok(())]);
    assert_eq!((fixture.group.size(), fixture.group.generation()), (1, Generation(1)));
}

#[test]
fn a_member_that_leaves_after_all_others_have_joined_completes_the_rebalance() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let a = fixture.rejoin("a");
    assert!(fixture.is_waiting(a));
    fixture.leave_as("b").expect("left");
    assert_eq!(fixture.joined(a).members.len(), 1);
}

#[test]
fn a_pending_member_that_leaves_is_not_waited_for_and_starts_no_rebalance() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.join(modern("b"));
    fixture.leave_as("b").expect("left");
    assert_eq!(fixture.state(), "Stable");
    fixture.join(modern("c"));
    let a = fixture.rejoin("a");
    assert!(fixture.is_waiting(a));
    fixture.leave_as("c").expect("left");
    assert_eq!(fixture.joined(a).generation, Generation(2));
}

#[test]
fn a_member_that_leaves_while_its_join_waits_is_answered() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let a = fixture.rejoin("a");
    fixture.leave_as("a").expect("left");
    assert_eq!(fixture.join_error(a), GroupError::UnknownMember);
}

#[test]
fn a_leave_without_any_id_is_rejected() {
    let mut fixture = Fixture::stable(&["a"]);
    assert_eq!(fixture.leave(Leaver { member: None, instance: None }), Err(GroupError::UnknownMember));
}
