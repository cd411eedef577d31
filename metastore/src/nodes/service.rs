//! Nodes as transactions.

use std::collections::{BTreeMap, BTreeSet};

use alluvium_model::{AgentId, Timestamp};
use futures::future::{try_join, try_join3};
use thiserror::Error as ThisError;

use super::{
    Incarnation, LeaseOwner, NewNode, Node, NodeState,
    codec::{Beat, decode_beat, decode_registration, encode_beat, encode_registration},
    key::{all, all_replaced, beat_key, beats, lease_owner_of, node_of, registration_key, registrations, replaced_key},
};
use crate::{
    keyspace::{Error, RowError, RowProblem, from_store},
    kv::{Db, Tx},
};

/// All rows of nodes at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registered {
    /// By id.
    pub nodes: Vec<Node>,
    /// Registrations whose id another process took, until it is sure that they know it.
    pub replaced: Vec<LeaseOwner>,
}

/// Registered processes. Clones share the store.
#[derive(Clone)]
pub struct Nodes {
    db: Db,
}

/// Why a heartbeat was not taken.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum BeatError {
    /// The registration was removed: others took the node for gone.
    #[error("the registration of this node was removed, for it was not heard of in time")]
    Gone,
    /// Another process has registered itself under this id.
    #[error("another process has taken the id of this node")]
    Replaced,
    /// The store failed.
    #[error(transparent)]
    Metastore(#[from] Error),
}

from_store!(BeatError);

impl Nodes {
    /// Nodes in `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// Registers a process. It takes over the id that it insists on; whoever had it learns so from its next heartbeat, and
    /// what that one has claimed stays claimed until it is sure to know.
    /// Without one it gets the lowest that is not registered. Its rank is the lowest that no agent of its zone has.
    /// `incarnation` is random and new for every registration.
    pub async fn register(&self, new: &NewNode, incarnation: Incarnation, now: Timestamp) -> Result<Node, Error> {
        self.db
            .run("register node", |tx| async move {
                let registered = read_all(&tx, Reading::Serializable).await?.nodes;
                Ok(register(&tx, &registered, new, incarnation, now))
            })
            .await
    }

    /// Registers a process again that lost its registration as `old`: under this id, where it is free. `Replaced`: another
    /// has the id that it insists on.
    pub(super) async fn register_again(
        &self,
        new: &NewNode,
        old: AgentId,
        incarnation: Incarnation,
        now: Timestamp,
    ) -> Result<Node, BeatError> {
        self.db
            .run("register node again", |tx| async move {
                let registered = read_all(&tx, Reading::Serializable).await?.nodes;
                let id = new.id.unwrap_or(old);
                let is_taken = registered.iter().any(|node| node.id == id && node.incarnation != incarnation);
                if is_taken && new.id.is_some() {
                    return Err(BeatError::Replaced);
                }
                let new = NewNode { id: (!is_taken).then_some(id), ..new.clone() };
                Ok(register(&tx, &registered, &new, incarnation, now))
            })
            .await
    }

    /// Registers the only process of this metastore: all other registrations are removed.
    pub(super) async fn register_alone(
        &self,
        new: &NewNode,
        incarnation: Incarnation,
        now: Timestamp,
    ) -> Result<Node, Error> {
        self.db
            .run("register node alone", |tx| async move {
                tx.clear_range(&all().begin, &all().end);
                Ok(register(&tx, &[], new, incarnation, now))
            })
            .await
    }

    /// Says that a node is alive, and in what state. Answers all nodes, by id.
    pub async fn beat(
        &self,
        lease_owner: LeaseOwner,
        state: NodeState,
        now: Timestamp,
    ) -> Result<Vec<Node>, BeatError> {
        Ok(self.beat_and_read(lease_owner, state, now).await?.nodes)
    }

    pub(super) async fn beat_and_read(
        &self,
        lease_owner: LeaseOwner,
        state: NodeState,
        now: Timestamp,
    ) -> Result<Registered, BeatError> {
        self.db
            .run("beat", |tx| async move {
                // By snapshot but for its own registration: heartbeats, twice a second each, conflict with nobody.
                let reading = try_join(incarnation_of(&tx, lease_owner.id), read_all(&tx, Reading::Snapshot));
                let (incarnation, mut registered) = reading.await?;
                if incarnation.ok_or(BeatError::Gone)? != lease_owner.incarnation {
                    return Err(BeatError::Replaced);
                }
                for node in registered.nodes.iter_mut().filter(|node| node.id == lease_owner.id) {
                    (node.beat, node.clock, node.state) = (node.beat.wrapping_add(1), now, state);
                    tx.set(&beat_key(node.id), &encode_beat(&Beat::of(node)));
                }
                Ok(registered)
            })
            .await
    }

    /// All nodes, by id.
    pub async fn list(&self) -> Result<Vec<Node>, Error> {
        Ok(self.read().await?.nodes)
    }

    pub(super) async fn read(&self) -> Result<Registered, Error> {
        self.db.read("list nodes", |tx| async move { read_all(&tx, Reading::Snapshot).await }).await
    }

