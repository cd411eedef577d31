//! The swap as a transaction: replaces extents by others that cover the same offsets, in one partition or several.
//!
//! A swap reads and writes nothing that a commit writes: its inputs lie below the stable offset, which never falls.
//! What orders it among other changes are the rows of its inputs, read with a conflict as one range; the log start,
//! which trims write; and the range that the deletion of the topic clears.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use alluvium_model::{
    Extent, ObjectId, Offset, Timestamp, TopicPartition, limits,
    log::{
        Head,
        swap::{InvalidSwap, Swapped, covered, swap},
    },
};
use bytes::Bytes;
use futures::future::try_join_all;

use super::{Log, SwapError, key::removed_key, service::read_head_to_change};
use crate::{
    extents,
    feed::{self, FeedEntry},
    keyspace::Error,
    kv::Tx,
    leases::{self, CheckError, Lease, LeaseKey},
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

/// The swap of extents of one partition.
#[derive(Clone, Copy, Debug)]
pub struct PartitionSwap<'a> {
    /// The lease on the partition.
    pub lease: &'a Lease,
    /// The partition.
    pub partition: TopicPartition,
    /// The extents to replace, in order.
    pub inputs: &'a [Extent],
    /// The extents that cover the same offsets, in order, each with the object in which it lies. Several extents, also
    /// of several partitions, may lie in the same object. Swaps of the same call that put parts of the same shared
    /// history file in, or take them out, are made together or not at all, because queries read the whole file. A part
    /// whose offsets were all trimmed away concerns the others no more.
    pub outputs: &'a [(Extent, NewObject)],
}

impl Log {
    /// Replaces `inputs` by `outputs`, which cover the same offsets, if all inputs are current but for those that a trim
    /// has taken, and `lease`, on the partition, is held. Repeating a swap that was made succeeds while its outputs are
    /// current. Outputs that lie below the log start altogether (an input can reach below it) are not linked; an object
    /// of nothing else is retired at once, to be deleted after `grace`.
    pub async fn swap(
        &self,
        lease: &Lease,
        partition: TopicPartition,
        inputs: &[Extent],
        outputs: &[(Extent, NewObject)],
        now: Timestamp,
        grace: Duration,
    ) -> Result<(), SwapError> {
        let swapped = self.swap_together(&[PartitionSwap { lease, partition, inputs, outputs }], now, grace).await?;
        swapped.into_iter().next().expect("each swap has a result")
    }

