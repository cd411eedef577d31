//! Produce: which batches are accepted and which are rejected, with which errors.

use alluvium_wire::{
    batch::{Attributes, BatchHeader, Compression},
    messages::produce::{ProduceRequest, ProduceResponse, TopicProduceData},
};
use bytes::Bytes;
use uuid::Uuid;

use crate::{
    batches::{Log, altered, batch, builder, damaged, filled, hour, produce, topic},
    comparison::{ANSWERED_EACH, Intended, KAFKA_FAILS, MORE_WORDS, compare, intended, intended_in},
    side::Side,
};

const NOT_DECOMPRESSED: &str = "records are not decompressed when they are produced: header and checksum decide";
/// Clients do not read it there.
pub const NO_LOG_START: Intended = intended_in("log_start_offset", "", "not reported with an error");
const BATCHES: &[Intended] = &[
    MORE_WORDS,
    NO_LOG_START,
    intended("count and last offset too", NOT_DECOMPRESSED),
    intended("bytes after the records", NOT_DECOMPRESSED),
    intended("not what the codec writes", NOT_DECOMPRESSED),
    intended_in("record_errors", "in two hours", NOT_DECOMPRESSED),
    intended_in("record_errors", "too early", NOT_DECOMPRESSED),
    intended_in("error_code", "unknown codec", KAFKA_FAILS),
];
const REQUESTS: &[Intended] =
    &[MORE_WORDS, intended("a partition twice", ANSWERED_EACH), intended("a topic twice", ANSWERED_EACH)];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn batches_are_judged_as_in_kafka() {
    compare(batches, BATCHES).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn produce_requests_are_answered_as_in_kafka() {
    compare(requests, REQUESTS).await;
}

async fn batches(side: &mut Side) {
    for (number, (case, records)) in sound().into_iter().chain(broken()).enumerate() {
        let log = Log::create(side, &format!("log-{number}"), &[]).await;
        side.all(case, &log.append(records)).await;
    }
    let log = Log::create(side, "log", &[]).await;
    for compression in Compression::ALL {
        let compressed = filled(alluvium_wire::batch::BatchBuilder::new(compression, 0), &["one", "two"]);
        side.all(&format!("{compression:?}"), &log.append(compressed)).await;
    }
    by_configs(side).await;
}

fn sound() -> Vec<(&'static str, Bytes)> {
    let two = batch(&["one", "two"]);
    vec![
        ("one record", batch(&["one"])),
        ("two records", two.clone()),
        ("leader epoch of its own", altered(&two, |header| header.leader_epoch = 7)),
        ("marked as stamped", altered(&two, |header| header.attributes = header.attributes.with_log_append_time())),
        ("unused attribute", altered(&two, |header| header.attributes = Attributes(header.attributes.0 | 0x80))),
        ("offset of its own", altered(&two, |header| header.base_offset = 40)),
        ("negative offset", altered(&two, |header| header.base_offset = -3)),
        ("maximal timestamp too low", altered(&two, |header| header.max_timestamp = hour() - 50)),
        ("maximal timestamp too high", altered(&two, |header| header.max_timestamp += 50)),
        ("no timestamp", timed(-1)),
        ("timestamp zero", timed(0)),
        ("sequence without a producer", altered(&two, |header| header.base_sequence = 5)),
        ("epoch without a producer", altered(&two, |header| header.producer_epoch = 5)),
        (
            "producer without an epoch",
            altered(&two, |header| (header.producer_id, header.base_sequence) = (1 << 40, 0)),
        ),
    ]
}

fn broken() -> Vec<(&'static str, Bytes)> {
    let two = batch(&["one", "two"]);
    let short = |bytes: usize| two.slice(..two.len() - bytes);
    let mut long = two.to_vec();
    long.extend_from_slice(b"rest");
    let grown = |records: &Bytes, by: usize| {
        let grown: Bytes = [&records[..], &vec![0; by]].concat().into();
        altered(&grown, |header| header.batch_length += i32::try_from(by).expect("small"))
    };
    vec![
        ("flipped checksum", damaged(&two, |header| header.crc ^= 1)),
        ("flipped record", altered_body(&two)),
        ("two batches", [two.clone(), two.clone()].concat().into()),
        ("magic 0", altered(&two, |header| header.magic = 0)),
        ("magic 1", altered(&two, |header| header.magic = 1)),
        ("magic 3", altered(&two, |header| header.magic = 3)),
        ("magic -1", altered(&two, |header| header.magic = -1)),
        ("count too low", altered(&two, |header| header.record_count = 1)),
        ("count too high", altered(&two, |header| header.record_count = 3)),
        ("count of none", altered(&two, |header| header.record_count = 0)),
        ("negative count", altered(&two, |header| header.record_count = -1)),
        ("last offset too high", altered(&two, |header| header.last_offset_delta = 5)),
        ("last offset too low", altered(&two, |header| header.last_offset_delta = 0)),
        (
            "count and last offset too high",
            altered(&two, |header| (header.record_count, header.last_offset_delta) = (5, 4)),
        ),
        (
            "count and last offset too low",
            altered(&two, |header| (header.record_count, header.last_offset_delta) = (1, 0)),
        ),
        ("control", altered(&two, |header| header.attributes = header.attributes.with_control())),
        ("transactional", altered(&two, |header| header.attributes = header.attributes.with_transactional())),
        (
            "producer without a sequence",
            altered(&two, |header| (header.producer_id, header.producer_epoch) = (1 << 40, 0)),
        ),
        ("no records", builder().finish()),
        ("empty bytes", Bytes::new()),
        ("three bytes", two.slice(..3)),
        ("a header cut short", two.slice(..BatchHeader::LEN - 1)),
        ("a batch cut short", short(3)),
        ("length too large", damaged(&two, |header| header.batch_length += 10)),
        ("length too small", damaged(&two, |header| header.batch_length -= 1)),
        ("length of nothing", damaged(&two, |header| header.batch_length = 0)),
        ("negative length", damaged(&two, |header| header.batch_length = -5)),
        ("bytes after the batch", long.into()),
        ("bytes after the records", grown(&two, 4)),
        ("in two hours", timed(hour() + 3 * 3_600_000)),
        ("negative timestamp", timed(-2)),
        ("unknown codec 5", altered(&two, |header| header.attributes = Attributes(5))),
        ("unknown codec 7", altered(&two, |header| header.attributes = Attributes(7))),
        ("not what the codec writes", altered(&two, |header| header.attributes = Attributes(4))),
    ]
}

/// The last record's last byte changed, so that the checksum is wrong.
fn altered_body(batch: &Bytes) -> Bytes {
    let mut bytes = batch.to_vec();
    *bytes.last_mut().expect("a batch has bytes") ^= 1;
    bytes.into()
}

fn timed(timestamp: i64) -> Bytes {
    let mut builder = builder();
    builder.push(0, timestamp, None, Some(b"v"), []).expect("it fits");
    builder.push(1, timestamp, None, Some(b"w"), []).expect("it fits");
    builder.finish()
}

fn keyless() -> Bytes {
    let mut builder = builder();
    builder.push(0, hour(), Some(b"k"), Some(b"v"), []).expect("it fits");
    builder.push(1, hour(), None, Some(b"w"), []).expect("it fits");
    builder.finish()
}

async fn by_configs(side: &mut Side) {
    let compact = Log::create(side, "compact", &[("cleanup.policy", "compact")]).await;
    side.all("compacted, with keys", &compact.append(batch(&["one"]))).await;
    side.all("compacted, without a key", &compact.append(keyless())).await;
    let stamped = Log::create(side, "stamped", &[("message.timestamp.type", "LogAppendTime")]).await;
    side.all("stamped", &stamped.append(batch(&["one"]))).await;
    side.all("stamped, in two hours", &stamped.append(timed(hour() + 3 * 3_600_000))).await;
    let small = Log::create(side, "small", &[("max.message.bytes", "200")]).await;
    side.all("small enough", &small.append(batch(&["one"]))).await;
    side.all("too large", &small.append(batch(&[&"v".repeat(200)]))).await;
    let exact = batch(&["one"]).len().to_string();
    let exact = Log::create(side, "exact", &[("max.message.bytes", &exact)]).await;
    side.all("exactly as large", &exact.append(batch(&["one"]))).await;
    side.all("one byte too large", &exact.append(batch(&["one+"]))).await;
    let narrow = &[("message.timestamp.before.max.ms", "1000"), ("message.timestamp.after.max.ms", "1000")];
    let narrow = Log::create(side, "narrow", narrow).await;
    side.all("too early", &narrow.append(timed(hour() - 2_000))).await;
}

async fn requests(side: &mut Side) {
    let log = Log::create(side, "log", &[]).await;
    let records = || Some(batch(&["one"]));
    let of = |partitions: &[(i32, Option<Bytes>)]| produce(vec![topic(&log.name, log.id, partitions)]);
    for acks in [-1, 1, 2, -2, i16::MAX] {
        side.all(&format!("acks {acks}"), &ProduceRequest { acks, ..of(&[(0, records())]) }).await;
    }
    let silent = |timeout_ms| ProduceRequest { timeout_ms, acks: -1, ..of(&[(0, records())]) };
    side.all("no time", &silent(0)).await;
    side.all("negative time", &silent(-1)).await;
    side.all("unknown partition", &of(&[(1, records())])).await;
    side.all("negative partition", &of(&[(-1, records())])).await;
    // Null records of a partition that is there are not compared: Kafka never answers that.
    side.all("null records of an unknown partition", &of(&[(5, None)])).await;
    side.all("no partitions", &of(&[])).await;
    side.all("no topics", &produce(Vec::new())).await;
    side.all("good and bad", &of(&[(0, records()), (1, records())])).await;
    let other = Log::create(side, "other", &[]).await;
    let both = [(0, records()), (0, Some(batch(&["two"])))];
    side.all("a partition twice", &produce(vec![topic(&other.name, other.id, &both)])).await;
    let twice =
        || -> Vec<TopicProduceData> { (0..2).map(|_| topic(&other.name, other.id, &[(0, records())])).collect() };
    side.all("a topic twice", &produce(twice())).await;
    let unknown = topic(&side.name("unknown"), Uuid::from_u128(5), &[(0, records())]);
    side.all("unknown topic", &produce(vec![unknown.clone()])).await;
    // Kafka answers unknown ones last.
    let known_first = |answer: &mut ProduceResponse| {
        answer.responses.sort_by_key(|topic| !topic.partition_responses[0].error_code.is_none());
    };
    let both = produce(vec![unknown, topic(&log.name, log.id, &[(0, records())])]);
    side.part("unknown and known topic", &both, known_first).await;
    side.all("invalid name", &produce(vec![topic("a b", Uuid::from_u128(6), &[(0, records())])])).await;
    side.at("nil id", 13, &produce(vec![topic(&log.name, Uuid::nil(), &[(0, records())])])).await;
    let bad_acks = ProduceRequest {
        acks: 2,
        ..produce(vec![topic(&side.name("unknown"), Uuid::from_u128(5), &[(0, records())])])
    };
    side.all("unknown topic and bad acks", &bad_acks).await;
    let transactional_id = Some(side.name("transaction"));
    side.all("transactional id", &ProduceRequest { transactional_id, ..of(&[(0, records())]) }).await;
    side.unanswered("acks 0", &of(&[(0, records())])).await;
    side.unanswered("acks 0, unknown partition", &of(&[(1, records())])).await;
    side.unanswered("acks 0, flipped checksum", &of(&[(0, Some(altered_body(&batch(&["one"]))))])).await;
}
