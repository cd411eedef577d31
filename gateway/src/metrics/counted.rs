//! What is counted as it happens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use super::{HttpMetrics, PeerMetrics};
use crate::produce::SealReason;

/// What all names begin with, and an underscore.
pub(super) const PREFIX: &str = "alluvium";

/// Which request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ApiLabel {
    /// Its name, as Kafka has it.
    pub api: &'static str,
}

/// Which request, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Its name, as Kafka has it.
    pub api: &'static str,
    /// Kafka's error code; 0 for none.
    pub error: i32,
}

/// Why a segment was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SealLabel {
    /// The reason.
    pub reason: &'static str,
}

/// Counters and histograms of one agent. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    /// Requests answered.
    pub requests: Family<RequestLabels, Counter>,
    /// From the last byte of a request to the first of its answer.
    pub request_seconds: Family<ApiLabel, Histogram, fn() -> Histogram>,
    /// Bytes of requests.
    pub request_bytes: Counter,
    /// Bytes of answers.
    pub response_bytes: Counter,
    /// Connections open.
    pub connections: Gauge,
    /// Segments sealed.
    pub segments: Family<SealLabel, Counter>,
    /// Bytes of batches in sealed segments: what was produced.
    pub segment_bytes: Counter,
    /// Batches in sealed segments.
    pub segment_batches: Counter,
    /// From sealing a segment to its object being durable.
    pub upload_seconds: Histogram,
    /// Uploads given up.
    pub upload_failures: Counter,
    /// Commit transactions (with their retries).
    pub commits: Counter,
    /// From an uploaded segment's turn to its commit being known.
    pub commit_seconds: Histogram,
    /// Bytes of records fetched.
    pub fetch_bytes: Counter,
    /// Fetches that had to wait for records.
    pub fetch_waits: Counter,
    /// Partitions of fetches that failed.
    pub fetch_failures: Counter,
    /// Runs of batches found among what this agent wrote lately.
    pub recent_hits: Counter,
    /// Blocks found in a block cache.
    pub cache_hits: Counter,
    /// Blocks loaded into a block cache.
    pub cache_misses: Counter,
    /// Pieces of history decoded.
    pub history_decodes: Counter,
    /// What HTTP counts.
    pub http: HttpMetrics,
    /// What goes from agent to agent.
    pub peers: PeerMetrics,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix(PREFIX))),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(latency),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            connections: Gauge::default(),
            segments: Family::default(),
            segment_bytes: Counter::default(),
            segment_batches: Counter::default(),
            upload_seconds: latency(),
            upload_failures: Counter::default(),
            commits: Counter::default(),
            commit_seconds: latency(),
            fetch_bytes: Counter::default(),
            fetch_waits: Counter::default(),
            fetch_failures: Counter::default(),
            recent_hits: Counter::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
            history_decodes: Counter::default(),
            http: HttpMetrics::default(),
            peers: PeerMetrics::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// A request was answered with `error` (0 for none).
    pub fn request(&self, api: &'static str, error: i16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { api, error: error.into() }).inc();
        self.request_seconds.get_or_create(&ApiLabel { api }).observe(took.as_secs_f64());
    }

    /// A segment was sealed.
    pub fn sealed(&self, reason: SealReason, bytes: usize, batches: usize) {
        let reason = match reason {
            SealReason::Bytes => "bytes",
            SealReason::Partitions => "partitions",
            SealReason::Rows => "rows",
            SealReason::Batches => "batches",
            SealReason::Flush => "flush",
            SealReason::Drain => "drain",
        };
        self.segments.get_or_create(&SealLabel { reason }).inc();
        self.segment_bytes.inc_by(bytes as u64);
        self.segment_batches.inc_by(batches as u64);
    }

    /// An upload ended.
    pub fn uploaded(&self, took: Duration, durable: bool) {
        self.upload_seconds.observe(took.as_secs_f64());
        if !durable {
            self.upload_failures.inc();
        }
    }

    /// A commit ended.
    pub fn committed(&self, took: Duration) {
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
    }

    /// Has `add` register more (groups, compactor).
    pub fn with_registry<T>(&self, add: impl FnOnce(&mut Registry) -> T) -> T {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Numbers that are asked for when they are wanted.
    pub fn collect(&self, collector: Box<dyn Collector>) {
        self.with_registry(|registry| registry.register_collector(collector));
    }

    fn register(&self) {
        self.with_registry(|registry| {
            registry.register("requests", "Requests answered", self.requests.clone());
            registry.register("request_seconds", "Latency of requests", self.request_seconds.clone());
            registry.register("request_bytes", "Bytes of requests", self.request_bytes.clone());
            registry.register("response_bytes", "Bytes of answers", self.response_bytes.clone());
            registry.register("connections", "Connections open", self.connections.clone());
            registry.register("segments", "Segments sealed, by reason", self.segments.clone());
            registry.register("segment_bytes", "Bytes of batches in segments", self.segment_bytes.clone());
            registry.register("segment_batches", "Batches in segments", self.segment_batches.clone());
            registry.register("upload_seconds", "Time to upload a segment", self.upload_seconds.clone());
            registry.register("upload_failures", "Segments not uploaded", self.upload_failures.clone());
            registry.register("log_commits", "Commit transactions of logs", self.commits.clone());
            registry.register("commit_seconds", "Time to commit segments", self.commit_seconds.clone());
            registry.register("fetch_bytes", "Bytes of records fetched", self.fetch_bytes.clone());
            registry.register("fetch_waits", "Fetches that waited for records", self.fetch_waits.clone());
            registry.register("fetch_failures", "Partitions that could not be fetched", self.fetch_failures.clone());
            registry.register("recent_hits", "Runs found in recent segments", self.recent_hits.clone());
            registry.register("cache_hits", "Blocks found in a cache", self.cache_hits.clone());
            registry.register("cache_misses", "Blocks loaded into a cache", self.cache_misses.clone());
            registry.register("history_decodes", "Pieces of history decoded", self.history_decodes.clone());
            self.http.register(registry);
            self.peers.register(registry);
        });
    }
}

/// From 0.5 ms to about 16 s.
pub(super) fn latency() -> Histogram {
    Histogram::new(exponential_buckets(0.000_5, 2.0, 16))
}
