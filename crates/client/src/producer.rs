//! An idempotent producer of ready batches over one connection: several requests in flight, order kept across retries.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use alluvium_wire::{
    ErrorCode,
    batch::{BatchBuilder, Compression},
    messages::{
        init_producer_id::InitProducerIdRequest,
        produce::{PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData},
    },
};
use bytes::Bytes;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{ClientError, Connection, Pending, error::until_settled};

/// Between two attempts at what a broker refused for now.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// When a produce request counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// When it is written to the socket.
    None,
    /// When the leader has it.
    Leader,
    /// When it is durable.
    All,
}

/// How a producer behaves.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// When a request counts as done.
    pub acks: Acks,
    /// Requests in flight; up to 5 keep their order (KIP-98).
    pub in_flight_max: usize,
    /// Time until a batch that is refused again and again is given up.
    pub delivery_timeout: Duration,
}

/// A batch with its place in the log.
#[derive(Clone, Debug)]
pub struct Appended<T> {
    /// Partition.
    pub partition: i32,
    /// Offset of its first record; -1 with [`Acks::None`].
    pub base_offset: i64,
    /// What the caller gave with it.
    pub tag: T,
}

/// A producer to one topic over one connection. `T` is what callers want back with each acknowledgement.
pub struct IdempotentProducer<T> {
    connection: Connection,
    config: ProducerConfig,
    topic: (String, Uuid),
    id: i64,
    epoch: i16,
    sequences: HashMap<i32, i32>,
    in_flight: VecDeque<InFlight<T>>,
    /// Acknowledged and not yet returned: a call that fails leaves them to the next one that succeeds.
    acknowledged: Vec<Appended<T>>,
}

struct InFlight<T> {
    batches: Vec<Outbound<T>>,
    answer: Option<Pending<ProduceResponse>>,
}

struct Outbound<T> {
    partition: i32,
    bytes: Bytes,
    tag: T,
}

impl<T> IdempotentProducer<T> {
    /// Asks for a producer id; without acknowledgements there is nothing to be idempotent about.
    ///
    /// # Errors
    /// Where the broker gives none.
    pub async fn new(
        connection: Connection,
        topic: (String, Uuid),
        config: ProducerConfig,
    ) -> Result<Self, ClientError> {
        let (id, epoch) = if config.acks == Acks::All { producer_id(&connection).await? } else { (-1, -1) };
        let (sequences, in_flight, acknowledged) = (HashMap::new(), VecDeque::new(), Vec::new());
        Ok(Self { connection, config, topic, id, epoch, sequences, in_flight, acknowledged })
    }

    /// A batch to be filled for `partition`, with this producer's id and the next sequence number.
    #[must_use]
    pub fn batch(&self, partition: i32, compression: Compression) -> BatchBuilder {
        let builder = BatchBuilder::new(compression, 0);
        if self.id < 0 {
            return builder;
        }
        builder.producer(self.id, self.epoch, self.sequences.get(&partition).copied().unwrap_or(0))
    }

