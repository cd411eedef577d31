//! Breaking groups.

use alluvium_model::Offset;

use super::pick::Pick;
use crate::history::{CommitOffset, EventKind, FetchOffset, History, Outcome};

pub fn give_a_partition_to_two(history: &mut History, pick: &mut Pick) -> Option<()> {
    let one = pick.event(history, |what| matches!(what, EventKind::Joined(join) if !join.assignment.is_empty()))?;
    let EventKind::Joined(first) = history.events[one].what.clone() else { return None };
    let stolen = first.assignment[0];
    history.events.iter_mut().find_map(|event| match &mut event.what {
        EventKind::Joined(join) if join.generation == first.generation && join.member != first.member => {
            join.assignment.push(stolen);
            Some(())
        }
        _ => None,
    })
}

pub fn accept_an_old_heartbeat(history: &mut History, pick: &mut Pick) -> Option<()> {
    let at = pick.event(
        history,
        |what| matches!(what, EventKind::Heartbeat(heartbeat) if heartbeat.outcome == Outcome::Refused),
    )?;
    let (now, generation) = (history.events[at].at, generation_before(history, at)?);
    let EventKind::Heartbeat(heartbeat) = &mut history.events[at].what else { return None };
    // It went out right before it was answered.
    (heartbeat.outcome, heartbeat.began) = (Outcome::Done, now);
    (heartbeat.generation < generation).then_some(())
}

pub fn accept_an_old_commit(history: &mut History, pick: &mut Pick) -> Option<()> {
    let refused =
        |what: &EventKind| matches!(what, EventKind::CommittedOffset(commit) if commit.outcome == Outcome::Refused);
    let at = pick.event(history, refused)?;
    let (now, youngest) = (history.events[at].at, generation_before(history, at)?);
    let EventKind::CommittedOffset(commit) = &mut history.events[at].what else { return None };
    (commit.outcome, commit.began) = (Outcome::Done, now);
    commit.generation.filter(|generation| *generation < youngest).map(|_| ())
}

pub fn go_back_a_generation(history: &mut History, pick: &mut Pick) -> Option<()> {
    let at = pick.event(history, |what| matches!(what, EventKind::Joined(join) if join.generation > 2))?;
    let now = history.events[at].at;
    let generation = generation_before(history, at)?;
    let EventKind::Joined(join) = &mut history.events[at].what else { return None };
    (join.generation, join.began) = (1, now);
    (generation > 1).then_some(())
}

/// An offset fetch that followed a confirmed commit of another offset, with nothing concurrent.
fn fetched(history: &mut History, pick: &Pick) -> Option<(usize, CommitOffset)> {
    let requested =
        pick.event(history, |what| matches!(what, EventKind::FetchedOffset(fetch) if fetch.offset.is_some()))?;
    let now = history.events[requested].at;
    let EventKind::FetchedOffset(FetchOffset { began, partition, .. }) = &mut history.events[requested].what else {
        return None;
    };
    *began = now;
    let partition = *partition;
    let commit = history.events[..requested].iter().rev().find_map(|event| match &event.what {
        EventKind::CommittedOffset(commit) if commit.partition == partition && commit.outcome == Outcome::Done => {
            Some(commit.clone())
        }
        _ => None,
    })?;
    Some((requested, commit))
}

fn answer(history: &mut History, requested: usize, answer: Option<Offset>) {
    if let EventKind::FetchedOffset(fetch) = &mut history.events[requested].what {
        fetch.offset = answer;
    }
}

pub fn lose_a_commit(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (requested, _) = fetched(history, pick)?;
    answer(history, requested, None);
    Some(())
}

pub fn invent_an_offset(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (requested, _) = fetched(history, pick)?;
    answer(history, requested, Some(Offset(1_000_000)));
    Some(())
}

pub fn answer_an_old_offset(history: &mut History, pick: &mut Pick) -> Option<()> {
    let (requested, last) = fetched(history, pick)?;
    let commits = history.events[..requested].iter().filter_map(|event| match &event.what {
        EventKind::CommittedOffset(commit) if commit.partition == last.partition => Some((event.at, commit)),
        _ => None,
    });
    let (late, early): (Vec<_>, Vec<_>) =
        commits.partition(|(at, commit)| *at >= last.began || commit.outcome == Outcome::Unknown);
    // One that was committed before the last one only.
    let (_, old) = early
        .into_iter()
        .find(|(_, old)| old.outcome == Outcome::Done && late.iter().all(|(_, commit)| commit.offset != old.offset))?;
    let old = old.offset;
    answer(history, requested, old);
    Some(())
}

/// The youngest generation that was joined before the event at `at`.
fn generation_before(history: &History, at: usize) -> Option<i32> {
    let joins = history.events[..at].iter().filter_map(|event| match &event.what {
        EventKind::Joined(join) => Some(join.generation),
        _ => None,
    });
    joins.max()
}
