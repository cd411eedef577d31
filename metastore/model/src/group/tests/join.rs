use super::*;

#[test]
fn the_first_member_leads_and_gets_the_list_of_all() {
    let mut fixture = Fixture::new();
    let (a, b) = (fixture.join(old("a")), fixture.join(old("b")));
    assert!(fixture.is_waiting(a) && fixture.is_waiting(b));
    fixture.elapse();
    let (a, b) = (fixture.joined(a), fixture.joined(b));
    assert_eq!((a.leader.clone(), b.leader), (id("a"), id("a")));
    assert_eq!((a.generation, b.generation), (Generation(1), Generation(1)));
    let seen: Vec<_> = a.members.iter().map(|seen| (seen.member.clone(), seen.metadata.clone())).collect();
    assert_eq!(seen, [(id("a"), Bytes::from("a")), (id("b"), Bytes::from("b"))]);
    assert_eq!(b.members, []);
    assert_eq!(fixture.state(), "CompletingRebalance");
}

#[test]
fn a_modern_member_gets_its_id_first_and_joins_with_it() {
    let mut fixture = Fixture::new();
    let first = fixture.join(modern("a"));
    let error = fixture.join_answer(first).expect_err("error");
    assert_eq!(error, JoinError { member: Some(id("a")), why: GroupError::MemberIdRequired(id("a")) });
    assert_eq!((fixture.group.size(), fixture.state()), (0, "Empty"));
    let second = fixture.rejoin("a");
    fixture.elapse();
    assert_eq!(fixture.joined(second).member, id("a"));
}

#[test]
fn an_unknown_member_is_rejected() {
    let mut fixture = Fixture::stable(&["a"]);
    let unknown = fixture.rejoin("unknown");
    assert_eq!(fixture.join_error(unknown), GroupError::UnknownMember);
    let mut empty = Fixture::new();
    let unknown = empty.rejoin("unknown");
    assert_eq!(empty.join_error(unknown), GroupError::UnknownMember);
}

#[test]
fn session_timeouts_outside_the_range_are_refused() {
    let mut fixture = Fixture::new();
    for session_timeout in [Duration::from_millis(5_999), Duration::from_millis(1_800_001)] {
        let waiter = fixture.join(Joiner { session_timeout, ..old("a") });
        assert_eq!(fixture.join_error(waiter), GroupError::InvalidSessionTimeout);
    }
}

#[test]
fn members_must_have_a_protocol_in_common() {
    let mut fixture = Fixture::stable(&["a"]);
    let other = fixture.join(Joiner { protocols: vec![protocol("sticky", "")], ..old("b") });
    assert_eq!(fixture.join_error(other), GroupError::InconsistentProtocol);
    let connect = fixture.join(Joiner { protocol_type: "connect".into(), ..old("b") });
    assert_eq!(fixture.join_error(connect), GroupError::InconsistentProtocol);
    let mut empty = Fixture::new();
    let none = empty.join(Joiner { protocols: Vec::new(), ..old("b") });
    assert_eq!(empty.join_error(none), GroupError::InconsistentProtocol);
    let no_type = empty.join(Joiner { protocol_type: "".into(), ..old("b") });
    assert_eq!(empty.join_error(no_type), GroupError::InconsistentProtocol);
}

#[test]
fn the_protocol_with_most_votes_wins_among_those_that_all_know() {
    let mut fixture = Fixture::new();
    let knows = |name: &str, protocols: &[&str]| Joiner {
        protocols: protocols.iter().map(|name| protocol(name, "")).collect(),
        ..old(name)
    };
    let a = fixture.join(knows("a", &["sticky", "range"]));
    fixture.join(knows("b", &["range", "sticky"]));
    fixture.join(knows("c", &["new", "range", "sticky"]));
    fixture.elapse();
    assert_eq!(&*fixture.joined(a).protocol, "range");
}

#[test]
fn a_group_takes_no_more_members_than_it_may_have() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    fixture.rules.size_max = 2;
    let third = fixture.join(old("c"));
    assert_eq!(fixture.join_answer(third), Err(JoinError { member: None, why: GroupError::GroupFull }));
    // In a rebalance, those who come late are turned away, even if they were there before.
    fixture.leave_as("b").expect("left");
    let (c, a) = (fixture.join(old("c")), fixture.rejoin("a"));
    fixture.elapse();
    assert_eq!((fixture.joined(c).generation, fixture.joined(a).generation), (Generation(2), Generation(2)));
}

