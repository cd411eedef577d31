//! Converts records to Arrow columns and back.

use std::sync::Arc;

use alluvium_model::{Offset, PartitionIndex, Timestamp};
use arrow_array::builder::{
    BinaryBuilder, Int8Builder, Int32Builder, Int64Builder, ListBuilder, StringBuilder, StructBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::types::{BinaryType, ByteArrayType, Int8Type, Int64Type, TimestampMillisecondType, Utf8Type};
use arrow_array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use arrow_buffer::NullBuffer;
use arrow_schema::ArrowError;
use bytes::Bytes;

use crate::schema::{column, header_element, header_fields, schema};
use crate::{HistoryRecord, RecordHeader, TimestampType};

const CREATE: i8 = 0;
const LOG_APPEND: i8 = 1;

/// Collects records into columns.
pub(crate) struct ColumnsBuilder {
    offset: Int64Builder,
    timestamp: TimestampMillisecondBuilder,
    timestamp_type: Int8Builder,
    key: BinaryBuilder,
    value: BinaryBuilder,
    headers: ListBuilder<StructBuilder>,
    partition: Int32Builder,
}

impl ColumnsBuilder {
    pub(crate) fn new() -> Self {
        let header: Vec<Box<dyn arrow_array::builder::ArrayBuilder>> =
            vec![Box::new(StringBuilder::new()), Box::new(BinaryBuilder::new()), Box::new(BinaryBuilder::new())];
        Self {
            offset: Int64Builder::new(),
            timestamp: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            timestamp_type: Int8Builder::new(),
            key: BinaryBuilder::new(),
            value: BinaryBuilder::new(),
            headers: ListBuilder::new(StructBuilder::new(header_fields(), header)).with_field(header_element()),
            partition: Int32Builder::new(),
        }
    }

    pub(crate) fn push(&mut self, partition: PartitionIndex, record: &HistoryRecord) {
        self.offset.append_value(record.offset.0);
        self.timestamp.append_value(record.timestamp.0);
        self.timestamp_type.append_value(match record.timestamp_type {
            TimestampType::CreateTime => CREATE,
            TimestampType::LogAppendTime => LOG_APPEND,
        });
        self.key.append_option(record.key.as_deref());
        self.value.append_option(record.value.as_deref());
        for header in &record.headers {
            self.push_header(header);
        }
        self.headers.append(true);
        self.partition.append_value(partition.0);
    }

    fn push_header(&mut self, header: &RecordHeader) {
        const FIELDS: &str = "the struct was built with these fields";
        let fields = self.headers.values();
        let name = String::from_utf8_lossy(&header.name);
        let raw = (name.as_bytes() != header.name).then_some(&header.name);
        fields.field_builder::<StringBuilder>(0).expect(FIELDS).append_value(&name);
        fields.field_builder::<BinaryBuilder>(1).expect(FIELDS).append_option(header.value.as_deref());
        fields.field_builder::<BinaryBuilder>(2).expect(FIELDS).append_option(raw.map(Bytes::as_ref));
        fields.append(true);
    }

    /// The columns of the records so far; empties the builder.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.offset.finish()),
            Arc::new(self.timestamp.finish()),
            Arc::new(self.timestamp_type.finish()),
            Arc::new(self.key.finish()),
            Arc::new(self.value.finish()),
            Arc::new(self.headers.finish()),
            Arc::new(self.partition.finish()),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}

/// The records of `batch`, which has all columns but that of the partition; their bytes are slices of its buffers.
/// `None` if a column has another type than in the layout.
pub(crate) fn records(batch: &RecordBatch) -> Option<Vec<HistoryRecord>> {
    let offset = offsets(batch)?;
    let timestamp = timestamps(batch)?;
    let timestamp_type = batch.columns().get(column::TIMESTAMP_TYPE)?.as_primitive_opt::<Int8Type>()?.values();
    let key = BytesColumn::of::<BinaryType>(batch.columns().get(column::KEY)?)?;
    let value = BytesColumn::of::<BinaryType>(batch.columns().get(column::VALUE)?)?;
    let headers = HeadersColumn::of(batch.columns().get(column::HEADERS)?)?;
    let row = |row: usize| {
        Some(HistoryRecord {
            offset: Offset(*offset.get(row)?),
            timestamp: Timestamp(*timestamp.get(row)?),
            timestamp_type: match *timestamp_type.get(row)? {
                CREATE => TimestampType::CreateTime,
                LOG_APPEND => TimestampType::LogAppendTime,
                _ => return None,
            },
            key: key.get(row),
            value: value.get(row),
            headers: headers.get(row)?,
        })
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The offsets of a batch whose first column is `offset`.
pub(crate) fn offsets(batch: &RecordBatch) -> Option<&[i64]> {
    Some(batch.columns().get(column::OFFSET)?.as_primitive_opt::<Int64Type>()?.values())
}

/// The timestamps of a batch whose second column is `timestamp`.
pub(crate) fn timestamps(batch: &RecordBatch) -> Option<&[i64]> {
    Some(batch.columns().get(column::TIMESTAMP)?.as_primitive_opt::<TimestampMillisecondType>()?.values())
}

/// A binary or text column whose values are returned as slices.
struct BytesColumn<'a> {
    ends: &'a [i32],
    nulls: Option<&'a NullBuffer>,
    bytes: Bytes,
}

impl<'a> BytesColumn<'a> {
    fn of<T: ByteArrayType<Offset = i32>>(array: &'a ArrayRef) -> Option<Self> {
        let array = array.as_bytes_opt::<T>()?;
        Some(Self { ends: array.value_offsets(), nulls: array.nulls(), bytes: array.values().clone().into() })
    }

    fn get(&self, row: usize) -> Option<Bytes> {
        let valid = self.nulls.is_none_or(|nulls| nulls.is_valid(row));
        let [start, end] = *self.ends.get(row..row + 2)? else { return None };
        let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
        valid.then(|| self.bytes.slice(range))
    }
}

/// The column of header lists.
struct HeadersColumn<'a> {
    ends: &'a [i32],
    name: BytesColumn<'a>,
    value: BytesColumn<'a>,
    raw_name: BytesColumn<'a>,
}

impl<'a> HeadersColumn<'a> {
    fn of(array: &'a ArrayRef) -> Option<Self> {
        let list = array.as_list_opt::<i32>()?;
        let [name, value, raw_name] = list.values().as_struct_opt()?.columns() else { return None };
        Some(Self {
            ends: list.value_offsets(),
            name: BytesColumn::of::<Utf8Type>(name)?,
            value: BytesColumn::of::<BinaryType>(value)?,
            raw_name: BytesColumn::of::<BinaryType>(raw_name)?,
        })
    }

    fn get(&self, row: usize) -> Option<Vec<RecordHeader>> {
        let [start, end] = *self.ends.get(row..row + 2)? else { return None };
        let header = |row| {
            let name = self.raw_name.get(row).or_else(|| self.name.get(row))?;
            Some(RecordHeader { name, value: self.value.get(row) })
        };
        (usize::try_from(start).ok()?..usize::try_from(end).ok()?).map(header).collect()
    }
}
