//! Random histories of operations. Indices select among what exists at the time, so every history is valid.

use proptest::{collection::vec, prelude::*};

/// One operation on the metastore.
#[derive(Clone, Debug)]
pub enum Step {
    /// Commit new segments in one call.
    Commit(Vec<Segment>),
    /// Commit a segment of an earlier call again, together with a new one.
    Recommit { earlier: usize, fresh: Segment },
    /// Replace consecutive extents by history files, of which so many offsets are trimmed away meanwhile.
    Swap { partition: usize, extents: (usize, usize), outputs: usize, trimmed: Option<i64> },
    /// Repeat an earlier swap.
    Reswap { earlier: usize },
    /// Advance a log start.
    Trim { partition: usize, part: u8 },
    /// Delete a topic and create another by its name.
    Recreate { topic: usize },
    /// Unlink some extents of deleted topics.
    Purge { limit: usize },
    /// Let time pass, and delete the retired objects that are due.
    Collect { minutes: u8 },
}

/// A segment to commit.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The index of each run's partition (the last index is of a partition that does not exist) and the run's batches.
    pub runs: Vec<(usize, Vec<Batch>)>,
    /// Whether its upload took longer than the commit age allows.
    pub late: bool,
}

/// A batch to commit.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Number of its records.
    pub records: u32,
    /// Its idempotent producer; `None` if it has none.
    pub sender: Option<Sender>,
}

/// The idempotent producer of a batch, and which sequence it sends.
#[derive(Clone, Debug)]
pub struct Sender {
    pub producer: i64,
    pub epoch: i16,
    pub sequence: Sequence,
}

/// The first sequence of a batch.
#[derive(Clone, Debug)]
pub enum Sequence {
    /// The expected one.
    Next,
    /// A repetition of the n-th last batch, with as many records.
    Repeat(usize),
    /// This number, whatever is expected.
    Any(i32),
}

pub fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..max)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => vec(segment(), 1..4).prop_map(Step::Commit),
        2 => (any::<usize>(), segment()).prop_map(|(earlier, fresh)| Step::Recommit { earlier, fresh }),
        4 => (0usize..4, (0usize..6, 1usize..5), 1usize..3, prop::option::weighted(0.2, 0i64..12))
            .prop_map(|(partition, extents, outputs, trimmed)| Step::Swap { partition, extents, outputs, trimmed }),
        1 => any::<usize>().prop_map(|earlier| Step::Reswap { earlier }),
        2 => (0usize..4, any::<u8>()).prop_map(|(partition, part)| Step::Trim { partition, part }),
        1 => (0usize..2).prop_map(|topic| Step::Recreate { topic }),
        1 => (1usize..4).prop_map(|limit| Step::Purge { limit }),
        1 => any::<u8>().prop_map(|minutes| Step::Collect { minutes }),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    let runs = vec((0usize..5, vec(batch(), 1..5)), 1..4);
    (runs, prop::bool::weighted(0.05)).prop_map(|(runs, late)| Segment { runs, late })
}

fn batch() -> impl Strategy<Value = Batch> {
    (1u32..4, prop::option::of(sender())).prop_map(|(records, sender)| Batch { records, sender })
}

fn sender() -> impl Strategy<Value = Sender> {
    let sequence = prop_oneof![
        6 => Just(Sequence::Next),
        3 => (0usize..8).prop_map(Sequence::Repeat),
        1 => (0i32..30).prop_map(Sequence::Any),
    ];
    let epoch = prop_oneof![8 => Just(1i16), 1 => Just(0), 1 => 2i16..4];
    (0i64..2, epoch, sequence).prop_map(|(producer, epoch, sequence)| Sender { producer, epoch, sequence })
}
