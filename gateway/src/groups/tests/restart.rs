use tokio::time::sleep;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_restart_causes_no_rebalance_and_loses_no_offset() {
    let mut world = World::new().await;
    let members = world.stable(&["a", "b"]).await;
    let offsets = vec![(at(0), new_offset(5)), (at(1), new_offset(6))];
    world.groups.offset_commit("g", committer(&members[1], 1), offsets).await.expect("committed");
    world.restart().await;
    for member in &members {
        assert_eq!(world.heartbeat(member, 1).await, Ok(()));
        let synced = world.groups.sync("g", sync(member, Generation(1), BTreeMap::new())).await.expect("synced");
        assert_eq!(synced.assignment, Bytes::from(format!("work of {member}")));
    }
    let found = world.groups.offset_fetch("g", &[at(0), at(1)]).await.expect("read");
    let found: Vec<_> = found.into_iter().map(|row| row.expect("there").offset.0).collect();
    assert_eq!(found, [5, 6]);
    let committed = world.groups.offset_commit("g", committer(&members[0], 1), vec![(at(0), new_offset(9))]).await;
    assert_eq!(committed, Ok(vec![Ok(())]));
}

#[tokio::test(start_paused = true)]
async fn members_have_a_fresh_session_after_a_restart() {
    let mut world = World::new().await;
    let members = world.stable(&["a"]).await;
    sleep(SESSION - Duration::from_secs(1)).await;
    world.restart().await;
    world.groups.load_all().await.expect("listed");
    sleep(SESSION - Duration::from_secs(1)).await;
    assert_eq!(world.heartbeat(&members[0], 1).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn members_that_did_not_survive_the_restart_expire_without_any_request() {
    let mut world = World::new().await;
    world.stable(&["a", "b"]).await;
    world.restart().await;
    world.groups.load_all().await.expect("listed");
    sleep(SESSION * 2).await;
    let listed = world.groups.list().await.expect("listed");
    assert_eq!((listed.len(), listed[0].state), (1, "Empty"));
}

#[tokio::test(start_paused = true)]
async fn a_restart_between_join_and_sync_keeps_the_generation() {
    let mut world = World::new().await;
    let joined = world.groups.join("g", joiner("a")).await.expect("joined");
    world.restart().await;
    assert_eq!(world.heartbeat(&joined.member, 1).await, Ok(()));
    let work = [(joined.member.clone(), Bytes::from("all"))].into();
    let synced = world.groups.sync("g", sync(&joined.member, Generation(1), work)).await.expect("synced");
    assert_eq!(synced.assignment, Bytes::from("all"));
}

#[tokio::test(start_paused = true)]
async fn a_static_member_restarts_with_the_server_and_keeps_its_assignment() {
    let mut world = World::new().await;
    let fixed = Joiner { instance: Some(InstanceId::new("disk")), ..joiner("a") };
    let joined = world.groups.join("g", fixed.clone()).await.expect("joined");
    let work = [(joined.member.clone(), Bytes::from("all"))].into();
    world.groups.sync("g", sync(&joined.member, Generation(1), work)).await.expect("synced");
    world.restart().await;
    let back = world.groups.join("g", fixed).await.expect("joined");
    assert_eq!((back.generation, back.skip_assignment), (Generation(1), true));
    world.restart().await;
    let synced = world.groups.sync("g", sync(&back.member, Generation(1), BTreeMap::new())).await.expect("synced");
    assert_eq!(synced.assignment, Bytes::from("all"));
}

/// A group that another coordinator took over and moved to generation 2; the members that the first one knows.
async fn taken_over(world: &World) -> Vec<MemberId> {
    let members = world.stable(&["a", "b"]).await;
    let rival = world.rival().await;
    let leaver = Leaver { member: Some(members[1].clone()), instance: None };
    rival.leave("g", vec![leaver]).await.expect("served");
    let joined = rival.join("g", Joiner { member: Some(members[0].clone()), ..joiner("a") }).await.expect("joined");
    assert_eq!(joined.generation, Generation(2));
    members
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_lost_its_group_sends_its_members_away() {
    let world = World::new().await;
    let members = taken_over(&world).await;
    // The old coordinator still believes in generation 1, but nothing it admits is written.
    let again = world.joining(Joiner { member: Some(members[0].clone()), ..joiner("a") });
    while world.state().await != "PreparingRebalance" {
        tokio::task::yield_now().await;
    }
    let leaver = Leaver { member: Some(members[1].clone()), instance: None };
    assert_eq!(world.groups.leave("g", vec![leaver]).await, Err(GroupError::NotAvailable));
    assert_eq!(again.await.expect("runs").expect_err("fenced").why, GroupError::NotCoordinator);
    // The next request finds that the other coordinator has the group.
    assert_eq!(world.heartbeat(&members[0], 2).await, Err(GroupError::NotAvailable));
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_lost_its_group_notices_at_a_commit() {
    let world = World::new().await;
    let members = taken_over(&world).await;
    let stale = world.groups.offset_commit("g", committer(&members[0], 1), vec![(at(0), new_offset(9))]).await;
    assert_eq!(stale, Err(GroupError::NotCoordinator));
    let stale = world.groups.offset_commit("g", committer(&members[0], 1), vec![(at(0), new_offset(9))]).await;
    assert_eq!(stale, Err(GroupError::NotAvailable));
}
