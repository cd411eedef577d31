//! The requests of a transactional producer, by the rules of version 1 or 2 (KIP-890).
//!
//! Owns: who the coordinator is, the producer's id and epoch, the versions of requests. Does not own: batches, retries,
//! and what an error means. Invariant: every call makes one attempt.

use std::{collections::BTreeMap, time::Duration};

use alluvium_wire::{
    ErrorCode, Request,
    messages::{
        add_offsets_to_txn::AddOffsetsToTxnRequest,
        add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic},
        end_txn::EndTxnRequest,
        init_producer_id::InitProducerIdRequest,
        txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
};

use crate::{ClientError, ConnectionPool};

/// The last version of `AddPartitionsToTxn` for clients.
const ADD_PARTITIONS_VERSION_MAX: i16 = 3;

/// The rules that a transactional producer follows (the feature `transaction.version`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionVersion {
    /// Partitions and groups are added by requests of their own; an end keeps the epoch.
    V1,
    /// What a transaction writes to belongs to it; each end gives the producer a new epoch.
    V2,
}

impl TransactionVersion {
    /// The newest version of a request that has followed the rules of version 1 up to `last`.
    fn newest(self, last: i16) -> i16 {
        match self {
            Self::V1 => last,
            Self::V2 => i16::MAX,
        }
    }

    /// The newest version of `Produce` for transactional batches.
    #[must_use]
    pub fn newest_produce(self) -> i16 {
        self.newest(11)
    }
}

/// A transactional producer.
#[derive(Clone, Debug)]
pub struct TransactionConfig {
    /// `transactional.id`.
    pub id: String,
    /// `transaction.timeout.ms`: how long a transaction may be open.
    pub timeout: Duration,
    /// The rules that it follows.
    pub version: TransactionVersion,
}

/// Offsets of one topic that a group commits with a transaction.
#[derive(Clone, Debug)]
pub struct GroupOffsets {
    /// The group.
    pub group: String,
    /// Generation and member id; `None` outside group management.
    pub member: Option<(i32, String)>,
    /// The topic's name.
    pub topic: String,
    /// By partition: the offset.
    pub offsets: BTreeMap<i32, i64>,
}

/// The requests of one transactional producer.
pub struct TransactionClient {
    connections: ConnectionPool,
    config: TransactionConfig,
    coordinator: Option<String>,
    group_coordinators: BTreeMap<String, String>,
    producer: Option<(i64, i16)>,
}

impl TransactionClient {
    /// A producer that has no id and epoch yet.
    #[must_use]
    pub fn new(connections: ConnectionPool, config: TransactionConfig) -> Self {
        Self { connections, config, coordinator: None, group_coordinators: BTreeMap::new(), producer: None }
    }

    /// Its settings.
    #[must_use]
    pub fn config(&self) -> &TransactionConfig {
        &self.config
    }

    /// Its connections, for other requests.
    pub fn connections(&mut self) -> &mut ConnectionPool {
        &mut self.connections
    }

    /// Its producer id and epoch, once it has them.
    #[must_use]
    pub fn producer(&self) -> Option<(i64, i16)> {
        self.producer
    }

    /// Takes the transactional id over, or, if it `resumes`, goes on after an error with the next epoch (KIP-360).
    ///
    /// # Errors
    /// If no response comes, or an error.
    pub async fn init(&mut self, resumes: bool) -> Result<(i64, i16), ClientError> {
        let (producer_id, producer_epoch) = self.producer.filter(|_| resumes).unwrap_or((-1, -1));
        let request = InitProducerIdRequest {
            transactional_id: Some(self.config.id.clone()),
            transaction_timeout_ms: i32::try_from(self.config.timeout.as_millis()).unwrap_or(i32::MAX),
            producer_id,
            producer_epoch,
        };
        let response = self.call(i16::MAX, &request).await?;
        self.check("taking over", response.error_code)?;
        let producer = (response.producer_id, response.producer_epoch);
        self.producer = Some(producer);
        Ok(producer)
    }

