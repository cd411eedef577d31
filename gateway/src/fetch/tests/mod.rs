mod block_cache;
mod catch_up;
mod decoded_records;
mod history_v1;
mod offset_assignment;
mod old_records;
mod peer_serving;
mod shared_history;
mod swap;

use alluvium_model::TopicPartition;
use futures::future::join_all;

use crate::agent::Agent;
use crate::tests::world::{World, append, batch, produce};

/// Has `writer` write `segments` segments, each with a batch of `value_bytes` for every one of `partitions`.
async fn write_segments(
    world: &World,
    writer: &Agent,
    partitions: &[TopicPartition],
    segments: u64,
    value_bytes: usize,
) {
    let idle = world.topic("warm", 1).await[0];
    // Spends the flush tokens that an idle agent has saved up.
    for _ in 0..4 {
        produce(writer, idle, batch(&["warm"])).await.expect("acknowledged");
    }
    let value = "v".repeat(value_bytes);
    let puts = world.objects.usage().totals().puts;
    for _ in 0..segments {
        let mut outcomes = Vec::new();
        for partition in partitions {
            outcomes.push(append(writer, *partition, batch(&[&value])).await);
        }
        assert!(join_all(outcomes).await.iter().flatten().all(Result::is_ok));
    }
    assert_eq!(world.objects.usage().totals().puts, puts + segments);
}
