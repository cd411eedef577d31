//! Record batches, valid and broken.

use alluvium_runtime::{Clock, SystemClock};
use alluvium_wire::batch::{BatchBuilder, BatchHeader, Compression};
use bytes::Bytes;

/// The current time, in milliseconds since the epoch.
pub fn now() -> i64 {
    SystemClock.now().0
}

/// A batch of records with these timestamps; the value of each record is its index.
pub fn with_timestamps(timestamps: &[i64]) -> Bytes {
    filled(BatchBuilder::new(Compression::None, 0), timestamps)
}

/// A batch of `count` records with the current time.
pub fn records(count: usize) -> Bytes {
    with_timestamps(&vec![now(); count])
}

/// A batch of `count` records of an idempotent producer.
pub fn sequenced(producer: i64, epoch: i16, sequence: i32, count: usize) -> Bytes {
    filled(BatchBuilder::new(Compression::None, 0).producer(producer, epoch, sequence), &vec![now(); count])
}

pub fn filled(mut builder: BatchBuilder, timestamps: &[i64]) -> Bytes {
    for (number, timestamp) in timestamps.iter().enumerate() {
        let number = i64::try_from(number).unwrap();
        let value = number.to_string();
        builder.push(number, *timestamp, Some(b"key"), Some(value.as_bytes()), []).unwrap();
    }
    builder.finish()
}

/// The batch with its header changed by `alter`, and a valid checksum.
pub fn altered(batch: &[u8], alter: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = BatchHeader::parse(batch).unwrap();
    alter(&mut header);
    let body = &batch[BatchHeader::LEN..];
    header.crc = header.checksum(body);
    [&header.encode(), body].concat().into()
}

/// The batch with the byte at `at` changed.
pub fn flipped(batch: &[u8], at: usize) -> Bytes {
    let mut bytes = batch.to_vec();
    bytes[at] ^= 1;
    bytes.into()
}
