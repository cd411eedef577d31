//! A cluster as one bootstrap broker describes it: topics, their partitions' leaders, and end offsets.

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

use crate::{ClientError, Connection, error::with_retries};

/// The timestamp by which `ListOffsets` returns the end offset.
const LATEST: i64 = -1;

/// A cluster, reached through one bootstrap broker.
pub struct Cluster {
    bootstrap: Connection,
    client_id: String,
}

/// A topic: its id, and the leader of each of its partitions.
#[derive(Clone, Debug)]
pub struct TopicLayout {
    /// The topic's name.
    pub name: String,
    /// The topic's id; nil if the broker sends none.
    pub id: Uuid,
    /// Address (`host:port`) of each partition's leader, in the order of partitions.
    pub leaders: Vec<String>,
}

impl Cluster {
    /// Connects to the bootstrap broker at `address` (`host:port`).
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn connect(address: &str, client_id: &str) -> Result<Self, ClientError> {
        Ok(Self { bootstrap: Connection::open(address, client_id).await?, client_id: client_id.into() })
    }

    /// The connection to the bootstrap broker.
    #[must_use]
    pub fn bootstrap(&self) -> &Connection {
        &self.bootstrap
    }

    /// Opens a new connection to the broker at `address`.
    ///
    /// # Errors
    /// As [`Connection::open`].
    pub async fn dial(&self, address: &str) -> Result<Connection, ClientError> {
        Connection::open(address, &self.client_id).await
    }

    /// Creates topic `name` with `partitions` partitions, and waits until all of them have leaders. An existing topic
    /// is used as it is.
    ///
    /// # Errors
    /// If the broker responds with an error, or the topic does not become ready in time.
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

    /// The layout of topic `name`, once all its partitions have leaders.
    ///
    /// # Errors
    /// If the topic is not ready in time.
    pub async fn topic(&self, name: &str) -> Result<TopicLayout, ClientError> {
        let topic = MetadataRequestTopic { name: Some(name.into()), ..MetadataRequestTopic::default() };
        let request = MetadataRequest {
            topics: Some(vec![topic]),
            allow_auto_topic_creation: false,
            ..MetadataRequest::default()
        };
        with_retries(|| async {
            let response = self.bootstrap.call(&request).await?;
            layout(&response).map_err(|code| ClientError::Broker { what: format!("topic {name}"), code, message: None })
        })
        .await
    }

    /// The end offset of each partition of `topic`: that of the next record to be written.
    ///
    /// # Errors
    /// If the broker does not return a partition's end offset in time.
    pub async fn end_offsets(&self, topic: &TopicLayout) -> Result<BTreeMap<i32, i64>, ClientError> {
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
        with_retries(|| async {
            let mut ends = BTreeMap::new();
            for partition in self.bootstrap.call(&request).await?.topics.into_iter().flat_map(|topic| topic.partitions)
            {
                ClientError::check(
                    format!("end offset of partition {}", partition.partition_index),
                    partition.error_code,
                    None,
                )?;
                ends.insert(partition.partition_index, partition.offset);
            }
            Ok(ends)
        })
        .await
    }
}

/// The layout of the first topic of `metadata`, or why the topic is not ready.
pub(crate) fn layout(metadata: &MetadataResponse) -> Result<TopicLayout, ErrorCode> {
    let brokers: HashMap<i32, String> =
        metadata.brokers.iter().map(|broker| (broker.node_id, format!("{}:{}", broker.host, broker.port))).collect();
    let topic = metadata.topics.first().ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
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
