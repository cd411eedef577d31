//! An event as one line of a trace.

use std::fmt;

use alluvium_model::TopicPartition;

use super::{
    Admin, CommitOffset, Event, EventKind, Fault, Join, OpenTxn, Poll, Progress, Readback, Seen, Sent, TxnBegun,
    TxnEnded, TxnInit,
};

/// Records of one read that a line shows: the first and the last ones.
const RECORDS_SHOWN_MAX: usize = 6;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, actor, what } = self;
        write!(f, "{:>12.6} {:<5} {what}", at.as_secs_f64(), actor.to_string())
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(sent) => sent.fmt(f),
            Self::Retried(again) => write!(f, "retried {} on {} to {}", again.send, again.connection, again.agent),
            Self::Acked(acked) => write!(f, "acked {} at {}", acked.send, Maybe(acked.base)),
            Self::SendFailed(send) => write!(f, "failed {send}"),
            Self::SendUnknown(send) => write!(f, "unknown {send}"),
            Self::TxnInit(TxnInit { began, id, producer: (producer, epoch) }) => {
                write!(f, "{id} given to producer {producer}/{epoch} since {}", began.as_secs_f64())
            }
            Self::TxnBegun(TxnBegun { txn, id, producer: (producer, epoch) }) => {
                write!(f, "began {txn} of {id} as producer {producer}/{epoch}")
            }
            Self::OpenTxn(OpenTxn { id, producer: (producer, epoch), overdue }) => {
                write!(f, "{id} is open for producer {producer}/{epoch}, overdue for {} s", overdue.as_secs_f64())
            }
            Self::TxnEnding(ending) => write!(f, "{} {}", word(ending.commit, "committing", "aborting"), ending.txn),
            Self::TxnEnded(TxnEnded { txn, commit, outcome }) => {
                write!(f, "{} {txn}: {outcome:?}", word(*commit, "commit", "abort"))
            }
            Self::Positioned(position) => write!(f, "positioned {} at {}", Short(position.partition), position.to),
            Self::Polled(poll) => poll.fmt(f),
            Self::Joined(join) => join.fmt(f),
            Self::Left(left) => {
                write!(f, "left {}/{} as {}: {:?}", left.group, left.generation, left.member, left.reason)
            }
            Self::Heartbeat(heartbeat) => write!(
                f,
                "heartbeat {}/{} as {} since {}: {:?}",
                heartbeat.group,
                heartbeat.generation,
                heartbeat.member,
                heartbeat.began.as_secs_f64(),
                heartbeat.outcome
            ),
            Self::CommittedOffset(commit) => commit.fmt(f),
            Self::FetchedOffset(fetch) => write!(
                f,
                "fetched offset of {} in {} since {}: {}",
                fetch.group,
                Short(fetch.partition),
                fetch.began.as_secs_f64(),
                Maybe(fetch.offset)
            ),
            Self::Admin(admin) => admin.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Progress(progress) => progress.fmt(f),
            Self::Readback(read) => read.fmt(f),
            Self::FinalObjects(objects) => {
                let shared = objects.live.iter().filter(|extent| extent.is_shared).count();
                let (extents, objects) = (objects.live.len(), objects.stored.len());
                write!(f, "in the end {extents} extents, {shared} of them in shared files, {objects} objects")
            }
            Self::Stuck(what) => write!(f, "stuck: {what}"),
        }
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { send, partition, number, values, producer, txn, connection, agent } = self;
        write!(f, "sent {send} to {} number {number} [{}]", Short(*partition), Few(values))?;
        if let Some((id, epoch)) = producer {
            write!(f, " by producer {id}/{epoch}")?;
        }
        if let Some(txn) = txn {
            write!(f, " in {txn}")?;
        }
        write!(f, " on {connection} to {agent}")
    }
}

