//! Shared history files that are full, and their merges: sizes, requests, leases, which compactor.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alluvium_history::HistoryCompression;
use alluvium_metastore::fixtures;
use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::leases::LeaseKey;
use alluvium_model::{Extent, ObjectId};
use alluvium_runtime::{Rng, SeededRng};
use alluvium_wire::batch::Compression;
use tokio_util::sync::CancellationToken;

use super::fixtures::{check, check_queries, commit, kinds, sharing, world};
use crate::CompactorConfig;
use crate::tests::drafts::{DraftBatch, drafts};
use crate::tests::world::World;

/// The size of each shared file of `extents`.
fn shared_sizes(extents: &[Extent]) -> BTreeMap<ObjectId, u64> {
    let shared = extents.iter().filter(|extent| extent.is_shared());
    shared.map(|extent| (extent.object, extent.file_bytes())).collect()
}

/// `count` times the same record of `bytes` random bytes, so far apart that only a batch sees that they are the same.
fn repeated(count: usize, bytes: usize, seed: u64) -> DraftBatch {
    let mut batch = drafts(1, bytes, seed);
    batch.records = vec![batch.records[0].clone(); count];
    batch.compression = Compression::Zstd;
    batch
}

#[tokio::test(start_paused = true)]
async fn a_shared_file_ends_when_it_is_full_however_well_batches_compress() {
    // Shared files of 839 kB. Each second partition takes 300 kB as a batch, and has 600 kB of records; two more 1.2 MB.
    let target = 8 << 20;
    let mut world = world(24).await;
    for partition in 0..24_i32 {
        let batch = match partition {
            5 | 15 => repeated(4, 300_000, 3),
            _ if partition % 2 == 0 => repeated(2, 300_000, partition.unsigned_abs().into()),
            _ => drafts(1, 500, 7),
        };
        world.commit(vec![(partition, vec![batch])]).await;
    }
    let report = world.compactor(CompactorConfig { file_bytes_target: target, ..sharing() }).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    let sizes = shared_sizes(&world.all_extents().await);
    assert!(sizes.len() >= 10 && sizes.values().all(|bytes| *bytes < target / 10 * 5 / 4), "{sizes:?}");
    assert_eq!((kinds(&world, 5).await, kinds(&world, 15).await), ((0, 1), (0, 1)), "too much to share");
    check(&world).await;
}

#[tokio::test(start_paused = true)]
async fn full_shared_files_are_merged_and_extents_do_not_grow_with_the_rounds() {
    // Two partitions fill a file.
    let mut world = world(6).await;
    let compactor = world.compactor(sharing());
    let (mut most, rng) = (0, SeededRng::new(1));
    for _ in 0..24 {
        for partition in 0..6 {
            let mut batch = drafts(1, 1, 1);
            let random = std::iter::repeat_with(|| rng.next_u64().to_be_bytes()).take(6_000);
            batch.records[0].value = Some(random.flatten().collect());
            world.commit(vec![(partition, vec![batch])]).await;
        }
        assert_eq!(compactor.run_once().await.failures, Vec::<String>::new());
        for partition in 0..6 {
            most = most.max(world.extents(world.partition(partition)).await.len());
        }
    }
    // 24 parts of 48 kB by four, and these by four.
    assert!(most <= 8, "{most} extents at a time");
    check(&world).await;
}

