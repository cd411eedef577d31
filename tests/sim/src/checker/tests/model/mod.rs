//! A simple correct log, and random histories of clients that use it: the checker must find no violation in them.
//!
//! Each step is drawn at random: a batch is sent, arrives, is answered; a consumer reads; a group is rebalanced; an
//! administrator deletes records. Answers get lost, agents lag, transactions abort, compaction drops records.

mod final_check;
mod groups;
mod log;
mod producers;
mod readers;
mod world;

pub use world::random_history;
