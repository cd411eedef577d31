//! Bytes in memory, so that an object is read rarely.
//!
//! Owns: what this agent wrote lately, blocks of objects, decoded history; each bounded in bytes, each with a budget of
//! its own, so that a backfill does not evict the tail. Does not own: what the bytes mean.

mod blocks;
mod counted;
mod history;
mod runs;

pub use blocks::{BlockCache, Reader};
pub use history::{CHUNK_BYTES, CHUNK_BYTES_MAX, Chunk, HistoryCache};
