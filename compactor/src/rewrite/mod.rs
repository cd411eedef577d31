//! Doing a job: read the inputs, write a file, put it, swap it in.
//!
//! Owns: the order of reads, the way from batches to records, the output's name, what to do when a swap is refused. Does
//! not own: which extents. Invariant: an output holds exactly the records that the inputs held at or above the log start,
//! at the same offsets; nothing is visible before the swap and nothing is missing after it.

mod merge;
mod publish;
mod run;
mod schedule;
mod segments;
mod source;
mod strand;

pub(crate) use run::RunError;
pub(crate) use segments::{Done, Rewriter, Settings};
#[cfg(test)]
pub(crate) use source::ObjectSource;
