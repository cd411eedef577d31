//! An idempotent producer of finished batches over one connection: several requests in flight, order kept across
//! retries.

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

use crate::{ClientError, Connection, Pending, error::with_retries};

/// Pause before a batch is sent again after a retriable error.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// When a produce request counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// `acks=0`: when it is written to the socket.
    None,
    /// `acks=1`: when the leader has it.
    Leader,
    /// `acks=all`: when it is durable.
    All,
}

/// How a producer behaves.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    /// When a request counts as done.
    pub acks: Acks,
    /// Requests in flight; up to 5 keep their order (KIP-98).
    pub in_flight_max: usize,
    /// `delivery.timeout.ms`: time for which a batch is retried after retriable errors.
    pub delivery_timeout: Duration,
}

/// An acknowledged batch and its offset.
#[derive(Clone, Debug)]
pub struct Appended<T> {
    /// Index of the partition.
    pub partition: i32,
    /// Offset of its first record; -1 with [`Acks::None`].
    pub base_offset: i64,
    /// The value that the caller passed with the batch.
    pub tag: T,
}

/// A producer to one topic over one connection. `T` is what callers want back with each acknowledgement.
pub struct IdempotentProducer<T> {
    connection: Connection,
    config: ProducerConfig,
    topic: (String, Uuid),
    id: i64,
    epoch: i16,
    /// The next sequence number of each partition.
    sequences: HashMap<i32, i32>,
    /// Requests sent and not yet acknowledged, oldest first.
    in_flight: VecDeque<InFlight<T>>,
    /// Acknowledged and not yet returned: a call that fails leaves them to the next one that succeeds.
    acknowledged: Vec<Appended<T>>,
}

struct InFlight<T> {
    batches: Vec<UnackedBatch<T>>,
    /// `None` if the request must be sent again.
    response: Option<Pending<ProduceResponse>>,
}

struct UnackedBatch<T> {
    partition: i32,
    bytes: Bytes,
    tag: T,
}

impl<T> IdempotentProducer<T> {
    /// Requests a producer id; only [`Acks::All`] is idempotent, so the others need none.
    ///
    /// # Errors
    /// If the broker returns none.
    pub async fn new(
        connection: Connection,
        topic: (String, Uuid),
        config: ProducerConfig,
    ) -> Result<Self, ClientError> {
        let (id, epoch) = if config.acks == Acks::All { producer_id(&connection).await? } else { (-1, -1) };
        let (sequences, in_flight, acknowledged) = (HashMap::new(), VecDeque::new(), Vec::new());
        Ok(Self { connection, config, topic, id, epoch, sequences, in_flight, acknowledged })
    }

    /// An empty batch for `partition`, with this producer's id and the next sequence number.
    #[must_use]
    pub fn batch(&self, partition: i32, compression: Compression) -> BatchBuilder {
        let builder = BatchBuilder::new(compression, 0);
        if self.id < 0 {
            return builder;
        }
        builder.producer(self.id, self.epoch, self.sequences.get(&partition).copied().unwrap_or(0))
    }

