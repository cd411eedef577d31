//! Decompression with a limit on the output.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;
use zstd::zstd_safe;

use super::XERIAL_MAGIC;
use crate::batch::{BatchError, Compression};

/// Bytes of a xerial stream's header: magic, version, compatible version.
const XERIAL_HEADER_BYTES: usize = 16;
/// First guess at the size of a Zstandard frame that does not state it, per compressed byte.
const ZSTD_GUESS_RATIO: usize = 8;
/// Smallest first guess, bytes.
const ZSTD_GUESS_BYTES_MIN: usize = 64 << 10;
/// Zstd's name of the failure after which a larger buffer helps (its code is not in the safe interface).
const ZSTD_TOO_SMALL: &str = "Destination buffer is too small";

/// Decompresses `body` to at most `limit` bytes. An uncompressed body is returned without a copy and without the limit,
/// since it is in memory already.
pub(in crate::batch) fn decompress(codec: Compression, body: &Bytes, limit: usize) -> Result<Bytes, BatchError> {
    match codec {
        Compression::None => Ok(body.clone()),
        Compression::Gzip => read_capped(codec, MultiGzDecoder::new(body.as_ref()), limit),
        Compression::Snappy => snappy(body, limit),
        Compression::Lz4 => read_capped(codec, FrameDecoder::new(body.as_ref()), limit),
        Compression::Zstd => zstd(body, limit),
    }
}

fn broken(codec: Compression, reason: impl ToString) -> BatchError {
    BatchError::Decompress { codec, reason: reason.to_string() }
}

fn read_capped(codec: Compression, reader: impl Read, limit: usize) -> Result<Bytes, BatchError> {
    let mut out = Vec::new();
    let one_above = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(one_above).read_to_end(&mut out).map_err(|error| broken(codec, error))?;
    if out.len() > limit { Err(BatchError::DecompressedTooLarge { limit }) } else { Ok(out.into()) }
}

/// Snappy in both forms that clients send: xerial blocks (Java), or one raw block (librdkafka).
fn snappy(body: &[u8], limit: usize) -> Result<Bytes, BatchError> {
    let mut out = Vec::new();
    if !body.starts_with(XERIAL_MAGIC) {
        snappy_block(body, &mut out, limit)?;
        return Ok(out.into());
    }
    let cut_short = || broken(Compression::Snappy, "a xerial block is cut short");
    let mut rest = body;
    while !rest.is_empty() {
        // Several streams may follow one another, each with its header.
        if rest.starts_with(XERIAL_MAGIC) {
            rest = rest.split_at_checked(XERIAL_HEADER_BYTES).ok_or_else(cut_short)?.1;
            continue;
        }
        let (length, after) = rest.split_first_chunk().ok_or_else(cut_short)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut_short())?;
        let (block, after) = after.split_at_checked(length).ok_or_else(cut_short)?;
        snappy_block(block, &mut out, limit)?;
        rest = after;
    }
    Ok(out.into())
}

fn snappy_block(block: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), BatchError> {
    let snappy_broken = |error| broken(Compression::Snappy, error);
    let start = out.len();
    let end = start.saturating_add(snap::raw::decompress_len(block).map_err(snappy_broken)?);
    if end > limit {
        return Err(BatchError::DecompressedTooLarge { limit });
    }
    out.resize(end, 0);
    let (_, target) = out.split_at_mut(start);
    snap::raw::Decoder::new().decompress(block, target).map_err(snappy_broken)?;
    Ok(())
}

/// Decompresses in one step into a buffer of the frame's size, or of a growing guess if the frame does not state it:
/// zstd's streaming decoder would reserve the window that the frame claims, up to 128 MiB.
fn zstd(body: &[u8], limit: usize) -> Result<Bytes, BatchError> {
    let stated = zstd_safe::get_frame_content_size(body)
        .map_err(|_| broken(Compression::Zstd, "no zstd frame"))?
        .map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if stated.is_some_and(|size| size > limit) {
        return Err(BatchError::DecompressedTooLarge { limit });
    }
    let guess = body.len().saturating_mul(ZSTD_GUESS_RATIO).max(ZSTD_GUESS_BYTES_MIN).min(limit);
    let mut capacity = stated.unwrap_or(guess);
    let mut context = zstd_safe::DCtx::create();
    loop {
        let mut out = Vec::with_capacity(capacity);
        match context.decompress(&mut out, body).map_err(zstd_safe::get_error_name) {
            Ok(_) => return Ok(out.into()),
            Err(ZSTD_TOO_SMALL) if capacity >= limit => return Err(BatchError::DecompressedTooLarge { limit }),
            Err(ZSTD_TOO_SMALL) => capacity = capacity.saturating_mul(4).max(1).min(limit),
            Err(reason) => return Err(broken(Compression::Zstd, reason)),
        }
    }
}
