//! Divides the byte budget of one fetch among its partitions: Kafka's rule (KIP-74), as a pure function.
//!
//! Partitions are served in the order of the request, each up to its own limit, until the fetch's limit is used up. The
//! first partition that has any records gets at least one whole batch, however large; otherwise a consumer would never
//! get past a batch that is larger than its limit.

/// What one partition requests and what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionDemand {
    /// The partition's own limit in the request, bytes.
    pub bytes_max: usize,
    /// Bytes stored from the fetch offset on, estimated.
    pub available: u64,
}

/// What one partition may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionBudget {
    /// Whole batches up to this many bytes in all.
    pub bytes_max: usize,
    /// Read the first batch even if it is larger than `bytes_max`.
    pub at_least_one: bool,
}

impl PartitionBudget {
    /// The same budget with at most `bytes_left`.
    #[must_use]
    pub fn capped(self, bytes_left: usize) -> Self {
        Self { bytes_max: self.bytes_max.min(bytes_left), ..self }
    }

    /// Whether nothing may be read.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bytes_max == 0 && !self.at_least_one
    }
}

/// Divides `bytes_max` among `demands`: one budget for each, in order.
#[must_use]
pub fn divide(demands: &[PartitionDemand], bytes_max: usize) -> Vec<PartitionBudget> {
    let mut left = bytes_max;
    let mut is_first = true;
    let budget = |demand: &PartitionDemand| {
        let available = usize::try_from(demand.available).unwrap_or(usize::MAX);
        if available == 0 {
            return PartitionBudget::default();
        }
        let bytes_max = demand.bytes_max.min(left);
        left -= bytes_max.min(available);
        let at_least_one = std::mem::take(&mut is_first);
        PartitionBudget { bytes_max, at_least_one }
    };
    demands.iter().map(budget).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn demand(bytes_max: usize, available: u64) -> PartitionDemand {
        PartitionDemand { bytes_max, available }
    }

    #[test]
    fn the_first_partition_with_records_gets_one_batch_even_without_budget() {
        let budgets = divide(&[demand(10, 0), demand(10, 500)], 0);
        assert_eq!(budgets, [PartitionBudget::default(), PartitionBudget { bytes_max: 0, at_least_one: true }]);
    }

    #[test]
    fn bytes_that_one_partition_does_not_need_are_left_to_the_next() {
        let budgets = divide(&[demand(100, 30), demand(100, 500)], 120);
        assert_eq!(budgets[0].bytes_max, 100);
        assert_eq!(budgets[1].bytes_max, 90);
    }

    proptest! {
        #[test]
        fn budgets_never_exceed_that_of_the_fetch(
            demands in prop::collection::vec((0_usize..1_000, 0_u64..2_000), 0..40),
            bytes_max in 0_usize..5_000,
        ) {
            let demands: Vec<PartitionDemand> =
                demands.into_iter().map(|(bytes_max, available)| demand(bytes_max, available)).collect();
            let budgets = divide(&demands, bytes_max);
            let readable: usize = demands
                .iter()
                .zip(&budgets)
                .map(|(demand, budget)| budget.bytes_max.min(demand.available as usize))
                .sum();
            prop_assert!(readable <= bytes_max);
            prop_assert!(budgets.iter().filter(|budget| budget.at_least_one).count() <= 1);
            let first = demands.iter().position(|demand| demand.available > 0);
            prop_assert_eq!(budgets.iter().position(|budget| budget.at_least_one), first);
            for (demand, budget) in demands.iter().zip(&budgets) {
                prop_assert!(budget.bytes_max <= demand.bytes_max);
            }
        }
    }
}
