use std::time::Duration;

use alluvium_model::{Extent, ExtentSource, ObjectId, Offset, TopicPartition, log::swap::InvalidSwap};

use super::{NOW, store, unknown};
use crate::{
    Metastore,
    fixtures::{append, lease},
    leases::{LeaseKey, MaintenanceRole},
    log::{NewObject, SwapError},
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
        source: ExtentSource::History { level: 1 },
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
    assert_eq!(swap(&extents[2..], 5).await, Err(SwapError::Stale(partition)));
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
