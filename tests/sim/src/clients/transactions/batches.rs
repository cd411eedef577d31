//! The batches of a transaction: sent in rounds, at most one to each partition in a round, and again until all of them
//! are acknowledged.

use std::time::Duration;

use alluvium_client::{Connection, Pending, TopicLayout};
use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use alluvium_wire::ErrorCode;
use alluvium_wire::batch::{BatchBuilder, Compression};
use alluvium_wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::super::values;
use super::session::{Failed, Session};
use crate::history::{Acked, AgentAddress, ConnectionNumber, EventKind, Retried, SendId, Sent, TxnId, ValueId};

/// Error codes that say that the batch was not written, and never will be.
const REFUSED: &[ErrorCode] = &[
    ErrorCode::PRODUCER_FENCED,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::INVALID_PRODUCER_ID_MAPPING,
    ErrorCode::INVALID_TXN_STATE,
    ErrorCode::TRANSACTION_ABORTABLE,
];

/// A connection for batches.
pub struct Line {
    connection: Connection,
    number: ConnectionNumber,
    agent: AgentAddress,
}

/// A batch that is not acknowledged yet.
struct Outgoing {
    topic: TopicLayout,
    partition: i32,
    name: TopicPartition,
    send: SendId,
    values: Vec<ValueId>,
    bytes: Bytes,
    attempts: u32,
}

/// What an answer means for its batch.
enum Answer {
    Acked(Option<Offset>),
    /// This attempt had no effect, and no other would have.
    Refused,
    Open,
}

