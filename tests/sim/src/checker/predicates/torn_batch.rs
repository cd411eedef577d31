//! torn-batch: a readback has some records of a batch and not others, or not at consecutive offsets.

use std::collections::BTreeMap;

use alluvium_model::Offset;

use crate::checker::{findings::Findings, indexed_history::IndexedHistory};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for back in &log.readbacks {
            // By batch and offset of its first record: the number of its records that are there.
            let mut there: BTreeMap<(usize, Offset), usize> = BTreeMap::new();
            for seen in &back.read.records {
                let Some((send, place)) = history.values.get(&seen.value) else { continue };
                let base = Offset(seen.offset.0.saturating_sub(i64::try_from(*place).unwrap_or(i64::MAX)));
                *there.entry((*send, base)).or_default() += 1;
            }
            for ((position, base), records) in there {
                let send = &history.sends[position];
                let cut = back.read.log_start.since(base);
                let whole = send.sent.values.len().saturating_sub(usize::try_from(cut).unwrap_or(usize::MAX));
                if records < whole {
                    findings.add(send.events().into_iter().chain([back.event]), || {
                        format!("{partition}: of {} at {base}, {records} of {whole} records are there", send.sent.send)
                    });
                }
            }
        }
    }
}
