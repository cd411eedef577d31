//! A client with a session learns the same as one that names all its partitions in each fetch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use alluvium_runtime::{Rng, SeededRng};
use alluvium_wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, ForgottenTopic, PartitionData,
};
use alluvium_wire::{ErrorCode, RecordsField};
use bytes::Bytes;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::ConnectionSession;
use super::begin::{Begin, OpenSession, begin};
use super::partitions::SessionPartitions;

const BY_NAME: i16 = 12;
const BY_ID: i16 = 13;

/// A topic's number and a partition's.
type Key = (u32, i32);

fn name(topic: u32, version: i16) -> (String, Uuid) {
    if version >= BY_ID {
        (String::new(), Uuid::from_u128(topic.into()))
    } else {
        (format!("topic-{topic}"), Uuid::nil())
    }
}

fn number(topic: &str, id: Uuid) -> u32 {
    topic.strip_prefix("topic-").map_or(u32::try_from(id.as_u128()).unwrap(), |number| number.parse().unwrap())
}

/// The fetch of these partitions with their offsets; each in a topic entry of its own.
fn topics(of: impl IntoIterator<Item = (Key, i64)>, version: i16) -> Vec<FetchTopic> {
    let topic = |((topic, partition), fetch_offset)| {
        let (topic, topic_id) = name(topic, version);
        FetchTopic {
            topic,
            topic_id,
            partitions: vec![FetchPartition { partition, fetch_offset, ..Default::default() }],
        }
    };
    of.into_iter().map(topic).collect()
}

/// What is known of a partition, and what a fetch of it returns.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    high_watermark: i64,
    log_start: i64,
    error: i16,
    records: Vec<u8>,
}

impl Seen {
    fn of(data: &PartitionData) -> Self {
        Self {
            high_watermark: data.high_watermark,
            log_start: data.log_start_offset,
            error: data.error_code.0,
            records: data.records.clone().map(|records| records.into_parts().concat()).unwrap_or_default(),
        }
    }
}

/// The logs of some partitions: one byte for each record.
#[derive(Default)]
struct Logs(BTreeMap<Key, (i64, i64, bool)>);

impl Logs {
    /// The complete response: up to `records_max` records in all, in the order of the request.
    fn serve(&self, request: &FetchRequest, mut records_max: i64) -> FetchResponse {
        let mut partition = |topic: u32, requested: &FetchPartition| {
            let (start, end, is_broken) = self.0.get(&(topic, requested.partition)).copied().unwrap_or_default();
            let mut data = PartitionData { partition_index: requested.partition, ..Default::default() };
            data.records = Some(RecordsField::default());
            if is_broken || !(start..=end).contains(&requested.fetch_offset) {
                let code = if is_broken { ErrorCode::KAFKA_STORAGE_ERROR } else { ErrorCode::OFFSET_OUT_OF_RANGE };
                return PartitionData { error_code: code, high_watermark: -1, ..data };
            }
            let records = (end - requested.fetch_offset).min(records_max);
            records_max -= records;
            let bytes = (requested.fetch_offset..requested.fetch_offset + records).map(|offset| offset as u8);
            data.records = Some(RecordsField::new(vec![Bytes::from(bytes.collect::<Vec<u8>>())]));
            PartitionData { high_watermark: end, log_start_offset: start, ..data }
        };
        let topic = |requested: &FetchTopic| FetchableTopicResponse {
            topic: requested.topic.clone(),
            topic_id: requested.topic_id,
            partitions: requested
                .partitions
                .iter()
                .map(|asked| partition(number(&requested.topic, requested.topic_id), asked))
                .collect(),
        };
        FetchResponse { responses: request.topics.iter().map(topic).collect(), ..Default::default() }
    }
}

