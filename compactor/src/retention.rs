//! Retention: moves the log starts of partitions as far as the rules of `alluvium_model::log::retention` say.

use alluvium_metastore::leases::Lease;
use alluvium_metastore::log::{Log, TrimError};
use alluvium_metastore::topics::Topic;
use alluvium_model::log::Head;
use alluvium_model::log::retention::{log_start, may_drop};
use alluvium_model::topic_config::TopicConfigs;
use alluvium_model::{Timestamp, TopicPartition};

use crate::error::MaintenanceError;

/// Extents read in one step.
const PAGE_EXTENTS: usize = 500;
/// Steps for one partition in one round: the next round continues.
const STEPS_MAX: usize = 200;

/// Moves log starts up to where retention lets logs begin.
pub(crate) struct Retention {
    log: Log,
}

impl Retention {
    pub(crate) fn new(log: Log) -> Self {
        Self { log }
    }

    /// Drops the records that `partition` need not keep, under the lease on retention. Whether anything was dropped.
    pub(crate) async fn apply(
        &self,
        lease: &Lease,
        topic: &Topic,
        partition: TopicPartition,
        head: Head,
        now: Timestamp,
    ) -> Result<bool, MaintenanceError> {
        let configs = TopicConfigs::of_stored(&topic.configs);
        if !may_drop(&configs, &head) {
            return Ok(false);
        }
        let mut head = head;
        for step in 0..STEPS_MAX {
            let extents = self.log.find(partition, head.start, PAGE_EXTENTS).await?;
            let bytes = match configs.retention_bytes {
                Some(_) => self.log.sizes(&[partition]).await?.pop().flatten().unwrap_or(0),
                None => 0,
            };
            let start = log_start(&configs, &head, bytes, &extents, now);
            if start <= head.start {
                return Ok(step > 0);
            }
            head = match self.log.retain(lease, partition, start, now).await {
                Ok(head) => head,
                Err(TrimError::UnknownPartition(_)) => return Ok(step > 0),
                Err(error) => return Err(error.into()),
            };
        }
        Ok(true)
    }
}
