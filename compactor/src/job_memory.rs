//! The memory of one job, by its parts. Each part is counted where it is held, and waits or is cut at its limit.
//!
//! A job of several compactions collects all their inputs, then encodes and publishes one file after the other. A job of
//! one compaction encodes its inputs as they are read, up to a full file. So the first part is one of these:
//!
//! | part | limit | counted by |
//! |---|---|---|
//! | inputs that are collected, or the file that is built | `file_bytes_target` | `plan::pack`, `FileBuilder::is_full` |
//! | segments that are fetched and not yet added | `read_ahead_bytes`, or one segment twice | `rewrite/read_ahead.rs` |
//! | files that are finished and not yet put | [`BATCH_BYTES_MAX`], or one file | `rewrite/batch.rs` |
//! | the encoder, and the batch and the records that are decoded for it | [`ENCODER_BYTES`] | one at a time |
//!
//! Beyond these a batch of records may decompress to more, for as long as it is decoded: up to 256 MiB
//! (`rewrite/segment_run.rs`).

/// Bytes of segments that a job fetches before they are added: eight of 4 MiB, each counted twice because a response is
/// put together from its pieces.
pub(crate) const READ_AHEAD_BYTES: u64 = 64 << 20;
/// Bytes of finished files that are put side by side, unless a single one is larger.
pub(crate) const BATCH_BYTES_MAX: u64 = 32 << 20;
/// The encoder beside the file that it writes, and what is decoded for it: pages of its columns before they are
/// compressed, a chunk of 256 KiB, one batch of records.
const ENCODER_BYTES: u64 = 16 << 20;

/// The most memory of a job that writes files of up to `file_bytes_target` and reads `read_ahead_bytes` ahead, bytes.
pub(crate) fn most(file_bytes_target: u64, read_ahead_bytes: u64) -> u64 {
    let parts = [file_bytes_target, read_ahead_bytes, BATCH_BYTES_MAX, ENCODER_BYTES];
    parts.into_iter().fold(0, u64::saturating_add)
}
