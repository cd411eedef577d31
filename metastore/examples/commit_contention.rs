//! What commits of many agents to the same partitions cost, on a FoundationDB of its own:
//! `FDB_HOME=... cargo run --release -p alluvium-metastore --example commit_contention [seconds per row]`.
//!
//! Each agent has uploaded segments at a pace, each with a run in every partition, which is the worst case: every commit
//! conflicts with every other under way; or in every partition that it leads, which is the rule within a zone. It commits them in their order, one transaction at a time, with all that have
//! gathered meanwhile, as the gateway does. A segment's latency runs from its upload's end to its commit.

#![expect(clippy::print_stdout, reason = "a report for whoever runs it")]

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

const SECONDS_DEFAULT: u64 = 10;
/// Segments of one commit, and partitions times segments: as the gateway's pipeline bounds them.
const COMMIT_SEGMENTS_MAX: usize = 16;
const COMMIT_ROWS_MAX: usize = 4_000;
/// Uploads in flight of one agent: more segments than these cannot wait for their commit.
const WAITING_MAX: usize = 8;

/// How often an agent has a segment.
#[derive(Clone, Copy)]
enum Pace {
    /// So many a second: 4 is what the linger of 250 ms makes.
    PerSecond(u32),
    /// As many as it can commit.
    Saturated,
}

/// One row.
struct Setting {
    partitions: i32,
    /// Whether all agents write all partitions, or each its own.
    shared: bool,
    agents: u32,
    pace: Pace,
    time: Duration,
}

#[derive(Default)]
struct Done {
    commits: u64,
    /// Of each segment.
    latencies: Vec<Duration>,
    /// Attempts after the first.
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
            for pace in [Pace::PerSecond(4), Pace::PerSecond(20), Pace::Saturated] {
                let setting = Setting { partitions, shared, agents, pace, time: Duration::from_secs(seconds) };
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
        tasks.push(tokio::spawn(run(metastore, agent, written, setting.pace, setting.time)));
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
    let pace = match setting.pace {
        Pace::PerSecond(rate) => rate.to_string(),
        Pace::Saturated => "all it can".to_owned(),
    };
    let own = if setting.shared { "" } else { ", each its own" };
    let given_up = if all.gave_up == 0 { String::new() } else { format!(" ({} gave up)", all.gave_up) };
    println!(
        "| {}{own} | {} | {pace} | {:.0}{given_up} | {:.0} | {:.2} | {:.1} ms | {:.1} ms | {:.1} ms |",
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

/// One agent: its segments at their pace, its commits one after the other.
async fn run(metastore: Metastore, agent: u32, partitions: Vec<TopicPartition>, pace: Pace, time: Duration) -> Done {
    let mut done = Done::default();
    let retries = |metastore: &Metastore| metastore.db.metrics().retries.load(Ordering::Relaxed);
    let retries_before = retries(&metastore);
    let mut uploads = Uploads::new(agent, partitions, pace, Instant::now() + time).await;
    while let Some(segments) = uploads.gathered().await {
        let (since, commits): (Vec<_>, Vec<_>) = segments.into_iter().unzip();
        match metastore.log.commit(&commits, SystemClock.now(), &CommitLimits::default()).await {
            Ok(_) => done.commits += 1,
            Err(_) => done.gave_up += 1,
        }
        done.latencies.extend(since.iter().map(Instant::elapsed));
    }
    done.retries = retries(&metastore) - retries_before;
    done
}

/// The segments of one agent as their uploads end.
struct Uploads {
    agent: u32,
    partitions: Vec<TopicPartition>,
    until: Instant,
    ticks: Option<tokio::time::Interval>,
    waiting: VecDeque<Instant>,
    count: u64,
}

impl Uploads {
    async fn new(agent: u32, partitions: Vec<TopicPartition>, pace: Pace, until: Instant) -> Self {
        let ticks = match pace {
            Pace::Saturated => None,
            Pace::PerSecond(rate) => {
                let period = Duration::from_secs(1) / rate;
                // Agents know nothing of each other's clocks.
                tokio::time::sleep(period.mul_f64(f64::from(agent * 7 % 10) / 10.0)).await;
                let mut ticks = interval(period);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
                Some(ticks)
            }
        };
        Self { agent, partitions, until, ticks, waiting: VecDeque::new(), count: 0 }
    }

    /// What the next commit takes; nothing once the time is up.
    async fn gathered(&mut self) -> Option<Vec<(Instant, SegmentCommit)>> {
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
