//! One attempt's commit on its way to the committer.

use tokio::sync::oneshot;

use super::{Version, read_set::ReadSet, watches::PendingWatch};
use crate::kv::{Error, Mutation, PendingObject};

/// An attempt to be committed. One without mutations only asks that the store be usable.
pub(super) struct Submission {
    /// The version of the attempt's snapshot; `None` if it read nothing that must be unchanged.
    pub read_at: Option<Version>,
    /// The keys and ranges that must be unchanged since `read_at`.
    pub reads: ReadSet,
    /// The writes in their order.
    pub mutations: Vec<Mutation>,
    /// Bytes of the mutations and the read set.
    pub bytes: usize,
    /// The objects that must be durable for the attempt to be committed.
    pub objects: Vec<PendingObject>,
    /// Armed once the attempt is committed.
    pub watches: Vec<PendingWatch>,
    /// Receives the result of the commit.
    pub answer: oneshot::Sender<Result<(), Error>>,
}

/// Where the attempt waits for its commit's result.
pub(super) type Answer = oneshot::Receiver<Result<(), Error>>;

impl Submission {
    /// Asks only that the store be usable: it is recovered first if that was requested.
    pub fn empty() -> (Self, Answer) {
        let (answer, answered) = oneshot::channel();
        let (reads, mutations, objects, watches) = (ReadSet::default(), Vec::new(), Vec::new(), Vec::new());
        (Self { read_at: None, reads, mutations, bytes: 0, objects, watches, answer }, answered)
    }

    /// Sends the result to the attempt.
    pub fn answer(self, result: Result<(), Error>) {
        // An error only means that the attempt no longer waits.
        let _ = self.answer.send(result);
    }
}
