//! Nodes as transactions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alluvium_model::{AgentId, CompactionLoad, Timestamp};
use futures::future::{try_join, try_join3};
use thiserror::Error as ThisError;

use super::{
    Incarnation, LeaseOwner, NewNode, Node, NodeState,
    heartbeat_row::{HeartbeatRow, decode_heartbeat, encode_heartbeat},
    key::{
        all_heartbeats, all_registrations, all_replaced, all_rows, decode_node_key, decode_replaced_key, heartbeat_key,
        registration_key, replaced_key,
    },
    registration_row::{decode_registration, encode_registration},
};
use crate::{
    keyspace::{Error, RowError, RowProblem, from_store},
    kv::{Db, Isolation, Tx},
};

/// All rows of nodes at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeRows {
    /// All registered nodes, by id.
    pub nodes: Vec<Node>,
    /// Registrations whose id another process has taken, until they must know it, with their expiries.
    pub replaced: Vec<(LeaseOwner, Duration)>,
}

/// Registered processes and their heartbeats. Clones share the store.
#[derive(Clone)]
pub struct Nodes {
    db: Db,
}

/// Why a heartbeat was not recorded.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum HeartbeatError {
    /// The registration was removed: another node considered this one failed.
    #[error("the registration of this node was removed because it sent no heartbeat in time")]
    Removed,
    /// Another process has registered with this id.
    #[error("another process has taken the id of this node")]
    Replaced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(HeartbeatError);

impl Nodes {
    /// Nodes in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Registers a process. If it must have a certain id, it takes that id over: the process that had it learns so from
    /// its next heartbeat, and its leases are not free before it must have learnt it. Otherwise the process gets the
    /// lowest id that is not registered. Its rank is the lowest that no agent of its zone has. `incarnation` is random
    /// and new for every registration.
    pub async fn register(&self, new: &NewNode, incarnation: Incarnation, now: Timestamp) -> Result<Node, Error> {
        self.db
            .run("register node", |tx| async move {
                let registered = read_all(&tx, Isolation::Serializable).await?.nodes;
                Ok(register(&tx, &registered, new, incarnation, now))
            })
            .await
    }

    /// Registers a process again whose registration as `old` was removed: with the same id, if that is free. Fails with
    /// `Replaced` if it must have an id that another process has taken.
    pub(super) async fn register_again(
        &self,
        new: &NewNode,
        old: AgentId,
        incarnation: Incarnation,
        now: Timestamp,
    ) -> Result<Node, HeartbeatError> {
        self.db
            .run("register node again", |tx| async move {
                let registered = read_all(&tx, Isolation::Serializable).await?.nodes;
                let id = new.id.unwrap_or(old);
                let is_taken = registered.iter().any(|node| node.id == id && node.incarnation != incarnation);
                if is_taken && new.id.is_some() {
                    return Err(HeartbeatError::Replaced);
                }
                let new = NewNode { id: (!is_taken).then_some(id), ..new.clone() };
                Ok(register(&tx, &registered, &new, incarnation, now))
            })
            .await
    }

    /// Registers the only process that uses this metastore: all other registrations are removed.
    pub(super) async fn register_alone(
        &self,
        new: &NewNode,
        incarnation: Incarnation,
        now: Timestamp,
    ) -> Result<Node, Error> {
        self.db
            .run("register node alone", |tx| async move {
                let all = all_rows();
                tx.clear_range(&all.begin, &all.end);
                Ok(register(&tx, &[], new, incarnation, now))
            })
            .await
    }

    /// Records a heartbeat of a node, and its state. Returns all nodes, by id.
    pub async fn heartbeat(
        &self,
        lease_owner: LeaseOwner,
        state: NodeState,
        now: Timestamp,
    ) -> Result<Vec<Node>, HeartbeatError> {
        Ok(self.heartbeat_and_read(lease_owner, state, CompactionLoad::default(), now).await?.nodes)
    }

