use std::{sync::atomic::Ordering, time::Duration};

use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, TopicPartition,
    limits::{SWAP_INPUTS_MAX, TRANSACTION_BYTES_TARGET},
    log::{CommitLimits, swap::InvalidSwap},
};

use super::{NOW, store, unknown};
use crate::{
    Metastore,
    fixtures::{self, append, lease},
    leases::{LeaseKey, MaintenanceRole},
    log::{NewObject, PartitionSwap, SwapError},
};

const GRACE: Duration = Duration::from_secs(60);

/// A partition with three extents of one record each.
async fn three() -> (Metastore, TopicPartition, Vec<Extent>) {
    let (metastore, partitions) = store(1).await;
    for n in 0..3 {
        append(&metastore, partitions[0], n, NOW).await;
    }
    let extents = metastore.log.find(partitions[0], Offset(0), 9).await.unwrap();
    (metastore, partitions[0], extents)
}

/// The history file numbered `number` that takes the place of `inputs`.
fn output(inputs: &[Extent], number: u64) -> (Extent, NewObject) {
    let (first, last) = (&inputs[0], &inputs[inputs.len() - 1]);
    let extent = Extent {
        offsets: first.offsets.start..last.offsets.end,
        object: ObjectId::new(NOW, 2, number),
        source: ExtentSource::History { level: 1, file_bytes: 10 },
        bytes: 10,
        records: inputs.len() as u64,
        timestamps: (NOW, NOW),
    };
    (extent, NewObject { key: "history/x".into(), bytes: 500 })
}

#[tokio::test]
async fn inputs_give_way_to_the_output_and_are_retired() {
    let (metastore, partition, extents) = three().await;
    let swapped = output(&extents[..2], 1);
    metastore
        .log
        .swap(
            &lease(&metastore, LeaseKey::Partition(partition)).await,
            partition,
            &extents[..2],
            std::slice::from_ref(&swapped),
            NOW,
            GRACE,
        )
        .await
        .unwrap();
    let found = metastore.log.find(partition, Offset(0), 9).await.unwrap();
    assert_eq!(found, [swapped.0, extents[2].clone()]);
    assert_eq!(metastore.log.sizes(&[partition]).await, Ok(vec![Some(110)]));
    let role = lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    metastore.objects.retire_released(&role, NOW, GRACE).await.unwrap();
    let retired = metastore.objects.retired_due(NOW.plus(GRACE), 9).await.unwrap();
    assert_eq!(retired.iter().map(|r| r.id).collect::<Vec<_>>(), [extents[0].object, extents[1].object]);
}

#[tokio::test]
async fn a_swap_of_what_has_changed_since_is_stale() {
    let (metastore, partition, extents) = three().await;
    let swap = async |inputs: &[Extent], number| {
        metastore
            .log
            .swap(
                &lease(&metastore, LeaseKey::Partition(partition)).await,
                partition,
                inputs,
                &[output(inputs, number)],
                NOW,
                GRACE,
            )
            .await
    };
    assert_eq!(swap(&extents[..2], 1).await, Ok(()));
    assert_eq!(swap(&extents[..2], 1).await, Ok(()), "the same swap again is done");
    assert_eq!(swap(&extents[..2], 2).await, Err(SwapError::Stale(partition)));
    assert_eq!(swap(&extents[1..], 3).await, Err(SwapError::Stale(partition)));
    let doctored = [Extent { bytes: 99, ..extents[2].clone() }];
    assert_eq!(swap(&doctored, 4).await, Err(SwapError::Stale(partition)));
    metastore.log.trim(partition, Offset(3), NOW).await.unwrap();
    assert_eq!(swap(&extents[2..], 5).await, Err(SwapError::Trimmed(partition)));
}

#[tokio::test]
async fn a_trim_meanwhile_takes_its_inputs_and_the_swap_the_others() {
    let (metastore, partition, extents) = three().await;
    let lease = lease(&metastore, LeaseKey::Partition(partition)).await;
    metastore.log.trim(partition, Offset(1), NOW).await.unwrap();
    let outputs = [output(&extents, 1)];
    let extent = &outputs[0].0;
    for again in [false, true] {
        let made = metastore.log.swap(&lease, partition, &extents, &outputs, NOW, GRACE).await;
        assert_eq!(made, Ok(()), "again: {again}");
        assert_eq!(metastore.log.find(partition, Offset(0), 9).await.unwrap(), std::slice::from_ref(extent));
        assert_eq!(metastore.log.sizes(&[partition]).await, Ok(vec![Some(extent.bytes)]));
    }
    let role = self::lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    let retired = async || metastore.objects.retire_released(&role, NOW, GRACE).await.unwrap().retired;
    assert_eq!(retired().await, 3, "each segment once");
    metastore.log.trim(partition, Offset(3), NOW).await.unwrap();
    assert_eq!(retired().await, 1);
    assert_eq!(metastore.log.sizes(&[partition]).await, Ok(vec![Some(0)]));
}

