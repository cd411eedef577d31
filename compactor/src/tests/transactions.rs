//! Transactions: history holds what is committed, and nothing of what is not.

use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_metastore::transactions::EndRequest;
use alluvium_model::transaction::{End, Init, TransactionVersion, TransactionalId, TransactionalProducer, Verdict};
use alluvium_model::{ExtentSource, Offset, ProducerId};
use alluvium_runtime::Clock;

use super::drafts::{DraftBatch, drafts};
use super::shared_files::{check, kinds, sharing};
use super::world::{World, config};

/// A transactional producer of a test.
struct Writer {
    id: TransactionalId,
    producer: TransactionalProducer,
    /// Records that it has written in each partition in this transaction.
    written: [i32; 4],
    batches: u64,
}

impl Writer {
    async fn new(world: &World, name: &str, fresh: i64) -> Self {
        let id = TransactionalId::new(name).unwrap();
        let request = Init { expected: None, timeout: Duration::from_secs(60) };
        let init = world.metastore.transactions.init(&id, request, ProducerId(fresh), world.clock.now());
        Self { producer: init.await.unwrap(), id, written: [0; 4], batches: 0 }
    }

    /// A batch of three records in a transaction.
    fn batch(&mut self, partition: usize) -> DraftBatch {
        let sequence = self.written[partition];
        self.written[partition] += 3;
        self.batches += 1;
        let seed = self.producer.id.0.unsigned_abs() * 1_000 + self.batches;
        DraftBatch { transaction: Some((self.producer, sequence)), ..drafts(3, 200, seed) }
    }

    async fn end(&mut self, world: &World, verdict: Verdict) {
        let end = End { producer: self.producer, verdict, version: TransactionVersion::V2 };
        let request = EndRequest { id: self.id.clone(), end, fresh: ProducerId(99) };
        let answers = world.metastore.transactions.end_first(&[request], || world.clock.now()).await.unwrap();
        (self.producer, self.written) = (answers[0].clone().unwrap(), [0; 4]);
    }
}

/// Forgets what the producer has written at `offsets` of a partition: it was aborted.
fn forget(world: &mut World, partition: i32, offsets: std::ops::Range<i64>) {
    let partition = world.partition(partition);
    let records = world.acknowledged.get_mut(&partition).expect("known");
    records.retain(|record| !offsets.contains(&record.offset.0));
}

