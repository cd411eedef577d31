//! Reads: polls of consumers while the run lasts, and the reading back of everything at its end.

use std::time::Duration;

use alluvium_model::{AgentId, Offset, ProducerId, Timestamp, TopicPartition};

use super::ValueId;

/// A record as a reader saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Where.
    pub offset: Offset,
    /// What; [`ValueId::GARBLED`] where it is none of ours.
    pub value: ValueId,
    /// Its timestamp.
    pub timestamp: Timestamp,
}

/// A control record as a reader saw it (clients skip them, our readers note them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Marker {
    /// Where.
    pub offset: Offset,
    /// Whose transaction it ends.
    pub producer: ProducerId,
    /// It commits it; otherwise it aborts it.
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

/// Where bytes came from, as far as the reader can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Batches as they were produced.
    Segment,
    /// Batches made anew from a history file.
    History,
}

/// A consumer takes its place in a partition: a new assignment, a seek, a reset. Continuity of its polls begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Where it reads.
    pub partition: TopicPartition,
    /// From which offset on.
    pub to: Offset,
}

/// A fetch of one partition was answered without an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// When the request went out.
    pub began: Duration,
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset asked for.
    pub from: Offset,
    /// The offset that this consumer asks for next: behind the last batch, seen or skipped. `from` where nothing came.
    pub next: Offset,
    /// What it delivered, in the order in which it came; batches may begin before `from`, such records are left out.
    pub records: Vec<Seen>,
    /// Control records among them.
    pub markers: Vec<Marker>,
    /// How far it was allowed to read.
    pub isolation: Isolation,
    /// Who answered.
    pub agent: AgentId,
    /// What it was answered from, where known.
    pub source: Option<Source>,
    /// End of the log, as the answer says.
    pub high_watermark: Offset,
    /// First offset of the oldest open transaction, or the high watermark, as the answer says.
    pub stable: Offset,
    /// Start of the log, as the answer says.
    pub log_start: Offset,
}

/// Which reading back it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Right after the end of faults.
    BeforeCompaction,
    /// After all stable records were rewritten.
    AfterCompaction,
}

/// Everything that one agent has of one partition, read after the end of faults and load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readback {
    /// When it began.
    pub began: Duration,
    /// Which partition.
    pub partition: TopicPartition,
    /// Who answered.
    pub agent: AgentId,
    /// Before or after compaction.
    pub phase: Phase,
    /// How far it was allowed to read.
    pub isolation: Isolation,
    /// Earliest offset, as the agent says.
    pub log_start: Offset,
    /// All records from the log start to the end.
    pub records: Vec<Seen>,
    /// All control records among them.
    pub markers: Vec<Marker>,
    /// End of the log, as the agent says.
    pub high_watermark: Offset,
    /// Where a read-committed reader ends.
    pub stable: Offset,
}
