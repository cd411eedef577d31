//! Magic numbers and sizes of the layout, which is drawn in the crate's documentation.

/// The format version that is written, and the only one that is read.
pub const VERSION: u32 = 1;
/// Bytes of the header, before the first run.
pub const HEADER_LEN: usize = 16;
/// Bytes of the trailer after the footer: it says where the footer starts.
pub const TRAILER_LEN: usize = 24;

pub(crate) const HEADER_MAGIC: &[u8; 8] = b"ALLUVSEG";
pub(crate) const TRAILER_MAGIC: &[u8; 8] = b"GESVULLA";
/// Footer bytes of a run without its producers: an untrusted count of runs is checked against it.
pub(crate) const RUN_LEN: usize = 72;
/// Footer bytes of one producer of a run: an untrusted count of producers is checked against it.
pub(crate) const PRODUCER_LEN: usize = 18;