#[tokio::test(start_paused = true)]
async fn partitions_of_several_runs_share_files_by_the_number_of_the_run() {
    let mut world = world(20).await;
    for round in 0..4 {
        if round > 0 {
            // Between two parts each partition but the first has a file of its own.
            commit(&mut world, 1..20, 600_000).await;
            world.compactor(sharing()).run_once().await;
        }
        commit(&mut world, 0..20, 100).await;
        let puts = world.objects.usage().totals().puts;
        let report = world.compactor(sharing()).run_once().await;
        assert_eq!(report.failures, Vec::<String>::new());
        let puts = world.objects.usage().totals().puts - puts;
        // The last round also merges: the parts of partition 0, and four runs of each of the others.
        assert_eq!(puts, if round < 3 { 1 } else { 1 + 4 });
    }
    assert_eq!((kinds(&world, 0).await, kinds(&world, 7).await), ((1, 0), (4, 3)));
    check(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_merge_to_which_a_lease_is_refused_has_fetched_nothing() {
    let mut world = world(20).await;
    for _ in 0..3 {
        commit(&mut world, 0..20, 200).await;
        world.compactor(sharing()).run_once().await;
    }
    commit(&mut world, 0..19, 200).await;
    let key = LeaseKey::Partition(world.partition(19));
    let other = fixtures::lease(&world.metastore, key).await;
    let gets = world.objects.usage().totals().gets;
    let report = world.compactor(sharing()).run_once().await;
    assert!(report.leases_refused > 0, "{report:?}");
    assert_eq!(world.objects.usage().totals().gets - gets, 1, "the segment");
    assert_eq!(kinds(&world, 3).await, (4, 0));
    world.metastore.leases.release(&[other]).await.expect("released");
    world.compactor(sharing()).run_once().await;
    assert_eq!(kinds(&world, 3).await, (1, 0));
    check(&world).await;
}

#[tokio::test(start_paused = true)]
async fn neighbours_share_a_file_however_many_compactors_there_are() {
    for compactors in [1, 3] {
        let mut world = World::new(50, &[("retention.ms", "-1")], KvFaults::none()).await;
        world.end_session().await;
        let config = CompactorConfig {
            interval: Duration::from_secs(1),
            compact_bytes_min: 1,
            file_bytes_target: 4 << 20,
            ..sharing()
        };
        let (stop, mut processes, mut running) = (CancellationToken::new(), Vec::new(), Vec::new());
        for _ in 0..compactors {
            processes.push(world.process(KvFaults::none(), config.clone()).await);
        }
        // Lets the sessions see each other.
        tokio::time::sleep(Duration::from_secs(5)).await;
        for process in &processes {
            let (compactor, stop) = (process.compactor.clone(), stop.clone());
            running.push(tokio::spawn(async move { compactor.run(stop).await }));
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        commit(&mut world, 0..50, 200).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let files: BTreeSet<_> = world.all_extents().await.iter().map(|of| (of.is_level_0(), of.object)).collect();
        assert_eq!(files.iter().map(|of| of.0).collect::<Vec<_>>(), [false], "{compactors} compactors");
        stop.cancel();
        for running in running {
            running.await.expect("it ends");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn shared_files_are_merged_until_each_partition_has_enough_for_its_own() {
    let mut world = world(10).await;
    // As users have it: the rounds until a file is large enough depend on it.
    let compactor = world.compactor(CompactorConfig { history_compression: HistoryCompression::Zstd, ..sharing() });
    let (mut rounds, mut most) = (0, 0);
    while kinds(&world, 3).await.1 == 0 {
        rounds += 1;
        assert!(rounds < 200, "no file of its own after {rounds} rounds: {:?}", kinds(&world, 3).await);
        commit(&mut world, 0..10, 2_000).await;
        let report = compactor.run_once().await;
        assert_eq!(report.failures, Vec::<String>::new());
        most = most.max(world.extents(world.partition(3)).await.len());
        check_queries(&world).await;
    }
    check(&world).await;
    // 64 kB of 2 kB each, by four.
    assert!(rounds >= 30, "{rounds} rounds");
    assert!(most <= 12, "{most} extents at a time");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_active_now_and_then_is_merged_across_files_of_its_own() {
    let mut world = world(10).await;
    let compactor = world.compactor(sharing());
    for round in 0..40 {
        // Alone in every other round: then its file is its own.
        let partitions = if round % 2 == 0 { 3..4 } else { 0..10 };
        commit(&mut world, partitions, 100).await;
        assert_eq!(compactor.run_once().await.failures, Vec::<String>::new());
        check_queries(&world).await;
    }
    check(&world).await;
    let extents = world.extents(world.partition(3)).await.len();
    assert!(extents <= 12, "{extents} extents");
}

#[tokio::test(start_paused = true)]
async fn a_merge_that_is_too_large_for_one_transaction_is_made_in_pieces() {
    let mut world = world(41).await;
    // The first file has partition 40 too, which another compactor works on.
    commit(&mut world, 0..41, 100).await;
    let config = || CompactorConfig { file_bytes_target: 1 << 19, ..sharing() };
    world.compactor(config()).run_once().await;
    let key = LeaseKey::Partition(world.partition(40));
    let other = fixtures::lease(&world.metastore, key).await;
    for _ in 0..5 {
        // Between two parts each partition but the first has a file of its own.
        commit(&mut world, 1..40, 35_000).await;
        world.compactor(config()).run_once().await;
        commit(&mut world, 0..40, 100).await;
        world.compactor(config()).run_once().await;
    }
    assert_eq!(kinds(&world, 0).await, (6, 0));
    world.metastore.leases.release(&[other]).await.expect("released");
    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    check(&world).await;
    assert!(kinds(&world, 0).await.0 < 6, "{:?}", kinds(&world, 0).await);
}
