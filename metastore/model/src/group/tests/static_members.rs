use super::*;

/// A stable group of a dynamic leader "a" and a static follower "b" of instance "b".
fn with_static_follower() -> Fixture {
    let mut fixture = Fixture::new();
    let a = fixture.join(old("a"));
    let b = fixture.join(fixed("b", "b"));
    fixture.elapse();
    let b = fixture.joined(b).member;
    assert_eq!(fixture.joined(a).members.iter().filter(|member| member.instance.is_some()).count(), 1);
    fixture.sync_as("a", [(b.clone(), Bytes::from("work of b"))].into());
    fixture.sync(b.as_str());
    fixture
}

fn member_of(fixture: &Fixture, instance: &str) -> MemberId {
    fixture.group.instances[&InstanceId::new(instance)].clone()
}

#[test]
fn a_static_member_joins_without_being_pending_first() {
    let mut fixture = Fixture::new();
    let b = fixture.join(fixed("b", "b"));
    fixture.elapse();
    assert_eq!(fixture.joined(b).generation, Generation(1));
}

#[test]
fn a_static_member_that_joins_again_is_replaced_without_a_rebalance() {
    let mut fixture = with_static_follower();
    let before = member_of(&fixture, "b");
    let back = fixture.join(fixed("b", "b"));
    let joined = fixture.joined(back);
    assert_ne!(joined.member, before);
    assert_eq!((joined.generation, fixture.state()), (Generation(1), "Stable"));
    let sync = fixture.sync(joined.member.as_str());
    assert_eq!(fixture.sync_answer(sync), Ok(Bytes::from("work of b")));
    let saved = fixture.saves.last().expect("the swap is saved");
    assert!(saved.members.iter().any(|member| member.id == joined.member));
    assert_eq!(fixture.heartbeat(before.as_str()), Err(GroupError::UnknownMember));
}

#[test]
fn the_member_that_was_replaced_is_fenced() {
    let mut fixture = with_static_follower();
    let before = member_of(&fixture, "b");
    fixture.join(fixed("b", "b"));
    let instance = InstanceId::new("b");
    let heartbeat = fixture.group.heartbeat(&before, Some(&instance), Generation(1), fixture.now);
    assert_eq!(heartbeat, Err(GroupError::FencedInstance));
    let again = fixture.join(Joiner { member: Some(before.clone()), ..fixed("b", "b") });
    assert_eq!(fixture.join_error(again), GroupError::FencedInstance);
    let committer = Committer {
        member: Some(before),
        instance: Some(instance),
        generation: Some(Generation(1)),
        ..Committer::default()
    };
    assert_eq!(fixture.group.admit_commit(&committer, fixture.now), Err(GroupError::FencedInstance));
}

#[test]
fn a_waiting_request_of_the_member_that_was_replaced_is_fenced() {
    let mut fixture = with_static_follower();
    fixture.join(old("c"));
    let before = member_of(&fixture, "b");
    let awaiting = fixture.join(Joiner { member: Some(before), ..fixed("b", "b") });
    let back = fixture.join(fixed("b", "b"));
    assert_eq!(fixture.join_error(awaiting), GroupError::FencedInstance);
    assert!(fixture.is_waiting(back));
}

#[test]
fn a_static_member_that_changes_the_choice_of_protocol_starts_a_rebalance() {
    let mut fixture = Fixture::new();
    let knows = |protocols: &[&str]| Joiner {
        protocols: protocols.iter().map(|name| protocol(name, "")).collect(),
        ..fixed("b", "b")
    };
    fixture.join(knows(&["range", "sticky"]));
    fixture.elapse();
    let leader = member_of(&fixture, "b");
    fixture.sync(leader.as_str());
    let back = fixture.join(knows(&["sticky", "range"]));
    assert_eq!(&*fixture.joined(back).protocol, "sticky");
    assert_eq!(fixture.joined(back).generation, Generation(2));
}

