//! acked-elsewhere: a record is not at its acknowledged offset: another record is there, or the record is at another
//! offset.

use alluvium_model::TopicPartition;

use crate::checker::{
    findings::Findings,
    indexed_history::{AckedAt, IndexedHistory, Log},
};

pub fn find(history: &IndexedHistory<'_>, findings: &mut Findings) {
    for (partition, log) in &history.logs {
        for acked in &log.acked {
            displaced(history, *partition, log, acked, findings);
        }
        for seen in log.first_sightings() {
            let Some((position, place)) = history.values.get(&seen.value) else { continue };
            let send = &history.sends[*position];
            let acked = send.acked_base().map(|base| base.plus(u64::try_from(*place).unwrap_or(u64::MAX)));
            // A batch of a producer that is not idempotent may be there more than once: `duplicate` checks how often.
            let once = send.sent.producer.is_some() || send.attempts == 1;
            if let Some(acked) = acked
                && once
                && acked != seen.offset
                && send.sent.partition == *partition
            {
                findings.add(send.events().into_iter().chain([seen.event]), || {
                    format!("{} was acknowledged at {acked} of {partition} and seen at {}", seen.value, seen.offset)
                });
            }
        }
    }
}

/// Another record is where an acknowledged one should be.
fn displaced(
    history: &IndexedHistory<'_>,
    partition: TopicPartition,
    log: &Log<'_>,
    acked: &AckedAt,
    findings: &mut Findings,
) {
    let other = log.seen_at(acked.offset).iter().find(|seen| seen.value != acked.value);
    if let Some(other) = other {
        let send = &history.sends[acked.send];
        findings.add(send.events().into_iter().chain([other.event]), || {
            format!(
                "{} was acknowledged at {} of {partition}, where {} was seen",
                acked.value, acked.offset, other.value
            )
        });
    }
}
