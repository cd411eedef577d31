//! Reading while the compactor swaps extents for others.

use std::ops::ControlFlow;
use std::sync::Arc;

use alluvium_model::Offset;

use crate::fetch::offset_assignment::Placed;
use crate::fetch::read_plan::ReadPlan;
use crate::metadata_cache::{CachedHead, Tier};
use crate::tests::history::compact;
use crate::tests::world::{World, batch, produce};

#[tokio::test(start_paused = true)]
async fn extents_from_before_and_after_a_swap_show_no_record_twice() {
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
    let mut shown = Vec::new();
    let mut visit = |placed: Placed| {
        shown.extend(placed.base.0..placed.end.0);
        Ok(ControlFlow::Continue(()))
    };
    let loader = &agent.fetch.shared.loader;
    let walked = loader.walk(partition, &mixed, Tier::Backfill, Offset(0), &ReadPlan::default(), &mut visit).await;
    assert_eq!((walked, shown), (Ok(()), vec![0]));
}

#[test]
fn an_answer_that_reaches_beyond_the_end_known_tells_an_end_that_lies_behind_it() {
    let head = CachedHead { next: Offset(10), start: Offset(2), stable: Offset(7) };
    assert_eq!(head.reaching(Offset(10)), head);
    assert_eq!(head.reaching(Offset(15)), CachedHead { next: Offset(15), start: Offset(2), stable: Offset(15) });
}
