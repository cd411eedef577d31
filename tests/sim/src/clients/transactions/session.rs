//! One transactional producer: takes its transactional id over, and runs one transaction after the other.
//!
//! Invariants: what it records of an outcome is what it knows; after a failure it needs another epoch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alluvium_client::{GroupOffsets, TransactionClient, TransactionConfig, TransactionVersion};
use alluvium_model::{Offset, ProducerEpoch, ProducerId, TopicPartition};
use alluvium_wire::ErrorCode;
use tokio::time::Instant;

use super::super::Client;
use super::batches::Line;
use crate::history::{CommitOffset, EventKind, Outcome, TxnBegun, TxnEnded, TxnEnding, TxnId, TxnInit};
use crate::recorder::RecordOnDrop;

/// Error codes that say that an attempt had no effect, and that no other one will have any.
const FINAL: &[ErrorCode] = &[
    ErrorCode::PRODUCER_FENCED,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::INVALID_PRODUCER_ID_MAPPING,
    ErrorCode::INVALID_TXN_STATE,
    ErrorCode::TRANSACTION_ABORTABLE,
    ErrorCode::ILLEGAL_GENERATION,
    ErrorCode::UNKNOWN_MEMBER_ID,
    ErrorCode::FENCED_INSTANCE_ID,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
];

/// How a transactional producer works.
#[derive(Clone, Debug)]
pub struct TransactionalPlan {
    /// `transactional.id`.
    pub id: String,
    /// The rules that it follows.
    pub version: TransactionVersion,
    /// `transaction.timeout.ms`.
    pub timeout: Duration,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `delivery.timeout.ms`, and how long it tries to end a transaction.
    pub delivery_timeout: Duration,
    /// The longest time between two steps.
    pub think_max: Duration,
}

/// The transaction failed: the producer needs another epoch.
#[derive(Clone, Copy, Debug)]
pub struct Failed;

/// A transactional producer that works.
pub struct Session<'a> {
    pub(super) client: &'a Client,
    pub(super) plan: TransactionalPlan,
    pub(super) transactions: TransactionClient,
    /// The next sequence number of each partition, in the present epoch.
    pub(super) sequences: BTreeMap<TopicPartition, i32>,
    /// Records sent to each partition.
    pub(super) numbers: BTreeMap<TopicPartition, u64>,
    /// Partitions that belong to the open transaction.
    pub(super) added: BTreeSet<TopicPartition>,
    /// Connections to agents, by address.
    pub(super) lines: BTreeMap<String, Line>,
    open: Option<TxnId>,
    is_ready: bool,
}

/// What a group commits with a transaction, in one topic: the offset from which each partition was consumed, and the one
/// to which.
pub struct ConsumedOffsets {
    /// The group.
    pub group: String,
    /// Generation and member, if members are managed.
    pub member: Option<(i32, String)>,
    /// The topic.
    pub topic: String,
    /// The partitions, each with both offsets.
    pub partitions: Vec<(TopicPartition, i64, i64)>,
}

impl<'a> Session<'a> {
    /// A producer that has not taken its transactional id over.
    pub fn new(client: &'a Client, plan: TransactionalPlan) -> Self {
        let config = TransactionConfig { id: plan.id.clone(), timeout: plan.timeout, version: plan.version };
        Self {
            client,
            plan,
            transactions: TransactionClient::new(client.routes(), config),
            sequences: BTreeMap::new(),
            numbers: BTreeMap::new(),
            added: BTreeSet::new(),
            lines: BTreeMap::new(),
            open: None,
            is_ready: false,
        }
    }

    /// Whether it may begin a transaction.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// The transaction that it has begun and not ended.
    pub fn open(&self) -> Option<TxnId> {
        self.open
    }

    /// Takes the transactional id over, or goes on after an error. Whether that succeeded.
    pub async fn init(&mut self) -> bool {
        let began = self.client.recorder.now();
        let resumes = self.transactions.producer().is_some() && self.client.rng.chance(500);
        let Ok((id, epoch)) = self.transactions.init(resumes).await else { return false };
        let producer = (ProducerId(id), ProducerEpoch(epoch));
        self.record(EventKind::TxnInit(TxnInit { began, id: self.plan.id.clone(), producer }));
        self.sequences.clear();
        (self.open, self.is_ready) = (None, true);
        true
    }

    /// Begins a transaction.
    pub fn begin(&mut self) -> Result<(), Failed> {
        let producer = self.producer().filter(|_| self.is_ready).ok_or(Failed)?;
        let txn = self.client.recorder.txn();
        self.record(EventKind::TxnBegun(TxnBegun { txn, id: self.plan.id.clone(), producer }));
        self.added.clear();
        self.open = Some(txn);
        Ok(())
    }