fn seen(response: &FetchResponse) -> BTreeMap<Key, Seen> {
    let topic = |topic: &FetchableTopicResponse| {
        let number = number(&topic.topic, topic.topic_id);
        let partitions: Vec<_> =
            topic.partitions.iter().map(|data| ((number, data.partition_index), Seen::of(data))).collect();
        partitions
    };
    response.responses.iter().flat_map(topic).collect()
}

/// A consumer by the rules of KIP-227.
#[derive(Default)]
struct Consumer {
    id: i32,
    epoch: i32,
    /// Partitions that it wants, with their positions.
    wanted: BTreeMap<Key, i64>,
    /// Those that the session has.
    sent: BTreeMap<Key, i64>,
    known: BTreeMap<Key, Seen>,
}

impl Consumer {
    fn request(&mut self, version: i16) -> FetchRequest {
        let is_full = self.epoch == 0;
        let changed = self.wanted.iter().filter(|(key, offset)| is_full || self.sent.get(key) != Some(offset));
        let request_topics = topics(changed.map(|(key, offset)| (*key, *offset)), version);
        let forgotten = self.sent.keys().filter(|key| !is_full && !self.wanted.contains_key(key));
        let forgotten = forgotten.map(|(topic, partition)| {
            let (topic, topic_id) = name(*topic, version);
            ForgottenTopic { topic, topic_id, partitions: vec![*partition] }
        });
        let forgotten_topics_data = forgotten.collect();
        self.sent = self.wanted.clone();
        FetchRequest {
            session_id: self.id,
            session_epoch: self.epoch,
            topics: request_topics,
            forgotten_topics_data,
            ..Default::default()
        }
    }

    fn apply(&mut self, response: &FetchResponse) {
        let news = seen(response);
        let is_full = self.epoch == 0;
        assert!(news.keys().all(|key| self.sent.contains_key(key)), "only partitions of the session");
        assert!(!is_full || news.len() == self.sent.len(), "a full response is complete");
        // What is not in the response is as it was.
        self.known.retain(|key, known| {
            known.records.clear();
            self.sent.contains_key(key)
        });
        self.known.extend(news);
        self.id = response.session_id;
        self.epoch = if self.id == 0 { 0 } else { self.epoch + 1 };
    }
}

fn random(rng: &SeededRng, below: u64) -> u64 {
    rng.next_u64() % below
}

/// Makes changes of every sort.
fn change(rng: &SeededRng, logs: &mut Logs, consumer: &mut Consumer) {
    for _ in 0..random(rng, 4) {
        let key = (random(rng, 3) as u32, random(rng, 5) as i32);
        let (start, end, is_broken) = logs.0.entry(key).or_default();
        match random(rng, 7) {
            0 | 1 => *end += random(rng, 5) as i64,
            2 => *start = (*start + 1).min(*end),
            3 => *is_broken = !*is_broken,
            4 => {
                consumer.wanted.remove(&key);
            }
            5 => {
                consumer.wanted.insert(key, random(rng, 9) as i64);
            }
            _ => {
                let read = consumer.known.get(&key).map_or(0, |known| known.records.len() as i64);
                consumer.wanted.entry(key).and_modify(|offset| *offset += read);
            }
        }
    }
    if consumer.wanted.is_empty() {
        consumer.wanted.insert((0, 0), 0);
    }
}

