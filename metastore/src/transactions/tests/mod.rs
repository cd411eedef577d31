mod several_agents;
mod several_ends;

use std::time::Duration;

use alluvium_model::{
    Extent, ExtentSource, ObjectId, Offset, PartitionIndex, ProducerId, Sequence, Timestamp, TopicPartition,
    group::GroupId,
    limits::{TRANSACTION_GROUPS_MAX, TRANSACTION_MEMBERS_MAX},
    log::{
        BatchCommit, BatchRejection, CommitLimits, ProducerBatch, RunCommit, SegmentCommit,
        transaction_end::{AbortedTransaction, MARKER_BYTES},
    },
    transaction::{
        End, Init, Status, TransactionError, TransactionVersion, TransactionalId, TransactionalProducer, Verdict,
    },
};

use super::{EndRequest, OpenTransaction, TransactionFailure, TransactionOffsets};
use crate::{
    Metastore,
    feed::{FeedEntry, FeedPosition},
    fixtures,
    groups::Fence,
    kv::KvFaults,
    leases::{Lease, LeaseKey},
    offsets::tests as offsets,
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const TIMEOUT: Duration = Duration::from_secs(60);
const FRESH: ProducerId = ProducerId(7);
const OTHER: ProducerId = ProducerId(8);

struct World {
    metastore: Metastore,
    partitions: Vec<TopicPartition>,
    segments: u64,
}

fn id(text: &str) -> TransactionalId {
    TransactionalId::new(text).unwrap()
}

fn producer(id: i64, epoch: i16) -> TransactionalProducer {
    TransactionalProducer::from_raw(id, epoch)
}

/// A batch of two records, the number `number` of `by` in a partition.
fn batch(by: TransactionalProducer, version: TransactionVersion, number: i32) -> BatchCommit {
    let (first, last) = (Sequence(2 * number), Sequence(2 * number + 1));
    BatchCommit {
        records: 2,
        bytes: 100,
        timestamps: (NOW, NOW),
        producer: Some(ProducerBatch { id: by.id, epoch: by.epoch, first, last }),
        transactional: Some(version),
    }
}

impl World {
    async fn new() -> Self {
        Self::on(fixtures::memory().await).await
    }

    async fn with(faults: KvFaults) -> Self {
        Self::on(fixtures::open(faults).await).await
    }

    async fn on(metastore: Metastore) -> Self {
        let topic = fixtures::topic(&metastore, "topic", 2, NOW).await;
        Self { metastore, partitions: topic.all_partitions().collect(), segments: 0 }
    }

    async fn init(&self, name: &str, fresh: ProducerId) -> TransactionalProducer {
        let request = Init { expected: None, timeout: TIMEOUT };
        self.metastore.transactions.init(&id(name), request, fresh, NOW).await.unwrap()
    }

    /// Writes a batch of two records, the number `number` of `by` in the partition.
    async fn write(
        &mut self,
        by: TransactionalProducer,
        version: TransactionVersion,
        partition: usize,
        number: i32,
    ) -> Result<Offset, BatchRejection> {
        self.segments += 1;
        let batch = batch(by, version, number);
        let run = RunCommit { partition: self.partitions[partition], position: 0..100, batches: vec![batch] };
        let segment = SegmentCommit { object: ObjectId::new(NOW, 1, self.segments), bytes: 200, runs: vec![run] };
        let outcomes = self.metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
        outcomes[0].runs[0].batches[0].map(|ack| ack.base)
    }

    async fn end(
        &self,
        name: &str,
        by: TransactionalProducer,
        verdict: Verdict,
        version: TransactionVersion,
    ) -> Result<TransactionalProducer, TransactionFailure> {
        let end = End { producer: by, verdict, version };
        let request = EndRequest { id: id(name), end, fresh: OTHER };
        self.metastore.transactions.end_first(&[request], || NOW).await?.remove(0)
    }

    /// The stable offset and the end of a partition.
    async fn head(&self, partition: usize) -> (i64, i64) {
        let head = self.metastore.log.head(self.partitions[partition]).await.unwrap().unwrap();
        (head.stable.0, head.next.0)
    }

    async fn aborted(&self, partition: usize) -> Vec<AbortedTransaction> {
        self.metastore.log.find_with_aborted(self.partitions[partition], Offset(0), 100).await.unwrap().aborted
    }

    async fn newest(&self, partition: usize) -> Extent {
        self.metastore.log.find(self.partitions[partition], Offset(0), 100).await.unwrap().pop().unwrap()
    }
}

#[tokio::test]
async fn records_are_stable_once_their_transaction_has_ended() {
    use TransactionVersion::V2;
    let mut world = World::new().await;
    let by = world.init("a", FRESH).await;
    assert_eq!(by, producer(7, 0));
    assert_eq!(world.write(by, V2, 0, 0).await, Ok(Offset(0)));
    assert_eq!(world.write(by, V2, 0, 1).await, Ok(Offset(2)));
    assert_eq!(world.write(by, V2, 1, 0).await, Ok(Offset(0)));
    assert_eq!((world.head(0).await, world.head(1).await), ((0, 4), (0, 2)));

    let next = world.end("a", by, Verdict::Commit, V2).await.unwrap();
    assert_eq!(next, producer(7, 1));
    assert_eq!((world.head(0).await, world.head(1).await), ((5, 5), (3, 3)));
    assert_eq!(world.aborted(0).await, []);
    let marker = world.newest(0).await;
    assert_eq!(marker.source, ExtentSource::Marker { producer: next, verdict: Verdict::Commit });
    assert_eq!((marker.offsets, marker.bytes, marker.records), (Offset(4)..Offset(5), MARKER_BYTES, 0));

    let feed = world.metastore.feed.read(&FeedPosition::START, 100).await.unwrap();
    let Some((_, FeedEntry::TransactionEnd { partitions })) = feed.last() else { panic!("{feed:?}") };
    let stable: Vec<_> = partitions.iter().map(|end| (end.partition, end.stable)).collect();
    assert_eq!(stable, [(world.partitions[0], Offset(5)), (world.partitions[1], Offset(3))]);
}

#[tokio::test]
async fn what_is_aborted_is_indexed_and_other_open_transactions_hold_the_stable_offset() {
    use TransactionVersion::V2;
    let mut world = World::new().await;
    let (a, b) = (world.init("a", FRESH).await, world.init("b", OTHER).await);
    world.write(a, V2, 0, 0).await.unwrap();
    world.write(b, V2, 0, 0).await.unwrap();
    world.end("a", a, Verdict::Abort, V2).await.unwrap();
    assert_eq!(world.head(0).await, (2, 5), "that of b begins at 2");
    let aborted = AbortedTransaction { producer: a.id, first: Offset(0), last: Offset(4) };
    assert_eq!(world.aborted(0).await, [aborted]);
    world.end("b", b, Verdict::Abort, V2).await.unwrap();
    assert_eq!(world.head(0).await, (6, 6));
    let other = AbortedTransaction { producer: b.id, first: Offset(2), last: Offset(5) };
    assert_eq!(world.aborted(0).await, [aborted, other]);
    let of = |range| world.metastore.log.aborted(world.partitions[0], range);
    assert_eq!(of(Offset(0)..Offset(2)).await.unwrap(), [aborted]);
    assert_eq!(of(Offset(5)..Offset(6)).await.unwrap(), [other]);
}

#[tokio::test]
async fn a_batch_after_the_end_or_of_a_fenced_epoch_is_rejected() {
    use TransactionVersion::{V1, V2};
    let mut world = World::new().await;
    let by = world.init("a", FRESH).await;
    assert_eq!(world.write(by, V1, 0, 0).await, Err(BatchRejection::NotInTransaction));
    let partition = world.partitions[0];
    world.metastore.transactions.add(&id("a"), by, &[partition], &[], NOW).await.unwrap();
    assert_eq!(world.write(by, V1, 0, 0).await, Ok(Offset(0)));
    world.end("a", by, Verdict::Commit, V1).await.unwrap();
    assert_eq!(world.write(by, V1, 0, 1).await, Err(BatchRejection::NotInTransaction));
    let next = world.init("a", OTHER).await;
    assert_eq!(next, producer(7, 1));
    for version in [V1, V2] {
        let fenced = Err(BatchRejection::FencedEpoch { current: next.epoch });
        assert_eq!(world.write(by, version, 0, 1).await, fenced);
    }
    assert_eq!(world.write(producer(99, 0), V2, 0, 0).await, Err(BatchRejection::UnknownTransactionalProducer));
    assert_eq!(world.head(0).await, (3, 3));
}

#[tokio::test]
async fn who_takes_an_id_over_aborts_its_open_transaction_in_the_same_step() {
    use TransactionVersion::V2;
    let mut world = World::new().await;
    let by = world.init("a", FRESH).await;
    world.write(by, V2, 0, 0).await.unwrap();
    let next = world.init("a", OTHER).await;
    assert_eq!(next, producer(7, 1));
    assert_eq!((world.head(0).await, world.aborted(0).await.len()), ((3, 3), 1));
    let refused = world.end("a", by, Verdict::Commit, V2).await;
    assert_eq!(refused, Err(TransactionFailure::Refused(TransactionError::Fenced { current: next })));
}

#[tokio::test]
async fn a_transaction_that_times_out_is_found_by_its_deadline() {
    use TransactionVersion::V2;
    let mut world = World::new().await;
    let by = world.init("a", FRESH).await;
    world.write(by, V2, 0, 0).await.unwrap();
    let transactions = world.metastore.transactions.clone();
    let deadline = NOW.plus(TIMEOUT);
    assert_eq!(transactions.due(None, deadline.plus_ms(-1)).await.unwrap(), []);
    assert_eq!(transactions.due(None, deadline).await.unwrap(), [(deadline, by.id)]);
    assert_eq!(transactions.due(Some((deadline, by.id)), deadline).await.unwrap(), []);
    let open = transactions.open(10).await.unwrap();
    assert_eq!(open, [OpenTransaction { producer: by.id, since: NOW, deadline }]);
    assert_eq!(transactions.find_of(by.id).await.unwrap().unwrap().id, id("a"));
    assert!(!transactions.expire(by.id, OTHER, deadline.plus_ms(-1)).await.unwrap());
    assert!(transactions.expire(by.id, OTHER, deadline).await.unwrap());
    assert_eq!(transactions.due(None, deadline).await.unwrap(), []);
    assert_eq!(transactions.open(10).await.unwrap(), []);
    assert_eq!(world.head(0).await, (3, 3));
    let stored = transactions.find(&id("a")).await.unwrap().unwrap();
    assert_eq!((stored.state.producer, stored.state.status), (producer(7, 1), Status::Ended(Verdict::Abort)));
}

#[tokio::test(start_paused = true)]
async fn an_end_whose_result_is_unknown_happens_once() {
    for seed in 0..30 {
        let faults = KvFaults { seed, unknown_per_mille: 500, ..KvFaults::default() };
        let mut world = World::with(faults).await;
        let mut by = world.init("a", FRESH).await;
        for round in 0..4 {
            let (version, verdict) = if round % 2 == 0 {
                (TransactionVersion::V2, Verdict::Commit)
            } else {
                (TransactionVersion::V2, Verdict::Abort)
            };
            world.write(by, version, 0, 0).await.unwrap();
            by = world.end("a", by, verdict, version).await.unwrap();
            let expected = 3 * (round + 1);
            assert_eq!(world.head(0).await, (expected, expected), "seed {seed}");
        }
        assert_eq!(world.aborted(0).await.len(), 2, "seed {seed}");
    }
}

/// A group without members, as a simple consumer uses one: what its commits are fenced by.
async fn group(world: &World) -> (Lease, GroupId, Fence) {
    let group = offsets::group("group");
    let lease = fixtures::lease(&world.metastore, LeaseKey::Group(group.clone())).await;
    let fence = world.metastore.groups.save(&lease, &group, None, 1, &offsets::simple(), NOW).await.unwrap();
    (lease, group, fence)
}

#[tokio::test]
async fn offsets_are_committed_with_the_transaction_and_dropped_with_it() {
    use TransactionVersion::{V1, V2};
    let world = World::new().await;
    let (lease, group, fence) = group(&world).await;
    let by = world.init("a", FRESH).await;
    let partition = world.partitions[0];
    let transactions = &world.metastore.transactions;
    let commit = async |by, version, offset| {
        let offsets = &[(partition, offsets::row(offset))];
        let pending = TransactionOffsets { id: &id("a"), producer: by, version, group: &group, offsets };
        transactions.commit_offsets(&lease, fence, pending, NOW).await
    };
    let committed = async || {
        let found = world.metastore.offsets.fetch(&group, &[partition]).await.unwrap();
        found[0].as_ref().map(|row| row.offset.0)
    };
    assert!(matches!(commit(by, V1, 1).await, Err(TransactionFailure::Refused(TransactionError::InvalidState(_)))));
    commit(by, V2, 5).await.unwrap();
    commit(by, V2, 6).await.unwrap();
    assert_eq!(committed().await, None);
    assert_eq!(world.metastore.offsets.pending(&group).await.unwrap(), [partition]);
    let by = world.end("a", by, Verdict::Commit, V2).await.unwrap();
    assert_eq!(committed().await, Some(6));
    assert_eq!(world.metastore.offsets.pending(&group).await.unwrap(), []);
    commit(by, V2, 9).await.unwrap();
    let next = world.end("a", by, Verdict::Abort, V2).await.unwrap();
    assert_eq!((committed().await, world.metastore.offsets.pending(&group).await.unwrap()), (Some(6), vec![]));
    let refused = Err(TransactionFailure::Refused(TransactionError::Fenced { current: next }));
    assert_eq!(commit(by, V2, 10).await, refused);
}

#[tokio::test]
async fn ids_are_listed_and_forgotten_when_they_are_idle() {
    let world = World::new().await;
    world.init("a", FRESH).await;
    world.init("b", OTHER).await;
    let transactions = &world.metastore.transactions;
    let first = transactions.list(None, 1).await.unwrap();
    assert_eq!((first.transactions.len(), first.next), (1, Some(FRESH)));
    let second = transactions.list(first.next, 10).await.unwrap();
    assert_eq!((second.transactions[0].id.clone(), second.next), (id("b"), None));
    let lease = fixtures::lease(&world.metastore, LeaseKey::Partition(world.partitions[0])).await;
    let later = NOW.plus_ms(1_001);
    let forgotten = transactions.forget_idle(&lease, None, later, Duration::from_secs(1)).await.unwrap();
    assert_eq!(forgotten, (None, 2));
    assert_eq!(transactions.find(&id("a")).await.unwrap(), None);
}

#[tokio::test]
async fn a_transaction_takes_no_more_partitions_and_groups_than_it_may_have() {
    let world = World::new().await;
    let by = world.init("a", FRESH).await;
    let transactions = &world.metastore.transactions;
    let partition = |n: u32| TopicPartition { partition: PartitionIndex(n.cast_signed()), ..world.partitions[0] };
    let partitions: Vec<_> = (0..TRANSACTION_MEMBERS_MAX).map(partition).collect();
    // The same ones many times are only so many.
    let repeated: Vec<_> = partitions.iter().chain(&partitions).copied().collect();
    transactions.add(&id("a"), by, &repeated, &[], NOW).await.unwrap();
    transactions.add(&id("a"), by, &partitions, &[], NOW).await.unwrap();
    let too_large = |members| Err(TransactionFailure::Refused(TransactionError::TooLarge { members }));
    let one_more = [partition(TRANSACTION_MEMBERS_MAX)];
    assert_eq!(transactions.add(&id("a"), by, &one_more, &[], NOW).await, too_large(TRANSACTION_MEMBERS_MAX));
    let all: Vec<_> = (0..=TRANSACTION_MEMBERS_MAX).map(partition).collect();
    assert_eq!(transactions.add(&id("a"), by, &all, &[], NOW).await, too_large(0));
    let by = world.end("a", by, Verdict::Abort, TransactionVersion::V2).await.unwrap();
    let groups: Vec<_> = (0..=TRANSACTION_GROUPS_MAX).map(|n| GroupId::new(&format!("g{n}")).unwrap()).collect();
    assert!(transactions.add(&id("a"), by, &[], &groups, NOW).await.is_err());
    transactions.add(&id("a"), by, &[], &groups[1..], NOW).await.unwrap();
}

/// Another producer takes over between two attempts at a commit, the first of which was made with an unknown result.
#[tokio::test(start_paused = true)]
async fn a_commit_that_was_made_is_not_refused_because_another_producer_has_taken_over() {
    let world = World::with(KvFaults { unknown_per_mille: 500, ..KvFaults::none() }).await;
    let transactions = &world.metastore.transactions;
    let mut taken_over_between = 0;
    for number in 0..100 {
        let name = id(&format!("t{number}"));
        let by = world.init(name.as_str(), ProducerId(1_000 + number)).await;
        transactions.add(&name, by, &world.partitions, &[], NOW).await.unwrap();
        let answered = std::cell::Cell::new(false);
        let commit = async {
            let answer = world.end(name.as_str(), by, Verdict::Commit, TransactionVersion::V2).await;
            answered.set(true);
            answer
        };
        let take_over = async {
            while !answered.get() {
                let state = transactions.find(&name).await.unwrap().unwrap().state;
                if state.status == Status::Ended(Verdict::Commit) && !answered.get() {
                    world.init(name.as_str(), OTHER).await;
                    return !answered.get();
                }
                tokio::time::sleep(Duration::from_micros(10)).await;
            }
            false
        };
        let (answer, is_between) = tokio::join!(commit, take_over);
        taken_over_between += u32::from(is_between);
        if let Err(failure) = answer {
            assert!(!matches!(failure, TransactionFailure::Refused(_)), "number {number}: {failure}");
        }
    }
    assert!(taken_over_between > 5, "the test shows nothing: {taken_over_between}");
}
