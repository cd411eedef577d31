//! Large files, with several row groups and many pages: a seek reads a small part.

use std::sync::atomic::Ordering;

use alluvium_model::{Offset, Timestamp};

use super::fixtures::*;
use crate::{HistoryFile, HistoryRecord, RangedRead};

const VALUE_BYTES: usize = 4_000;
const RECORDS: i64 = 9_000;

/// 36 MB that hardly compress, with a gap after every `dense` records.
fn large(dense: i64) -> Vec<HistoryRecord> {
    let mut state = 7_u64;
    let mut value = || -> Vec<u8> {
        let words = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32).to_be_bytes()
        });
        words.take(VALUE_BYTES / 8).flatten().collect()
    };
    (0..RECORDS).map(|n| record(n + n / dense, 1_000_000 + n * 10, value())).collect()
}

#[test]
fn a_seek_in_a_large_file_reads_a_small_part_of_it() {
    let records = large(i64::MAX);
    let source = Memory::of(&file(&records, 0..RECORDS));
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        let footer_bytes = source.read.swap(0, Ordering::Relaxed);
        assert!(footer_bytes < 300_000, "{footer_bytes} bytes to open");
        assert!(file.weight() < 200_000, "{} bytes of memory", file.weight());
        for at in [0, 1, 4_444, RECORDS - 1] {
            let batches = file.batches(&source, Offset(at), 64 << 10).await.expect("batches");
            let (read, covered) = decode_batches(&batches, at);
            assert_eq!(read[0], records[usize::try_from(at).expect("small")]);
            assert!(covered.end > at);
            let bytes = source.read.swap(0, Ordering::Relaxed);
            assert!(bytes < 1_500_000, "{bytes} bytes read of {} for a seek to {at}", source.size());
        }
    });
}

#[test]
fn everything_in_a_large_file_with_gaps_is_read_in_order() {
    let records = large(100);
    let end = records.last().expect("many").offset.0 + 1;
    let source = Memory::of(&file(&records, 0..end));
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        let mut next = 0;
        let mut seen = 0;
        while next < end {
            let batches = file.batches(&source, Offset(next), 3 << 20).await.expect("batches");
            assert!(batches.iter().map(bytes::Bytes::len).sum::<usize>() <= 3 << 20);
            let (read, covered) = decode_batches(&batches, next);
            assert!(read.len() > 700 || covered.end == end, "only {} records of 3 MiB", read.len());
            assert_eq!(read, records[seen..seen + read.len()]);
            seen += read.len();
            next = covered.end;
        }
        assert_eq!(seen, records.len());
    });
}

#[test]
fn a_timestamp_in_a_large_file_is_found_by_its_page_index() {
    let records = large(100);
    let end = records.last().expect("many").offset.0 + 1;
    let source = Memory::of(&file(&records, 0..end));
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        source.read.store(0, Ordering::Relaxed);
        let wanted = Timestamp(1_000_000 + 77_775);
        let found = file.find_timestamp(&source, Offset(0), wanted).await.expect("find");
        assert_eq!(found, Some((records[7_778].offset, records[7_778].timestamp)));
        let last = records.last().map(|record| (record.offset, record.timestamp));
        assert_eq!(file.latest_timestamp(&source, Offset(0)).await.expect("latest"), last);
        assert_eq!(file.latest_timestamp(&source, Offset(8_000)).await.expect("latest"), last);
        let bytes = source.read.load(Ordering::Relaxed);
        assert!(bytes < 1_500_000, "{bytes} bytes read");
    });
}

#[test]
fn chunks_are_the_same_for_every_offset_in_them_and_cover_the_file() {
    let records = large(100);
    let end = records.last().expect("many").offset.0 + 1;
    let tail = 50;
    let source = Memory::of(&file(&records, 0..end + tail));
    run(async {
        let file = HistoryFile::open(&source).await.expect("open");
        let (mut next, mut seen, mut chunks) = (0, 0, 0);
        while next < end + tail {
            let chunk = file.chunk(Offset(next), 2 << 20);
            assert_eq!(chunk.start, Offset(next));
            for within in [chunk.start, Offset(chunk.start.0.midpoint(chunk.end.0)), Offset(chunk.end.0 - 1)] {
                assert_eq!(file.chunk(within, 2 << 20), chunk);
            }
            let batches = file.batches_within(&source, chunk.clone(), 4 << 20).await.expect("batches");
            let (read, covered) = decode_batches(&batches, next);
            assert_eq!(covered, chunk.start.0..chunk.end.0);
            assert_eq!(read, records[seen..seen + read.len()]);
            (seen, next, chunks) = (seen + read.len(), chunk.end.0, chunks + 1);
        }
        assert_eq!(seen, records.len());
        assert!((17..=24).contains(&chunks), "{chunks} chunks of 36 MB");
        assert!(file.chunk(Offset(end + tail), 2 << 20).is_empty());
    });
}
