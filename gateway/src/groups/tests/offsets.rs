use alluvium_metastore::leases::{LeaseKey, MaintenanceRole};
use alluvium_runtime::Clock as _;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_simple_consumer_creates_its_group_by_committing() {
    let mut world = World::new().await;
    let offsets = vec![(at(0), new_offset(5))];
    let committed = world.groups.offset_commit("g", Committer::default(), offsets).await;
    assert_eq!(committed, Ok(vec![Ok(())]));
    let listed = world.groups.list().await.expect("listed");
    assert_eq!((listed[0].group.as_str(), listed[0].state, listed[0].protocol_type.as_str()), ("g", "Empty", ""));
    world.restart().await;
    let all = world.groups.offset_fetch_all("g").await.expect("read");
    assert_eq!(all.iter().map(|(partition, row)| (*partition, row.offset.0)).collect::<Vec<_>>(), [(at(0), 5)]);
    assert_eq!(world.groups.delete("g").await, Ok(()));
    assert_eq!(world.groups.offset_fetch_all("g").await.expect("read"), []);
}

#[tokio::test(start_paused = true)]
async fn a_commit_with_a_generation_to_an_unknown_group_is_rejected() {
    let world = World::new().await;
    let stranger = MemberId::new("stranger").expect("not empty");
    let committed = world.groups.offset_commit("g", committer(&stranger, 1), vec![(at(0), new_offset(5))]).await;
    assert_eq!(committed, Err(GroupError::GroupNotFound));
    assert_eq!(world.groups.list().await.expect("listed"), []);
}

#[tokio::test(start_paused = true)]
async fn members_of_an_earlier_generation_cannot_commit() {
    let world = World::new().await;
    let members = world.stable(&["a", "b"]).await;
    world.leave(&members[1]).await;
    world.groups.join("g", Joiner { member: Some(members[0].clone()), ..joiner("a") }).await.expect("joined");
    let offsets = || vec![(at(0), new_offset(5))];
    let gone = world.groups.offset_commit("g", committer(&members[1], 1), offsets()).await;
    assert_eq!(gone, Err(GroupError::UnknownMember));
    let stale = world.groups.offset_commit("g", committer(&members[0], 1), offsets()).await;
    assert_eq!(stale, Err(GroupError::IllegalGeneration));
    let early = world.groups.offset_commit("g", committer(&members[0], 2), offsets()).await;
    assert_eq!(early, Err(GroupError::RebalanceInProgress));
}

#[tokio::test(start_paused = true)]
async fn too_much_metadata_fails_its_own_partition_only() {
    let world = World::new().await;
    let long = NewOffset { metadata: "x".repeat(4_097), ..new_offset(5) };
    let offsets = vec![(at(0), long), (at(1), new_offset(6))];
    let results = world.groups.offset_commit("g", Committer::default(), offsets).await.expect("served");
    assert_eq!(results, [Err(OffsetCommitError::MetadataTooLarge { bytes: 4_097, limit: 4_096 }), Ok(())]);
    let found = world.groups.offset_fetch("g", &[at(0), at(1)]).await.expect("read");
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn offsets_are_deleted_except_those_of_subscribed_topics() {
    let world = World::new().await;
    let members = world.stable(&["a"]).await;
    let old = TopicPartition::new(TopicId(Uuid::from_u128(2)), PartitionIndex(0));
    let offsets = vec![(at(0), new_offset(5)), (old, new_offset(6))];
    world.groups.offset_commit("g", committer(&members[0], 1), offsets).await.expect("committed");
    let named = [("orders".to_owned(), at(0)), ("old".to_owned(), old)];
    let results = world.groups.offset_delete("g", &named).await.expect("served");
    assert_eq!(results, [Err(OffsetDeleteError::Subscribed), Ok(())]);
    let all = world.groups.offset_fetch_all("g").await.expect("read");
    assert_eq!(all.iter().map(|(partition, _)| *partition).collect::<Vec<_>>(), [at(0)]);
    assert_eq!(world.groups.offset_delete("none", &named).await, Err(GroupError::GroupNotFound));
}

#[tokio::test(start_paused = true)]
async fn a_retention_that_the_consumer_gave_is_kept() {
    let world = World::new().await;
    let brief = NewOffset { retention: Some(Duration::from_secs(60)), ..new_offset(5) };
    world.groups.offset_commit("g", Committer::default(), vec![(at(0), brief)]).await.expect("committed");
    let found = world.groups.offset_fetch("g", &[at(0)]).await.expect("read");
    let row = found[0].clone().expect("there");
    assert_eq!(row.expires, Some(row.committed.plus(Duration::from_secs(60))));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_expired_in_the_store_is_loaded_again() {
    let world = World::new().await;
    let offsets = || vec![(at(0), new_offset(5))];
    let commit = || world.groups.offset_commit("g", Committer::default(), offsets());
    assert_eq!(commit().await, Ok(vec![Ok(())]));
    let month = world.clock.now().plus(Duration::from_secs(30 * 24 * 3_600));
    let lease = fixtures::lease(&world.metastore, LeaseKey::Role(MaintenanceRole::Offsets)).await;
    let swept =
        world.metastore.offsets.expire(&lease, month, Duration::from_secs(3_600), None, 100).await.expect("swept");
    assert_eq!((swept.expired, swept.deleted), (1, 1));
    assert_eq!(commit().await, Err(GroupError::NotCoordinator), "every client retries after this error");
    assert_eq!(commit().await, Ok(vec![Ok(())]));
    let found = world.groups.offset_fetch("g", &[at(0)]).await.expect("read");
    assert_eq!(found.iter().flatten().map(|row| row.offset.0).collect::<Vec<_>>(), [5]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_fenced_under_an_old_save_does_not_end_the_group() {
    let world = World::new().await;
    let members = world.stable(&["a"]).await;
    let joining = world.joining(joiner("b"));
    for n in 0..20 {
        let committed = world.groups.offset_commit("g", committer(&members[0], 1), vec![(at(0), new_offset(n))]).await;
        assert_eq!(committed, Ok(vec![Ok(())]));
        tokio::task::yield_now().await;
    }
    let again = Joiner { member: Some(members[0].clone()), ..joiner("a") };
    assert!(world.groups.join("g", again).await.is_ok_and(|joined| joined.generation == Generation(2)));
    assert!(joining.await.expect("not cancelled").is_ok());
}