    /// Ends the transaction; tries again while the outcome is not known. Whether it ended as asked.
    pub async fn end(&mut self, commit: bool) -> Result<(), Failed> {
        let txn = self.open.take().ok_or(Failed)?;
        let deadline = Instant::now() + self.plan.delivery_timeout;
        loop {
            self.record(EventKind::TxnEnding(TxnEnding { txn, commit }));
            let answer = self.transactions.end(commit).await;
            let outcome = match &answer {
                Ok(_) => Outcome::Done,
                Err(error) if error.code().is_some_and(|code| FINAL.contains(&code)) => Outcome::Refused,
                Err(_) => Outcome::Unknown,
            };
            self.record(EventKind::TxnEnded(TxnEnded { txn, commit, outcome }));
            match (answer, outcome) {
                (Ok(has_new_epoch), _) => {
                    if has_new_epoch {
                        self.sequences.clear();
                    }
                    return Ok(());
                }
                (Err(_), Outcome::Unknown) if Instant::now() < deadline => {
                    self.client.think(Duration::from_millis(50), Duration::from_secs(1)).await;
                }
                (Err(_), _) => return Err(self.fail()),
            }
        }
    }

    /// Leaves the open transaction as it is, and asks for another epoch before it goes on.
    pub fn fail(&mut self) -> Failed {
        (self.open, self.is_ready) = (None, false);
        Failed
    }

    /// Adds the offsets of a group to the transaction.
    pub async fn commit_offsets(&mut self, consumed: &ConsumedOffsets) -> Result<(), Failed> {
        let txn = self.open.ok_or(Failed)?;
        let began = self.client.recorder.now();
        let unknown = self.offset_events(consumed, txn, began, |_| Outcome::Unknown);
        let record_on_drop = self.client.recorder.record_on_drop(self.client.actor, unknown);
        let outcomes = self.try_commit_offsets(consumed).await;
        RecordOnDrop::disarm(record_on_drop);
        let outcome_of = |partition| outcomes.get(&partition).copied().unwrap_or(Outcome::Unknown);
        for event in self.offset_events(consumed, txn, began, outcome_of) {
            self.record(event);
        }
        let all_done = consumed.partitions.iter().all(|(name, ..)| outcome_of(name.partition.0) == Outcome::Done);
        if all_done { Ok(()) } else { Err(Failed) }
    }

    /// The outcome of each partition, by its index; unknown for those that are missing.
    async fn try_commit_offsets(&mut self, consumed: &ConsumedOffsets) -> BTreeMap<i32, Outcome> {
        let request = GroupOffsets {
            group: consumed.group.clone(),
            member: consumed.member.clone(),
            topic: consumed.topic.clone(),
            offsets: consumed.partitions.iter().map(|(name, _, to)| (name.partition.0, *to)).collect(),
        };
        let deadline = Instant::now() + self.plan.delivery_timeout;
        let mut is_first = true;
        loop {
            let answer = match self.transactions.add_group(&consumed.group).await {
                Ok(()) => self.transactions.commit_offsets(&request).await,
                Err(error) => Err(error),
            };
            let class = |code: ErrorCode| match code {
                ErrorCode::NONE => Outcome::Done,
                code if FINAL.contains(&code) && is_first => Outcome::Refused,
                _ => Outcome::Unknown,
            };
            let is_final = match &answer {
                Ok(codes) => codes.values().all(|code| code.is_none() || FINAL.contains(code)),
                Err(error) => error.code().is_some_and(|code| FINAL.contains(&code)),
            };
            if is_final || Instant::now() >= deadline {
                let codes = answer.unwrap_or_default();
                return codes.into_iter().map(|(partition, code)| (partition, class(code))).collect();
            }
            is_first = false;
            self.client.think(Duration::from_millis(50), Duration::from_secs(1)).await;
        }
    }

    fn offset_events(
        &self,
        consumed: &ConsumedOffsets,
        txn: TxnId,
        began: Duration,
        outcome_of: impl Fn(i32) -> Outcome,
    ) -> Vec<EventKind> {
        let (generation, member) = consumed.member.clone().unzip();
        let event = |(partition, from, to): &(TopicPartition, i64, i64)| {
            EventKind::CommittedOffset(CommitOffset {
                began,
                group: consumed.group.clone(),
                generation,
                member: member.clone().unwrap_or_default(),
                partition: *partition,
                offset: Some(Offset(*to)),
                txn: Some(txn),
                consumed_from: Some(Offset(*from)),
                outcome: outcome_of(partition.partition.0),
            })
        };
        consumed.partitions.iter().map(event).collect()
    }

    pub(super) fn producer(&self) -> Option<(ProducerId, ProducerEpoch)> {
        self.transactions.producer().map(|(id, epoch)| (ProducerId(id), ProducerEpoch(epoch)))
    }

    pub(super) fn record(&self, what: EventKind) {
        self.client.recorder.record(self.client.actor, what);
    }
}
