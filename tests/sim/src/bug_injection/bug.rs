//! The bugs that can be injected.

use std::time::Duration;

use crate::plan::{NemesisPlan, NodePlan, Plan};

/// Commits that the metastore loses, per mille.
const LOST_PER_MILLE: u16 = 50;
/// Commits whose result is unknown to the process, per mille, so that batches are sent again.
const UNKNOWN_PER_MILLE: u16 = 300;
/// The name of the machine that becomes a zombie.
const ZOMBIE: &str = "agent 0";

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
    /// One agent's heartbeats are not written, and it reads its leases from memory: a coordinator without its fence,
    /// which the others consider dead.
    Zombie,
}

impl Bug {
    /// Changes `plan` so that the bug shows, and switches the nemesis off except for what the bug needs.
    pub fn apply(self, plan: &mut Plan) {
        plan.nemesis = NemesisPlan::none(plan.nemesis.pause_max);
        plan.compactor.interval = Duration::from_secs(600);
        match self {
            Self::None | Self::OldHeads | Self::HiddenExtents => {}
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
    }

    /// How long a run has to be to show the bug.
    #[must_use]
    pub fn duration(self) -> Duration {
        if self == Self::Zombie { Duration::from_secs(90) } else { Duration::from_secs(20) }
    }

    /// Whether the machine called `name` has the bug.
    #[must_use]
    pub fn affects(self, name: &str) -> bool {
        self != Self::Zombie || name == ZOMBIE
    }
}

fn other(nodes: &[NodePlan], name: &str) -> NodePlan {
    NodePlan {
        name: name.to_owned(),
        zone: nodes.first().and_then(|node| node.zone.clone()),
        serves: true,
        compacts: false,
    }
}