    /// As [`Self::swap`], for several partitions, or disjoint offsets of one, in one transaction. Each has its own result, in
    /// their order: one that is refused does not keep the others from being swapped. All of them together are bounded
    /// by [`limits::SWAP_INPUTS_MAX`], [`limits::SWAP_OUTPUTS_MAX`] and [`limits::SWAP_PARTITIONS_MAX`].
    pub async fn swap_together(
        &self,
        swaps: &[PartitionSwap<'_>],
        now: Timestamp,
        grace: Duration,
    ) -> Result<Vec<Result<(), SwapError>>, SwapError> {
        check(swaps)?;
        let retire = Retire { now, grace };
        self.db.run("log.swap", |tx| async move { run(&tx, swaps, retire).await }).await
    }
}

fn check(swaps: &[PartitionSwap<'_>]) -> Result<(), SwapError> {
    let mut partitions: BTreeMap<TopicPartition, Vec<Range<Offset>>> = BTreeMap::new();
    let (mut inputs, mut outputs) = (0, 0);
    for swap in swaps {
        assert_eq!(swap.lease.key, LeaseKey::Partition(swap.partition), "a partition's lease protects its swap");
        let offsets = swap.offsets();
        let others = partitions.entry(swap.partition).or_default();
        if others.iter().any(|other| other.start < offsets.end && offsets.start < other.end) {
            return Err(SwapError::Repeated(swap.partition));
        }
        others.push(offsets);
        inputs += swap.inputs.len();
        outputs += swap.outputs.len();
    }
    if inputs > limits::SWAP_INPUTS_MAX || outputs > limits::SWAP_OUTPUTS_MAX {
        return Err(InvalidSwap::TooLarge { inputs, outputs }.into());
    }
    if swaps.len() > limits::SWAP_PARTITIONS_MAX {
        return Err(SwapError::TooManyPartitions { partitions: swaps.len() });
    }
    Ok(())
}

/// What one transaction makes of a partition's swap.
enum Decision {
    /// Earlier attempts made it, or it can not be made.
    Settled(Result<(), SwapError>),
    /// It is to be made.
    Make(Swapped),
}

async fn run(tx: &Tx, swaps: &[PartitionSwap<'_>], retire: Retire) -> Result<Vec<Result<(), SwapError>>, SwapError> {
    let objects: BTreeSet<_> = swaps.iter().flat_map(|swap| swap.outputs).map(|(extent, _)| extent.object).collect();
    let decisions = try_join_all(swaps.iter().map(|swap| decide(tx, swap)));
    let (decisions, known) = futures::future::try_join(decisions, known_objects(tx, &objects)).await?;
    let decide_finally = |(swap, decision): (&PartitionSwap<'_>, Decision)| match decision {
        Decision::Make(_) => match swap.outputs.iter().find(|(extent, _)| known.contains(&extent.object)) {
            Some((extent, _)) => Decision::Settled(Err(SwapError::ObjectKnown(extent.object))),
            None => decision,
        },
        Decision::Settled(_) => decision,
    };
    let mut decisions: Vec<_> = swaps.iter().zip(decisions).map(decide_finally).collect();
    refuse_parts(swaps, &mut decisions);
    write(tx, swaps, &decisions, retire)?;
    let result = |decision| match decision {
        Decision::Settled(result) => result,
        Decision::Make(_) => Ok(()),
    };
    Ok(decisions.into_iter().map(result).collect())
}

/// Refuses the swaps of whose shared history files other parts can not be swapped.
fn refuse_parts(swaps: &[PartitionSwap<'_>], decisions: &mut [Decision]) {
    let mut refused: BTreeSet<ObjectId> = BTreeSet::new();
    loop {
        let before = refused.len();
        for (swap, decision) in swaps.iter().zip(&mut *decisions) {
            if let (Decision::Make(_), Some(object)) = (&*decision, swap.shared().find(|id| refused.contains(id))) {
                *decision = Decision::Settled(Err(SwapError::PartRefused(object)));
            }
            match decision {
                Decision::Make(_) | Decision::Settled(Ok(()) | Err(SwapError::Trimmed(_))) => {}
                Decision::Settled(Err(_)) => refused.extend(swap.shared()),
            }
        }
        if refused.len() == before {
            return;
        }
    }
}

/// Which of `objects` are known already: their references would be counted anew.
async fn known_objects(tx: &Tx, objects: &BTreeSet<ObjectId>) -> Result<BTreeSet<ObjectId>, Error> {
    let keys: Vec<_> = objects.iter().map(|id| object_key(*id)).collect();
    let rows = tx.get_all(&keys).await?;
    Ok(objects.iter().zip(rows).filter(|(_, row)| row.is_some()).map(|(id, _)| *id).collect())
}

async fn decide(tx: &Tx, swap: &PartitionSwap<'_>) -> Result<Decision, Error> {
    if swap.inputs.is_empty() {
        return Ok(Decision::Settled(Err(InvalidSwap::Empty.into())));
    }
    let head = read_head_to_change(tx, swap.partition);
    // One more than there may be: if there are more, they are others.
    let stored = tx.range(extents::within(swap.partition, &swap.offsets()).limit(limits::SWAP_INPUTS_MAX + 1));
    let stored = async { stored.await.map_err(Error::from) };
    let lease = async {
        match leases::check(tx, swap.lease).await {
            Ok(()) => Ok(true),
            Err(CheckError::Fenced) => Ok(false),
            Err(CheckError::Metastore(error)) => Err(error),
        }
    };
    let (head, stored, is_held) = futures::future::try_join3(head, stored, lease).await?;
    Ok(match judge(swap, head, &stored, is_held) {
        Ok(Some(swapped)) => Decision::Make(swapped),
        Ok(None) => Decision::Settled(Ok(())),
        Err(error) => Decision::Settled(Err(error)),
    })
}

/// Whether a swap can be made, by the rows that were read for it; `None` if it was made before.
fn judge(
    swap: &PartitionSwap<'_>,
    head: Option<Head>,
    stored: &[(Bytes, Bytes)],
    is_held: bool,
) -> Result<Option<Swapped>, SwapError> {
    let head = head.ok_or(SwapError::UnknownPartition(swap.partition))?;
    let swapped = self::swap(head, swap.inputs, &swap.output_extents())?;
    let current = swap.inputs.get(swapped.trimmed..).unwrap_or_default();
    if current.is_empty() {
        return Err(SwapError::Trimmed(swap.partition));
    }
    if !swap.is_stored(current.iter(), stored) {
        let linked = swap.linked(&swapped);
        let is_done = !linked.is_empty() && swap.is_stored(linked.iter().map(|(extent, _)| extent), stored);
        return if is_done { Ok(None) } else { Err(SwapError::Stale(swap.partition)) };
    }
    if is_held { Ok(Some(swapped)) } else { Err(SwapError::Fenced) }
}

impl PartitionSwap<'_> {
    /// From the first to the last of its inputs.
    fn offsets(&self) -> Range<Offset> {
        let start = self.inputs.first().map_or(Offset(0), |first| first.offsets.start);
        start..self.inputs.last().map_or(start, |last| last.offsets.end.max(start))
    }

    fn output_extents(&self) -> Vec<Extent> {
        self.outputs.iter().map(|(extent, _)| extent.clone()).collect()
    }

    /// The shared history files of which it takes parts out, or puts parts in.
    fn shared(&self) -> impl Iterator<Item = ObjectId> {
        let extents = self.inputs.iter().chain(self.outputs.iter().map(|(extent, _)| extent));
        extents.filter(|extent| extent.is_shared()).map(|extent| extent.object)
    }

    /// The outputs that are linked.
    fn linked(&self, swapped: &Swapped) -> &[(Extent, NewObject)] {
        self.outputs.get(swapped.below..).unwrap_or_default()
    }

    /// Whether `stored` are the rows of `extents`, byte for byte.
    fn is_stored<'e>(&self, extents: impl ExactSizeIterator<Item = &'e Extent>, stored: &[(Bytes, Bytes)]) -> bool {
        let is_same = |(extent, (key, row)): (&Extent, &(Bytes, Bytes))| {
            *key == extents::extent_key(self.partition, extent.offsets.end) && *row == extents::encode(extent)
        };
        extents.len() == stored.len() && extents.zip(stored).all(is_same)
    }
}

/// Writes the swaps that are to be made.
fn write(tx: &Tx, swaps: &[PartitionSwap<'_>], decisions: &[Decision], retire: Retire) -> Result<(), InvalidSwap> {
    let made = || {
        swaps.iter().zip(decisions).filter_map(|(swap, decision)| match decision {
            Decision::Make(swapped) => Some((swap, swapped)),
            Decision::Settled(_) => None,
        })
    };
    let mut objects: BTreeMap<ObjectId, (&NewObject, u32)> = BTreeMap::new();
    let mut entries = Vec::new();
    for (swap, swapped) in made() {
        let (partition, linked) = (swap.partition, swap.linked(swapped));
        let offsets = covered(swap.inputs)?;
        let replaced = extents::within(partition, &offsets);
        tx.clear_range(&replaced.begin, &replaced.end);
        for (extent, _) in linked {
            tx.set(&extents::extent_key(partition, extent.offsets.end), &extents::encode(extent));
        }
        tx.add(&removed_key(partition), swapped.removed);
        for (n, (extent, object)) in swap.outputs.iter().enumerate() {
            objects.entry(extent.object).or_insert((object, 0)).1 += u32::from(n >= swapped.below);
        }
        let outputs = linked.iter().map(|(extent, _)| extent.clone()).collect();
        entries.push(FeedEntry::Swap { partition, inputs: offsets, outputs });
    }
    for (id, (object, references)) in objects {
        add_object(tx, id, object.key.clone(), object.bytes, references, retire);
    }
    let current = made().flat_map(|(swap, swapped)| swap.inputs.iter().skip(swapped.trimmed));
    release_references(tx, retire.now, current);
    feed::append_all(tx, retire.now, entries);
    Ok(())
}
