//! Breaking what was written.

use alluvium_model::Offset;

use super::pick::{AckedSend, Pick, acked, last, readbacks, records};
use crate::history::{Acked, Event, EventKind, History, SendId, ValueId};

pub fn forget_an_acknowledged_batch(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, .. } = pick.acked(history, |_| true)?;
    drop_everywhere(history, &batch.values);
    Some(())
}

pub fn forget_a_batch_that_was_only_seen(history: &mut History, pick: &mut Pick) -> Option<()> {
    let unknown = pick.event(history, |what| matches!(what, EventKind::SendUnknown(_)))?;
    let EventKind::SendUnknown(send) = history.events[unknown].what else { return None };
    let values = history.events.iter().find_map(|event| match &event.what {
        EventKind::Sent(sent) if sent.send == send && sent.txn.is_none() => Some(sent.values.clone()),
        _ => None,
    })?;
    let polled = history.events.iter().any(|event| match &event.what {
        EventKind::Polled(poll) => poll.records.iter().any(|seen| values.contains(&seen.value)),
        _ => false,
    });
    let kept = readbacks(history).any(|back| back.records.iter().any(|seen| values.contains(&seen.value)));
    for back in readbacks(history) {
        back.records.retain(|seen| !values.contains(&seen.value));
    }
    (polled && kept).then_some(())
}

pub fn forget_the_end_of_the_log(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, base, .. } = pick.acked(history, |_| true)?;
    let partition = batch.partition;
    // No reader ever got that far.
    for event in &mut history.events {
        if let EventKind::Polled(poll) = &mut event.what
            && poll.partition == partition
        {
            poll.records.retain(|seen| seen.offset < base);
            poll.next = poll.next.min(base).max(poll.from);
        }
    }
    for back in readbacks(history).filter(|back| back.partition == partition) {
        back.records.retain(|seen| seen.offset < base);
        back.high_watermark = base;
        back.stable = back.stable.min(base);
    }
    Some(())
}

pub fn acknowledge_what_never_arrived(history: &mut History, pick: &mut Pick) -> Option<()> {
    let failed = pick.event(history, |what| matches!(what, EventKind::SendFailed(_)))?;
    let EventKind::SendFailed(send) = history.events[failed].what else { return None };
    if in_transaction(history, send) {
        return None;
    }
    history.events[failed].what = EventKind::Acked(Acked { send, base: Some(Offset(1_000_000)) });
    Some(())
}

pub fn acknowledge_another_offset(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { acked, batch, base, .. } = pick.acked(history, once)?;
    let there = last(history, batch.partition);
    let other = there.iter().map(|(offset, _)| *offset).find(|offset| *offset != base)?;
    history.events[acked].what = EventKind::Acked(Acked { send: batch.send, base: Some(other) });
    Some(())
}

pub fn swap_two_records_everywhere(history: &mut History, pick: &mut Pick) -> Option<()> {
    let one = pick.acked(history, once)?;
    let other = pick.acked(history, |other| other.batch.partition == one.batch.partition && other.base != one.base)?;
    let (a, b) = (one.batch.values[0], other.batch.values[0]);
    for seen in records(history, one.batch.partition) {
        if seen.value == a {
            seen.value = b;
        } else if seen.value == b {
            seen.value = a;
        }
    }
    Some(())
}

pub fn acknowledge_an_offset_twice(history: &mut History, pick: &mut Pick) -> Option<()> {
    let one = pick.acked(history, |_| true)?;
    let other = pick
        .acked(history, |other| other.batch.partition == one.batch.partition && other.batch.send != one.batch.send)?;
    history.events[other.acked].what = EventKind::Acked(Acked { send: other.batch.send, base: Some(one.base) });
    Some(())
}

pub fn leave_an_offset_out(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, .. } = pick.acked(history, |_| true)?;
    // More than unseen markers could explain.
    for back in readbacks(history).filter(|back| back.partition == batch.partition) {
        let from = back.records.len() / 2;
        for seen in &mut back.records[from..] {
            seen.offset = seen.offset.plus(1_000);
        }
        back.high_watermark = back.high_watermark.plus(1_000);
        back.stable = back.stable.plus(1_000);
    }
    Some(())
}

pub fn append_a_record_again(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, .. } = pick.acked(history, |acked| acked.batch.producer.is_some())?;
    for back in readbacks(history).filter(|back| back.partition == batch.partition) {
        let mut again = *back.records.iter().find(|seen| seen.value == batch.values[0])?;
        again.offset = back.high_watermark;
        back.records.push(again);
        back.high_watermark = back.high_watermark.plus(1);
        back.stable = back.high_watermark;
    }
    Some(())
}

pub fn swap_two_sends_of_a_producer(history: &mut History, pick: &mut Pick) -> Option<()> {
    let first = pick.acked(history, |acked| acked.batch.producer.is_some())?;
    let second = acked(history).into_iter().find(|second| {
        second.sent > first.sent
            && second.batch.producer == first.batch.producer
            && second.batch.partition == first.batch.partition
    })?;
    let (Event { what: one, .. }, Event { what: other, .. }) = two(&mut history.events, first.sent, second.sent);
    std::mem::swap(one, other);
    Some(())
}

pub fn send_a_batch_after_its_successors(history: &mut History, pick: &mut Pick) -> Option<()> {
    let first = pick.acked(history, once)?;
    let successor = acked(history)
        .into_iter()
        .find(|other| other.batch.partition == first.batch.partition && other.base > first.base && once(other))?;
    if successor.acked < first.sent {
        return None;
    }
    let at = history.events[successor.acked].at;
    let mut sent = history.events.remove(first.sent);
    sent.at = at;
    // After the acknowledgement, which is one position earlier now.
    history.events.insert(successor.acked, sent);
    Some(())
}

pub fn tear_a_batch(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { batch, .. } = pick.acked(history, |acked| acked.batch.values.len() > 1)?;
    let torn = *batch.values.last()?;
    for back in readbacks(history) {
        back.records.retain(|seen| seen.value != torn);
    }
    Some(())
}

pub fn refuse_what_is_there(history: &mut History, pick: &mut Pick) -> Option<()> {
    let AckedSend { acked, batch, .. } = pick.acked(history, |acked| acked.batch.producer.is_some())?;
    let retried =
        history.events.iter().any(|event| matches!(&event.what, EventKind::Retried(again) if again.send == batch.send));
    history.events[acked].what = EventKind::SendFailed(batch.send);
    (!retried).then_some(())
}

/// Whether its records may be at one offset only.
fn once(acked: &AckedSend) -> bool {
    acked.batch.producer.is_some()
}

fn drop_everywhere(history: &mut History, values: &[ValueId]) {
    for event in &mut history.events {
        match &mut event.what {
            EventKind::Polled(poll) => poll.records.retain(|seen| !values.contains(&seen.value)),
            EventKind::Readback(back) => back.records.retain(|seen| !values.contains(&seen.value)),
            _ => {}
        }
    }
}

fn in_transaction(history: &History, send: SendId) -> bool {
    history
        .events
        .iter()
        .any(|event| matches!(&event.what, EventKind::Sent(sent) if sent.send == send && sent.txn.is_some()))
}

fn two<T>(things: &mut [T], first: usize, second: usize) -> (&mut T, &mut T) {
    let (head, tail) = things.split_at_mut(second);
    (&mut head[first], &mut tail[0])
}
