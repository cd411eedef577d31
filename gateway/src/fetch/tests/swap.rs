//! Reading while the compactor swaps extents.

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_model::Offset;

use crate::fetch::loader::PartitionRead;
use crate::fetch::offset_assignment::OffsetBatch;
use crate::fetch::read_plan::ReadPlan;
use crate::metadata_cache::CachedHead;
use crate::tests::compaction::compact;
use crate::tests::world::{World, batch, produce};

#[tokio::test(start_paused = true)]
async fn extents_from_before_and_after_a_swap_yield_no_record_twice() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    for value in ["0", "1", "2"] {
        produce(&agent, partition, batch(&[value])).await.expect("acknowledged");
    }
    let find = async || world.metastore.log.find(partition, Offset(0), 10).await.expect("found");
    let before = find().await;
    compact(&world, partition, before.len(), |offset| offset.to_string()).await;
    let mixed: Vec<Arc<_>> = [before[0].clone(), find().await.remove(0)].map(Arc::new).into();
    let mut visited = Vec::new();
    let mut visit = |batch: OffsetBatch| {
        visited.extend(batch.base.0..batch.end.0);
        Ok(ControlFlow::Continue(()))
    };
    let read = PartitionRead { partition, from: Offset(0), read_plan: &ReadPlan::default() };
    let read = agent.fetch.shared.loader.visit_batches(read, &mixed, &mut visit).await;
    assert_eq!((read, visited), (Ok(()), vec![0]));
}

#[test]
fn an_answer_beyond_the_cached_head_reports_a_head_that_includes_it() {
    let head = CachedHead { next: Offset(10), start: Offset(2), stable: Offset(7) };
    assert_eq!(head.extended_to(Offset(10)), head);
    assert_eq!(head.extended_to(Offset(15)), CachedHead { next: Offset(15), start: Offset(2), stable: Offset(15) });
}
