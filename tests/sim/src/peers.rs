//! How agents ask each other for blocks over the simulated network, and notice that another one has ended.

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

    async fn ended(&self, peer: &Endpoint) {
        self.network.refusal_after_close(&self.place, &format!("{}:{KAFKA_PORT}", peer.host)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use alluvium_metastore::kv::{KvFaults, MemoryEngine};
    use alluvium_metastore::nodes::SessionConfig;
    use alluvium_model::limits;
    use alluvium_objects::faults::{BucketFaults, SimulatedBucket};
    use tokio::time::{Instant, sleep, timeout};

    use super::*;
    use crate::node::{Environment, Machine};
    use crate::plan::{NodePlan, Plan};
    use crate::rng::SimRng;

    /// Two running agents that know each other.
    async fn two_agents() -> [Machine; 2] {
        let rng = SimRng::new(1);
        let plan = Plan {
            metastore: KvFaults::none(),
            store: BucketFaults::default(),
            latency_max: Duration::from_millis(1),
            session: SessionConfig { expiry: limits::NODE_EXPIRY_MAX, ..SessionConfig::default() },
            ..Plan::draw(&rng, None)
        };
        let environment = Arc::new(Environment {
            network: Network::new(rng.fork(), plan.latency_max),
            engine: MemoryEngine::new(KvFaults::none()),
            bucket: SimulatedBucket::new(|| 0),
            origin: Instant::now(),
            plan,
            bug: None,
        });
        let machines = ["agent 0", "agent 1"].map(|name| {
            let node = NodePlan { name: name.to_owned(), zone: None, serves: true, compacts: false };
            Machine::new(Arc::clone(&environment), node, rng.fork())
        });
        machines.iter().for_each(Machine::start);
        until(|| machines.iter().all(|machine| candidates(machine) == 2)).await;
        machines
    }

    /// Agents to which the agent on `machine` sends clients.
    fn candidates(machine: &Machine) -> usize {
        machine.session().map_or(0, |session| session.candidates().len())
    }

    async fn until(is_reached: impl Fn() -> bool) {
        let reached = async {
            while !is_reached() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(30), reached).await.expect("it is reached in time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_crash_is_noticed_by_closed_connections_long_before_the_registration_expires() {
        let [one, other] = two_agents().await;
        let crashed = Instant::now();
        other.crash();
        until(|| candidates(&one) == 1).await;
        assert!(crashed.elapsed() < Duration::from_secs(1), "{:?}", crashed.elapsed());
        let live = one.session().map_or(0, |session| session.live().len());
        assert_eq!(live, 2, "its registration has not expired");
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_are_reset_are_no_reason_to_suspect_an_agent() {
        let [one, other] = two_agents().await;
        let network = Network::clone(other.network());
        for _ in 0..20 {
            network.reset(&other.address().expect("it serves"));
            sleep(Duration::from_millis(500)).await;
            assert_eq!(candidates(&one), 2);
        }
    }
}
