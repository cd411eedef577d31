//! Which work there is. It is found in the feed, not by searching: an idle partition costs neither memory nor reads.
//!
//! Owns: what is known of level 0 and of expiry (`backlog.rs`, `expiry_queue.rs`, pure), how it is kept up to date
//! (`index.rs`: the feed, and a survey of everything at the start and rarely), which partitions are this compactor's
//! (`assignment.rs`, `large_partitions.rs`, pure), the reading of one partition (`planner.rs`), how fast it is done
//! (`throughput.rs`, pure). Does not own: which extents become which file (the plan).

mod assignment;
mod backlog;
mod broken;
mod expiry_queue;
mod index;
mod large_partitions;
mod planner;
mod throughput;

pub(crate) use backlog::{Backlog, Reading};
pub(crate) use expiry_queue::ExpiryQueue;
pub(crate) use index::{PassLooks, WorkIndex};
pub(crate) use large_partitions::LargePartitions;
pub(crate) use planner::{EndOffsets, PartitionWork, PlanInput, Planner};
pub(crate) use throughput::Throughput;

#[cfg(test)]
mod tests;
