//! offset-gap: between the log start and the end an offset has no record, and nothing explains it.
//!
//! Explained are control records, and what compaction drops of transactions that did not commit. Where nobody saw a
//! marker, every transaction in the partition may have left one.

use std::collections::HashSet;

use alluvium_model::Offset;

use crate::{
    checker::{
        findings::Findings,
        view::{Fate, Log, ReadbackView, View},
    },
    history::Marker,
};

pub fn find(view: &View<'_>, findings: &mut Findings) {
    for (partition, log) in &view.logs {
        let markers: HashSet<Offset> = markers(log).map(|marker| marker.offset).collect();
        let explained = explained(view, log);
        for back in &log.readbacks {
            let (gaps, first) = gaps(view, log, back, &markers);
            if let (true, Some(first)) = (gaps > explained, first) {
                findings.add([back.event], || {
                    let (start, end) = (back.read.log_start, back.read.high_watermark);
                    format!("{partition} from {start} to {end} has no record at {first} ({gaps} such offsets)")
                });
            }
        }
    }
}

fn markers<'l>(log: &'l Log<'_>) -> impl Iterator<Item = &'l Marker> {
    let polled = log.polls.iter().flat_map(|poll| &poll.poll.markers);
    polled.chain(log.readbacks.iter().flat_map(|back| &back.read.markers))
}

/// Offsets that may be empty although nobody saw a marker there.
fn explained(view: &View<'_>, log: &Log<'_>) -> usize {
    let mut txns = HashSet::new();
    let mut offsets = 0;
    for send in log.sends.iter().map(|position| &view.sends[*position]) {
        let Some(id) = send.sent.txn else { continue };
        offsets += usize::from(txns.insert(id));
        if view.txns.get(&id).is_none_or(|txn| txn.fate != Fate::Committed) {
            offsets += send.sent.values.len();
        }
    }
    offsets
}

/// How many offsets of `back` are empty without a marker there, and the first of them.
fn gaps(view: &View<'_>, log: &Log<'_>, back: &ReadbackView<'_>, markers: &HashSet<Offset>) -> (usize, Option<Offset>) {
    let mut offsets: Vec<Offset> = back.read.records.iter().map(|seen| seen.offset).collect();
    offsets.sort_unstable();
    let mut gaps = 0;
    let mut first = None;
    let mut next = back.read.log_start;
    for offset in offsets.into_iter().chain([back.read.high_watermark]) {
        for missing in (next.0..offset.0).map(Offset) {
            let dropped = log.seen_at(missing).iter().any(|seen| !view.counts(seen.value));
            if !markers.contains(&missing) && !dropped {
                gaps += 1;
                first.get_or_insert(missing);
            }
        }
        next = next.max(offset.plus(1));
    }
    (gaps, first)
}
