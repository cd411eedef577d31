//! The choices: leader, coordinator, block owner, owner of other work.

use super::{
    Candidate,
    hash::{Purpose, weight},
};
use crate::{AgentId, ObjectId, TopicPartition};

/// The agent that leads `partition` for clients of `zone`: the winner among the ranks of that zone, so that the agents
/// of one rank in different zones lead the same partitions. If the zone has no agent, or none is given: the winner
/// among all ranks, then among the agents of that rank. `None` only if there are no candidates.
#[must_use]
pub fn leader(partition: TopicPartition, zone: Option<&str>, candidates: &[Candidate]) -> Option<AgentId> {
    let key = partition_key(partition);
    let is_served = zone.is_some() && candidates.iter().any(|candidate| candidate.is_in(zone));
    let candidates = || candidates.iter().filter(move |candidate| !is_served || candidate.is_in(zone));
    let rank =
        candidates().map(|candidate| candidate.rank).max_by_key(|rank| (weight(Purpose::Rank, &key, *rank), *rank))?;
    winner(Purpose::Leader, &key, candidates().filter(|candidate| candidate.rank == rank).map(|candidate| candidate.id))
}

/// The agent that coordinates the group, or the transactional id, `key`. `None` only if there are no candidates.
#[must_use]
pub fn coordinator(key: &str, candidates: &[Candidate]) -> Option<AgentId> {
    winner(Purpose::Coordinator, key.as_bytes(), candidates.iter().map(|candidate| candidate.id))
}

/// The agent that loads block number `block` of `object` for the agents of `zone`: one of exactly this zone, or if it
/// is `None` one of those without a zone.
#[must_use]
pub fn block_owner(object: ObjectId, block: u64, zone: Option<&str>, candidates: &[Candidate]) -> Option<AgentId> {
    let key = [&object.0[..], &block.to_be_bytes()].concat();
    winner(
        Purpose::Block,
        &key,
        candidates.iter().filter(|candidate| candidate.is_in(zone)).map(|candidate| candidate.id),
    )
}

/// The node among `ids` that does the work `key`.
#[must_use]
pub fn owner(key: &[u8], ids: &[AgentId]) -> Option<AgentId> {
    winner(Purpose::Owner, key, ids.iter().copied())
}

/// A partition as a key: the id of its topic, then its number.
fn partition_key(partition: TopicPartition) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(partition.topic.0.as_bytes());
    key[16..].copy_from_slice(&partition.partition.0.to_be_bytes());
    key
}

/// The highest weight wins; between equal ones the higher id, so that the order of `ids` never matters.
fn winner(purpose: Purpose, key: &[u8], ids: impl Iterator<Item = AgentId>) -> Option<AgentId> {
    ids.max_by_key(|id| (weight(purpose, key, id.0.cast_unsigned()), *id))
}
