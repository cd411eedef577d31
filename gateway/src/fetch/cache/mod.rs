//! Bytes of objects in memory, so that each object is read from the store only a few times.
//!
//! Owns: segments and their runs, blocks of history files, decoded history. Each cache is bounded in bytes and has its
//! own budget, so that consumers that catch up do not evict the tail. Does not own: what the bytes mean.

mod block_cache;
mod decoded_history;
mod history_blocks;
mod live_blocks;
mod object_reader;
mod segments;

pub use block_cache::{BlockCache, ObjectRef};
pub use decoded_history::{CHUNK_BYTES, CHUNK_BYTES_MAX, Chunk, DecodedHistory};
pub use object_reader::ObjectReader;
