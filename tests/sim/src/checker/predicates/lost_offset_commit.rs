//! lost-offset-commit: two committed transactions of a group were made of the same records: the offsets of the first were
//! lost, or came too late for the second.

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for ((group, partition), consumed) in history.consumed() {
        let committed: Vec<_> = consumed.into_iter().filter(|consumed| consumed.is_committed).collect();
        for pair in committed.windows(2) {
            let [first, second] = pair else { continue };
            if second.from < first.to && second.txn != first.txn {
                findings.add([first.event, second.event], || {
                    format!(
                        "group {group}, {partition}: {} consumed {} to {}, and {} consumed {} to {}",
                        first.txn, first.from, first.to, second.txn, second.from, second.to
                    )
                });
            }
        }
    }
}
