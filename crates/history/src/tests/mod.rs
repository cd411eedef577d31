//! Any records are read back as written; damaged files are rejected.

mod corruption;
mod fixtures;
mod formats;
mod golden;
mod partitions;
mod round_trip;
mod seek;
