//! Reads: polls of consumers during the run, and readbacks of whole partitions at its end.

use std::time::Duration;

use alluvium_model::{Offset, ProducerId, Timestamp, TopicPartition};

use super::{AgentAddress, ValueId};

/// A record as a reader saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Its offset.
    pub offset: Offset,
    /// Its value; [`ValueId::GARBLED`] if no client sent it.
    pub value: ValueId,
    /// Its timestamp.
    pub timestamp: Timestamp,
}

/// A control record as a reader saw it (clients skip them, our readers note them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// Its offset.
    pub offset: Offset,
    /// The producer whose transaction it ends.
    pub producer: ProducerId,
    /// Whether it commits the transaction; otherwise it aborts it.
    pub commit: bool,
}

/// How far a reader may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    #[default]
    ReadUncommitted,
    /// What is committed, below the stable offset.
    ReadCommitted,
}

/// What a read was answered from, as far as the reader can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Batches as they were produced.
    Segment,
    /// Batches re-encoded from a history file.
    History,
}

/// A consumer sets its position in a partition: a new assignment, a seek, a reset. Its next poll need not continue the
/// last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset from which it reads.
    pub to: Offset,
}

/// A fetch of one partition was answered without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// When the request was sent.
    pub began: Duration,
    /// The partition.
    pub partition: TopicPartition,
    /// The offset asked for.
    pub from: Offset,
    /// The offset that this consumer asks for next: after the last batch, seen or skipped; `from` if nothing came.
    pub next: Offset,
    /// The records, in the order in which they came. Batches may begin before `from`; such records are left out.
    pub records: Vec<Seen>,
    /// Control records among them.
    pub markers: Vec<Marker>,
    /// The isolation level of the read.
    pub isolation: Isolation,
    /// The agent that answered.
    pub agent: AgentAddress,
    /// What it was answered from, if known.
    pub source: Option<Source>,
    /// The end of the log in the answer.
    pub high_watermark: Offset,
    /// First offset of the oldest open transaction, or the high watermark, in the answer.
    pub stable: Offset,
    /// The start of the log in the answer.
    pub log_start: Offset,
}

/// When a readback was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Right after the end of faults.
    BeforeCompaction,
    /// After all stable records were rewritten.
    AfterCompaction,
    /// At the very end, from the history files themselves, as analytics engines read them; no agent answers.
    Files,
}

/// All that one agent returns of one partition, read after the end of faults and load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readback {
    /// When it began.
    pub began: Duration,
    /// The partition.
    pub partition: TopicPartition,
    /// The agent that answered.
    pub agent: AgentAddress,
    /// Before or after compaction.
    pub phase: Phase,
    /// The isolation level of the read.
    pub isolation: Isolation,
    /// The earliest offset in the answer.
    pub log_start: Offset,
    /// All records from the log start to the end.
    pub records: Vec<Seen>,
    /// All control records among them.
    pub markers: Vec<Marker>,
    /// The end of the log in the answer.
    pub high_watermark: Offset,
    /// The offset at which a read-committed reader ends.
    pub stable: Offset,
}
