//! Transactions: both generations of requests, valid and invalid.
//!
//! Kafka ends a transaction in the background; until it has, requests are told to come back. So each step waits until
//! Kafka is done with the one before.

use alluvium_wire::{
    ErrorCode,
    messages::{
        add_offsets_to_txn::AddOffsetsToTxnRequest,
        add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic},
        describe_transactions::DescribeTransactionsRequest,
        end_txn::EndTxnRequest,
        find_coordinator::FindCoordinatorRequest,
        init_producer_id::InitProducerIdRequest,
        list_transactions::ListTransactionsRequest,
        produce::ProduceRequest,
        txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
};

use crate::{
    batches::{builder, filled, produce, topic},
    comparison::{Intended, MORE_WORDS, compare, intended},
    side::Side,
};

const NO_WAITING: Intended = intended("taken over", "Kafka aborts what is open first, and lets the client ask again");

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn transactions_are_refused_as_in_kafka() {
    compare(refused, &[]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn transactions_of_version_1_are_as_in_kafka() {
    compare(version_1, &[MORE_WORDS, NO_WAITING]).await;
}

#[tokio::test]
#[ignore = "needs ALLUVIUM_TEST_KAFKA, an Apache Kafka to compare with; the client matrix runs it"]
async fn transactions_of_version_2_are_as_in_kafka() {
    compare(version_2, &[MORE_WORDS]).await;
}

/// A transactional producer of one topic.
struct Writer {
    id: String,
    topic: String,
    producer_id: i64,
    producer_epoch: i16,
}

fn init(id: &str) -> InitProducerIdRequest {
    InitProducerIdRequest {
        transactional_id: Some(id.to_owned()),
        transaction_timeout_ms: 60_000,
        ..Default::default()
    }
}

impl Writer {
    /// Creates the topic, and takes a new id as soon as there is a coordinator.
    async fn new(side: &Side, name: &str) -> Self {
        side.topic(name, 2, &[]).await;
        let id = side.name(&format!("{name}-writer"));
        let find = FindCoordinatorRequest { key_type: 1, coordinator_keys: vec![id.clone()], ..Default::default() };
        side.until(&find, |answer| answer.coordinators[0].error_code.is_none()).await;
        let found = side.until(&init(&id), |answer| answer.error_code.is_none()).await;
        Self { id, topic: side.name(name), producer_id: found.producer_id, producer_epoch: found.producer_epoch }
    }

    fn add(&self, partitions: &[i32]) -> AddPartitionsToTxnRequest {
        AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.id.clone(),
            v3_and_below_producer_id: self.producer_id,
            v3_and_below_producer_epoch: self.producer_epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: self.topic.clone(),
                partitions: partitions.to_vec(),
            }],
            ..Default::default()
        }
    }

    fn add_group(&self, group: &str) -> AddOffsetsToTxnRequest {
        AddOffsetsToTxnRequest {
            transactional_id: self.id.clone(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            group_id: group.to_owned(),
        }
    }

    fn commit_offset(&self, group: &str) -> TxnOffsetCommitRequest {
        let partition =
            TxnOffsetCommitRequestPartition { partition_index: 0, committed_offset: 3, ..Default::default() };
        TxnOffsetCommitRequest {
            transactional_id: self.id.clone(),
            group_id: group.to_owned(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            topics: vec![TxnOffsetCommitRequestTopic { name: self.topic.clone(), partitions: vec![partition] }],
            ..Default::default()
        }
    }

    fn write(&self, sequence: i32, partition: i32) -> ProduceRequest {
        let batch = builder().producer(self.producer_id, self.producer_epoch, sequence).transactional();
        let records = filled(batch, &["v"]);
        let request = produce(vec![topic(&self.topic, uuid::Uuid::nil(), &[(partition, Some(records))])]);
        ProduceRequest { acks: -1, transactional_id: Some(self.id.clone()), ..request }
    }

    fn end(&self, committed: bool) -> EndTxnRequest {
        EndTxnRequest {
            transactional_id: self.id.clone(),
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            committed,
        }
    }

    /// Waits until nothing is being ended.
    async fn settle(&self, side: &Side) {
        let describe = DescribeTransactionsRequest { transactional_ids: vec![self.id.clone()] };
        let is_settled = |state: &str| !state.starts_with("Prepare");
        side.until(&describe, |answer| is_settled(&answer.transaction_states[0].transaction_state)).await;
    }
}

async fn refused(side: &mut Side) {
    let writer = Writer::new(side, "refused").await;
    for transaction_timeout_ms in [0, -1, 900_001] {
        let request = InitProducerIdRequest { transaction_timeout_ms, ..init(&writer.id) };
        side.all(&format!("a timeout of {transaction_timeout_ms} ms"), &request).await;
    }
    let unknown = Writer { id: side.name("unknown"), topic: writer.topic.clone(), ..writer };
    let other = Writer { id: writer.id.clone(), topic: writer.topic.clone(), producer_id: 1 << 40, producer_epoch: 0 };
    let old = Writer { id: writer.id.clone(), topic: writer.topic.clone(), producer_epoch: 7, ..writer };
    for (case, by) in [("unknown id", &unknown), ("other producer", &other), ("other epoch", &old)] {
        for version in 0..=3 {
            side.at(&format!("{case} adds"), version, &by.add(&[0])).await;
        }
        side.all(&format!("{case} adds a group"), &by.add_group("group")).await;
        for version in 0..=4 {
            side.at(&format!("{case} ends"), version, &by.end(true)).await;
        }
    }
    for version in 0..=3 {
        // One alone: Kafka answers several in the order of a hash map.
        side.at("an unknown partition", version, &writer.add(&[9])).await;
        side.at("nothing to commit", version, &writer.end(true)).await;
        side.at("nothing to abort", version, &writer.end(false)).await;
    }
    let filters = ListTransactionsRequest { state_filters: vec!["Nowhere".to_owned()], ..Default::default() };
    side.part("an unknown state", &filters, |answer| answer.transaction_states.clear()).await;
    let absent = DescribeTransactionsRequest { transactional_ids: vec![side.name("absent"), String::new()] };
    side.all("transactions that are not there", &absent).await;
}

async fn version_1(side: &mut Side) {
    let writer = Writer::new(side, "first").await;
    let mut sequence = 0;
    for (case, committed) in [("committed", true), ("aborted", false)] {
        for version in 0..=3 {
            side.at(&format!("{case}: add"), version, &writer.add(&[0, 1])).await;
            side.at(&format!("{case}: add again"), version, &writer.add(&[1])).await;
            side.at(&format!("{case}: write"), 9, &writer.write(sequence, 0)).await;
            side.at(&format!("{case}: write twice"), 9, &writer.write(sequence, 0)).await;
            sequence += 1;
            side.at(&format!("{case}: end"), version, &writer.end(committed)).await;
            writer.settle(side).await;
            side.at(&format!("{case}: end again"), version, &writer.end(committed)).await;
            side.at(&format!("{case}: end otherwise"), version, &writer.end(!committed)).await;
        }
    }
    side.at("offsets: group", 3, &writer.add_group("group")).await;
    side.at("offsets: commit", 2, &writer.commit_offset("group")).await;
    side.at("offsets: end", 3, &writer.end(true)).await;
    writer.settle(side).await;
    side.at("open", 3, &writer.add(&[0])).await;
    side.at("taken over", 4, &init(&writer.id)).await;
    side.until(&init(&writer.id), |answer| answer.error_code == ErrorCode::NONE).await;
    side.at("fenced: add", 3, &writer.add(&[0])).await;
    side.at("fenced: add, old version", 1, &writer.add(&[0])).await;
    side.at("fenced: write", 9, &writer.write(sequence, 0)).await;
    side.at("fenced: end", 3, &writer.end(true)).await;
    side.at("fenced: end, old version", 1, &writer.end(true)).await;
}

async fn version_2(side: &mut Side) {
    let mut writer = Writer::new(side, "second").await;
    for (case, committed) in [("committed", true), ("aborted", false)] {
        side.at(&format!("{case}: write"), 12, &writer.write(0, 0)).await;
        side.at(&format!("{case}: write elsewhere"), 12, &writer.write(0, 1)).await;
        side.at(&format!("{case}: offsets"), 5, &writer.commit_offset("group")).await;
        let ended = side.at(&format!("{case}: end"), 5, &writer.end(committed)).await;
        writer.settle(side).await;
        side.at(&format!("{case}: end again"), 5, &writer.end(committed)).await;
        side.at(&format!("{case}: end otherwise"), 5, &writer.end(!committed)).await;
        side.at(&format!("{case}: late"), 12, &writer.write(1, 0)).await;
        let ended = ended.expect("an answer");
        (writer.producer_id, writer.producer_epoch) = (ended.producer_id, ended.producer_epoch);
    }
    side.at("nothing to commit", 5, &writer.end(true)).await;
    side.at("nothing to abort", 5, &writer.end(false)).await;
}
