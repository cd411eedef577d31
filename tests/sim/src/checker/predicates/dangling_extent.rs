//! dangling-extent: an extent points to an object that the store does not have, or that is retired.

use std::collections::BTreeSet;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::EventKind,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::FinalObjects(objects) = &event.what else { continue };
        let stored: BTreeSet<_> = objects.stored.iter().collect();
        let retired: BTreeSet<_> = objects.retired.iter().collect();
        for extent in &objects.live {
            let (partition, offsets) = (extent.partition, &extent.offsets);
            let Some(object) = &extent.object else { continue };
            if !stored.contains(object) {
                findings.add([index], || {
                    format!("{partition} from {} to {} lies in {object}, which is missing", offsets.start, offsets.end)
                });
            } else if retired.contains(object) {
                findings.add([index], || {
                    format!("{partition} from {} to {} lies in {object}, which is retired", offsets.start, offsets.end)
                });
            }
        }
    }
}
