//! Kafka's four codecs, from memory to memory.
//!
//! Owns: the framing that Kafka's clients use, and the limit on the output. Invariant: `decompress` never returns more
//! than `limit` bytes, and allocates at most that plus a codec's fixed working memory (LZ4: three blocks of up to 8
//! MiB), whatever sizes the input claims.

mod compress;
mod decompress;

pub(super) use compress::compress;
pub(super) use decompress::decompress;

/// Magic of a stream of the xerial Java library, which Kafka's Java client uses for Snappy.
const XERIAL_MAGIC: &[u8; 8] = b"\x82SNAPPY\0";

#[cfg(test)]
mod tests;
