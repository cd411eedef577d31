//! Metadata (3): the topics, and the agents that serve them.
//!
//! Topics that do not exist are created if both the client and the configuration allow it, and returned as ready at
//! once.
//!
//! - 0: an empty list asks for all topics. 1: null asks for all, an empty list for none; controller, racks.
//! - 2: cluster id. 4: clients may forbid creation. 7: leader epochs. 8-10: authorized operations.
//! - 10: topic ids. 12: topics may be asked for by id. 13: an error for the whole response.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use alluvium_model::TopicPartition;
use alluvium_model::limits::LEADER_EPOCH;
use alluvium_model::topic::check_name;
use alluvium_wire::frame::RequestHeader;
use alluvium_wire::messages::OPERATIONS_OMITTED;
use alluvium_wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use alluvium_wire::{ApiKey, DecodeError, ErrorCode};
use bytes::Bytes;
use futures::FutureExt;

use crate::agent::Agent;
use crate::kafka::errors::ApiError;
use crate::kafka::handler::{Call, Context, Handler, InFlight, Reply, decode, respond, respond_again};
use crate::kafka::topic_lookup::TopicLookup;
use crate::kafka::topology::{Broker, CLUSTER_OPERATIONS, TOPIC_OPERATIONS, Topology};
use crate::memory::{Demand, Permit, Share};
use crate::metadata_cache::{CachedTopic, ResponseBasis, ResponseKey};
use crate::topic_creation::create_automatically;

/// The entry of the API table.
pub const HANDLER: Handler = Handler::new(ApiKey::Metadata, 0..=13, start);

/// How long the metastore may take to bring the cache up to date: clients that wait for the brokers cannot do anything
/// else.
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(1);
/// Memory of a topic in the response while it is made, about: with its name, decoded and encoded.
const TOPIC_BYTES: usize = 512;
/// Memory of a partition in the response while it is made, about: with its replicas, decoded and encoded.
const PARTITION_BYTES: usize = 384;
/// Responses that take less memory than this do not wait for any.
const LARGE_BYTES: usize = 256 << 10;
/// Topics that one request may create; clients retry for the rest.
const CREATED_MAX: usize = 100;

fn start(call: Call) -> Result<InFlight, DecodeError> {
    let Call { context, header, body, permit } = call;
    let request = decode(body.clone(), header.version)?;
    let reply = async move {
        let reply = reply(&context, &header, body, request).await;
        drop(permit);
        reply
    };
    Ok(InFlight::exclusive(reply.boxed()))
}

async fn reply(context: &Context, header: &RequestHeader, body: Bytes, request: MetadataRequest) -> Reply {
    if let Some(error) = invalid_topics(&request, context.version) {
        return respond(header, &error);
    }
    let agent = &*context.agent;
    // Changes made through any agent before are seen, unless the metastore takes too long.
    agent.metadata_cache.catch_up_within(CATCH_UP_TIMEOUT).await;
    // Before the response is made: if what it is made from changes meanwhile, it is not found again.
    let (key, basis) = response_key(context, body);
    let responses = agent.metadata_cache.encoded_responses();
    if let Some(frame) = responses.find(&key, &basis) {
        agent.metrics.metadata_hits.inc();
        return respond_again(header, &frame).holding(None, &agent.memory);
    }
    let (response, memory) = handle(context, request).await;
    let reply = respond(header, &response).holding(memory, &agent.memory);
    if let Reply::Response { parts, error: ErrorCode::NONE, .. } = &reply {
        responses.keep(&key, basis, parts);
    }
    reply
}

/// What identifies the response to a request with this body, and what it is made from now.
fn response_key(context: &Context, request: Bytes) -> (ResponseKey, ResponseBasis) {
    let topology = Topology::of(context);
    let key = ResponseKey { version: context.version, zone: topology.served_zone().map(str::to_owned), request };
    let topic_changes = context.agent.metadata_cache.topic_changes();
    (key, ResponseBasis { topic_changes, agents: topology.advertised() })
}

/// The response, and the memory that it holds.
async fn handle(context: &Context, request: MetadataRequest) -> (MetadataResponse, Option<Permit>) {
    let agent = &*context.agent;
    let found = topics(context, &request).await;
    let memory = memory(agent, &found).await;
    // Only now, because finding topics may take a while: brokers and leaders must be those of one moment.
    let topology = Topology::of(context);
    let topics =
        found.into_iter().map(|(requested, found)| topic_response(&topology, &request, requested, found)).collect();
    let operations =
        if request.include_cluster_authorized_operations { CLUSTER_OPERATIONS } else { OPERATIONS_OMITTED };
    let response = MetadataResponse {
        brokers: topology.brokers().into_iter().map(broker).collect(),
        cluster_id: Some(agent.metastore.cluster.id.clone()),
        controller_id: topology.controller(),
        topics,
        cluster_authorized_operations: operations,
        ..Default::default()
    };
    (response, memory)
}

