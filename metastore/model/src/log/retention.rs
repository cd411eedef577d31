//! Retention: which of the oldest extents of a partition are dropped, by time (`retention.ms`) and size
//! (`retention.bytes`).

use super::Head;
use crate::{Extent, Offset, Timestamp, topic_config::TopicConfigs};

/// Whether an extent may have to be dropped, at any time. If not, neither sizes nor extents need be read.
#[must_use]
pub fn may_drop(configs: &TopicConfigs, head: &Head) -> bool {
    let has_limit = configs.retention_bytes.is_some() || configs.retention.is_some();
    configs.cleanup.delete && !head.is_empty() && has_limit
}

/// The offset at which the log should start, given its oldest `extents`. As in Kafka, an extent is dropped if its
/// latest record is older than `retention.ms`, or if at least `retention.bytes` are left without it of the log's size,
/// `bytes`. An extent that reaches past the stable offset stays.
#[must_use]
pub fn log_start(configs: &TopicConfigs, head: &Head, bytes: u64, extents: &[Extent], now: Timestamp) -> Offset {
    let mut bytes = bytes;
    let mut start = head.start;
    for extent in extents.iter().take_while(|extent| extent.offsets.end <= head.stable) {
        let rest = bytes.saturating_sub(extent.bytes);
        let is_over_size = configs.retention_bytes.is_some_and(|keep| rest >= keep);
        let is_over_age = configs.retention.is_some_and(|keep| latest(extent).plus(keep) < now);
        if !configs.cleanup.delete || !(is_over_size || is_over_age) {
            break;
        }
        bytes = rest;
        start = extent.offsets.end;
    }
    start
}

/// The time that decides: the timestamp of the latest record, or, if records have none, the creation of the object.
fn latest(extent: &Extent) -> Timestamp {
    let (_, latest) = extent.timestamps;
    if latest.0 < 0 { extent.object.created() } else { latest }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{ExtentSource, ObjectId};

    fn configs(overrides: &[(&str, &str)]) -> TopicConfigs {
        let overrides: BTreeMap<_, _> = overrides.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        TopicConfigs::parse(&overrides).expect("legal")
    }

    /// Ten extents of 10 records, 100 bytes, and a latest timestamp of 1000 times their number.
    fn extents() -> Vec<Extent> {
        let extent = |n: i64| Extent {
            offsets: Offset(n * 10)..Offset(n * 10 + 10),
            object: ObjectId::new(Timestamp(n), 0, 0),
            source: ExtentSource::History { level: 1 },
            bytes: 100,
            records: 10,
            timestamps: (Timestamp(n * 1000 - 500), Timestamp(n * 1000)),
        };
        (0..10).map(extent).collect()
    }

    fn head() -> Head {
        Head { next: Offset(100), start: Offset(0), stable: Offset(100), appended: 1000 }
    }

    #[test]
    fn extents_past_their_age_are_dropped() {
        let configs = configs(&[("retention.ms", "2000")]);
        assert_eq!(log_start(&configs, &head(), 1000, &extents(), Timestamp(6_500)), Offset(50));
        assert_eq!(log_start(&configs, &head(), 1000, &extents(), Timestamp(1_000_000)), Offset(100));
        assert_eq!(log_start(&configs, &head(), 1000, &extents(), Timestamp(1_000)), Offset(0));
    }

    #[test]
    fn as_many_bytes_as_configured_stay() {
        let configs = configs(&[("retention.ms", "-1"), ("retention.bytes", "250")]);
        assert_eq!(log_start(&configs, &head(), 1000, &extents(), Timestamp(1_000_000)), Offset(70));
    }

    #[test]
    fn undecided_records_and_topics_without_deletion_stay() {
        let stable = Head { stable: Offset(25), ..head() };
        let expired = Timestamp(1_000_000);
        assert_eq!(log_start(&configs(&[("retention.ms", "1")]), &stable, 1000, &extents(), expired), Offset(20));
        let compacted = configs(&[("retention.ms", "1"), ("cleanup.policy", "compact")]);
        assert_eq!(log_start(&compacted, &head(), 1000, &extents(), expired), Offset(0));
        assert!(!may_drop(&compacted, &head()));
        assert!(!may_drop(&configs(&[("retention.ms", "-1")]), &head()));
        assert!(may_drop(&configs(&[]), &head()), "a week by default");
    }

    #[test]
    fn records_without_a_timestamp_are_dropped_by_the_age_of_their_object() {
        let mut extents = extents();
        extents[0].timestamps = (Timestamp::NONE, Timestamp::NONE);
        extents[0].object = ObjectId::new(Timestamp(5_000), 0, 0);
        let configs = configs(&[("retention.ms", "2000")]);
        assert_eq!(log_start(&configs, &head(), 1000, &extents, Timestamp(6_500)), Offset(0));
        assert_eq!(log_start(&configs, &head(), 1000, &extents, Timestamp(7_500)), Offset(60));
    }
}
