//! The picture follows the feed: topics, lost feeds, cold lookups.

use std::collections::BTreeMap;
use std::time::Duration;

use alluvium_metastore::fixtures;
use alluvium_metastore::leases::{LeaseKey, Role};
use alluvium_model::Offset;
use futures::FutureExt;
use futures::future::join_all;
use tokio::time::timeout;

use crate::tests::world::{World, batch, produce, read_all};
use crate::view::{Tier, View};

const GRACE: Duration = Duration::from_secs(600);

async fn view(world: &World) -> View {
    View::open(world.metastore.clone(), GRACE).await.expect("the metastore answers")
}

#[tokio::test(start_paused = true)]
async fn topics_appear_change_and_go_with_the_feed() {
    let world = World::new().await;
    let old = world.topic("old", 2).await[0];
    let view = view(&world).await;
    assert!(view.topic_by_name("old").is_some());
    let new = world.topic("new", 1).await[0];
    assert!(view.topic_by_name("new").is_none());
    view.sync().await.expect("synced");
    assert_eq!(view.topic_by_name("new").map(|topic| topic.topic.id), Some(new.topic));
    let now = world.clock.now();
    let limit = vec![("max.message.bytes".to_owned(), Some("77".to_owned()))];
    world.metastore.topics.alter_configs(new.topic, limit, now).await.expect("altered");
    world.metastore.topics.add_partitions(new.topic, 3, now).await.expect("added");
    world.metastore.topics.delete(old.topic, now, Duration::ZERO).await.expect("deleted");
    view.sync().await.expect("synced");
    let topic = view.topic_by_id(new.topic).expect("it exists");
    assert_eq!((topic.topic.partitions, topic.configs.max_message_bytes), (3, 77));
    assert!(view.topic_by_name("old").is_none() && view.topic_by_id(old.topic).is_none());
    assert_eq!(view.head(old).await, Ok(None));
    assert_eq!(view.topics().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_recreated_topic_is_another_one() {
    let world = World::new().await;
    let first = world.topic("orders", 1).await[0];
    let view = view(&world).await;
    world.metastore.topics.delete(first.topic, world.clock.now(), Duration::ZERO).await.expect("deleted");
    let second = world.topic("orders", 1).await[0];
    view.sync().await.expect("synced");
    assert_ne!(first.topic, second.topic);
    assert_eq!(view.topic_by_name("orders").map(|topic| topic.topic.id), Some(second.topic));
}

#[tokio::test(start_paused = true)]
async fn the_tail_task_applies_what_nobody_asks_for() {
    let world = World::new().await;
    let reader = world.agent().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let watch = reader.view.watch([partition]);
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    watch.changed().await;
    assert!(reader.view.recent(partition, Offset(0), 1).is_some());
    assert_eq!(reader.view.resets(), 0);
}

#[tokio::test(start_paused = true)]
async fn heads_are_read_once_and_then_follow_the_feed() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    let view = view(&world).await;
    assert_eq!(view.known_head(partition), None);
    let heads = join_all((0..20).map(|_| view.head(partition))).await;
    assert!(heads.iter().all(|head| head.as_ref().is_ok_and(|head| head.is_some_and(|head| head.next == Offset(1)))));
    produce(&writer, partition, batch(&["y"])).await.expect("acknowledged");
    view.sync().await.expect("synced");
    assert_eq!(view.known_head(partition).map(|head| head.next), Some(Offset(2)));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_recent_is_looked_up_and_remembered() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for _ in 0..5 {
        produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    }
    let view = view(&world).await;
    let (tier, extents) = view.extents(partition, Offset(1), Offset(5), u64::MAX).await.expect("found");
    assert_eq!((tier, extents.len()), (Tier::Backfill, 4));
    // Remembered: the same answer without a wait.
    let again = view.extents(partition, Offset(2), Offset(5), 1).now_or_never().expect("no lookup");
    assert_eq!(again.map(|(_, extents)| extents.len()), Ok(1));
    let (tier, _) = writer.view.extents(partition, Offset(1), Offset(5), 1).await.expect("found");
    assert_eq!(tier, Tier::Tail);
}

#[tokio::test(start_paused = true)]
async fn a_view_that_lost_the_feed_reads_everything_again() {
    let world = World::new().await;
    let writer = world.agent().await;
    let gone = world.topic("gone", 1).await[0];
    let partition = world.topic("orders", 1).await[0];
    let view = view(&world).await;
    assert_eq!(view.head(partition).await.map(|head| head.map(|head| head.next)), Ok(Some(Offset(0))));
    world.metastore.topics.delete(gone.topic, world.clock.now(), Duration::ZERO).await.expect("deleted");
    let new = world.topic("new", 1).await[0];
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    let watch = view.watch([partition]);
    // Long after, everything that the feed said is forgotten.
    let later = world.clock.now().plus_ms(86_400_000);
    let claim = fixtures::claim(&world.metastore, LeaseKey::Role(Role::Feed)).await;
    while world.metastore.feed.trim(&claim, later, Duration::ZERO, 100).await.expect("trimmed") > 0 {}
    view.sync().await.expect("synced");
    assert_eq!(view.resets(), 1);
    assert!(watch.changed().now_or_never().is_some());
    assert!(view.topic_by_id(gone.topic).is_none() && view.topic_by_id(new.topic).is_some());
    assert_eq!(view.head(partition).await.map(|head| head.map(|head| head.next)), Ok(Some(Offset(1))));
    produce(&writer, partition, batch(&["y"])).await.expect("acknowledged");
    view.sync().await.expect("synced");
    assert_eq!(view.known_head(partition).map(|head| head.next), Some(Offset(2)));
    assert_eq!(view.resets(), 1);
}

#[tokio::test(start_paused = true)]
async fn syncs_at_once_all_see_what_was_committed_before() {
    let world = World::new().await;
    let view = view(&world).await;
    let names: Vec<String> = (0..20).map(|n| format!("topic-{n}")).collect();
    let creations = names.iter().map(|name| async {
        world.topic(name, 1).await;
        view.sync().await.expect("synced");
        view.topic_by_name(name).is_some()
    });
    assert!(join_all(creations).await.into_iter().all(|seen| seen));
    let configs: BTreeMap<String, String> = BTreeMap::new();
    assert!(view.topics().iter().all(|topic| topic.topic.configs == configs));
}

#[tokio::test(start_paused = true)]
async fn readers_of_a_trimmed_feed_lose_nothing() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for n in 0..10 {
        produce(&agent, partition, batch(&[&format!("value {n}")])).await.expect("acknowledged");
        let later = world.clock.now().plus_ms(86_400_000);
        let claim = fixtures::claim(&world.metastore, LeaseKey::Role(Role::Feed)).await;
        world.metastore.feed.trim(&claim, later, Duration::ZERO, 100).await.expect("trimmed");
    }
    assert_eq!(read_all(&agent, partition).await.len(), 10);
    let fresh = world.agent().await;
    assert_eq!(read_all(&fresh, partition).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_feed_is_not_given_up_while_a_head_is_being_read() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let view = view(&world).await;
    produce(&writer, partition, batch(&["x"])).await.expect("acknowledged");
    let later = world.clock.now().plus_ms(86_400_000);
    let claim = fixtures::claim(&world.metastore, LeaseKey::Role(Role::Feed)).await;
    while world.metastore.feed.trim(&claim, later, Duration::ZERO, 100).await.expect("trimmed") > 0 {}
    // Read before the loss, it must not be learnt after it: the feed would never tell what came in between.
    let reading = view.shared.heads.lock().await;
    let mut sync = Box::pin(view.sync());
    assert!(timeout(Duration::from_secs(1), &mut sync).await.is_err());
    drop(reading);
    sync.await.expect("synced");
    assert_eq!(view.resets(), 1);
    assert_eq!(view.head(partition).await.map(|head| head.map(|head| head.next)), Ok(Some(Offset(1))));
}
