//! The counters and histograms of an agent.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::instruments::{Histograms, instruments};
use super::{HttpMetrics, PeerMetrics};

/// Which Kafka API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ApiLabel {
    /// The name of the API in Kafka's protocol, such as `Produce`.
    pub api: &'static str,
}

/// Which Kafka API, and how the request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The name of the API in Kafka's protocol, such as `Produce`.
    pub api: &'static str,
    /// Kafka's error code; 0 for none.
    pub error: i32,
}

/// Why a segment was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SealLabel {
    /// `bytes`, `partitions`, `rows`, `batches`, `flush` or `drain`.
    pub reason: &'static str,
}

instruments! {
    /// Counters and histograms of one agent. Clones share them; agents in one process each have their own.
    pub struct Metrics {
        /// Kafka requests answered, by API and the first error code in the answer (0 for none, -1 if the connection was closed instead)
        requests: Family<RequestLabels, Counter> = "requests", "requests" ["api", "error"];
        /// Latency of Kafka requests, from the last byte of a request to the first of its response
        request_seconds: Histograms<ApiLabel> = "request_seconds", "seconds" ["api"];
        /// Bytes of Kafka requests
        request_bytes: Counter = "request_bytes", "bytes" [];
        /// Bytes of Kafka responses
        response_bytes: Counter = "response_bytes", "bytes" [];
        /// Kafka connections closed because their clients did not take their answers while others waited for memory
        slow_readers: Counter = "slow_readers_closed", "connections" [];
        /// Times that this process stood still for 10 s or longer, after which Kafka connections are closed
        pauses: Counter = "pauses", "pauses" [];
        /// Kafka connections open
        connections: Gauge = "connections", "connections" [];
        /// Segments sealed, by reason: a limit of a segment, a flush, or the agent's drain
        segments: Family<SealLabel, Counter> = "segments", "segments" ["reason"];
        /// Bytes of batches in sealed segments, which is what producers sent
        segment_bytes: Counter = "segment_bytes", "bytes" [];
        /// Batches in sealed segments
        segment_batches: Counter = "segment_batches", "batches" [];
        /// Time from sealing a segment until its object is durable
        upload_seconds: Histogram = "upload_seconds", "seconds" [];
        /// Segments that could not be uploaded
        upload_failures: Counter = "upload_failures", "segments" [];
        /// Commit transactions of segments, each counted once however often it was retried
        commits: Counter = "log_commits", "transactions" [];
        /// Time to commit uploaded segments, retries included
        commit_seconds: Histogram = "commit_seconds", "seconds" [];
        /// Time to end a transaction that a producer asked to commit or to abort, waiting included
        transaction_end_seconds: Histogram = "transaction_end_seconds", "seconds" [];
        /// Ends of transactions that wait for the metastore transaction under way
        transaction_ends_waiting: Gauge = "transaction_ends_waiting", "transactions" [];
        /// Bytes of records fetched
        fetch_bytes: Counter = "fetch_bytes", "bytes" [];
        /// Fetches that waited for records
        fetch_waits: Counter = "fetch_waits", "fetches" [];
        /// Time that fetches of old records waited for a thread of low priority
        low_priority_wait: Histogram = "low_priority_wait_seconds", "seconds" [];
        /// Fetches, and reads over HTTP, that got no memory for 20 s and were answered without records
        fetches_without_memory: Counter = "fetches_without_memory", "fetches" [];
        /// Partitions that could not be fetched
        fetch_failures: Counter = "fetch_failures", "partitions" [];
        /// Runs of batches found in segments that this agent wrote lately
        recent_hits: Counter = "recent_hits", "runs" [];
        /// Blocks found in a block cache
        cache_hits: Counter = "cache_hits", "blocks" [];
        /// Blocks loaded into a block cache
        cache_misses: Counter = "cache_misses", "blocks" [];
        /// Metadata responses that were sent as they had been encoded for an earlier request
        metadata_hits: Counter = "metadata_hits", "responses" [];
        /// Pieces of history files decoded
        history_decodes: Counter = "history_decodes", "pieces" [];
    }
    sets {
        /// Counters and histograms of the HTTP listener.
        http: HttpMetrics;
        /// Counters of blocks that agents send each other.
        peers: PeerMetrics;
    }
}

impl Metrics {
    /// Counts a Kafka request that was answered with `error` (0 for none).
    pub fn request(&self, api: &'static str, error: i16, took: Duration) {
        self.requests.get_or_create(&RequestLabels { api, error: error.into() }).inc();
        self.request_seconds.get_or_create(&ApiLabel { api }).observe(took.as_secs_f64());
    }

    /// Counts a sealed segment.
    pub fn sealed(&self, reason: &'static str, bytes: usize, batches: usize) {
        self.segments.get_or_create(&SealLabel { reason }).inc();
        self.segment_bytes.inc_by(bytes as u64);
        self.segment_batches.inc_by(batches as u64);
    }

    /// Counts an upload that ended.
    pub fn uploaded(&self, took: Duration, durable: bool) {
        self.upload_seconds.observe(took.as_secs_f64());
        if !durable {
            self.upload_failures.inc();
        }
    }

    /// Counts a commit that ended.
    pub fn committed(&self, took: Duration) {
        self.commits.inc();
        self.commit_seconds.observe(took.as_secs_f64());
    }
}
