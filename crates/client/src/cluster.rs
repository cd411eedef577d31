//! The brokers of a cluster and which of them leads which partition.

use std::collections::{BTreeMap, HashMap};

use alluvium_wire::{
    ErrorCode,
    messages::{
        create_topics::{CreatableTopic, CreateTopicsRequest},
        list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic},
        metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
    },
};
use uuid::Uuid;

use crate::{ClientError, Connection, error::until_settled};

/// `ListOffsets`' name for the end of a partition.
const LATEST: i64 = -1;

/// A cluster, reached through one of its brokers.
pub struct Cluster {
    bootstrap: Connection,
    client_id: String,
}

/// A topic: its id and, in order of partitions, the address of each one's leader.
#[derive(Clone, Debug)]
pub struct TopicLayout {
    /// Name.
    pub name: String,
    /// Id; nil where the broker gives none.
    pub id: Uuid,
    /// `host:port` of the leader of partition 0, 1, ...
    pub leaders: Vec<String>,
}

impl Cluster {
    /// Connects to `address`.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn connect(address: &str, client_id: &str) -> Result<Self, ClientError> {
        Ok(Self { bootstrap: Connection::open(address, client_id).await?, client_id: client_id.into() })
    }

    /// The connection to the bootstrap address.
    #[must_use]
    pub fn bootstrap(&self) -> &Connection {
        &self.bootstrap
    }

    /// A connection of its own to the broker at `address`.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn dial(&self, address: &str) -> Result<Connection, ClientError> {
        Connection::open(address, &self.client_id).await
    }

    /// Creates `name` with `partitions`, and waits until all of them have leaders. A topic that exists is taken as it is.
    ///
    /// # Errors
    /// Where the broker refuses, or the topic does not become ready in time.
    pub async fn create_topic(&self, name: &str, partitions: i32) -> Result<TopicLayout, ClientError> {
        let topic = CreatableTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            ..CreatableTopic::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..CreateTopicsRequest::default() };
        for result in self.bootstrap.call(&request).await?.topics {
            if result.error_code != ErrorCode::TOPIC_ALREADY_EXISTS {
                let what = format!("creating topic {name}");
                ClientError::check(what, result.error_code, result.error_message.as_deref())?;
            }
        }
        self.topic(name).await
    }

    /// The layout of `name`, as soon as all its partitions have leaders.
    ///
    /// # Errors
    /// Where the topic is not ready in time.
    pub async fn topic(&self, name: &str) -> Result<TopicLayout, ClientError> {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        until_settled(|| async {
            let answer = self.bootstrap.call(&request).await?;
            layout(&answer).map_err(|code| ClientError::Broker { what: format!("topic {name}"), code, message: None })
        })
        .await
    }

    /// Where each partition of `topic` ends: the offset of the next record to be written.
    ///
    /// # Errors
    /// Where a partition's end is not known in time.
    pub async fn ends(&self, topic: &TopicLayout) -> Result<BTreeMap<i32, i64>, ClientError> {
        let partitions = (0..).take(topic.leaders.len()).map(|partition_index| ListOffsetsPartition {
            partition_index,
            timestamp: LATEST,
            ..ListOffsetsPartition::default()
        });
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsTopic { name: topic.name.clone(), partitions: partitions.collect() }],
            ..ListOffsetsRequest::default()
        };
        until_settled(|| async {
            let mut ends = BTreeMap::new();
            for one in self.bootstrap.call(&request).await?.topics.into_iter().flat_map(|topic| topic.partitions) {
                ClientError::check(format!("end of partition {}", one.partition_index), one.error_code, None)?;
                ends.insert(one.partition_index, one.offset);
            }
            Ok(ends)
        })
        .await
    }
}

/// The first topic of `answer`, or why it is not ready.
pub(crate) fn layout(answer: &MetadataResponse) -> Result<TopicLayout, ErrorCode> {
    let brokers: HashMap<i32, String> =
        answer.brokers.iter().map(|broker| (broker.node_id, format!("{}:{}", broker.host, broker.port))).collect();
    let topic = answer.topics.first().ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    if !topic.error_code.is_none() {
        return Err(topic.error_code);
    }
    let mut partitions: Vec<_> = topic.partitions.iter().collect();
    partitions.sort_by_key(|partition| partition.partition_index);
    let leader = |id| brokers.get(id).cloned().ok_or(ErrorCode::LEADER_NOT_AVAILABLE);
    let leaders: Vec<String> =
        partitions.iter().map(|partition| leader(&partition.leader_id)).collect::<Result<_, _>>()?;
    if leaders.is_empty() {
        return Err(ErrorCode::LEADER_NOT_AVAILABLE);
    }
    Ok(TopicLayout { name: topic.name.clone().unwrap_or_default(), id: topic.topic_id, leaders })
}
