//! The event loop of the write path: the one task that owns its state. Events are applied one by one and synchronously;
//! their effects run as tasks of their own, whose results come back as events.

use std::pin::pin;
use std::sync::Arc;

use alluvium_metastore::kv::PendingObject;
use alluvium_metastore::producers::Producers;
use alluvium_model::producer::Window;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::commit::{Committed, Committer};
use super::open_segment::AppendReply;
use super::pending_acks::PendingAcks;
use super::segment_pipeline::{Effect, SealedSegment, SegmentPipeline};
use super::sequence::PartitionProducer;
use super::upload::{EncodedSegment, Uploaded, Uploader};
use super::write_path::AppendRequest;
use super::{AppendResult, ProduceError};
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use alluvium_runtime::Tasks;

/// Requests that join before the flush policy is applied again, so that requests already queued share a segment.
const JOINS_PER_FLUSH_CHECK_MAX: usize = 1_024;
/// Segments that are written and named and wait for the event loop: their uploads go on once there is room.
const NAMED_QUEUED_MAX: usize = 16;

/// The state of the write path, and what its effects need.
pub struct EventLoop {
    /// The state machine: which segments are open, uploading and committing.
    pub pipeline: SegmentPipeline<Uploaded>,
    /// Appends that wait for their results.
    pub pending_acks: PendingAcks,
    /// Uploads sealed segments.
    pub uploader: Arc<Uploader>,
    /// Commits uploaded segments.
    pub committer: Arc<Committer>,
    /// The windows of idempotent producers.
    pub producers: Producers,
    /// Brought up to a commit before the commit is acknowledged.
    pub metadata_cache: MetadataCache,
    /// Counts segments, uploads and commits.
    pub metrics: Metrics,
    /// The agent's tasks, which the tasks spawned here belong to.
    pub tasks: Tasks,
}

/// An effect that has ended.
enum Completion {
    /// An upload, with what its commit needs unless that was [`Event::Named`].
    Uploaded {
        number: u64,
        outcome: Result<Option<Uploaded>, ProduceError>,
    },
    Committed(Committed),
    Settled(Vec<(AppendReply, AppendResult)>),
    /// The window is `None` if it could not be read, or there is none.
    WindowRead(PartitionProducer, Option<Window>),
}

enum Event {
    Append(AppendRequest),
    /// No more appends will come.
    LastAppend,
    Completion(Completion),
    /// The segment with this number may be committed while it is uploaded.
    Named(u64, Uploaded),
    FlushDue,
    Drain,
}

/// Where events come from.
struct Sources {
    appends: mpsc::Receiver<AppendRequest>,
    appends_ended: bool,
    named: mpsc::Receiver<(u64, Uploaded)>,
    work: JoinSet<Completion>,
    cancel: CancellationToken,
    draining: bool,
}

impl EventLoop {
    /// Runs until `cancel`, and then until everything that was admitted has been answered.
    pub async fn run(mut self, appends: mpsc::Receiver<AppendRequest>, cancel: CancellationToken) {
        let (named_sender, named) = mpsc::channel(NAMED_QUEUED_MAX);
        let work = JoinSet::new();
        let mut sources = Sources { appends, appends_ended: false, named, work, cancel, draining: false };
        while !self.is_finished(&sources) {
            let flush_at = self.pipeline.flush_at(Instant::now());
            let event = sources.next(flush_at).await;
            self.apply(event, &mut sources);
            for _ in 0..JOINS_PER_FLUSH_CHECK_MAX {
                let Ok(append) = sources.appends.try_recv() else { break };
                self.apply(Event::Append(append), &mut sources);
            }
            for effect in self.pipeline.advance(Instant::now()) {
                self.perform(effect, &mut sources.work, &named_sender);
            }
        }
    }

    fn is_finished(&self, sources: &Sources) -> bool {
        sources.appends_ended && self.pipeline.is_empty() && sources.work.is_empty() && self.pending_acks.is_empty()
    }

    fn apply(&mut self, event: Event, sources: &mut Sources) {
        match event {
            Event::Append(AppendRequest { batches, permit, answer }) => {
                let id = self.pending_acks.open(batches.len(), answer, permit);
                self.pipeline.join(id, batches, Instant::now());
            }
            Event::LastAppend => {
                sources.appends_ended = true;
                self.pipeline.drain();
            }
            Event::Named(number, named) => self.pipeline.committable_from_now(number, named),
            Event::Completion(Completion::Uploaded { number, outcome }) => {
                let outcome = outcome.map(|uploaded| {
                    if let Some(uploaded) = uploaded {
                        self.pipeline.committable_from_now(number, uploaded);
                    }
                });
                self.pipeline.upload_ended(number, outcome, Instant::now());
            }
            Event::Completion(Completion::Committed(Committed { decided, outcome, results })) => {
                self.pipeline.committed(decided, outcome, Instant::now());
                sources.work.spawn(self.tasks.clone().within(settle(self.metadata_cache.clone(), results)));
            }
            Event::Completion(Completion::Settled(results)) => {
                for (reply, outcome) in results {
                    self.pending_acks.settle(reply, outcome);
                }
            }
            Event::Completion(Completion::WindowRead(producer, window)) => {
                if let Some(window) = window {
                    self.pipeline.window_read(producer, &window);
                }
            }
            Event::FlushDue => {}
            Event::Drain => {
                sources.draining = true;
                sources.appends.close();
                self.pipeline.drain();
            }
        }
    }

