//! Breaking transactions.

use std::time::Duration;

use alluvium_model::{Offset, ProducerEpoch, ProducerId, TopicPartition};

use super::pick::{Pick, poll_at, readbacks};
use crate::{
    checker::indexed_history::{CommitStatus, IndexedHistory},
    history::{Actor, CommitOffset, Event, EventKind, History, Isolation, OpenTxn, Outcome, TxnId, TxnInit, ValueId},
};

/// A committed transaction of which read-committed polls saw something, and what.
fn read(history: &History, pick: &Pick) -> Option<(TxnId, Vec<(usize, ValueId)>)> {
    let view = IndexedHistory::of(history);
    let mut read: std::collections::BTreeMap<TxnId, Vec<(usize, ValueId)>> = std::collections::BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let EventKind::Polled(poll) = &event.what else { continue };
        for seen in poll.records.iter().filter(|_| poll.isolation == Isolation::ReadCommitted) {
            if let Some(txn) = view.send_of(seen.value).and_then(|send| send.sent.txn)
                && view.txns[&txn].status == CommitStatus::Committed
            {
                read.entry(txn).or_default().push((index, seen.value));
            }
        }
    }
    let all: Vec<_> = read.into_iter().collect();
    pick.one(&all)
}

pub fn abort_a_committed_transaction(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (txn, _) = read(history, pick)?;
    for event in &mut history.events {
        match &mut event.what {
            EventKind::TxnEnding(ending) if ending.txn == txn => ending.commit = false,
            EventKind::TxnEnded(ended) if ended.txn == txn => (ended.commit, ended.outcome) = (false, Outcome::Done),
            _ => {}
        }
    }
    Some(())
}

pub fn commit_only_after_it_was_read(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (txn, polls) = read(history, pick)?;
    let (first, _) = *polls.first()?;
    let ending = history
        .events
        .iter()
        .position(|event| matches!(&event.what, EventKind::TxnEnding(ending) if ending.txn == txn))?;
    let mut event = history.events.remove(ending);
    event.at = history.events[first - 1].at + Duration::from_nanos(1);
    history.events.insert(first, event);
    Some(())
}

pub fn forget_half_a_transaction(history: &mut History, pick: &mut Pick) -> Option<()> {
    let view = IndexedHistory::of(history);
    let torn: Vec<(ValueId, ValueId)> = view
        .txns
        .values()
        .filter(|txn| txn.status == CommitStatus::Committed)
        .filter_map(|txn| {
            let kept = txn.sends.iter().map(|position| &view.sends[*position]).filter(|send| {
                let floor = view.logs[&send.sent.partition].floor.at_end();
                send.acked_base().is_some_and(|base| base >= floor)
            });
            let values: Vec<ValueId> = kept.flat_map(|send| &send.sent.values).copied().collect();
            Some((*values.first()?, *values.last()?)).filter(|(first, last)| first != last)
        })
        .collect();
    let (_, gone) = pick.one(&torn)?;
    for back in readbacks(history) {
        back.records.retain(|seen| seen.value != gone);
    }
    Some(())
}

pub fn fence_a_producer_before_it_writes(history: &mut History, pick: &mut Pick) -> Option<()> {
    let view = IndexedHistory::of(history);
    let written = view.sends.iter().filter(|send| send.sent.txn.is_some() && send.known.is_some());
    let written: Vec<(usize, ProducerId)> =
        written.filter_map(|send| Some((send.event, send.sent.producer?.0))).collect();
    let (sent, producer) = pick.one(&written)?;
    let began = history.events[sent.checked_sub(1)?].at;
    let init = TxnInit { began, id: "t".to_owned(), producer: (producer, ProducerEpoch(1)) };
    history.events.insert(sent, Event { at: began, actor: Actor(99), what: EventKind::TxnInit(init) });
    Some(())
}

pub fn hide_a_committed_record_from_committed_readbacks(history: &mut History, pick: &mut Pick) -> Option<()> {
    let view = IndexedHistory::of(history);
    let committed = view.sends.iter().filter(|send| {
        let txn = send.sent.txn.and_then(|txn| view.txns.get(&txn));
        let floor = view.logs[&send.sent.partition].floor.at_end();
        txn.is_some_and(|txn| txn.committed.is_some()) && send.acked_base().is_some_and(|base| base >= floor)
    });
    let values: Vec<ValueId> = committed.map(|send| send.sent.values[0]).collect();
    let hidden = pick.one(&values)?;
    for back in readbacks(history).filter(|back| back.isolation == Isolation::ReadCommitted) {
        back.records.retain(|seen| seen.value != hidden);
    }
    Some(())
}

