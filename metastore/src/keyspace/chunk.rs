//! What is larger than one value may be: cut into chunks.

/// Bytes of one chunk: under the metastore's limit of 100 kB, with room for what a row adds.
pub const CHUNK_BYTES_MAX: usize = 90_000;

/// `bytes` in chunks with their numbers; one empty chunk where there are none.
pub fn split(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let empty = bytes.is_empty().then_some(&[][..]);
    (0u16..).zip(bytes.chunks(CHUNK_BYTES_MAX).chain(empty))
}
