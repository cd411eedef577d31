//! Which agent of a zone owns a block. Pure.

use alluvium_model::node::{Endpoint, Node};
use alluvium_model::placement::{Candidate, block_owner};
use alluvium_model::{AgentId, limits};

use super::{BlockName, BlockPart, OWNERSHIP_RANGE_BLOCKS};

/// An agent to request a block from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The agent.
    pub id: AgentId,
    /// The address at which the agent listens for HTTP.
    pub endpoint: Endpoint,
}

/// The agent that owns `block` in the zone of `this`; `None` if that is `this` itself or has no HTTP address.
///
/// If the agent that wrote a segment is in the zone, it owns the segment: it has it in memory, so that the zone needs
/// no GET at all. Other owners are chosen by rendezvous hashing, for history files per ownership range.
pub fn owner(block: &BlockName, this: &Node, candidates: &[Candidate], live: &[Node]) -> Option<Peer> {
    let zone = this.zone.as_deref();
    let is_candidate =
        |id: AgentId| candidates.iter().any(|candidate| candidate.id == id && candidate.zone.as_deref() == zone);
    let (number, writer) = match block.part() {
        BlockPart::Whole => {
            (0, Some(AgentId(block.object().writer().cast_signed())).filter(|writer| is_candidate(*writer)))
        }
        BlockPart::Range(range) => (range.start / (OWNERSHIP_RANGE_BLOCKS * limits::CACHE_BLOCK_BYTES), None),
    };
    let owner = writer.or_else(|| block_owner(block.object(), number, zone, candidates))?;
    let node = live.iter().find(|node| node.id == owner && owner != this.id)?;
    node.http.clone().map(|endpoint| Peer { id: owner, endpoint })
}
