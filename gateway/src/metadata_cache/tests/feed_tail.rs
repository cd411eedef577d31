//! The metadata cache follows the feed: topics, heads, a lost feed, lookups of old extents.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_metastore::fixtures;
use alluvium_metastore::leases::{LeaseKey, MaintenanceRole};
use alluvium_model::Offset;
use futures::FutureExt;
use futures::future::join_all;
use tokio::time::timeout;

use crate::metadata_cache::MetadataCache;
use crate::tests::world::{World, batch, produce, read_all};

const GRACE: Duration = Duration::from_secs(600);

async fn metadata_cache(world: &World) -> MetadataCache {
    MetadataCache::open(world.metastore.clone(), GRACE).await.expect("the metastore answers")
}

#[tokio::test(start_paused = true)]
async fn topics_are_added_changed_and_removed_by_the_feed() {
    let world = World::new().await;
    let old = world.topic("old", 2).await[0];
    let metadata_cache = metadata_cache(&world).await;
    assert!(metadata_cache.topic_by_name("old").is_some());
    let new = world.topic("new", 1).await[0];
    assert!(metadata_cache.topic_by_name("new").is_none());
    metadata_cache.sync().await.expect("synced");
    assert_eq!(metadata_cache.topic_by_name("new").map(|topic| topic.topic.id), Some(new.topic));
    let now = world.clock.now();
    let limit = vec![("max.message.bytes".to_owned(), Some("77".to_owned()))];
    world.metastore.topics.alter_configs(new.topic, limit, now).await.expect("altered");
    world.metastore.topics.add_partitions(new.topic, 3, now).await.expect("added");
    world.metastore.topics.delete(old.topic, now, Duration::ZERO).await.expect("deleted");
    metadata_cache.sync().await.expect("synced");
    let topic = metadata_cache.topic_by_id(new.topic).expect("it exists");
    assert_eq!((topic.topic.partitions, topic.configs.max_message_bytes), (3, 77));
    assert!(metadata_cache.topic_by_name("old").is_none() && metadata_cache.topic_by_id(old.topic).is_none());
    assert_eq!(metadata_cache.head(old).await, Ok(None));
    assert_eq!(metadata_cache.topics().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recreated_topic_is_another_one() {
    let world = World::new().await;
    let first = world.topic("orders", 1).await[0];
    let metadata_cache = metadata_cache(&world).await;
    world.metastore.topics.delete(first.topic, world.clock.now(), Duration::ZERO).await.expect("deleted");
    let second = world.topic("orders", 1).await[0];
    metadata_cache.sync().await.expect("synced");
    assert_ne!(first.topic, second.topic);
    assert_eq!(metadata_cache.topic_by_name("orders").map(|topic| topic.topic.id), Some(second.topic));
}

#[tokio::test(start_paused = true)]
async fn the_tail_task_applies_entries_without_a_sync() {
    let world = World::new().await;
    let reader = world.agent().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let watch = reader.metadata_cache.watch([partition]);
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    watch.changed().await;
    assert!(reader.metadata_cache.recent_extents(partition, Offset(0), 1).is_some());
    assert_eq!(reader.metadata_cache.resets(), 0);
}

#[tokio::test(start_paused = true)]
async fn heads_are_read_once_and_then_follow_the_feed() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    let metadata_cache = metadata_cache(&world).await;
    assert_eq!(metadata_cache.cached_head(partition), None);
    let heads = join_all((0..20).map(|_| metadata_cache.head(partition))).await;
    assert!(heads.iter().all(|head| head.as_ref().is_ok_and(|head| head.is_some_and(|head| head.next == Offset(1)))));
    produce(&writer, partition, batch(&["y"])).await.expect("acknowledged");
    metadata_cache.sync().await.expect("synced");
    assert_eq!(metadata_cache.cached_head(partition).map(|head| head.next), Some(Offset(2)));
}

#[tokio::test(start_paused = true)]
async fn extents_that_are_not_recent_are_looked_up_and_cached() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for _ in 0..5 {
        produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    }
    let metadata_cache = metadata_cache(&world).await;
    assert!(metadata_cache.recent_extents(partition, Offset(1), 1).is_none());
    let extents = metadata_cache.cold_extents(partition, Offset(1)..Offset(5), u64::MAX, false).await.expect("found");
    assert_eq!(extents.extents.len(), 4);
    // Cached: the same answer without a wait.
    let again =
        metadata_cache.cold_extents(partition, Offset(2)..Offset(5), 1, true).now_or_never().expect("no lookup");
    assert_eq!(again.map(|again| again.extents.len()), Ok(1));
    assert!(writer.metadata_cache.recent_extents(partition, Offset(1), 1).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_lost_the_feed_reads_everything_again() {
    let world = World::new().await;
    let writer = world.agent().await;
    let gone = world.topic("gone", 1).await[0];
    let partition = world.topic("orders", 1).await[0];
    let metadata_cache = metadata_cache(&world).await;
    assert_eq!(metadata_cache.head(partition).await.map(|head| head.map(|head| head.next)), Ok(Some(Offset(0))));
    world.metastore.topics.delete(gone.topic, world.clock.now(), Duration::ZERO).await.expect("deleted");
    let new = world.topic("new", 1).await[0];
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    let watch = metadata_cache.watch([partition]);
    // A day later all entries of the feed are trimmed.
    let later = world.clock.now().plus_ms(86_400_000);
    let lease = fixtures::lease(&world.metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    while world.metastore.feed.trim(&lease, later, Duration::ZERO, 100).await.expect("trimmed") > 0 {}
    metadata_cache.sync().await.expect("synced");
    assert_eq!(metadata_cache.resets(), 1);
    assert!(watch.changed().now_or_never().is_some());
    assert!(metadata_cache.topic_by_id(gone.topic).is_none() && metadata_cache.topic_by_id(new.topic).is_some());
    assert_eq!(metadata_cache.head(partition).await.map(|head| head.map(|head| head.next)), Ok(Some(Offset(1))));
    produce(&writer, partition, batch(&["y"])).await.expect("acknowledged");
    metadata_cache.sync().await.expect("synced");
    assert_eq!(metadata_cache.cached_head(partition).map(|head| head.next), Some(Offset(2)));
    assert_eq!(metadata_cache.resets(), 1);
}

#[tokio::test(start_paused = true)]
async fn concurrent_syncs_all_see_what_was_committed_before() {
    let world = World::new().await;
    let metadata_cache = metadata_cache(&world).await;
    let names: Vec<String> = (0..20).map(|n| format!("topic-{n}")).collect();
    let creations = names.iter().map(|name| async {
        world.topic(name, 1).await;
        metadata_cache.sync().await.expect("synced");
        metadata_cache.topic_by_name(name).is_some()
    });
    assert!(join_all(creations).await.into_iter().all(|is_seen| is_seen));
    let configs: BTreeMap<String, String> = BTreeMap::new();
    assert!(metadata_cache.topics().iter().all(|topic| topic.topic.configs == configs));
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_trimmed_feed_lose_nothing() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for n in 0..10 {
        produce(&agent, partition, batch(&[&format!("value {n}")])).await.expect("acknowledged");
        let later = world.clock.now().plus_ms(86_400_000);
        let lease = fixtures::lease(&world.metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
        world.metastore.feed.trim(&lease, later, Duration::ZERO, 100).await.expect("trimmed");
    }
    assert_eq!(read_all(&agent, partition).await.len(), 10);
    let fresh = world.agent().await;
    assert_eq!(read_all(&fresh, partition).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_cache_is_not_rebuilt_while_a_head_is_being_read() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let metadata_cache = metadata_cache(&world).await;
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    let later = world.clock.now().plus_ms(86_400_000);
    let lease = fixtures::lease(&world.metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    while world.metastore.feed.trim(&lease, later, Duration::ZERO, 100).await.expect("trimmed") > 0 {}
    // A head read before the rebuild must not be cached after it: the feed does not announce again what came in
    // between.
    let reading = metadata_cache.shared.heads.lock().await;
    let mut sync = Box::pin(metadata_cache.sync());
    assert!(timeout(Duration::from_secs(1), &mut sync).await.is_err());
    drop(reading);
    sync.await.expect("synced");
    assert_eq!(metadata_cache.resets(), 1);
    assert_eq!(metadata_cache.head(partition).await.map(|head| head.map(|head| head.next)), Ok(Some(Offset(1))));
}
