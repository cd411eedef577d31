//! Breaking what was read.

use alluvium_model::{Offset, Timestamp};

use super::pick::{AckedSend, Pick, poll_at, readbacks};
use crate::history::{EventKind, History, Phase, ValueId};

/// A poll in which all records of one acknowledged batch are, with their places.
fn poll_with(history: &History, pick: &Pick, records: usize) -> Option<(usize, Vec<usize>)> {
    let AckedSend { batch, .. } = pick.acked(history, |acked| acked.batch.values.len() >= records)?;
    let at = pick.event(history, |what| match what {
        EventKind::Polled(poll) => {
            poll.records.iter().filter(|seen| batch.values.contains(&seen.value)).count() >= records
        }
        _ => false,
    })?;
    let EventKind::Polled(poll) = &history.events[at].what else { return None };
    let places = (0..poll.records.len()).filter(|place| batch.values.contains(&poll.records[*place].value));
    Some((at, places.collect()))
}

pub fn drop_a_record_from_a_poll(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    poll_at(history, at)?.records.remove(places[0]);
    Some(())
}

pub fn swap_two_records_of_a_poll(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 2)?;
    poll_at(history, at)?.records.swap(places[0], places[1]);
    Some(())
}

pub fn give_a_record_twice(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    let poll = poll_at(history, at)?;
    let again = poll.records[places[0]];
    poll.records.insert(places[0], again);
    Some(())
}

pub fn go_on_too_far(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    let poll = poll_at(history, at)?;
    let passed = poll.records[places[0]].offset;
    if passed == poll.from {
        // A first poll need not be at the consumer's position, only at the offset that was set.
        let began_there = history.events[..at].iter().any(|event| match &event.what {
            EventKind::Positioned(position) => position.to == passed,
            EventKind::Polled(poll) => poll.next == passed,
            _ => false,
        });
        began_there.then_some(())?;
    }
    let poll = poll_at(history, at)?;
    poll.from = passed.plus(1);
    poll.next = poll.next.max(poll.from);
    poll.records.retain(|seen| seen.offset > passed);
    Some(())
}

pub fn go_back(history: &mut History, pick: &mut Pick) -> Option<()> {
    let at = pick.event(history, |what| matches!(what, EventKind::Polled(poll) if poll.from > Offset(0)))?;
    let poll = poll_at(history, at)?;
    poll.from = Offset(poll.from.0 - 1);
    Some(())
}

pub fn change_a_value_in_one_read(history: &mut History, pick: &mut Pick) -> Option<()> {
    let other = pick.acked(history, |_| true)?.batch.values[0];
    let (at, places) = poll_with(history, pick, 1)?;
    let seen = &mut poll_at(history, at)?.records[places[0]];
    let changed = seen.value != other;
    seen.value = other;
    changed.then_some(())
}

pub fn change_a_timestamp_in_one_read(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    poll_at(history, at)?.records[places[0]].timestamp = Timestamp(1);
    Some(())
}

pub fn drop_a_record_from_one_readback(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, .. } = pick.acked(history, |_| true)?;
    let back = readbacks(history).filter(|back| back.partition == batch.partition).last()?;
    back.records.retain(|seen| seen.value != batch.values[0]);
    Some(())
}

pub fn cut_one_readback_short(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, base, .. } = pick.acked(history, |_| true)?;
    let back =
        readbacks(history).find(|back| back.partition == batch.partition && back.phase == Phase::AfterCompaction)?;
    // The reading before it is over for certain.
    back.began = back.began.max(std::time::Duration::MAX);
    back.records.retain(|seen| seen.offset < base);
    (back.high_watermark, back.stable) = (base, base);
    Some(())
}

pub fn end_before_the_last_record(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    let poll = poll_at(history, at)?;
    poll.high_watermark = poll.records[places[0]].offset;
    poll.stable = poll.high_watermark;
    Some(())
}

pub fn garble_a_value(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    poll_at(history, at)?.records[places[0]].value = ValueId::GARBLED;
    Some(())
}

pub fn move_a_record_to_another_partition(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (at, places) = poll_with(history, pick, 1)?;
    let partition = poll_at(history, at)?.partition;
    let other = pick.acked(history, |acked| acked.batch.partition != partition)?.batch.values[0];
    poll_at(history, at)?.records[places[0]].value = other;
    Some(())
}
