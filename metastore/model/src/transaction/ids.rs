//! Transactional ids, and the producers that act for them.

use std::fmt;
use std::sync::Arc;

use crate::{ProducerEpoch, ProducerId};

/// The id that a transactional producer keeps across restarts (`transactional.id`); never empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionalId(Arc<str>);

impl TransactionalId {
    /// Bytes of the longest id: it is part of a key, and keys are bounded.
    pub const BYTES_MAX: usize = 4_096;

    /// The id `text`; `None` if it is empty or too long.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (1..=Self::BYTES_MAX).contains(&text.len()).then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TransactionalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One incarnation of a producer: a producer id and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionalProducer {
    /// The producer id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
}

impl TransactionalProducer {
    /// The largest epoch that is given: the one after it is Kafka's mark of an exhausted epoch.
    pub const EPOCH_MAX: ProducerEpoch = ProducerEpoch(i16::MAX - 1);

    /// A new producer.
    #[must_use]
    pub fn new(id: ProducerId) -> Self {
        Self { id, epoch: ProducerEpoch(0) }
    }

    /// The producer of this id and epoch, as requests and rows give them.
    #[must_use]
    pub const fn from_raw(id: i64, epoch: i16) -> Self {
        Self { id: ProducerId(id), epoch: ProducerEpoch(epoch) }
    }

    /// Whether it has no next epoch: whoever comes after it gets another producer id.
    #[must_use]
    pub fn is_exhausted(self) -> bool {
        self.epoch >= Self::EPOCH_MAX
    }

    /// The one after it, which fences it: the next epoch, or `fresh` if there is none.
    #[must_use]
    pub fn next(self, fresh: ProducerId) -> Self {
        if self.is_exhausted() {
            Self::new(fresh)
        } else {
            Self { id: self.id, epoch: ProducerEpoch(self.epoch.0.saturating_add(1)) }
        }
    }
}

impl fmt::Display for TransactionalProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} epoch {}", self.id, self.epoch)
    }
}
