//! Small partitions share history files.

mod crashes;
mod fixtures;
mod lost_parts;
mod merges;
mod writes;

pub(super) use fixtures::{check, kinds, sharing};
