//! The idempotent producer against a broker that follows a script: no batch is left out, whatever ends the connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alluvium_client::{Acks, Appended, Connection, IdempotentProducer, ProducerConfig};
use alluvium_wire::batch::{Batch, Compression};
use alluvium_wire::frame::{self, LENGTH_BYTES, RequestHeader};
use alluvium_wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use alluvium_wire::messages::init_producer_id::InitProducerIdResponse;
use alluvium_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use alluvium_wire::{ApiKey, ErrorCode, Message, Reader};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

const APIS: [ApiKey; 3] = [ApiKey::ApiVersions, ApiKey::InitProducerId, ApiKey::Produce];

/// What the broker does with a Produce request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Answers this, whatever it was sent.
    Answer(ErrorCode),
    /// Appends, or says why the sequence is not the next one.
    Append,
    /// Reads it and closes the connection.
    Close,
}

/// The next sequence of each partition. A producer's first batch in a partition may have any, as with Kafka.
#[derive(Default)]
struct Log {
    next: BTreeMap<i32, i32>,
    /// Refused because batches before them are missing.
    out_of_order: usize,
}

impl Log {
    fn append(&mut self, data: &PartitionProduceData) -> (ErrorCode, i64) {
        let batch = Batch::exactly_one(data.records.clone().expect("records")).expect("one batch");
        let first = batch.header().base_sequence;
        let next = self.next.entry(data.index).or_insert(first);
        if first != *next {
            self.out_of_order += 1;
            return (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
        }
        *next += 1;
        (ErrorCode::NONE, first.into())
    }
}

/// Follows `script`, and appends what comes after it until the client has gone.
async fn serve(mut stream: DuplexStream, script: Vec<Step>, mut log: Log) -> Log {
    let mut script = VecDeque::from(script);
    loop {
        let mut prefix = [0; LENGTH_BYTES];
        if stream.read_exact(&mut prefix).await.is_err() {
            return log;
        }
        let mut body = vec![0; frame::length(prefix, 1 << 20).expect("a length")];
        stream.read_exact(&mut body).await.expect("a whole frame");
        let mut reader = Reader::new(Bytes::from(body));
        let header = RequestHeader::decode(&mut reader).expect("a header");
        let parts = match header.api {
            ApiKey::ApiVersions => answer(&header, &versions()),
            ApiKey::InitProducerId => answer(&header, &InitProducerIdResponse { producer_id: 1, ..Default::default() }),
            _ => match script.pop_front().unwrap_or(Step::Append) {
                Step::Close => return log,
                step => {
                    let request = frame::decode_request(reader, header.version).expect("a Produce request");
                    answer(&header, &produced(request, step, &mut log))
                }
            },
        };
        stream.write_all(&parts.concat()).await.expect("the client reads");
    }
}

fn answer<M: Message>(header: &RequestHeader, response: &M) -> Vec<Bytes> {
    frame::encode_response(header.version, header.correlation_id, response).expect("encodable")
}

fn versions() -> ApiVersionsResponse {
    let version = |api: ApiKey| {
        let versions = api.versions();
        ApiVersion { api_key: api.code(), min_version: versions.min, max_version: versions.max }
    };
    ApiVersionsResponse { api_keys: APIS.map(version).to_vec(), ..Default::default() }
}

fn produced(request: ProduceRequest, step: Step, log: &mut Log) -> ProduceResponse {
    let mut outcome = |data: &PartitionProduceData| {
        let (error_code, base_offset) = match step {
            Step::Answer(code) => (code, -1),
            Step::Append | Step::Close => log.append(data),
        };
        PartitionProduceResponse { index: data.index, error_code, base_offset, ..Default::default() }
    };
    let topic = &request.topic_data[0];
    let partition_responses = topic.partition_data.iter().map(&mut outcome).collect();
    let responses =
        vec![TopicProduceResponse { name: topic.name.clone(), topic_id: topic.topic_id, partition_responses }];
    ProduceResponse { responses, ..Default::default() }
}

async fn connect(script: &[Step], log: Log) -> (Connection, JoinHandle<Log>) {
    let (client, broker) = tokio::io::duplex(1 << 16);
    let broker = tokio::spawn(serve(broker, script.to_vec(), log));
    (Connection::over(client, "broker", "test").await.expect("versions"), broker)
}

type Producer = IdempotentProducer<&'static str>;

async fn producer(connection: Connection) -> Producer {
    let config = ProducerConfig { acks: Acks::All, in_flight_max: 5, delivery_timeout: Duration::from_secs(120) };
    IdempotentProducer::new(connection, ("topic".into(), uuid::Uuid::from_u128(1)), config).await.expect("an id")
}

/// Sends one record.
async fn send(producer: &mut Producer, partition: i32, tag: &'static str) -> Vec<Appended<&'static str>> {
    let mut batch = producer.batch(partition, Compression::None);
    batch.push(0, 0, None, Some(tag.as_bytes()), []).expect("fits");
    producer.send(vec![(partition, batch, tag)]).await.expect("sent")
}

fn tags(acknowledged: Vec<Appended<&'static str>>) -> Vec<(i32, i64, &'static str)> {
    acknowledged.into_iter().map(|appended| (appended.partition, appended.base_offset, appended.tag)).collect()
}

const BUSY: Step = Step::Answer(ErrorCode::NOT_ENOUGH_REPLICAS);

#[tokio::test]
async fn a_refused_batch_is_sent_again_if_the_connection_ends_before_the_answers_to_those_behind_it() {
    let (connection, broker) = connect(&[Step::Append, BUSY, Step::Close], Log::default()).await;
    let mut producer = producer(connection).await;
    for tag in ["a", "b", "c"] {
        assert!(send(&mut producer, 0, tag).await.is_empty());
    }
    producer.flush().await.expect_err("the broker has gone");
    let (connection, broker) = connect(&[], broker.await.expect("the broker does not fail")).await;
    let acknowledged = producer.resume(connection).await.expect("acknowledged");
    assert_eq!(tags(acknowledged), [(0, 0, "a"), (0, 1, "b"), (0, 2, "c")]);
    drop(producer);
    assert_eq!(broker.await.expect("the broker does not fail").out_of_order, 0);
}

#[tokio::test]
async fn no_new_batch_overtakes_one_that_is_to_be_sent_again() {
    let (connection, broker) = connect(&[BUSY, BUSY], Log::default()).await;
    let mut producer = producer(connection).await;
    assert!(send(&mut producer, 0, "a").await.is_empty());
    assert!(send(&mut producer, 1, "b").await.is_empty());
    // The broker does not know the producer in partition 1 yet: "c" before "b" would keep "b" out for ever.
    let until = tokio::time::Instant::now() + Duration::from_secs(60);
    let mut acknowledged = tags(producer.complete_oldest_until(until).await.expect("acknowledged"));
    acknowledged.extend(tags(send(&mut producer, 1, "c").await));
    acknowledged.extend(tags(producer.flush().await.expect("acknowledged")));
    assert_eq!(acknowledged, [(0, 0, "a"), (1, 0, "b"), (1, 1, "c")]);
    drop(producer);
    assert_eq!(broker.await.expect("the broker does not fail").out_of_order, 0);
}

#[tokio::test]
async fn no_new_batch_overtakes_one_whose_send_failed_with_the_error_of_an_earlier_one() {
    let (connection, broker) = connect(&[Step::Answer(ErrorCode::INVALID_RECORD)], Log::default()).await;
    let mut producer = producer(connection).await;
    for tag in ["a", "b", "c", "d", "e"] {
        assert!(send(&mut producer, 0, tag).await.is_empty());
    }
    let mut batch = producer.batch(0, Compression::None);
    batch.push(0, 0, None, Some(b"f"), []).expect("fits");
    producer.send(vec![(0, batch, "f")]).await.expect_err("the first batch is invalid");
    let mut acknowledged = send(&mut producer, 0, "g").await;
    acknowledged.extend(producer.flush().await.expect("acknowledged"));
    let tags: Vec<&str> = acknowledged.into_iter().map(|appended| appended.tag).collect();
    assert_eq!(tags, ["b", "c", "d", "e", "f", "g"]);
    drop(producer);
    assert_eq!(broker.await.expect("the broker does not fail").out_of_order, 0);
}
