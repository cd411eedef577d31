//! Rack-aware fetch (KIP-392): a consumer that gives its rack is sent to an agent of that rack, as Kafka sends it to a
//! replica.
//!
//! Owns: when a consumer is sent elsewhere, and what the response says. Producers give no rack: for them the zone in
//! their client id decides, in Metadata. Invariant: no consumer is redirected in a circle, because an agent of its rack
//! never redirects it.

use alluvium_model::Offset;
use alluvium_wire::RecordsField;
use alluvium_wire::messages::fetch::PartitionData;

use crate::agent::Agent;
use crate::fetch::FetchPlan;
use crate::live_agents::LiveAgents;

/// The agents of a consumer's rack, if the agent that received the fetch is in another one.
pub struct RackAwareFetch {
    live_agents: LiveAgents,
    rack: String,
}

impl RackAwareFetch {
    /// The redirection of a consumer in `rack` (empty: it gives none) that asks `agent`; `None` if `agent` may answer
    /// it.
    pub fn redirect(agent: &Agent, rack: String) -> Option<Self> {
        if rack.is_empty() {
            return None;
        }
        let live_agents = LiveAgents::of(&agent.session);
        live_agents.has_closer_agent(&rack).then_some(Self { live_agents, rack })
    }

    /// The response for each partition of `plan`: the preferred replica, and no records (some clients do not accept
    /// both at once).
    pub fn responses(&self, agent: &Agent, plan: &FetchPlan) -> Vec<PartitionData> {
        plan.partitions
            .iter()
            .map(|requested| {
                let head = agent.metadata_cache.cached_head(requested.partition);
                let offset = |of: Option<Offset>| of.map_or(-1, |offset| offset.0);
                PartitionData {
                    partition_index: requested.partition.partition.0,
                    high_watermark: offset(head.map(|head| head.next)),
                    last_stable_offset: offset(head.map(|head| head.stable)),
                    log_start_offset: offset(head.map(|head| head.start)),
                    aborted_transactions: plan.read_committed.then(Vec::new),
                    preferred_read_replica: self.live_agents.leader(requested.partition, Some(&self.rack)).0,
                    records: Some(RecordsField::default()),
                    ..Default::default()
                }
            })
            .collect()
    }
}
