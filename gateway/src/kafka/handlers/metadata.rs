//! Metadata (3): which topics there are, and who serves them.
//!
//! Topics that do not exist are created if the client and the configuration allow it, and answered as ready at once.
//!
//! - 0: no names ask for all topics. 1: null asks for all, none for none; controller, racks.
//! - 2: cluster id. 4: clients may forbid creation. 7: leader epochs. 8-10: authorized operations.
//! - 10: topic ids. 12: topics may be asked for by id. 13: an error for the whole answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alluvium_model::TopicPartition;
use alluvium_model::topic::check_name;
use alluvium_wire::messages::OPERATIONS_OMITTED;
use alluvium_wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use alluvium_wire::{ApiKey, ErrorCode};

use crate::agent::Agent;
use crate::kafka::dispatch::{Context, Handler, answer};
use crate::kafka::errors::Refused;
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::{CLUSTER_OPERATIONS, LEADER_EPOCH, Node, TOPIC_OPERATIONS, Topology};
use crate::metadata_cache::CachedTopic;
use crate::topic_creation::create_automatically;

pub const HANDLER: Handler = Handler::new(ApiKey::Metadata, 0..=13, |call| answer(call, handle));

/// How long the metastore may take to tell what is new: clients that wait for brokers' names cannot do anything else.
const PATIENCE: Duration = Duration::from_secs(1);
/// Topics that one request may create; clients ask again for the rest.
const CREATED_MAX: usize = 100;

async fn handle(context: Context, request: MetadataRequest) -> MetadataResponse {
    if let Some(refused) = unacceptable(&request, context.version) {
        return refused;
    }
    let agent = &*context.agent;
    // What was created, grown or deleted by any agent before is told; in time, though, whatever becomes of the metastore.
    context.agent.metadata_cache.catch_up_within(PATIENCE).await;
    let found = topics(&context, &request).await;
    // Only now, for finding may take a while: brokers and leaders are those of one moment.
    let topology = Topology::of(&context);
    let topics = found.into_iter().map(|(asked, found)| told(&topology, &request, asked, found)).collect();
    let operations =
        if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { OPERATIONS_OMITTED };
    MetadataResponse {
        brokers: topology.nodes().into_iter().map(broker).collect(),
        cluster_id: Some(agent.metastore.cluster.id.clone()),
        controller_id: topology.controller(),
        topics,
        cluster_authorized_operations: operations,
        ..Default::default()
    }
}

fn broker(Node { id, host, port, rack }: Node) -> MetadataResponseBroker {
    MetadataResponseBroker { node_id: id, host, port, rack }
}

/// What was asked for, and what there is.
type Asked = (MetadataRequestTopic, Result<Arc<CachedTopic>, Refused>);

async fn topics(context: &Context, request: &MetadataRequest) -> Vec<Asked> {
    let agent = &*context.agent;
    let all = || {
        agent.metadata_cache.topics().into_iter().map(|topic| (MetadataRequestTopic::default(), Ok(topic))).collect()
    };
    match &request.topics {
        None => all(),
        Some(asked) if asked.is_empty() && context.version == 0 => all(),
        Some(asked) => {
            let mut finder = Finder::new(agent, request.allow_auto_topic_creation);
            let mut answers = Vec::with_capacity(asked.len());
            let mut named = HashSet::with_capacity(asked.len());
            // Once for each, as Kafka does: an answer can be thousands of times as long as the name that asks for it.
            for topic in asked.iter().filter(|topic| named.insert((&topic.name, topic.topic_id))) {
                answers.push((topic.clone(), finder.find(topic).await));
            }
            answers
        }
    }
}

fn told(
    topology: &Topology<'_>,
    request: &MetadataRequest,
    asked: MetadataRequestTopic,
    found: Result<Arc<CachedTopic>, Refused>,
) -> MetadataResponseTopic {
    match found {
        Ok(topic) => described(topology, &topic, request.include_topic_authorized_operations),
        Err(refused) => MetadataResponseTopic {
            topic_authorized_operations: operations_if_unknown(request, &refused),
            ..undescribed(asked, &refused)
        },
    }
}

/// The answer to a request that none of whose topics is looked for. Topic ids came into the layout two versions before they
/// came to mean anything.
fn unacceptable(request: &MetadataRequest, version: i16) -> Option<MetadataResponse> {
    let asked = request.topics.as_deref().unwrap_or_default();
    if version >= 12 || asked.iter().all(|topic| topic.name.is_some() && topic.topic_id.is_nil()) {
        return None;
    }
    let refused = |topic: &MetadataRequestTopic| MetadataResponseTopic {
        error_code: ErrorCode::INVALID_REQUEST,
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    };
    Some(MetadataResponse { topics: asked.iter().map(refused).collect(), ..Default::default() })
}

/// Finds the topics of one request, or makes them.
struct Finder<'a> {
    agent: &'a Agent,
    lookup: TopicLookup<'a>,
    may_create: usize,
}

impl<'a> Finder<'a> {
    fn new(agent: &'a Agent, client_allows: bool) -> Self {
        let may_create = if client_allows && agent.config.auto_create_topics { CREATED_MAX } else { 0 };
        Self { agent, lookup: TopicLookup::new(agent), may_create }
    }

    async fn find(&mut self, topic: &MetadataRequestTopic) -> Result<Arc<CachedTopic>, Refused> {
        if !topic.topic_id.is_nil() {
            return self.lookup.by_id(topic.topic_id).await;
        }
        let name = topic.name.as_deref().unwrap_or_default();
        check_name(name)?;
        match self.lookup.by_name(name).await {
            Err(refused) if refused.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION && self.may_create > 0 => {
                self.may_create -= 1;
                Ok(create_automatically(self.agent, name).await?)
            }
            found => found,
        }
    }
}

fn described(topology: &Topology<'_>, metadata_cache: &CachedTopic, with_operations: bool) -> MetadataResponseTopic {
    let partition = |partition: TopicPartition| {
        let replicas = topology.replicas(partition);
        MetadataResponsePartition {
            partition_index: partition.partition.0,
            leader_id: topology.leader(partition),
            leader_epoch: LEADER_EPOCH,
            replica_nodes: replicas.clone(),
            isr_nodes: replicas,
            ..Default::default()
        }
    };
    MetadataResponseTopic {
        name: Some(metadata_cache.topic.name.clone()),
        topic_id: metadata_cache.topic.id.0,
        partitions: metadata_cache.topic.all_partitions().map(partition).collect(),
        topic_authorized_operations: if with_operations { TOPIC_OPERATIONS } else { OPERATIONS_OMITTED },
        ..Default::default()
    }
}

/// Everyone may do everything, also with what is not there.
fn operations_if_unknown(request: &MetadataRequest, refused: &Refused) -> i32 {
    let is_told = refused.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION && request.include_topic_authorized_operations;
    if is_told { TOPIC_OPERATIONS } else { OPERATIONS_OMITTED }
}

/// A topic that is not there has the name or the id by which it was asked for.
fn undescribed(asked: MetadataRequestTopic, refused: &Refused) -> MetadataResponseTopic {
    let by_id = refused.code == ErrorCode::UNKNOWN_TOPIC_ID;
    MetadataResponseTopic {
        error_code: refused.code,
        name: if by_id { None } else { Some(asked.name.unwrap_or_default()) },
        topic_id: asked.topic_id,
        ..Default::default()
    }
}
