//! Without faults: what is rewritten into history, when, and into how many files.

use std::sync::atomic::Ordering;
use std::time::Duration;

use alluvium_history::HistoryCompression;
use alluvium_metastore::kv::KvFaults;
use alluvium_model::{ExtentSource, Offset, Timestamp};
use alluvium_wire::batch::Compression;
use tokio_util::sync::CancellationToken;

use super::drafts::{DraftBatch, drafts};
use super::world::{World, config, own_files};
use crate::{CompactorConfig, Report};

fn is_history(source: &ExtentSource) -> bool {
    matches!(source, ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. })
}

async fn world_with_segments(partitions: i32, segments: u64) -> World {
    let mut world = World::new(partitions, &[("retention.ms", "-1")], KvFaults::none()).await;
    for n in 0..segments {
        let runs = (0..partitions).map(|partition| (partition, vec![drafts(3, 300, n * 50 + 1)])).collect();
        world.commit(runs).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn everything_stable_becomes_history_and_is_read_unchanged() {
    let world = world_with_segments(3, 20).await;
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    assert_eq!(report.records_written, 3 * 20 * 3);
    assert_eq!(report.extents_replaced, 60);
    assert!(world.all_extents().await.iter().all(|extent| is_history(&extent.source)));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn history_is_as_large_as_its_records_if_it_is_not_compressed() {
    let mut written = Vec::new();
    for history_compression in [HistoryCompression::Zstd, HistoryCompression::Uncompressed] {
        let world = world_with_segments(1, 20).await;
        world.compactor(CompactorConfig { history_compression, ..config() }).run_once().await;
        world.check().await;
        written.push(world.all_extents().await.iter().map(|extent| extent.bytes).sum::<u64>());
    }
    // Half of the bytes of a draft's value are 0.
    assert!(written[1] * 2 > written[0] * 3, "{written:?} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_finds_nothing_to_do() {
    let world = world_with_segments(2, 10).await;
    let compactor = world.compactor(config());
    compactor.run_once().await;
    assert_eq!(compactor.run_once().await, Report::default());
    assert_eq!(world.compactor(config()).run_once().await, Report::default());
}

#[tokio::test(start_paused = true)]
async fn every_codec_and_timestamp_type_is_rewritten_and_rejected_batches_are_skipped() {
    let mut world = World::new(1, &[("retention.ms", "-1")], KvFaults::none()).await;
    let mut batches = Vec::new();
    for (n, compression) in (1..).zip(Compression::ALL) {
        for log_append in [false, true] {
            batches.push(DraftBatch { compression, log_append, repeated: n % 2 == 0, ..drafts(4, 40, n) });
        }
    }
    world.commit(vec![(0, batches)]).await;
    let report = world.compactor(config()).run_once().await;
    assert_eq!((report.files_written, report.records_written), (1, 40));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn segments_are_read_once_for_all_partitions() {
    let world = world_with_segments(8, 10).await;
    let before = world.objects.usage().totals().gets;
    let compactor = world.compactor(CompactorConfig { file_bytes_target: 1 << 20, ..own_files() });
    assert_eq!(compactor.run_once().await.files_written, 8);
    assert_eq!(world.objects.usage().totals().gets - before, 10);
}

#[tokio::test(start_paused = true)]
async fn segments_are_read_once_for_hundreds_of_small_partitions() {
    let world = world_with_segments(300, 6).await;
    let before = world.objects.usage().totals();
    let compactor = world.compactor(CompactorConfig { file_bytes_target: 32 << 20, jobs_max: 1, ..own_files() });
    let report = compactor.run_once().await;
    assert_eq!((report.files_written, report.failures), (300, Vec::new()));
    let after = world.objects.usage().totals();
    assert_eq!((after.gets - before.gets, after.puts - before.puts), (6, 300));
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn in_the_background_a_small_amount_of_data_is_rewritten_once_it_is_old() {
    let mut world = world_with_segments(1, 1).await;
    let compactor = world.compactor(config());
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (compactor, stop) = (compactor.clone(), stop.clone());
        async move { compactor.run(stop).await }
    });
    let wait = || tokio::time::sleep(Duration::from_secs(60));
    wait().await;
    assert!(!is_history(&world.all_extents().await[0].source), "too small and too young");
    assert_eq!(compactor.counters().lag_extents.load(Ordering::Relaxed), 1);

    world.commit(vec![(0, vec![drafts(10, 200, 9)])]).await;
    wait().await;
    assert!(world.all_extents().await.iter().all(|extent| is_history(&extent.source)), "enough bytes");

    world.commit(vec![(0, vec![drafts(1, 10, 9)])]).await;
    wait().await;
    assert!(!is_history(&world.all_extents().await[1].source), "too small again");
    world.advance(Duration::from_secs(600));
    wait().await;
    assert!(!is_history(&world.all_extents().await[1].source), "old enough for more bytes");
    world.advance(Duration::from_secs(3_000));
    wait().await;
    assert!(world.all_extents().await.iter().all(|extent| is_history(&extent.source)), "old enough");
    stop.cancel();
    running.await.expect("the task ends");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn small_partitions_that_are_ripe_at_different_times_share_the_reads_of_their_segments() {
    const MINUTES: i32 = 30;
    let mut world = World::new(MINUTES, &[("retention.ms", "-1")], KvFaults::none()).await;
    let compactor = world.compactor(CompactorConfig {
        compact_bytes_min: 1 << 20,
        file_bytes_target: 8 << 20,
        compact_small_age_max: Duration::from_secs(3_600),
        ..config()
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (compactor, stop) = (compactor.clone(), stop.clone());
        async move { compactor.run(stop).await }
    });
    let pass_minute = async |world: &World| {
        world.advance(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(20)).await;
    };
    // Partition n has data from minute n on.
    for minute in 0..MINUTES {
        world.commit((0..=minute).map(|partition| (partition, vec![drafts(1, 100, 7)])).collect()).await;
        pass_minute(&world).await;
    }
    let before = world.objects.usage().totals().gets;
    for minute in MINUTES..100 {
        pass_minute(&world).await;
        let files = compactor.counters().files_written.load(Ordering::Relaxed);
        assert!(files == 0 || minute >= 58, "{files} files after {minute} minutes");
    }
    stop.cancel();
    running.await.expect("the task ends");
    assert!(world.all_extents().await.iter().all(|extent| is_history(&extent.source)));
    let gets = world.objects.usage().totals().gets - before;
    // 465 if each partition were rewritten alone: the sum of 1 to 30.
    assert!(gets <= 50, "{gets} segments read");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn small_files_are_merged_into_larger_ones() {
    let mut world = World::new(1, &[("retention.ms", "-1")], KvFaults::none()).await;
    let config = CompactorConfig { file_bytes_target: 200_000, ..config() };
    let compactor = world.compactor(config);
    let mut written = 0;
    for n in 0..64 {
        world.commit(vec![(0, vec![drafts(10, 400, n + 1)])]).await;
        written += compactor.run_once().await.bytes_out;
    }
    let extents = world.all_extents().await;
    assert!(extents.len() < 16, "{} files", extents.len());
    let bytes: u64 = extents.iter().map(|extent| extent.bytes).sum();
    assert!(written < bytes * 6, "{written} bytes written for {bytes}");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn records_below_the_log_start_are_not_copied() {
    let world = world_with_segments(1, 4).await;
    let partition = world.partition(0);
    let now = Timestamp(0);
    world.metastore.log.trim(partition, Offset(4), now).await.expect("trim");
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.records_written, 8);
    assert_eq!(world.extents(partition).await[0].offsets, Offset(3)..Offset(12));
    world.check().await;
}

#[test]
fn the_futures_of_a_compactor_can_be_spawned() {
    fn spawnable<T: Send>(_: impl FnOnce(&'static crate::Compactor) -> T) {}
    spawnable(|compactor| compactor.run(CancellationToken::new()));
    spawnable(|compactor| compactor.run_once());
}
