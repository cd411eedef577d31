use super::*;

fn restart(fixture: &mut Fixture) {
    let saved = fixture.saves.last().expect("something was saved").clone();
    fixture.group = Group::restore(saved, fixture.now);
}

#[test]
fn a_stable_group_is_restored_stable_with_new_sessions() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.pass(Duration::from_secs(9));
    restart(&mut fixture);
    fixture.pass(Duration::from_secs(9));
    assert_eq!((fixture.heartbeat("a"), fixture.heartbeat("b")), (Ok(()), Ok(())));
    let b = fixture.sync("b");
    assert_eq!(fixture.sync_answer(b), Ok(Bytes::from("work of b")));
}

#[test]
fn members_that_do_not_survive_a_restart_expire() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    restart(&mut fixture);
    fixture.pass(Duration::from_secs(5));
    fixture.heartbeat("a").expect("alive");
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::RebalanceInProgress));
    assert_eq!(fixture.group.size(), 1);
}

#[test]
fn a_generation_that_was_answered_is_restored_and_waits_for_its_assignment() {
    let mut fixture = Fixture::new();
    fixture.join(old("a"));
    fixture.join(old("b"));
    fixture.elapse();
    restart(&mut fixture);
    assert_eq!(fixture.state(), "CompletingRebalance");
    let b = fixture.sync("b");
    fixture.sync_as("a", [(id("b"), Bytes::from("all"))].into());
    assert_eq!(fixture.sync_answer(b), Ok(Bytes::from("all")));
}

#[test]
fn a_rebalance_under_way_begins_again_from_the_generation_before() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.join(old("b"));
    restart(&mut fixture);
    assert_eq!((fixture.state(), fixture.group.size()), ("Stable", 1));
    let b = fixture.rejoin("b");
    assert_eq!(fixture.join_error(b), GroupError::UnknownMember, "it was never in a generation");
}

#[test]
fn members_that_have_left_are_not_waited_for_after_a_restart() {
    let mut fixture = Fixture::stable(&["a", "b", "c"]);
    fixture.leave_as("a").expect("left");
    fixture.join(old("new"));
    fixture.leave_as("b").expect("left");
    restart(&mut fixture);
    assert_eq!((fixture.state(), fixture.group.size()), ("PreparingRebalance", 1));
    assert_eq!(fixture.heartbeat("c"), Err(GroupError::RebalanceInProgress));
    let c = fixture.rejoin("c");
    assert_eq!((fixture.joined(c).generation, fixture.joined(c).members.len()), (Generation(2), 1));
}

#[test]
fn members_that_have_expired_are_not_waited_for_after_a_restart() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.pass(Duration::from_secs(5));
    fixture.heartbeat("b").expect("alive");
    fixture.pass(Duration::from_secs(5));
    restart(&mut fixture);
    assert_eq!((fixture.state(), fixture.group.size()), ("PreparingRebalance", 1));
    let b = fixture.rejoin("b");
    assert_eq!(fixture.joined(b).leader, id("b"));
}

#[test]
fn a_member_that_leaves_before_the_first_generation_is_not_saved() {
    let mut fixture = Fixture::with_delay(Duration::from_secs(3));
    fixture.join(old("a"));
    fixture.join(old("b"));
    fixture.leave_as("a").expect("left");
    assert_eq!(fixture.saves, []);
}

/// Hands the group over to another coordinator, if there is anything to hand over, and restores it there.
fn hand_over(fixture: &mut Fixture) {
    fixture.saves.extend(fixture.group.handover_snapshot(fixture.now));
    restart(fixture);
}

#[test]
fn a_member_that_died_is_waited_for_once_however_often_the_group_is_handed_over() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    for _ in 0..2 {
        fixture.pass(Duration::from_secs(4));
        fixture.heartbeat("b").expect("alive");
        hand_over(&mut fixture);
    }
    assert_eq!((fixture.state(), fixture.group.size()), ("Stable", 2));
    fixture.pass(SESSION / 3 + Duration::from_millis(1));
    assert_eq!(fixture.heartbeat("b"), Err(GroupError::RebalanceInProgress));
    assert_eq!(fixture.group.size(), 1);
}

