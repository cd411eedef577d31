//! `alluvium bench`: a load against any Kafka address, checked and measured.
//!
//! Owns: the load's schedule, the stamp in each record, the check that every record comes back once and in order,
//! latency measured from when a record was due (which includes the delay of a stalled sender), the report, and lines of
//! JSON during a long run. Does not
//! own: the client (`alluvium_client`). Invariant: a run that lost, duplicated or reordered a record fails.

mod check;
mod consumer;
mod intervals;
mod load;
mod options;
mod producer;
mod progress;
mod report;
mod run;
mod schedule;
mod stamp;
mod usage;

pub use options::BenchOptions;
pub use run::bench;
