//! Framings of the codecs that clients send and our own compression does not produce.

use std::io::Write;

use bytes::Bytes;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::{compress, decompress};
use crate::batch::{BatchError, Compression};

fn text() -> Vec<u8> {
    (0..100_000_u32).flat_map(|n| (n / 7).to_string().into_bytes()).collect()
}

fn assert_reads(codec: Compression, body: impl Into<Bytes>) {
    let text = text();
    let body = body.into();
    assert!(decompress(codec, &body, text.len()).unwrap() == text);
    let limit = text.len() - 1;
    assert_eq!(decompress(codec, &body, limit), Err(BatchError::DecompressedTooLarge { limit }));
}

#[test]
fn raw_snappy_of_librdkafka_is_read() {
    assert_reads(Compression::Snappy, snap::raw::Encoder::new().compress_vec(&text()).unwrap());
}

#[test]
fn consecutive_xerial_streams_are_read() {
    let text = text();
    let (first, second) = text.split_at(50_000);
    let mut body = Vec::new();
    compress(Compression::Snappy, first, &mut body);
    compress(Compression::Snappy, second, &mut body);
    assert_reads(Compression::Snappy, body);
}

#[test]
fn zstd_frames_that_do_not_state_their_size_are_read() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 19).unwrap();
    encoder.write_all(&text()).unwrap();
    assert_reads(Compression::Zstd, encoder.finish().unwrap());
}

#[test]
fn lz4_frames_of_other_modes_are_read() {
    for (mode, size) in [(BlockMode::Linked, BlockSize::Max4MB), (BlockMode::Independent, BlockSize::Max256KB)] {
        let info = FrameInfo::new().block_mode(mode).block_size(size).content_checksum(true).block_checksums(true);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&text()).unwrap();
        assert_reads(Compression::Lz4, encoder.finish().unwrap());
    }
}

#[test]
fn consecutive_gzip_members_are_read() {
    let text = text();
    let (first, second) = text.split_at(50_000);
    let mut body = Vec::new();
    compress(Compression::Gzip, first, &mut body);
    compress(Compression::Gzip, second, &mut body);
    assert_reads(Compression::Gzip, body);
}

#[test]
fn empty_records_round_trip_with_every_codec() {
    for codec in Compression::ALL {
        let mut body = Vec::new();
        compress(codec, &[], &mut body);
        assert_eq!(decompress(codec, &body.into(), 0), Ok(Bytes::new()), "{codec:?}");
    }
}
