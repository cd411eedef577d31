//! What became of a transaction.

use std::time::Duration;

use crate::history::{Actor, Outcome};

/// What became of a transaction, as far as can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommitStatus {
    /// Its commit was confirmed, or one of its records was seen by a read-committed reader after the commit was asked for.
    Committed,
    /// Its commit was asked for, and nothing shows what came of it.
    Unknown,
    /// Its commit was never asked for, or refused: aborted or open.
    #[default]
    NotCommitted,
}

/// One transaction.
#[derive(Clone, Debug, Default)]
pub struct IndexedTxn {
    /// Whose it is.
    pub actor: Actor,
    /// Its sends: positions in `IndexedHistory::sends`.
    pub sends: Vec<usize>,
    /// What became of it.
    pub status: CommitStatus,
    /// When its commit was first asked for, and by which event: nobody may see it before.
    pub visible: Option<(Duration, usize)>,
    /// When it was known to be committed.
    pub committed: Option<(Duration, usize)>,
    /// When its abort was first asked for.
    pub aborting: Option<(Duration, usize)>,
    /// Commits asked for and not refused since.
    open_commits: usize,
}

impl IndexedTxn {
    pub(super) fn ending(&mut self, commit: bool, at: Duration, event: usize) {
        let first = if commit { &mut self.visible } else { &mut self.aborting };
        first.get_or_insert((at, event));
        self.open_commits += usize::from(commit);
        self.settle();
    }

    pub(super) fn ended(&mut self, commit: bool, outcome: Outcome, at: Duration, event: usize) {
        match (commit, outcome) {
            (true, Outcome::Done) => {
                self.committed.get_or_insert((at, event));
            }
            (true, Outcome::Refused) => self.open_commits = self.open_commits.saturating_sub(1),
            (true, Outcome::Unknown) | (false, _) => {}
        }
        self.settle();
    }

    /// A read-committed reader saw it.
    pub(super) fn seen_committed(&mut self, at: Duration, event: usize) {
        if self.status == CommitStatus::Unknown && self.visible.is_some_and(|(asked, _)| asked <= at) {
            self.committed = Some((at, event));
            self.status = CommitStatus::Committed;
        }
    }

    fn settle(&mut self) {
        self.status = match (self.committed, self.open_commits) {
            (Some(_), _) => CommitStatus::Committed,
            (None, 0) => CommitStatus::NotCommitted,
            (None, _) => CommitStatus::Unknown,
        };
    }
}
