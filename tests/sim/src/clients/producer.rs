//! A producer: sends batches to one partition after the other, with several requests in flight. Batches are retried in
//! order, as Kafka's client does; a producer that has to give a batch up goes on with a new producer id.
//!
//! Invariants: with a producer id every batch keeps its sequence numbers through all retries; without one nothing is
//! sent twice.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use alluvium_client::{Connection, ConnectionPool, Pending, TopicLayout};
use alluvium_model::{Offset, PartitionIndex, ProducerEpoch, ProducerId, TopicId, TopicPartition};
use alluvium_wire::ErrorCode;
use alluvium_wire::batch::{BatchBuilder, Compression};
use alluvium_wire::messages::init_producer_id::InitProducerIdRequest;
use alluvium_wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use bytes::Bytes;
use tokio::time::{Instant, timeout};

use super::{Client, values};
use crate::history::{Acked, AgentAddress, ConnectionNumber, EventKind, Retried, SendId, Sent, ValueId};

/// Error codes that say that nothing was written and nothing will be.
const WITHOUT_EFFECT: &[ErrorCode] = &[
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::UNKNOWN_TOPIC_ID,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::INVALID_RECORD,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::INVALID_TIMESTAMP,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
];

/// How a producer works.
#[derive(Clone, Debug)]
pub struct ProducerPlan {
    /// Whether it is idempotent.
    pub idempotent: bool,
    /// Requests in flight.
    pub in_flight_max: usize,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
    /// The longest time between two batches.
    pub think_max: Duration,
}

impl ProducerPlan {
    /// Draws a plan.
    #[must_use]
    pub fn draw(client: &Client) -> Self {
        let rng = &client.rng;
        Self {
            idempotent: rng.chance(750),
            in_flight_max: rng.count(1, 5),
            request_timeout: rng.time(Duration::from_secs(1), Duration::from_secs(30)),
            delivery_timeout: Duration::from_secs(rng.between(30, 120)),
            think_max: rng.time(Duration::from_millis(5), Duration::from_secs(3)),
        }
    }
}

/// Produces until it is stopped, and then until nothing is in flight.
pub async fn produce(client: Client, plan: ProducerPlan) {
    let routes = client.routes();
    let mut producer = Producer { client, plan, routes, numbers: BTreeMap::new(), identity: None };
    while !producer.client.stop.is_cancelled() {
        producer.turn().await;
    }
}

struct Producer {
    client: Client,
    plan: ProducerPlan,
    routes: ConnectionPool,
    /// Records sent to each partition.
    numbers: BTreeMap<TopicPartition, u64>,
    identity: Option<(i64, i16)>,
}

/// The batches for one partition during one turn.
struct Lane {
    topic: TopicLayout,
    partition: i32,
    name: TopicPartition,
    sequence: i32,
    connection: Option<LeaderConnection>,
    in_flight: VecDeque<InFlight>,
    /// Whether the topic was deleted and another has its name.
    is_gone: bool,
}

struct LeaderConnection {
    connection: Connection,
    number: ConnectionNumber,
    agent: AgentAddress,
}

struct InFlight {
    send: SendId,
    values: Vec<ValueId>,
    bytes: Bytes,
    attempts: u32,
    deadline: Instant,
    answer: Option<Pending<ProduceResponse>>,
}

/// What an answer means for its batch.
enum AnswerClass {
    Acked(Option<Offset>),
    Again,
    /// This attempt had no effect.
    Refused,
    /// No answer, or one that leaves open what happened.
    Open,
}

impl Producer {
    /// Some batches to one partition.
    async fn turn(&mut self) {
        let Some(mut lane) = self.lane().await else {
            self.client.think(Duration::from_millis(100), Duration::from_secs(2)).await;
            return;
        };
        for _ in 0..self.client.rng.count(1, 40) {
            if self.client.stop.is_cancelled() {
                break;
            }
            self.fill(&mut lane);
            if !self.work(&mut lane, self.plan.in_flight_max.saturating_sub(1)).await {
                return;
            }
            if self.client.rng.chance(500) {
                self.client.think(Duration::from_millis(1), self.plan.think_max).await;
            }
        }
        self.work(&mut lane, 0).await;
    }

    /// Draws a partition, and asks for a new producer id if the producer is idempotent.
    async fn lane(&mut self) -> Option<Lane> {
        let topic = self.routes.topic(&self.client.topic()).await.ok()?;
        self.identity = if self.plan.idempotent { Some(self.new_identity().await?) } else { None };
        let partition = i32::try_from(self.client.rng.count(0, topic.leaders.len() - 1)).ok()?;
        let name = TopicPartition::new(TopicId(topic.id), PartitionIndex(partition));
        Some(Lane { topic, partition, name, sequence: 0, connection: None, in_flight: VecDeque::new(), is_gone: false })
    }

