//! The four codecs of Kafka, between bytes in memory.
//!
//! Owns: framing as Kafka's clients use it, and the cap on what comes out. Invariant: `decompress` never returns more
//! than `limit` bytes, and allocates that much plus a codec's fixed working memory (LZ4: three blocks of up to 8 MiB)
//! at most, whatever the bytes claim.

mod compress;
mod decompress;

pub(super) use compress::compress;
pub(super) use decompress::decompress;

/// How a stream of xerial's Java library starts, which Kafka's Java client uses for Snappy.
const XERIAL_MAGIC: &[u8; 8] = b"\x82SNAPPY\0";

#[cfg(test)]
mod tests;
