//! Serves blocks to other agents of the zone: from memory, or loaded once and cached, so that the next agent gets them
//! from memory. The block is never requested from a third agent, even if agents disagree about who owns it.
//!
//! Segments go through the tail cache and history files through the cold cache, as they do for this agent's own
//! readers.

use alluvium_model::limits;
use bytes::Bytes;
use tokio::time::timeout;

use super::cache::ObjectRef;
use super::served_block::SERVE_TIMEOUT;
use super::{Fetch, LoadError, ServeError, ServedBlock};
use crate::peers::{BlockName, BlockPart};

impl Fetch {
    /// Loads a block for another agent.
    ///
    /// # Errors
    /// If the block does not exist, is too large, or cannot be loaded now.
    pub async fn serve_block(&self, name: &BlockName) -> Result<ServedBlock, ServeError> {
        let served = self.serve(name).await;
        let peers = &self.shared.loader.metrics.peers;
        match &served {
            Ok((block, answer)) => peers.answered(answer, block.bytes.len()),
            Err(error) => peers.answered(error.label(), 0),
        }
        served.map(|(block, _)| block)
    }

    async fn serve(&self, name: &BlockName) -> Result<(ServedBlock, &'static str), ServeError> {
        // The size of a segment is known once it is loaded.
        let permit = self.shared.serving.acquire(name.bytes_max().min(limits::SEGMENT_BYTES_MAX))?;
        let loaded = timeout(SERVE_TIMEOUT, self.block(name)).await.map_err(|_| ServeError::Late)?;
        let (bytes, answer) = loaded.map_err(ServeError::from)?;
        if bytes.len() > name.bytes_max() {
            return Err(ServeError::TooLarge(bytes.len()));
        }
        Ok((ServedBlock::new(bytes, permit), answer))
    }

    /// The bytes, and the metric label that says where they came from.
    async fn block(&self, name: &BlockName) -> Result<(Bytes, &'static str), LoadError> {
        let loader = &self.shared.loader;
        let object = ObjectRef { id: name.object(), key: name.key() };
        let label = |is_cached: bool| if is_cached { "memory" } else { "store" };
        match name.part() {
            BlockPart::Whole => {
                if let Some(whole) = loader.recent.whole(name.object()) {
                    return Ok((whole, label(true)));
                }
                let is_cached = loader.tail.has_whole(name.object());
                let whole = loader.tail.without_peers().whole(object).await?;
                Ok((whole, label(is_cached)))
            }
            BlockPart::Range(range) => {
                let is_cached = loader.cold.has_range(name.object(), range);
                let cold = loader.cold.without_peers();
                // The object's size is not known here. If the object is larger, the range ends with a block.
                let parts = cold.read(object, range.end, range.clone()).await?;
                let bytes = if let [one] = parts.as_slice() { one.clone() } else { parts.concat().into() };
                Ok((bytes, label(is_cached)))
            }
        }
    }
}