    async fn new_identity(&mut self) -> Option<(i64, i16)> {
        let request = InitProducerIdRequest { transactional_id: None, ..InitProducerIdRequest::default() };
        let answer = self.routes.call_any(&request).await.ok()?;
        answer.error_code.is_none().then_some((answer.producer_id, answer.producer_epoch))
    }

    /// Adds one batch, which is not sent yet.
    fn fill(&mut self, lane: &mut Lane) {
        let rng = &self.client.rng;
        let compression = rng.choose(&[Compression::None, Compression::Lz4, Compression::Zstd]);
        let mut builder = BatchBuilder::new(compression, 0);
        if let Some((id, epoch)) = self.identity {
            builder = builder.producer(id, epoch, lane.sequence);
        }
        let values: Vec<ValueId> = (0..rng.count(1, 5)).map(|_| self.client.recorder.value()).collect();
        for (offset, value) in (0..).zip(&values) {
            let bytes = values::encode(*value, rng.count(0, 60));
            builder.push(offset, self.client.now_ms(), None, Some(&bytes), []).expect("a few small records fit");
        }
        let count = i32::try_from(values.len()).unwrap_or(0);
        lane.in_flight.push_back(InFlight {
            send: self.client.recorder.send(),
            values,
            bytes: builder.finish(),
            attempts: 0,
            deadline: Instant::now() + self.plan.delivery_timeout,
            answer: None,
        });
        lane.sequence = lane.sequence.wrapping_add(count) & i32::MAX;
    }

    /// Sends what is not sent, and waits until at most `left` batches are in flight. Returns whether the producer may
    /// go on with its producer id.
    async fn work(&mut self, lane: &mut Lane, left: usize) -> bool {
        loop {
            self.send_due(lane).await;
            if lane.in_flight.is_empty() || (lane.connection.is_some() && lane.in_flight.len() <= left) {
                return true;
            }
            if lane.is_gone || !self.settle_oldest(lane).await {
                self.give_up(lane);
                return false;
            }
        }
    }

    /// Sends everything that waits, in order; nothing if there is no connection.
    async fn send_due(&mut self, lane: &mut Lane) {
        if lane.connection.is_none() {
            lane.connection = self.connect(lane).await;
        }
        let Some(line) = &lane.connection else { return };
        for batch in lane.in_flight.iter_mut().filter(|batch| batch.answer.is_none()) {
            if batch.attempts > 0 && self.identity.is_none() {
                return;
            }
            let request = request(&lane.topic, lane.partition, &batch.bytes, self.plan.request_timeout);
            let number = self.numbers.entry(lane.name).or_default();
            let event = announced(batch, lane.name, self.identity, line, *number);
            self.client.recorder.record(self.client.actor, event);
            if batch.attempts == 0 {
                *number += batch.values.len() as u64;
            }
            batch.attempts += 1;
            match line.connection.send(&request).await {
                Ok(answer) => batch.answer = Some(answer),
                Err(_) => {
                    lane.connection = None;
                    return;
                }
            }
        }
    }

    async fn connect(&mut self, lane: &mut Lane) -> Option<LeaderConnection> {
        // The leader as metadata name it now.
        if let Ok(topic) = self.routes.topic(&lane.topic.name).await {
            lane.is_gone = topic.id != lane.topic.id;
            if lane.is_gone {
                return None;
            }
            lane.topic = topic;
        }
        let place = usize::try_from(lane.partition).unwrap_or(0);
        let leader = lane.topic.leaders.get(place)?.clone();
        let address = if self.client.rng.chance(850) { leader } else { self.routes.current_address() };
        match self.routes.open_connection(&address).await {
            Ok(connection) => {
                let agent = AgentAddress::from(&*address);
                Some(LeaderConnection { connection, number: self.client.recorder.connection(), agent })
            }
            Err(_) => {
                self.routes.use_next_broker();
                None
            }
        }
    }

