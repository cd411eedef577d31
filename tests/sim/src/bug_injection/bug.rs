//! The bugs that can be injected.

use std::time::Duration;

use crate::history::Retention;
use crate::plan::{DERIVED, NemesisPlan, NodePlan, Plan, TransactionsPlan};

/// Commits that the metastore loses, per mille.
const LOST_PER_MILLE: u16 = 50;
/// Commits whose result is unknown to the process, per mille, so that batches are sent again.
const UNKNOWN_PER_MILLE: u16 = 300;
/// The name of the machine that becomes a zombie.
const ZOMBIE: &str = "agent 0";
/// The name of the machine that only compacts.
const COMPACTOR: &str = "compactor 0";

/// A bug that is injected into the system, so that the checker has something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// No bug: the plan is that of a run with one, and nothing must be found.
    None,
    /// The object store loses the object that each process puts with this number, and answers that it has it.
    LostPut(u64),
    /// The object store keeps deleted objects, and answers that they are gone.
    KeptObjects,
    /// The metastore loses some commits, and answers that they succeeded.
    LostCommits,
    /// The metastore detects no conflicts: transactions are not serializable.
    LostConflicts,
    /// Commits read heads as they were before the last change: offsets are assigned twice.
    OldHeads,
    /// Commits see neither producer windows nor which producers are new: duplicate batches are appended.
    ForgottenWindows,
    /// Reads of the index leave some extents out.
    HiddenExtents,
    /// Some committed offsets of groups are not written.
    LostGroupOffsets,
    /// A transaction that takes extents away conflicts if anything was appended to the partition lately.
    StarvedSwaps,
    /// Compactors read an empty feed: they do not find what becomes ripe.
    BlindCompactors,
    /// Agents find extents slowly, one at a time, and only those that they have not in memory.
    SlowLookups,
    /// Some requests and commits of segments see the state of a transactional id as it was before its last change: who
    /// was fenced may write.
    StaleEpochs,
    /// Agents do not see which transactions have timed out.
    ForgottenTimeouts,
    /// The index of aborted transactions is not written.
    ForgottenAborts,
    /// The end of a transaction does not see the others that are open in its partitions.
    ForgottenOpenTransactions,
    /// The end of a transaction leaves one of its partitions out.
    TornEnds,
    /// Offsets of transactions are not written, or not all of them.
    LostPendingOffsets,
    /// Offsets of transactions are committed at once, and not with the transaction.
    EarlyOffsets,
    /// One agent's heartbeats are not written, and it reads its leases from memory: a coordinator without its fence,
    /// which the others consider dead.
    Zombie,
}

impl Bug {
    /// Changes `plan` so that the bug shows, and switches the nemesis off except for what the bug needs.
    pub fn apply(self, plan: &mut Plan) {
        plan.nemesis = NemesisPlan::none(plan.nemesis.pause_max);
        plan.transactions = None;
        plan.compactor.interval = Duration::from_secs(600);
        match self {
            Self::OldHeads | Self::HiddenExtents => {}
            Self::StaleEpochs
            | Self::ForgottenTimeouts
            | Self::ForgottenAborts
            | Self::ForgottenOpenTransactions
            | Self::TornEnds
            | Self::LostPendingOffsets
            | Self::EarlyOffsets => plan.transactions = Some(self.transactions()),
            Self::None | Self::StarvedSwaps | Self::BlindCompactors => keep_busy(plan),
            Self::SlowLookups => {
                keep_busy(plan);
                // An agent that starts has nothing in memory: it looks up what a consumer that is behind reads.
                plan.nemesis.crashes = true;
                plan.nemesis.pause_max = Duration::from_secs(1);
                plan.nodes.retain(|node| node.serves);
                plan.nodes.iter_mut().for_each(|node| node.compacts = false);
            }
            Self::LostPut(number) => plan.store.lose_put = Some(number),
            Self::KeptObjects => plan.store.keeps_deleted = true,
            Self::LostCommits => plan.metastore.lost_per_mille = LOST_PER_MILLE,
            Self::LostConflicts => plan.producers = plan.producers.max(4),
            Self::ForgottenWindows => {
                plan.nemesis.resets = true;
                plan.metastore.unknown_per_mille = UNKNOWN_PER_MILLE;
            }
            Self::LostGroupOffsets => {
                plan.groups = vec![2, 2];
                // Members that come and go ask for the committed offset.
                plan.nemesis.clients = true;
            }
            Self::Zombie => {
                plan.groups = vec![4, 4];
                plan.nodes.retain(|node| !node.serves || node.name == ZOMBIE);
                plan.nodes.push(other(&plan.nodes, "agent 1"));
                plan.nodes.push(other(&plan.nodes, "agent 2"));
                plan.nemesis.clients = true;
            }
        }
        if plan.transactions.is_none() {
            plan.topics.retain(|topic| topic.name != DERIVED);
        }
    }

    /// The transactional clients that show it.
    fn transactions(self) -> TransactionsPlan {
        let is_of_loops = matches!(self, Self::LostPendingOffsets | Self::EarlyOffsets);
        TransactionsPlan {
            names_topics: true,
            producers: if is_of_loops { 0 } else { 4 },
            ids: 2,
            loops: if is_of_loops { 2 } else { 0 },
            members: if is_of_loops { 2 } else { 0 },
            timeout_max: Duration::from_secs(5),
            committed_per_mille: 800,
        }
    }

    /// How long a run has to be to show the bug.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Zombie => 90,
            // The steady load that follows shows it.
            Self::StarvedSwaps | Self::BlindCompactors => 2,
            Self::SlowLookups => 10,
            _ => 20,
        })
    }

    /// Whether the machine called `name` has the bug.
    #[must_use]
    pub fn affects(self, name: &str) -> bool {
        match self {
            Self::Zombie => name == ZOMBIE,
            Self::BlindCompactors => name == COMPACTOR,
            Self::SlowLookups => name != COMPACTOR,
            _ => true,
        }
    }
}

/// Steady load on few partitions of which something expires all the time, and a machine that only compacts.
fn keep_busy(plan: &mut Plan) {
    plan.steady_load = true;
    (plan.producers, plan.readers, plan.administrators) = (2, 0, 0);
    plan.groups.clear();
    plan.topics.truncate(1);
    for topic in &mut plan.topics {
        topic.partitions = 1;
        topic.retention = Retention::Size;
        topic.configs = vec![("retention.bytes".to_owned(), "20000".to_owned())];
    }
    plan.compactor.interval = Duration::from_secs(2);
    plan.compactor.retention_check_interval = Duration::from_secs(2);
    plan.compactor.survey_interval = Duration::from_secs(3_600);
    plan.nodes.retain(|node| node.serves);
    plan.nodes.truncate(2);
    plan.nodes.iter_mut().for_each(|node| node.compacts = false);
    plan.nodes.push(NodePlan { serves: false, compacts: true, ..other(&plan.nodes, COMPACTOR) });
}

fn other(nodes: &[NodePlan], name: &str) -> NodePlan {
    NodePlan {
        name: name.to_owned(),
        zone: nodes.first().and_then(|node| node.zone.clone()),
        serves: true,
        compacts: false,
    }
}
