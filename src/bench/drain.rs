//! The consuming side: each consumer reads its share of the partitions by long polls, checks every record and times it.

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
    report::latencies,
    stamp::Stamp,
};

/// Time for consumers to catch up after the last acknowledgement.
const CATCH_UP: Duration = Duration::from_secs(60);
/// Decompressed bytes of one batch: far above what the load sends.
const BATCH_BYTES_MAX: usize = 64 << 20;

/// Records acknowledged by (partition, producer): known when producing has ended.
pub type Acknowledged = HashMap<(i32, u32), u64>;

/// What one consumer found.
pub struct Consumed {
    pub verdict: Verdict,
    /// From the time a record was due to its arrival here, ns.
    pub latency: Histogram<u64>,
}

/// Reads `positions` until everything in `totals` (once it is known) has come.
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
    let (mut check, mut latency, mut deadline) = (Check::default(), latencies(), None);
    loop {
        for batch in reader.poll().await? {
            read(&load, &batch, &mut check, &mut latency)?;
        }
        if deadline.is_none()
            && let Some(all) = totals.borrow_and_update().as_ref()
        {
            mine = all.iter().filter(|((p, _), _)| positions.contains_key(p)).map(|(k, v)| (*k, *v)).collect();
            deadline = Some(Instant::now() + CATCH_UP);
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
    let (mut run, mut read) = (Run::default(), 0);
    for record in &fetched.batch.records(BATCH_BYTES_MAX)? {
        let record = record?;
        if record.offset < fetched.from {
            continue;
        }
        let Some(stamp) = record.value.and_then(Stamp::read).filter(|stamp| stamp.run == load.run) else { continue };
        check.record(fetched.partition, record.offset, &stamp);
        if stamp.intended_ns != run.intended_ns {
            run.end(now, latency);
            run = Run { intended_ns: stamp.intended_ns, records: 0 };
        }
        run.records += 1;
        read += 1;
    }
    run.end(now, latency);
    load.progress.consumed(read);
    Ok(())
}

/// Neighbours that were due at one time: timed together.
#[derive(Default)]
struct Run {
    intended_ns: u64,
    records: u64,
}

impl Run {
    fn end(&self, now: u64, latency: &mut Histogram<u64>) {
        if self.records > 0 {
            latency.saturating_record_n(now.saturating_sub(self.intended_ns), self.records);
        }
    }
}
