//! agents-disagree: two readbacks of a partition differ: between agents, or before and after compaction.
//!
//! Records of transactions that did not commit are left out, because compaction drops them.

use alluvium_model::Offset;

use crate::{
    checker::{
        findings::Findings,
        indexed_history::{IndexedHistory, IndexedReadback},
    },
    history::{Phase, Seen},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for pair in log.readbacks.windows(2) {
            let [first, second] = pair else { continue };
            let Some(difference) = differ(history, first, second) else { continue };
            findings.add([first.event, second.event], || {
                format!(
                    "{partition}: {:?} by agent {} and {:?} by agent {}: {difference}",
                    first.read.phase, first.read.agent, second.read.phase, second.read.agent
                )
            });
        }
    }
}

fn differ(history: &IndexedHistory<'_>, first: &IndexedReadback<'_>, second: &IndexedReadback<'_>) -> Option<String> {
    let (a, b) = (first.read, second.read);
    // Files end where level 0 begins.
    if b.phase != Phase::Files && b.began >= first.at && b.high_watermark < a.high_watermark {
        return Some(format!("the end went back from {} to {}", a.high_watermark, b.high_watermark));
    }
    let start = a.log_start.max(b.log_start);
    let end = a.high_watermark.min(b.high_watermark);
    let counting = |records: &[Seen]| -> Vec<Seen> {
        let shared = records.iter().filter(|seen| (start..end).contains(&seen.offset));
        shared.filter(|seen| history.counts(seen.value)).copied().collect()
    };
    let (a, b) = (counting(&a.records), counting(&b.records));
    let place = a.iter().zip(&b).position(|(a, b)| a != b).or((a.len() != b.len()).then_some(a.len().min(b.len())))?;
    Some(format!("{} against {}", describe(a.get(place)), describe(b.get(place))))
}

fn describe(seen: Option<&Seen>) -> String {
    seen.map_or_else(
        || "nothing".to_owned(),
        |Seen { offset: Offset(offset), value, timestamp }| format!("{value} of {timestamp} at {offset}"),
    )
}
