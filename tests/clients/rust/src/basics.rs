//! A topic is made and changed, records of every compression go through a group of two, the group and the topic end.
//! (zstd is left out: rdkafka would compile it, and librdkafka's is tested from Python.)

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Mutex, MutexGuard},
    thread,
};

use futures_executor::block_on;
use rdkafka::{
    ClientContext, Message, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance},
    error::{KafkaError, KafkaResult},
    message::{BorrowedMessage, Header, Headers, OwnedHeaders},
    producer::{BaseRecord, Producer},
    types::RDKafkaErrorCode,
};

use crate::{Deliveries, EMPTY_POLLS_MAX, POLL, Sender, WAIT, config};

const EACH: usize = 50;
const CODECS: [&str; 4] = ["none", "gzip", "snappy", "lz4"];
const PARTITIONS: i32 = 4;

/// See the module.
pub fn basics(bootstrap: &str, topic: &str, group: &str) {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap, &[]).create().expect("an admin client");
    let options = AdminOptions::new().operation_timeout(Some(WAIT)).request_timeout(Some(WAIT));
    make_topic(&admin, &options, topic);
    for codec in CODECS {
        produce(bootstrap, topic, codec);
    }
    let client: BaseConsumer = config(bootstrap, &[("group.id", group)]).create().expect("a consumer");
    let end = |partition| client.fetch_watermarks(topic, partition, WAIT).expect("watermarks").1;
    assert_eq!((0..PARTITIONS).map(end).sum::<i64>(), (EACH * CODECS.len()) as i64, "end offsets");
    consume_as_two(bootstrap, topic, group);
    end_group(&client, &admin, &options, topic, group);
    all_of(block_on(admin.delete_topics(&[topic], &options)));
}

/// What an administrator's request answers, if each part of it was done.
fn all_of<T, E: Debug>(answer: KafkaResult<Vec<Result<T, E>>>) -> Vec<T> {
    answer.expect("an answer").into_iter().map(|part| part.expect("each part is done")).collect()
}

fn make_topic(admin: &AdminClient<DefaultClientContext>, options: &AdminOptions, topic: &str) {
    let made = NewTopic::new(topic, 3, TopicReplication::Fixed(1)).set("retention.ms", "1000000");
    all_of(block_on(admin.create_topics([&made], options)));
    all_of(block_on(admin.create_partitions([&NewPartitions::new(topic, PARTITIONS as usize)], options)));
    let metadata = admin.inner().fetch_metadata(Some(topic), WAIT).expect("metadata");
    assert_eq!(metadata.topics()[0].partitions().len(), PARTITIONS as usize);
    let altered = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("retention.ms", "2000000");
    all_of(block_on(admin.alter_configs([&altered], options)));
    let described = all_of(block_on(admin.describe_configs([&ResourceSpecifier::Topic(topic)], options)));
    let retention = described[0].get("retention.ms").and_then(|entry| entry.value.as_deref());
    assert_eq!(retention, Some("2000000"), "retention.ms");
}

fn produce(bootstrap: &str, topic: &str, codec: &str) {
    let settings = [("enable.idempotence", "true"), ("compression.type", codec), ("linger.ms", "5")];
    let sender: Sender = config(bootstrap, &settings).create_with_context(Deliveries).expect("a producer");
    for number in 0..EACH {
        let (key, value) = (format!("key{}", number % 10), format!("{codec}-{number}"));
        let headers = OwnedHeaders::new().insert(Header { key: "codec", value: Some(codec) });
        let record = BaseRecord::to(topic).key(&key).payload(&value).headers(headers);
        sender.send(record).map_err(|(error, _)| error).expect("a place in the queue");
    }
    sender.flush(WAIT).expect("everything is delivered");
}

/// What two members have read, and how many partitions each has.
#[derive(Default)]
struct Shared {
    found: BTreeSet<String>,
    assigned: [usize; 2],
}

impl Shared {
    fn is_whole(&self) -> bool {
        self.found.len() == EACH * CODECS.len() && self.assigned == [2, 2]
    }
}

/// Commits what it has read before another member gets its partitions.
struct Commits;

impl ClientContext for Commits {}

impl ConsumerContext for Commits {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Revoke(_)) {
            commit(consumer);
        }
    }
}

fn commit(consumer: &BaseConsumer<Commits>) {
    match consumer.commit_consumer_state(CommitMode::Sync) {
        // Everything was read by the other member.
        Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
        Err(error) => panic!("commit: {error}"),
    }
}

/// Reads everything with two members that share the partitions, and commits.
fn consume_as_two(bootstrap: &str, topic: &str, group: &str) {
    let shared = Mutex::new(Shared::default());
    thread::scope(|scope| {
        for member in 0..2 {
            let shared = &shared;
            scope.spawn(move || consume(bootstrap, topic, group, member, shared));
        }
    });
}

fn consume(bootstrap: &str, topic: &str, group: &str, member: usize, shared: &Mutex<Shared>) {
    let settings = [
        ("group.id", group),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("session.timeout.ms", "3000"),
        ("heartbeat.interval.ms", "500"),
    ];
    let consumer: BaseConsumer<Commits> =
        config(bootstrap, &settings).create_with_context(Commits).expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    for _ in 0..EMPTY_POLLS_MAX {
        while let Some(message) = consumer.poll(POLL) {
            let message = message.expect("a message");
            lock(shared).found.insert(checked(&message));
        }
        let assigned = consumer.assignment().expect("an assignment").count();
        let mut shared = lock(shared);
        shared.assigned[member] = assigned;
        if shared.is_whole() {
            drop(shared);
            commit(&consumer);
            return;
        }
    }
    let shared = lock(shared);
    panic!("{} records, assigned {:?}", shared.found.len(), shared.assigned);
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().expect("the other member has failed")
}

/// The value of a message, which has the header that belongs to it.
fn checked(message: &BorrowedMessage<'_>) -> String {
    let value = str::from_utf8(message.payload().expect("a value")).expect("text");
    let header: Header<'_, &str> = message.headers().expect("headers").get_as(0).expect("text");
    assert_eq!(header.key, "codec");
    assert_eq!(value.split('-').next(), header.value, "{value}");
    value.to_owned()
}

fn end_group(
    client: &BaseConsumer,
    admin: &AdminClient<DefaultClientContext>,
    options: &AdminOptions,
    topic: &str,
    group: &str,
) {
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_range(topic, 0, PARTITIONS - 1);
    let offsets = client.committed_offsets(partitions, WAIT).expect("committed offsets");
    let committed: i64 = offsets.elements().iter().filter_map(|element| element.offset().to_raw()).sum();
    assert_eq!(committed, (EACH * CODECS.len()) as i64, "committed offsets: {offsets:?}");
    let groups = client.fetch_group_list(None, WAIT).expect("groups");
    let listed = groups.groups().iter().find(|listed| listed.name() == group).expect("the group is listed");
    assert_eq!(listed.state(), "Empty");
    all_of(block_on(admin.delete_groups(&[group], options)));
}
