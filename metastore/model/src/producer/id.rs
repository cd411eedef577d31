//! Producer ids: each carries the time of its allocation, so that any agent can tell a new producer from one whose
//! window may have expired, without a read.
//!
//! ```text
//! id | 0: 1 bit | second of the allocation, since the Unix epoch: 33 bits | number: 30 bits |
//! ```
//!
//! Ids grow by one. In each second the first id that is given is at least [`ProducerId::first_at`] of that second. Ids
//! without a time were not given by this rule: a client or an older version chose them.

use std::time::Duration;

use crate::{ProducerId, Timestamp};

/// Bits of the number; the time is above them. A thousand million ids a second: more than are ever given.
const NUMBER_BITS: u32 = 30;
/// The largest second that an id can carry (in the year 2242).
const SECONDS_MAX: i64 = (1 << (63 - NUMBER_BITS)) - 1;
const MS_PER_SECOND: i64 = 1_000;

impl ProducerId {
    /// The smallest id that is allocated at `now`.
    #[must_use]
    pub fn first_at(now: Timestamp) -> Self {
        Self((now.0 / MS_PER_SECOND).clamp(0, SECONDS_MAX) << NUMBER_BITS)
    }

    /// The time of its allocation, in whole seconds; `None` if it carries none.
    #[must_use]
    pub fn allocated(self) -> Option<Timestamp> {
        let seconds = self.0 >> NUMBER_BITS;
        (seconds > 0).then_some(Timestamp(seconds * MS_PER_SECOND))
    }

    /// Whether it was allocated less than `expiry` ago, so that none of its windows can have expired: if it has none in
    /// a partition, it has never written there. (Not if it was allocated more than `expiry` ahead of `now`: then a
    /// clock is wrong, and nothing is known.)
    #[must_use]
    pub fn is_fresh(self, now: Timestamp, expiry: Duration) -> bool {
        self.allocated().is_some_and(|allocated| now < allocated.plus(expiry) && allocated < now.plus(expiry))
    }

    /// Whether it was allocated at `time` or later, as far as its second tells.
    #[must_use]
    pub fn is_allocated_since(self, time: Timestamp) -> bool {
        self.allocated().is_some_and(|allocated| allocated.plus_ms(999) >= time)
    }
}