/// Waits for the memory of the response, if it is a large one.
async fn memory(agent: &Agent, found: &[FoundTopic]) -> Option<Permit> {
    let partitions = |(_, found): &FoundTopic| found.as_ref().map_or(0, |topic| topic.topic.partitions.unsigned_abs());
    let partitions: usize = found.iter().map(partitions).fold(0, |sum, partitions| sum + partitions as usize);
    let bytes = found.len() * TOPIC_BYTES + partitions * PARTITION_BYTES;
    match bytes {
        0..LARGE_BYTES => None,
        LARGE_BYTES.. => Some(agent.memory.acquire(Demand::exactly(Share::Kafka, bytes)).await),
    }
}

fn broker(Broker { id, host, port, rack }: Broker) -> MetadataResponseBroker {
    MetadataResponseBroker { node_id: id, host, port, rack }
}

/// A topic of the request, and what was found.
type FoundTopic = (MetadataRequestTopic, Result<Arc<CachedTopic>, ApiError>);

async fn topics(context: &Context, request: &MetadataRequest) -> Vec<FoundTopic> {
    let agent = &*context.agent;
    let all = || {
        agent.metadata_cache.topics().into_iter().map(|topic| (MetadataRequestTopic::default(), Ok(topic))).collect()
    };
    match &request.topics {
        None => all(),
        Some(requested) if requested.is_empty() && context.version == 0 => all(),
        Some(requested) => {
            let mut finder = Finder::new(agent, request.allow_auto_topic_creation);
            let mut answers = Vec::with_capacity(requested.len());
            let mut seen = HashSet::with_capacity(requested.len());
            // Each only once, as in Kafka: a response can be thousands of times as long as the name in the request.
            for topic in requested.iter().filter(|topic| seen.insert((&topic.name, topic.topic_id))) {
                answers.push((topic.clone(), finder.find(topic).await));
            }
            answers
        }
    }
}

fn topic_response(
    topology: &Topology<'_>,
    request: &MetadataRequest,
    requested: MetadataRequestTopic,
    found: Result<Arc<CachedTopic>, ApiError>,
) -> MetadataResponseTopic {
    match found {
        Ok(topic) => described(topology, &topic, request.include_topic_authorized_operations),
        Err(error) => MetadataResponseTopic {
            topic_authorized_operations: operations_if_unknown(request, &error),
            ..undescribed(requested, &error)
        },
    }
}

/// The response to a request with topic ids, or without names, in a version that does not allow them (ids entered the
/// layout two versions before they may be used); `None` if the request is valid.
fn invalid_topics(request: &MetadataRequest, version: i16) -> Option<MetadataResponse> {
    let requested = request.topics.as_deref().unwrap_or_default();
    if version >= 12 || requested.iter().all(|topic| topic.name.is_some() && topic.topic_id.is_nil()) {
        return None;
    }
    let error = |topic: &MetadataRequestTopic| MetadataResponseTopic {
        error_code: ErrorCode::INVALID_REQUEST,
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    };
    Some(MetadataResponse { topics: requested.iter().map(error).collect(), ..Default::default() })
}

/// Finds the topics of one request, or creates them.
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

    async fn find(&mut self, topic: &MetadataRequestTopic) -> Result<Arc<CachedTopic>, ApiError> {
        if !topic.topic_id.is_nil() {
            return self.lookup.by_id(topic.topic_id).await;
        }
        let name = topic.name.as_deref().unwrap_or_default();
        check_name(name)?;
        match self.lookup.by_name(name).await {
            Err(error) if error.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION && self.may_create > 0 => {
                self.may_create -= 1;
                Ok(create_automatically(self.agent, name).await?)
            }
            found => found,
        }
    }
}

fn described(topology: &Topology<'_>, topic: &CachedTopic, with_operations: bool) -> MetadataResponseTopic {
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
        name: Some(topic.topic.name.clone()),
        topic_id: topic.topic.id.0,
        partitions: topic.topic.all_partitions().map(partition).collect(),
        topic_authorized_operations: if with_operations { TOPIC_OPERATIONS } else { OPERATIONS_OMITTED },
        ..Default::default()
    }
}

/// Every client may do everything, also with topics that do not exist.
fn operations_if_unknown(request: &MetadataRequest, error: &ApiError) -> i32 {
    let is_included =
        error.code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION && request.include_topic_authorized_operations;
    if is_included { TOPIC_OPERATIONS } else { OPERATIONS_OMITTED }
}

/// A topic that does not exist is returned with the name or the id of the request.
fn undescribed(requested: MetadataRequestTopic, error: &ApiError) -> MetadataResponseTopic {
    let by_id = error.code == ErrorCode::UNKNOWN_TOPIC_ID;
    MetadataResponseTopic {
        error_code: error.code,
        name: if by_id { None } else { Some(requested.name.unwrap_or_default()) },
        topic_id: requested.topic_id,
        ..Default::default()
    }
}
