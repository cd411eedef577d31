//! Extents of a partition, and what a reader of committed records must know about them.

use std::collections::HashSet;
use std::sync::Arc;

use alluvium_model::log::transaction_end::AbortedTransaction;
use alluvium_model::{Extent, Offset};

/// Extents of a partition, recent or looked up.
#[derive(Clone, Debug)]
pub struct CachedExtents {
    /// The extents, in order.
    pub extents: Vec<Arc<Extent>>,
    /// Of transactions in them that were open at this offset or later it is not known whether they are aborted.
    pub stable: Offset,
    /// The transactions that are known to be aborted, each once; some may not concern the extents.
    pub aborted: Vec<AbortedTransaction>,
}

impl CachedExtents {
    /// No extents.
    #[must_use]
    pub fn none() -> Self {
        Self { extents: Vec::new(), stable: Offset(i64::MAX), aborted: Vec::new() }
    }

    /// Adds those of `aborted` that are not known yet. (Those of one page may have ended before and after those of the
    /// page before.)
    pub fn add_aborted(&mut self, aborted: &[AbortedTransaction]) {
        let known: HashSet<Offset> = self.aborted.iter().map(|aborted| aborted.last).collect();
        self.aborted.extend(aborted.iter().filter(|aborted| !known.contains(&aborted.last)));
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::ProducerId;

    use super::*;

    #[test]
    fn aborted_transactions_of_several_pages_are_each_there_once() {
        let aborted = |producer, first, last| AbortedTransaction {
            producer: ProducerId(producer),
            first: Offset(first),
            last: Offset(last),
        };
        let mut extents = CachedExtents::none();
        // The second ended before the first, but has nothing in the first page.
        extents.add_aborted(&[aborted(1, 50, 200)]);
        extents.add_aborted(&[aborted(2, 120, 150), aborted(1, 50, 200)]);
        assert_eq!(extents.aborted, [aborted(1, 50, 200), aborted(2, 120, 150)]);
    }
}
