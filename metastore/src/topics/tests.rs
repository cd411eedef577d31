use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{
    Offset, PartitionIndex, Timestamp, TopicId, TopicPartition,
    log::Head,
    topic::{InvalidName, InvalidSize},
};
use uuid::Uuid;

use super::{AddPartitionsError, AlterConfigsError, CreateTopicError, DeleteTopicError, NewTopic, Topic, Topics};
use crate::{
    Metastore,
    feed::{FeedEntry, FeedPosition},
    fixtures,
    kv::KvFaults,
    leases::{LeaseKey, MaintenanceRole},
};

const NOW: Timestamp = Timestamp(1_000);
const GRACE: Duration = Duration::from_secs(1);

fn new(id: u128, name: &str, partitions: i32) -> NewTopic {
    NewTopic {
        id: TopicId(Uuid::from_u128(id)),
        name: name.into(),
        partitions,
        replication_factor: 1,
        configs: BTreeMap::new(),
    }
}

async fn create(topics: &Topics, id: u128, name: &str) -> Topic {
    topics.create(new(id, name, 1), NOW).await.unwrap()
}

async fn head(metastore: &Metastore, topic: TopicId, partition: i32) -> Option<Head> {
    metastore.log.head(TopicPartition::new(topic, PartitionIndex(partition))).await.unwrap()
}

#[tokio::test]
async fn a_created_topic_is_found_by_name_and_id_and_its_partitions_have_heads() {
    let metastore = fixtures::memory().await;
    let topic = metastore.topics.create(new(1, "a.b", 3), NOW).await.unwrap();
    assert_eq!(topic, new(1, "a.b", 3).created(NOW));
    assert_eq!(metastore.topics.by_name("a.b").await, Ok(Some(topic.clone())));
    assert_eq!(metastore.topics.by_name("a_b").await, Ok(None));
    assert_eq!(metastore.topics.by_id(topic.id).await, Ok(Some(topic.clone())));
    assert_eq!(head(&metastore, topic.id, 2).await, Some(Head { created: NOW, ..Head::EMPTY }));
    assert_eq!(head(&metastore, topic.id, 3).await, None);
}

#[tokio::test]
async fn names_that_exist_collide_or_are_illegal_are_refused() {
    let topics = fixtures::memory().await.topics;
    create(&topics, 1, "a.b").await;
    let refused = async |topic| topics.create(topic, NOW).await.unwrap_err();
    assert_eq!(refused(new(2, "a.b", 1)).await, CreateTopicError::Exists { name: "a.b".into() });
    assert_eq!(
        refused(new(2, "a_b", 1)).await,
        CreateTopicError::Collides { name: "a_b".into(), existing: "a.b".into() }
    );
    assert_eq!(refused(new(2, "a/b", 1)).await, CreateTopicError::Name(InvalidName::Characters));
    assert_eq!(refused(new(2, "c", 0)).await, CreateTopicError::Size(InvalidSize::Partitions { partitions: 0 }));
    assert_eq!(
        refused(new(2, "c", 10_001)).await,
        CreateTopicError::Size(InvalidSize::Partitions { partitions: 10_001 })
    );
}

#[tokio::test]
async fn creating_again_with_the_same_id_answers_the_first_topic() {
    let topics = fixtures::memory().await.topics;
    let first = create(&topics, 1, "a").await;
    assert_eq!(topics.create(new(1, "a", 1), Timestamp(9_999)).await, Ok(first));
}

