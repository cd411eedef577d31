//! The compression codecs that Kafka defines.

/// Compression codec of a batch's records; the number is the codec in the attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Compression {
    /// No compression.
    #[default]
    None = 0,
    /// A gzip stream.
    Gzip = 1,
    /// Snappy, raw or in the framing of the xerial Java library.
    Snappy = 2,
    /// An LZ4 frame.
    Lz4 = 3,
    /// A Zstandard frame (KIP-110).
    Zstd = 4,
}

impl Compression {
    /// Every codec, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];
}
