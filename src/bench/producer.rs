//! The producers: one task each, with its own connection, schedule and sequence numbers.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alluvium_client::{Acks, Appended, ClientError, Cluster, IdempotentProducer, ProducerConfig};
use alluvium_runtime::{Rng, SeededRng};
use alluvium_wire::batch::{BatchBuilder, Compression};
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};

use super::{
    load::Load,
    report::latency_histogram,
    schedule::Schedule,
    stamp::{STAMP_BYTES, Stamp},
};

/// Bytes of one produce request (the default of Kafka's `max.request.size`).
const REQUEST_BYTES_MAX: u64 = 1 << 20;
/// Time for which a batch is retried before it fails the run (the default of Kafka's `delivery.timeout.ms`).
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of one record on the wire beside its value.
const RECORD_OVERHEAD_BYTES: u64 = 12;

/// The result of one producer.
pub struct Produced {
    /// Number of records acknowledged, by (partition, producer).
    pub acknowledged: HashMap<(i32, u32), u64>,
    /// Time from when a record was due to its acknowledgement, in nanoseconds.
    pub latency: Histogram<u64>,
    /// When the last acknowledgement arrived.
    pub ended: Instant,
}

/// The due times of a batch's records (nanoseconds since the run began), each with the number of records due then.
type Due = Vec<(u64, u64)>;

struct Producer {
    load: Arc<Load>,
    number: u32,
    client: IdempotentProducer<Due>,
    schedule: Schedule,
    partitions: Vec<i32>,
    /// Counts batches, to pick the partition of the next one.
    turn: usize,
    /// Number of the next record of each partition, for its stamp.
    sequences: HashMap<i32, u64>,
    /// The value of the next record: filler, with its stamp written over the start.
    value: Vec<u8>,
    produced: Produced,
}

impl Load {
    /// Runs producer number `number` to the end of the load.
    pub async fn produce(self: Arc<Self>, cluster: Arc<Cluster>, number: u32) -> Result<Produced> {
        let acks = match self.options.acks.as_str() {
            "0" => Acks::None,
            "1" => Acks::Leader,
            _ => Acks::All,
        };
        let in_flight_max = self.options.in_flight as usize;
        let config = ProducerConfig { acks, in_flight_max, delivery_timeout: DELIVERY_TIMEOUT };
        let (address, partitions) = self.route()?;
        let connection = cluster.dial(&address).await?;
        let client = IdempotentProducer::new(connection, (self.topic.name.clone(), self.topic.id), config).await?;
        let bytes = usize::try_from(self.options.record_bytes.0)?.max(STAMP_BYTES);
        let producer = Producer {
            schedule: Schedule::new(self.options.rate, number, self.options.producers),
            turn: number as usize,
            value: filler(bytes, number),
            produced: Produced { acknowledged: HashMap::new(), latency: latency_histogram(), ended: self.began },
            sequences: HashMap::new(),
            load: self,
            number,
            client,
            partitions,
        };
        producer.run().await.map_err(Into::into)
    }

    /// The address that producers connect to, and the partitions that they write there.
    fn route(&self) -> Result<(String, Vec<i32>)> {
        let leaders = (0..).zip(&self.topic.leaders);
        if let Some(address) = &self.options.produce_to {
            return Ok((address.clone(), leaders.map(|(partition, _)| partition).collect()));
        }
        let address = self.topic.leaders.first().context("the topic has no partition")?;
        Ok((address.clone(), leaders.filter(|(_, leader)| *leader == address).map(|(p, _)| p).collect()))
    }
}

impl Producer {
    async fn run(mut self) -> Result<Produced, ClientError> {
        let end_ns = u64::try_from(self.load.options.duration.0.as_nanos()).unwrap_or(u64::MAX);
        let linger_ns = u64::try_from(self.load.options.batch_linger.0.as_nanos()).unwrap_or(u64::MAX);
        loop {
            let now = self.load.now_ns();
            if now >= end_ns {
                break;
            }
            let next = self.schedule.next_ns(now);
            let due = self.schedule.due(now);
            if due < self.records_per_request() && now < next.saturating_add(linger_ns) {
                self.wait(next.saturating_add(linger_ns).min(end_ns)).await?;
                continue;
            }
            let batches = self.fill(due);
            let acknowledged = self.client.send(batches).await?;
            self.record(acknowledged);
        }
        let acknowledged = self.client.flush().await?;
        self.record(acknowledged);
        Ok(self.produced)
    }

