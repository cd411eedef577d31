//! Removes what is due: deleted topics and retired objects (`deletion.rs`), and expired rows (`expiry.rs`).

use alluvium_metastore::Metastore;
use alluvium_objects::Objects;

use crate::config::CompactorConfig;

mod deletion;
mod expiry;
mod failed_deletions;

use failed_deletions::FailedDeletions;

/// Removes what is due, each kind under the lease on its role.
pub(crate) struct Cleanup {
    metastore: Metastore,
    objects: Objects,
    config: CompactorConfig,
    failed: FailedDeletions,
}

impl Cleanup {
    pub(crate) fn new(metastore: Metastore, objects: Objects, config: CompactorConfig) -> Self {
        Self { metastore, objects, config, failed: FailedDeletions::default() }
    }
}
