//! The consumers: each reads some of the partitions by long polls, checks every record and measures its latency.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use alluvium_client::{Cluster, FetchedBatch, PartitionReader, ReaderConfig};
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::{sync::watch, time::Instant};

use super::{
    check::{Check, Verdict},
    load::Load,
    report::latency_histogram,
    stamp::Stamp,
};

/// Time for consumers to catch up after the last acknowledgement.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);
/// Decompressed bytes of one batch: far more than the load sends.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Number of acknowledged records by (partition, producer).
pub type Acknowledged = HashMap<(i32, u32), u64>;

/// The result of one consumer.
pub struct Consumed {
    /// The result of its check.
    pub verdict: Verdict,
    /// Time from when a record was due to its arrival, in nanoseconds.
    pub latency: Histogram<u64>,
}

/// Reads from `positions` (partition to offset) until all records in `totals`, which is known once producing has ended,
/// were read.
pub async fn consume(
    load: Arc<Load>,
    cluster: Arc<Cluster>,
    positions: BTreeMap<i32, i64>,
    mut totals: watch::Receiver<Option<Acknowledged>>,
) -> Result<Consumed> {
    let leader = load.topic.leaders.first();
    let address = load.options.consume_from.as_ref().or(leader).context("the topic has no partition")?;
    let connection = cluster.dial(address).await?;
    let topic = (load.topic.name.clone(), load.topic.id);
    let mut mine: Acknowledged = HashMap::new();
    let mut reader = PartitionReader::new(connection, topic, positions.clone(), ReaderConfig::default());
    let (mut check, mut latency, mut deadline) = (Check::default(), latency_histogram(), None);
    loop {
        for batch in reader.poll().await? {
            read(&load, &batch, &mut check, &mut latency)?;
        }
        if deadline.is_none()
            && let Some(all) = totals.borrow_and_update().as_ref()
        {
            mine = all.iter().filter(|((p, _), _)| positions.contains_key(p)).map(|(k, v)| (*k, *v)).collect();
            deadline = Some(Instant::now() + CATCH_UP_TIMEOUT);
        }
        match deadline {
            Some(deadline) if check.has_reached(&mine) || Instant::now() > deadline => break,
            _ => {}
        }
    }
    Ok(Consumed { verdict: check.finish(&mine), latency })
}

fn read(load: &Load, fetched: &FetchedBatch, check: &mut Check, latency: &mut Histogram<u64>) -> Result<()> {
    fetched.batch.verify_crc()?;
    let now = load.now_ns();
    let (mut same, mut read) = (SameDueTime::default(), 0);
    for record in &fetched.batch.records(BATCH_BYTES_MAX)? {
        let record = record?;
        if record.offset < fetched.from {
            continue;
        }
        let Some(stamp) = record.value.and_then(Stamp::read).filter(|stamp| stamp.run == load.run) else { continue };
        check.record(fetched.partition, record.offset, &stamp);
        if stamp.intended_ns != same.intended_ns {
            same.record(load, now, latency);
            same = SameDueTime { intended_ns: stamp.intended_ns, records: 0 };
        }
        same.records += 1;
        read += 1;
    }
    same.record(load, now, latency);
    load.progress.consumed(read);
    Ok(())
}

/// Adjacent records that were due at the same time: their latency is recorded once.
#[derive(Default)]
struct SameDueTime {
    intended_ns: u64,
    records: u64,
}

impl SameDueTime {
    fn record(&self, load: &Load, now: u64, latency: &mut Histogram<u64>) {
        if self.records > 0 {
            let latency_ns = now.saturating_sub(self.intended_ns);
            latency.saturating_record_n(latency_ns, self.records);
            if let Some(intervals) = &load.intervals {
                intervals.read(latency_ns, self.records);
            }
        }
    }
}
