//! Magic numbers and sizes (drawn in the crate's documentation).

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;
/// Bytes before the first run.
pub const HEADER_LEN: usize = 16;
/// Bytes after the footer: what must be read to find it.
pub const TRAILER_LEN: usize = 24;

pub(crate) const HEADER_MAGIC: &[u8; 8] = b"ALLUVSEG";
pub(crate) const TRAILER_MAGIC: &[u8; 8] = b"GESVULLA";
/// Footer bytes of a run without its producers, and of one producer: what an untrusted count is checked against.
pub(crate) const RUN_LEN: usize = 72;
pub(crate) const PRODUCER_LEN: usize = 18;
