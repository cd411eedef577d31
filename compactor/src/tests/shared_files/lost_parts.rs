//! A part of a shared file is trimmed, compacted elsewhere, or damaged: the others are not concerned.

use std::time::Duration;

use alluvium_model::{Offset, object_key};
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use alluvium_runtime::Clock;

use super::fixtures::{check, commit, kinds, sharing, world};
use crate::tests::world::own_files;

#[tokio::test(start_paused = true)]
async fn a_partition_that_expires_drops_its_part_alone_and_the_last_one_the_file() {
    let mut world = world(4).await;
    commit(&mut world, 0..4, 200).await;
    let compactor = world.compactor(sharing());
    compactor.run_once().await;
    let shared = world.extents(world.partition(0)).await[0].object;
    for partition in 0..4 {
        assert!(world.all_extents().await.iter().any(|extent| extent.object == shared));
        let partition = world.partition(partition);
        world.metastore.log.trim(partition, Offset(1), world.clock.now()).await.expect("trim");
        compactor.run_once().await;
        world.advance(Duration::from_secs(601));
        compactor.run_once().await;
        check(&world).await;
        world.check_bucket().await;
    }
    assert_eq!(world.keys().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_trimmed_meanwhile_keeps_no_neighbour_out_of_their_file() {
    // The trim takes the first input of the partition, or all of them; of a rewrite, or of a merge of four shared files,
    // which follows a rewrite.
    for (trimmed, rounds, puts_before) in [(1, 0, 0), (4, 0, 0), (1, 3, 1), (4, 3, 1)] {
        let mut world = world(4).await;
        for _ in 0..rounds {
            commit(&mut world, 0..4, 200).await;
            world.compactor(sharing()).run_once().await;
        }
        for _ in rounds..4 {
            commit(&mut world, 0..4, 200).await;
        }
        let slow = FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(20)));
        world.faults.inject(slow.key_contains(object_key::HISTORY).skip(puts_before));
        let compactor = world.compactor(sharing());
        let running = tokio::spawn(async move { compactor.run_once().await });
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.metastore.log.trim(world.partition(2), Offset(trimmed), world.clock.now()).await.expect("trim");
        let report = running.await.expect("it ends");
        assert_eq!((report.failures, report.files_written), (Vec::<String>::new(), 1 + puts_before));
        assert_eq!(report.stale, u64::from(trimmed == 4), "nothing of the others, and what is trimmed in part is not");
        for (number, shared) in [(0, 1), (1, 1), (2, usize::from(trimmed < 4)), (3, 1)] {
            assert_eq!(kinds(&world, number).await, (shared, 0), "{number}: {trimmed} trimmed, {rounds} rounds before");
            assert_eq!(world.extents(world.partition(number)).await.len(), shared);
        }
        check(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_which_a_part_was_compacted_elsewhere_is_not_swapped_in_and_written_anew() {
    let mut world = world(4).await;
    commit(&mut world, 0..4, 200).await;
    let slow = FaultRule::on(Operation::Put, Fault::Delay(Duration::from_secs(20))).key_contains(object_key::HISTORY);
    world.faults.inject(slow.times(1));
    let (compactor, own) = (world.compactor(sharing()), world.compactor(own_files()));
    let running = tokio::spawn(async move { compactor.run_once().await });
    tokio::time::sleep(Duration::from_secs(10)).await;
    // It takes the leases over, for it has the same session.
    assert_eq!(own.run_once().await.files_written, 4);
    commit(&mut world, 0..4, 200).await;
    let report = running.await.expect("it ends");
    assert_eq!((report.failures, report.files_written, report.stale), (Vec::<String>::new(), 0, 4));
    check(&world).await;
    world.compactor(sharing()).run_once().await;
    check(&world).await;
    assert!(world.all_extents().await.iter().all(|extent| !extent.is_level_0()));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_shared_file_stays_and_what_comes_after_it_is_merged() {
    let mut world = world(5).await;
    let compactor = world.compactor(sharing());
    commit(&mut world, 0..5, 200).await;
    compactor.run_once().await;
    let damaged = world.extents(world.partition(0)).await[0].clone();
    let key = object_key::of_extent("orders", world.partition(0), &damaged);
    let mut bytes = world.objects.get(&key).await.expect("get").to_vec();
    bytes[4] ^= 1;
    world.objects.put(&key, vec![bytes.into()]).await.expect("put");
    let mut failures = 0;
    for _ in 0..12 {
        commit(&mut world, 0..5, 200).await;
        failures += compactor.run_once().await.failures.len();
    }
    assert!((1..=5).contains(&failures), "{failures} failures: each partition finds out once");
    for partition in 0..5 {
        let extents = world.extents(world.partition(partition)).await;
        assert_eq!(extents[0].object, damaged.object);
        assert!(extents.len() < 9, "{} extents", extents.len());
    }
}
