//! offset-gap: between the log start and the end an offset has no record, and nothing explains it.
//!
//! Control records explain a gap, and so do records of transactions that did not commit, which compaction drops. If no
//! reader saw a marker, every transaction in the partition may have left one.

use std::collections::HashSet;

use alluvium_model::Offset;

use crate::checker::{
    findings::Findings,
    indexed_history::{CommitStatus, IndexedHistory, IndexedReadback, Log},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        let known = known(history, log);
        let explained = explained(history, log);
        for back in &log.readbacks {
            let (gaps, first) = gaps(back, &known);
            if let (true, Some(first)) = (gaps > explained, first) {
                findings.add([back.event], || {
                    let (start, end) = (back.read.log_start, back.read.high_watermark);
                    format!("{partition} from {start} to {end} has no record at {first} ({gaps} such offsets)")
                });
            }
        }
    }
}

/// Offsets at which a reader saw a marker, or a record that compaction drops: ascending, each once.
fn known(history: &IndexedHistory<'_>, log: &Log<'_>) -> Vec<Offset> {
    let polled = log.polls.iter().flat_map(|poll| &poll.poll.markers);
    let markers = polled.chain(log.readbacks.iter().flat_map(|back| &back.read.markers));
    let dropped = log.sightings.iter().filter(|seen| !history.counts(seen.value)).map(|seen| seen.offset);
    let mut known: Vec<Offset> = markers.map(|marker| marker.offset).chain(dropped).collect();
    known.sort_unstable();
    known.dedup();
    known
}

/// Offsets that may be empty although no reader saw a marker there.
fn explained(history: &IndexedHistory<'_>, log: &Log<'_>) -> u64 {
    let mut txns = HashSet::new();
    let mut offsets = 0;
    for send in log.sends.iter().map(|position| &history.sends[*position]) {
        let Some(id) = send.sent.txn else { continue };
        offsets += u64::from(txns.insert(id));
        if history.txns.get(&id).is_none_or(|txn| txn.status != CommitStatus::Committed) {
            offsets += send.sent.values.len() as u64;
        }
    }
    offsets
}

/// The number of offsets of `back` that are empty and not `known` to be, and the first of them.
fn gaps(back: &IndexedReadback<'_>, known: &[Offset]) -> (u64, Option<Offset>) {
    let mut offsets: Vec<Offset> = back.read.records.iter().map(|seen| seen.offset).collect();
    offsets.sort_unstable();
    let mut gaps = 0;
    let mut first = None;
    let mut next = back.read.log_start;
    for offset in offsets.into_iter().chain([back.read.high_watermark]) {
        if next < offset {
            let start = known.partition_point(|known| *known < next);
            let end = known.partition_point(|known| *known < offset);
            let here = &known[start..end];
            let missing = offset.since(next) - here.len() as u64;
            if missing > 0 && first.is_none() {
                let run = (0u64..).zip(here).take_while(|(place, known)| **known == next.plus(*place)).count();
                first = Some(next.plus(run as u64));
            }
            gaps += missing;
        }
        next = next.max(offset.plus(1));
    }
    (gaps, first)
}
