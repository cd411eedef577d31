//! Counters of the blocks that agents send each other, on both sides.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::instruments::instruments;

/// Why a block was loaded from the object store although another agent owns it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FallbackLabel {
    /// The reason, a word.
    pub reason: &'static str,
}

/// How a request of another agent was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ServedLabel {
    /// `memory`, `store`, or why it was not served.
    pub answer: &'static str,
}

instruments! {
    /// Counters of blocks that agents send each other. Clones share them.
    pub struct PeerMetrics {
        /// Blocks received from other agents
        blocks: Counter = "peer_blocks", "blocks" [];
        /// Bytes of blocks received from other agents
        bytes: Counter = "peer_block_bytes", "bytes" [];
        /// Blocks owned by another agent that were loaded from the object store, by reason
        fallbacks: Family<FallbackLabel, Counter> = "peer_fallbacks", "blocks" ["reason"];
        /// Blocks that other agents asked for, by answer; each from memory has saved a GET
        served: Family<ServedLabel, Counter> = "peer_served", "blocks" ["answer"];
        /// Bytes of blocks given to other agents
        served_bytes: Counter = "peer_served_bytes", "bytes" [];
    }
}

impl PeerMetrics {
    /// Counts a block that another agent sent.
    pub fn got(&self, bytes: usize) {
        self.blocks.inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// Counts a block of another agent that is loaded from the object store.
    pub fn fell_back(&self, reason: &'static str) {
        self.fallbacks.get_or_create(&FallbackLabel { reason }).inc();
    }

    /// Counts a request of another agent that was answered.
    pub fn answered(&self, answer: &'static str, bytes: usize) {
        self.served.get_or_create(&ServedLabel { answer }).inc();
        self.served_bytes.inc_by(bytes as u64);
    }
}
