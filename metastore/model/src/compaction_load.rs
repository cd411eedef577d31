//! How far compaction is behind, and how fast agents may take records meanwhile.
//!
//! Owns: the load that a compactor announces, and the rule by which agents throttle producers. Does not own: how the
//! load is measured (the compactor), how it reaches the agents (registrations), how requests are held back (the
//! gateway). Pure.
//!
//! The rule: while the data that waits can be compacted within half of the longest delay, nothing is throttled. From
//! there on the limit falls from twice the rate of compaction to a little less than that rate, so that the backlog of
//! an overloaded cluster stops growing, and a cluster that takes less than it can compact is never throttled, however
//! much a pause of its compactors has left behind.

use std::time::Duration;

/// Less data than this may wait without any throttling: it is a few files, and measured rates are noise.
pub const THROTTLE_BYTES_MIN: u64 = 512 << 20;
/// An agent is never limited to less than this, in bytes/s: compaction that hardly works is a fault for people to mend,
/// and not a reason to turn clients away.
pub const AGENT_RATE_MIN: u64 = 1 << 20;
/// The limit at the longest delay and beyond, in percent of the rate of compaction.
const PERCENT_MIN: u64 = 90;

/// What one compactor has to do, and how fast it does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompactionLoad {
    /// Level-0 bytes that are large or old enough to be compacted, and are not yet.
    pub waiting_bytes: u64,
    /// Level-0 bytes that it replaces by history files in a second while there is work; 0 if that is not known.
    pub bytes_per_second: u64,
}

impl CompactionLoad {
    /// The time in which what waits is compacted; `None` if the rate is not known.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        let ms = u128::from(self.waiting_bytes) * 1_000
            / u128::from((self.bytes_per_second > 0).then_some(self.bytes_per_second)?);
        Some(Duration::from_millis(u64::try_from(ms).unwrap_or(u64::MAX)))
    }
}

/// The bytes/s that each of `agents` agents may take from producers, by the loads of all live compactors; `None` if
/// nothing is to be throttled. `delay_max`: the longest delay of compaction (zero: any). A compactor whose rate is not
/// known, because it has just begun or because nothing it does succeeds, throttles nobody.
#[must_use]
pub fn produce_rate_limit(
    loads: impl Iterator<Item = CompactionLoad>,
    agents: usize,
    delay_max: Duration,
) -> Option<u64> {
    let known = loads.filter(|load| load.bytes_per_second > 0 || load.waiting_bytes == 0);
    let total = known.fold(CompactionLoad::default(), |sum, load| CompactionLoad {
        waiting_bytes: sum.waiting_bytes.saturating_add(load.waiting_bytes),
        bytes_per_second: sum.bytes_per_second.saturating_add(load.bytes_per_second),
    });
    let delay = total.delay().filter(|_| !delay_max.is_zero() && total.waiting_bytes >= THROTTLE_BYTES_MIN)?;
    let percent_of_max = u64::try_from(delay.as_millis() * 100 / delay_max.as_millis().max(1)).unwrap_or(u64::MAX);
    if percent_of_max <= 50 {
        return None;
    }
    // 200 % of the rate at half of the longest delay, 100 % at the longest.
    let percent = 300_u64.saturating_sub(percent_of_max.saturating_mul(2)).max(PERCENT_MIN);
    let cluster = u128::from(total.bytes_per_second) * u128::from(percent) / 100;
    let agent = u64::try_from(cluster / agents.max(1) as u128).unwrap_or(u64::MAX);
    Some(agent.max(AGENT_RATE_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const MINUTE: Duration = Duration::from_secs(60);

    fn load(waiting_mib: u64, mib_per_second: u64) -> CompactionLoad {
        CompactionLoad { waiting_bytes: waiting_mib * MIB, bytes_per_second: mib_per_second * MIB }
    }

    fn limit(loads: &[CompactionLoad], agents: usize) -> Option<u64> {
        produce_rate_limit(loads.iter().copied(), agents, MINUTE).map(|bytes| bytes / MIB)
    }

    #[test]
    fn nothing_is_throttled_while_compaction_is_behind_by_less_than_half_of_the_longest_delay() {
        assert_eq!(limit(&[], 1), None);
        assert_eq!(limit(&[load(1_200, 40)], 1), None);
        assert_eq!(limit(&[load(500, 1)], 1), None, "little data");
        assert_eq!(produce_rate_limit([load(9_999_999, 1)].into_iter(), 1, Duration::ZERO), None, "switched off");
    }

    #[test]
    fn the_limit_falls_to_a_little_less_than_the_rate_of_compaction() {
        assert_eq!(limit(&[load(1_240, 40)], 1), Some(79));
        assert_eq!(limit(&[load(2_400, 40)], 1), Some(40));
        assert_eq!(limit(&[load(240_000, 40)], 1), Some(36));
    }

    #[test]
    fn compactors_add_up_and_agents_share() {
        assert_eq!(limit(&[load(1_200, 20), load(1_200, 20)], 4), Some(10));
        assert_eq!(limit(&[load(2_400, 40), load(0, 0)], 4), Some(10));
    }

    #[test]
    fn a_compactor_that_gets_nothing_done_throttles_nobody() {
        assert_eq!(limit(&[load(240_000, 0)], 1), None);
        assert_eq!(limit(&[load(240_000, 0), load(100, 40)], 1), None);
        assert_eq!(
            produce_rate_limit(
                [CompactionLoad { waiting_bytes: u64::MAX, bytes_per_second: 1 }].into_iter(),
                3,
                MINUTE
            ),
            Some(AGENT_RATE_MIN)
        );
    }
}