#[test]
fn a_group_over_its_limit_rejects_the_members_that_join_last() {
    let mut fixture = Fixture::stable(&["a", "b", "c"]);
    fixture.rules.size_max = 2;
    let (a, b) = (fixture.rejoin("a"), fixture.rejoin("b"));
    let c = fixture.rejoin("c");
    assert_eq!(fixture.join_error(c), GroupError::GroupFull);
    fixture.elapse();
    assert_eq!(fixture.joined(a).members.len(), 2);
    assert_eq!(fixture.joined(b).generation, Generation(2));
}

#[test]
fn a_group_takes_no_more_bytes_than_can_be_saved() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.rules.bytes_max = 1_000;
    let big = Joiner { protocols: vec![protocol("range", &"x".repeat(2_000))], ..old("b") };
    let waiter = fixture.join(big);
    assert_eq!(fixture.join_error(waiter), GroupError::GroupFull);
}

#[test]
fn pending_members_are_bounded_too() {
    let mut fixture = Fixture::new();
    fixture.rules.size_max = 3;
    let waiters: Vec<_> = (0..4).map(|n| fixture.join(modern(&format!("m{n}")))).collect();
    assert!(matches!(fixture.join_error(waiters[2]), GroupError::MemberIdRequired(_)));
    assert_eq!(fixture.join_error(waiters[3]), GroupError::GroupFull);
}

#[test]
fn an_unchanged_follower_gets_the_current_generation_without_a_rebalance() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let b = fixture.rejoin("b");
    let joined = fixture.joined(b);
    assert_eq!((joined.generation, joined.leader, joined.members), (Generation(1), id("a"), Vec::new()));
    assert_eq!(fixture.state(), "Stable");
}

#[test]
fn a_leader_that_joins_again_starts_a_rebalance() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let a = fixture.rejoin("a");
    assert_eq!(fixture.state(), "PreparingRebalance");
    assert!(fixture.is_waiting(a));
    let b = fixture.rejoin("b");
    assert_eq!(fixture.joined(a).generation, Generation(2));
    assert_eq!(fixture.joined(b).leader, id("a"));
}

#[test]
fn a_changed_follower_starts_a_rebalance() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let changed = Joiner { member: Some(id("b")), protocols: vec![protocol("range", "more topics")], ..old("b") };
    let b = fixture.join(changed);
    assert!(fixture.is_waiting(b));
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::RebalanceInProgress));
}

#[test]
fn a_member_that_missed_its_answer_gets_it_again_while_completing() {
    let mut fixture = Fixture::new();
    let (_, _) = (fixture.join(old("a")), fixture.join(old("b")));
    fixture.elapse();
    let (a, b) = (fixture.rejoin("a"), fixture.rejoin("b"));
    assert_eq!(fixture.joined(a).members.len(), 2);
    assert_eq!(fixture.joined(b).generation, Generation(1));
    assert_eq!(fixture.state(), "CompletingRebalance");
}

#[test]
fn a_join_that_is_repeated_answers_the_one_before() {
    let mut fixture = Fixture::stable(&["a", "b"]);
    let first = fixture.rejoin("a");
    let second = fixture.rejoin("a");
    assert_eq!(fixture.join_error(first), GroupError::RebalanceInProgress);
    assert!(fixture.is_waiting(second));
}

#[test]
fn a_dead_group_takes_no_member() {
    let mut fixture = Fixture::stable(&["a"]);
    let effects = fixture.group.dissolve(&GroupError::NotCoordinator);
    fixture.note(effects);
    let late = fixture.join(old("b"));
    assert_eq!(fixture.join_error(late), GroupError::NotAvailable);
    assert_eq!(fixture.heartbeat("a"), Err(GroupError::NotAvailable));
    let sync = fixture.sync("a");
    assert_eq!(fixture.sync_answer(sync), Err(GroupError::NotAvailable));
}

#[test]
fn a_member_that_names_more_protocols_than_any_client_has_is_refused() {
    let mut fixture = Fixture::new();
    let protocols = |count: usize| (0..count).map(|n| protocol(&n.to_string(), "")).collect();
    let many = fixture.join(Joiner { protocols: protocols(MEMBER_PROTOCOLS_MAX + 1), ..old("a") });
    assert_eq!(fixture.join_error(many), GroupError::InconsistentProtocol);
    let enough = fixture.join(Joiner { protocols: protocols(MEMBER_PROTOCOLS_MAX), ..old("a") });
    fixture.elapse();
    assert_eq!(fixture.joined(enough).generation, Generation(1));
}