#[test]
fn a_static_leader_that_joins_again_skips_the_assignment_or_does_not_lead() {
    for can_skip in [true, false] {
        let mut fixture = Fixture::new();
        fixture.join(fixed("a", "a"));
        fixture.elapse();
        let before = member_of(&fixture, "a");
        fixture.sync(before.as_str());
        let back = fixture.join(Joiner { can_skip_assignment: can_skip, ..fixed("a", "a") });
        let joined = fixture.joined(back);
        assert_eq!((joined.skip_assignment, joined.members.len()), if can_skip { (true, 1) } else { (false, 0) });
        assert_eq!(joined.leader == joined.member, can_skip);
        assert_eq!(joined.generation, Generation(1));
    }
}

#[test]
fn a_static_member_that_comes_back_while_assignments_are_computed_starts_over() {
    let mut fixture = Fixture::new();
    fixture.join(old("a"));
    fixture.join(fixed("b", "b"));
    fixture.elapse();
    let sync = fixture.sync(member_of(&fixture, "b").as_str());
    let back = fixture.join(fixed("b", "b"));
    assert_eq!(fixture.sync_answer(sync), Err(GroupError::FencedInstance));
    assert!(fixture.is_waiting(back));
    assert_eq!(fixture.state(), "PreparingRebalance");
}

#[test]
fn a_rebalance_keeps_static_members_that_are_away() {
    let mut fixture = with_static_follower();
    let away = member_of(&fixture, "b");
    let c = fixture.join(old("c"));
    fixture.rejoin("a");
    for _ in 0..12 {
        let result = fixture.group.heartbeat(&away, Some(&InstanceId::new("b")), Generation(1), fixture.now);
        assert_eq!(result, Err(GroupError::RebalanceInProgress));
        fixture.pass(Duration::from_secs(5));
    }
    assert_eq!(fixture.joined(c).generation, Generation(2));
    assert_eq!(fixture.group.size(), 3);
}

#[test]
fn a_group_of_absent_static_members_waits_until_they_expire() {
    let mut fixture = Fixture::new();
    let patient = Joiner { session_timeout: Duration::from_secs(300), ..fixed("b", "b") };
    fixture.join(patient);
    fixture.elapse();
    let member = member_of(&fixture, "b");
    fixture.sync(member.as_str());
    // It joins with a change, and disconnects: no member is left to begin a generation with.
    let changed = Joiner { session_timeout: Duration::from_secs(300), ..fixed("b", "b") };
    fixture.join(old("a"));
    let waiter = fixture.join(Joiner { member: Some(member), ..changed });
    fixture.cancel_waiter(waiter);
    fixture.leave_as("a").expect("left");
    fixture.pass(Duration::from_secs(200));
    assert_eq!((fixture.state(), fixture.group.size()), ("PreparingRebalance", 1));
    fixture.pass(Duration::from_secs(200));
    assert_eq!((fixture.state(), fixture.group.size()), ("Empty", 0));
}

#[test]
fn an_administrator_removes_a_static_member_by_its_instance_id() {
    let mut fixture = with_static_follower();
    let by_instance = |instance: &str| Leaver { member: None, instance: Some(InstanceId::new(instance)) };
    assert_eq!(fixture.leave(by_instance("unknown")), Err(GroupError::UnknownMember));
    assert_eq!(fixture.leave(by_instance("b")), Ok(()));
    assert_eq!((fixture.group.size(), fixture.state()), (1, "PreparingRebalance"));
}

#[test]
fn a_pending_member_cannot_become_a_static_member() {
    let mut fixture = with_static_follower();
    fixture.join(modern("c"));
    let waiter = fixture.join(Joiner { member: Some(id("c")), ..fixed("c", "b") });
    assert_eq!(fixture.join_error(waiter), GroupError::FencedInstance);
    assert_eq!(fixture.group.instances.len(), 1);
}
