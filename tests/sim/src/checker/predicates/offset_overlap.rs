//! offset-overlap: two batches were acknowledged with an offset in common.

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for here in log.acked.chunk_by(|a, b| a.offset == b.offset) {
            let [first, .., last] = here else { continue };
            findings.add(
                history.sends[first.send].events().into_iter().chain(history.sends[last.send].events()),
                || {
                    format!(
                        "{partition}: {} and {} were both acknowledged at {}",
                        first.value, last.value, first.offset
                    )
                },
            );
        }
    }
}
