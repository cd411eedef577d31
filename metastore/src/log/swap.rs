//! The swap as a transaction: replaces extents by others that cover the same offsets.

use std::{collections::BTreeMap, time::Duration};

use alluvium_model::{
    Extent, ObjectId, Timestamp, TopicPartition,
    log::swap::{Swapped, covered, swap},
};
use bytes::Bytes;

use super::{Log, SwapError, key::head_key, row::encode_head, service::read_head};
use crate::{
    extents,
    feed::{self, FeedEntry},
    keyspace::Error,
    kv::Tx,
    leases::{self, Lease, LeaseKey},
    objects::{Retire, add_object, object_key, release_references},
};

/// An object that a swap makes known to the metastore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// Its key in the bucket, relative to the store's prefix.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Log {
    /// Replaces `inputs` by `outputs`, which cover the same offsets, if all inputs are current and `lease`, on the
    /// partition, is held. Repeating a swap that was made succeeds while its outputs are current. Outputs that lie
    /// below the log start altogether (an input can reach below it) are retired at once.
    pub async fn swap(
        &self,
        lease: &Lease,
        partition: TopicPartition,
        inputs: &[Extent],
        outputs: &[(Extent, NewObject)],
        now: Timestamp,
        grace: Duration,
    ) -> Result<(), SwapError> {
        assert_eq!(lease.key, LeaseKey::Partition(partition), "a swap is protected by its partition's lease");
        let swap = &Swap {
            lease,
            partition,
            inputs,
            outputs: &outputs.iter().map(|(extent, _)| extent.clone()).collect::<Vec<_>>(),
            objects: outputs,
            retire: Retire { now, grace },
        };
        self.db.run("log.swap", |tx| async move { swap.run(&tx).await }).await
    }
}

struct Swap<'a> {
    lease: &'a Lease,
    partition: TopicPartition,
    inputs: &'a [Extent],
    outputs: &'a [Extent],
    objects: &'a [(Extent, NewObject)],
    retire: Retire,
}

impl Swap<'_> {
    async fn run(&self, tx: &Tx) -> Result<(), SwapError> {
        let partition = self.partition;
        let head = read_head(tx, partition).await?.ok_or(SwapError::UnknownPartition(partition))?;
        let Swapped { head, below } = swap(head, self.inputs, self.outputs)?;
        let linked = self.outputs.get(below..).unwrap_or_default();
        if !self.are_current(tx, self.inputs).await? {
            let is_done = !linked.is_empty() && self.are_current(tx, linked).await?;
            return if is_done { Ok(()) } else { Err(SwapError::Stale(partition)) };
        }
        leases::check(tx, self.lease).await?;
        let objects = self.new_objects(below);
        check_unknown(tx, objects.keys()).await?;
        for input in self.inputs {
            tx.clear(&extents::extent_key(partition, input.offsets.end));
        }
        for output in linked {
            tx.set(&extents::extent_key(partition, output.offsets.end), &extents::encode(output));
        }
        release_references(tx, self.inputs, self.retire).await?;
        for (id, (object, count)) in objects {
            add_object(tx, id, object.key.clone(), object.bytes, count, self.retire);
        }
        tx.set(&head_key(partition), &encode_head(&head));
        let (inputs, outputs) = (covered(self.inputs)?, linked.to_vec());
        feed::append(tx, self.retire.now, FeedEntry::Swap { partition, inputs, outputs });
        Ok(())
    }

    /// The objects of the outputs, each with the number of its extents that are linked: all but the first `below`
    /// outputs.
    fn new_objects(&self, below: usize) -> BTreeMap<ObjectId, (&NewObject, u32)> {
        let mut objects = BTreeMap::new();
        for (n, (extent, object)) in self.objects.iter().enumerate() {
            objects.entry(extent.object).or_insert((object, 0)).1 += u32::from(n >= below);
        }
        objects
    }

    /// Whether the stored rows of `extents` are the same, byte for byte.
    async fn are_current(&self, tx: &Tx, extents: &[Extent]) -> Result<bool, Error> {
        let keys: Vec<_> =
            extents.iter().map(|extent| extents::extent_key(self.partition, extent.offsets.end)).collect();
        let rows = tx.get_all(&keys).await?;
        let same = |(row, extent): (&Option<Bytes>, &Extent)| row.as_deref() == Some(&extents::encode(extent));
        Ok(rows.iter().zip(extents).all(same))
    }
}

/// Checks that no object is known already: its reference count would be overwritten.
async fn check_unknown(tx: &Tx, ids: impl Iterator<Item = &ObjectId> + Clone) -> Result<(), SwapError> {
    let keys: Vec<_> = ids.clone().map(|id| object_key(*id)).collect();
    let rows = tx.get_all(&keys).await?;
    match ids.zip(rows).find(|(_, row)| row.is_some()) {
        None => Ok(()),
        Some((id, _)) => Err(SwapError::ObjectKnown(*id)),
    }
}
