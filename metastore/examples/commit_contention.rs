//! Measures commits of many agents to the same partitions, on a FoundationDB server of its own:
//! `FDB_HOME=... cargo run --release -p alluvium-metastore --example commit_contention [seconds per row]`.
//!
//! Each agent has segments to commit at a certain rate. Each segment has a run in every partition, which is the worst
//! case: every commit conflicts with every other one under way; or in every partition that the agent leads, which is
//! the rule within a zone. As the gateway does, the agent commits its segments in order, one transaction at a time,
//! each with all segments that are waiting by then. A segment's latency is measured from the end of its upload to its
//! commit.

#![expect(clippy::print_stdout, reason = "it prints a report")]

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use alluvium_fdb_server::{FdbServer, Storage, unique_prefix};
use alluvium_metastore::{
    Metastore, fixtures,
    kv::{Db, FdbEngine, FdbOptions},
};
use alluvium_model::{
    ObjectId, PartitionIndex, TopicPartition,
    log::{CommitLimits, SegmentCommit},
};
use alluvium_runtime::{Clock, SystemClock, SystemRng};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Seconds of one measurement, by default.
const SECONDS_DEFAULT: u64 = 10;
/// Segments of one commit: the gateway's limit.
const COMMIT_SEGMENTS_MAX: usize = 16;
/// Rows of one commit, two for each partition of a segment: the gateway's limit.
const COMMIT_ROWS_MAX: usize = 4_000;
/// Segments of one agent that wait for their commit: the gateway's limit of uploads in flight.
const WAITING_MAX: usize = 8;

/// The rate at which an agent has segments to commit.
#[derive(Clone, Copy)]
enum Rate {
    /// Segments per second: 4 is the rate that a linger of 250 ms gives.
    PerSecond(u32),
    /// As fast as it can commit them.
    Saturated,
}

/// The parameters of one measurement, a row of the report.
struct Setting {
    partitions: i32,
    /// Whether each agent writes all partitions, or only its own.
    shared: bool,
    agents: u32,
    rate: Rate,
    time: Duration,
}

#[derive(Default)]
struct Done {
    commits: u64,
    /// Latency of each committed segment.
    latencies: Vec<Duration>,
    /// Attempts of commits after their first.
    retries: u64,
    gave_up: u64,
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(SECONDS_DEFAULT);
    let server = FdbServer::start(Storage::Ssd);
    println!(
        "| partitions | agents | segments/s of each | commits/s | segments/s | attempts per commit | p50 | p99 | max |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (partitions, shared) in [(1, true), (10, true), (1_000, true), (1_000, false)] {
        for agents in [1, 3, 10] {
            for rate in [Rate::PerSecond(4), Rate::PerSecond(20), Rate::Saturated] {
                let setting = Setting { partitions, shared, agents, rate, time: Duration::from_secs(seconds) };
                measure(&server, &setting).await;
            }
        }
    }
}

async fn open(server: &FdbServer, prefix: &str) -> Metastore {
    let options =
        FdbOptions { cluster_file: Some(server.cluster_file()), prefix: prefix.as_bytes().to_vec(), library: None };
    let engine = FdbEngine::open(options).await.expect("the server answers");
    let db = Db::new(Arc::new(engine), Arc::new(SystemRng));
    Metastore::open(db, &SystemRng).await.expect("the metastore opens")
}

async fn measure(server: &FdbServer, setting: &Setting) {
    let prefix = unique_prefix();
    let topic = fixtures::topic(&open(server, &prefix).await, "hot", setting.partitions, SystemClock.now()).await;
    let partitions: Vec<_> =
        (0..setting.partitions).map(|n| TopicPartition::new(topic.id, PartitionIndex(n))).collect();
    let mut tasks = Vec::new();
    for agent in 0..setting.agents {
        let metastore = open(server, &prefix).await;
        let written = if setting.shared {
            partitions.clone()
        } else {
            partitions.iter().skip(agent as usize).step_by(setting.agents as usize).copied().collect()
        };
        tasks.push(tokio::spawn(run(metastore, agent, written, setting.rate, setting.time)));
    }
    let mut all = Done::default();
    for task in tasks {
        let done = task.await.expect("an agent does not panic");
        all.commits += done.commits;
        all.retries += done.retries;
        all.gave_up += done.gave_up;
        all.latencies.extend(done.latencies);
    }
    report(setting, all);
}

