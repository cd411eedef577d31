//! The open transactions of the cluster by age, for the metrics of each agent.

use alluvium_metastore::transactions::OpenTransaction;
use alluvium_model::Timestamp;

/// The classes of age, by the label of the metric: the longest age of each, ms. The last class has no end.
const AGES_MS: [(&str, u64); 4] = [("10s", 10_000), ("1m", 60_000), ("15m", 900_000), ("longer", u64::MAX)];

/// Numbers of open transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenTransactions {
    counts: [u64; AGES_MS.len()],
    /// Those that should have been aborted, because they have timed out.
    pub late: u64,
    /// The age of the oldest, ms; 0 if none is open.
    pub oldest_ms: u64,
}

impl OpenTransactions {
    /// The numbers of `open` at `now`.
    #[must_use]
    pub fn count(open: &[OpenTransaction], now: Timestamp) -> Self {
        let mut counted = Self::default();
        for transaction in open {
            let age = u64::try_from(now.0.saturating_sub(transaction.since.0)).unwrap_or(0);
            let class = AGES_MS.iter().position(|(_, longest)| age <= *longest);
            counted.counts[class.expect("the last class has no end")] += 1;
            counted.late += u64::from(transaction.is_late(now));
            counted.oldest_ms = counted.oldest_ms.max(age);
        }
        counted
    }

    /// The number of each class, with its label.
    pub fn by_age(&self) -> impl Iterator<Item = (&'static str, u64)> {
        AGES_MS.iter().zip(self.counts).map(|((label, _), count)| (*label, count))
    }
}

#[cfg(test)]
mod tests {
    use alluvium_model::ProducerId;

    use super::*;

    #[test]
    fn each_is_counted_once_by_its_age_and_as_late_after_its_deadline() {
        let now = Timestamp(10_000_000);
        let open = |seconds: i64, left: i64| OpenTransaction {
            producer: ProducerId(1),
            since: Timestamp(now.0 - seconds * 1_000),
            deadline: Timestamp(now.0 + left * 1_000),
        };
        let counted = OpenTransactions::count(&[open(0, 1), open(10, -10), open(11, 0), open(5_000, -11)], now);
        let by_age: Vec<_> = counted.by_age().collect();
        assert_eq!(by_age, [("10s", 2), ("1m", 1), ("15m", 0), ("longer", 1)]);
        assert_eq!((counted.late, counted.oldest_ms), (1, 5_000_000));
        assert_eq!(OpenTransactions::count(&[], now), OpenTransactions::default());
    }
}
