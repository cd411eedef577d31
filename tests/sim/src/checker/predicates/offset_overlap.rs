//! offset-overlap: two batches were acknowledged with an offset in common.

use crate::checker::{findings::Findings, view::View};

pub fn find(view: &View<'_>, findings: &mut Findings) {
    for (partition, log) in &view.logs {
        for here in log.acked.chunk_by(|a, b| a.offset == b.offset) {
            let [first, .., last] = here else { continue };
            findings.add(view.sends[first.send].events().into_iter().chain(view.sends[last.send].events()), || {
                format!("{partition}: {} and {} were both acknowledged at {}", first.value, last.value, first.offset)
            });
        }
    }
}
