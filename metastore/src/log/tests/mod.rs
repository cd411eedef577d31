//! The transactions of the log, one behaviour per test. (`tests/log_properties` tests their invariants.)

mod commit;
mod find;
mod swap;
mod trim;

use alluvium_model::{PartitionIndex, Timestamp, TopicPartition};

use crate::{Metastore, fixtures};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// A store with one topic that has this number of partitions.
async fn store(partitions: i32) -> (Metastore, Vec<TopicPartition>) {
    let metastore = fixtures::memory().await;
    let topic = fixtures::topic(&metastore, "topic", partitions, NOW).await;
    (metastore, topic.all_partitions().collect())
}

fn unknown(partition: TopicPartition) -> TopicPartition {
    TopicPartition { partition: PartitionIndex(999), ..partition }
}
