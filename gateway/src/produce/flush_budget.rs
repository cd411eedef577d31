//! When a waiting request may be flushed, at the cost of a PUT: a token bucket.
//!
//! One token is earned per `linger`, and a few are saved up. So an idle agent answers at once, and a busy one makes no
//! more PUTs than a timer of `linger` would.

use std::time::Duration;

use tokio::time::Instant;

/// The tokens of one agent.
#[derive(Clone, Debug)]
pub struct FlushBudget {
    linger: Duration,
    burst: u32,
    tokens: u32,
    /// The time up to which tokens have been earned.
    earned_until: Instant,
}

impl FlushBudget {
    /// A full bucket of `burst` tokens (at least one). With no `linger` a flush costs nothing.
    #[must_use]
    pub fn new(linger: Duration, burst: u32, now: Instant) -> Self {
        let burst = burst.max(1);
        Self { linger, burst, tokens: burst, earned_until: now }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        if self.linger.is_zero() {
            return true;
        }
        self.earn(now);
        let taken = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        taken
    }

    /// When [`Self::take`] will next succeed: `now` or later.
    #[must_use]
    pub fn ready_at(&self, now: Instant) -> Instant {
        if self.linger.is_zero() || self.tokens > 0 { now } else { (self.earned_until + self.linger).max(now) }
    }

    fn earn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.earned_until).as_nanos();
        let earned = passed / self.linger.as_nanos();
        let Some(left) = u32::try_from(earned).ok().filter(|earned| *earned < self.burst - self.tokens) else {
            // The bucket is full, so the rest of the time earns nothing.
            self.tokens = self.burst;
            self.earned_until = now;
            return;
        };
        self.tokens += left;
        self.earned_until += self.linger * left;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINGER: Duration = Duration::from_millis(250);

    #[test]
    fn an_idle_bucket_gives_its_burst_at_once_and_then_one_per_linger() {
        let start = Instant::now();
        let mut budget = FlushBudget::new(LINGER, 2, start);
        assert!(budget.take(start));
        assert!(budget.take(start));
        assert!(!budget.take(start));
        assert_eq!(budget.ready_at(start), start + LINGER);
        assert!(!budget.take(start + LINGER / 2));
        assert!(budget.take(start + LINGER));
        assert!(!budget.take(start + LINGER));
    }

    #[test]
    fn without_linger_every_flush_is_free() {
        let now = Instant::now();
        let mut budget = FlushBudget::new(Duration::ZERO, 1, now);
        assert!((0..100).all(|_| budget.take(now)));
    }

    proptest! {
        #[test]
        fn no_interval_ever_costs_more_than_its_lingers_and_the_burst(
            steps in prop::collection::vec(0_u64..600, 1..200),
            burst in 1_u32..6,
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut budget = FlushBudget::new(LINGER, burst, start);
            let mut taken = Vec::new();
            for step in steps {
                now += Duration::from_millis(step);
                if budget.take(now) {
                    taken.push(now);
                } else {
                    prop_assert!(budget.ready_at(now) > now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, until) in taken.iter().enumerate().skip(first) {
                    let lingers = (*until - *from).as_millis() / LINGER.as_millis();
                    prop_assert!((last - first) as u128 <= lingers + u128::from(burst));
                }
            }
        }

        #[test]
        fn at_the_time_it_names_a_token_is_there(steps in prop::collection::vec(0_u64..600, 1..50)) {
            let mut now = Instant::now();
            let mut budget = FlushBudget::new(LINGER, 3, now);
            for step in steps {
                now += Duration::from_millis(step);
                let ready = budget.ready_at(now);
                let mut tried = budget.clone();
                prop_assert!(tried.take(ready));
                budget.take(now);
            }
        }
    }
}
