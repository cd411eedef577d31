//! The metastore: all concepts over one key-value store.

use alluvium_runtime::Rng;

use crate::{
    cluster::{Cluster, OpenError},
    feed::Feed,
    groups::Groups,
    kv::Db,
    leases::Leases,
    log::Log,
    nodes::Nodes,
    objects::KnownObjects,
    offsets::Offsets,
    producers::Producers,
    topics::Topics,
    transactions::Transactions,
};

/// All concepts over one store. Clones share it. Pass on the concept that is needed rather than the whole.
#[derive(Clone)]
pub struct Metastore {
    /// The key-value store below all concepts.
    pub db: Db,
    /// The id of the cluster, and the format of its store.
    pub cluster: Cluster,
    /// Topics: created, altered, deleted, purged.
    pub topics: Topics,
    /// The logs of partitions: heads, extents, commits.
    pub log: Log,
    /// Idempotent producers: their ids and windows.
    pub producers: Producers,
    /// Consumer groups: their members and generations.
    pub groups: Groups,
    /// Committed offsets of consumer groups.
    pub offsets: Offsets,
    /// Transactional ids and their transactions.
    pub transactions: Transactions,
    /// Objects in the bucket: reference counts and the retire queue.
    pub objects: KnownObjects,
    /// The feed of recent changes.
    pub feed: Feed,
    /// Registered processes and their heartbeats.
    pub nodes: Nodes,
    /// Leases on what only one node may do at a time.
    pub leases: Leases,
}

impl Metastore {
    /// Opens the store behind `db`: a fresh one becomes a new cluster; one in another format is rejected, and one that
    /// was restored with lower versions.
    pub async fn open(db: Db, rng: &dyn Rng) -> Result<Self, OpenError> {
        let cluster = Cluster::open(&db, rng).await?;
        let feed = Feed::new(db.clone());
        feed.check_versions().await?;
        Ok(Self {
            cluster,
            topics: Topics::new(db.clone()),
            log: Log::new(db.clone()),
            producers: Producers::new(db.clone()),
            groups: Groups::new(db.clone()),
            offsets: Offsets::new(db.clone()),
            transactions: Transactions::new(db.clone()),
            objects: KnownObjects::new(db.clone()),
            feed,
            nodes: Nodes::new(db.clone()),
            leases: Leases::new(db.clone()),
            db,
        })
    }
}
