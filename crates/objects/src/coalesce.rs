//! Coalesces byte ranges into fewer, larger reads.

use std::ops::Range;

/// The reads that cover all `ranges`, sorted. Ranges at most `gap` bytes apart are merged, unless the result would
/// exceed `max` bytes. Empty ranges need no read.
pub(crate) fn coalesce(ranges: &[Range<u64>], gap: u64, max: u64) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    let mut reads: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        match reads.last_mut() {
            Some(last) if range.end <= last.end => {}
            Some(last) if range.start <= last.end.saturating_add(gap) && range.end - last.start <= max => {
                last.end = range.end;
            }
            _ => reads.push(range),
        }
    }
    reads
}

/// The index of the read, among those by [`coalesce`], that covers `range`.
pub(crate) fn covering(reads: &[Range<u64>], range: &Range<u64>) -> Option<usize> {
    let at = reads.partition_point(|read| read.start <= range.start).checked_sub(1)?;
    reads.get(at).filter(|read| range.end <= read.end).map(|_| at)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_range_is_covered_by_one_read(
            starts in vec((0_u64..10_000, 0_u64..500), 0..50), gap in 0_u64..300, max in 0_u64..2_000
        ) {
            let ranges: Vec<_> = starts.into_iter().map(|(start, len)| start..start + len).collect();
            let reads = coalesce(&ranges, gap, max);
            for range in ranges.iter().filter(|range| !range.is_empty()) {
                prop_assert!(covering(&reads, range).is_some());
            }
            let largest = ranges.iter().map(|range| range.end - range.start).max().unwrap_or(0);
            prop_assert!(reads.iter().all(|read| read.end - read.start <= max.max(largest)));
        }
    }

    #[test]
    fn ranges_close_together_are_one_read() {
        assert_eq!(coalesce(&[100..110, 0..10, 12..20, 300..300], 5, 1_000), [0..20, 100..110]);
        assert_eq!(coalesce(&[0..10, 10..20, 20..30], 0, 20), [0..20, 20..30]);
    }
}
