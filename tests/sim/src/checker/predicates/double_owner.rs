//! group-double-owner: two members of one generation were assigned the same partition.
//!
//! A static member that replaces its previous instance gets the same assignment in the same generation: no violation.

use std::collections::BTreeMap;

use alluvium_model::TopicPartition;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{EventKind, Join},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    let mut owners: BTreeMap<(&str, i32, TopicPartition), (usize, &Join)> = BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::Joined(join) = &event.what else { continue };
        for partition in &join.assignment {
            let key = (join.group.as_str(), join.generation, *partition);
            let (before, owner) = *owners.entry(key).or_insert((index, join));
            let same = owner.member == join.member || (owner.instance.is_some() && owner.instance == join.instance);
            // The generations of a deleted group begin again.
            if same || history.group_deleted(&join.group, owner.began, event.at) {
                owners.insert(key, (index, join));
            } else {
                findings.add([before, index], || {
                    let Join { group, generation, .. } = join;
                    let (one, other) = (&owner.member, &join.member);
                    format!("group {group}, generation {generation}: {partition} belongs to {one} and to {other}")
                });
            }
        }
    }
}
