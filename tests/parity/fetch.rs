//! Fetch: offsets, sizes, order; sessions.

use alluvium_wire::{
    ApiKey, RecordsField,
    batch::Batch,
    messages::{
        delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic},
        fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic},
    },
};
use uuid::Uuid;

use crate::{
    batches::{Log, batch, produce, topic},
    comparison::{ANSWERED_EACH, Intended, KAFKA_FAILS, compare, intended, intended_in},
    side::Side,
};

const OFFSETS: &[Intended] =
    &[intended("unknown isolation", KAFKA_FAILS), intended("a partition twice", ANSWERED_EACH)];
const LIMITS: &[Intended] = &[intended("-1 bytes", KAFKA_FAILS)];
const RANDOM: &str = "ids of sessions are random";
const SESSIONS: &[Intended] =
    &[intended_in("session_id", "session 5, epoch 0", RANDOM), intended_in("session_id", "within a session", RANDOM)];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn records_are_fetched_as_in_kafka() {
    compare(offsets, OFFSETS).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn bytes_are_limited_as_in_kafka() {
    compare(limits, LIMITS).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn fetch_sessions_are_answered_as_in_kafka() {
    compare(sessions, SESSIONS).await;
}

/// Five batches of two records, of which the first two batches are deleted.
async fn trimmed(side: &Side) -> Log {
    let log = Log::create(side, "log", &[]).await;
    for _ in 0..5 {
        log.write(side, batch(&["one", "two"])).await;
    }
    let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset: 4 }];
    let topics = vec![DeleteRecordsTopic { name: log.name.clone(), partitions }];
    side.ask(&DeleteRecordsRequest { topics, timeout_ms: 10_000 }).await;
    log
}

async fn offsets(side: &mut Side) {
    let log = trimmed(side).await;
    let from = |offset| log.fetch(&[(0, offset)]);
    for (case, offset) in [
        ("at the begin", 0),
        ("below the start", 3),
        ("at the start", 4),
        ("within a batch", 7),
        ("at the last", 9),
        ("at the end", 10),
        ("beyond the end", 11),
        ("negative", -1),
        ("very negative", i64::MIN),
        ("very far", i64::MAX),
    ] {
        side.all(case, &from(offset)).await;
        side.all(&format!("{case}, committed"), &FetchRequest { isolation_level: 1, ..from(offset) }).await;
    }
    side.all("unknown isolation", &FetchRequest { isolation_level: 2, ..from(4) }).await;
    side.all("unknown partition", &log.fetch(&[(1, 0)])).await;
    side.all("negative partition", &log.fetch(&[(-1, 0)])).await;
    side.all("known and unknown partition", &log.fetch(&[(0, 4), (1, 0)])).await;
    side.all("a partition twice", &log.fetch(&[(0, 4), (0, 8)])).await;
    side.all("no partitions", &log.fetch(&[])).await;
    side.all("no topics", &FetchRequest { topics: Vec::new(), ..from(4) }).await;
    let unknown = Log { name: side.name("unknown"), id: Uuid::from_u128(5) };
    side.all("unknown topic", &unknown.fetch(&[(0, 0)])).await;
    let topics = [unknown.fetch(&[(0, 0)]).topics, from(8).topics].concat();
    // Kafka answers unknown ones last.
    let known_first = |answer: &mut FetchResponse| {
        answer.responses.sort_by_key(|topic| topic.partitions.iter().any(|partition| !partition.error_code.is_none()));
    };
    side.part("unknown and known topic", &FetchRequest { topics, ..from(4) }, known_first).await;
    side.all("invalid name", &Log { name: "a b".into(), id: Uuid::nil() }.fetch(&[(0, 0)])).await;
    for epoch in [-1, 0, 1, -5] {
        let mut request = from(8);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        side.all(&format!("leader epoch {epoch}"), &request).await;
        let mut request = from(8);
        request.topics[0].partitions[0].last_fetched_epoch = epoch;
        side.all(&format!("last fetched epoch {epoch}"), &request).await;
    }
    side.all("negative wait", &FetchRequest { max_wait_ms: -1, ..from(10) }).await;
    side.all("no bytes wanted", &FetchRequest { min_bytes: 0, ..from(10) }).await;
}

