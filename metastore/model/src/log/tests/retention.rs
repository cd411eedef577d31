//! Retention: examples, and the properties that hold for any log.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::log::retention::{Decision, RetainedLog, Retention};
use crate::topic_config::TopicConfigs;
use crate::{Extent, ExtentSource, ObjectId, Offset, Timestamp};

fn configs(overrides: &[(&str, &str)]) -> TopicConfigs {
    let overrides: BTreeMap<_, _> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    TopicConfigs::parse(&overrides).expect("legal")
}

/// An extent of ten records that arrived at `arrived`.
fn extent(n: i64, bytes: u64, newest: i64, arrived: i64) -> Extent {
    Extent {
        offsets: Offset(n * 10)..Offset(n * 10 + 10),
        object: ObjectId::new(Timestamp(arrived), 0, 0),
        source: ExtentSource::History { level: 1, file_bytes: bytes },
        bytes,
        records: 10,
        timestamps: (Timestamp(newest), Timestamp(newest)),
    }
}

fn decide(configs: &TopicConfigs, extents: &[Extent], stable: i64, now: i64) -> Decision {
    let start = extents.first().map_or(Offset(0), |extent| extent.offsets.start);
    let bytes = extents.iter().map(|extent| extent.bytes).sum();
    let mut retention = Retention::new(configs, RetainedLog { start, stable: Offset(stable), bytes }, Timestamp(now));
    for extent in extents {
        retention.push(extent);
    }
    retention.decide(true)
}

/// Ten extents of 100 bytes, the newest record of each 1000 ms after that of the one before.
fn ten() -> Vec<Extent> {
    (0..10).map(|n| extent(n, 100, n * 1000, n * 1000)).collect()
}

const EACH: (&str, &str) = ("segment.ms", "1");

#[test]
fn groups_past_their_age_are_dropped() {
    let configs = configs(&[("retention.ms", "2000"), EACH]);
    let at = |now| decide(&configs, &ten(), 100, now);
    assert_eq!(at(6_500), Decision { start: Offset(50), next_expiry: Some(Timestamp(7_001)) });
    assert_eq!(at(1_000_000), Decision { start: Offset(100), next_expiry: None });
    assert_eq!(at(1_000), Decision { start: Offset(0), next_expiry: Some(Timestamp(2_001)) });
}

#[test]
fn a_group_stays_as_long_as_its_newest_record() {
    let configs = configs(&[("retention.ms", "2000"), ("segment.ms", "4500")]);
    // Kafka rolls before the record of 5000 ms: 0 to 4 are one segment, 5 to 9 another.
    assert_eq!(decide(&configs, &ten(), 100, 6_000).start, Offset(0));
    assert_eq!(decide(&configs, &ten(), 100, 6_001).start, Offset(50));
    assert_eq!(decide(&configs, &ten(), 100, 6_000).next_expiry, Some(Timestamp(6_001)));
}

#[test]
fn a_group_has_at_most_segment_bytes() {
    let configs = configs(&[("retention.ms", "1000"), ("segment.bytes", "1048576")]);
    let extents: Vec<_> = (0..4).map(|n| extent(n, 500_000, n * 1000, n * 1000)).collect();
    assert_eq!(decide(&configs, &extents, 40, 2_000).start, Offset(0));
    assert_eq!(decide(&configs, &extents, 40, 2_001).start, Offset(20));
}

#[test]
fn a_backfill_stays_until_it_is_old_by_arrival() {
    let configs = configs(&[("retention.ms", "60000")]);
    let backfill: Vec<_> = (0..3).map(|n| extent(n, 100, n, 10_000_000 + n)).collect();
    assert_eq!(decide(&configs, &backfill, 30, 10_000_010).start, Offset(0));
    assert_eq!(decide(&configs, &backfill, 30, 10_060_002).start, Offset(0));
    assert_eq!(decide(&configs, &backfill, 30, 10_060_003).start, Offset(30));
}

#[test]
fn as_many_bytes_as_configured_stay() {
    let configs = configs(&[("retention.ms", "-1"), ("retention.bytes", "250")]);
    assert_eq!(decide(&configs, &ten(), 100, 1_000_000), Decision { start: Offset(70), next_expiry: None });
}

#[test]
fn undecided_records_and_topics_without_deletion_stay() {
    let expired = 1_000_000;
    assert_eq!(decide(&configs(&[("retention.ms", "1"), EACH]), &ten(), 25, expired).start, Offset(20));
    let compacted = configs(&[("retention.ms", "1"), ("cleanup.policy", "compact")]);
    assert_eq!(decide(&compacted, &ten(), 100, expired), Decision { start: Offset(0), next_expiry: None });
}

#[test]
fn records_without_a_timestamp_are_dropped_by_the_age_of_their_object() {
    let mut extents = ten();
    extents[0].timestamps = (Timestamp::NONE, Timestamp::NONE);
    extents[0].object = ObjectId::new(Timestamp(5_000), 0, 0);
    let configs = configs(&[("retention.ms", "2000"), EACH]);
    assert_eq!(decide(&configs, &extents, 100, 6_500).start, Offset(0));
    assert_eq!(decide(&configs, &extents, 100, 7_500).start, Offset(60));
}

