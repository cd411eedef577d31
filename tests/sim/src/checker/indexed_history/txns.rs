//! The index of one transaction: whether it committed.

use std::time::Duration;

use alluvium_model::{ProducerEpoch, ProducerId};

use crate::history::{Actor, Outcome};

/// Whether a transaction committed, as far as the history shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitStatus {
    /// Its commit was confirmed, or a read-committed reader saw one of its records after the commit was requested.
    Committed,
    /// Its commit was requested, and nothing shows the outcome.
    Unknown,
    /// Its commit was never requested, or was rejected: it is aborted or open.
    #[default]
    NotCommitted,
}

/// One transaction.
#[derive(Clone, Debug, Default)]
pub struct IndexedTxn {
    /// The client that writes it.
    pub actor: Actor,
    /// Producer id and epoch that write it, if it is known.
    pub producer: Option<(ProducerId, ProducerEpoch)>,
    /// Its sends: positions in `IndexedHistory::sends`.
    pub sends: Vec<usize>,
    /// Whether it committed.
    pub status: CommitStatus,
    /// Time and event of the first request to commit it: no read-committed reader may see it earlier.
    pub visible: Option<(Duration, usize)>,
    /// Time and event by which it was known to be committed.
    pub committed: Option<(Duration, usize)>,
    /// Time and event of the first request to abort it.
    pub aborting: Option<(Duration, usize)>,
    /// Time and event of the first rejected request to commit it: if none is left, it is aborted.
    pub refused: Option<(Duration, usize)>,
    /// Requests to commit it that were not rejected.
    open_commits: usize,
}

impl IndexedTxn {
    pub(super) fn ending(&mut self, commit: bool, at: Duration, event: usize) {
        let first = if commit { &mut self.visible } else { &mut self.aborting };
        first.get_or_insert((at, event));
        self.open_commits += usize::from(commit);
        self.update_status();
    }

    pub(super) fn ended(&mut self, commit: bool, outcome: Outcome, at: Duration, event: usize) {
        match (commit, outcome) {
            (true, Outcome::Done) => {
                self.committed.get_or_insert((at, event));
            }
            (true, Outcome::Refused) => {
                self.refused.get_or_insert((at, event));
                self.open_commits = self.open_commits.saturating_sub(1);
            }
            (true, Outcome::Unknown) | (false, _) => {}
        }
        self.update_status();
    }

    /// A read-committed reader saw it.
    pub(super) fn seen_committed(&mut self, at: Duration, event: usize) {
        if self.status == CommitStatus::Unknown && self.visible.is_some_and(|(asked, _)| asked <= at) {
            self.committed = Some((at, event));
            self.status = CommitStatus::Committed;
        }
    }

    fn update_status(&mut self) {
        self.status = match (self.committed, self.open_commits) {
            (Some(_), _) => CommitStatus::Committed,
            (None, 0) => CommitStatus::NotCommitted,
            (None, _) => CommitStatus::Unknown,
        };
    }
}
