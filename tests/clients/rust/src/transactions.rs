//! Commit and abort, fence by a second instance, time out.

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer,
};

use crate::{EMPTY_POLLS_MAX, POLL, WAIT, config, send, transactional};

const COMMITTED: usize = 7 * 30;
const ABORTED: usize = 3 * 30;

/// The topic has one partition.
pub fn transactions(bootstrap: &str, topic: &str) {
    commit_and_abort(bootstrap, topic);
    read(bootstrap, topic, "read_committed", COMMITTED);
    read(bootstrap, topic, "read_uncommitted", COMMITTED + ABORTED);
    fence(bootstrap, topic);
    time_out(bootstrap, topic);
}

fn commit_and_abort(bootstrap: &str, topic: &str) {
    let sender = transactional(bootstrap, &format!("rdkafka-{topic}"), &[]).expect("a producer");
    for transaction in 0..10 {
        sender.begin_transaction().expect("a transaction");
        for number in 0..30 {
            send(&sender, topic, format!("{transaction}-{number}").as_bytes()).expect("a place in the queue");
        }
        // What is not sent yet would not be sent if the transaction is aborted.
        sender.flush(WAIT).expect("everything is delivered");
        if transaction % 3 == 2 {
            sender.abort_transaction(WAIT).expect("an abort");
        } else {
            sender.commit_transaction(WAIT).expect("a commit");
        }
    }
}

/// Commits a transaction of one record.
fn commit_one(bootstrap: &str, id: &str, topic: &str, value: &str) {
    let sender = transactional(bootstrap, id, &[]).expect("a producer");
    sender.begin_transaction().expect("a transaction");
    send(&sender, topic, value.as_bytes()).expect("a place in the queue");
    sender.commit_transaction(WAIT).expect("a commit");
}

fn fence(bootstrap: &str, topic: &str) {
    let id = format!("fence-{topic}");
    let first = transactional(bootstrap, &id, &[]).expect("the first");
    first.begin_transaction().expect("a transaction");
    send(&first, topic, b"of the first").expect("a place in the queue");
    first.flush(WAIT).expect("it is delivered");
    commit_one(bootstrap, &id, topic, "of the second");
    match first.commit_transaction(WAIT) {
        Err(KafkaError::Transaction(error)) if error.is_fatal() && error.code() == RDKafkaErrorCode::Fenced => {}
        other => panic!("the first is not fenced: {other:?}"),
    }
}

/// Leaves a transaction open, whose records must not hold back what follows for ever.
fn time_out(bootstrap: &str, topic: &str) {
    let timeout = [("transaction.timeout.ms", "3000")];
    let late = transactional(bootstrap, &format!("timeout-{topic}"), &timeout).expect("a producer");
    late.begin_transaction().expect("a transaction");
    send(&late, topic, b"left open").expect("a place in the queue");
    late.flush(WAIT).expect("it is delivered");
    commit_one(bootstrap, &format!("other-{topic}"), topic, "after the timeout");
    // The last of these records is read only after the first transaction has been ended.
    let values = read(bootstrap, topic, "read_committed", COMMITTED + 2);
    assert_eq!(values[COMMITTED..], ["of the second", "after the timeout"]);
    let committed = late.commit_transaction(WAIT);
    assert!(matches!(committed, Err(KafkaError::Transaction(_))), "it timed out, and the commit says {committed:?}");
}

/// The values from the beginning to the end of the partition, which must be so many; waits while there are less.
fn read(bootstrap: &str, topic: &str, isolation: &str, count: usize) -> Vec<String> {
    let settings = [
        ("group.id", "never-joined"),
        ("enable.auto.commit", "false"),
        ("isolation.level", isolation),
        ("enable.partition.eof", "true"),
    ];
    let consumer: BaseConsumer = config(bootstrap, &settings).create().expect("a consumer");
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(topic, 0, Offset::Beginning).expect("a partition");
    consumer.assign(&partitions).expect("an assignment");
    let (mut values, mut empty_polls, mut is_at_end) = (Vec::new(), 0, false);
    while values.len() < count || !is_at_end {
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                is_at_end = false;
                values.push(String::from_utf8(message.payload().expect("a value").to_vec()).expect("text"));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => is_at_end = true,
            Some(Err(error)) => panic!("{error}"),
            None => empty_polls += 1,
        }
        assert!(empty_polls < EMPTY_POLLS_MAX, "{} records instead of {count}", values.len());
    }
    assert_eq!(values.len(), count, "{isolation}");
    values
}
