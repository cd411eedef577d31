//! How history files are compressed.

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;

/// Compression level: a good ratio at some hundred MB/s per core.
const ZSTD_LEVEL: i32 = 3;

/// How the pages of a history file are compressed. Every reader reads both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryCompression {
    /// With zstd, level 3.
    #[default]
    Zstd,
    /// Not at all.
    Uncompressed,
}

impl HistoryCompression {
    pub(crate) fn codec(self) -> Result<Compression, ParquetError> {
        Ok(match self {
            Self::Zstd => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
            Self::Uncompressed => Compression::UNCOMPRESSED,
        })
    }
}
