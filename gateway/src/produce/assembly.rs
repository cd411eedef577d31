//! Puts the write path together and starts its event loop.

use std::sync::Arc;

use alluvium_metastore::log::Log;
use alluvium_metastore::nodes::Session;
use alluvium_metastore::producers::Producers;
use alluvium_model::limits;
use alluvium_model::log::CommitLimits;
use alluvium_objects::Objects;
use alluvium_runtime::{Clock, Rng};
use tokio::time::Instant;

use super::Produce;
use super::commit::Committer;
use super::event_loop::EventLoop;
use super::flush_budget::FlushBudget;
use super::open_segment::SegmentLimits;
use super::pending_acks::PendingAcks;
use super::segment_pipeline::{COMMIT_SEGMENTS_MAX, PipelineLimits, SegmentPipeline};
use super::upload::Uploader;
use crate::config::AgentConfig;
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use crate::recent_segments::RecentSegments;
use alluvium_runtime::Tasks;

/// What the write path is handed.
pub struct ProduceParts {
    /// Commits segments.
    pub log: Log,
    /// The windows of idempotent producers.
    pub producers: Producers,
    /// Stores segments.
    pub objects: Objects,
    /// Brought up to a commit before the commit is acknowledged.
    pub metadata_cache: MetadataCache,
    /// Where fetches at the end of the log find batches.
    pub recent: RecentSegments,
    /// This agent's registration: its node id is part of each object's id.
    pub session: Session,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Random numbers.
    pub rng: Arc<dyn Rng>,
    /// Counts segments, uploads and commits.
    pub metrics: Metrics,
}

/// Starts the write path. Its task runs until it is cancelled and everything admitted has been answered.
#[must_use]
pub fn start(config: &AgentConfig, parts: ProduceParts, tasks: &Tasks) -> Produce {
    let ProduceParts { log, producers, objects, metadata_cache, recent, session, clock, rng, metrics } = parts;
    let (produce, appends) = Produce::new(config.unflushed_bytes_max);
    let budget = FlushBudget::new(config.linger, config.flush_burst, Instant::now());
    let event_loop = EventLoop {
        pipeline: SegmentPipeline::new(pipeline_limits(config), budget),
        pending_acks: PendingAcks::default(),
        uploader: Arc::new(Uploader { objects, session, clock: Arc::clone(&clock), rng }),
        committer: Arc::new(Committer { log, recent, clock, limits: commit_limits(config) }),
        producers,
        metadata_cache,
        metrics,
        tasks: tasks.clone(),
    };
    tasks.spawn("produce", event_loop.run(appends, tasks.cancelled()));
    produce
}

fn pipeline_limits(config: &AgentConfig) -> PipelineLimits {
    PipelineLimits {
        segment: SegmentLimits {
            bytes_max: config.segment_bytes_max,
            partitions_max: config.segment_partitions_max,
            ..SegmentLimits::default()
        },
        uploads_in_flight_max: config.uploads_in_flight_max.max(1),
        commit_rows_max: limits::COMMIT_ROWS_MAX,
        commit_batches_max: limits::COMMIT_BATCHES_MAX,
        commit_segments_max: COMMIT_SEGMENTS_MAX,
    }
}

fn commit_limits(config: &AgentConfig) -> CommitLimits {
    CommitLimits { age_max: config.commit_age_max, retire_grace: config.retire_grace, ..CommitLimits::default() }
}