    /// As [`Self::heartbeat`]; returns replaced registrations, too.
    pub(super) async fn heartbeat_and_read(
        &self,
        lease_owner: LeaseOwner,
        state: NodeState,
        compaction: CompactionLoad,
        now: Timestamp,
    ) -> Result<NodeRows, HeartbeatError> {
        self.db
            .run("heartbeat", |tx| async move {
                // Everything but the node's own registration is read by snapshot: heartbeats, two a second and node,
                // conflict with nothing.
                let reading = try_join(incarnation_of(&tx, lease_owner.id), read_all(&tx, Isolation::Snapshot));
                let (incarnation, mut registered) = reading.await?;
                if incarnation.ok_or(HeartbeatError::Removed)? != lease_owner.incarnation {
                    return Err(HeartbeatError::Replaced);
                }
                for node in registered.nodes.iter_mut().filter(|node| node.id == lease_owner.id) {
                    (node.heartbeats, node.clock) = (node.heartbeats.wrapping_add(1), now);
                    (node.state, node.compaction) = (state, compaction);
                    tx.set(&heartbeat_key(node.id), &encode_heartbeat(&HeartbeatRow::of(node)));
                }
                Ok(registered)
            })
            .await
    }

    /// All nodes, by id.
    pub async fn list(&self) -> Result<Vec<Node>, Error> {
        Ok(self.read().await?.nodes)
    }

    /// All rows of nodes.
    pub(super) async fn read(&self) -> Result<NodeRows, Error> {
        self.db.read("list nodes", |tx| async move { read_all(&tx, Isolation::Snapshot).await }).await
    }

    /// Removes a registration that has sent no heartbeat since that with the number `heartbeats`. Returns whether it
    /// did.
    pub async fn remove_silent(&self, lease_owner: LeaseOwner, heartbeats: u64) -> Result<bool, Error> {
        self.db
            .run("remove silent node", |tx| async move {
                if !is_registered(&tx, lease_owner).await? {
                    let is_replaced = tx.get(&replaced_key(lease_owner)).await?.is_some();
                    tx.clear(&replaced_key(lease_owner));
                    return Ok(is_replaced || tx.is_maybe_committed());
                }
                let last = tx.get(&heartbeat_key(lease_owner.id)).await?.ok_or(MISSING_HEARTBEAT)?;
                let is_silent = decode_heartbeat(&last)?.heartbeats == heartbeats;
                if is_silent {
                    remove(&tx, lease_owner.id);
                }
                Ok(is_silent)
            })
            .await
    }

    /// Removes a registration, if it still exists.
    pub async fn leave(&self, lease_owner: LeaseOwner) -> Result<(), Error> {
        self.db
            .run("leave", |tx| async move {
                if is_registered(&tx, lease_owner).await? {
                    remove(&tx, lease_owner.id);
                }
                tx.clear(&replaced_key(lease_owner));
                Ok(())
            })
            .await
    }
}

/// Whether `lease_owner` is registered. The read adds a conflict range on a row that only its removal changes.
pub(crate) async fn is_registered(tx: &Tx, lease_owner: LeaseOwner) -> Result<bool, Error> {
    Ok(incarnation_of(tx, lease_owner.id).await? == Some(lease_owner.incarnation))
}

/// Whether `lease_owner` may still believe that it is registered, so that its leases are not free.
pub(crate) async fn may_hold_leases(tx: &Tx, lease_owner: LeaseOwner) -> Result<bool, Error> {
    Ok(is_registered(tx, lease_owner).await? || tx.get(&replaced_key(lease_owner)).await?.is_some())
}

async fn incarnation_of(tx: &Tx, id: AgentId) -> Result<Option<Incarnation>, Error> {
    let row = tx.get(&registration_key(id)).await?;
    Ok(row.map(|row| decode_registration(id, &row)).transpose()?.map(|node| node.incarnation))
}

