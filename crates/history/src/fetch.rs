//! Reads of the covered part of a file: whole blocks, few requests, nothing unverified.

use std::ops::Range;

use bytes::Bytes;
use futures::future::try_join_all;

use crate::checksum::Checksums;
use crate::{RangedRead, ReadError};

/// A gap up to this is read along rather than asking twice: on S3 a request costs as much time as this many bytes.
const GAP_BYTES_MAX: u64 = 256 << 10;

/// The bytes of each of `ranges`, verified.
pub(crate) async fn verified(
    source: &dyn RangedRead,
    checksums: &Checksums,
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>, ReadError> {
    let spans = spans(checksums, ranges)?;
    let read = try_join_all(spans.iter().map(|span| exactly(source, span.clone()))).await?;
    for (span, bytes) in spans.iter().zip(&read) {
        if !checksums.intact(span.start, bytes) {
            return Err(ReadError::corrupt(format!("checksum mismatch within bytes {} to {}", span.start, span.end)));
        }
    }
    let cut = |range: &Range<u64>| {
        let at = spans.partition_point(|span| span.end < range.end);
        let from = usize::try_from(range.start.checked_sub(spans.get(at)?.start)?).ok()?;
        let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
        read.get(at).filter(|bytes| from + length <= bytes.len()).map(|bytes| bytes.slice(from..from + length))
    };
    ranges.iter().map(|range| cut(range).ok_or_else(|| ReadError::corrupt("byte range out of order"))).collect()
}

/// The bytes of `range`, as many as asked for.
pub(crate) async fn exactly(source: &dyn RangedRead, range: Range<u64>) -> Result<Bytes, ReadError> {
    let wanted = range.end.saturating_sub(range.start);
    let bytes = source.read(range.clone()).await.map_err(ReadError::Source)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length == wanted) {
        Ok(bytes)
    } else {
        Err(ReadError::corrupt(format!("{} bytes where {wanted} were asked for at {}", bytes.len(), range.start)))
    }
}

/// The block-aligned ranges to read, ascending and apart.
fn spans(checksums: &Checksums, ranges: &[Range<u64>]) -> Result<Vec<Range<u64>>, ReadError> {
    let aligned = |range: &Range<u64>| {
        checksums
            .aligned(range)
            .ok_or_else(|| ReadError::corrupt(format!("bytes {} to {} lie outside", range.start, range.end)))
    };
    let mut aligned: Vec<Range<u64>> = ranges.iter().map(aligned).collect::<Result<_, _>>()?;
    aligned.sort_unstable_by_key(|range| (range.start, range.end));
    let mut spans: Vec<Range<u64>> = Vec::with_capacity(aligned.len());
    for range in aligned {
        match spans.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP_BYTES_MAX) => last.end = last.end.max(range.end),
            _ => spans.push(range),
        }
    }
    Ok(spans)
}
