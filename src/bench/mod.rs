//! `alluvium bench`: a load against any Kafka address, checked and measured.
//!
//! Owns: the load's schedule, what each record carries, the check that every record comes back once and in order, latency
//! counted from when a record was due (so that a stalled sender is not forgiven), the report. Does not own: the client
//! (`alluvium_client`). Invariant: a run that lost, repeated or reordered a record fails.

mod check;
mod drain;
mod load;
mod options;
mod progress;
mod report;
mod run;
mod schedule;
mod stamp;
mod usage;

pub use options::BenchOptions;
pub use run::bench;

use crate::output::print;