fn remove(tx: &Tx, id: AgentId) {
    tx.clear(&registration_key(id));
    tx.clear(&heartbeat_key(id));
}

/// Writes the registration of `new`, unless an earlier attempt has. Its id and rank are chosen among those that the
/// nodes `registered`, read by this transaction, do not have.
fn register(tx: &Tx, registered: &[Node], new: &NewNode, incarnation: Incarnation, now: Timestamp) -> Node {
    if let Some(done) = registered.iter().find(|node| node.incarnation == incarnation) {
        return done.clone();
    }
    let ids: BTreeSet<_> = registered.iter().map(|node| node.id.0).collect();
    let id = new.id.or_else(|| (0..).find(|id| !ids.contains(id)).map(AgentId));
    let id = id.expect("a store holds fewer nodes than there are ids");
    let is_agent_of_zone =
        |node: &&Node| node.kafka.is_some() && node.zone.as_deref() == new.zone.as_deref() && node.id != id;
    let ranks: BTreeSet<_> = registered.iter().filter(is_agent_of_zone).map(|node| node.rank).collect();
    let lowest = || (0..).find(|rank| !ranks.contains(rank)).expect("a store holds fewer nodes than there are ranks");
    let node = Node {
        id,
        incarnation,
        rank: if new.kafka.is_some() { lowest() } else { 0 },
        zone: new.zone.as_deref().map(Into::into),
        kafka: new.kafka.clone(),
        http: new.http.clone(),
        compacts: new.compacts,
        version: new.version.clone(),
        started: now,
        heartbeats: 0,
        clock: now,
        state: NodeState::Active,
        expiry: new.expiry,
        compaction: CompactionLoad::default(),
    };
    if let Some(old) = registered.iter().find(|node| node.id == id) {
        tx.set(&replaced_key(old.lease_owner()), &encode_heartbeat(&HeartbeatRow::of(old)));
    }
    tx.set(&registration_key(id), &encode_registration(&node));
    tx.set(&heartbeat_key(id), &encode_heartbeat(&HeartbeatRow::of(&node)));
    node
}

/// All nodes. `isolation` is that of registrations and removals; heartbeats never conflict.
async fn read_all(tx: &Tx, isolation: Isolation) -> Result<NodeRows, Error> {
    let registrations = match isolation {
        Isolation::Serializable => all_registrations(),
        Isolation::Snapshot => all_registrations().snapshot(),
    };
    let reads = (tx.range(registrations), tx.range(all_heartbeats().snapshot()), tx.range(all_replaced().snapshot()));
    let (rows, heartbeats, replaced) = try_join3(reads.0, reads.1, reads.2).await?;
    let heartbeats = heartbeats.iter().map(|(key, row)| Ok((decode_node_key(key)?, decode_heartbeat(row)?)));
    let heartbeats = heartbeats.collect::<Result<BTreeMap<_, _>, RowError>>()?;
    let node = |(key, row): &(bytes::Bytes, bytes::Bytes)| {
        let node = decode_registration(decode_node_key(key)?, row)?;
        let last = heartbeats.get(&node.id).filter(|last| last.incarnation == node.incarnation);
        let last = last.ok_or(MISSING_HEARTBEAT)?;
        let HeartbeatRow { incarnation: _, heartbeats, clock, state, expiry, compaction } = *last;
        Ok(Node { heartbeats, clock, state, expiry, compaction, ..node })
    };
    let replaced = replaced.iter().map(|(key, last)| Ok((decode_replaced_key(key)?, decode_heartbeat(last)?.expiry)));
    Ok(NodeRows {
        nodes: rows.iter().map(node).collect::<Result<_, RowError>>()?,
        replaced: replaced.collect::<Result<_, RowError>>()?,
    })
}

const MISSING_HEARTBEAT: RowError = RowError { row: "heartbeat", problem: RowProblem::Missing };
