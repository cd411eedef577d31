//! Open transactions: whether agents abort those that time out.

use alluvium_metastore::transactions::{OpenTransaction, Transactions};
use alluvium_model::Timestamp;
use alluvium_runtime::Clock;
use anyhow::Result;

use super::{finding::Finding, findings::Findings};

const OPEN: &str = "transactions.open";
/// Open transactions that are looked at, about 60 B each.
const OPEN_MAX: usize = 10_000;

/// Checks the open transactions.
///
/// # Errors
/// If a finding cannot be printed.
pub async fn check(transactions: &Transactions, clock: &dyn Clock, findings: &mut Findings) -> Result<()> {
    let open = match transactions.open(OPEN_MAX).await {
        Ok(open) => open,
        Err(error) => {
            let advice = "Look at the metastore's servers, and run this again.";
            return findings.add(Finding::not_known(OPEN, error.to_string(), advice));
        }
    };
    // Those with the earliest deadlines come first.
    let id = match open.first() {
        Some(first) => transactions.find_of(first.producer).await.ok().flatten().map(|stored| stored.id.to_string()),
        None => None,
    };
    findings.add(finding(&open, id.as_deref(), clock.now()))
}

/// The finding about `open`, of which the first has the transactional id `id`.
fn finding(open: &[OpenTransaction], id: Option<&str>, now: Timestamp) -> Finding {
    let seconds = |since: Timestamp| (now.0 - since.0).max(0) / 1_000;
    let oldest = open.iter().map(|transaction| seconds(transaction.since)).max();
    let Some((oldest, first)) = oldest.zip(open.first()) else { return Finding::ok(OPEN, "none is open") };
    let more = if open.len() == OPEN_MAX { " or more" } else { "" };
    let counted = format!("{}{more} are open, the oldest for {oldest} s", open.len());
    let late = open.iter().filter(|transaction| transaction.is_late(now)).count();
    let found = if late == 0 {
        Finding::ok(OPEN, counted)
    } else {
        let who = id.map(|id| format!("{id:?}, ")).unwrap_or_default();
        let (producer, by) = (first.producer, seconds(first.deadline));
        Finding::warning(
            OPEN,
            format!("{counted}; {late} have timed out and are still open: {who}producer {producer}, for {by} s"),
            "Consumers of committed records wait at the first record of an open transaction, and their partitions are \
             not compacted beyond it.",
            "Agents abort what has timed out within seconds: check that one runs, and look in its log for \"timed out\". \
             `kafka-transactions.sh abort` ends a single one.",
        )
    };
    found.with("open", open.len()).with("late", late).with("oldest_seconds", oldest)
}

#[cfg(test)]
mod tests {
    use alluvium_model::ProducerId;

    use super::*;
    use crate::doctor::finding::Outcome;

    fn open(since: i64, deadline: i64) -> OpenTransaction {
        OpenTransaction { producer: ProducerId(7), since: Timestamp(since), deadline: Timestamp(deadline) }
    }

    #[test]
    fn a_transaction_that_is_open_beyond_its_timeout_is_a_warning_that_names_it() {
        let now = Timestamp(100_000);
        assert_eq!(finding(&[], None, now).outcome, Outcome::Ok);
        let found = finding(&[open(40_000, 90_000), open(20_000, 200_000)], Some("a"), now);
        assert_eq!(found.outcome, Outcome::Ok);
        assert_eq!(found.found, "2 are open, the oldest for 80 s");
        let found = finding(&[open(40_000, 70_000), open(20_000, 200_000)], Some("a"), now);
        assert_eq!(found.outcome, Outcome::Warning);
        assert!(found.found.contains("1 have timed out and are still open: \"a\", producer 7, for 30 s"), "{found:?}");
    }
}
