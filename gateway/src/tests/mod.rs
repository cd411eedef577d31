//! Tests of whole agents over stores in memory, with injected faults, mostly in virtual time.

pub mod compaction;
pub mod world;

mod degraded_agents;
mod faults;
mod group_coordinators;
mod group_members;
mod list_offsets;
mod long_poll;
mod new_producers;
mod paused_agents;
mod peer_cache;
mod peer_network;
mod produce_and_fetch;
mod restart;
mod several_agents;
mod suspected_agents;
mod throttle;
mod transactions;
