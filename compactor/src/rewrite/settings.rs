//! What a rewriter is told once.

use std::time::Duration;

use alluvium_history::HistoryCompression;

use crate::plan::Sharing;

/// Settings of a [`Rewriter`](super::Rewriter).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RewriteSettings {
    /// Random id of this process: part of the names of its outputs.
    pub(crate) writer: u32,
    /// Size up to which a history file is written.
    pub(crate) file_bytes_target: u64,
    /// How history files are compressed.
    pub(crate) compression: HistoryCompression,
    /// Which partitions share files.
    pub(crate) sharing: Sharing,
    /// Memory of a job for segments that it has fetched and not yet added, bytes.
    pub(crate) read_ahead_bytes: u64,
    /// From retiring a replaced object to deleting it.
    pub(crate) retire_grace: Duration,
    /// An output that is not swapped in within this time of its start is abandoned.
    pub(crate) output_age_max: Duration,
}
