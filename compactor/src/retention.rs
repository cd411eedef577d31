//! Retention: which records a partition need not keep, by time and by size.

use std::time::Duration;

use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{Log, TrimError};
use alluvium_metastore::topics::Topic;
use alluvium_model::log::Head;
use alluvium_model::topic_config::TopicConfigs;
use alluvium_model::{Extent, Offset, Timestamp, TopicPartition};

use crate::error::MaintenanceError;

/// Extents looked at in one step.
const PAGE_EXTENTS: usize = 500;
/// Steps of one partition in one round: the next round goes on.
const STEPS_MAX: usize = 200;

/// Moves log starts.
pub(crate) struct Retention {
    log: Log,
    grace: Duration,
}

impl Retention {
    pub(crate) fn new(log: Log, grace: Duration) -> Self {
        Self { log, grace }
    }

    /// Drops what `partition` need not keep, under the lease on retention; whether anything was dropped.
    pub(crate) async fn apply(
        &self,
        lease: &Lease,
        topic: &Topic,
        partition: TopicPartition,
        head: Head,
        now: Timestamp,
    ) -> Result<bool, MaintenanceError> {
        let configs = TopicConfigs::of_stored(&topic.configs);
        if !may_drop(&configs, &head, now) {
            return Ok(false);
        }
        let mut head = head;
        for step in 0..STEPS_MAX {
            let extents = self.log.find(partition, head.start, PAGE_EXTENTS).await?;
            let start = log_start(&configs, &head, &extents, now);
            if start <= head.start {
                return Ok(step > 0);
            }
            head = match self.log.retain(lease, partition, start, now, self.grace).await {
                Ok(head) => head,
                Err(TrimError::UnknownPartition(_)) => return Ok(step > 0),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(true)
    }
}

/// Whether the oldest extent may go, as far as the head tells.
fn may_drop(configs: &TopicConfigs, head: &Head, now: Timestamp) -> bool {
    let by_size = configs.retention_bytes.is_some_and(|keep| head.bytes > keep);
    // The smallest timestamp of the oldest extent: its largest, which counts, is no earlier.
    let by_time = configs.retention.is_some_and(|keep| head.earliest.plus(keep) < now);
    configs.cleanup.delete && !head.is_empty() && (by_size || by_time)
}

/// Where the log should start, given its oldest `extents`. As in Kafka, an extent goes when its latest record is over
/// age, or when at least `retention.bytes` are left without it; an undecided record stays.
fn log_start(configs: &TopicConfigs, head: &Head, extents: &[Extent], now: Timestamp) -> Offset {
    let mut bytes = head.bytes;
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

/// The time that counts: of the latest record, or, where records have none, when the object was written.
fn latest(extent: &Extent) -> Timestamp {
    let (_, latest) = extent.timestamps;
    if latest.0 < 0 { extent.object.created() } else { latest }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alluvium_model::{ExtentSource, ObjectId};

    use super::*;

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
        Head { next: Offset(100), start: Offset(0), stable: Offset(100), bytes: 1000, earliest: Timestamp(-500) }
    }

    #[test]
    fn extents_over_age_go() {
        let configs = configs(&[("retention.ms", "2000")]);
        assert_eq!(log_start(&configs, &head(), &extents(), Timestamp(6_500)), Offset(50));
        assert_eq!(log_start(&configs, &head(), &extents(), Timestamp(1_000_000)), Offset(100));
        assert_eq!(log_start(&configs, &head(), &extents(), Timestamp(1_000)), Offset(0));
    }

    #[test]
    fn as_many_bytes_stay_as_are_asked_for() {
        let configs = configs(&[("retention.ms", "-1"), ("retention.bytes", "250")]);
        assert_eq!(log_start(&configs, &head(), &extents(), Timestamp(1_000_000)), Offset(70));
    }

    #[test]
    fn undecided_records_and_topics_without_deletion_stay() {
        let stable = Head { stable: Offset(25), ..head() };
        let expired = Timestamp(1_000_000);
        assert_eq!(log_start(&configs(&[("retention.ms", "1")]), &stable, &extents(), expired), Offset(20));
        let compacted = configs(&[("retention.ms", "1"), ("cleanup.policy", "compact")]);
        assert_eq!(log_start(&compacted, &head(), &extents(), expired), Offset(0));
        assert!(!may_drop(&compacted, &head(), expired));
    }

    #[test]
    fn records_without_a_time_go_by_the_age_of_their_object() {
        let mut extents = extents();
        extents[0].timestamps = (Timestamp::NONE, Timestamp::NONE);
        extents[0].object = ObjectId::new(Timestamp(5_000), 0, 0);
        let configs = configs(&[("retention.ms", "2000")]);
        assert_eq!(log_start(&configs, &head(), &extents, Timestamp(6_500)), Offset(0));
        assert_eq!(log_start(&configs, &head(), &extents, Timestamp(7_500)), Offset(60));
    }
}
