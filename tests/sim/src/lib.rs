//! The whole system in one process: real agents, compactors and clients on virtual time, one seed deciding what fails when.
//!
//! Owns: the world (network, stores, nodes, clients) and what happens to it; the history of what clients saw, and the
//! predicates that it must satisfy. Does not own: any part of the system itself. Invariant: the same seed gives the same
//! history, event by event.

pub mod bug_injection;
pub mod checker;
pub mod clients;
pub mod final_check;
pub mod history;
pub mod nemesis;
pub mod network;
pub mod node;
pub mod panics;
pub mod peers;
pub mod plan;
pub mod recorder;
pub mod rng;
pub mod run;
pub mod time;
pub mod workload;