#[tokio::test]
async fn partitions_swapped_together_share_an_object_and_each_has_its_own_result() {
    let (metastore, partitions) = store(3).await;
    for n in 0..2 {
        let segment = fixtures::segment(&partitions, n, NOW);
        metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
    }
    let (mut inputs, mut leases) = (Vec::new(), Vec::new());
    for partition in &partitions {
        inputs.push(metastore.log.find(*partition, Offset(0), 9).await.unwrap());
        leases.push(lease(&metastore, LeaseKey::Partition(*partition)).await);
    }
    // What has changed meanwhile is stale; the others are swapped.
    let kept = [inputs[1][0].clone(), inputs[1][1].clone()];
    inputs[1][0].bytes += 1;
    let outputs = [output(&inputs[0], 1)];
    let swap =
        |n: usize| PartitionSwap { lease: &leases[n], partition: partitions[n], inputs: &inputs[n], outputs: &outputs };
    let together = [swap(0), swap(1), swap(2)];
    let expected = Ok(vec![Ok(()), Err(SwapError::Stale(partitions[1])), Ok(())]);
    assert_eq!(metastore.log.swap_together(&together, NOW, GRACE).await, expected);
    assert_eq!(metastore.log.swap_together(&together, NOW, GRACE).await, expected, "the same swaps again are done");
    for (n, swapped) in [(0, true), (1, false), (2, true)] {
        let found = metastore.log.find(partitions[n], Offset(0), 9).await.unwrap();
        assert_eq!(found, if swapped { vec![outputs[0].0.clone()] } else { kept.to_vec() }, "{n}");
    }
    let role = lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    let retired = async || metastore.objects.retire_released(&role, NOW, GRACE).await.unwrap().retired;
    assert_eq!(retired().await, 0, "both segments have an extent of partition 1");
    metastore.log.trim(partitions[0], Offset(2), NOW).await.unwrap();
    assert_eq!(retired().await, 0, "one extent of two in the shared object is left");
    metastore.log.trim(partitions[2], Offset(2), NOW).await.unwrap();
    assert_eq!(retired().await, 1);
}

#[tokio::test]
async fn the_parts_of_a_shared_history_file_are_swapped_in_together_or_not_at_all() {
    let (metastore, partitions) = store(4).await;
    let segment = fixtures::segment(&partitions, 0, NOW);
    metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
    let (mut inputs, mut leases) = (Vec::new(), Vec::new());
    for partition in &partitions {
        inputs.push(metastore.log.find(*partition, Offset(0), 9).await.unwrap());
        leases.push(lease(&metastore, LeaseKey::Partition(*partition)).await);
    }
    inputs[1][0].bytes += 1;
    let part = |number: u64| {
        let (extent, object) = output(&inputs[0], number);
        [(Extent { source: ExtentSource::History { level: 1, file_bytes: 500 }, ..extent }, object)]
    };
    let (first, own) = (part(1), [output(&inputs[3], 2)]);
    let swap =
        |n: usize, outputs| PartitionSwap { lease: &leases[n], partition: partitions[n], inputs: &inputs[n], outputs };
    let object = first[0].0.object;
    let refused = Err(SwapError::PartRefused(object));
    let together = [swap(0, &first), swap(1, &first), swap(2, &first), swap(3, &own)];
    let stale = Err(SwapError::Stale(partitions[1]));
    let expected = Ok(vec![refused.clone(), stale, refused, Ok(())]);
    assert_eq!(metastore.log.swap_together(&together, NOW, GRACE).await, expected);
    assert_eq!(metastore.objects.known(&[object, own[0].0.object]).await, Ok(vec![false, true]));
    for n in [0, 2] {
        assert_eq!(metastore.log.find(partitions[n], Offset(0), 9).await.unwrap(), inputs[n]);
    }
    // What is trimmed away refuses nothing. The others are swapped, and each takes back its own reference.
    metastore.log.trim(partitions[1], Offset(1), NOW).await.unwrap();
    let second = part(3);
    let together = [swap(0, &second), swap(1, &second), swap(2, &second)];
    for again in [false, true] {
        let expected = Ok(vec![Ok(()), Err(SwapError::Trimmed(partitions[1])), Ok(())]);
        assert_eq!(metastore.log.swap_together(&together, NOW, GRACE).await, expected, "again: {again}");
    }
    // Its parts are taken out together as well, also by files of their own.
    let taken_out = [second[0].0.clone()];
    let (doctored, own) =
        ([Extent { bytes: 99, ..taken_out[0].clone() }], [[output(&taken_out, 4)], [output(&taken_out, 5)]]);
    let out =
        |n: usize, inputs, outputs| PartitionSwap { lease: &leases[n], partition: partitions[n], inputs, outputs };
    let together = [out(0, &taken_out[..], &own[0]), out(2, &doctored, &own[1])];
    let expected = [Err(SwapError::PartRefused(second[0].0.object)), Err(SwapError::Stale(partitions[2]))];
    assert_eq!(metastore.log.swap_together(&together, NOW, GRACE).await, Ok(expected.to_vec()));

    let role = lease(&metastore, LeaseKey::Role(MaintenanceRole::Retired)).await;
    let retired = async || metastore.objects.retire_released(&role, NOW, GRACE).await.unwrap().retired;
    assert_eq!(retired().await, 1, "the segment");
    metastore.log.trim(partitions[2], Offset(1), NOW).await.unwrap();
    assert_eq!(retired().await, 0);
    assert_eq!(metastore.log.find(partitions[0], Offset(0), 9).await.unwrap(), [second[0].0.clone()]);
    metastore.log.trim(partitions[0], Offset(1), NOW).await.unwrap();
    assert_eq!(retired().await, 1, "the shared file");
}