    /// Sends one request with `batches`, at most one of each partition, none empty. Returns the batches that were
    /// acknowledged meanwhile. Waits for the oldest request if `in_flight_max` requests are in flight.
    ///
    /// # Errors
    /// If a batch fails with an error that is not retriable, or for longer than the delivery timeout, or the connection
    /// is lost: then [`IdempotentProducer::resume`] goes on, and `batches` count as sent.
    pub async fn send(&mut self, batches: Vec<(i32, BatchBuilder, T)>) -> Result<Vec<Appended<T>>, ClientError> {
        let mut unacked = Vec::with_capacity(batches.len());
        for (partition, batch, tag) in batches {
            let next = self.sequences.entry(partition).or_default();
            *next = next.wrapping_add(batch.record_count()) & i32::MAX;
            unacked.push(UnackedBatch { partition, bytes: batch.finish(), tag });
        }
        if self.config.acks == Acks::None {
            self.connection.send_without_response(&self.request(&unacked)).await?;
            return Ok(unacked.into_iter().map(|batch| batch.appended(-1)).collect());
        }
        while self.in_flight.len() >= self.config.in_flight_max || self.is_resending() {
            if let Err(error) = self.complete_oldest().await {
                self.in_flight.push_back(InFlight { batches: unacked, response: None });
                return Err(error);
            }
        }
        let sent = self.connection.send(&self.request(&unacked)).await;
        let (response, outcome) = match sent {
            Ok(response) => (Some(response), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.in_flight.push_back(InFlight { batches: unacked, response });
        outcome.map(|()| std::mem::take(&mut self.acknowledged))
    }

    /// Waits until every request in flight is acknowledged.
    ///
    /// # Errors
    /// As [`IdempotentProducer::send`].
    pub async fn flush(&mut self) -> Result<Vec<Appended<T>>, ClientError> {
        while !self.in_flight.is_empty() {
            self.complete_oldest().await?;
        }
        Ok(std::mem::take(&mut self.acknowledged))
    }

    /// Goes on over a new connection after the old one was lost: sends all batches again, in order, that are not known
    /// to be acknowledged. The broker recognises duplicates by their sequences.
    ///
    /// # Errors
    /// As [`IdempotentProducer::send`].
    pub async fn resume(&mut self, connection: Connection) -> Result<Vec<Appended<T>>, ClientError> {
        self.connection = connection;
        self.in_flight.iter_mut().for_each(|request| request.response = None);
        self.flush().await
    }

    /// Number of requests that were sent and not yet acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Waits for the response to the oldest request, at most until `deadline`; returns at once if none is in flight. If
    /// batches of it have a retriable error, they are sent again however long that takes, up to the delivery timeout.
    ///
    /// # Errors
    /// As [`IdempotentProducer::send`].
    pub async fn complete_oldest_until(&mut self, deadline: Instant) -> Result<Vec<Appended<T>>, ClientError> {
        let Some(oldest) = self.in_flight.front_mut() else { return Ok(std::mem::take(&mut self.acknowledged)) };
        if let Some(response) = &mut oldest.response
            && tokio::time::timeout_at(deadline, response.ready()).await.is_err()
        {
            return Ok(std::mem::take(&mut self.acknowledged));
        }
        self.complete_oldest().await?;
        Ok(std::mem::take(&mut self.acknowledged))
    }

    /// Whether a batch waits to be sent again. No new batch may overtake it: a broker without state for the producer
    /// accepts any first sequence.
    fn is_resending(&self) -> bool {
        self.in_flight.iter().any(|request| request.response.is_none())
    }

    /// Waits for the oldest request's response. Batches with a retriable error are sent again, with all that follow.
    async fn complete_oldest(&mut self) -> Result<(), ClientError> {
        let mut retriable = self.take_oldest().await?.batches;
        if retriable.is_empty() {
            return Ok(());
        }
        let mut outcome = Ok(());
        while outcome.is_ok() && self.in_flight.front().is_some_and(|request| request.response.is_some()) {
            match self.take_oldest().await {
                Ok(more) => retriable.extend(more.batches),
                Err(error) => outcome = Err(error),
            }
        }
        // Also if the connection was lost meanwhile. One request each, so that each batch follows its predecessor in
        // the log.
        for batch in retriable.into_iter().rev() {
            self.in_flight.push_front(InFlight { batches: vec![batch], response: None });
        }
        outcome?;
        self.resend_oldest().await
    }

    /// Takes the oldest request, adds its acknowledged batches to `acknowledged` and returns the retriable ones. All
    /// batches of a request without a pending response are retriable. If the connection is lost, the request stays the
    /// oldest.
    async fn take_oldest(&mut self) -> Result<Retriable<T>, ClientError> {
        let Some(oldest) = self.in_flight.front_mut() else {
            return Ok(Retriable::default());
        };
        let response = match oldest.response.take() {
            Some(pending) => Some(pending.response().await?),
            None => None,
        };
        let batches = self.in_flight.pop_front().map(|oldest| oldest.batches).unwrap_or_default();
        let Some(response) = response else { return Ok(Retriable { batches, ..Retriable::default() }) };
        let mut outcomes = split_by_outcome(batches, response, &mut self.acknowledged);
        let Some(fatal) = outcomes.fatal.take() else { return Ok(outcomes) };
        if !outcomes.batches.is_empty() {
            self.in_flight.push_front(InFlight { batches: outcomes.batches, response: None });
        }
        Err(fatal)
    }

    /// Sends the oldest request alone, until all its batches are acknowledged.
    async fn resend_oldest(&mut self) -> Result<(), ClientError> {
        let deadline = Instant::now() + self.config.delivery_timeout;
        loop {
            let Some(oldest) = self.in_flight.front() else { return Ok(()) };
            let request = self.request(&oldest.batches);
            let pending = self.connection.send(&request).await?;
            if let Some(oldest) = self.in_flight.front_mut() {
                oldest.response = Some(pending);
            }
            let Retriable { batches, last_error, fatal: _ } = self.take_oldest().await?;
            if batches.is_empty() {
                return Ok(());
            }
            self.in_flight.push_front(InFlight { batches, response: None });
            if Instant::now() >= deadline {
                return Err(
                    last_error.unwrap_or_else(|| ClientError::Timeout(format!("producing to {}", self.topic.0)))
                );
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    fn request(&self, batches: &[UnackedBatch<T>]) -> ProduceRequest {
        let data = |batch: &UnackedBatch<T>| PartitionProduceData {
            index: batch.partition,
            records: Some(batch.bytes.clone()),
        };
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

/// Batches with a retriable error, the last such error, and the first error that is not retriable.
struct Retriable<T> {
    batches: Vec<UnackedBatch<T>>,
    last_error: Option<ClientError>,
    fatal: Option<ClientError>,
}

impl<T> Default for Retriable<T> {
    fn default() -> Self {
        Self { batches: Vec::new(), last_error: None, fatal: None }
    }
}

impl<T> UnackedBatch<T> {
    fn appended(self, base_offset: i64) -> Appended<T> {
        Appended { partition: self.partition, base_offset, tag: self.tag }
    }
}

async fn producer_id(connection: &Connection) -> Result<(i64, i16), ClientError> {
    let request = InitProducerIdRequest { transactional_id: None, ..InitProducerIdRequest::default() };
    with_retries(|| async {
        let response = connection.call(&request).await?;
        ClientError::check("requesting a producer id", response.error_code, None)?;
        Ok((response.producer_id, response.producer_epoch))
    })
    .await
}

/// Adds the batches that `response` acknowledges to `acknowledged`, and returns the retriable ones.
fn split_by_outcome<T>(
    batches: Vec<UnackedBatch<T>>,
    response: ProduceResponse,
    acknowledged: &mut Vec<Appended<T>>,
) -> Retriable<T> {
    let responses: HashMap<i32, PartitionProduceResponse> = response
        .responses
        .into_iter()
        .flat_map(|topic| topic.partition_responses)
        .map(|partition| (partition.index, partition))
        .collect();
    let mut retriable = Retriable::default();
    for batch in batches {
        let what = format!("producing to partition {}", batch.partition);
        let Some(outcome) = responses.get(&batch.partition) else {
            let missing = ClientError::Timeout(format!("{what}: the response has no outcome for it"));
            retriable.fatal.get_or_insert(missing);
            continue;
        };
        match outcome.error_code {
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => {
                acknowledged.push(batch.appended(outcome.base_offset));
            }
            code if ClientError::is_retriable_code(code) => {
                retriable.last_error = ClientError::check(what, code, outcome.error_message.as_deref()).err();
                retriable.batches.push(batch);
            }
            code => {
                let error = ClientError::check(what, code, outcome.error_message.as_deref()).err();
                retriable.fatal = retriable.fatal.take().or(error);
            }
        }
    }
    retriable
}
