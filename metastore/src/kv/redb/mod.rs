//! The engine in one file, on redb: the default metastore of a single process, with nothing to install.
//!
//! Owns: the file, its lock, its format number, and recovering after the disk failed. One table holds all rows; the
//! engine's own rows lie under `0xff`, where no transaction can write.
//!
//! Reads are served by redb's cache or the file, on the calling thread: they are short, and mostly from memory. Commits
//! wait for the disk and run on Tokio's blocking threads.

mod engine;
mod in_doubt;
mod open;
mod revocable_disk;
mod storage;
mod store_error;
#[cfg(test)]
mod tests;

pub use engine::RedbEngine;
pub use open::RedbOpenError;