impl fmt::Display for Poll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { began, partition, from, next, records, isolation, agent, high_watermark, stable, log_start, .. } =
            self;
        write!(
            f,
            "polled {} from {from} to {next} [{}] since {}",
            Short(*partition),
            Few(records),
            began.as_secs_f64()
        )?;
        write!(f, " by {agent}, {isolation:?}, log {log_start}..{high_watermark}, stable {stable}")
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, partition, at, due, since } = self;
        write!(f, "{work:?} of {} is at {at}, due {due} since {}", Short(*partition), since.as_secs_f64())
    }
}

impl fmt::Display for Readback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, agent, phase, isolation, log_start, records, high_watermark, .. } = self;
        write!(f, "read back {} [{}]", Short(*partition), Few(records))?;
        write!(f, " by {agent}, {phase:?}, {isolation:?}, log {log_start}..{high_watermark}")
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { began, group, generation, member, assignment, .. } = self;
        let assignment: Vec<String> = assignment.iter().map(|partition| Short(*partition).to_string()).collect();
        write!(f, "joined {group}/{generation} as {member} since {} with {assignment:?}", began.as_secs_f64())
    }
}

impl fmt::Display for CommitOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { began, group, generation, member, partition, offset, txn, consumed_from, outcome } = self;
        write!(f, "committed {} of {group}/{} as {member}", Maybe(*offset), Maybe(*generation))?;
        write!(f, " in {} since {}", Short(*partition), began.as_secs_f64())?;
        if let Some(txn) = txn {
            write!(f, " with {txn}, made of records from {}", Maybe(*consumed_from))?;
        }
        write!(f, ": {outcome:?}")
    }
}

impl fmt::Display for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TopicCreated { topic, name, partitions, retention, .. } => {
                write!(f, "created {name} ({topic}), {partitions} partitions, kept {retention:?}")
            }
            Self::TopicDeleted { topic, outcome, began } => {
                write!(f, "deleted topic {topic} since {}: {outcome:?}", began.as_secs_f64())
            }
            Self::PartitionsAdded { topic, partitions, outcome, .. } => {
                write!(f, "{partitions} partitions for {topic}: {outcome:?}")
            }
            Self::RecordsDeleted { began, partition, before, outcome, log_start } => {
                let (before, log_start) = (Maybe(*before), Maybe(*log_start));
                write!(f, "deleted records of {} below {before}", Short(*partition))?;
                write!(f, " since {}: {outcome:?}, log start {log_start}", began.as_secs_f64())
            }
            Self::GroupDeleted { began, group, outcome } => {
                write!(f, "deleted group {group} since {}: {outcome:?}", began.as_secs_f64())
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash(node) => write!(f, "* crash of {node}"),
            Self::Restart(node) => write!(f, "* start of {node}"),
            Self::Pause(node) => write!(f, "* pause of {node}"),
            Self::Resume(node) => write!(f, "* end of pause of {node}"),
            Self::Cut(one, other) => write!(f, "* cut between {one} and {other}"),
            Self::Healed => f.write_str("* all healed"),
            Self::Skew(node, ms) => write!(f, "* clock of {node} off by {ms} ms"),
            Self::Other(what) => write!(f, "* {what}"),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.offset, self.value)
    }
}

/// A partition without the later digits of its topic.
struct Short(TopicPartition);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = self.0.topic.to_string();
        write!(f, "{}/{}", topic.get(..8).unwrap_or(&topic), self.0.partition)
    }
}

struct Maybe<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// The first and the last of a list.
struct Few<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Few<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.0.len().saturating_sub(RECORDS_SHOWN_MAX);
        let half = RECORDS_SHOWN_MAX / 2;
        for (place, item) in self.0.iter().enumerate() {
            if left_out > 0 && (half..half + left_out).contains(&place) {
                if place == half {
                    write!(f, " ...{left_out}...")?;
                }
                continue;
            }
            write!(f, "{}{item}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

fn word(first: bool, one: &'static str, other: &'static str) -> &'static str {
    if first { one } else { other }
}
