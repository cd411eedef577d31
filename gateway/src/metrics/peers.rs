//! What goes from agent to agent, counted on both sides.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Why a block came from the object store although another agent owns it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FallbackLabel {
    /// The reason.
    pub reason: &'static str,
}

/// What a request of another agent was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ServedLabel {
    /// `memory`, `store`, or why not.
    pub answer: &'static str,
}

/// Counters of blocks that go from agent to agent. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct PeerMetrics {
    /// Blocks that another agent gave.
    pub blocks: Counter,
    /// Their bytes.
    pub bytes: Counter,
    /// Blocks of other agents that came from the object store.
    pub fallbacks: Family<FallbackLabel, Counter>,
    /// Requests of other agents answered.
    pub served: Family<ServedLabel, Counter>,
    /// Bytes given to other agents.
    pub served_bytes: Counter,
}

impl PeerMetrics {
    /// Another agent gave a block.
    pub fn got(&self, bytes: usize) {
        self.blocks.inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// A block of another agent is loaded from the object store.
    pub fn fell_back(&self, reason: &'static str) {
        self.fallbacks.get_or_create(&FallbackLabel { reason }).inc();
    }

    /// Another agent was answered.
    pub fn answered(&self, answer: &'static str, bytes: usize) {
        self.served.get_or_create(&ServedLabel { answer }).inc();
        self.served_bytes.inc_by(bytes as u64);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("peer_blocks", "Blocks that other agents gave", self.blocks.clone());
        registry.register("peer_block_bytes", "Bytes that other agents gave", self.bytes.clone());
        let help = "Blocks owned by another agent that came from the object store, by reason";
        registry.register("peer_fallbacks", help, self.fallbacks.clone());
        let help = "Blocks that other agents asked for, by answer: each from memory has saved a GET";
        registry.register("peer_served", help, self.served.clone());
        registry.register("peer_served_bytes", "Bytes given to other agents", self.served_bytes.clone());
    }
}
