//! generation-went-back: a member was given a generation older than one that had begun before it asked to join.

use crate::{
    checker::{findings::Findings, view::View},
    history::Happening,
};

pub fn find(view: &View<'_>, findings: &mut Findings) {
    for (index, event) in view.events.iter().enumerate() {
        let Happening::Joined(join) = &event.what else { continue };
        let Some((before, younger)) = view.generation_before(&join.group, join.began) else { continue };
        if younger.generation > join.generation && !view.group_deleted(&join.group, younger.began, event.at) {
            findings.add([before, index], || {
                let (group, old, new) = (&join.group, younger.generation, join.generation);
                format!("group {group}: generation {new} after generation {old}")
            });
        }
    }
}