impl Session<'_> {
    /// Writes one batch to each of `places`, which are all different, and waits until all are acknowledged.
    pub async fn write(&mut self, places: Vec<(TopicLayout, i32)>) -> Result<(), Failed> {
        let txn = self.open().ok_or(Failed)?;
        let deadline = Instant::now() + self.plan.delivery_timeout;
        let mut waiting = Vec::new();
        for (topic, partition) in places {
            self.join(&topic, partition, deadline).await?;
            waiting.push(self.batch(topic, partition)?);
        }
        loop {
            let is_refused = self.round(txn, &mut waiting).await;
            if waiting.is_empty() {
                return if is_refused { Err(Failed) } else { Ok(()) };
            }
            if is_refused || Instant::now() >= deadline {
                for batch in waiting.iter().filter(|batch| batch.attempts > 0) {
                    self.record(EventKind::SendUnknown(batch.send));
                }
                return Err(Failed);
            }
            self.client.think(Duration::from_millis(50), Duration::from_secs(1)).await;
        }
    }

    /// Makes the partition part of the transaction.
    async fn join(&mut self, topic: &TopicLayout, partition: i32, deadline: Instant) -> Result<(), Failed> {
        let name = TopicPartition::new(TopicId(topic.id), PartitionIndex(partition));
        while !self.added.contains(&name) {
            match self.transactions.add_partition(&topic.name, partition).await {
                Ok(()) => {
                    self.added.insert(name);
                }
                Err(error) if error.code().is_some_and(|code| REFUSED.contains(&code)) => return Err(Failed),
                Err(_) if Instant::now() >= deadline => return Err(Failed),
                Err(_) => self.client.think(Duration::from_millis(50), Duration::from_secs(1)).await,
            }
        }
        Ok(())
    }

    fn batch(&mut self, topic: TopicLayout, partition: i32) -> Result<Outgoing, Failed> {
        let (id, epoch) = self.transactions.producer().ok_or(Failed)?;
        let rng = &self.client.rng;
        let name = TopicPartition::new(TopicId(topic.id), PartitionIndex(partition));
        let sequence = self.sequences.entry(name).or_default();
        let compression = rng.choose(&[Compression::None, Compression::Lz4]);
        let mut builder = BatchBuilder::new(compression, 0).producer(id, epoch, *sequence).transactional();
        let values: Vec<ValueId> = (0..rng.count(1, 5)).map(|_| self.client.recorder.value()).collect();
        for (offset, value) in (0..).zip(&values) {
            let bytes = values::encode(*value, rng.count(0, 60));
            builder.push(offset, self.client.now_ms(), None, Some(&bytes), []).expect("a few small records fit");
        }
        *sequence = sequence.wrapping_add(i32::try_from(values.len()).unwrap_or(0)) & i32::MAX;
        let send = self.client.recorder.send();
        Ok(Outgoing { topic, partition, name, send, values, bytes: builder.finish(), attempts: 0 })
    }

    /// Sends all of `waiting`, and keeps what is not acknowledged. Whether any of them was refused.
    async fn round(&mut self, txn: TxnId, waiting: &mut Vec<Outgoing>) -> bool {
        let mut sent = Vec::new();
        for mut batch in std::mem::take(waiting) {
            let answer = self.send(txn, &mut batch).await;
            sent.push((batch, answer));
        }
        let mut is_refused = false;
        for (batch, answer) in sent {
            let answer = match answer {
                Some((address, pending)) => self.settle(&address, pending).await,
                None => Answer::Open,
            };
            match answer {
                Answer::Acked(base) => self.record(EventKind::Acked(Acked { send: batch.send, base })),
                Answer::Refused => {
                    is_refused = true;
                    self.record(EventKind::SendFailed(batch.send));
                }
                Answer::Open => waiting.push(batch),
            }
        }
        is_refused
    }

    async fn send(&mut self, txn: TxnId, batch: &mut Outgoing) -> Option<(String, Pending<ProduceResponse>)> {
        let address = self.leader(batch).await?;
        if !self.lines.contains_key(&address) {
            let Ok(connection) = self.transactions.connections().open_connection(&address).await else {
                self.transactions.connections().use_next_broker();
                return None;
            };
            let agent = AgentAddress::from(&*address);
            let line = Line { connection, number: self.client.recorder.connection(), agent };
            self.lines.insert(address.clone(), line);
        }
        let line = self.lines.get(&address)?;
        let (connection, agent) = (line.number, line.agent.clone());
        let producer = self.producer();
        let number = self.numbers.entry(batch.name).or_default();
        let event = if batch.attempts == 0 {
            EventKind::Sent(Sent {
                send: batch.send,
                partition: batch.name,
                number: *number,
                values: batch.values.clone(),
                producer,
                txn: Some(txn),
                connection,
                agent,
            })
        } else {
            EventKind::Retried(Retried { send: batch.send, connection, agent })
        };
        if batch.attempts == 0 {
            *number += batch.values.len() as u64;
        }
        batch.attempts += 1;
        self.client.recorder.record(self.client.actor, event);
        let request = request(&self.plan.id, batch, self.plan.request_timeout);
        match line.connection.send_up_to(self.plan.version.newest_produce(), &request).await {
            Ok(pending) => Some((address, pending)),
            Err(_) => {
                self.lines.remove(&address);
                None
            }
        }
    }

    /// The agent to send `batch` to: its leader, or any other, if the partition still exists.
    async fn leader(&mut self, batch: &mut Outgoing) -> Option<String> {
        if batch.attempts > 0 {
            let topic = self.transactions.connections().topic(&batch.topic.name).await.ok()?;
            if topic.id != batch.topic.id {
                return None;
            }
            batch.topic = topic;
        }
        let leader = batch.topic.leaders.get(usize::try_from(batch.partition).ok()?)?.clone();
        Some(if self.client.rng.chance(850) { leader } else { self.transactions.connections().current_address() })
    }

    async fn settle(&mut self, address: &str, pending: Pending<ProduceResponse>) -> Answer {
        let Ok(Ok(answer)) = timeout(self.plan.request_timeout, pending.response()).await else {
            self.lines.remove(address);
            return Answer::Open;
        };
        let Some(outcome) = answer.responses.into_iter().flat_map(|topic| topic.partition_responses).next() else {
            return Answer::Open;
        };
        match outcome.error_code {
            ErrorCode::NONE => Answer::Acked((outcome.base_offset >= 0).then_some(Offset(outcome.base_offset))),
            ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Answer::Acked(None),
            code if REFUSED.contains(&code) => Answer::Refused,
            _ => Answer::Open,
        }
    }
}

fn request(id: &str, batch: &Outgoing, timeout: Duration) -> ProduceRequest {
    let data = PartitionProduceData { index: batch.partition, records: Some(batch.bytes.clone()) };
    ProduceRequest {
        transactional_id: Some(id.to_owned()),
        acks: -1,
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        topic_data: vec![TopicProduceData {
            name: batch.topic.name.clone(),
            topic_id: batch.topic.id,
            partition_data: vec![data],
        }],
    }
}
