//! How agents ask each other for blocks over the simulated network.

use std::sync::Arc;

use alluvium_gateway::peers::{BlockName, PeerBlocks, PeerError};
use alluvium_model::node::Endpoint;
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::network::{Network, Place};
use crate::node::KAFKA_PORT;

/// Asks for blocks on behalf of the agent at a place.
pub struct SimulatedPeers {
    /// The network.
    pub network: Network,
    /// The place of the agent that asks.
    pub place: Place,
}

#[async_trait]
impl PeerBlocks for SimulatedPeers {
    async fn fetch(&self, peer: &Endpoint, block: &BlockName) -> Result<Bytes, PeerError> {
        let address = format!("{}:{KAFKA_PORT}", peer.host);
        let there = self.network.place_of(&address);
        self.network.travel(&self.place, &there).await;
        let unreachable = || PeerError::Unreachable(address.clone());
        let agent = self.network.agent(&address).ok_or_else(unreachable)?;
        let (answer, answered) = oneshot::channel();
        let (serving, block) = (Arc::clone(&agent), block.clone());
        // As a part of the agent that serves: it is paused and ends with it.
        agent.tasks.spawn("block for another agent", async move {
            // The agent that asked may have stopped waiting.
            let _ = answer.send(serving.fetch.serve_block(&block).await);
        });
        drop(agent);
        let served = answered.await.map_err(|_| unreachable())?;
        self.network.travel(&there, &self.place).await;
        Ok(served?.bytes)
    }
}
