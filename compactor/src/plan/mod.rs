//! What to rewrite: pure decisions over the extents of a partition.
//!
//! Segments become history files in the order of their offsets. Small history files are merged with their neighbours, but
//! only where every byte ends up in a file at least twice as large as the one it was in: so a byte is rewritten a number
//! of times that grows with the logarithm of the target size, however small its first file was.

mod extents;
mod pack;

pub(crate) use extents::{Lag, Policy, Urgency, plan};
pub(crate) use pack::{Job, Work, pack};

#[cfg(test)]
mod tests;