fn report(setting: &Setting, mut all: Done) {
    all.latencies.sort_unstable();
    let at = |share: f64| all.latencies[((all.latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    let rate = match setting.rate {
        Rate::PerSecond(rate) => rate.to_string(),
        Rate::Saturated => "all it can".to_owned(),
    };
    let own = if setting.shared { "" } else { ", each its own" };
    let given_up = if all.gave_up == 0 { String::new() } else { format!(" ({} gave up)", all.gave_up) };
    println!(
        "| {}{own} | {} | {rate} | {:.0}{given_up} | {:.0} | {:.2} | {:.1} ms | {:.1} ms | {:.1} ms |",
        setting.partitions,
        setting.agents,
        all.commits as f64 / setting.time.as_secs_f64(),
        all.latencies.len() as f64 / setting.time.as_secs_f64(),
        1.0 + all.retries as f64 / all.commits.max(1) as f64,
        at(0.5),
        at(0.99),
        at(1.0),
    );
}

/// Runs one agent: it commits its segments one transaction after the other.
async fn run(metastore: Metastore, agent: u32, partitions: Vec<TopicPartition>, rate: Rate, time: Duration) -> Done {
    let mut done = Done::default();
    let retries = |metastore: &Metastore| metastore.db.metrics().retries.load(Ordering::Relaxed);
    let retries_before = retries(&metastore);
    let mut uploads = Uploads::new(agent, partitions, rate, Instant::now() + time).await;
    while let Some(segments) = uploads.next_commit().await {
        let (since, commits): (Vec<_>, Vec<_>) = segments.into_iter().unzip();
        match metastore.log.commit(&commits, || SystemClock.now(), &CommitLimits::default()).await {
            Ok(_) => done.commits += 1,
            Err(_) => done.gave_up += 1,
        }
        done.latencies.extend(since.iter().map(Instant::elapsed));
    }
    done.retries = retries(&metastore) - retries_before;
    done
}

/// The uploaded segments of one agent.
struct Uploads {
    agent: u32,
    partitions: Vec<TopicPartition>,
    until: Instant,
    ticks: Option<tokio::time::Interval>,
    /// When the upload of each waiting segment ended.
    waiting: VecDeque<Instant>,
    count: u64,
}

impl Uploads {
    async fn new(agent: u32, partitions: Vec<TopicPartition>, rate: Rate, until: Instant) -> Self {
        let ticks = match rate {
            Rate::Saturated => None,
            Rate::PerSecond(rate) => {
                let period = Duration::from_secs(1) / rate;
                // Agents do not start at the same time.
                tokio::time::sleep(period.mul_f64(f64::from(agent * 7 % 10) / 10.0)).await;
                let mut ticks = interval(period);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                Some(ticks)
            }
        };
        Self { agent, partitions, until, ticks, waiting: VecDeque::new(), count: 0 }
    }

    /// The segments of the next commit; `None` once the time is over.
    async fn next_commit(&mut self) -> Option<Vec<(Instant, SegmentCommit)>> {
        match &mut self.ticks {
            None => self.waiting.resize(WAITING_MAX, Instant::now()),
            Some(ticks) => {
                if self.waiting.is_empty() {
                    self.waiting.push_back(ticks.tick().await);
                }
                while self.waiting.len() < WAITING_MAX
                    && let Some(tick) = futures::FutureExt::now_or_never(ticks.tick())
                {
                    self.waiting.push_back(tick);
                }
            }
        }
        if Instant::now() >= self.until {
            return None;
        }
        let rows = (COMMIT_ROWS_MAX / (2 * self.partitions.len())).max(1);
        let count = self.waiting.len().min(COMMIT_SEGMENTS_MAX).min(rows);
        let since: Vec<_> = self.waiting.drain(..count).collect();
        Some(since.into_iter().map(|since| (since, self.segment())).collect())
    }

    fn segment(&mut self) -> SegmentCommit {
        let now = SystemClock.now();
        self.count += 1;
        let object = ObjectId::new(now, self.agent + 1, self.count);
        SegmentCommit { object, ..fixtures::segment(&self.partitions, self.count, now) }
    }
}
