//! Groups move between coordinators without a rebalance.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_metastore::leases::LeaseKey;
use alluvium_model::AgentId;
use alluvium_model::group::GroupId;
use alluvium_model::placement::{Candidate, coordinator};
use tokio::time::{Instant, sleep, timeout};

use super::group_members::{
    SESSION, commit, committed, group_of, heartbeat, heartbeat_somewhere, joiner, stable, sync, work_of,
};
use super::world::{Process, TIMEOUT, World};
use crate::groups::{Generation, GroupError, Joiner, Leaver};

/// Waits until `process` has no group in memory.
async fn has_no_groups(process: &Process) {
    let empty = async {
        while process.agent.groups.in_memory() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TIMEOUT, empty).await.expect("the agent gives up its groups");
}

/// The agent that holds the lease of `group`.
async fn holder(world: &World, group: &str) -> Option<i32> {
    let key = LeaseKey::Group(GroupId::new(group).expect("a short name"));
    world.metastore.leases.holder(&key).await.expect("read").map(|owner| owner.id.0)
}

#[tokio::test(start_paused = true)]
async fn the_death_of_a_coordinator_causes_no_rebalance() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    let group = group_of(&a);
    let members = stable(&a.agent, &group).await;
    commit(&a.agent, &group, &members[0], (partition, 5)).await.expect("committed");
    let killed = Instant::now();
    a.kill();
    for member in &members {
        assert_eq!(heartbeat_somewhere(&[&b], &group, member).await, Ok(()));
    }
    assert!(killed.elapsed() < SESSION / 2, "{:?}", killed.elapsed());
    for member in &members {
        let synced = b.agent.groups.sync(&group, sync(member, Generation(1), BTreeMap::new())).await.expect("synced");
        assert_eq!(synced.assignment, work_of(member));
    }
    assert_eq!(committed(&b.agent, &group, partition).await, Ok(Some(5)));
    assert_eq!(commit(&b.agent, &group, &members[1], (partition, 9)).await, Ok(vec![Ok(())]));
    let totals = b.agent.groups.totals();
    assert_eq!((totals.rebalances, totals.expired_members), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_left_just_before_its_coordinator_died_is_not_waited_for() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    let group = group_of(&a);
    let [stays, leaves] = stable(&a.agent, &group).await;
    let leaver = Leaver { member: Some(leaves), instance: None };
    assert_eq!(a.agent.groups.leave(&group, vec![leaver]).await, Ok(vec![Ok(())]));
    let killed = Instant::now();
    a.kill();
    assert_eq!(heartbeat_somewhere(&[&b], &group, &stays).await, Err(GroupError::RebalanceInProgress));
    let joined = b.agent.groups.join(&group, Joiner { member: Some(stays), ..joiner("a") }).await.expect("joined");
    assert_eq!((joined.generation, joined.members.len()), (Generation(2), 1));
    // The registration of the dead agent expires; no session does.
    assert!(killed.elapsed() < SESSION / 2, "{:?}", killed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn members_that_died_with_their_coordinator_expire_without_any_request() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    let group = group_of(&a);
    stable(&a.agent, &group).await;
    a.kill();
    b.wait_for_nodes(1).await;
    sleep(SESSION * 2).await;
    assert_eq!(b.agent.groups.totals().expired_members, 2);
    let described = b.agent.groups.describe(&group).await.expect("served").expect("there");
    assert_eq!(described.state, "Empty");
}

#[tokio::test(start_paused = true)]
async fn only_the_coordinator_serves_a_group() {
    let world = World::new().await;
    let partition = world.topic("orders", 1).await[0];
    let [a, b] = world.agents().await;
    let group = group_of(&a);
    let members = stable(&a.agent, &group).await;
    let elsewhere = &b.agent.groups;
    let joined = elsewhere.join(&group, joiner("c")).await.expect_err("refused");
    assert_eq!(joined.why, GroupError::NotCoordinator);
    let synced = elsewhere.sync(&group, sync(&members[0], Generation(1), BTreeMap::new())).await;
    assert_eq!(synced, Err(GroupError::NotCoordinator));
    assert_eq!(heartbeat(&b.agent, &group, &members[0]).await, Err(GroupError::NotCoordinator));
    assert_eq!(elsewhere.leave(&group, Vec::new()).await, Err(GroupError::NotCoordinator));
    assert_eq!(elsewhere.describe(&group).await, Err(GroupError::NotCoordinator));
    assert_eq!(elsewhere.delete(&group).await, Err(GroupError::NotCoordinator));
    let refused = commit(&b.agent, &group, &members[0], (partition, 5)).await;
    assert_eq!(refused, Err(GroupError::NotCoordinator));
    assert_eq!(committed(&b.agent, &group, partition).await, Err(GroupError::NotCoordinator));
    assert_eq!(elsewhere.offset_fetch_all(&group).await, Err(GroupError::NotCoordinator));
    assert_eq!(elsewhere.offset_delete(&group, &[]).await, Err(GroupError::NotCoordinator));
    assert_eq!(elsewhere.list().await, Ok(Vec::new()));
    assert_eq!(a.agent.groups.list().await.expect("listed").len(), 1);
    assert_eq!(elsewhere.in_memory(), 0);
}

/// A group that the second of two agents coordinates.
fn group_of_second_agent() -> String {
    let candidates = [0, 1].map(|id| Candidate { id: AgentId(id), zone: None, rank: id.unsigned_abs() });
    let mut names = (0..).map(|n| format!("group-{n}"));
    names.find(|name| coordinator(name, &candidates) == Some(AgentId(1))).expect("every agent coordinates some group")
}

#[tokio::test(start_paused = true)]
async fn a_new_agent_takes_over_its_groups_with_their_members() {
    let world = World::new().await;
    let [a] = world.agents().await;
    let group = group_of_second_agent();
    let members = stable(&a.agent, &group).await;
    let again = Joiner { member: Some(members[0].clone()), ..joiner("a") };
    let (pending, b) = tokio::join!(a.agent.groups.join(&group, again), world.process(None));
    assert_eq!(pending.expect_err("moved").why, GroupError::NotCoordinator);
    for member in &members {
        assert_eq!(heartbeat_somewhere(&[&a, &b], &group, member).await, Ok(()));
    }
    has_no_groups(&a).await;
    assert_eq!(holder(&world, &group).await, Some(b.agent.session.node().id.0));
    assert_eq!(b.agent.groups.totals().rebalances, 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_died_is_not_waited_for_again_when_its_group_moves() {
    let world = World::new().await;
    let [a] = world.agents().await;
    let group = group_of_second_agent();
    let [lives, _died] = stable(&a.agent, &group).await;
    let died = Instant::now();
    while died.elapsed() < SESSION * 3 / 5 {
        assert_eq!(heartbeat(&a.agent, &group, &lives).await, Ok(()));
        sleep(Duration::from_secs(1)).await;
    }
    let b = world.process(None).await;
    while heartbeat_somewhere(&[&a, &b], &group, &lives).await == Ok(()) {
        assert!(died.elapsed() < SESSION + Duration::from_secs(2), "{:?}", died.elapsed());
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(holder(&world, &group).await, Some(b.agent.session.node().id.0));
    assert_eq!(b.agent.groups.totals().expired_members, 1);
}

#[tokio::test(start_paused = true)]
async fn a_draining_agent_hands_over_its_groups() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    let group = group_of(&a);
    let members = stable(&a.agent, &group).await;
    let handing_over = a.agent.hand_over();
    let heartbeats = async {
        for member in &members {
            assert_eq!(heartbeat_somewhere(&[&a, &b], &group, member).await, Ok(()));
        }
    };
    tokio::join!(handing_over, heartbeats);
    assert_eq!(a.agent.groups.in_memory(), 0);
    assert_eq!(holder(&world, &group).await, Some(b.agent.session.node().id.0));
    assert!(a.agent.drain(TIMEOUT).await);
    assert_eq!(heartbeat(&b.agent, &group, &members[0]).await, Ok(()));
    assert_eq!(b.agent.groups.totals().rebalances, 0);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_was_paused_too_long_answers_nothing_from_memory() {
    let world = World::new().await;
    let [a, b] = world.agents().await;
    let group = group_of(&a);
    let members = stable(&a.agent, &group).await;
    a.pause();
    b.wait_for_nodes(1).await;
    for member in &members {
        assert_eq!(heartbeat_somewhere(&[&b], &group, member).await, Ok(()));
    }
    // It continues, and does not know yet that it lost the group.
    a.resume();
    assert_eq!(heartbeat(&a.agent, &group, &members[0]).await, Err(GroupError::NotCoordinator));
    // It registers again and gets the group back as b left it.
    b.wait_for_nodes(2).await;
    a.wait_for_nodes(2).await;
    for member in &members {
        assert_eq!(heartbeat_somewhere(&[&a, &b], &group, member).await, Ok(()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_the_agent_expires_no_members() {
    let world = World::new().await;
    let [a] = world.agents().await;
    let group = group_of(&a);
    let members = stable(&a.agent, &group).await;
    a.pause();
    sleep(SESSION * 2).await;
    a.resume();
    for member in &members {
        assert_eq!(heartbeat_somewhere(&[&a], &group, member).await, Ok(()));
    }
    assert_eq!(a.agent.groups.totals().expired_members, 0);
}
