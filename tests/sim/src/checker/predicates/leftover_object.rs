//! leftover-object: the store has an object that no extent points to and that is not retired.

use std::collections::BTreeSet;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::EventKind,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::FinalObjects(objects) = &event.what else { continue };
        let live = objects.live.iter().filter_map(|extent| extent.object);
        let known: BTreeSet<_> = live.chain(objects.retired.iter().copied()).collect();
        for object in objects.stored.iter().filter(|object| !known.contains(*object)) {
            findings.add([index], || format!("nothing points to {object}"));
        }
        for name in &objects.strange {
            findings.add([index], || format!("`{name}` is none of ours"));
        }
    }
}