/// Kafka's own rule, written the other way round: cut the whole log into segments, then delete from the front while
/// the newest record of a segment is too old. Returns the log start.
fn kafka(configs: &TopicConfigs, extents: &[Extent], now: i64) -> Offset {
    let keep = i64::try_from(configs.retention.expect("by time").as_millis()).expect("small");
    let roll = i64::try_from(configs.segment_time.as_millis()).expect("small");
    let mut segments: Vec<Vec<&Extent>> = Vec::new();
    for extent in extents {
        let fits = segments.last().is_some_and(|segment| {
            let bytes: u64 = segment.iter().map(|extent| extent.bytes).sum();
            bytes + extent.bytes <= configs.segment_bytes && extent.timestamps.1.0 - segment[0].timestamps.0.0 <= roll
        });
        if !fits {
            segments.push(Vec::new());
        }
        segments.last_mut().expect("there is one").push(extent);
    }
    let is_old = |segment: &&Vec<&Extent>| now - segment.iter().map(|e| e.timestamps.1.0).max().expect("one") > keep;
    let old = segments.iter().take_while(is_old).flatten();
    old.last().map_or(Offset(0), |extent| extent.offsets.end)
}

fn log() -> impl Strategy<Value = Vec<Extent>> {
    proptest::collection::vec((1..900_000_u64, 0..100_000_i64, 0..100_000_i64), 0..20).prop_map(|drafts| {
        let mut arrived = 0;
        let next = |(n, (bytes, newest, wait)): (i64, (u64, i64, i64))| {
            arrived += wait / 10;
            extent(n, bytes, newest, arrived)
        };
        (0..).zip(drafts).map(next).collect()
    })
}

proptest! {
    #[test]
    fn nothing_goes_by_time_that_kafka_keeps_and_only_the_last_group_stays_longer(
        extents in log(), now in 0..300_000_i64, keep in 1..100_000_u32, roll in 1..100_000_u32,
    ) {
        let (keep_text, roll) = (keep.to_string(), roll.to_string());
        let configs =
            configs(&[("retention.ms", &keep_text), ("segment.ms", &roll), ("segment.bytes", "1048576")]);
        let end = extents.last().map_or(Offset(0), |extent| extent.offsets.end);
        let decision = decide(&configs, &extents, end.0, now);
        let expected = kafka(&configs, &extents, now);
        prop_assert!(decision.start <= expected);
        if decision.start < expected {
            prop_assert_eq!(expected, end, "only the last group may stay longer");
        }
        if decision.start == end && !extents.is_empty() {
            let arrived = extents.last().expect("one").object.created();
            prop_assert!(arrived.0 + i64::from(keep) < now, "the newest data is old by arrival");
        }
    }

    #[test]
    fn a_decision_holds_until_its_next_expiry_and_repeating_it_changes_nothing(
        extents in log(), now in 0..300_000_i64, keep in 1..100_000_u32, roll in 1..100_000_u32,
    ) {
        let (keep, roll) = (keep.to_string(), roll.to_string());
        let configs = configs(&[("retention.ms", &keep), ("segment.ms", &roll)]);
        let end = extents.last().map_or(0, |extent| extent.offsets.end.0);
        let decision = decide(&configs, &extents, end, now);
        let left: Vec<Extent> = extents.into_iter().filter(|extent| extent.offsets.start >= decision.start).collect();
        if let Some(next) = decision.next_expiry {
            prop_assert!(next.0 > now);
            prop_assert_eq!(decide(&configs, &left, end, next.0 - 1).start, decision.start);
        } else {
            prop_assert!(left.is_empty());
        }
    }

    #[test]
    fn retention_bytes_stay_and_less_than_one_extent_more(extents in log(), keep in 0..5_000_000_u64) {
        let text = keep.to_string();
        let configs = configs(&[("retention.ms", "-1"), ("retention.bytes", &text)]);
        let end = extents.last().map_or(0, |extent| extent.offsets.end.0);
        let start = decide(&configs, &extents, end, 1_000_000).start;
        let total: u64 = extents.iter().map(|extent| extent.bytes).sum();
        let left: Vec<&Extent> = extents.iter().filter(|extent| extent.offsets.start >= start).collect();
        let bytes: u64 = left.iter().map(|extent| extent.bytes).sum();
        prop_assert!(bytes >= keep.min(total));
        prop_assert!(left.first().is_none_or(|first| bytes - first.bytes < keep));
    }

    #[test]
    fn extents_that_are_not_needed_change_nothing(extents in log(), now in 0..300_000_i64, keep in 1..100_000_u32) {
        let keep = keep.to_string();
        let configs = configs(&[("retention.ms", &keep), ("segment.ms", "20000"), ("retention.bytes", "2000000")]);
        let bytes = extents.iter().map(|extent| extent.bytes).sum();
        let end = extents.last().map_or(Offset(0), |extent| extent.offsets.end);
        let log = RetainedLog { start: Offset(0), stable: end, bytes };
        let mut retention = Retention::new(&configs, log, Timestamp(now));
        let needed = extents.iter().position(|extent| {
            retention.push(extent);
            retention.is_decided()
        });
        let decision = retention.decide(needed.is_none());
        prop_assert_eq!(decision.start, decide(&configs, &extents, end.0, now).start);
    }
}
