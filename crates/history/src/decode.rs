//! Decoding rows: the bytes are fetched on the async threads, decompressed and decoded off them.

use std::ops::Range;

use arrow_array::RecordBatch;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;

use crate::index::Rows;
use crate::layout::column;
use crate::open::{Footer, unpanicked};
use crate::{RangedRead, ReadError, compute, fetch};

/// Rows decoded into one batch of columns.
const DECODE_ROWS_MAX: usize = 8_192;
/// Times that the decoder may ask for more bytes; it asks once, unless the file is not ours.
const ROUNDS_MAX: usize = 8;

/// Which columns are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    All,
    OffsetAndTimestamp,
}

/// Decodes the columns of `rows` and hands them to `finish`, which runs off the async threads too.
pub(crate) async fn decode<T: Send + 'static>(
    footer: &Footer,
    source: &dyn RangedRead,
    rows: Rows,
    columns: Columns,
    finish: impl FnOnce(Vec<RecordBatch>) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let count = rows.rows.len();
    let mut decoding = Decoding { decoder: decoder(footer, rows, columns)?, wanted: Vec::new(), batches: Vec::new() };
    decoding.wanted = match unpanicked(|| decoding.decoder.try_decode())? {
        DecodeResult::NeedsData(ranges) => ranges,
        DecodeResult::Data(_) | DecodeResult::Finished => return Err(ReadError::corrupt("rows without bytes")),
    };
    for _ in 0..ROUNDS_MAX {
        let bytes = fetch::verified(source, &footer.checksums, &decoding.wanted).await?;
        decoding = blocking(move || unpanicked(|| decoding.step(bytes))).await?;
        if decoding.wanted.is_empty() {
            return blocking(move || finish(decoding.rows(count)?)).await;
        }
    }
    Err(ReadError::corrupt("rows need ever more bytes"))
}

fn decoder(footer: &Footer, rows: Rows, columns: Columns) -> Result<ParquetPushDecoder, ReadError> {
    let Rows { group, rows } = rows;
    let schema = footer.parquet.parquet_schema();
    let mask = match columns {
        Columns::All => ProjectionMask::all(),
        Columns::OffsetAndTimestamp => ProjectionMask::roots(schema, [column::OFFSET, column::TIMESTAMP]),
    };
    let selection = vec![RowSelector::skip(rows.start), RowSelector::select(rows.len())];
    unpanicked(|| {
        ParquetPushDecoderBuilder::new_with_metadata(footer.parquet.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_row_selection(RowSelection::from(selection))
            .with_batch_size(rows.len().min(DECODE_ROWS_MAX))
            .build()
    })
}

/// A decoder, what it needs and what it has decoded.
struct Decoding {
    decoder: ParquetPushDecoder,
    wanted: Vec<Range<u64>>,
    batches: Vec<RecordBatch>,
}

impl Decoding {
    /// Takes the bytes that were wanted, and decodes until done or until more are.
    fn step(mut self, bytes: Vec<Bytes>) -> Result<Self, ParquetError> {
        self.decoder.push_ranges(std::mem::take(&mut self.wanted), bytes)?;
        loop {
            match self.decoder.try_decode()? {
                DecodeResult::Data(batch) => self.batches.push(batch),
                DecodeResult::NeedsData(ranges) => self.wanted = ranges,
                DecodeResult::Finished => return Ok(self),
            }
            if !self.wanted.is_empty() {
                return Ok(self);
            }
        }
    }

    fn rows(self, count: usize) -> Result<Vec<RecordBatch>, ReadError> {
        let found: usize = self.batches.iter().map(RecordBatch::num_rows).sum();
        if found == count {
            Ok(self.batches)
        } else {
            Err(ReadError::corrupt(format!("{found} rows where the footer says {count}")))
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    compute(work).await.unwrap_or_else(|stopped| Err(ReadError::Source(stopped.into())))
}
