//! One partition: which of its extents become which files.

use std::ops::Range;
use std::time::Duration;

use alluvium_model::{Extent, ExtentSource, Offset, Timestamp};

/// Extents that one rewrite replaces: well under what a swap takes (`limits::SWAP_INPUTS_MAX`).
const REWRITE_INPUTS_MAX: usize = 2_000;
/// Level-0 bytes offered to one rewrite, as a multiple of the file's target size: they shrink on the way, and the rewrite
/// stops by itself when its file is full.
const REWRITE_BYTES_FACTOR: u64 = 4;
/// History files that one merge replaces.
const MERGE_INPUTS_MAX: usize = 64;
/// Fewer neighbours than this are not worth a merge yet.
const MERGE_INPUTS_MIN: usize = 4;

/// What the user wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) bytes_min: u64,
    pub(crate) age_max: Duration,
    pub(crate) file_bytes_target: u64,
}

/// How much of what could be done is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// All of it.
    Everything,
    /// What is large or old enough.
    Ripe,
}

/// What to do about one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartitionPlan {
    /// Neighbouring segment extents to rewrite, as positions in the list.
    pub(crate) rewrites: Vec<Range<usize>>,
    /// Neighbouring history files to merge, as positions in the list.
    pub(crate) merges: Vec<Range<usize>>,
    /// What is at level 0.
    pub(crate) lag: Lag,
    /// Before this offset nothing will ever need to be done again.
    pub(crate) settled: Offset,
}

/// What is at level 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) bytes: u64,
    pub(crate) extents: u64,
    /// When the oldest of it was written.
    pub(crate) oldest: Option<Timestamp>,
}

/// What to do about a partition whose extents are `extents`, in order and end to end, all below its stable offset.
/// `is_broken` are those that were tried and cannot be read: they stay as they are.
pub(crate) fn plan(
    extents: &[Extent],
    policy: &Policy,
    urgency: Urgency,
    now: Timestamp,
    is_broken: impl Fn(&Extent) -> bool,
) -> PartitionPlan {
    let segments: Vec<Range<usize>> = runs(extents, |extent| is_segment(extent) && !is_broken(extent));
    let files: Vec<Range<usize>> = runs(extents, |extent| !is_segment(extent) && !is_broken(extent));
    let rewrites = segments.iter().flat_map(|run| cut(extents, run.clone(), policy));
    let ripe = |run: &Range<usize>| urgency == Urgency::Everything || is_ripe(&extents[run.clone()], policy, now);
    PartitionPlan {
        rewrites: rewrites.filter(ripe).collect(),
        merges: files.iter().flat_map(|run| merges(extents, run.clone(), policy)).collect(),
        lag: lag(extents),
        settled: settled(extents, policy),
    }
}

fn is_segment(extent: &Extent) -> bool {
    matches!(extent.source, ExtentSource::Segment { .. })
}

/// Longest neighbourhoods of extents that `belongs`.
fn runs(extents: &[Extent], belongs: impl Fn(&Extent) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, extent) in extents.iter().enumerate() {
        let follows = at > 0 && extents[at - 1].offsets.end == extent.offsets.start;
        match runs.last_mut() {
            _ if !belongs(extent) => {}
            Some(run) if run.end == at && follows => run.end = at + 1,
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// Cuts a neighbourhood of segment extents into rewrites of bounded size.
fn cut(extents: &[Extent], run: Range<usize>, policy: &Policy) -> Vec<Range<usize>> {
    let bytes_max = policy.file_bytes_target.saturating_mul(REWRITE_BYTES_FACTOR);
    let mut rewrites: Vec<Range<usize>> = Vec::new();
    let mut bytes: u64 = 0;
    for at in run {
        let fits = bytes.saturating_add(extents[at].bytes) <= bytes_max;
        match rewrites.last_mut() {
            Some(rewrite) if fits && rewrite.len() < REWRITE_INPUTS_MAX => rewrite.end = at + 1,
            _ => {
                rewrites.push(at..at + 1);
                bytes = 0;
            }
        }
        bytes = bytes.saturating_add(extents[at].bytes);
    }
    rewrites
}

fn is_ripe(extents: &[Extent], policy: &Policy, now: Timestamp) -> bool {
    let Lag { bytes, oldest, .. } = lag(extents);
    bytes >= policy.bytes_min
        || extents.len() >= REWRITE_INPUTS_MAX
        || oldest.is_some_and(|oldest| oldest.plus(policy.age_max) <= now)
}

/// Merges within a neighbourhood of history files.
fn merges(extents: &[Extent], run: Range<usize>, policy: &Policy) -> Vec<Range<usize>> {
    let mut merges = Vec::new();
    let mut at = run.start;
    while at < run.end {
        match merge_from(&extents[at..run.end], policy) {
            Some(inputs) => {
                merges.push(at..at + inputs);
                at += inputs;
            }
            None => at += 1,
        }
    }
    merges
}

/// How many of the first `files` to merge: as many as fit one file, provided that the largest is at most half of it.
fn merge_from(files: &[Extent], policy: &Policy) -> Option<usize> {
    let (mut sum, mut largest, mut inputs) = (0_u64, 0_u64, None);
    for (at, file) in files.iter().take(MERGE_INPUTS_MAX).enumerate() {
        sum = sum.saturating_add(file.bytes);
        largest = largest.max(file.bytes);
        if sum > policy.file_bytes_target {
            break;
        }
        if at + 1 >= MERGE_INPUTS_MIN && largest <= sum / 2 {
            inputs = Some(at + 1);
        }
    }
    inputs
}

fn lag(extents: &[Extent]) -> Lag {
    extents.iter().filter(|extent| is_segment(extent)).fold(Lag::default(), |lag, extent| {
        let written = extent.object.created();
        Lag {
            bytes: lag.bytes.saturating_add(extent.bytes),
            extents: lag.extents + 1,
            oldest: Some(lag.oldest.map_or(written, |oldest| oldest.min(written))),
        }
    })
}

/// The end of the leading history files that are too large for any merge.
fn settled(extents: &[Extent], policy: &Policy) -> Offset {
    let is_settled = |extent: &&Extent| !is_segment(extent) && extent.bytes > policy.file_bytes_target / 2;
    let start = extents.first().map_or(Offset(0), |extent| extent.offsets.start);
    extents.iter().take_while(is_settled).last().map_or(start, |extent| extent.offsets.end)
}
