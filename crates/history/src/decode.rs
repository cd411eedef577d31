//! Decodes rows: reads their bytes on the async threads, decompresses and decodes them off the async threads.

use std::ops::Range;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;

use crate::footer::{Footer, catch_panic};
use crate::index::Rows;
use crate::schema::column;
use crate::{RangedRead, ReadError, compute, verified_read};

/// Rows in one decoded batch of columns.
const DECODE_ROWS_MAX: usize = 8_192;
/// Times that the decoder may request more bytes; for our own files it does so once.
const ROUNDS_MAX: usize = 8;

/// The columns to decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// All of a record.
    Record,
    OffsetAndTimestamp,
}

/// Decodes `columns` of `rows` and returns the result of `finish` on them, which runs off the async threads too.
pub(crate) async fn decode<T: Send + 'static>(
    footer: &Footer,
    source: &dyn RangedRead,
    rows: Rows,
    columns: Columns,
    finish: impl FnOnce(Vec<RecordBatch>) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let count = rows.rows.len();
    let mut decoding = Decoding { decoder: decoder(footer, rows, columns)?, needed: Vec::new(), batches: Vec::new() };
    decoding.needed = match catch_panic(|| decoding.decoder.try_decode())? {
        DecodeResult::NeedsData(ranges) => ranges,
        DecodeResult::Data(_) | DecodeResult::Finished => return Err(ReadError::corrupt("rows without bytes")),
    };
    for _ in 0..ROUNDS_MAX {
        let bytes = verified_read::read_ranges(source, &footer.checksums, &decoding.needed).await?;
        source.ready_to_decode().await;
        decoding = blocking(move || catch_panic(|| decoding.step(bytes))).await?;
        if decoding.needed.is_empty() {
            return blocking(move || finish(decoding.rows(count)?)).await;
        }
    }
    Err(ReadError::corrupt("rows need more and more bytes"))
}

fn decoder(footer: &Footer, rows: Rows, columns: Columns) -> Result<ParquetPushDecoder, ReadError> {
    let Rows { group, rows } = rows;
    let schema = footer.parquet.parquet_schema();
    let mask = match columns {
        Columns::Record => ProjectionMask::roots(schema, column::OFFSET..=column::HEADERS),
        Columns::OffsetAndTimestamp => ProjectionMask::roots(schema, [column::OFFSET, column::TIMESTAMP]),
    };
    let selection = vec![RowSelector::skip(rows.start), RowSelector::select(rows.len())];
    catch_panic(|| {
        ParquetPushDecoderBuilder::new_with_metadata(footer.parquet.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_row_selection(RowSelection::from(selection))
            .with_batch_size(rows.len().min(DECODE_ROWS_MAX))
            .build()
    })
}

/// A decoder, the byte ranges it needs next, and the batches it has decoded.
struct Decoding {
    decoder: ParquetPushDecoder,
    needed: Vec<Range<u64>>,
    batches: Vec<RecordBatch>,
}

impl Decoding {
    /// Gives the decoder the needed bytes, and decodes until it finishes or needs more.
    fn step(mut self, bytes: Vec<Bytes>) -> Result<Self, ParquetError> {
        self.decoder.push_ranges(std::mem::take(&mut self.needed), bytes)?;
        loop {
            match self.decoder.try_decode()? {
                DecodeResult::Data(batch) => self.batches.push(batch),
                DecodeResult::NeedsData(ranges) => self.needed = ranges,
                DecodeResult::Finished => return Ok(self),
            }
            if !self.needed.is_empty() {
                return Ok(self);
            }
        }
    }

    /// The decoded batches, which must have `count` rows together.
    fn rows(self, count: usize) -> Result<Vec<RecordBatch>, ReadError> {
        let found: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        if found == count {
            Ok(self.batches)
        } else {
            Err(ReadError::corrupt(format!("{found} rows, but the footer says {count}")))
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    compute(work).await.unwrap_or_else(|stopped| Err(ReadError::Source(stopped.into())))
}