    /// Removes a registration that has not beaten since `beat`. Whether it did.
    pub async fn reap(&self, lease_owner: LeaseOwner, beat: u64) -> Result<bool, Error> {
        self.db
            .run("reap node", |tx| async move {
                if !is_current(&tx, lease_owner).await? {
                    let is_replaced = tx.get(&replaced_key(lease_owner)).await?.is_some();
                    tx.clear(&replaced_key(lease_owner));
                    return Ok(is_replaced || tx.is_maybe_committed());
                }
                let last = tx.get(&beat_key(lease_owner.id)).await?.ok_or(MISSING_BEAT)?;
                let is_silent = decode_beat(&last)?.beat == beat;
                if is_silent {
                    remove(&tx, lease_owner.id);
                }
                Ok(is_silent)
            })
            .await
    }

    /// Ends a registration, where it is still there.
    pub async fn leave(&self, lease_owner: LeaseOwner) -> Result<(), Error> {
        self.db
            .run("leave", |tx| async move {
                if is_current(&tx, lease_owner).await? {
                    remove(&tx, lease_owner.id);
                }
                tx.clear(&replaced_key(lease_owner));
                Ok(())
            })
            .await
    }
}

/// Whether `lease_owner` is registered; a conflict read of a row that nothing but its end changes.
pub(crate) async fn is_current(tx: &Tx, lease_owner: LeaseOwner) -> Result<bool, Error> {
    Ok(incarnation_of(tx, lease_owner.id).await? == Some(lease_owner.incarnation))
}

/// Whether `lease_owner` may still take itself for registered, so that what it has claimed is not free.
pub(crate) async fn may_be_there(tx: &Tx, lease_owner: LeaseOwner) -> Result<bool, Error> {
    Ok(is_current(tx, lease_owner).await? || tx.get(&replaced_key(lease_owner)).await?.is_some())
}

async fn incarnation_of(tx: &Tx, id: AgentId) -> Result<Option<Incarnation>, Error> {
    let row = tx.get(&registration_key(id)).await?;
    Ok(row.map(|row| decode_registration(id, &row)).transpose()?.map(|node| node.incarnation))
}

fn remove(tx: &Tx, id: AgentId) {
    tx.clear(&registration_key(id));
    tx.clear(&beat_key(id));
}

/// Writes the registration of `new` among those `registered`, unless an earlier attempt has. Both in one place, so that
/// an id and a rank are chosen from what this transaction read.
fn register(tx: &Tx, registered: &[Node], new: &NewNode, incarnation: Incarnation, now: Timestamp) -> Node {
    if let Some(done) = registered.iter().find(|node| node.incarnation == incarnation) {
        return done.clone();
    }
    let ids: BTreeSet<_> = registered.iter().map(|node| node.id.0).collect();
    let id = new.id.or_else(|| (0..).find(|id| !ids.contains(id)).map(AgentId));
    let id = id.expect("a store holds fewer nodes than there are ids");
    let is_neighbour =
        |node: &&Node| node.kafka.is_some() && node.zone.as_deref() == new.zone.as_deref() && node.id != id;
    let ranks: BTreeSet<_> = registered.iter().filter(is_neighbour).map(|node| node.rank).collect();
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
        beat: 0,
        clock: now,
        state: NodeState::Active,
    };
    if let Some(old) = registered.iter().find(|node| node.id == id) {
        tx.set(&replaced_key(old.lease_owner()), &[]);
    }
    tx.set(&registration_key(id), &encode_registration(&node));
    tx.set(&beat_key(id), &encode_beat(&Beat::of(&node)));
    node
}

/// How registrations are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Whoever registers or is removed meanwhile conflicts. Heartbeats never do.
    Serializable,
    Snapshot,
}

async fn read_all(tx: &Tx, reading: Reading) -> Result<Registered, Error> {
    let registrations = match reading {
        Reading::Serializable => registrations(),
        Reading::Snapshot => registrations().snapshot(),
    };
    let reads = (tx.range(registrations), tx.range(beats().snapshot()), tx.range(all_replaced().snapshot()));
    let (rows, beats, replaced) = try_join3(reads.0, reads.1, reads.2).await?;
    let beats = beats.iter().map(|(key, row)| Ok((node_of(key)?, decode_beat(row)?)));
    let beats = beats.collect::<Result<BTreeMap<_, _>, RowError>>()?;
    let node = |(key, row): &(bytes::Bytes, bytes::Bytes)| {
        let node = decode_registration(node_of(key)?, row)?;
        let last = beats.get(&node.id).filter(|last| last.incarnation == node.incarnation).ok_or(MISSING_BEAT)?;
        Ok(Node { beat: last.beat, clock: last.clock, state: last.state, ..node })
    };
    let replaced = replaced.iter().map(|(key, _)| lease_owner_of(key));
    Ok(Registered {
        nodes: rows.iter().map(node).collect::<Result<_, RowError>>()?,
        replaced: replaced.collect::<Result<_, _>>()?,
    })
}

const MISSING_BEAT: RowError = RowError { row: "heartbeat", problem: RowProblem::Missing };
