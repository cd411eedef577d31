//! Runs a history on a metastore and on the model, and compares them.

use std::{collections::BTreeMap, time::Duration};

use alluvium_metastore::{
    Metastore, fixtures,
    leases::{Lease, LeaseKey, MaintenanceRole},
    log::{NewObject, SwapError, TrimError},
    topics::NewTopic,
};
use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, PartitionIndex, ProducerEpoch, ProducerId, Timestamp, TopicId,
    TopicPartition, limits,
    log::{BatchCommit, CommitLimits, ProducerBatch, RunCommit, SegmentCommit, SegmentOutcome},
    object_key,
};
use uuid::Uuid;

use crate::{
    history::{Batch, Segment, Sender, Sequence, Step},
    invariants::{self, Follower},
    model::{Model, Partition},
};

const GRACE: Duration = Duration::from_secs(600);
const PARTITIONS: i32 = 2;
const TOPICS: [&str; 2] = ["alpha", "beta"];

type Swap = (TopicPartition, Vec<Extent>, Vec<(Extent, NewObject)>);

struct Run {
    metastore: Metastore,
    model: Model,
    follower: Follower,
    now: Timestamp,
    /// The last number given to a topic or an object.
    count: u64,
    topics: Vec<TopicId>,
    deleted: Vec<TopicId>,
    committed: Vec<(SegmentCommit, SegmentOutcome)>,
    swaps: Vec<Swap>,
}

pub async fn run(metastore: Metastore, steps: &[Step]) {
    let mut run = Run {
        metastore,
        model: Model::default(),
        follower: Follower::default(),
        now: Timestamp(1_790_000_000_000),
        count: 0,
        topics: Vec::new(),
        deleted: Vec::new(),
        committed: Vec::new(),
        swaps: Vec::new(),
    };
    for name in TOPICS {
        let id = run.create(name).await;
        run.topics.push(id);
    }
    for step in steps {
        run.now = run.now.plus_ms(1_000);
        run.step(step).await;
        run.check().await;
    }
    run.finish().await;
}

impl Run {
    async fn step(&mut self, step: &Step) {
        match step {
            Step::Commit(segments) => {
                let segments = segments.iter().map(|segment| (self.segment(segment), segment.late)).collect();
                self.commit(segments).await;
            }
            Step::Recommit { earlier, fresh } => {
                let fresh = (self.segment(fresh), fresh.late);
                let old = pick(&self.committed, *earlier).map(|(segment, _)| (segment.clone(), false));
                self.commit(old.into_iter().chain([fresh]).collect()).await;
            }
            Step::Swap { partition, extents, outputs, trimmed } => {
                self.swap(*partition, *extents, *outputs, *trimmed).await;
            }
            Step::Reswap { earlier } => self.reswap(*earlier).await,
            Step::Trim { partition, part } => self.trim(*partition, *part).await,
            Step::Recreate { topic } => self.recreate(*topic).await,
            Step::Purge { limit } => self.purge(*limit).await,
            Step::Collect { minutes } => self.collect(*minutes).await,
        }
    }

    async fn create(&mut self, name: &str) -> TopicId {
        self.count += 1;
        let id = TopicId(Uuid::from_u128(self.count.into()));
        let topic = NewTopic {
            id,
            name: name.to_owned(),
            partitions: PARTITIONS,
            replication_factor: 1,
            configs: BTreeMap::new(),
        };
        self.metastore.topics.create(topic, self.now).await.expect("the name is free");
        for partition in partitions(id) {
            self.model.partitions.insert(partition, Partition::default());
        }
        id
    }

    /// The partition of index `n`: 0 to 3 exist, 4 does not.
    fn partition(&self, n: usize) -> TopicPartition {
        let (topic, index) = if n < 4 { (self.topics[n / 2], n % 2) } else { (self.topics[0], 77) };
        TopicPartition::new(topic, PartitionIndex(index as i32))
    }

    fn segment(&mut self, plan: &Segment) -> SegmentCommit {
        self.count += 1;
        let age = if plan.late { limits::COMMIT_AGE_MAX.as_millis() as i64 + 1 } else { 500 };
        let object = ObjectId::new(self.now.plus_ms(-age), 1, self.count);
        let mut end = 0;
        let runs = plan.runs.iter().map(|(partition, batches)| {
            let partition = self.partition(*partition);
            let start = end;
            let batches: Vec<_> = batches.iter().map(|batch| self.batch(partition, batch)).collect();
            end += batches.iter().map(|batch| u64::from(batch.bytes)).sum::<u64>();
            RunCommit { partition, position: start..end, batches }
        });
        let runs = runs.collect();
        SegmentCommit { object, bytes: end + 100, runs }
    }

    fn batch(&self, partition: TopicPartition, plan: &Batch) -> BatchCommit {
        let producer = plan.sender.as_ref().map(|sender| self.sequenced(partition, sender, plan.records));
        let records = producer.map_or(plan.records, |producer| (producer.last.0 - producer.first.0 + 1) as u32);
        let time = self.now.plus_ms(-i64::from(records) * 100);
        BatchCommit { records, bytes: 70 + records, timestamps: (time, self.now), producer, transactional: None }
    }

