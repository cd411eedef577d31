//! How a member commits: by itself, or with the transaction that its records become.

use std::collections::BTreeMap;

use alluvium_client::{MemberError, TopicLayout};
use alluvium_model::{Offset, PartitionIndex, TopicId, TopicPartition};
use alluvium_wire::ErrorCode;
use tokio::time::Instant;

use super::super::Consumed;
use super::super::Transform;
use super::member::{Held, Member};
use crate::history::{CommitOffset, EventKind, Outcome};

impl Member<'_> {
    /// Commits what was read since the last commit.
    pub(super) async fn commit(&mut self) -> Result<(), MemberError> {
        let Some(held) = &mut self.held else { return Ok(()) };
        held.commits = Instant::now() + self.plan.commit_interval;
        if !std::mem::take(&mut held.uncommitted) {
            return Ok(());
        }
        if self.transform.is_some() {
            self.transform().await;
            return Ok(());
        }
        let (generation, member) = (held.generation.generation, held.generation.member.clone());
        let layouts: Vec<TopicLayout> = held.topics.values().cloned().collect();
        let positions = held.positions.clone();
        for layout in layouts {
            let offsets: BTreeMap<i32, i64> = positions
                .iter()
                .filter(|((topic, _), _)| *topic == layout.name)
                .map(|((_, partition), offset)| (*partition, *offset))
                .collect();
            if offsets.is_empty() {
                continue;
            }
            let began = self.client.recorder.now();
            let event = |partition: i32, offset: i64, outcome| {
                EventKind::CommittedOffset(CommitOffset {
                    began,
                    group: self.plan.group.clone(),
                    generation: Some(generation),
                    member: member.clone(),
                    partition: TopicPartition::new(TopicId(layout.id), PartitionIndex(partition)),
                    offset: Some(Offset(offset)),
                    txn: None,
                    consumed_from: None,
                    outcome,
                })
            };
            let unknown = offsets.iter().map(|(partition, offset)| event(*partition, *offset, Outcome::Unknown));
            let record_on_drop = self.client.recorder.record_on_drop(self.client.actor, unknown.collect());
            let answered = self.consumer.commit(&layout.name, layout.id, &offsets).await;
            record_on_drop.disarm();
            for (partition, offset) in &offsets {
                let outcome = match &answered {
                    Ok(codes) => codes.get(partition).map_or(Outcome::Unknown, |code| outcome_of(*code)),
                    Err(_) => Outcome::Unknown,
                };
                self.client.recorder.record(self.client.actor, event(*partition, *offset, outcome));
            }
            let codes = answered?;
            if codes.values().any(|code| [ErrorCode::UNKNOWN_MEMBER_ID, ErrorCode::ILLEGAL_GENERATION].contains(code)) {
                return Err(MemberError::Lost(ErrorCode::ILLEGAL_GENERATION));
            }
        }
        Ok(())
    }

    /// Whether it may read: not if its producer has to begin anew. Then it reads again from the committed offsets on.
    pub(super) async fn is_ready_to_transform(&mut self) -> bool {
        let Some(transform) = &mut self.transform else { return true };
        if transform.is_ready() {
            return true;
        }
        if let Some(held) = &mut self.held {
            held.positions.clear();
            held.consumed_from.clear();
            held.uncommitted = false;
        }
        transform.init().await
    }

    /// Runs a transaction over what it has read. If that fails, it has to begin anew.
    async fn transform(&mut self) {
        let (group, has_members) = (self.plan.group.clone(), self.has_members());
        let (Some(held), Some(transform)) = (&mut self.held, &mut self.transform) else { return };
        let consumed = consumed(&group, held, has_members);
        if transform.is_ready() && transform.run(&consumed).await {
            held.consumed_from = held.positions.clone();
        }
    }
}

/// What was read since the last transaction.
fn consumed(group: &str, held: &Held, has_members: bool) -> Consumed {
    let member = has_members.then(|| (held.generation.generation, held.generation.member.clone()));
    let of = |layout: &TopicLayout| -> Vec<(TopicPartition, i64, i64)> {
        let read = held.positions.iter().filter(|((topic, _), _)| *topic == layout.name);
        let range = |(place, to): (&(String, i32), &i64)| {
            let from = held.consumed_from.get(place).copied()?;
            let name = TopicPartition::new(TopicId(layout.id), PartitionIndex(place.1));
            (from < *to).then_some((name, from, *to))
        };
        read.filter_map(range).collect()
    };
    let topics =
        held.topics.values().map(|layout| (layout, of(layout))).filter(|(_, partitions)| !partitions.is_empty());
    topics.map(|(layout, partitions)| Transform::consumed(group, member.clone(), &layout.name, partitions)).collect()
}

fn outcome_of(code: ErrorCode) -> Outcome {
    match code {
        ErrorCode::NONE => Outcome::Done,
        ErrorCode::UNKNOWN_MEMBER_ID
        | ErrorCode::ILLEGAL_GENERATION
        | ErrorCode::REBALANCE_IN_PROGRESS
        | ErrorCode::FENCED_INSTANCE_ID
        | ErrorCode::NOT_COORDINATOR
        | ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::UNKNOWN_TOPIC_ID => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}