pub fn leave_a_transaction_open(history: &mut History, _: &mut Pick) -> Option<()> {
    let open =
        OpenTxn { id: "t".to_owned(), producer: (ProducerId(1), ProducerEpoch(0)), overdue: Duration::from_secs(100) };
    let at = history.events.last()?.at;
    history.push(Event { at, actor: Actor(0), what: EventKind::OpenTxn(open) });
    Some(())
}

pub fn keep_a_partition_unstable(history: &mut History, _: &mut Pick) -> Option<()> {
    let back =
        readbacks(history).find(|back| back.isolation == Isolation::ReadUncommitted && !back.records.is_empty())?;
    back.stable = back.log_start;
    Some(())
}

pub fn answer_an_old_stable_offset(history: &mut History, pick: &mut Pick) -> Option<()> {
    let stable = |what: &EventKind| match what {
        EventKind::Polled(poll) => Some((poll.partition, poll.stable)),
        _ => None,
    };
    let at = pick.event(history, |what| stable(what).is_some())?;
    let (partition, _) = stable(&history.events[at].what)?;
    let before: Vec<Offset> = history.events[..at]
        .iter()
        .filter_map(|event| stable(&event.what).filter(|(of, _)| *of == partition).map(|(_, stable)| stable))
        .collect();
    let highest = before.into_iter().max().filter(|stable| *stable > Offset(0))?;
    let began = history.events[at].at;
    let poll = poll_at(history, at)?;
    (poll.began, poll.stable) = (began, Offset(highest.0 - 1));
    Some(())
}

pub fn hide_a_committed_record_from_one_reader(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (_, polls) = read(history, pick)?;
    let (event, value) = *polls.first()?;
    let view = IndexedHistory::of(history);
    let send = view.send_of(value)?;
    let is_kept = send.acked_base()? >= view.logs[&send.sent.partition].floor.at_end();
    let is_read_by_others = polls.iter().any(|(other, also)| *other != event && *also == value);
    if !is_kept && !is_read_by_others {
        return None;
    }
    poll_at(history, event)?.records.retain(|seen| seen.value != value);
    Some(())
}

/// Two transactions that were committed, and a partition whose records from an offset to another still exist.
fn consumable(history: &History, pick: &Pick) -> Option<([TxnId; 2], TopicPartition, Offset, Offset)> {
    let view = IndexedHistory::of(history);
    let committed = view.txns.iter().filter(|(_, txn)| txn.status == CommitStatus::Committed);
    let committed: Vec<TxnId> = committed.map(|(id, _)| *id).collect();
    let [first, .., second] = committed.as_slice() else { return None };
    let kept = view.logs.iter().filter_map(|(partition, log)| {
        let kept = log.existing_in(log.floor.at_end(), Offset(i64::MAX));
        Some((*partition, kept.first()?.0, kept.last()?.0)).filter(|(_, from, to)| from < to)
    });
    let (partition, from, to) = pick.one(&kept.collect::<Vec<_>>())?;
    Some(([*first, *second], partition, from, to))
}

fn consume(history: &mut History, txn: TxnId, partition: TopicPartition, from: Offset, to: Offset) -> Option<()> {
    let at = history.events.last()?.at;
    let commit = CommitOffset {
        began: at,
        group: "loop".to_owned(),
        generation: None,
        member: String::new(),
        partition,
        offset: Some(to),
        txn: Some(txn),
        consumed_from: Some(from),
        outcome: Outcome::Done,
    };
    history.push(Event { at, actor: Actor(98), what: EventKind::CommittedOffset(commit) });
    Some(())
}

pub fn consume_twice(history: &mut History, pick: &mut Pick) -> Option<()> {
    let ([first, second], partition, from, to) = consumable(history, pick)?;
    consume(history, first, partition, from, to)?;
    consume(history, second, partition, from, to.plus(1))
}

pub fn go_on_behind_what_was_not_consumed(history: &mut History, pick: &mut Pick) -> Option<()> {
    let ([first, second], partition, from, to) = consumable(history, pick)?;
    consume(history, first, partition, Offset(0), from)?;
    consume(history, second, partition, to, to.plus(1))
}