    fn sequenced(&self, partition: TopicPartition, sender: &Sender, records: u32) -> ProducerBatch {
        let id = ProducerId(sender.producer);
        let written = self.model.partitions.get(&partition).and_then(|partition| partition.producers.get(&id));
        let batches = written.map(|written| written.0.as_slice()).unwrap_or_default();
        let epoch = ProducerEpoch(sender.epoch);
        let span = |first: i32| ProducerBatch {
            id,
            epoch,
            first: alluvium_model::Sequence(first),
            last: alluvium_model::Sequence(first + records as i32 - 1),
        };
        let newest = batches.iter().rev().find(|(batch, _)| batch.epoch == epoch);
        match sender.sequence {
            Sequence::Next => span(newest.map_or(0, |(batch, _)| batch.last.0 + 1)),
            Sequence::Any(first) => span(first),
            Sequence::Repeat(back) => batches.iter().rev().nth(back).map_or(span(0), |(batch, _)| *batch),
        }
    }

    async fn commit(&mut self, segments: Vec<(SegmentCommit, bool)>) {
        let mut expected = Vec::new();
        for (segment, is_late) in &segments {
            let known = self.committed.iter().find(|(known, _)| known.object == segment.object);
            expected.push(match known {
                Some((_, outcome)) => outcome.clone(),
                None => self.model.commit(segment, *is_late, self.now),
            });
        }
        let segments: Vec<_> = segments.into_iter().map(|(segment, _)| segment).collect();
        let outcomes = self.metastore.log.commit(&segments, || self.now, &CommitLimits::default()).await;
        assert_eq!(outcomes.as_ref(), Ok(&expected));
        for (segment, outcome) in segments.into_iter().zip(expected) {
            let is_kept = self.model.objects.contains(&segment.object);
            if is_kept && !self.committed.iter().any(|(known, _)| known.object == segment.object) {
                self.committed.push((segment, outcome));
            }
        }
    }

    async fn swap(&mut self, partition: usize, (first, count): (usize, usize), outputs: usize, trimmed: Option<i64>) {
        let partition = self.partition(partition);
        let extents = self.metastore.log.find(partition, Offset(0), 1_000).await.expect("extents read");
        let inputs: Vec<_> = extents.into_iter().skip(first).take(count).collect();
        if inputs.is_empty() {
            return;
        }
        let records: BTreeMap<_, _> = inputs.iter().flat_map(|extent| self.model.read(partition, extent)).collect();
        let size = records.len().div_ceil(outputs);
        let timestamps = (
            inputs.iter().map(|extent| extent.timestamps.0).min().expect("there are inputs"),
            inputs.iter().map(|extent| extent.timestamps.1).max().expect("there are inputs"),
        );
        let offsets: Vec<_> = records.keys().copied().collect();
        let outputs: Vec<_> = offsets.chunks(size).map(|offsets| self.output(partition, offsets, timestamps)).collect();
        for (extent, _) in &outputs {
            self.model.histories.insert(extent.object, records.clone());
        }
        let lease = self.lease(LeaseKey::Partition(partition)).await;
        let (start, end) = (inputs[0].offsets.start, inputs[inputs.len() - 1].offsets.end);
        if let Some(trimmed) = trimmed {
            let head = self.metastore.log.trim(partition, Offset(end.0.min(start.0 + trimmed)), self.now).await;
            let of = self.model.partitions.get_mut(&partition).expect("it has extents");
            of.start = head.expect("it is not past the end").start.0;
        }
        let is_trimmed = self.model.partitions[&partition].start >= end.0;
        let swapped = self.metastore.log.swap(&lease, partition, &inputs, &outputs, self.now, GRACE).await;
        assert_eq!(swapped, if is_trimmed { Err(SwapError::Trimmed(partition)) } else { Ok(()) });
        if is_trimmed {
            return;
        }
        self.model.objects.extend(outputs.iter().map(|(extent, _)| extent.object));
        self.swaps.push((partition, inputs, outputs));
    }

    fn output(
        &mut self,
        partition: TopicPartition,
        offsets: &[i64],
        timestamps: (Timestamp, Timestamp),
    ) -> (Extent, NewObject) {
        self.count += 1;
        let object = ObjectId::new(self.now, 2, self.count);
        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
        let extent = Extent {
            offsets: Offset(first)..Offset(last + 1),
            object,
            source: ExtentSource::History { level: 1, file_bytes: 10 * offsets.len() as u64 },
            bytes: 10 * offsets.len() as u64,
            records: offsets.len() as u64,
            timestamps,
        };
        (extent, NewObject { key: object_key::history("x", partition.topic, object), bytes: 500 })
    }

