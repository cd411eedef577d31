//! duplicate (Jepsen): a record is at more offsets than its sends explain: one with idempotence, else one per attempt.

use std::collections::BTreeMap;

use alluvium_model::Offset;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::ValueId,
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        let acked = log.acked.iter().map(|acked| (acked.value, acked.offset, None));
        let seen = log.first_sightings().map(|seen| (seen.value, seen.offset, Some(seen.event)));
        let mut places: Vec<(ValueId, Offset, Option<usize>)> = acked.chain(seen).collect();
        places.sort_unstable();
        places.dedup_by_key(|(value, offset, _)| (*value, *offset));
        for copies in places.chunk_by(|a, b| a.0 == b.0).filter(|copies| copies.len() > 1) {
            let (value, ..) = copies[0];
            let Some(send) = history.send_of(value) else { continue };
            let allowed = if send.sent.producer.is_some() { 1 } else { send.attempts };
            if copies.len() > allowed {
                let offsets: BTreeMap<Offset, Option<usize>> =
                    copies.iter().map(|(_, offset, event)| (*offset, *event)).collect();
                findings.add(send.events().into_iter().chain(offsets.values().flatten().copied()), || {
                    let offsets: Vec<i64> = offsets.keys().map(|offset| offset.0).collect();
                    format!("{value}, sent {} times, is in {partition} at {offsets:?}", send.attempts)
                });
            }
        }
    }
}