    fn perform(
        &mut self,
        effect: Effect<Uploaded>,
        work: &mut JoinSet<Completion>,
        named: &mpsc::Sender<(u64, Uploaded)>,
    ) {
        match effect {
            Effect::Upload(segment) => {
                self.metrics.sealed(segment.reason.label(), segment.contents.bytes, segment.contents.batches);
                let (uploader, metrics) = (Arc::clone(&self.uploader), self.metrics.clone());
                let beside = self.committer.log.takes_pending_objects().then(|| named.clone());
                work.spawn(self.tasks.clone().within(async move {
                    let (started, number) = (Instant::now(), segment.number);
                    let outcome = upload(&uploader, segment, beside).await;
                    metrics.uploaded(started.elapsed(), outcome.is_ok());
                    Completion::Uploaded { number, outcome }
                }));
            }
            Effect::Commit(parts) => {
                let (committer, metrics) = (Arc::clone(&self.committer), self.metrics.clone());
                work.spawn(self.tasks.clone().within(async move {
                    let started = Instant::now();
                    let committed = committer.commit(parts).await;
                    metrics.committed(started.elapsed());
                    Completion::Committed(committed)
                }));
            }
            Effect::Fail(replies, error) => {
                for reply in replies {
                    self.pending_acks.settle(reply, Err(error.clone()));
                }
            }
            Effect::ReadWindow(producer) => {
                let producers = self.producers.clone();
                work.spawn(self.tasks.clone().within(async move {
                    // If the metastore does not answer, the producer's next retry reads again.
                    let window = producers.window(producer.0, producer.1).await.ok().flatten();
                    Completion::WindowRead(producer, window)
                }));
            }
        }
    }
}

/// Uploads a segment; what its commit needs is sent to `beside` once only the disk is waited for, or else returned. So
/// an upload that fails for want of room is known before its commit, which then need not be undone on a full disk.
async fn upload(
    uploader: &Uploader,
    segment: SealedSegment,
    beside: Option<mpsc::Sender<(u64, Uploaded)>>,
) -> Result<Option<Uploaded>, ProduceError> {
    let EncodedSegment { key, parts, mut uploaded } = uploader.encode(segment.contents)?;
    let written = Arc::default();
    let mut put = pin!(uploader.upload(&key, parts, &written));
    let Some(beside) = beside else {
        put.await?;
        return Ok(Some(uploaded));
    };
    tokio::select! {
        biased;
        outcome = &mut put => return outcome.map(|()| Some(uploaded)),
        () = written.notified() => {}
    }
    let (pending, report) = PendingObject::new(key.clone(), uploaded.commit.bytes);
    uploaded.pending = Some(pending);
    // It fails only when the event loop has ended, by a panic.
    let _ = beside.send((segment.number, uploaded)).await;
    let outcome = put.await;
    report.report(outcome.is_ok());
    outcome.map(|()| None)
}

/// Brings the metadata cache up to the commit, so that a client can read here what is acknowledged to it.
async fn settle(metadata_cache: MetadataCache, results: Vec<(AppendReply, AppendResult)>) -> Completion {
    if let Err(error) = metadata_cache.sync().await {
        // The records are durable all the same, and the cache's own task will read up to them.
        tracing::warn!(%error, "acknowledging records before the metadata cache has read their commit");
    }
    Completion::Settled(results)
}

impl Sources {
    async fn next(&mut self, flush_at: Option<Instant>) -> Event {
        let flush_due = async {
            match flush_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some((number, named)) = self.named.recv() => Event::Named(number, named),
            Some(done) = self.work.join_next() => Event::Completion(finished(done)),
            () = self.cancel.cancelled(), if !self.draining => Event::Drain,
            () = flush_due => Event::FlushDue,
            append = self.appends.recv(), if !self.appends_ended => append.map_or(Event::LastAppend, Event::Append),
        }
    }
}

/// A panic in one of these tasks is our bug: it ends the event loop, and with it every pending append fails as
/// draining.
fn finished(done: Result<Completion, tokio::task::JoinError>) -> Completion {
    match done {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => unreachable!("work is never cancelled before it ends: {error}"),
        },
    }
}
