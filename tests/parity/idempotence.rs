//! Idempotent producers: sequences, duplicates, epochs.

use alluvium_wire::messages::{
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    produce::ProduceRequest,
};

use crate::{
    batches::{Log, sequenced},
    comparison::{Intended, MORE_WORDS, compare, intended},
    produce::NO_LOG_START,
    side::Side,
};

const OLD: &str = "a batch in the log gets error 46, which clients treat as success; Kafka has dropped its state";
const NEW: &str = "the first batch of an id that was just given is missing: the client sends this one again";
/// An id that neither side has given: nothing is known of its producer.
const UNKNOWN: i64 = 1 << 40;
const SEQUENCES: &[Intended] = &[
    MORE_WORDS,
    NO_LOG_START,
    intended("both in one", OLD),
    intended("half of the first", OLD),
    intended("other half of the first", OLD),
    intended("the sixth last again", OLD),
    intended("the first again, long after", OLD),
    intended("new producer, not from the begin", NEW),
];
const EPOCHS: &[Intended] = &[MORE_WORDS, NO_LOG_START];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn producers_are_known_as_in_kafka() {
    compare(initiated, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn sequences_are_checked_as_in_kafka() {
    compare(sequences, SEQUENCES).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn epochs_are_checked_as_in_kafka() {
    compare(epochs, EPOCHS).await;
}

async fn initiated(side: &mut Side) {
    let new = || InitProducerIdRequest { transactional_id: None, ..Default::default() };
    side.all("new", &new()).await;
    for transaction_timeout_ms in [-1, i32::MAX, 60_000] {
        let request = InitProducerIdRequest { transaction_timeout_ms, ..new() };
        side.all(&format!("new, transactions of {transaction_timeout_ms} ms"), &request).await;
    }
    for (producer_id, producer_epoch) in [(1 << 40, 3), (1 << 40, -1), (-1, 3), (1 << 40, i16::MAX), (-2, -1), (0, 0)] {
        let request = InitProducerIdRequest { producer_id, producer_epoch, ..new() };
        side.all(&format!("producer {producer_id}, epoch {producer_epoch}"), &request).await;
    }
    let empty =
        InitProducerIdRequest { transactional_id: Some(String::new()), transaction_timeout_ms: 60_000, ..new() };
    side.all("empty transactional id", &empty).await;
}

/// A producer of its own.
async fn producer(side: &Side) -> i64 {
    let new = InitProducerIdRequest { transactional_id: None, ..Default::default() };
    let InitProducerIdResponse { producer_id, error_code, .. } = side.ask(&new).await;
    assert!(error_code.is_none(), "{}: {error_code:?}", side.address);
    producer_id
}

async fn step(side: &mut Side, case: &str, request: &ProduceRequest) {
    for version in [8, 13] {
        side.at(case, version, request).await;
    }
}

async fn sequences(side: &mut Side) {
    let log = Log::create(side, "log", &[]).await;
    let id = producer(side).await;
    let send = |first, n| log.append(sequenced(id, 0, first, n));
    side.at("first", 13, &send(0, 2)).await;
    step(side, "first again", &send(0, 2)).await;
    side.at("second", 13, &send(2, 2)).await;
    step(side, "first again, after the second", &send(0, 2)).await;
    step(side, "with a gap", &send(5, 2)).await;
    step(side, "overlapping", &send(3, 2)).await;
    step(side, "both in one", &send(0, 4)).await;
    step(side, "half of the first", &send(0, 1)).await;
    step(side, "other half of the first", &send(1, 1)).await;
    for first in [4, 6, 8, 10, 12] {
        side.at(&format!("from {first}"), 13, &send(first, 2)).await;
    }
    step(side, "the fifth last again", &send(4, 2)).await;
    step(side, "the sixth last again", &send(2, 2)).await;
    step(side, "the first again, long after", &send(0, 2)).await;
    step(side, "negative sequence", &send(-2, 2)).await;
    let late = UNKNOWN;
    side.at("unknown producer, not from the begin", 13, &log.append(sequenced(late, 0, 5, 2))).await;
    step(side, "the same again", &log.append(sequenced(late, 0, 5, 2))).await;
    side.at("what follows", 13, &log.append(sequenced(late, 0, 7, 2))).await;
    step(side, "from the begin", &log.append(sequenced(late, 0, 0, 2))).await;
    let wrapping = UNKNOWN + 1;
    side.at("up to the largest", 13, &log.append(sequenced(wrapping, 0, i32::MAX - 1, 2))).await;
    side.at("around", 13, &log.append(sequenced(wrapping, 0, 0, 2))).await;
    let across = UNKNOWN + 2;
    side.at("before the largest", 13, &log.append(sequenced(across, 0, i32::MAX - 2, 2))).await;
    side.at("across the largest", 13, &log.append(sequenced(across, 0, i32::MAX, 3))).await;
    step(side, "across the largest again", &log.append(sequenced(across, 0, i32::MAX, 3))).await;
    side.at("after the largest", 13, &log.append(sequenced(across, 0, 2, 1))).await;
    // Last, because Kafka appends it, and offsets differ from there on.
    let new = producer(side).await;
    side.at("new producer, not from the begin", 13, &log.append(sequenced(new, 0, 5, 2))).await;
}

async fn epochs(side: &mut Side) {
    let log = Log::create(side, "log", &[]).await;
    let id = producer(side).await;
    let send = |epoch, first| log.append(sequenced(id, epoch, first, 2));
    side.at("first", 13, &send(0, 0)).await;
    step(side, "next epoch, not from the begin", &send(1, 2)).await;
    side.at("next epoch", 13, &send(1, 0)).await;
    step(side, "next epoch again", &send(1, 0)).await;
    step(side, "old epoch", &send(0, 2)).await;
    step(side, "old epoch, a duplicate", &send(0, 0)).await;
    side.at("two epochs on", 13, &send(3, 0)).await;
    side.at("largest epoch", 13, &send(i16::MAX, 0)).await;
    step(side, "negative epoch", &send(-1, 0)).await;
    let late = producer(side).await;
    side.at("unknown producer, later epoch", 13, &log.append(sequenced(late, 5, 0, 2))).await;
    side.at("unknown producer, later epoch, not from the begin", 13, &log.append(sequenced(UNKNOWN, 5, 3, 2))).await;
}
