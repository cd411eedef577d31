//! All concepts over one store.

use crate::{
    cluster::{Cluster, OpenError},
    feed::Feed,
    groups::Groups,
    kv::Db,
    leases::Leases,
    log::Log,
    nodes::Nodes,
    objects::Objects,
    offsets::Offsets,
    producers::Producers,
    topics::Topics,
};
use alluvium_runtime::Rng;

/// All concepts over one store. Clones share it. Hand on the concept that is used, not the whole.
#[derive(Clone)]
pub struct Metastore {
    /// The store.
    pub db: Db,
    /// Which cluster this is.
    pub cluster: Cluster,
    /// Topics.
    pub topics: Topics,
    /// Partitions' logs.
    pub log: Log,
    /// Idempotent producers.
    pub producers: Producers,
    /// Consumer groups.
    pub groups: Groups,
    /// Committed offsets of consumer groups.
    pub offsets: Offsets,
    /// Objects: references and the retire queue.
    pub objects: Objects,
    /// What changed lately.
    pub feed: Feed,
    /// Registered processes.
    pub nodes: Nodes,
    /// Claims on what one node does alone.
    pub leases: Leases,
}

impl Metastore {
    /// Opens the store behind `db`: a fresh one becomes a new cluster, one of another format version is refused.
    pub async fn open(db: Db, rng: &dyn Rng) -> Result<Self, OpenError> {
        let cluster = Cluster::open(&db, rng).await?;
        Ok(Self {
            cluster,
            topics: Topics::new(db.clone()),
            log: Log::new(db.clone()),
            producers: Producers::new(db.clone()),
            groups: Groups::new(db.clone()),
            offsets: Offsets::new(db.clone()),
            objects: Objects::new(db.clone()),
            feed: Feed::new(db.clone()),
            nodes: Nodes::new(db.clone()),
            leases: Leases::new(db.clone()),
            db,
        })
    }
}