#[tokio::test]
async fn many_topics_are_listed_by_name() {
    let topics = fixtures::memory().await.topics;
    for n in 0..1_203u128 {
        create(&topics, 5_000 - n, &format!("topic-{n:05}")).await;
    }
    let names: Vec<_> = topics.list().await.unwrap().into_iter().map(|topic| topic.name).collect();
    assert_eq!(names, (0..1_203).map(|n| format!("topic-{n:05}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_topic_of_ten_thousand_partitions_is_created_and_deleted_in_one_transaction_each() {
    let metastore = fixtures::memory().await;
    let topic = metastore.topics.create(new(1, "wide", 10_000), NOW).await.unwrap();
    assert_eq!(head(&metastore, topic.id, 9_999).await, Some(Head { created: NOW, ..Head::EMPTY }));
    metastore.topics.delete(topic.id, NOW, GRACE).await.unwrap();
    let heads: Vec<_> = topic.all_partitions().collect();
    assert_eq!(metastore.log.heads(&heads).await, Ok(vec![None; 10_000]));
}

#[tokio::test]
async fn partitions_are_added_and_never_removed() {
    let metastore = fixtures::memory().await;
    let topic = create(&metastore.topics, 1, "a").await;
    let grown = metastore.topics.add_partitions(topic.id, 3, NOW).await.unwrap();
    assert_eq!(grown, Topic { partitions: 3, ..topic.clone() });
    assert_eq!(metastore.topics.by_id(topic.id).await, Ok(Some(grown)));
    assert_eq!(head(&metastore, topic.id, 2).await, Some(Head { created: NOW, ..Head::EMPTY }));
    for total in [1, 3] {
        let refused = metastore.topics.add_partitions(topic.id, total, NOW).await;
        assert_eq!(refused, Err(AddPartitionsError::NotMore { current: 3, total }));
    }
    let unknown = TopicId(Uuid::from_u128(9));
    assert_eq!(metastore.topics.add_partitions(unknown, 3, NOW).await, Err(AddPartitionsError::Unknown(unknown)));
}

#[tokio::test]
async fn config_overrides_are_set_and_removed() {
    let topics = fixtures::memory().await.topics;
    let topic = create(&topics, 1, "a").await;
    let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let changes = vec![set("retention.ms", Some("5")), set("x", Some("y")), set("x", None)];
    let altered = topics.alter_configs(topic.id, changes, NOW).await.unwrap();
    assert_eq!(altered.configs, BTreeMap::from([("retention.ms".into(), "5".into())]));
    assert_eq!(topics.by_id(topic.id).await, Ok(Some(altered)));
    let flood = vec![set("x", Some(&"y".repeat(64_000)))];
    assert_eq!(
        topics.alter_configs(topic.id, flood, NOW).await,
        Err(AlterConfigsError::Size(InvalidSize::Configs { bytes: 64_014 }))
    );
}

#[tokio::test]
async fn a_deleted_topic_is_unknown_at_once_and_due_after_the_grace() {
    let metastore = fixtures::memory().await;
    let topics = &metastore.topics;
    let topic = create(topics, 1, "a").await;
    topics.delete(topic.id, NOW, GRACE).await.unwrap();
    assert_eq!(topics.by_id(topic.id).await, Ok(None));
    assert_eq!(topics.by_name("a").await, Ok(None));
    assert_eq!(topics.list().await, Ok(vec![]));
    assert_eq!(head(&metastore, topic.id, 0).await, None);
    assert_eq!(topics.delete(topic.id, NOW, GRACE).await, Err(DeleteTopicError::Unknown(topic.id)));
    let due = async |ms| topics.deleted_due(NOW.plus_ms(ms), 10).await.unwrap();
    assert_eq!(due(999).await, []);
    let deleted = due(1_000).await;
    assert_eq!((deleted.len(), &deleted[0].topic), (1, &topic));

    let another = create(topics, 2, "a").await;
    assert_eq!(topics.by_name("a").await, Ok(Some(another.clone())));
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Topics)).await;
    assert_eq!(topics.purge(&lease, topic.id, 10, NOW).await, Ok(true));
    assert_eq!(due(1_000).await, []);
    assert_eq!(topics.by_name("a").await, Ok(Some(another)));
}

#[tokio::test]
async fn a_topic_that_is_not_deleted_is_never_purged() {
    let metastore = fixtures::memory().await;
    let topic = create(&metastore.topics, 1, "a").await;
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Topics)).await;
    assert_eq!(metastore.topics.purge(&lease, topic.id, 10, NOW).await, Ok(true));
    assert_eq!(head(&metastore, topic.id, 0).await, Some(Head { created: NOW, ..Head::EMPTY }));
}

#[tokio::test(start_paused = true)]
async fn every_change_is_in_the_feed_once_under_faults() {
    for seed in 0..20 {
        let faults = KvFaults { seed, conflict_per_mille: 300, unknown_per_mille: 400, ..KvFaults::default() };
        let metastore = fixtures::open(faults).await;
        let topics = &metastore.topics;
        let topic = create(topics, 1, "a").await;
        topics.add_partitions(topic.id, 2, NOW).await.unwrap();
        topics.delete(topic.id, NOW, GRACE).await.unwrap();
        let entries = metastore.feed.read(&FeedPosition::START, 10).await.unwrap();
        let entries: Vec<_> = entries.into_iter().map(|(_, entry)| entry).collect();
        assert_eq!(entries, vec![FeedEntry::Topics { ids: vec![topic.id] }; 3], "seed {seed}");
        assert_eq!(topics.deleted_due(NOW.plus(GRACE), 9).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn purging_unlinks_extents_step_by_step() {
    let metastore = fixtures::memory().await;
    let topic = create(&metastore.topics, 1, "a").await;
    let partition = TopicPartition::new(topic.id, PartitionIndex(0));
    for n in 0..5 {
        fixtures::append(&metastore, partition, n, NOW).await;
    }
    metastore.topics.delete(topic.id, NOW, GRACE).await.unwrap();
    let mut left = vec![];
    let lease = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Topics)).await;
    while !metastore.topics.purge(&lease, topic.id, 2, NOW).await.unwrap() {
        left.push(metastore.log.find(partition, Offset(0), 10).await.unwrap().len());
    }
    assert_eq!(left, [3, 1]);
    let role = fixtures::lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    assert_eq!(metastore.objects.retire_released(&role, NOW, GRACE).await.unwrap().retired, 5);
}
