//! How history files are compressed.

use std::fmt;
use std::str::FromStr;

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
    /// Not at all: for records that are compressed already, such as images. Each column of each piece that is written or
    /// read is spared the contexts of zstd, whose creation a virtual machine makes slow (it asks for the processor's
    /// features each time).
    Uncompressed,
}

impl HistoryCompression {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Zstd, Self::Uncompressed];

    /// Its name, which is that of Iceberg's `write.parquet.compression-codec`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Uncompressed => "uncompressed",
        }
    }

    pub(crate) fn codec(self) -> Result<Compression, ParquetError> {
        Ok(match self {
            Self::Zstd => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?),
            Self::Uncompressed => Compression::UNCOMPRESSED,
        })
    }
}

impl fmt::Display for HistoryCompression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HistoryCompression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(" or ");
            format!("{text:?} is not {names}")
        })
    }
}
