//! An agent has nothing that a new one would need.

use alluvium_model::Offset;

use super::compaction::compact;
use super::world::{World, batch, fetch, produce, read_all, records};

#[tokio::test(start_paused = true)]
async fn a_new_agent_reads_everything_at_the_same_offsets() {
    let world = World::new().await;
    let old = world.agent().await;
    let partitions = world.topic("orders", 3).await;
    for n in 0..30 {
        produce(&old, partitions[n % 3], batch(&[&format!("value {n}"), "and more"])).await.expect("acknowledged");
    }
    // The old agent is not drained, as if it had been killed.
    let new = world.agent().await;
    for partition in &partitions {
        let read = read_all(&new, *partition).await;
        assert_eq!(read.len(), 20);
        assert_eq!(read, read_all(&old, *partition).await);
    }
    let ack = produce(&new, partitions[0], batch(&["next"])).await.expect("acknowledged");
    assert_eq!(ack.base_offset, Offset(20));
}

#[tokio::test(start_paused = true)]
async fn readers_continue_at_the_same_offsets_when_segments_become_history() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for n in 0..10 {
        produce(&agent, partition, batch(&[&format!("value {n}")])).await.expect("acknowledged");
    }
    let before = read_all(&agent, partition).await;
    let old = world.agent().await;
    assert_eq!(read_all(&old, partition).await, before);
    compact(&world, partition, 8, |offset| format!("value {offset}")).await;
    for reader in [&agent, &old, &world.agent().await] {
        assert_eq!(read_all(reader, partition).await, before);
        // From the middle as well, and across the end of the history file.
        assert_eq!(records(&fetch(reader, partition, 5).await).last(), before.last());
    }
    produce(&agent, partition, batch(&["after"])).await.expect("acknowledged");
    assert_eq!(read_all(&agent, partition).await.len(), 11);
    assert_eq!(records(&fetch(&old, partition, 10).await), [(10, "after".into())]);
}
