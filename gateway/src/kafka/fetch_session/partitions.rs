//! The partitions of one session, and what the client knows of each. Pure.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use alluvium_wire::ErrorCode;
use alluvium_wire::messages::fetch::{
    FetchPartition, FetchTopic, FetchableTopicResponse, ForgottenTopic, PartitionData,
};
use uuid::Uuid;

/// What one partition takes in memory, bytes: its entries in both maps.
const PARTITION_BYTES: usize = 300;
/// "Not known": no watermark or log start is negative.
const UNKNOWN_OFFSET: i64 = -1;

/// A partition as requests name it: by the name of its topic, or by the id if that is not nil.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PartitionKey {
    topic: Arc<str>,
    topic_id: Uuid,
    index: i32,
}

/// A partition of a session.
#[derive(Clone, Debug)]
struct SessionPartition {
    key: PartitionKey,
    /// What the client asks for.
    requested: FetchPartition,
    /// What the client was told last.
    high_watermark: i64,
    log_start: i64,
}

/// The partitions of one session in the order in which they are read: one that had records goes to the end, so that all
/// get their turn if a response has no room for all.
#[derive(Debug, Default)]
pub struct SessionPartitions {
    by_turn: BTreeMap<u64, SessionPartition>,
    turns: HashMap<PartitionKey, u64>,
    next_turn: u64,
    /// Bytes of topic names that were added; those of partitions forgotten since count until the session ends.
    name_bytes: usize,
}

impl SessionPartitions {
    /// Number of partitions.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// Memory that it takes, bytes.
    pub fn bytes(&self) -> usize {
        self.len() * PARTITION_BYTES + self.name_bytes
    }

    /// Adds the partitions that are new and changes what is asked of the others.
    pub fn request(&mut self, topics: &[FetchTopic]) {
        for FetchTopic { topic, topic_id, partitions } in topics {
            let name: Arc<str> = topic.as_str().into();
            for requested in partitions {
                let key = PartitionKey { topic: Arc::clone(&name), topic_id: *topic_id, index: requested.partition };
                let known = self.turns.get(&key).and_then(|turn| self.by_turn.get_mut(turn));
                match known {
                    Some(known) => known.requested = requested.clone(),
                    None => self.add(key, requested.clone()),
                }
            }
        }
    }

    /// Removes partitions.
    pub fn forget(&mut self, topics: &[ForgottenTopic]) {
        for ForgottenTopic { topic, topic_id, partitions } in topics {
            let name: Arc<str> = topic.as_str().into();
            for index in partitions {
                let key = PartitionKey { topic: Arc::clone(&name), topic_id: *topic_id, index: *index };
                if let Some(turn) = self.turns.remove(&key) {
                    self.by_turn.remove(&turn);
                }
            }
        }
    }

    /// The request for all partitions.
    pub fn complete_request(&self) -> Vec<FetchTopic> {
        let mut topics: Vec<FetchTopic> = Vec::new();
        for SessionPartition { key, requested, .. } in self.by_turn.values() {
            match topics.last_mut() {
                Some(last) if (&*last.topic, last.topic_id) == (&*key.topic, key.topic_id) => {
                    last.partitions.push(requested.clone());
                }
                _ => topics.push(FetchTopic {
                    topic: key.topic.to_string(),
                    topic_id: key.topic_id,
                    partitions: vec![requested.clone()],
                }),
            }
        }
        topics
    }

    /// Notes what the client is told of every partition.
    pub fn note_all(&mut self, responses: &[FetchableTopicResponse]) {
        for FetchableTopicResponse { topic, topic_id, partitions } in responses {
            let name: Arc<str> = topic.as_str().into();
            for data in partitions {
                self.note(
                    PartitionKey { topic: Arc::clone(&name), topic_id: *topic_id, index: data.partition_index },
                    data,
                );
            }
        }
    }

    /// Leaves only the partitions that the client learns something about, and notes it.
    pub fn retain_news(&mut self, responses: &mut Vec<FetchableTopicResponse>) {
        for FetchableTopicResponse { topic, topic_id, partitions } in responses.iter_mut() {
            let name: Arc<str> = topic.as_str().into();
            partitions.retain(|data| {
                self.note(
                    PartitionKey { topic: Arc::clone(&name), topic_id: *topic_id, index: data.partition_index },
                    data,
                )
            });
        }
        responses.retain(|topic| !topic.partitions.is_empty());
    }

    fn add(&mut self, key: PartitionKey, requested: FetchPartition) {
        if self.by_turn.last_key_value().is_none_or(|(_, last)| !Arc::ptr_eq(&last.key.topic, &key.topic)) {
            self.name_bytes += key.topic.len();
        }
        let partition =
            SessionPartition { key: key.clone(), requested, high_watermark: UNKNOWN_OFFSET, log_start: UNKNOWN_OFFSET };
        self.push(key, partition);
    }

    fn push(&mut self, key: PartitionKey, partition: SessionPartition) {
        self.turns.insert(key, self.next_turn);
        self.by_turn.insert(self.next_turn, partition);
        self.next_turn += 1;
    }

    /// Notes what the client is told of a partition. Returns whether it is news.
    fn note(&mut self, key: PartitionKey, data: &PartitionData) -> bool {
        let Some(known) = self.turns.get(&key).and_then(|turn| self.by_turn.get_mut(turn)) else { return true };
        let is_news = known.note(data);
        if has_records(data)
            && let Some(turn) = self.turns.get(&key)
            && let Some(partition) = self.by_turn.remove(turn)
        {
            self.push(partition.key.clone(), partition);
        }
        is_news
    }
}

impl SessionPartition {
    /// Notes what the client is told. Returns whether it is news: records, another watermark or log start, an error, or
    /// another agent to read from. An error is repeated as long as it lasts, and its end is news, too.
    fn note(&mut self, data: &PartitionData) -> bool {
        let is_error = data.error_code != ErrorCode::NONE;
        let is_news = is_error
            || has_records(data)
            || self.high_watermark != data.high_watermark
            || self.log_start != data.log_start_offset
            || data.preferred_read_replica >= 0
            || data.diverging_epoch.epoch >= 0;
        self.high_watermark = if is_error { UNKNOWN_OFFSET } else { data.high_watermark };
        self.log_start = data.log_start_offset;
        is_news
    }
}

fn has_records(data: &PartitionData) -> bool {
    data.records.as_ref().is_some_and(|records| !records.is_empty())
}
