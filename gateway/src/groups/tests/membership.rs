use tokio::time::{Instant, sleep};

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_members_wait_for_each_other() {
    let world = World::new().await;
    let started = Instant::now();
    let (a, b) = (world.joining(joiner("a")), world.joining(joiner("b")));
    let (a, b) = (a.await.expect("runs").expect("joined"), b.await.expect("runs").expect("joined"));
    assert_eq!((a.generation, b.generation), (Generation(1), Generation(1)));
    assert_eq!(a.members.len() + b.members.len(), 2, "the leader sees both");
    assert_eq!(started.elapsed(), DELAY * 2, "b came during the first delay, so there was a second");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_given_its_id_first_joins_under_it() {
    let world = World::new().await;
    let modern = Joiner { requires_known_member_id: true, ..joiner("app") };
    let error = world.groups.join("g", modern.clone()).await.expect_err("refused");
    let GroupError::MemberIdRequired(member) = error.why else { panic!("{error:?}") };
    assert!(member.as_str().starts_with("app-"));
    let joined = world.groups.join("g", Joiner { member: Some(member.clone()), ..modern }).await.expect("joined");
    assert_eq!(joined.member, member);
}

#[tokio::test(start_paused = true)]
async fn a_silent_member_expires_and_the_others_rebalance() {
    let world = World::new().await;
    let members = world.stable(&["a", "b"]).await;
    sleep(SESSION - Duration::from_secs(1)).await;
    assert_eq!(world.heartbeat(&members[0], 1).await, Ok(()));
    sleep(Duration::from_secs(2)).await;
    assert_eq!(world.heartbeat(&members[0], 1).await, Err(GroupError::RebalanceInProgress));
    assert_eq!(world.heartbeat(&members[1], 1).await, Err(GroupError::UnknownMember));
    let again = Joiner { member: Some(members[0].clone()), ..joiner("a") };
    let joined = world.groups.join("g", again).await.expect("joined");
    assert_eq!((joined.generation, joined.members.len()), (Generation(2), 1));
    let totals = world.groups.totals();
    assert_eq!((totals.rebalances, totals.expired_members), (2, 1));
    assert_eq!(totals.by_state, BTreeMap::from([("CompletingRebalance", 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_members_all_expire_becomes_empty() {
    let world = World::new().await;
    world.stable(&["a", "b"]).await;
    sleep(SESSION * 2).await;
    assert_eq!(world.state().await, "Empty");
    let saved =
        world.metastore.groups.load(&super::super::coordinator::group_id("g").expect("short")).await.expect("read");
    assert_eq!(saved.expect("saved").snapshot.generation, Generation(2));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_write_nothing() {
    let world = World::new().await;
    let members = world.stable(&["a"]).await;
    let commits = || world.metastore.db.metrics().commits.load(std::sync::atomic::Ordering::Relaxed);
    let before = commits();
    for _ in 0..100 {
        sleep(Duration::from_secs(5)).await;
        assert_eq!(world.heartbeat(&members[0], 1).await, Ok(()));
    }
    assert_eq!(commits(), before);
}

#[tokio::test(start_paused = true)]
async fn invalid_group_names_are_rejected() {
    let world = World::new().await;
    let long = "x".repeat(4_097);
    for name in ["", long.as_str()] {
        let error = world.groups.join(name, joiner("a")).await.expect_err("refused");
        assert_eq!(error.why, GroupError::InvalidGroupId);
    }
    assert_eq!(world.groups.describe(&long).await, Err(GroupError::InvalidGroupId));
    assert_eq!(world.groups.describe("").await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_group_survives_conflicts_and_unknown_commit_results() {
    for seed in 0..10 {
        let mut world = World::faulty(seed).await;
        let members = world.stable(&["a", "b"]).await;
        let committed = world.groups.offset_commit("g", committer(&members[0], 1), vec![(at(0), new_offset(7))]).await;
        assert_eq!(committed, Ok(vec![Ok(())]), "seed {seed}");
        world.restart().await;
        assert_eq!(world.heartbeat(&members[1], 1).await, Ok(()), "seed {seed}");
        world.leave(&members[0]).await;
        world.leave(&members[1]).await;
        assert_eq!(world.groups.delete("g").await, Ok(()), "seed {seed}");
        assert_eq!(world.state().await, "missing", "seed {seed}");
    }
}
