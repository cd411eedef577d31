//! Segments are written into shared files: which partitions share one, and what that costs.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::fixtures::{check, commit, kinds, sharing, world};
use crate::CompactorConfig;

#[tokio::test(start_paused = true)]
async fn neighbours_with_little_data_share_a_file_and_one_with_much_gets_its_own() {
    let mut world = world(60).await;
    for _ in 0..2 {
        commit(&mut world, 0..60, 200).await;
    }
    commit(&mut world, [7], 300_000).await;
    let config = CompactorConfig { file_bytes_target: 4 << 20, ..sharing() };
    let report = world.compactor(config).run_once().await;
    assert_eq!((report.files_written, report.failures.len()), (4, 0), "0 to 6, 7, 8 to 49, 50 to 59");
    check(&world).await;
    for partition in 0..60 {
        assert_eq!(kinds(&world, partition).await, if partition == 7 { (0, 1) } else { (1, 0) }, "{partition}");
    }
    // Fewer PUTs, and the same for an agent.
    let shared = world.extents(world.partition(20)).await;
    let other = world.extents(world.partition(21)).await;
    assert_eq!(shared[0].object, other[0].object);
    assert!(shared[0].bytes > 0 && shared[0].bytes < shared[0].file_bytes() / 30, "{shared:?}");
    let own = &world.extents(world.partition(7)).await[0];
    assert_eq!(own.bytes, own.file_bytes());
}

/// PUTs and GETs of compaction while each of 20 partitions gets a batch a minute, for `minutes`.
async fn requests(minutes: u32, config: CompactorConfig) -> (u64, u64) {
    let mut world = world(20).await;
    let compactor = world.compactor(config);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (compactor, stop) = (compactor.clone(), stop.clone());
        async move { compactor.run(stop).await }
    });
    let before = world.objects.usage().totals();
    for _ in 0..minutes {
        commit(&mut world, 0..20, 100).await;
        world.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    stop.cancel();
    running.await.expect("the task ends");
    let after = world.objects.usage().totals();
    check(&world).await;
    // The segments are PUTs too.
    (after.puts - before.puts - u64::from(minutes), after.gets - before.gets)
}

#[tokio::test(start_paused = true)]
async fn small_partitions_cost_a_put_for_all_of_them_and_read_segments_once() {
    let minutes = 100;
    let (puts, gets) = requests(minutes, CompactorConfig::default()).await;
    let own = CompactorConfig { shared_part_bytes_max: 0, ..CompactorConfig::default() };
    let (own_puts, own_gets) = requests(minutes, own).await;
    println!("20 partitions share files: {puts} PUTs, {gets} GETs; do not: {own_puts}, {own_gets}");
    assert!(gets <= 2 * u64::from(minutes), "{gets}");
    assert!((4..=10).contains(&puts), "{puts}");
    assert!(own_puts >= 10 * puts, "{own_puts}");
}
