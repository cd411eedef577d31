//! The columns, encodings and metadata of a history file. Files of version 2 are written. Those of version 1, which hold
//! one partition and have no column `partition`, are read.
//!
//! ```text
//! offset          int64, never null, rising: DELTA_BINARY_PACKED, so that dense offsets take almost no space
//! timestamp       timestamp(ms, UTC), never null: as the producer or the log set it (-1 is Kafka's "none")
//! timestamp_type  int8, never null, dictionary: 0 = set by the producer, 1 = set by the log on append
//! key             binary, nullable
//! value           binary, nullable
//! headers         list<struct<key: string, value: binary nullable, raw_key: binary nullable>>: in order,
//!                 duplicates kept
//! partition       int32, never null, dictionary: rows are sorted by it, then by offset, and a row group has one (not in
//!                 version 1)
//! ```
//!
//! Kafka specifies header names as strings, but carries any bytes. The bytes of a name that is not UTF-8 are in
//! `raw_key`, and `key` has replacement characters for display. `raw_key` is null if the name is UTF-8.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::HistoryCompression;

/// The layout of a file: its number is in the file's metadata and beside its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatVersion {
    /// 1: one partition. Not written any more.
    One,
    /// 2: one partition or several of a topic.
    Two,
}

impl FormatVersion {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The reverse of [`Self::number`].
    pub(crate) fn of(number: u32) -> Option<Self> {
        [Self::One, Self::Two].into_iter().find(|version| version.number() == number)
    }
}

/// Payload of one row group: small enough that decoding one needs little memory, big enough for analytics to scan well.
pub(crate) const ROW_GROUP_BYTES: usize = 16 << 20;
/// Rows of one row group, if records are tiny.
pub(crate) const ROW_GROUP_ROWS_MAX: usize = 1 << 20;
/// Payload given to the encoder at a time: pages cannot be smaller than this.
pub(crate) const CHUNK_BYTES: usize = 256 << 10;
/// Rows given to the encoder at a time.
pub(crate) const CHUNK_ROWS_MAX: usize = 4_096;
/// Bytes of one page: what a seek decompresses to read one record.
const PAGE_BYTES: usize = 256 << 10;
/// Rows of one page, if records are tiny.
const PAGE_ROWS_MAX: usize = 16_384;
/// Values between two checks of the page's size; few, so that large values do not exceed it by much.
const PAGE_CHECK_ROWS: usize = 64;
/// Bytes of the dictionary of one column of one row group: every seek reads it.
const DICTIONARY_BYTES_MAX: usize = 64 << 10;
/// Longest prefix of a key kept as minimum or maximum.
const STATISTICS_BYTES_MAX: usize = 64;
/// Bytes that a record takes besides its payload, about; so that empty records have a size.
pub(crate) const RECORD_OVERHEAD_BYTES: usize = 24;

/// Keys of the file's key-value metadata.
pub(crate) mod key {
    pub(crate) const TOPIC: &str = "alluvium.topic";
    pub(crate) const TOPIC_ID: &str = "alluvium.topic_id";
    /// `<partition>:<start offset>-<end offset>`, with commas between them, rising.
    pub(crate) const PARTITIONS: &str = "alluvium.partitions";
    /// Version 1.
    pub(crate) const PARTITION: &str = "alluvium.partition";
    /// Version 1.
    pub(crate) const START_OFFSET: &str = "alluvium.start_offset";
    /// Version 1.
    pub(crate) const END_OFFSET: &str = "alluvium.end_offset";
    pub(crate) const FORMAT_VERSION: &str = "alluvium.format_version";
}

/// Positions of the top-level columns.
pub(crate) mod column {
    pub(crate) const OFFSET: usize = 0;
    pub(crate) const TIMESTAMP: usize = 1;
    pub(crate) const TIMESTAMP_TYPE: usize = 2;
    pub(crate) const KEY: usize = 3;
    pub(crate) const VALUE: usize = 4;
    pub(crate) const HEADERS: usize = 5;
}

/// Columns of a header.
pub(crate) fn header_fields() -> Fields {
    Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Binary, true),
        Field::new("raw_key", DataType::Binary, true),
    ])
}

/// The element of the header list.
pub(crate) fn header_element() -> Field {
    Field::new("element", DataType::Struct(header_fields()), false)
}

/// The Arrow schema of the columns that are written.
pub(crate) fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new("offset", DataType::Int64, false),
            Field::new("timestamp", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())), false),
            Field::new("timestamp_type", DataType::Int8, false),
            Field::new("key", DataType::Binary, true),
            Field::new("value", DataType::Binary, true),
            Field::new("headers", DataType::List(Arc::new(header_element())), false),
            Field::new("partition", DataType::Int32, false),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// Encodings, compression and statistics of the columns.
pub(crate) fn writer_properties(compression: HistoryCompression) -> Result<WriterProperties, ParquetError> {
    let builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(format!("alluvium {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression.codec()?)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS_MAX)
        .set_write_batch_size(PAGE_CHECK_ROWS)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(STATISTICS_BYTES_MAX))
        .set_column_index_truncate_length(Some(STATISTICS_BYTES_MAX))
        .set_sorting_columns(Some([PARTITION_LEAF, column::OFFSET].map(sorting_column).into()));
    let builder = ["offset", "timestamp"].into_iter().fold(builder, delta_encoded);
    Ok(["value", "headers.list.element.value", "headers.list.element.raw_key"]
        .into_iter()
        .fold(builder, |builder, column| {
            builder.set_column_statistics_enabled(ColumnPath::from(dotted(column)), EnabledStatistics::None)
        })
        .set_column_dictionary_enabled(ColumnPath::from("value"), false)
        .build())
}

/// Position of `partition` among the columns of Parquet, which has one for each part of a header.
pub(crate) const PARTITION_LEAF: usize = 8;

fn sorting_column(leaf: usize) -> SortingColumn {
    SortingColumn { column_idx: i32::try_from(leaf).unwrap_or(i32::MAX), descending: false, nulls_first: false }
}

fn delta_encoded(builder: WriterPropertiesBuilder, column: &str) -> WriterPropertiesBuilder {
    builder
        .set_column_dictionary_enabled(ColumnPath::from(column), false)
        .set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED)
}

fn dotted(path: &str) -> Vec<String> {
    path.split('.').map(str::to_owned).collect()
}
