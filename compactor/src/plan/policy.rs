//! The compaction policy: which extents of one partition become which files, and when.

use std::ops::Range;
use std::time::Duration;

use alluvium_model::{Extent, Offset, Timestamp, limits};

use super::sharing::merge_bytes_max;

/// Data of fewer bytes than this is small and waits longer: slightly active partitions must not cost a rewrite each every
/// few minutes.
const SMALL_BYTES: u64 = 1 << 20;
/// Extents that one rewrite replaces: as many as one swap takes.
const REWRITE_INPUTS_MAX: usize = limits::SWAP_INPUTS_MAX;
/// Extents from which on a partition is eligible, whatever their size and age: each is a row of the metastore, and a
/// read of consumers that come late. A rewrite of as many costs one PUT for them all.
const EXTENTS_MIN: u64 = 500;
/// Level-0 bytes given to one rewrite, as a multiple of the file's target size. Compression makes the file smaller than
/// its inputs, and the rewrite stops by itself when its file is full.
const REWRITE_BYTES_FACTOR: u64 = 4;
/// History files that one merge replaces.
const MERGE_INPUTS_MAX: usize = 64;
/// Fewer adjacent files than this are not worth a merge yet.
const MERGE_INPUTS_MIN: usize = 4;
/// Files that one merge replaces if some are shared: all their parts are replaced too, 50 of each at most.
const SHARED_MERGE_INPUTS_MAX: usize = 16;

/// The user's thresholds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Level-0 bytes from which on adjacent segment extents are eligible.
    pub(crate) bytes_min: u64,
    /// Age of the oldest of them from which on they are eligible, unless they are small.
    pub(crate) age_max: Duration,
    /// Age from which on they are eligible however small.
    pub(crate) small_age_max: Duration,
    /// Size up to which a history file is written.
    pub(crate) file_bytes_target: u64,
}

/// Which possible rewrites to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them.
    All,
    /// Those that are large or old enough.
    Eligible,
    /// Those, and small ones that soon will be, because slow ones are rewritten.
    Early,
    /// None: only what there is matters.
    None,
}

/// What to do about one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartitionPlan {
    /// Adjacent segment extents to rewrite, as indices into the partition's extents.
    pub(crate) rewrites: Vec<Range<usize>>,
    /// Adjacent history files to merge, as indices into the partition's extents.
    pub(crate) merges: Vec<Range<usize>>,
    /// The partition's data at level 0.
    pub(crate) lag: Lag,
    /// Of that, what is free and not among the rewrites.
    pub(crate) pending: Lag,
    /// Start of the oldest extent at level 0.
    pub(crate) level_0_start: Option<Offset>,
    /// Extents below this offset never need to be rewritten again.
    pub(crate) compacted_through: Offset,
}

/// The data of a partition that is still at level 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Bytes in segments.
    pub(crate) bytes: u64,
    /// Segment extents.
    pub(crate) extents: u64,
    /// When the oldest segment was written; `None` if there is none.
    pub(crate) oldest: Option<Timestamp>,
}

impl Lag {
    /// This data and `other` data.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(other.bytes),
            extents: self.extents.saturating_add(other.extents),
            oldest: self.oldest.into_iter().chain(other.oldest).min(),
        }
    }
}

impl Policy {
    /// The time from which data at level 0 is worth a rewrite.
    pub(crate) fn ripe_at(&self, lag: &Lag) -> Timestamp {
        let is_large = lag.bytes >= self.bytes_min || lag.extents >= EXTENTS_MIN;
        match lag.oldest {
            Some(_) if is_large => Timestamp(0),
            Some(oldest) => oldest.plus(self.age_of(lag.bytes)),
            None => Timestamp(i64::MAX),
        }
    }

    /// The time from which data at level 0 is rewritten if slow partitions are, as it mostly lies in the same segments: if
    /// it is small, at three quarters of the age. Those that were rewritten together are ripe together next time.
    pub(crate) fn early_at(&self, lag: &Lag) -> Timestamp {
        let ripe_at = self.ripe_at(lag);
        match lag.oldest {
            Some(oldest) if is_small(lag.bytes) => ripe_at.min(oldest.plus(self.age_of(lag.bytes) / 4 * 3)),
            _ => ripe_at,
        }
    }

    /// Whether data at level 0 has become ripe at `now` because it has waited as long as the smallest may. What is ripe
    /// more often brings no others along: they would be taken one by one, each before its time.
    pub(crate) fn is_slow(&self, lag: &Lag, now: Timestamp) -> bool {
        is_small(lag.bytes) && lag.oldest.is_some_and(|oldest| oldest.plus(self.age_longest()) <= now)
    }

