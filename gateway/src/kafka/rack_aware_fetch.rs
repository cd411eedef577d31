//! Consumers that tell their rack are sent to an agent of it (KIP-392), as Kafka sends them to a replica.
//!
//! Owns: when, and what the answer says. Producers tell no rack: the zone in their client id decides, in Metadata.
//! Invariant: nobody is sent in a circle, for an agent of the rack sends nobody on.

use alluvium_model::Offset;
use alluvium_wire::Records;
use alluvium_wire::messages::fetch::PartitionData;

use crate::agent::Agent;
use crate::fetch::FetchPlan;
use crate::live_agents::LiveAgents;

/// The agents of a consumer's rack, where the one that it asks is in another.
pub struct RackAwareFetch {
    live_agents: LiveAgents,
    rack: String,
}

impl RackAwareFetch {
    /// Those for a consumer in `rack` (empty: it tells none) that asks `agent`; `None`: it may as well be answered here.
    pub fn than(agent: &Agent, rack: String) -> Option<Self> {
        if rack.is_empty() {
            return None;
        }
        let live_agents = LiveAgents::of(&agent.session);
        live_agents.has_closer_agent(&rack).then_some(Self { live_agents, rack })
    }

    /// The answer for each partition of `plan`: no records (some clients refuse both), and who has them.
    pub fn answers(&self, agent: &Agent, plan: &FetchPlan) -> Vec<PartitionData> {
        plan.partitions
            .iter()
            .map(|asked| {
                let head = agent.metadata_cache.cached_head(asked.partition);
                let offset = |of: Option<Offset>| of.map_or(-1, |offset| offset.0);
                PartitionData {
                    partition_index: asked.partition.partition.0,
                    high_watermark: offset(head.map(|head| head.next)),
                    last_stable_offset: offset(head.map(|head| head.stable)),
                    log_start_offset: offset(head.map(|head| head.start)),
                    aborted_transactions: plan.read_committed.then(Vec::new),
                    preferred_read_replica: self.live_agents.leader(asked.partition, Some(&self.rack)).0,
                    records: Some(Records::default()),
                    ..Default::default()
                }
            })
            .collect()
    }
}