#[test]
fn a_member_has_a_third_of_its_session_to_find_the_next_coordinator() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.pass(SESSION - Duration::from_millis(1));
    fixture.heartbeat("b").expect("alive");
    hand_over(&mut fixture);
    fixture.pass(SESSION / 3 - Duration::from_millis(1));
    assert_eq!(fixture.heartbeat("a"), Ok(()));
    fixture.pass(Duration::from_millis(1));
    assert_eq!(fixture.group.size(), 2);
}

#[test]
fn a_rebalance_that_waits_for_a_silent_member_goes_on_where_the_group_is_handed_over_to() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.pass(Duration::from_secs(6));
    fixture.heartbeat("a").expect("alive");
    fixture.rejoin("a");
    hand_over(&mut fixture);
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::RebalanceInProgress));
    fixture.pass(Duration::from_secs(3));
    let a = fixture.rejoin("a");
    assert!(fixture.is_waiting(a));
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.joined(a).members.len(), 1);
}

#[test]
fn a_member_that_was_silent_at_one_hand_over_and_spoke_since_has_a_whole_session_after_the_next() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.pass(Duration::from_secs(8));
    hand_over(&mut fixture);
    fixture.heartbeat("a").expect("alive");
    hand_over(&mut fixture);
    fixture.pass(SESSION - Duration::from_millis(1));
    assert_eq!(fixture.heartbeat("a"), Ok(()));
}

#[test]
fn nothing_is_saved_when_a_group_is_handed_over_whose_members_send_heartbeats() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.pass(SESSION / 3 - Duration::from_millis(1));
    assert_eq!(fixture.group.handover_snapshot(fixture.now), None);
    let first = Fixture::with_delay(Duration::from_secs(3));
    assert_eq!(first.group.handover_snapshot(first.now), None);
}

#[test]
fn static_members_keep_their_place_over_a_restart() {
    let mut fixture = Fixture::new();
    fixture.join(fixed("a", "a"));
    fixture.elapse();
    let member = fixture.group.instances[&InstanceId::new("a")].clone();
    fixture.sync_as(member.as_str(), [(member.clone(), Bytes::from("all"))].into());
    restart(&mut fixture);
    let back = fixture.join(fixed("a", "a"));
    let joined = fixture.joined(back);
    let sync = fixture.sync(joined.member.as_str());
    assert_eq!(fixture.sync_answer(sync), Ok(Bytes::from("all")));
}

#[test]
fn a_snapshot_that_contradicts_itself_is_restored_as_a_group_that_rebalances() {
    let fixture = Fixture::stable(&["a"]);
    let good = fixture.saves.last().expect("saved").clone();
    for bad in [
        Snapshot { state: SavedState::Empty, ..good.clone() },
        Snapshot { leader: None, ..good.clone() },
        Snapshot { leader: Some(id("unknown")), ..good.clone() },
        Snapshot { protocol: None, ..good.clone() },
    ] {
        assert_eq!(Group::restore(bad, fixture.now).state().name(), "PreparingRebalance");
    }
    let nobody = Snapshot { members: Vec::new(), ..good };
    assert_eq!(Group::restore(nobody, fixture.now).state().name(), "Empty");
}

#[test]
fn a_group_is_described_with_assignments_only_while_it_is_stable() {
    let mut fixture = Fixture::stable(&["a"]);
    let stable = fixture.group.describe();
    assert_eq!(
        (stable.state, stable.protocol.as_str(), stable.protocol_type.as_str()),
        ("Stable", "range", "consumer")
    );
    assert_eq!(stable.members[0].assignment, Bytes::from("work of a"));
    assert_eq!(stable.members[0].client_host, "/127.0.0.1");
    fixture.join(old("b"));
    let preparing = fixture.group.describe();
    assert_eq!((preparing.state, preparing.protocol.as_str(), preparing.members.len()), ("PreparingRebalance", "", 2));
    assert!(preparing.members.iter().all(|member| member.assignment.is_empty() && member.metadata.is_empty()));
}
