//! Why the cached could not be brought up to date.

use thiserror::Error;

/// The metastore did not answer, or what it holds cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct MetadataCacheError(#[from] pub alluvium_metastore::Error);
