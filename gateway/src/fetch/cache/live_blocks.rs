//! Counts the memory of blocks for as long as anything refers to them: a slice in an answer keeps its whole block in
//! memory, also after the cache has evicted it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// Bytes of blocks in memory, cached or not. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct LiveBlocks(Arc<AtomicU64>);

/// A block that is counted until its last slice is dropped.
struct LiveBlock {
    bytes: Bytes,
    live: LiveBlocks,
}

impl LiveBlocks {
    /// Counts `block` until all of it is dropped.
    #[must_use]
    pub fn track(&self, block: Bytes) -> Bytes {
        self.0.fetch_add(block.len() as u64, Ordering::Relaxed);
        Bytes::from_owner(LiveBlock { bytes: block, live: self.clone() })
    }

    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl AsRef<[u8]> for LiveBlock {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for LiveBlock {
    fn drop(&mut self) {
        self.live.0.fetch_sub(self.bytes.len() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_counts_until_its_last_slice_is_dropped() {
        let live = LiveBlocks::default();
        let block = live.track(Bytes::from_static(b"block"));
        let slice = block.slice(1..2);
        drop(block);
        assert_eq!((live.bytes(), &slice[..]), (5, &b"l"[..]));
        drop(slice);
        assert_eq!(live.bytes(), 0);
    }
}
