//! Values larger than one row may hold: they are cut into chunks, each a row of its own.

/// Bytes of one chunk: under the metastore's limit of 100 kB a value, with room for what a row adds.
pub const CHUNK_BYTES_MAX: usize = 90_000;

/// `bytes` in chunks, each with its number; one empty chunk if `bytes` is empty.
pub fn split(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let empty = bytes.is_empty().then_some(&[][..]);
    (0u16..).zip(bytes.chunks(CHUNK_BYTES_MAX).chain(empty))
}
