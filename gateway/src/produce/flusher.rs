//! The one task that owns the write path's state: events in, applied one by one, effects out.

use std::sync::Arc;

use alluvium_metastore::producers::Producers;
use alluvium_model::producer::Window;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ProduceError;
use super::commit::{Committed, Committer};
use super::entry::AppendRequest;
use super::open_segment::{AppendReply, Sequenced};
use super::pending_acks::{Outcome, PendingAcks};
use super::pipeline::{Effect, Pipeline};
use super::upload::{Uploaded, Uploader};
use crate::metadata_cache::MetadataCache;
use crate::metrics::Metrics;
use alluvium_runtime::Tasks;

/// Requests that join in one turn before the flush policy is asked again: those that are there anyway share a segment.
const JOINS_PER_TURN_MAX: usize = 1_024;

/// The state of the write path and what its effects need.
pub struct Flusher {
    /// What is on its way.
    pub pipeline: Pipeline<Uploaded>,
    /// Who waits for it.
    pub pending_acks: PendingAcks,
    /// Uploads.
    pub uploader: Arc<Uploader>,
    /// Commits.
    pub committer: Arc<Committer>,
    /// Who has written what.
    pub producers: Producers,
    /// Made to see what was committed before it is acknowledged.
    pub metadata_cache: MetadataCache,
    /// Counts.
    pub metrics: Metrics,
    /// The agent's: what is spawned here is a part of it.
    pub tasks: Tasks,
}

/// Work that ended.
enum Done {
    Uploaded {
        number: u64,
        outcome: Result<Uploaded, ProduceError>,
    },
    Committed(Committed),
    Settled(Vec<(AppendReply, Outcome)>),
    /// `None`: it is not known.
    Asked(Sequenced, Option<Window>),
}

enum Event {
    Append(AppendRequest),
    /// No more appends will come.
    LastAppend,
    Done(Done),
    FlushDue,
    Drain,
}

/// What is still open to the task.
struct Sources {
    appends: mpsc::Receiver<AppendRequest>,
    appends_ended: bool,
    work: JoinSet<Done>,
    cancel: CancellationToken,
    draining: bool,
}

impl Flusher {
    /// Runs until `cancel`, and then until everything that was admitted has been answered.
    pub async fn run(mut self, appends: mpsc::Receiver<AppendRequest>, cancel: CancellationToken) {
        let mut sources = Sources { appends, appends_ended: false, work: JoinSet::new(), cancel, draining: false };
        while !self.is_finished(&sources) {
            let flush_at = self.pipeline.flush_at(Instant::now());
            let event = sources.next(flush_at).await;
            self.apply(event, &mut sources);
            for _ in 0..JOINS_PER_TURN_MAX {
                let Ok(append) = sources.appends.try_recv() else { break };
                self.apply(Event::Append(append), &mut sources);
            }
            for effect in self.pipeline.advance(Instant::now()) {
                self.perform(effect, &mut sources.work);
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
            Event::Done(Done::Uploaded { number, outcome }) => self.pipeline.uploaded(number, outcome, Instant::now()),
            Event::Done(Done::Committed(Committed { decided, outcome, answers })) => {
                self.pipeline.committed(decided, outcome, Instant::now());
                sources.work.spawn(self.tasks.clone().within(settle(self.metadata_cache.clone(), answers)));
            }
            Event::Done(Done::Settled(answers)) => {
                for (reply, outcome) in answers {
                    self.pending_acks.settle(reply, outcome);
                }
            }
            Event::Done(Done::Asked(producer, written)) => {
                if let Some(written) = written {
                    self.pipeline.written(producer, &written);
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

    fn perform(&mut self, effect: Effect<Uploaded>, work: &mut JoinSet<Done>) {
        match effect {
            Effect::Upload(segment) => {
                self.metrics.sealed(segment.reason, segment.contents.bytes, segment.contents.batches);
                let (uploader, metrics) = (Arc::clone(&self.uploader), self.metrics.clone());
                work.spawn(self.tasks.clone().within(async move {
                    let started = Instant::now();
                    let outcome = uploader.upload(segment.contents).await;
                    metrics.uploaded(started.elapsed(), outcome.is_ok());
                    Done::Uploaded { number: segment.number, outcome }
                }));
            }
            Effect::Commit(parts) => {
                let (committer, metrics) = (Arc::clone(&self.committer), self.metrics.clone());
                work.spawn(self.tasks.clone().within(async move {
                    let started = Instant::now();
                    let committed = committer.commit(parts).await;
                    metrics.committed(started.elapsed());
                    Done::Committed(committed)
                }));
            }
            Effect::Fail(replies, error) => {
                for reply in replies {
                    self.pending_acks.settle(reply, Err(error.clone()));
                }
            }
            Effect::Ask(producer) => {
                let producers = self.producers.clone();
                work.spawn(self.tasks.clone().within(async move {
                    // Where the metastore does not answer, the producer's next try asks again.
                    let written = producers.window(producer.0, producer.1).await.ok().flatten();
                    Done::Asked(producer, written)
                }));
            }
        }
    }
}

/// Brings the metadata_cache up to what was committed, so that whoever is acknowledged can read it here.
async fn settle(metadata_cache: MetadataCache, answers: Vec<(AppendReply, Outcome)>) -> Done {
    if let Err(error) = metadata_cache.sync().await {
        // The records are durable all the same, and the tail task will come to them.
        tracing::warn!(%error, "acknowledging before the metadata_cache has caught up");
    }
    Done::Settled(answers)
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
            Some(done) = self.work.join_next() => Event::Done(finished(done)),
            () = self.cancel.cancelled(), if !self.draining => Event::Drain,
            () = flush_due => Event::FlushDue,
            append = self.appends.recv(), if !self.appends_ended => append.map_or(Event::LastAppend, Event::Append),
        }
    }
}

/// A panic in a task of ours is a fault of ours: it takes the write path down, and who waits learns it by that.
fn finished(done: Result<Done, tokio::task::JoinError>) -> Done {
    match done {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => unreachable!("work is never cancelled before it ends: {error}"),
        },
    }
}
