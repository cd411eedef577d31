//! The value of the window row of a producer in a partition.
//!
//! ```text
//! value | version: 1 (1) | epoch: 2 | touched: 8 | appended: varint | batches: varint | batch ... |
//! batch | first: 4 | last: 4 | base: 8 | timestamp: 8 |
//! ```

use alluvium_model::{
    Offset, ProducerEpoch, Sequence, Timestamp,
    producer::{Window, WindowBatch},
};

use crate::keyspace::{RowError, RowReader, RowWriter};

const VERSION: u8 = 1;
/// Bytes of one batch of a window.
const BATCH_BYTES: usize = 24;

/// The value of the row of `window`.
pub(crate) fn encode_window(window: &Window) -> Vec<u8> {
    let Window { epoch, touched, appended, batches } = window;
    let row = RowWriter::new(VERSION).i16(epoch.0).i64(touched.0).varint(*appended).count(batches.len());
    let batch = |row: RowWriter, batch: &WindowBatch| {
        row.i32(batch.first.0).i32(batch.last.0).i64(batch.base.0).i64(batch.timestamp.0)
    };
    batches.iter().fold(row, batch).finish()
}

/// The window of a row.
pub(crate) fn decode_window(row: &[u8]) -> Result<Window, RowError> {
    let mut row = RowReader::new("producer window", row, VERSION)?;
    let (epoch, touched) = (ProducerEpoch(row.i16()?), Timestamp(row.i64()?));
    let appended = row.varint()?;
    let mut batches = Vec::new();
    for _ in 0..row.count(BATCH_BYTES)? {
        let (first, last) = (Sequence(row.i32()?), Sequence(row.i32()?));
        batches.push(WindowBatch { first, last, base: Offset(row.i64()?), timestamp: Timestamp(row.i64()?) });
    }
    row.finish()?;
    Ok(Window { epoch, touched, appended, batches })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_of_version_1_never_change() {
        let batch =
            WindowBatch { first: Sequence(5), last: Sequence(9), base: Offset(256), timestamp: Timestamp(1_000) };
        let window = Window { epoch: ProducerEpoch(3), touched: Timestamp(65_536), appended: 10, batches: vec![batch] };
        let golden = b"\x01\0\x03\0\0\0\0\0\x01\0\0\x01\x0a\x01\x01\
            \0\0\0\x05\0\0\0\x09\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03\xe8";
        assert_eq!(encode_window(&window), golden);
        assert_eq!(decode_window(golden), Ok(window));
    }

    proptest! {
        #[test]
        fn every_window_survives_its_row(
            epoch: i16, touched: i64, appended: u64,
            batches in prop::collection::vec(any::<(i32, i32, i64, i64)>(), 0..6),
        ) {
            let batch = |(first, last, base, timestamp)| WindowBatch {
                first: Sequence(first), last: Sequence(last), base: Offset(base), timestamp: Timestamp(timestamp),
            };
            let batches = batches.into_iter().map(batch).collect();
            let window = Window { epoch: ProducerEpoch(epoch), touched: Timestamp(touched), appended, batches };
            prop_assert_eq!(decode_window(&encode_window(&window)), Ok(window));
        }

        #[test]
        fn any_bytes_are_a_window_or_an_error(mut row: Vec<u8>) {
            let _ = decode_window(&row);
            row.insert(0, VERSION);
            let _ = decode_window(&row);
        }
    }
}
