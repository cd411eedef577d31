//! The whole system in one process: real agents, compactors and clients in virtual time; one seed decides what fails
//! and when.
//!
//! Owns: the environment (network, stores, machines, clients) and the faults injected into it; the history of what
//! clients saw, and the invariants that it must satisfy. Does not own: any part of the system itself. Invariant: the
//! same seed gives the same history, event by event. `README.md` says how to use it.

/// As in the binary. A run allocates little at a time and often; glibc's allocator took a sixth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod bug_injection;
pub mod checker;
pub mod clients;
pub mod final_check;
pub mod history;
pub mod history_files;
pub mod nemesis;
pub mod network;
pub mod node;
pub mod panics;
pub mod peers;
pub mod plan;
pub mod recorder;
pub mod rng;
pub mod run;
pub mod steady_load;
pub mod time;
pub mod workload;
