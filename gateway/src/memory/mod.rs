//! One budget for the memory of answers, from before they are read until they are written to their sockets.
//!
//! Owns: how much may be held, by whom, and who waits (`ledger`, pure); the permits that go with the answers
//! (`budget`); how a client takes its answer (`taking`), and when it keeps others waiting for too long (`pace`, pure). Does not
//! own: the caches, whose bounds are their own, and produced bytes (`produce::backpressure`).
//!
//! Invariants: shares together never hold more than the budget, except for one answer that alone is larger, and for
//! what an answer turns out to take beyond its estimate, which later answers wait for; no share can take what another
//! one is guaranteed; within a share, who asked first is served first.

mod budget;
mod ledger;
mod pace;
mod taking;

pub use budget::{MemoryBudget, Permit};
pub use ledger::{Demand, SHARES, Share};
pub use pace::{CONTENDED_BYTES_PER_SECOND_MIN, Pace};
pub use taking::Taking;
