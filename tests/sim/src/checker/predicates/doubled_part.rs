//! doubled-part: a shared history file has records of a partition that are current elsewhere.

use crate::checker::findings::Findings;
use crate::checker::indexed_history::IndexedHistory;
use crate::history::EventKind;

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::FinalObjects(objects) = &event.what else { continue };
        for part in &objects.doubled {
            findings.add([index], || part.clone());
        }
    }
}