    /// Repeats an earlier swap: it succeeds if its outputs are current, otherwise it is stale, or trimmed if all of it is;
    /// it never changes anything.
    async fn reswap(&mut self, earlier: usize) {
        let Some((partition, inputs, outputs)) = pick(&self.swaps, earlier) else { return };
        let current = self.metastore.log.find(*partition, Offset(0), 1_000).await.expect("extents read");
        let start = self.model.partitions.get(partition).map_or(0, |partition| partition.start);
        let mut above = outputs.iter().filter(|(extent, _)| extent.offsets.end.0 > start).peekable();
        let is_current = above.peek().is_some() && above.all(|(extent, _)| current.contains(extent));
        let lease = self.lease(LeaseKey::Partition(*partition)).await;
        let again = self.metastore.log.swap(&lease, *partition, inputs, outputs, self.now, GRACE).await;
        assert_eq!(
            again,
            if !self.model.partitions.contains_key(partition) {
                Err(SwapError::UnknownPartition(*partition))
            } else if is_current {
                Ok(())
            } else if inputs.iter().all(|input| input.offsets.end.0 <= start) {
                Err(SwapError::Trimmed(*partition))
            } else {
                Err(SwapError::Stale(*partition))
            }
        );
    }

    async fn trim(&mut self, partition: usize, part: u8) {
        let of = self.partition(partition);
        let partition = self.model.partitions.get_mut(&of).expect("it exists");
        let next = partition.records.len() as i64;
        let target = next * i64::from(part) / 240;
        let trimmed = self.metastore.log.trim(of, Offset(target), self.now).await;
        if target > next {
            let refusal = TrimError::OutOfRange { requested: Offset(target), next: Offset(next) };
            assert_eq!(trimmed, Err(refusal));
        } else {
            partition.start = partition.start.max(target);
            assert_eq!(trimmed.map(|head| head.start), Ok(Offset(partition.start)));
        }
    }

    async fn lease(&self, key: LeaseKey) -> Lease {
        fixtures::lease(&self.metastore, key).await
    }

    async fn recreate(&mut self, topic: usize) {
        let old = self.topics[topic];
        self.metastore.topics.delete(old, self.now, GRACE).await.expect("it exists");
        for partition in partitions(old) {
            self.model.partitions.remove(&partition);
        }
        self.deleted.push(old);
        self.topics[topic] = self.create(TOPICS[topic]).await;
    }

    async fn purge(&mut self, limit: usize) {
        let later = self.now.plus(GRACE);
        let due = self.metastore.topics.deleted_due(later, 10).await.expect("deleted topics read");
        let mut expected = self.deleted.clone();
        expected.sort_unstable();
        let mut found: Vec<_> = due.iter().map(|deleted| deleted.topic.id).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        if let Some(oldest) = due.first() {
            let id = oldest.topic.id;
            let lease = self.lease(LeaseKey::Role(MaintenanceRole::Topics)).await;
            if self.metastore.topics.purge(&lease, id, limit, self.now).await.expect("a topic purges") {
                self.deleted.retain(|deleted| *deleted != id);
                for partition in partitions(id) {
                    assert_eq!(self.metastore.log.find(partition, Offset(0), 1).await, Ok(vec![]));
                }
            }
        }
    }

    async fn collect(&mut self, minutes: u8) {
        self.now = self.now.plus_ms(i64::from(minutes) * 60_000);
        let due = self.metastore.objects.retired_due(self.now, 1_000).await.expect("the retire queue reads");
        assert!(due.iter().all(|retired| retired.due <= self.now));
        let ids: Vec<_> = due.iter().map(|retired| retired.id).collect();
        let lease = self.lease(LeaseKey::Role(MaintenanceRole::Retired)).await;
        self.metastore.objects.forget(&lease, &ids).await.expect("objects are forgotten");
        for id in &ids {
            assert!(self.model.objects.remove(id), "only known objects are retired");
        }
        assert_eq!(self.metastore.objects.known(&ids).await, Ok(vec![false; ids.len()]));
    }

    /// Retires all objects without references, as the compactor does all the time.
    async fn retire(&self) {
        let lease = self.lease(LeaseKey::Role(MaintenanceRole::Retired)).await;
        while !self.metastore.objects.retire_released(&lease, self.now, GRACE).await.expect("a step runs").done {}
    }

    async fn check(&mut self) {
        self.retire().await;
        let deleted: Vec<_> = self.deleted.iter().flat_map(|id| partitions(*id)).collect();
        invariants::check(&self.metastore, &self.model, &mut self.follower, &deleted).await;
    }

    /// Deletes all topics: no object may be left.
    async fn finish(mut self) {
        for topic in 0..TOPICS.len() {
            self.recreate(topic).await;
        }
        while !self.deleted.is_empty() {
            self.purge(3).await;
            self.check().await;
        }
        self.now = self.now.plus(GRACE);
        self.collect(0).await;
        assert!(self.model.objects.is_empty(), "no object lives for ever unreferenced");
    }
}

fn partitions(topic: TopicId) -> impl Iterator<Item = TopicPartition> {
    (0..PARTITIONS).map(move |n| TopicPartition::new(topic, PartitionIndex(n)))
}

fn pick<T>(of: &[T], n: usize) -> Option<&T> {
    of.get(n.checked_rem(of.len())?)
}
