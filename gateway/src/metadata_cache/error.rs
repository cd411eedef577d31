//! Why the metadata cache could not be brought up to date.

use thiserror::Error;

/// The metastore did not answer, or a stored value cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(transparent)]
pub struct MetadataCacheError(#[from] pub alluvium_metastore::Error);