    /// The age at which `bytes` of data are worth a rewrite: the smaller, the older, in proportion.
    pub(crate) fn age_of(&self, bytes: u64) -> Duration {
        let times = u32::try_from(SMALL_BYTES / bytes.clamp(1, SMALL_BYTES)).unwrap_or(u32::MAX);
        self.age_max.saturating_mul(times).min(self.age_longest())
    }

    fn age_longest(&self) -> Duration {
        self.small_age_max.max(self.age_max)
    }
}

/// Whether `bytes` of data are so few that they wait longer.
fn is_small(bytes: u64) -> bool {
    bytes < SMALL_BYTES
}

/// Plans a partition whose extents are `extents`: in order, without gaps, all below its stable offset. Extents that are
/// not `is_free` are part of a job that runs, or could not be read before, and stay as they are.
pub(crate) fn plan(
    extents: &[Extent],
    policy: &Policy,
    selection: Selection,
    now: Timestamp,
    is_free: impl Fn(&Extent) -> bool,
) -> PartitionPlan {
    let segments: Vec<Range<usize>> = runs(extents, |extent| extent.is_level_0() && is_free(extent));
    let files: Vec<Range<usize>> = runs(extents, |extent| !extent.is_level_0() && is_free(extent));
    let rewrites = segments.iter().flat_map(|run| cut(extents, run.clone(), policy));
    let is_selected = |run: &Range<usize>| match selection {
        Selection::All => true,
        Selection::Eligible => policy.ripe_at(&lag(&extents[run.clone()])) <= now,
        Selection::Early => policy.early_at(&lag(&extents[run.clone()])) <= now,
        Selection::None => false,
    };
    let (rewrites, rest): (Vec<_>, Vec<_>) = rewrites.partition(is_selected);
    PartitionPlan {
        rewrites,
        merges: files.iter().flat_map(|run| merges(extents, run.clone(), policy)).collect(),
        lag: lag(extents),
        pending: lag(rest.iter().flat_map(|run| &extents[run.clone()])),
        level_0_start: extents.iter().find(|extent| extent.is_level_0()).map(|extent| extent.offsets.start),
        compacted_through: compacted_through(extents, policy),
    }
}

/// The longest runs of adjacent extents that satisfy `is_wanted`, as indices.
fn runs(extents: &[Extent], is_wanted: impl Fn(&Extent) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (index, extent) in extents.iter().enumerate() {
        let is_adjacent = index > 0 && extents[index - 1].offsets.end == extent.offsets.start;
        match runs.last_mut() {
            _ if !is_wanted(extent) => {}
            Some(run) if run.end == index && is_adjacent => run.end = index + 1,
            _ => runs.push(index..index + 1),
        }
    }
    runs
}

/// Cuts a run of segment extents into rewrites of bounded size.
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

/// The merges within a run of history files.
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

/// How many of the first `files` to merge: as many as fit one file, if the largest is at most half of the result. Shared
/// ones count whole, as all that is in them is written again.
fn merge_from(files: &[Extent], policy: &Policy) -> Option<usize> {
    let (mut bytes_max, mut inputs_max) = (policy.file_bytes_target, MERGE_INPUTS_MAX);
    let (mut sum, mut largest, mut inputs) = (0_u64, 0_u64, None);
    for (at, file) in files.iter().enumerate() {
        if file.is_shared() {
            (bytes_max, inputs_max) = (merge_bytes_max(policy.file_bytes_target), SHARED_MERGE_INPUTS_MAX);
        }
        sum = sum.saturating_add(file.file_bytes());
        largest = largest.max(file.file_bytes());
        if sum > bytes_max || at >= inputs_max {
            break;
        }
        if at + 1 >= MERGE_INPUTS_MIN && largest <= sum / 2 {
            inputs = Some(at + 1);
        }
    }
    inputs
}

/// What of `extents` is at level 0.
pub(crate) fn lag<'a>(extents: impl IntoIterator<Item = &'a Extent>) -> Lag {
    let lag_of = |extent: &Extent| Lag { bytes: extent.bytes, extents: 1, oldest: Some(extent.arrived()) };
    extents.into_iter().filter(|extent| extent.is_level_0()).map(lag_of).fold(Lag::default(), Lag::plus)
}

/// The end of the leading history files that are too large for any merge.
fn compacted_through(extents: &[Extent], policy: &Policy) -> Offset {
    let is_final = |extent: &&Extent| !extent.is_level_0() && extent.bytes > policy.file_bytes_target / 2;
    let start = extents.first().map_or(Offset(0), |extent| extent.offsets.start);
    extents.iter().take_while(is_final).last().map_or(start, |extent| extent.offsets.end)
}
