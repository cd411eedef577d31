//! Blocks served to other agents: which cache keeps them, and that they are the stored bytes.

use alluvium_model::{Offset, object_key};

use crate::peers::BlockName;
use crate::tests::compaction::{compact, compact_shared};
use crate::tests::world::{World, batch, produce};

#[tokio::test(start_paused = true)]
async fn history_served_to_other_agents_is_kept_by_the_cold_cache_and_segments_by_the_tail_cache() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    produce(&writer, partition, batch(&["x"; 100])).await.expect("acknowledged");
    compact(&world, partition, 1, |offset| format!("value {offset}")).await;
    produce(&writer, partition, batch(&["shared"])).await.expect("acknowledged");
    compact_shared(&world, &[partition], |_, offset| format!("value {offset}")).await;
    produce(&writer, partition, batch(&["new"])).await.expect("acknowledged");
    let extents = world.metastore.log.find(partition, Offset(0), 3).await.expect("found");
    let owner = world.agent().await;
    let loader = &owner.fetch.shared.loader;
    for extent in &extents {
        let (tail, cold) = (loader.tail.bytes(), loader.cold.bytes());
        let name = if extent.is_level_0() {
            BlockName::segment(extent.object)
        } else {
            let key = object_key::of_extent("orders", partition, extent);
            BlockName::history(extent.object, &key, 0..extent.file_bytes()).expect("a block")
        };
        let served = owner.fetch.serve_block(&name).await.expect("a block").bytes.len() as u64;
        let grown = (loader.tail.bytes() - tail, loader.cold.bytes() - cold);
        let (kept, other) = if extent.is_level_0() { grown } else { (grown.1, grown.0) };
        assert!(kept >= served && other == 0, "{grown:?}");
    }
    assert_eq!(extents.iter().map(|extent| extent.level()).collect::<Vec<_>>(), [1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_writer_serves_its_segment_byte_for_byte_as_it_is_stored() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partitions = world.topic("orders", 3).await;
    for partition in &partitions {
        produce(&writer, *partition, batch(&["one", "two"])).await.expect("acknowledged");
    }
    for partition in partitions {
        let extent = world.metastore.log.find(partition, Offset(0), 1).await.expect("found").remove(0);
        let stored = world.objects.get(&object_key::segment(extent.object)).await.expect("stored");
        let served = writer.fetch.serve_block(&BlockName::segment(extent.object)).await.expect("a block");
        assert_eq!(served.bytes, stored);
    }
    assert_eq!(writer.metrics.cache_misses.get(), 0, "it is in memory");
}