#[test]
fn a_consumer_with_a_session_learns_what_it_would_learn_without_one() {
    for seed in 0..300 {
        let (rng, version) = (SeededRng::new(seed), if seed.is_multiple_of(2) { BY_NAME } else { BY_ID });
        let connection = ConnectionSession::new(Arc::new(Semaphore::new(1 << 20)));
        let (mut logs, mut consumer) = (Logs::default(), Consumer::default());
        for step in 0..100 {
            change(&rng, &mut logs, &mut consumer);
            if random(&rng, 30) == 0 {
                // The client gives its session up, and begins again.
                consumer.epoch = 0;
            }
            let records_max = random(&rng, 20) as i64;
            let mut request = consumer.request(version);
            let fetch =
                connection.begin(version, &mut request, &rng).unwrap_or_else(|error| panic!("{seed}: {error:?}"));
            let complete = logs.serve(&request, records_max);
            let response = connection.finish(fetch, complete.clone());
            consumer.apply(&response);
            assert!(consumer.id != 0, "seed {seed}: there is memory for a session");
            let all: BTreeSet<Key> = seen(&complete).into_keys().collect();
            assert!(all.iter().eq(consumer.wanted.keys()), "seed {seed}, step {step}: the request was made complete");
            assert_eq!(consumer.known, seen(&complete), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn a_fetch_without_news_has_an_empty_response_and_one_with_news_only_those() {
    let (rng, connection) = (SeededRng::new(1), ConnectionSession::new(Arc::new(Semaphore::new(10 << 20))));
    let mut logs = Logs((0..5_000).map(|partition| ((0, partition), (0, 10, false))).collect());
    let mut consumer = Consumer { wanted: logs.0.keys().map(|key| (*key, 10)).collect(), ..Consumer::default() };
    let fetch = |logs: &Logs, consumer: &mut Consumer| {
        let mut request = consumer.request(BY_ID);
        let sent = request.topics.len();
        let begun = connection.begin(BY_ID, &mut request, &rng).unwrap();
        assert_eq!(request.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>(), 5_000);
        let response = connection.finish(begun, logs.serve(&request, i64::MAX));
        consumer.apply(&response);
        (sent, seen(&response).len())
    };
    assert_eq!(fetch(&logs, &mut consumer), (5_000, 5_000));
    assert_eq!(fetch(&logs, &mut consumer), (0, 0));
    logs.0.insert((0, 7), (0, 12, false));
    assert_eq!(fetch(&logs, &mut consumer), (0, 1));
    consumer.wanted.insert((0, 7), 12);
    assert_eq!(fetch(&logs, &mut consumer), (1, 0));
}

#[test]
fn partitions_that_had_records_are_read_last_the_next_time() {
    let mut partitions = SessionPartitions::default();
    partitions.request(&topics([((0, 0), 0), ((0, 1), 0), ((0, 2), 0)], BY_NAME));
    let order = |partitions: &SessionPartitions| -> Vec<i32> {
        partitions.complete_request().iter().flat_map(|topic| &topic.partitions).map(|one| one.partition).collect()
    };
    assert_eq!(order(&partitions), [0, 1, 2]);
    assert_eq!(partitions.complete_request().len(), 1, "neighbours share the entry of their topic");
    let logs = Logs([((0, 0), (0, 5, false)), ((0, 1), (0, 5, false)), ((0, 2), (0, 5, false))].into());
    for expected in [[1, 2, 0], [2, 0, 1], [0, 1, 2]] {
        let request = FetchRequest { topics: partitions.complete_request(), ..Default::default() };
        partitions.retain_news(&mut logs.serve(&request, 5).responses);
        assert_eq!(order(&partitions), expected, "there was room for one partition");
    }
}

#[test]
fn ids_and_epochs_are_checked_as_kafka_checks_them() {
    let session = OpenSession { id: 5, epoch: 3, by_id: false };
    let open = Some(session);
    let of = |open, version, session_id, session_epoch| {
        begin(open, version, &FetchRequest { session_id, session_epoch, ..Default::default() })
    };
    for (session_id, session_epoch, expected) in [
        (0, 0, Begin::Open { by_id: false }),
        (5, 0, Begin::Open { by_id: false }),
        (0, -1, Begin::Without),
        (5, -1, Begin::Without),
        (5, 3, Begin::Continue),
        (5, 2, Begin::Reject(ErrorCode::INVALID_FETCH_SESSION_EPOCH)),
        (5, 4, Begin::Reject(ErrorCode::INVALID_FETCH_SESSION_EPOCH)),
        (5, -2, Begin::Reject(ErrorCode::INVALID_FETCH_SESSION_EPOCH)),
        (6, 3, Begin::Reject(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)),
        (0, 3, Begin::Reject(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)),
    ] {
        assert_eq!(of(open, BY_NAME, session_id, session_epoch), expected, "{session_id}/{session_epoch}");
    }
    assert_eq!(of(open, BY_ID, 5, 3), Begin::Reject(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR));
    assert_eq!(of(None, BY_ID, 5, 1), Begin::Reject(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
    assert_eq!(of(None, BY_ID, 0, 0), Begin::Open { by_id: true });
    let mut last = OpenSession { epoch: i32::MAX, ..session };
    last.advance();
    assert_eq!(last.epoch, 1);
    assert_eq!(OpenSession::new(7, true), OpenSession { id: 7, epoch: 1, by_id: true });
}

/// The id in the response to a fetch of these partitions, and how many there are in the response.
fn answer(connection: &ConnectionSession, mut request: FetchRequest) -> Result<(i32, usize), ErrorCode> {
    let fetch = connection.begin(BY_NAME, &mut request, &SeededRng::new(3))?;
    let response = connection.finish(fetch, Logs::default().serve(&request, 0));
    Ok((response.session_id, seen(&response).len()))
}

#[test]
fn without_memory_there_is_no_session_and_all_is_answered() {
    let memory = Arc::new(Semaphore::new(10_000));
    let connection = ConnectionSession::new(Arc::clone(&memory));
    let of = |partitions: std::ops::Range<i32>| FetchRequest {
        topics: topics(partitions.map(|partition| ((0, partition), 0)), BY_NAME),
        session_epoch: 0,
        ..Default::default()
    };
    assert_eq!(answer(&connection, of(0..100)), Ok((0, 100)));
    let (id, answered) = answer(&connection, of(0..10)).unwrap();
    assert!(id > 0 && answered == 10);
    assert!(memory.available_permits() < 10_000);
    // It outgrows the memory: the response is that of the session, and its last.
    let more = FetchRequest { session_id: id, session_epoch: 1, ..of(10..100) };
    assert_eq!(answer(&connection, more), Ok((0, 90)));
    assert_eq!(memory.available_permits(), 10_000, "the memory is free again");
    let next = FetchRequest { session_id: id, session_epoch: 2, ..of(0..0) };
    assert_eq!(answer(&connection, next), Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
    let other = ConnectionSession::new(Arc::clone(&memory));
    answer(&other, of(0..10)).unwrap();
    drop(other);
    assert_eq!(memory.available_permits(), 10_000, "a session ends with its connection");
}

#[test]
fn names_that_no_topic_can_have_are_not_kept() {
    let connection = ConnectionSession::new(Arc::new(Semaphore::new(1 << 20)));
    let mut request = FetchRequest { topics: topics([((0, 0), 0)], BY_NAME), session_epoch: 0, ..Default::default() };
    let id = answer(&connection, request.clone()).unwrap().0;
    assert!(id > 0);
    request.topics[0].topic = format!("topic-{:0>300}", 1);
    assert_eq!(answer(&connection, FetchRequest { session_id: id, session_epoch: 1, ..request.clone() }).unwrap().0, 0);
    assert_eq!(answer(&connection, request), Ok((0, 1)));
}

#[test]
fn a_session_whose_partitions_were_all_forgotten_ends() {
    let connection = ConnectionSession::new(Arc::new(Semaphore::new(1 << 20)));
    let request = FetchRequest { topics: topics([((0, 0), 0)], BY_NAME), session_epoch: 0, ..Default::default() };
    let id = answer(&connection, request).unwrap().0;
    let forgotten = vec![ForgottenTopic { topic: "topic-0".into(), partitions: vec![0], ..Default::default() }];
    let request =
        FetchRequest { session_id: id, session_epoch: 1, forgotten_topics_data: forgotten, ..Default::default() };
    assert_eq!(answer(&connection, request.clone()), Ok((0, 0)));
    assert_eq!(answer(&connection, request), Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
}
