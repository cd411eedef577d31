//! invented-record: a reader saw a record that no client had sent to this partition.

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for seen in &log.sightings {
            let (value, offset) = (seen.value, seen.offset);
            let Some(send) = history.send_of(value) else {
                findings
                    .add([seen.event], || format!("{value} was seen in {partition} at {offset}; no client sent it"));
                continue;
            };
            let to = send.sent.partition;
            if to != *partition {
                findings.add([send.event, seen.event], || {
                    format!("{value} was sent to {to}, and seen in {partition} at {offset}")
                });
            }
            if seen.at < send.at {
                findings.add([send.event, seen.event], || {
                    format!("{value} was seen in {partition} at {offset} before it was sent")
                });
            }
        }
    }
}
