//! The results of jobs that run at once, in one stream: those of their batches as they are swapped in, and of their ends.

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;

use crate::rewrite::JobResult;

/// Jobs that run, and what they report.
pub(crate) struct JobResults<'a> {
    /// Runs the jobs, and yields what each returns.
    pub(crate) running: BoxStream<'a, JobResult>,
    /// What they report before.
    pub(crate) batches: mpsc::Receiver<JobResult>,
    /// What a job has returned that has ended: it follows its last batches, which may still be in the queue.
    pub(crate) ended: Option<JobResult>,
}

impl<'a> JobResults<'a> {
    /// The results, those of a job in their order, until all jobs have ended.
    pub(crate) fn into_stream(self) -> BoxStream<'a, JobResult> {
        stream::unfold(self, |mut results| async move { Some((results.next().await?, results)) }).boxed()
    }

    async fn next(&mut self) -> Option<JobResult> {
        loop {
            if let Ok(batch) = self.batches.try_recv() {
                return Some(batch);
            }
            if let Some(ended) = self.ended.take() {
                return Some(ended);
            }
            tokio::select! {
                biased;
                Some(batch) = self.batches.recv() => return Some(batch),
                ended = self.running.next() => self.ended = Some(ended?),
            }
        }
    }
}