    /// Adds a partition to the transaction; by the rules of version 2 that happens when it is written to.
    ///
    /// # Errors
    /// If no response comes, or an error.
    pub async fn add_partition(&mut self, topic: &str, partition: i32) -> Result<(), ClientError> {
        if self.config.version == TransactionVersion::V2 {
            return Ok(());
        }
        let (producer_id, producer_epoch) = self.writer()?;
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.config.id.clone(),
            v3_and_below_producer_id: producer_id,
            v3_and_below_producer_epoch: producer_epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic { name: topic.into(), partitions: vec![partition] }],
            ..AddPartitionsToTxnRequest::default()
        };
        let response = self.call(ADD_PARTITIONS_VERSION_MAX, &request).await?;
        let results = response.results_by_topic_v3_and_below.into_iter().flat_map(|topic| topic.results_by_partition);
        let code = results.map(|result| result.partition_error_code).find(|code| !code.is_none());
        self.check("adding a partition", code.unwrap_or(response.error_code))
    }

    /// Commits offsets of a group with the transaction. Returns each partition's error code. The group was added before
    /// by the rules of version 1.
    ///
    /// # Errors
    /// If no response comes.
    pub async fn commit_offsets(&mut self, offsets: &GroupOffsets) -> Result<BTreeMap<i32, ErrorCode>, ClientError> {
        let (producer_id, producer_epoch) = self.writer()?;
        let (generation_id, member_id) = offsets.member.clone().unwrap_or((-1, String::new()));
        let partition = |(partition_index, committed_offset): (&i32, &i64)| TxnOffsetCommitRequestPartition {
            partition_index: *partition_index,
            committed_offset: *committed_offset,
            ..TxnOffsetCommitRequestPartition::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.config.id.clone(),
            group_id: offsets.group.clone(),
            producer_id,
            producer_epoch,
            generation_id,
            member_id,
            group_instance_id: None,
            topics: vec![TxnOffsetCommitRequestTopic {
                name: offsets.topic.clone(),
                partitions: offsets.offsets.iter().map(partition).collect(),
            }],
        };
        let address = self.group_coordinator(&offsets.group).await?;
        let response = self.connections.call_up_to(&address, self.config.version.newest(4), &request).await;
        let codes = response.map(|response| {
            let partitions = response.topics.into_iter().flat_map(|topic| topic.partitions);
            partitions.map(|partition| (partition.partition_index, partition.error_code)).collect::<BTreeMap<_, _>>()
        });
        let has_moved =
            |code: &ErrorCode| [ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_NOT_AVAILABLE].contains(code);
        if codes.as_ref().map_or(true, |codes| codes.values().any(has_moved)) {
            self.group_coordinators.remove(&offsets.group);
        }
        codes
    }

    /// Adds a group to the transaction; by the rules of version 2 that happens with its offsets.
    ///
    /// # Errors
    /// If no response comes, or an error.
    pub async fn add_group(&mut self, group: &str) -> Result<(), ClientError> {
        if self.config.version == TransactionVersion::V2 {
            return Ok(());
        }
        let (producer_id, producer_epoch) = self.writer()?;
        let request = AddOffsetsToTxnRequest {
            transactional_id: self.config.id.clone(),
            producer_id,
            producer_epoch,
            group_id: group.into(),
        };
        let response = self.call(i16::MAX, &request).await?;
        self.check("adding a group", response.error_code)
    }

    /// Commits or aborts the transaction. Returns whether the producer has another epoch from now on.
    ///
    /// # Errors
    /// If no response comes, or an error.
    pub async fn end(&mut self, commit: bool) -> Result<bool, ClientError> {
        let (producer_id, producer_epoch) = self.writer()?;
        let request =
            EndTxnRequest { transactional_id: self.config.id.clone(), producer_id, producer_epoch, committed: commit };
        let response = self.call(self.config.version.newest(4), &request).await?;
        self.check("ending the transaction", response.error_code)?;
        if response.producer_id < 0 {
            return Ok(false);
        }
        self.producer = Some((response.producer_id, response.producer_epoch));
        Ok(true)
    }

    fn writer(&self) -> Result<(i64, i16), ClientError> {
        let missing = || ClientError::Broker {
            what: format!("transactional id {}", self.config.id),
            code: ErrorCode::INVALID_PRODUCER_ID_MAPPING,
            message: Some("there is no producer id yet".into()),
        };
        self.producer.ok_or_else(missing)
    }

    /// Sends `request` to the coordinator, which is looked up if it is not known.
    async fn call<R: Request>(&mut self, newest: i16, request: &R) -> Result<R::Response, ClientError> {
        let address = match &self.coordinator {
            Some(address) => address.clone(),
            None => {
                let found = self.connections.transaction_coordinator(&self.config.id).await?;
                self.coordinator.insert(found).clone()
            }
        };
        let response = self.connections.call_up_to(&address, newest, request).await;
        if response.is_err() {
            self.coordinator = None;
            self.connections.use_next_broker();
        }
        response
    }

    async fn group_coordinator(&mut self, group: &str) -> Result<String, ClientError> {
        if let Some(address) = self.group_coordinators.get(group) {
            return Ok(address.clone());
        }
        let address = self.connections.coordinator(group).await?;
        self.group_coordinators.insert(group.to_owned(), address.clone());
        Ok(address)
    }

    fn check(&mut self, what: &str, code: ErrorCode) -> Result<(), ClientError> {
        if [ErrorCode::NOT_COORDINATOR, ErrorCode::COORDINATOR_NOT_AVAILABLE].contains(&code) {
            self.coordinator = None;
        }
        ClientError::check(format!("transactional id {}: {what}", self.config.id), code, None)
    }
}
