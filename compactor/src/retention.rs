//! Retention: moves the log starts of partitions as far as the rules of `alluvium_model::log::retention` say.

use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{Log, TrimError};
use alluvium_metastore::topics::{Topic, Topics};
use alluvium_model::log::Head;
use alluvium_model::log::retention::{RetainedLog, Retention as Rule};
use alluvium_model::topic_config::TopicConfigs;
use alluvium_model::{Timestamp, TopicPartition};

use crate::error::MaintenanceError;

/// Extents read in one step.
const PAGE_EXTENTS: usize = 500;

/// Moves log starts up to where retention lets logs begin.
pub(crate) struct Retention {
    topics: Topics,
    log: Log,
}

/// What a look at one partition has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether the log start was moved.
    pub(crate) is_trimmed: bool,
    /// When something may expire by age if nothing is appended; `None` if nothing ever does.
    pub(crate) next: Option<Timestamp>,
    /// Whether the size of the partition is limited.
    pub(crate) by_size: bool,
}

impl Retention {
    pub(crate) fn new(topics: Topics, log: Log) -> Self {
        Self { topics, log }
    }

    /// Whether records of `topic` expire at all.
    pub(crate) fn concerns(topic: &Topic) -> bool {
        let configs = TopicConfigs::of_stored(&topic.configs);
        configs.cleanup.delete && (configs.retention.is_some() || configs.retention_bytes.is_some())
    }

    /// Drops what `partition` need not keep, under the lease on retention.
    pub(crate) async fn look(
        &self,
        lease: &Lease,
        partition: TopicPartition,
        now: Timestamp,
    ) -> Result<Look, MaintenanceError> {
        let Some(topic) = self.topics.by_id(partition.topic).await? else { return Ok(Look::default()) };
        let Some(head) = self.log.head(partition).await? else { return Ok(Look::default()) };
        self.apply(lease, &topic, partition, head, now).await
    }

    /// As [`Self::look`], of a partition whose topic and head are known.
    pub(crate) async fn apply(
        &self,
        lease: &Lease,
        topic: &Topic,
        partition: TopicPartition,
        head: Head,
        now: Timestamp,
    ) -> Result<Look, MaintenanceError> {
        let configs = TopicConfigs::of_stored(&topic.configs);
        let by_size = configs.cleanup.delete && configs.retention_bytes.is_some();
        if head.is_empty() || !Self::concerns(topic) {
            return Ok(Look::default());
        }
        // Read before the extents: what is appended meanwhile counts for neither.
        let bytes = if by_size { self.log.sizes(&[partition]).await?.pop().flatten().unwrap_or(0) } else { 0 };
        let log = RetainedLog { start: head.start, stable: head.stable, bytes };
        let mut rule = Rule::new(&configs, log, now);
        let mut next = head.start;
        let is_end = loop {
            let page = self.log.find(partition, next, PAGE_EXTENTS).await?;
            page.iter().for_each(|extent| rule.push(extent));
            let is_end = page.len() < PAGE_EXTENTS;
            if is_end || rule.is_decided() {
                break is_end;
            }
            next = page.last().map_or(next, |extent| extent.offsets.end);
        };
        let decision = rule.decide(is_end);
        let is_trimmed = decision.start > head.start;
        if is_trimmed {
            match self.log.retain(lease, partition, decision.start, now).await {
                Ok(_) => {}
                Err(TrimError::UnknownPartition(_)) => return Ok(Look::default()),
                Err(error) => return Err(error.into()),
            }
        }
        // A size is looked at again with the next append.
        let next = decision.next_expiry.or(by_size.then_some(Timestamp(i64::MAX)));
        Ok(Look { is_trimmed, next, by_size })
    }
}
