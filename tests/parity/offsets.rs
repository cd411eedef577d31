//! Offsets of a log: listed by offset and by time, ends of epochs, and a log start that moves.

use alluvium_wire::{
    ApiKey,
    messages::{
        delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic},
        list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic},
        offset_for_leader_epoch::{OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic},
    },
};

use crate::{
    batches::{Log, batch, builder, hour},
    comparison::{ANSWERED_EACH, Intended, compare, intended},
    side::Side,
};

const LISTED: &[Intended] =
    &[intended("after all is deleted, -3", "a deleted record is not found; Kafka still returns it")];
const EPOCHS: &[Intended] = &[intended("current -1, of -5", "there was no such epoch")];
const DELETED: &[Intended] = &[intended("a partition twice", ANSWERED_EACH)];

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn offsets_are_listed_as_in_kafka() {
    compare(listed, LISTED).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn epochs_end_as_in_kafka() {
    compare(epochs, EPOCHS).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn records_are_deleted_as_in_kafka() {
    compare(deleted, DELETED).await;
}

/// Three batches: at 0, 10 and 20 ms; at 100 ms; at 50 and 100 ms.
async fn timed(side: &Side) -> Log {
    let log = Log::create(side, "log", &[]).await;
    for times in [&[0, 10, 20][..], &[100], &[50, 100]] {
        let mut builder = builder();
        for (offset, time) in (0..).zip(times) {
            builder.push(offset, hour() + time, None, Some(b"v"), []).expect("it fits");
        }
        log.write(side, builder.finish()).await;
    }
    log
}

async fn listed(side: &mut Side) {
    let log = timed(side).await;
    for timestamp in (-8..=-1).rev() {
        side.all(&format!("special {timestamp}"), &list(&log.name, &[(0, timestamp)])).await;
        let committed = ListOffsetsRequest { isolation_level: 1, ..list(&log.name, &[(0, timestamp)]) };
        side.all(&format!("special {timestamp}, committed"), &committed).await;
    }
    for after in [-1, 0, 1, 10, 15, 20, 21, 50, 99, 100, 101, 5_000] {
        side.all(&format!("{after} ms after the first"), &list(&log.name, &[(0, hour() + after)])).await;
    }
    side.all("timestamp 0", &list(&log.name, &[(0, 0)])).await;
    side.all("the last timestamp", &list(&log.name, &[(0, i64::MAX)])).await;
    side.all("the first timestamp", &list(&log.name, &[(0, i64::MIN)])).await;
    side.topic("empty", 1, &[]).await;
    for timestamp in [-6, -5, -4, -3, -2, -1, 0] {
        side.all(&format!("of an empty log, {timestamp}"), &list(&side.name("empty"), &[(0, timestamp)])).await;
    }
    side.all("unknown topic", &list(&side.name("unknown"), &[(0, -1)])).await;
    side.all("invalid name", &list("a b", &[(0, -1)])).await;
    side.all("unknown partition", &list(&log.name, &[(1, -1)])).await;
    side.all("negative partition", &list(&log.name, &[(-1, -1)])).await;
    side.all("a partition twice", &list(&log.name, &[(0, -1), (0, -2)])).await;
    side.all("no partitions", &list(&log.name, &[])).await;
    let again = list(&log.name, &[(0, -1)]).topics;
    let twice = ListOffsetsRequest { topics: [again.clone(), again].concat(), ..list(&log.name, &[]) };
    side.all("a topic twice", &twice).await;
    for epoch in [-1, 0, 1, -5] {
        let mut request = list(&log.name, &[(0, -1)]);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        side.all(&format!("leader epoch {epoch}"), &request).await;
    }
    delete(side, &log.name, &[(0, 2)]).await;
    for timestamp in [-2, -4, hour(), hour() + 10] {
        let from_hour = if timestamp < 0 { timestamp } else { timestamp - hour() };
        side.all(&format!("after the begin is deleted, {from_hour}"), &list(&log.name, &[(0, timestamp)])).await;
    }
    delete(side, &log.name, &[(0, -1)]).await;
    for timestamp in [-3, -2, -1, 0] {
        side.all(&format!("after all is deleted, {timestamp}"), &list(&log.name, &[(0, timestamp)])).await;
    }
}

async fn epochs(side: &mut Side) {
    let log = timed(side).await;
    side.topic("empty", 1, &[]).await;
    for (current_leader_epoch, leader_epoch) in
        [(-1, 0), (0, 0), (-1, 1), (0, 1), (1, 0), (1, 1), (-1, -1), (-1, -5), (-5, 0), (-1, i32::MAX)]
    {
        let case = format!("current {current_leader_epoch}, of {leader_epoch}");
        let of = |name: &str, partition| {
            let asked = OffsetForLeaderPartition { partition, current_leader_epoch, leader_epoch };
            let topic = OffsetForLeaderTopic { topic: name.to_owned(), partitions: vec![asked] };
            OffsetForLeaderEpochRequest { replica_id: -1, topics: vec![topic] }
        };
        side.all(&case, &of(&log.name, 0)).await;
        side.all(&format!("{case}, empty"), &of(&side.name("empty"), 0)).await;
        side.all(&format!("{case}, unknown partition"), &of(&log.name, 1)).await;
        side.all(&format!("{case}, unknown topic"), &of(&side.name("unknown"), 0)).await;
    }
}

async fn deleted(side: &mut Side) {
    for version in side.versions(ApiKey::DeleteRecords) {
        let name = format!("log-{version}");
        let log = Log::create(side, &name, &[]).await;
        for _ in 0..3 {
            log.write(side, batch(&["one", "two"])).await;
        }
        for offset in [0, 3, 2, 3, 5, 7, -2, -1, 6, i64::MIN, i64::MAX] {
            let request = trim(&log.name, &[(0, offset)]);
            side.at(&format!("to {offset}"), version, &request).await;
        }
    }
    let name = side.name("log-0");
    side.all("unknown partition", &trim(&name, &[(1, 0)])).await;
    let in_order = |answer: &mut DeleteRecordsResponse| {
        answer.topics[0].partitions.sort_by_key(|partition| partition.partition_index);
    };
    side.part("known and unknown partition", &trim(&name, &[(0, 6), (-1, 0)]), in_order).await;
    side.all("a partition twice", &trim(&name, &[(0, 6), (0, 6)])).await;
    side.all("unknown topic", &trim(&side.name("unknown"), &[(0, 0)])).await;
    side.all("no partitions", &trim(&name, &[])).await;
    side.all("no topics", &DeleteRecordsRequest { topics: Vec::new(), timeout_ms: 1_000 }).await;
}

async fn delete(side: &Side, name: &str, partitions: &[(i32, i64)]) {
    let answer = side.ask(&trim(name, partitions)).await;
    assert!(answer.topics[0].partitions[0].error_code.is_none(), "{}: {answer:?}", side.address);
}

fn trim(name: &str, partitions: &[(i32, i64)]) -> DeleteRecordsRequest {
    let partition = |(partition_index, offset): &(i32, i64)| DeleteRecordsPartition {
        partition_index: *partition_index,
        offset: *offset,
    };
    let topic = DeleteRecordsTopic { name: name.to_owned(), partitions: partitions.iter().map(partition).collect() };
    DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 }
}

fn list(name: &str, partitions: &[(i32, i64)]) -> ListOffsetsRequest {
    let partition = |(partition_index, timestamp): &(i32, i64)| ListOffsetsPartition {
        partition_index: *partition_index,
        timestamp: *timestamp,
        ..Default::default()
    };
    let topic = ListOffsetsTopic { name: name.to_owned(), partitions: partitions.iter().map(partition).collect() };
    ListOffsetsRequest { replica_id: -1, topics: vec![topic], timeout_ms: 10_000, ..Default::default() }
}
