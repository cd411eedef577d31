//! Checks that the records read are those that were acknowledged: each once, and in order.

use std::collections::HashMap;

use super::stamp::Stamp;

/// Violations that are described in the report; further ones are only counted.
const EXAMPLES_MAX: usize = 5;

/// Checks the records that one consumer reads.
#[derive(Debug, Default)]
pub struct Check {
    /// The next sequence expected of (partition, producer).
    expected: HashMap<(i32, u32), u64>,
    read: u64,
    violations: u64,
    examples: Vec<String>,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Number of this run's records that were read.
    pub read: u64,
    /// Number of records lost, duplicated or out of order.
    pub violations: u64,
    /// Descriptions of the first few violations.
    pub examples: Vec<String>,
}

impl Check {
    /// Checks a record that was read from `partition` at `offset`.
    pub fn record(&mut self, partition: i32, offset: i64, stamp: &Stamp) {
        self.read += 1;
        let Stamp { producer, sequence, .. } = *stamp;
        let expected = self.expected.entry((partition, producer)).or_default();
        let wanted = std::mem::replace(expected, (sequence + 1).max(*expected));
        if sequence != wanted {
            let what = if sequence < wanted { "again or out of order" } else { "after a gap" };
            self.violation(format!(
                "partition {partition} offset {offset}: record {sequence} of producer {producer} came {what}; \
                 {wanted} was due"
            ));
        }
    }

    fn violation(&mut self, description: String) {
        self.violations += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(description);
        }
    }

    /// Whether as many records of each (partition, producer) were read as were `acknowledged`.
    pub fn has_reached(&self, acknowledged: &HashMap<(i32, u32), u64>) -> bool {
        acknowledged.iter().all(|(key, count)| self.reached(key) >= *count)
    }

    fn reached(&self, key: &(i32, u32)) -> u64 {
        self.expected.get(key).copied().unwrap_or(0)
    }

    /// Ends the check, given the number of acknowledged records of each (partition, producer): those not read are lost.
    pub fn finish(mut self, acknowledged: &HashMap<(i32, u32), u64>) -> Verdict {
        for (&(partition, producer), &count) in acknowledged {
            let reached = self.reached(&(partition, producer));
            if reached < count {
                self.violation(format!(
                    "partition {partition}: {count} records of producer {producer} were acknowledged, only {reached} \
                     were read"
                ));
            }
        }
        Verdict { read: self.read, violations: self.violations, examples: self.examples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(sequences: &[u64], acknowledged: u64) -> Verdict {
        let mut check = Check::default();
        for (offset, &sequence) in (0..).zip(sequences) {
            check.record(0, offset, &Stamp { producer: 1, sequence, intended_ns: 0, run: 0 });
        }
        check.finish(&HashMap::from([((0, 1), acknowledged)]))
    }

    #[test]
    fn every_record_once_and_in_order_is_no_violation() {
        assert_eq!(verdict(&[0, 1, 2, 3], 4), Verdict { read: 4, violations: 0, examples: vec![] });
    }

    #[test]
    fn a_lost_a_repeated_and_a_swapped_record_are_violations() {
        assert_eq!(verdict(&[0, 1], 3).violations, 1);
        assert_eq!(verdict(&[0, 1, 1, 2], 3).violations, 1);
        assert_eq!(verdict(&[0, 2, 1, 3], 4).violations, 2);
        assert!(verdict(&[0, 2], 3).examples[0].contains("after a gap"));
    }
}
