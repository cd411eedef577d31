//! When a node is degraded, and when it is fit again.

use proptest::prelude::*;

use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Probes from `from_ms` on, as often as the detector wants, each answered at once, until the state changes. Returns
/// the time of the change.
fn until_change(detector: &mut DegradationDetector, from_ms: u64, answers: bool) -> u64 {
    let (before, mut now) = (detector.is_degraded(), ms(from_ms));
    loop {
        if answers {
            detector.answered(now)
        } else {
            detector.failed(now, now)
        }
        if detector.is_degraded() != before {
            return u64::try_from(now.as_millis()).expect("a test is short");
        }
        now += detector.probe_pause();
    }
}

#[test]
fn a_node_is_degraded_once_probes_have_failed_for_long_enough_and_recovers_likewise() {
    let mut detector = DegradationDetector::default();
    assert_eq!(until_change(&mut detector, 0, false), 2_000);
    assert_eq!(until_change(&mut detector, 10_000, true), 12_000);
}

#[test]
fn probes_without_any_answer_count_from_their_start() {
    let mut detector = DegradationDetector::default();
    detector.failed(ms(0), ms(1_000));
    assert!(!detector.is_degraded(), "one probe is not enough");
    detector.failed(ms(1_500), ms(2_500));
    assert!(detector.is_degraded());
}

#[test]
fn one_answer_shows_that_a_fit_node_is_fit_and_one_failure_that_a_degraded_one_is_not() {
    let mut detector = DegradationDetector::default();
    detector.failed(ms(0), ms(1_900));
    detector.answered(ms(1_950));
    detector.failed(ms(1_960), ms(3_900));
    assert!(!detector.is_degraded());
    until_change(&mut detector, 10_000, false);
    detector.answered(ms(20_000));
    detector.failed(ms(21_900), ms(21_900));
    detector.answered(ms(22_100));
    assert!(detector.is_degraded());
}

#[test]
fn probes_of_a_degraded_node_become_rarer_and_frequent_again_when_one_is_answered() {
    let mut detector = DegradationDetector::default();
    let mut now = until_change(&mut detector, 0, false);
    let mut pauses = Vec::new();
    for _ in 0..6 {
        now += 1_000;
        pauses.push(detector.probe_pause().as_millis());
        detector.failed(ms(now), ms(now));
    }
    assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 4_000, 4_000]);
    detector.answered(ms(now + 1));
    assert_eq!(detector.probe_pause(), PROBE_PAUSE_MIN);
}

#[test]
fn a_bucket_that_comes_and_goes_makes_recoveries_longer_until_one_lasts() {
    let mut detector = DegradationDetector::default();
    let (mut now, mut recoveries) = (0, Vec::new());
    for _ in 0..8 {
        let degraded = until_change(&mut detector, now, false);
        now = until_change(&mut detector, degraded, true);
        recoveries.push((now - degraded) / 1_000);
    }
    assert_eq!(recoveries, [2, 4, 8, 16, 32, 60, 60, 60]);
    let degraded = until_change(&mut detector, now + 120_000, false);
    assert_eq!(until_change(&mut detector, degraded, true) - degraded, 2_000);
}

proptest! {
    /// Whatever the probes say: the state changes only after failures, or successes, without interruption for as
    /// long as it takes, and in ten minutes it changes a few times only.
    #[test]
    fn it_does_not_flap(runs in proptest::collection::vec((any::<bool>(), 1_usize..120, 0_u64..1_000), 1..60)) {
        let probes = runs.iter().flat_map(|(answers, n, takes_ms)| vec![(*answers, *takes_ms); *n]);
        let mut detector = DegradationDetector::default();
        let (mut now, mut since, mut last) = (Duration::ZERO, Duration::ZERO, true);
        let mut changes = 0_u32;
        for (answers, takes_ms) in probes {
            let (before, started) = (detector.is_degraded(), now);
            now += ms(takes_ms);
            if answers != last {
                (last, since) = (answers, if answers { now } else { started });
            }
            if answers { detector.answered(now) } else { detector.failed(started, now) }
            if detector.is_degraded() != before {
                changes += 1;
                prop_assert_eq!(detector.is_degraded(), !answers);
                prop_assert!(now - since >= DEGRADED_AFTER.min(RECOVERY_TIME_MIN));
            }
            prop_assert!(detector.probe_pause() >= PROBE_PAUSE_MIN && detector.probe_pause() <= PROBE_PAUSE_MAX);
            now += detector.probe_pause();
        }
        // Recoveries take longer and longer, until the node has been fit for a minute: four of them take 98 s.
        let minutes = u32::try_from(now.as_secs() / 60).expect("a test is short") + 1;
        prop_assert!(changes <= 5 * minutes + 12, "{changes} changes in {minutes} minutes");
    }
}
