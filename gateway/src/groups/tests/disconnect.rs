use tokio::time::{Instant, sleep, timeout};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_new_member_that_disconnects_is_not_waited_for() {
    let world = World::new().await;
    let members = world.stable(&["a"]).await;
    let newcomer = world.joining(joiner("b"));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(world.state().await, "PreparingRebalance");
    newcomer.abort();
    let _ = newcomer.await;
    let started = Instant::now();
    let again = Joiner { member: Some(members[0].clone()), ..joiner("a") };
    let joined = world.groups.join("g", again).await.expect("joined");
    assert_eq!((joined.members.len(), started.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_disconnects_during_its_join_may_rejoin_within_its_session() {
    let world = World::new().await;
    let members = world.stable(&["a", "b"]).await;
    let again = |index: usize, name: &str| Joiner { member: Some(members[index].clone()), ..joiner(name) };
    assert!(timeout(Duration::from_secs(1), world.groups.join("g", again(0, "a"))).await.is_err(), "b is missing");
    let b = world.joining(again(1, "b"));
    sleep(Duration::from_secs(5)).await;
    assert!(!b.is_finished(), "a no longer counts as joined");
    world.groups.join("g", again(0, "a")).await.expect("joined");
    assert_eq!(b.await.expect("runs").expect("joined").generation, Generation(2));
}

#[tokio::test(start_paused = true)]
async fn a_sync_whose_client_disconnects_is_released() {
    let world = World::new().await;
    let (a, b) = (world.joining(joiner("a")), world.joining(joiner("b")));
    let mut joined = [a.await.expect("runs").expect("joined"), b.await.expect("runs").expect("joined")];
    joined.sort_by_key(|joined| joined.leader != joined.member);
    let [leader, follower] = &joined;
    let ask = || world.groups.sync("g", sync(&follower.member, Generation(1), BTreeMap::new()));
    assert!(timeout(Duration::from_secs(1), ask()).await.is_err(), "the leader has not synced");
    let work = [(follower.member.clone(), Bytes::from("all"))].into();
    world.groups.sync("g", sync(&leader.member, Generation(1), work)).await.expect("synced");
    assert_eq!(ask().await.expect("synced").assignment, Bytes::from("all"));
}

#[tokio::test(start_paused = true)]
async fn waiting_clients_are_sent_elsewhere_when_the_coordinator_stops() {
    let world = World::new().await;
    let join = world.joining(joiner("a"));
    sleep(Duration::from_millis(1)).await;
    world.stop().await;
    let error = join.await.expect("runs").expect_err("refused");
    assert_eq!(error.why, GroupError::NotCoordinator);
    let late = world.groups.join("g", joiner("a")).await.expect_err("refused");
    assert_eq!(late.why, GroupError::NotCoordinator);
}
