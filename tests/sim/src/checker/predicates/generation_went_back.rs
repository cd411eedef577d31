//! generation-went-back: a member got a generation older than one that had begun before the member asked to join.

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::EventKind,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::Joined(join) = &event.what else { continue };
        let Some((before, newer)) = history.generation_before(&join.group, join.began) else { continue };
        if newer.generation > join.generation && !history.group_deleted(&join.group, newer.began, event.at) {
            findings.add([before, index], || {
                let (group, old, new) = (&join.group, newer.generation, join.generation);
                format!("group {group}: generation {new} after generation {old}")
            });
        }
    }
}