#[tokio::test(start_paused = true)]
async fn history_has_the_records_of_committed_transactions_only() {
    let mut world = World::new(2, &[("retention.ms", "-1")], KvFaults::none()).await;
    let (mut a, mut b) = (Writer::new(&world, "a", 1_007).await, Writer::new(&world, "b", 1_008).await);
    // Offsets 0 to 3 of both partitions: a, committed. Marker at 9 and at 3.
    world.commit(vec![(0, vec![a.batch(0)]), (1, vec![a.batch(1)])]).await;
    // 3 to 6: b, aborted with the marker at 13. 6 to 9: plain.
    world.commit(vec![(0, vec![b.batch(0), drafts(3, 200, 5)])]).await;
    a.end(&world, Verdict::Commit).await;
    // 10 to 13: b.
    world.commit(vec![(0, vec![b.batch(0)])]).await;
    b.end(&world, Verdict::Abort).await;
    forget(&mut world, 0, 3..6);
    forget(&mut world, 0, 10..13);
    // 14 to 17: b, open. 17 to 20: plain, not stable.
    world.commit(vec![(0, vec![b.batch(0)])]).await;
    world.commit(vec![(0, vec![drafts(3, 200, 6)])]).await;

    let report = world.compactor(config()).run_once().await;
    assert_eq!(report.failures, Vec::<String>::new());
    assert_eq!(report.records_written, 3 + 3 + 3);
    let sources = async |world: &World, partition| {
        let extents = world.metastore.log.find(world.partition(partition), Offset(0), 100).await.unwrap();
        let kind = |source: &ExtentSource| match source {
            ExtentSource::Segment { .. } => 'S',
            ExtentSource::Marker { .. } => 'M',
            ExtentSource::HistoryV1 { .. } | ExtentSource::History { .. } => 'H',
        };
        extents.iter().map(|extent| kind(&extent.source)).collect::<String>()
    };
    assert_eq!((sources(&world, 0).await.as_str(), sources(&world, 1).await.as_str()), ("HSS", "H"));
    world.check().await;

    b.end(&world, Verdict::Commit).await;
    assert_eq!(world.compactor(config()).run_once().await.failures, Vec::<String>::new());
    assert_eq!(sources(&world, 0).await, "HH");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn markers_alone_become_history_without_records() {
    let mut world = World::new(1, &[("retention.ms", "-1")], KvFaults::none()).await;
    let mut writer = Writer::new(&world, "a", 1_007).await;
    world.commit(vec![(0, vec![writer.batch(0)])]).await;
    writer.end(&world, Verdict::Abort).await;
    forget(&mut world, 0, 0..3);
    let report = world.compactor(config()).run_once().await;
    assert_eq!((report.failures, report.records_written, report.files_written), (Vec::new(), 0, 1));
    world.check().await;
    // A marker whose records were compacted before it.
    world.commit(vec![(0, vec![writer.batch(0)])]).await;
    writer.end(&world, Verdict::Commit).await;
    for _ in 0..2 {
        assert_eq!(world.compactor(config()).run_once().await.failures, Vec::<String>::new());
    }
    let extents = world.metastore.log.find(world.partition(0), Offset(0), 100).await.unwrap();
    assert!(extents.iter().all(|extent| extent.level() > 0), "{extents:?}");
    world.check().await;
}

#[tokio::test(start_paused = true)]
async fn partitions_share_files_without_markers_and_what_was_aborted() {
    let mut world = World::new(4, &[("retention.ms", "-1")], KvFaults::none()).await;
    let (mut a, mut b) = (Writer::new(&world, "a", 1_007).await, Writer::new(&world, "b", 1_008).await);
    for round in 1..=4 {
        let mut starts = Vec::new();
        for number in 0..4 {
            starts.push(world.metastore.log.head(world.partition(number)).await.unwrap().unwrap().next.0);
        }
        // All of partition 0 is committed, the second half of 1, nothing of 2; 3 is not in a transaction.
        let drafts = [vec![a.batch(0)], vec![b.batch(1), a.batch(1)], vec![b.batch(2)], vec![drafts(3, 200, 5)]];
        world.commit((0..).zip(drafts).collect()).await;
        a.end(&world, Verdict::Commit).await;
        b.end(&world, Verdict::Abort).await;
        for number in [1, 2] {
            let start = starts[usize::try_from(number).expect("positive")];
            forget(&mut world, number, start..start + 3);
        }
        let report = world.compactor(sharing()).run_once().await;
        assert_eq!((report.failures, report.files_written), (Vec::new(), if round < 4 { 1 } else { 1 + 1 }));
        check(&world).await;
    }
    // The last round has merged the parts of all.
    for (number, records) in [(0, 12), (1, 12), (2, 0), (3, 12)] {
        let extents = world.extents(world.partition(number)).await;
        assert_eq!((kinds(&world, number).await, extents[0].records), ((1, 0), records), "partition {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn markers_alone_are_a_part_of_a_shared_file() {
    let mut world = World::new(3, &[("retention.ms", "-1")], KvFaults::none()).await;
    let mut writer = Writer::new(&world, "a", 1_007).await;
    world.commit((0..3).map(|number| (number, vec![writer.batch(usize::try_from(number).unwrap())])).collect()).await;
    writer.end(&world, Verdict::Commit).await;
    // The segments of partition 1 are history already, and its marker is not.
    for number in [0, 2] {
        world.commit(vec![(number, vec![writer.batch(usize::try_from(number).unwrap())])]).await;
    }
    world.compactor(sharing()).run_once().await;
    world.commit(vec![(1, vec![writer.batch(1)])]).await;
    writer.end(&world, Verdict::Abort).await;
    for (number, offsets) in [(0, 4..7), (1, 4..7), (2, 4..7)] {
        forget(&mut world, number, offsets);
    }
    let report = world.compactor(sharing()).run_once().await;
    assert_eq!((report.failures, report.records_written, report.files_written), (Vec::new(), 0, 1));
    for number in 0..3 {
        let extents = world.extents(world.partition(number)).await;
        assert!(extents.iter().all(|extent| extent.is_shared()), "{extents:?}");
    }
    check(&world).await;
}
