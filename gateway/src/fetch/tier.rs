//! Tail, cold or history: where a fetch reads records from. This file decides it, and no other does.
//!
//! [`find_extents`] decides per partition: the feed announced the extents lately and they are in memory (tail), or they
//! have to be looked up in the metastore (cold). [`source`] decides per extent which bytes are read and which cache
//! keeps them:
//!
//! | extent | extents found | read |
//! |---|---|---|
//! | segment that this agent wrote lately | tail or cold | its batches, from memory ([`RecentSegments`]) |
//! | other segment | tail | the whole segment, cached by the tail cache |
//! | other segment | cold | the requested runs, cached by the cold cache |
//! | history file | cold | blocks cached by the cold cache, decoded into chunks that are cached as well |

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::{Extent, ExtentSource, Offset, TopicPartition};
use alluvium_wire::batch::Batch;

use crate::metadata_cache::{MetadataCache, MetadataCacheError};
use crate::recent_segments::RecentSegments;

/// Whether the records of a partition are new or old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// New: the feed announced their extents lately.
    Tail,
    /// Old: their extents were looked up in the metastore.
    Cold,
}

/// Where the batches of one extent are read from.
pub enum ReadSource<'a> {
    /// This agent wrote the segment lately: the batches of the run, in memory.
    RecentSegment(Arc<[Batch]>),
    /// A segment at the tail, loaded whole; the run lies at this byte range.
    TailSegment(&'a Range<u64>),
    /// An old segment, of which only runs are loaded; this one lies at this byte range.
    ColdSegment(&'a Range<u64>),
    /// A history file.
    History,
}

/// The extents of `partition` that cover `offsets`, up to about `bytes`. The first may begin before `offsets`.
///
/// # Errors
/// If the metastore does not answer a lookup.
pub async fn find_extents(
    metadata_cache: &MetadataCache,
    partition: TopicPartition,
    offsets: Range<Offset>,
    bytes: u64,
) -> Result<(Tier, Vec<Arc<Extent>>), MetadataCacheError> {
    if offsets.start >= offsets.end {
        return Ok((Tier::Tail, Vec::new()));
    }
    match metadata_cache.recent_extents(partition, offsets.start, bytes) {
        Some(extents) => Ok((Tier::Tail, extents)),
        None => Ok((Tier::Cold, metadata_cache.cold_extents(partition, offsets, bytes).await?)),
    }
}

/// Where `extent`, found in `tier`, is read from.
pub fn source<'a>(extent: &'a Extent, tier: Tier, recent: &RecentSegments) -> ReadSource<'a> {
    match &extent.source {
        ExtentSource::Segment { position, .. } => match (recent.run(extent.object, position.start), tier) {
            (Some(batches), Tier::Tail | Tier::Cold) => ReadSource::RecentSegment(batches),
            (None, Tier::Tail) => ReadSource::TailSegment(position),
            (None, Tier::Cold) => ReadSource::ColdSegment(position),
        },
        ExtentSource::History { .. } => ReadSource::History,
    }
}
