//! inconsistent-offset (Jepsen): two readers saw different records at one offset, or the same one with another
//! timestamp.

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for here in log.sightings.chunk_by(|a, b| a.offset == b.offset) {
            let Some((first, others)) = here.split_first() else { continue };
            let other = others.iter().find(|other| (other.value, other.timestamp) != (first.value, first.timestamp));
            if let Some(other) = other {
                findings.add([first.event, other.event], || {
                    format!(
                        "{partition} at {}: {} of {} to some, {} of {} to others",
                        first.offset, first.value, first.timestamp, other.value, other.timestamp
                    )
                });
            }
        }
    }
}
