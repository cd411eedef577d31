//! One run: starts consumers, then producers, and makes the report from their results.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use alluvium_client::Cluster;
use alluvium_model::Timestamp;
use alluvium_runtime::{Clock, Rng, SystemClock, SystemRng};
use anyhow::{Context, Result, ensure};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{
    check::Verdict,
    consumer::{Acknowledged, Consumed, consume},
    intervals::Intervals,
    load::Load,
    options::BenchOptions,
    producer::Produced,
    progress::Progress,
    report::{Measured, Report, latency_histogram},
    usage::Usage,
};
use crate::output::print;

/// Runs the load that `options` describe and prints the report.
///
/// # Errors
/// If the target fails, or a record was lost, duplicated or out of order.
pub async fn bench(options: BenchOptions) -> Result<()> {
    ensure!(
        options.producers > 0 && options.in_flight > 0,
        "at least one producer and one request in flight are needed"
    );
    ensure!(options.partitions > 0, "--partitions {}: must be at least 1", options.partitions);
    ensure!(options.every.is_none_or(|length| !length.0.is_zero()), "--every 0s: must be longer");
    let json = options.json;
    let report = measure(options).await?;
    let text = if json { serde_json::to_string(&report)? } else { report.table().to_string() };
    print(&text)?;
    for example in &report.examples {
        tracing::error!("{example}");
    }
    ensure!(report.violations == 0, "{} records were lost, duplicated or out of order", report.violations);
    Ok(())
}

async fn measure(options: BenchOptions) -> Result<Report> {
    let (run, Timestamp(began_ms)) = (SystemRng.next_u64(), SystemClock.now());
    let cluster = Arc::new(Cluster::connect(&options.bootstrap, "alluvium-bench").await?);
    let name = options.topic.clone().unwrap_or_else(|| format!("bench-{run:x}"));
    let topic = cluster.create_topic(&name, options.partitions).await?;
    let positions = cluster.end_offsets(&topic).await?;
    let before = Usage::read(&options).await?;
    let load = Arc::new(Load {
        topic,
        run,
        began: Instant::now(),
        began_ms,
        progress: Arc::new(Progress::default()),
        intervals: options.every.map(|_| Intervals::default()),
        options,
    });
    let shown = tokio::spawn(show(load.clone()));
    let (totals, known) = watch::channel(None);
    let mut consumers = start_consumers(&load, &cluster, &positions, &known);
    let mut producers = start_producers(&load, &cluster);
    let produced = join_producers(&mut producers).await?;
    totals.send_replace(Some(produced.acknowledged.clone()));
    let consumed = join_consumers(&mut consumers).await?;
    let usage = Usage::read(&load.options).await?.since(before);
    shown.abort();
    let seconds = (produced.ended - load.began).as_secs_f64();
    Ok(Report::from(Measured {
        records: produced.acknowledged.values().sum(),
        bytes: load.progress.bytes(),
        seconds,
        produce: produced.latency,
        end_to_end: consumed.latency,
        verdict: consumed.verdict,
        usage,
    }))
}

/// Shows how far the run is, until the future is dropped: a line for each interval if asked for, else a bar.
async fn show(load: Arc<Load>) -> Result<()> {
    match (&load.intervals, &load.options.every) {
        (Some(intervals), Some(length)) => intervals.print_each(length.0, load.began).await,
        _ => {
            load.progress.draw(load.options.duration.0).await;
            Ok(())
        }
    }
}

fn start_producers(load: &Arc<Load>, cluster: &Arc<Cluster>) -> JoinSet<Result<Produced>> {
    let mut producers = JoinSet::new();
    for number in 0..load.options.producers {
        producers.spawn(load.clone().produce(cluster.clone(), number));
    }
    producers
}

fn start_consumers(
    load: &Arc<Load>,
    cluster: &Arc<Cluster>,
    positions: &BTreeMap<i32, i64>,
    totals: &watch::Receiver<Option<Acknowledged>>,
) -> JoinSet<Result<Consumed>> {
    let mut consumers = JoinSet::new();
    let count = (load.options.consumers as usize).min(positions.len());
    for number in 0..count {
        let assigned = positions.iter().skip(number).step_by(count).map(|(p, offset)| (*p, *offset)).collect();
        consumers.spawn(consume(load.clone(), cluster.clone(), assigned, totals.clone()));
    }
    consumers
}

async fn join_producers(producers: &mut JoinSet<Result<Produced>>) -> Result<Produced> {
    let mut all = Produced { acknowledged: HashMap::new(), latency: latency_histogram(), ended: Instant::now() };
    let mut ended = None;
    while let Some(produced) = producers.join_next().await {
        let produced = produced.context("a producer failed")??;
        all.acknowledged.extend(produced.acknowledged);
        all.latency.add(&produced.latency)?;
        ended = ended.max(Some(produced.ended));
    }
    all.ended = ended.unwrap_or(all.ended);
    Ok(all)
}

async fn join_consumers(consumers: &mut JoinSet<Result<Consumed>>) -> Result<Consumed> {
    let verdict = Verdict { read: 0, violations: 0, examples: Vec::new() };
    let mut all = Consumed { verdict, latency: latency_histogram() };
    while let Some(consumed) = consumers.join_next().await {
        let consumed = consumed.context("a consumer failed")??;
        all.latency.add(&consumed.latency)?;
        all.verdict.read += consumed.verdict.read;
        all.verdict.violations += consumed.verdict.violations;
        all.verdict.examples.extend(consumed.verdict.examples);
    }
    Ok(all)
}
