//! A set of keys, kept as disjoint ranges. Pure.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
};

use bytes::Bytes;

/// Disjoint, non-adjacent ranges: begin (inclusive) to end (exclusive).
#[derive(Debug, Default)]
pub(super) struct RangeSet(BTreeMap<Bytes, Bytes>);

impl RangeSet {
    /// Adds all keys from `begin` (inclusive) to `end` (exclusive); adjacent ranges become one.
    pub fn insert(&mut self, begin: Bytes, end: Bytes) {
        if begin >= end {
            return;
        }
        let (mut begin, mut end) = (begin, end);
        if let Some((before, before_end)) = self.0.range::<[u8], _>((Unbounded, Included(&begin[..]))).next_back()
            && *before_end >= begin
        {
            begin = before.clone();
        }
        while let Some((next, next_end)) = self
            .0
            .range::<[u8], _>((Included(&begin[..]), Included(&end[..])))
            .next()
            .map(|(k, v)| (k.clone(), v.clone()))
        {
            self.0.remove(&next);
            end = end.max(next_end);
        }
        self.0.insert(begin, end);
    }

    /// Whether `key` is in the set.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.0.range::<[u8], _>((Unbounded, Included(key))).next_back().is_some_and(|(_, end)| key < &end[..])
    }

    /// Whether any key from `begin` (inclusive) to `end` (exclusive) is in the set.
    pub fn overlaps(&self, begin: &[u8], end: &[u8]) -> bool {
        begin < end
            && self
                .0
                .range::<[u8], _>((Unbounded, Excluded(end)))
                .next_back()
                .is_some_and(|(_, last)| begin < &last[..])
    }

    /// The ranges in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn set_hold_the_union_of_what_was_inserted(
            ranges in proptest::collection::vec((0u8..40, 0u8..40), 0..12),
            probe in (0u8..40, 0u8..40),
        ) {
            let mut set = RangeSet::default();
            let mut model = BTreeSet::new();
            for (begin, end) in ranges {
                set.insert(Bytes::copy_from_slice(&[begin]), Bytes::copy_from_slice(&[end]));
                model.extend(begin..end);
            }
            for key in 0u8..40 {
                prop_assert_eq!(set.contains(&[key]), model.contains(&key));
            }
            let (begin, end) = probe;
            prop_assert_eq!(set.overlaps(&[begin], &[end]), (begin..end).any(|key| model.contains(&key)));
            let flat: Vec<_> = set.iter().collect();
            prop_assert!(flat.windows(2).all(|pair| pair[0].1 < pair[1].0), "disjoint and apart: {:?}", flat);
        }
    }
}