    /// Waits for the oldest batch's answer. Returns whether the producer may go on with its producer id.
    async fn settle_oldest(&mut self, lane: &mut Lane) -> bool {
        let Some(oldest) = lane.in_flight.front_mut() else { return true };
        let verdict = match oldest.answer.take() {
            Some(answer) => {
                classify(timeout(self.plan.request_timeout, answer.response()).await.ok(), self.identity.is_some())
            }
            None if oldest.attempts > 0 && self.identity.is_none() => AnswerClass::Open,
            None => AnswerClass::Again,
        };
        match verdict {
            AnswerClass::Acked(base) => {
                let send = oldest.send;
                lane.in_flight.pop_front();
                self.client.recorder.record(self.client.actor, EventKind::Acked(Acked { send, base }));
                true
            }
            AnswerClass::Open => {
                lane.connection = None;
                self.try_again(lane).await
            }
            AnswerClass::Again => self.try_again(lane).await,
            AnswerClass::Refused => {
                if self.identity.is_some() {
                    return !self.is_replaced(lane).await && self.try_again(lane).await;
                }
                let send = oldest.send;
                lane.in_flight.pop_front();
                self.client.recorder.record(self.client.actor, EventKind::SendFailed(send));
                true
            }
        }
    }

    /// Whether another topic has the name by now: batches for the old one will never be accepted.
    async fn is_replaced(&mut self, lane: &Lane) -> bool {
        self.routes.topic(&lane.topic.name).await.is_ok_and(|topic| topic.id != lane.topic.id)
    }

    /// Prepares all batches for another attempt, after a pause. Returns false if there must not be another.
    async fn try_again(&mut self, lane: &mut Lane) -> bool {
        if self.identity.is_none() {
            return false;
        }
        if lane.in_flight.front().is_some_and(|oldest| Instant::now() >= oldest.deadline) {
            return false;
        }
        // Batches behind it must not overtake it. Their answers may be read first, or never.
        if lane.connection.is_some() && self.client.rng.chance(700) {
            for batch in lane.in_flight.iter_mut().skip(1) {
                if let Some(answer) = batch.answer.take() {
                    let ready = timeout(self.plan.request_timeout, answer.response()).await;
                    if ready.is_err() {
                        lane.connection = None;
                    }
                }
            }
        } else {
            lane.connection = None;
        }
        lane.in_flight.iter_mut().for_each(|batch| batch.answer = None);
        tokio::time::sleep(self.client.rng.time(Duration::from_millis(50), Duration::from_secs(1))).await;
        true
    }

    /// Gives up what is in flight: its outcome is unknown.
    fn give_up(&mut self, lane: &mut Lane) {
        for batch in lane.in_flight.drain(..).filter(|batch| batch.attempts > 0) {
            self.client.recorder.record(self.client.actor, EventKind::SendUnknown(batch.send));
        }
        lane.connection = None;
    }
}

fn classify(answer: Option<Result<ProduceResponse, alluvium_client::ClientError>>, is_idempotent: bool) -> AnswerClass {
    let Some(Ok(answer)) = answer else { return AnswerClass::Open };
    let outcome: Option<PartitionProduceResponse> =
        answer.responses.into_iter().flat_map(|topic| topic.partition_responses).next();
    let Some(outcome) = outcome else { return AnswerClass::Open };
    let base = (outcome.base_offset >= 0).then_some(Offset(outcome.base_offset));
    match outcome.error_code {
        ErrorCode::NONE => AnswerClass::Acked(base),
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => AnswerClass::Acked(None),
        // The old metadata is dropped with the connection.
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION | ErrorCode::UNKNOWN_TOPIC_ID if is_idempotent => AnswerClass::Open,
        code if WITHOUT_EFFECT.contains(&code) => AnswerClass::Refused,
        _ => AnswerClass::Again,
    }
}

fn announced(
    batch: &InFlight,
    partition: TopicPartition,
    identity: Option<(i64, i16)>,
    line: &LeaderConnection,
    number: u64,
) -> EventKind {
    let (connection, agent) = (line.number, line.agent.clone());
    if batch.attempts > 0 {
        return EventKind::Retried(Retried { send: batch.send, connection, agent });
    }
    EventKind::Sent(Sent {
        send: batch.send,
        partition,
        number,
        values: batch.values.clone(),
        producer: identity.map(|(id, epoch)| (ProducerId(id), ProducerEpoch(epoch))),
        txn: None,
        connection,
        agent,
    })
}

fn request(topic: &TopicLayout, partition: i32, bytes: &Bytes, timeout: Duration) -> ProduceRequest {
    let data = PartitionProduceData { index: partition, records: Some(bytes.clone()) };
    ProduceRequest {
        transactional_id: None,
        acks: -1,
        timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
        topic_data: vec![TopicProduceData { name: topic.name.clone(), topic_id: topic.id, partition_data: vec![data] }],
    }
}
