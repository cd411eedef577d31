//! stuck: something did not finish after the end of faults.

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::EventKind,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        if let EventKind::Stuck(what) = &event.what {
            findings.add([index], || what.clone());
        }
    }
}
