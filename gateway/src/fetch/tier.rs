//! Tail, cold or history: where a fetch reads records from. This file decides it, and no other does.
//!
//! [`find_extents`] decides per partition: the first record is new (tail) or old (cold). It is new if this agent wrote
//! its segment lately, or the feed announced it a moment ago. The read plan, made for the whole fetch, decides which
//! segments are loaded whole. [`source`] decides per extent which bytes are read and which cache keeps them:
//!
//! | extent | read |
//! |---|---|
//! | segment that this agent wrote lately | its batches, from memory ([`RecentSegments`]) |
//! | segment at the tail that the plan loads whole | the whole segment, cached by the tail cache |
//! | old segment that the plan loads whole, because the fetch wants most of it | the whole, cached by the cold cache |
//! | other segment | the requested runs, cached by the cold cache |
//! | marker | nothing; the control batch is made from the extent |
//! | history file | blocks cached by the cold cache, decoded into chunks that are cached as well |

use std::ops::Range;
use std::sync::Arc;

use alluvium_model::transaction::{TransactionalProducer, Verdict};
use alluvium_model::{Extent, ExtentSource, Offset, TopicPartition};
use alluvium_wire::batch::Batch;

use crate::metadata_cache::{CachedExtents, MetadataCache, MetadataCacheError};
use crate::recent_segments::RecentSegments;

/// Whether the records of a partition are new or old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// New: this agent wrote the first of them lately, or the feed announced it a moment ago.
    Tail,
    /// Old.
    Cold,
}

/// Where the batches of one extent are read from.
pub enum ReadSource<'a> {
    /// This agent wrote the segment lately: the batches of the run, in memory.
    RecentSegment(Arc<[Batch]>),
    /// A segment that is loaded whole, into the cache of this tier; the run lies at this byte range.
    WholeSegment(Tier, &'a Range<u64>),
    /// A segment of which only runs are loaded; this one lies at this byte range.
    SegmentRun(&'a Range<u64>),
    /// A history file.
    History,
    /// Nothing: the extent itself says all about the end of a transaction.
    Marker(TransactionalProducer, Verdict),
}

/// The extents of `partition` that cover `offsets`, up to about `bytes`. The first may begin before `offsets`.
///
/// # Errors
/// If the metastore does not answer a lookup.
pub async fn find_extents(
    metadata_cache: &MetadataCache,
    recent: &RecentSegments,
    partition: TopicPartition,
    offsets: Range<Offset>,
    bytes: u64,
    committed: bool,
) -> Result<(Tier, CachedExtents), MetadataCacheError> {
    if offsets.start >= offsets.end {
        return Ok((Tier::Tail, CachedExtents::none()));
    }
    match metadata_cache.recent_extents(partition, offsets.start, bytes) {
        Some(extents) => {
            let mut in_objects = extents.extents.iter().filter(|extent| !extent.is_marker());
            let is_new = in_objects.next().is_none_or(|first| is_new(metadata_cache, recent, first));
            Ok((if is_new { Tier::Tail } else { Tier::Cold }, extents))
        }
        None => Ok((Tier::Cold, metadata_cache.cold_extents(partition, offsets, bytes, committed).await?)),
    }
}

fn is_new(metadata_cache: &MetadataCache, recent: &RecentSegments, extent: &Extent) -> bool {
    let is_announced = || metadata_cache.announced_segment(extent.object).is_some_and(|segment| segment.is_new);
    recent.holds(extent.object) || is_announced()
}

/// Where `extent` is read from. `whole` is the tier whose cache keeps its segment, if that is loaded whole.
pub fn source<'a>(extent: &'a Extent, whole: Option<Tier>, recent: &RecentSegments) -> ReadSource<'a> {
    match &extent.source {
        ExtentSource::Segment { position, .. } => match (recent.run(extent.object, position.start), whole) {
            (Some(batches), Some(_) | None) => ReadSource::RecentSegment(batches),
            (None, Some(tier)) => ReadSource::WholeSegment(tier, position),
            (None, None) => ReadSource::SegmentRun(position),
        },
        ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => ReadSource::History,
        ExtentSource::Marker { producer, verdict } => ReadSource::Marker(*producer, *verdict),
    }
}
