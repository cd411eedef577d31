//! A simple correct log, and random histories of clients that use it: what the checker must never report about.
//!
//! One step at a time, the rng say who does something: a batch goes out, arrives, is answered; a consumer reads; a group
//! is given new owners; an administrator deletes. Answers get lost, agents lag, transactions abort, compaction drops.

mod final_check;
mod groups;
mod log;
mod producers;
mod readers;
mod world;

pub use world::random_history;
