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