    /// Waits until `until_ns` (since the run began), or until the next acknowledgement.
    async fn wait(&mut self, until_ns: u64) -> Result<(), ClientError> {
        let until = self.load.began + Duration::from_nanos(until_ns);
        if self.client.in_flight() == 0 {
            sleep_until(until).await;
        } else {
            let acknowledged = self.client.complete_oldest_until(until).await?;
            self.record(acknowledged);
        }
        Ok(())
    }

    fn records_per_batch(&self) -> u64 {
        (self.load.options.batch_bytes.0 / (self.value.len() as u64 + RECORD_OVERHEAD_BYTES)).max(1)
    }

    fn batches_per_request(&self) -> u64 {
        (REQUEST_BYTES_MAX / self.load.options.batch_bytes.0.max(1)).clamp(1, self.partitions.len() as u64)
    }

    fn records_per_request(&self) -> u64 {
        self.records_per_batch() * self.batches_per_request()
    }

    /// Batches of up to `due` records in all, for the next partitions in turn.
    fn fill(&mut self, due: u64) -> Vec<(i32, BatchBuilder, Due)> {
        let mut left = due.min(self.records_per_request());
        let mut batches = Vec::new();
        while left > 0 {
            let partition = self.partitions[self.turn % self.partitions.len()];
            self.turn += 1;
            let count = left.min(self.records_per_batch());
            left -= count;
            batches.push(self.batch(partition, count));
        }
        batches
    }

    fn batch(&mut self, partition: i32, count: u64) -> (i32, BatchBuilder, Due) {
        let bytes = count.saturating_mul(self.value.len() as u64 + RECORD_OVERHEAD_BYTES);
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut builder = self.client.batch(partition, Compression::None).expecting(bytes);
        let mut due: Due = Vec::new();
        let now = self.load.now_ns();
        let sequence = self.sequences.entry(partition).or_default();
        for offset in (0..).take(usize::try_from(count).unwrap_or(usize::MAX)) {
            let intended_ns = self.schedule.take(now);
            Stamp { producer: self.number, sequence: *sequence, intended_ns, run: self.load.run }
                .write(&mut self.value);
            *sequence += 1;
            let timestamp = self.load.began_ms + i64::try_from(intended_ns / 1_000_000).unwrap_or(0);
            builder
                .push(offset, timestamp, None, Some(&self.value), [])
                .expect("a batch of the configured size is far below the format's limits");
            match due.last_mut() {
                Some((time, records)) if *time == intended_ns => *records += 1,
                _ => due.push((intended_ns, 1)),
            }
        }
        (partition, builder, due)
    }

    fn record(&mut self, acknowledged: Vec<Appended<Due>>) {
        let now = self.load.now_ns();
        for Appended { partition, tag, .. } in acknowledged {
            let mut records = 0;
            for (due, count) in tag {
                let latency_ns = now.saturating_sub(due);
                self.produced.latency.saturating_record_n(latency_ns, count);
                if let Some(intervals) = &self.load.intervals {
                    intervals.acknowledged(latency_ns, count, count * self.value.len() as u64);
                }
                records += count;
            }
            *self.produced.acknowledged.entry((partition, self.number)).or_default() += records;
            self.load.progress.acknowledged(records, records * self.value.len() as u64);
            self.produced.ended = Instant::now();
        }
    }
}

/// Incompressible bytes, the same for a producer in every run.
fn filler(bytes: usize, number: u32) -> Vec<u8> {
    let rng = SeededRng::new(number.into());
    std::iter::repeat_with(|| rng.next_u64().to_be_bytes()[0]).take(bytes).collect()
}