async fn limits(side: &mut Side) {
    let name = side.name("wide");
    let id = side.topic("wide", 3, &[]).await;
    let log = Log { name, id };
    let records = |_| Some(batch(&[&"v".repeat(500)]));
    for _ in 0..3 {
        let partitions: Vec<_> = (0..3).map(|partition| (partition, records(()))).collect();
        side.ask(&produce(vec![topic(&log.name, log.id, &partitions)])).await;
    }
    let all = log.fetch(&[(2, 0), (0, 0), (1, 0)]);
    side.whole("in the order asked for", &all).await;
    for max_bytes in [-1, 0, 1, 700, 1_500, 10_000] {
        side.whole(&format!("{max_bytes} bytes in all"), &FetchRequest { max_bytes, ..all.clone() }).await;
    }
    for partition_max_bytes in [-1, 0, 1, 700, 1_500, 10_000] {
        let mut request = all.clone();
        for partition in &mut request.topics[0].partitions {
            partition.partition_max_bytes = partition_max_bytes;
        }
        side.whole(&format!("{partition_max_bytes} bytes per partition"), &request).await;
        let at_end = log.fetch(&[(2, 3), (0, 0), (1, 0)]);
        let first_empty = FetchRequest { topics: at_end.topics, max_bytes: partition_max_bytes, ..request };
        side.whole(&format!("{partition_max_bytes} bytes in all, the first empty"), &first_empty).await;
    }
    side.whole("more than there is", &FetchRequest { min_bytes: 1 << 20, ..all.clone() }).await;
    side.whole("an error among them", &log.fetch(&[(2, 3), (0, 99), (1, 0)])).await;
}

async fn sessions(side: &mut Side) {
    let log = trimmed(side).await;
    let of = |session_id, session_epoch| FetchRequest { session_id, session_epoch, ..log.fetch(&[(0, 8)]) };
    for (session_id, session_epoch) in [(0, -1), (5, -1), (5, 0), (5, 1), (0, 1), (0, 5), (5, -2), (-1, 1), (-1, -1)] {
        for version in side.versions(ApiKey::Fetch).filter(|version| *version >= 7) {
            let case = format!("session {session_id}, epoch {session_epoch}");
            side.at(&case, version, &of(session_id, session_epoch)).await;
        }
    }
    let forgotten = ForgottenTopic { topic: log.name.clone(), topic_id: log.id, partitions: vec![0] };
    let forgetting = FetchRequest { forgotten_topics_data: vec![forgotten], ..of(0, -1) };
    side.all("forgetting without a session", &forgetting).await;
    within_a_session(side, &log, &forgetting).await;
}

async fn within_a_session(side: &mut Side, log: &Log, forgetting: &FetchRequest) {
    let opened = side.ask(&FetchRequest { session_epoch: 0, ..log.fetch(&[(0, 8)]) }).await;
    let session_id = opened.session_id;
    let none = || FetchRequest { topics: Vec::new(), ..log.fetch(&[]) };
    let next = |session_epoch, request| FetchRequest { session_id, session_epoch, ..request };
    side.at("within a session, at its first position", 13, &next(1, none())).await;
    side.at("within a session, at another position", 13, &next(2, log.fetch(&[(0, 10)]))).await;
    side.at("within a session, nothing new", 13, &next(3, none())).await;
    log.write(side, batch(&["three"])).await;
    side.at("within a session, records", 13, &next(4, none())).await;
    side.at("within a session, the same epoch", 13, &next(4, none())).await;
    side.at("within a session, without topic ids", 12, &next(5, none())).await;
    side.at("within a session, out of range", 13, &next(5, log.fetch(&[(0, 99)]))).await;
    side.at("within a session, still out of range", 13, &next(6, none())).await;
    side.at("within a session, in range again", 13, &next(7, log.fetch(&[(0, 11)]))).await;
    let last = FetchRequest { topics: Vec::new(), ..forgetting.clone() };
    side.at("within a session, forgetting all", 13, &next(8, last)).await;
    side.at("after a session", 13, &next(9, none())).await;
}

impl Side {
    /// Compares whole batches: Kafka cuts the last one at the byte limit, and clients drop the piece.
    async fn whole(&mut self, case: &str, request: &FetchRequest) {
        self.part(case, request, |answer: &mut FetchResponse| {
            for partition in answer.responses.iter_mut().flat_map(|topic| &mut topic.partitions) {
                let mut bytes: bytes::Bytes =
                    partition.records.iter().flat_map(RecordsField::parts).flatten().copied().collect();
                let mut whole = Vec::new();
                while let Ok(batch) = Batch::parse(&mut bytes) {
                    whole.extend(batch.parts());
                }
                partition.records = Some(RecordsField::from(bytes::Bytes::from(whole.concat())));
            }
        })
        .await;
    }
}

impl Log {
    /// A request for records of some partitions from some offsets on, with a short wait.
    fn fetch(&self, partitions: &[(i32, i64)]) -> FetchRequest {
        let partition = |(partition, fetch_offset): &(i32, i64)| FetchPartition {
            partition: *partition,
            fetch_offset: *fetch_offset,
            partition_max_bytes: 1 << 20,
            ..Default::default()
        };
        let partitions = partitions.iter().map(partition).collect();
        FetchRequest {
            replica_id: -1,
            max_wait_ms: 10,
            min_bytes: 1,
            session_epoch: -1,
            topics: vec![FetchTopic { topic: self.name.clone(), topic_id: self.id, partitions }],
            ..Default::default()
        }
    }
}
