//! Runs a job: reads the inputs, builds a history file, puts it, swaps it in.
//!
//! Owns: the order of reads, the conversion from batches to records, the output's name, what happens if a swap is
//! rejected. Does not own: which extents to rewrite (the plan). Invariant: an output holds exactly the records that the
//! inputs held at or above the log start, at the same offsets. Nothing is visible before the swap, and nothing is
//! missing after it.

mod batch;
mod error;
mod fetched_file;
mod file_builder;
mod input_records;
mod job_result;
mod merge;
mod next_file;
mod progress;
mod publish;
mod read_ahead;
mod rewriter;
mod schedule;
mod segment_run;
mod segments;
mod settings;
mod shared_file;
mod slow_puts;
mod source;

pub(crate) use job_result::{JobResult, Replaced};
pub(crate) use progress::Progress;
pub(crate) use publish::put_slots;
pub(crate) use rewriter::Rewriter;
pub(crate) use settings::RewriteSettings;
#[cfg(test)]
pub(crate) use source::ObjectSource;
