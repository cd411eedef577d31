//! Verified reads of the part of a file that checksums cover: whole blocks, in few requests.

use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;

use crate::checksum::Checksums;
use crate::{RangedRead, ReadError};

/// Ranges at most this far apart are read in one request: on S3 a request costs as much time as this many bytes.
const GAP_BYTES_MAX: u64 = 256 << 10;

/// The verified bytes of each of `ranges`.
pub(crate) async fn read_ranges(
    source: &dyn RangedRead,
    checksums: &Checksums,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>, ReadError> {
    let reads = reads(checksums, ranges)?;
    let bodies = try_join_all(reads.iter().map(|read| read_exactly(source, read.clone()))).await?;
    for (read, bytes) in reads.iter().zip(&bodies) {
        if !checksums.verify(read.start, bytes) {
            return Err(ReadError::corrupt(format!("checksum mismatch within bytes {} to {}", read.start, read.end)));
        }
    }
    let cut = |range: &Range<u64>| {
        let at = reads.partition_point(|read| read.end < range.end);
        let from = usize::try_from(range.start.checked_sub(reads.get(at)?.start)?).ok()?;
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        bodies.get(at).filter(|bytes| from + length <= bytes.len()).map(|bytes| bytes.slice(from..from + length))
    };
    ranges.iter().map(|range| cut(range).ok_or_else(|| ReadError::corrupt("byte range out of order"))).collect()
}

/// The bytes of `range`; an error if the source returns more or fewer.
pub(crate) async fn read_exactly(source: &dyn RangedRead, range: Range<u64>) -> Result<Bytes, ReadError> {
    let wanted = range.end.saturating_sub(range.start);
    let bytes = source.read(range.clone()).await.map_err(ReadError::Source)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length == wanted) {
        Ok(bytes)
    } else {
        Err(ReadError::corrupt(format!("{} bytes instead of {wanted} at {}", bytes.len(), range.start)))
    }
}

/// The block-aligned reads that cover `ranges`, ascending and disjoint.
fn reads(checksums: &Checksums, ranges: &[Range<u64>]) -> Result<Vec<Range<u64>>, ReadError> {
    let aligned = |range: &Range<u64>| {
        checksums.aligned(range).ok_or_else(|| {
            ReadError::corrupt(format!("bytes {} to {} are outside the checksums", range.start, range.end))
        })
    };
    let mut aligned: Vec<Range<u64>> = ranges.iter().map(aligned).collect::<Result<_, _>>()?;
    aligned.sort_unstable_by_key(|range| (range.start, range.end));
    let mut reads: Vec<Range<u64>> = Vec::with_capacity(aligned.len());
    for range in aligned {
        match reads.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP_BYTES_MAX) => last.end = last.end.max(range.end),
            _ => reads.push(range),
        }
    }
    Ok(reads)
}
