//! Compression; it cannot fail, because it writes to memory.

use std::io::Write;

use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::XERIAL_MAGIC;
use crate::batch::Compression;

/// Version and compatible version, which follow the magic.
const XERIAL_VERSIONS: &[u8; 8] = b"\0\0\0\x01\0\0\0\x01";
/// Uncompressed bytes of one block, as in the xerial library.
const XERIAL_BLOCK_BYTES: usize = 32 << 10;
/// Kafka's default `compression.zstd.level`.
const ZSTD_LEVEL: i32 = 3;

/// Compresses `records` and appends them to `out`.
pub(in crate::batch) fn compress(compression: Compression, records: &[u8], out: &mut Vec<u8>) {
    match compression {
        Compression::None => out.extend_from_slice(records),
        Compression::Gzip => gzip(records, out),
        Compression::Snappy => snappy(records, out),
        Compression::Lz4 => lz4(records, out),
        Compression::Zstd => zstd(records, out),
    }
}

fn gzip(records: &[u8], out: &mut Vec<u8>) {
    let mut encoder = GzEncoder::new(out, flate2::Compression::default());
    encoder.write_all(records).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail");
}

fn snappy(records: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(XERIAL_MAGIC);
    out.extend_from_slice(XERIAL_VERSIONS);
    let mut encoder = snap::raw::Encoder::new();
    for block in records.chunks(XERIAL_BLOCK_BYTES) {
        let block = encoder.compress_vec(block).expect("a block is far below snappy's limit of 4 GiB");
        let length = u32::try_from(block.len()).expect("a compressed block is under 64 KiB");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&block);
    }
}

fn lz4(records: &[u8], out: &mut Vec<u8>) {
    // Independent 64 KiB blocks: Kafka's Java client reads no other mode.
    let info = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(info, out);
    encoder.write_all(records).expect("writing to memory cannot fail");
    encoder.finish().expect("writing to memory cannot fail");
}

fn zstd(records: &[u8], out: &mut Vec<u8>) {
    let compressed = zstd::bulk::compress(records, ZSTD_LEVEL).expect("the buffer is as large as zstd asks for");
    out.extend_from_slice(&compressed);
}
