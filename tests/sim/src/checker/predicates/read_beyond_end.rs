//! read-beyond-end: an answer has records at or beyond the end of the log (for read-committed readers: the stable
//! offset) in the same answer, or a stable offset beyond the end.

use alluvium_model::Offset;

use crate::{
    checker::{findings::Findings, indexed_history::IndexedHistory},
    history::{Isolation, Seen},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        let polls = log.polls.iter().map(|poll| {
            let answer = poll.poll;
            (poll.event, &answer.records, answer.isolation, answer.high_watermark, answer.stable)
        });
        let backs = log.readbacks.iter().map(|back| {
            let answer = back.read;
            (back.event, &answer.records, answer.isolation, answer.high_watermark, answer.stable)
        });
        for (event, records, isolation, high_watermark, stable) in polls.chain(backs) {
            let end = match isolation {
                Isolation::ReadUncommitted => high_watermark,
                Isolation::ReadCommitted => stable,
            };
            if stable > high_watermark {
                findings
                    .add([event], || format!("{partition}: stable up to {stable}, but it ends at {high_watermark}"));
            }
            if let Some(offset) = highest(records).filter(|offset| *offset >= end) {
                findings.add([event], || format!("{partition}: a record at {offset}, but it ends at {end}"));
            }
        }
    }
}

fn highest(records: &[Seen]) -> Option<Offset> {
    records.iter().map(|seen| seen.offset).max()
}
