//! The memory of one job, by its parts. Each part is counted where it is held, and waits or is cut at its limit.
//!
//! A job of several compactions collects all their inputs, then encodes and publishes one file after the other; a file
//! that waits to be put takes less than its inputs, which are gone by then. A job of one compaction encodes its inputs as
//! they are read, and publishes one file. So the first part is one of these:
//!
//! | part | limit | counted by |
//! |---|---|---|
//! | inputs that are collected, | `file_bytes_target` | `plan::pack` |
//! | or the one file that is built, with what its last input adds | `file_bytes_target`, one run | `FileBuilder::is_full` |
//! | segments that are fetched and not yet added | `read_ahead_bytes`, or one segment twice | `rewrite/read_ahead.rs` |
//! | files that are finished and not yet put | [`batch_bytes_max`], or one file | `rewrite/batch.rs`, `rewrite/slow_puts.rs` |
//! | the encoder, and the batch and the records that are decoded for it | [`ENCODER_BYTES`] | one at a time |
//!
//! A merge has its outputs instead, all of which it publishes together: a full file. If it takes shared history files apart,
//! half of that are their bytes, which it fetches whole, and half the files that it builds (`plan/sharing.rs`).
//!
//! Those for segments and for finished files follow from `file_bytes_target`: with small files there is memory for as
//! many jobs as before. Beyond these a batch of records may decompress to more, for as long as it is decoded: up to
//! 256 MiB (`rewrite/segment_run.rs`).

/// The most bytes of segments that a job fetches before they are added: the five that it does at most, of up to 6 MiB, as
/// each is counted twice because a response is put together from its pieces.
const READ_AHEAD_BYTES_MAX: u64 = 64 << 20;
/// The most bytes of finished files that are put side by side, unless a single one is larger.
const BATCH_BYTES_MAX: u64 = 32 << 20;
/// The encoder beside the file that it writes, and what is decoded for it: pages of its columns before they are
/// compressed, a chunk of 256 KiB, one batch of records.
const ENCODER_BYTES: u64 = 16 << 20;

/// Bytes of segments that a job fetches before they are added if it writes files of up to `file_bytes_target`.
pub(crate) fn read_ahead_bytes(file_bytes_target: u64) -> u64 {
    READ_AHEAD_BYTES_MAX.min(file_bytes_target / 2)
}

/// Bytes of finished files that are put side by side, unless a single one is larger.
pub(crate) fn batch_bytes_max(file_bytes_target: u64) -> u64 {
    BATCH_BYTES_MAX.min(file_bytes_target / 4)
}

/// The most memory of a job that writes files of up to `file_bytes_target` and reads `read_ahead_bytes` ahead, bytes.
pub(crate) fn most(file_bytes_target: u64, read_ahead_bytes: u64) -> u64 {
    let parts = [file_bytes_target, read_ahead_bytes, batch_bytes_max(file_bytes_target), ENCODER_BYTES];
    parts.into_iter().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_job_shrink_with_its_files() {
        let of = |file_bytes| most(file_bytes, read_ahead_bytes(file_bytes));
        assert_eq!([512 << 20, 128 << 20, 32 << 20].map(of), [624 << 20, 240 << 20, 72 << 20]);
    }
}