    /// Sends one request with `batches`, at most one of each partition, none empty. Answers what has been acknowledged
    /// meanwhile; waits for the oldest request where the window is full.
    ///
    /// # Errors
    /// Where a batch is refused for good, or for longer than the delivery timeout, or the connection is lost: then
    /// [`IdempotentProducer::resume`] goes on, and `batches` count as sent.
    pub async fn send(&mut self, batches: Vec<(i32, BatchBuilder, T)>) -> Result<Vec<Appended<T>>, ClientError> {
        let mut outbound = Vec::with_capacity(batches.len());
        for (partition, batch, tag) in batches {
            let next = self.sequences.entry(partition).or_default();
            *next = next.wrapping_add(batch.record_count()) & i32::MAX;
            outbound.push(Outbound { partition, bytes: batch.finish(), tag });
        }
        if self.config.acks == Acks::None {
            self.connection.send_unanswered(&self.request(&outbound)).await?;
            return Ok(outbound.into_iter().map(|batch| batch.appended(-1)).collect());
        }
        while self.in_flight.len() >= self.config.in_flight_max || self.is_sending_again() {
            if let Err(error) = self.settle().await {
                self.in_flight.push_back(InFlight { batches: outbound, answer: None });
                return Err(error);
            }
        }
        let sent = self.connection.send(&self.request(&outbound)).await;
        let (answer, outcome) = match sent {
            Ok(answer) => (Some(answer), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.in_flight.push_back(InFlight { batches: outbound, answer });
        outcome.map(|()| std::mem::take(&mut self.acknowledged))
    }

    /// Waits for everything in flight.
    ///
    /// # Errors
    /// As [`IdempotentProducer::send`].
    pub async fn flush(&mut self) -> Result<Vec<Appended<T>>, ClientError> {
        while !self.in_flight.is_empty() {
            self.settle().await?;
        }
        Ok(std::mem::take(&mut self.acknowledged))
    }

    /// Goes on over a new connection after the old one was lost: sends again, in order, what is not known to be
    /// acknowledged. The broker recognises what it has.
    ///
    /// # Errors
    /// As [`IdempotentProducer::send`].
    pub async fn resume(&mut self, connection: Connection) -> Result<Vec<Appended<T>>, ClientError> {
        self.connection = connection;
        self.in_flight.iter_mut().for_each(|request| request.answer = None);
        self.flush().await
    }

    /// Requests sent and not yet acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Waits until the oldest request is acknowledged, or until `until`; at once where none is in flight.
    ///
    /// # Errors
    /// As [`IdempotentProducer::send`].
    pub async fn settle_until(&mut self, until: Instant) -> Result<Vec<Appended<T>>, ClientError> {
        let Some(oldest) = self.in_flight.front_mut() else { return Ok(Vec::new()) };
        if let Some(answer) = &mut oldest.answer
            && tokio::time::timeout_at(until, answer.ready()).await.is_err()
        {
            return Ok(Vec::new());
        }
        self.settle().await?;
        Ok(std::mem::take(&mut self.acknowledged))
    }

    /// Whether a batch that was refused waits to be sent again. No new batch goes before it: a broker that does not know the
    /// producer takes any sequence for its first.
    fn is_sending_again(&self) -> bool {
        self.in_flight.front().is_some_and(|oldest| oldest.answer.is_none())
    }

    /// Takes the oldest request's answer; what was refused for now is sent again, with all that came after it.
    async fn settle(&mut self) -> Result<(), ClientError> {
        let mut refused = self.take_oldest().await?.batches;
        if refused.is_empty() {
            return Ok(());
        }
        let mut outcome = Ok(());
        while outcome.is_ok() && self.in_flight.front().is_some_and(|request| request.answer.is_some()) {
            match self.take_oldest().await {
                Ok(more) => refused.extend(more.batches),
                Err(error) => outcome = Err(error),
            }
        }
        // Also if the connection was lost meanwhile. One by one, so that each finds the one before it in the log.
        for batch in refused.into_iter().rev() {
            self.in_flight.push_front(InFlight { batches: vec![batch], answer: None });
        }
        outcome?;
        self.send_oldest_again().await
    }

    /// Notes what the oldest request's answer acknowledges, and returns what it refuses for now. A request without an answer
    /// to wait for is refused as a whole. It stays the oldest if the connection is lost.
    async fn take_oldest(&mut self) -> Result<Refused<T>, ClientError> {
        let Some(oldest) = self.in_flight.front_mut() else { return Ok(Refused { batches: Vec::new(), why: None }) };
        let answer = match oldest.answer.take() {
            Some(pending) => Some(pending.answer().await?),
            None => None,
        };
        let batches = self.in_flight.pop_front().map(|oldest| oldest.batches).unwrap_or_default();
        match answer {
            Some(answer) => sort_out(batches, answer, &mut self.acknowledged),
            None => Ok(Refused { batches, why: None }),
        }
    }

    /// Sends the oldest request alone, until it is taken.
    async fn send_oldest_again(&mut self) -> Result<(), ClientError> {
        let deadline = Instant::now() + self.config.delivery_timeout;
        loop {
            let Some(oldest) = self.in_flight.front() else { return Ok(()) };
            let request = self.request(&oldest.batches);
            let pending = self.connection.send(&request).await?;
            if let Some(oldest) = self.in_flight.front_mut() {
                oldest.answer = Some(pending);
            }
            let Refused { batches, why } = self.take_oldest().await?;
            if batches.is_empty() {
                return Ok(());
            }
            self.in_flight.push_front(InFlight { batches, answer: None });
            if Instant::now() >= deadline {
                return Err(why.unwrap_or_else(|| ClientError::Timeout(format!("producing to {}", self.topic.0))));
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    fn request(&self, batches: &[Outbound<T>]) -> ProduceRequest {
        let data =
            |batch: &Outbound<T>| PartitionProduceData { index: batch.partition, records: Some(batch.bytes.clone()) };
        let topic = TopicProduceData {
            name: self.topic.0.clone(),
            topic_id: self.topic.1,
            partition_data: batches.iter().map(data).collect(),
        };
        ProduceRequest {
            transactional_id: None,
            acks: match self.config.acks {
                Acks::None => 0,
                Acks::Leader => 1,
                Acks::All => -1,
            },
            timeout_ms: i32::try_from(self.config.delivery_timeout.as_millis()).unwrap_or(i32::MAX),
            topic_data: vec![topic],
        }
    }
}

/// Batches that were refused for now, and the last reason.
struct Refused<T> {
    batches: Vec<Outbound<T>>,
    why: Option<ClientError>,
}

impl<T> Outbound<T> {
    fn appended(self, base_offset: i64) -> Appended<T> {
        Appended { partition: self.partition, base_offset, tag: self.tag }
    }
}

async fn producer_id(connection: &Connection) -> Result<(i64, i16), ClientError> {
    let request = InitProducerIdRequest { transactional_id: None, ..InitProducerIdRequest::default() };
    until_settled(|| async {
        let answer = connection.call(&request).await?;
        ClientError::check("init producer id", answer.error_code, None)?;
        Ok((answer.producer_id, answer.producer_epoch))
    })
    .await
}

/// Adds what `answer` acknowledges to `acknowledged`, and returns what it refuses for now.
fn sort_out<T>(
    batches: Vec<Outbound<T>>,
    answer: ProduceResponse,
    acknowledged: &mut Vec<Appended<T>>,
) -> Result<Refused<T>, ClientError> {
    let outcomes: HashMap<i32, PartitionProduceResponse> = answer
        .responses
        .into_iter()
        .flat_map(|topic| topic.partition_responses)
        .map(|partition| (partition.index, partition))
        .collect();
    let mut refused = Refused { batches: Vec::new(), why: None };
    for batch in batches {
        let what = format!("producing to partition {}", batch.partition);
        let Some(outcome) = outcomes.get(&batch.partition) else {
            return Err(ClientError::Timeout(format!("{what}: the answer leaves it out")));
        };
        match outcome.error_code {
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => {
                acknowledged.push(batch.appended(outcome.base_offset));
            }
            code if ClientError::is_passing(code) => {
                refused.why = ClientError::check(what, code, outcome.error_message.as_deref()).err();
                refused.batches.push(batch);
            }
            code => ClientError::check(what, code, outcome.error_message.as_deref())?,
        }
    }
    Ok(refused)
}
