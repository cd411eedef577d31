//! Which bugs there are.

use std::time::Duration;

use crate::plan::{NemesisPlan, NodePlan, Plan};

/// Commits that a broken metastore loses.
const LOST_PER_MILLE: u16 = 50;
/// Commits whose result nobody is told, so that batches are sent again.
const UNKNOWN_PER_MILLE: u16 = 300;
/// The zombie among machines.
const ZOMBIE: &str = "agent 0";

/// SendOptions a system may be broken on purpose, so that the checker has something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Not at all.
    None,
    /// The store loses the so-manieth object that each process puts, and says that it has it.
    LostPut(u64),
    /// The store keeps what it was told to delete, and says that it is gone.
    KeptObjects,
    /// The metastore loses some commits, and says that they are done.
    LostCommits,
    /// The metastore sees no conflicts: transactions are not serializable.
    LostConflicts,
    /// Commits read heads as they were before the last change: offsets are given twice.
    OldHeads,
    /// Commits do not know which batches of a producer are there already.
    ForgottenWindows,
    /// Readers are not shown some extents.
    HiddenExtents,
    /// Some offsets of groups are not written.
    LostGroupOffsets,
    /// One agent beats for itself only and reads its leases from memory: a coordinator without its fence, whom the others
    /// take for gone.
    Zombie,
}

impl Bug {
    /// Makes `plan` one that shows it, and leaves it alone but for that.
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
                // Who comes and goes asks where to read on.
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

    /// Load and trouble for so long show it.
    #[must_use]
    pub fn duration(self) -> Duration {
        if self == Self::Zombie { Duration::from_secs(90) } else { Duration::from_secs(20) }
    }

    /// Whether the store of the machine called `name` is broken.
    #[must_use]
    pub fn strikes(self, name: &str) -> bool {
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
