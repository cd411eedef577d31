//! Work behind the write path that does not come as far as it should while nothing fails: one rule for each kind of
//! work.

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{EventKind, Upkeep},
};

/// Finds where `work` is behind what was due.
pub fn find(history: &IndexedHistory<'_>, work: Upkeep, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::Progress(progress) = &event.what else { continue };
        if progress.work == work && progress.at < progress.due {
            let late = event.at.saturating_sub(progress.since);
            findings.add([index], || {
                format!(
                    "{work:?} of {} is at {}, and {} was due {:.0} s ago",
                    progress.partition,
                    progress.at,
                    progress.due,
                    late.as_secs_f64()
                )
            });
        }
    }
}
