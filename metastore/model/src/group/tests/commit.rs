use super::*;

fn simple() -> Committer {
    Committer::default()
}

fn member(name: &str, generation: i32) -> Committer {
    Committer {
        member: Some(id(name)),
        instance: None,
        generation: Some(Generation(generation)),
        ..Committer::default()
    }
}

#[test]
fn a_simple_consumer_commits_only_to_a_group_without_members() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.group.admit_commit(&simple(), fixture.now), Ok(()));
    let mut fixture = Fixture::stable(&["a"]);
    assert_eq!(fixture.group.admit_commit(&simple(), fixture.now), Err(GroupError::UnknownMember));
    fixture.leave_as("a").expect("left");
    assert_eq!(fixture.group.admit_commit(&simple(), fixture.now), Ok(()));
}

#[test]
fn a_member_commits_in_its_generation_only() {
    let mut fixture = Fixture::stable(&["a"]);
    assert_eq!(fixture.group.admit_commit(&member("a", 1), fixture.now), Ok(()));
    assert_eq!(fixture.group.admit_commit(&member("a", 0), fixture.now), Err(GroupError::IllegalGeneration));
    assert_eq!(fixture.group.admit_commit(&member("unknown", 1), fixture.now), Err(GroupError::UnknownMember));
    let without = Committer { generation: None, ..member("a", 0) };
    assert_eq!(fixture.group.admit_commit(&without, fixture.now), Err(GroupError::IllegalGeneration));
}

#[test]
fn a_member_commits_what_it_has_done_before_it_joins_the_rebalance() {
    let mut fixture = Fixture::stable(&["a"]);
    fixture.join(old("b"));
    assert_eq!(fixture.state(), "PreparingRebalance");
    assert_eq!(fixture.group.admit_commit(&member("a", 1), fixture.now), Ok(()));
}

#[test]
fn no_commit_is_admitted_between_the_generation_and_its_assignment() {
    let mut fixture = Fixture::new();
    fixture.join(old("a"));
    fixture.elapse();
    assert_eq!(fixture.group.admit_commit(&member("a", 1), fixture.now), Err(GroupError::RebalanceInProgress));
}

#[test]
fn a_commit_with_a_generation_to_an_empty_group_is_refused() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.group.admit_commit(&member("a", 1), fixture.now), Err(GroupError::UnknownMember));
}