#[tokio::test]
async fn what_one_transaction_cannot_swap_together_is_refused() {
    let (metastore, partition, extents) = three().await;
    let lease = lease(&metastore, LeaseKey::Partition(partition)).await;
    let outputs = [output(&extents, 1)];
    let twice = [PartitionSwap { lease: &lease, partition, inputs: &extents, outputs: &outputs }; 2];
    let refused = metastore.log.swap_together(&twice, NOW, GRACE).await;
    assert_eq!(refused, Err(SwapError::Repeated(partition)));
    // Disjoint offsets of a partition may be swapped together.
    let outputs = [[output(&extents[..1], 2)], [output(&extents[2..], 3)]];
    let disjoint = [
        PartitionSwap { lease: &lease, partition, inputs: &extents[..1], outputs: &outputs[0] },
        PartitionSwap { lease: &lease, partition, inputs: &extents[2..], outputs: &outputs[1] },
    ];
    assert_eq!(metastore.log.swap_together(&disjoint, NOW, GRACE).await, Ok(vec![Ok(()), Ok(())]));
    let swapped = [outputs[0][0].0.clone(), extents[1].clone(), outputs[1][0].0.clone()];
    assert_eq!(metastore.log.find(partition, Offset(0), 9).await.unwrap(), swapped);
    assert_eq!(metastore.log.sizes(&[partition]).await, Ok(vec![Some(120)]));
    let many = vec![extents[0].clone(); SWAP_INPUTS_MAX + 1];
    let refused = metastore.log.swap(&lease, partition, &many, &outputs[0], NOW, GRACE).await;
    assert_eq!(refused, Err(InvalidSwap::TooLarge { inputs: SWAP_INPUTS_MAX + 1, outputs: 1 }.into()));
}

#[tokio::test]
async fn a_swap_of_as_many_extents_as_it_may_have_is_a_small_transaction() {
    let (metastore, partitions) = store(1).await;
    for n in 0..SWAP_INPUTS_MAX as u64 / 100 {
        let segments: Vec<_> = (n * 100..(n + 1) * 100).map(|n| fixtures::segment(&partitions, n, NOW)).collect();
        metastore.log.commit(&segments, || NOW, &CommitLimits::default()).await.unwrap();
    }
    let inputs = metastore.log.find(partitions[0], Offset(0), SWAP_INPUTS_MAX).await.unwrap();
    assert_eq!(inputs.len(), SWAP_INPUTS_MAX);
    let lease = lease(&metastore, LeaseKey::Partition(partitions[0])).await;
    let bytes = || metastore.db.metrics().bytes_written.load(Ordering::Relaxed);
    let before = bytes();
    let output = [output(&inputs, 9_999)];
    metastore.log.swap(&lease, partitions[0], &inputs, &output, NOW, GRACE).await.unwrap();
    assert!(bytes() - before < TRANSACTION_BYTES_TARGET as u64 / 10, "{}", bytes() - before);
}

#[tokio::test]
async fn what_can_never_be_swapped_is_refused() {
    let (metastore, partition, extents) = three().await;
    let refused = async |partition, inputs: &[Extent], outputs: &[(Extent, NewObject)]| {
        metastore
            .log
            .swap(&lease(&metastore, LeaseKey::Partition(partition)).await, partition, inputs, outputs, NOW, GRACE)
            .await
            .unwrap_err()
    };
    let shorter = InvalidSwap::Different { inputs: Offset(0)..Offset(3), outputs: Offset(0)..Offset(2) };
    assert_eq!(refused(partition, &extents, &[output(&extents[..2], 1)]).await, SwapError::Invalid(shorter));
    let absent = unknown(partition);
    assert_eq!(refused(absent, &extents, &[output(&extents, 1)]).await, SwapError::UnknownPartition(absent));
    let mut known = output(&extents[..1], 1);
    known.0.object = extents[2].object;
    assert_eq!(refused(partition, &extents[..1], &[known]).await, SwapError::ObjectKnown(extents[2].object));
}
