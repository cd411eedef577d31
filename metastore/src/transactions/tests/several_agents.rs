//! A producer of version 2 sends the first batches of its transaction to several agents at once, which commit them at the
//! same time.

use std::sync::atomic::Ordering;

use futures::future::join_all;

use super::*;
use crate::{leases::MaintenanceRole, topics::Topic};
use alluvium_model::limits::TRANSACTION_MEMBERS_UNSEEN_MAX;
use alluvium_runtime::{Rng, SeededRng};

const V2: TransactionVersion = TransactionVersion::V2;
const AGENTS: usize = 4;

/// A store whose operations take time, so that transactions overlap.
async fn slow() -> World {
    World::with(KvFaults { latency_max: Duration::from_millis(5), ..KvFaults::none() }).await
}

/// The segment that `agent` commits: the first batch of `by` in each of `partitions`.
fn segment(by: TransactionalProducer, agent: usize, partitions: &[TopicPartition]) -> SegmentCommit {
    let run = |(n, partition): (u64, &TopicPartition)| RunCommit {
        partition: *partition,
        position: 100 * n..100 * (n + 1),
        batches: vec![batch(by, V2, 0)],
    };
    let object = ObjectId::new(NOW, u32::try_from(agent).unwrap(), by.epoch.0.unsigned_abs().into());
    SegmentCommit { object, bytes: 1_000, runs: (0..).zip(partitions).map(run).collect() }
}

/// Each agent commits the first batches in its part of the partitions of `topic`, `apart` after the agent before.
async fn write(world: &World, by: TransactionalProducer, topic: &Topic, apart: Duration) {
    let partitions: Vec<_> = topic.all_partitions().collect();
    let parts = partitions.chunks(partitions.len() / AGENTS).enumerate();
    join_all(parts.map(async |(agent, partitions)| {
        let number = u32::try_from(agent).unwrap();
        let segment = segment(by, agent, partitions);
        let now = || NOW.plus(apart * number);
        let outcomes = world.metastore.log.commit(&[segment], now, &CommitLimits::default()).await.unwrap();
        assert!(outcomes[0].runs.iter().all(|run| run.batches[0].is_ok()), "agent {agent}");
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn their_commits_do_not_conflict_and_belong_to_one_transaction() {
    let world = slow().await;
    let topic = fixtures::topic(&world.metastore, "wide", 12, NOW).await;
    let transactions = &world.metastore.transactions;
    let conflicts = || world.metastore.db.metrics().conflicts.load(Ordering::Relaxed);
    let mut by = world.init("a", FRESH).await;
    let before = conflicts();
    for round in 0..10 {
        write(&world, by, &topic, Duration::from_millis(1)).await;
        assert_eq!(conflicts() - before, 0, "round {round}");
        let state = transactions.find(&id("a")).await.unwrap().unwrap().state;
        assert_eq!((state.status, state.members), (Status::Ongoing { since: NOW }, 12));
        assert_eq!(state.previous, None, "the client knows its epoch");
        let listed = transactions.list(None, 10).await.unwrap().transactions;
        assert_eq!(listed[0].state, state);
        let open = OpenTransaction { producer: by.id, since: NOW, deadline: NOW.plus(TIMEOUT) };
        assert_eq!(transactions.open(10).await.unwrap(), [open], "one, whoever began it");

        by = world.end("a", by, Verdict::Commit, V2).await.unwrap();
        assert_eq!(transactions.open(10).await.unwrap(), []);
        assert_eq!(transactions.due(None, NOW.plus(2 * TIMEOUT)).await.unwrap(), [], "no deadline is left");
        let state = transactions.find(&id("a")).await.unwrap().unwrap().state;
        assert_eq!((state.status, state.members), (Status::Ended(Verdict::Commit), 0));
    }
    for partition in topic.all_partitions() {
        let head = world.metastore.log.head(partition).await.unwrap().unwrap();
        assert_eq!((head.stable, head.next), (Offset(30), Offset(30)), "two records and a marker each");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_of_whoever_began_first_counts() {
    let world = slow().await;
    let topic = fixtures::topic(&world.metastore, "wide", 4, NOW).await;
    let transactions = &world.metastore.transactions;
    let first = world.init("a", FRESH).await;
    let by = world.end("a", first, Verdict::Abort, V2).await.unwrap();
    write(&world, by, &topic, Duration::from_secs(1)).await;
    assert_eq!(transactions.due(None, NOW.plus(TIMEOUT)).await.unwrap(), [(NOW.plus(TIMEOUT), by.id)]);
    let stored = transactions.find(&id("a")).await.unwrap().unwrap();
    assert_eq!(stored.begun.len(), AGENTS, "each has begun it");
    assert!(!transactions.expire(by.id, OTHER, NOW.plus(TIMEOUT - Duration::from_millis(1))).await.unwrap());
    assert!(transactions.expire(by.id, OTHER, NOW.plus(TIMEOUT)).await.unwrap());
    assert_eq!(transactions.due(None, NOW.plus(2 * TIMEOUT)).await.unwrap(), []);
    for partition in topic.all_partitions() {
        assert_eq!(world.metastore.log.head(partition).await.unwrap().unwrap().stable, Offset(3));
    }
}

/// What ends a transaction, or its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Commit,
    Abort,
    TakeOver,
    Timeout,
    Forget,
}

impl Ending {
    /// Whether it took effect: no batch of `by` may be appended after that.
    async fn make(self, world: &World, by: TransactionalProducer, lease: &Lease) -> bool {
        let transactions = &world.metastore.transactions;
        match self {
            Self::Commit => world.end("a", by, Verdict::Commit, V2).await.is_ok(),
            Self::Abort => world.end("a", by, Verdict::Abort, V2).await.is_ok(),
            Self::TakeOver => world.init("a", OTHER).await != by,
            Self::Timeout => transactions.expire(by.id, OTHER, NOW.plus(2 * TIMEOUT)).await.unwrap(),
            Self::Forget => {
                let later = NOW.plus(Duration::from_secs(10));
                transactions.forget_idle(lease, None, later, Duration::from_secs(1)).await.unwrap().1 > 0
            }
        }
    }
}

/// First batches through four agents, each in as many partitions of its own as `each`, beside `ending`. Returns whether
/// that took effect, and through how many agents batches were appended.
async fn beside(ending: Ending, seed: u64, each: usize) -> (bool, usize) {
    let rng = SeededRng::new(seed);
    let pause = || Duration::from_millis(rng.next_u64() % 25);
    let world = World::with(KvFaults { seed, latency_max: Duration::from_millis(5), ..KvFaults::none() }).await;
    let topic = fixtures::topic(&world.metastore, "wide", i32::try_from(AGENTS * each).unwrap(), NOW).await;
    let lease = fixtures::lease(&world.metastore, LeaseKey::Role(MaintenanceRole::Producers)).await;
    let by = world.init("a", FRESH).await;
    let partitions: Vec<_> = topic.all_partitions().collect();
    let (first, second) = (pause(), pause());
    let writes = join_all(partitions.chunks(each).enumerate().map(async |(agent, partitions)| {
        tokio::time::sleep(if agent % 2 == 0 { first } else { second }).await;
        let segment = segment(by, agent, partitions);
        let outcomes = world.metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
        outcomes[0].runs[0].batches[0].is_ok()
    }));
    let ending = async {
        tokio::time::sleep(pause()).await;
        ending.make(&world, by, &lease).await
    };
    let (ended, written) = tokio::join!(ending, writes);

    let transactions = &world.metastore.transactions;
    let is_open = !ended && written.contains(&true);
    let state = transactions.find(&id("a")).await.unwrap().map(|stored| stored.state);
    assert_eq!(state.is_some_and(|state| state.open_since().is_some()), is_open, "{state:?}");
    assert_eq!(transactions.open(10).await.unwrap().len(), usize::from(is_open));
    assert_eq!(transactions.due(None, NOW.plus(2 * TIMEOUT)).await.unwrap().is_empty(), !is_open);
    let members = transactions.partitions(by.id).await.unwrap().len();
    let appended = written.iter().filter(|written| **written).count();
    assert_eq!(members, if is_open { appended * each } else { 0 });
    for (number, partition) in partitions.iter().enumerate() {
        let written = written[number / each];
        let head = world.metastore.log.head(*partition).await.unwrap().unwrap();
        let expected = match (written, is_open) {
            (true, false) => (3, 3),
            (true, true) => (0, 2),
            (false, _) => (0, 0),
        };
        assert_eq!((head.stable.0, head.next.0), expected);
    }
    (ended, appended)
}

#[tokio::test(start_paused = true)]
async fn what_ends_a_transaction_beside_them_ends_all_of_it_or_nothing() {
    use Ending::{Abort, Commit, Forget, TakeOver, Timeout};
    for ending in [Commit, Abort, TakeOver, Timeout, Forget] {
        let mut seen = [0; 4];
        for seed in 0..150 {
            // What belongs to the transaction is read with its state, or by itself because it is much.
            let each = if seed % 10 == 0 { 20 } else { 1 };
            let (ended, appended) = beside(ending, seed, each).await;
            let outcome = match (ended, appended) {
                (false, _) => 0,
                (true, 0) => 1,
                (true, AGENTS) => 3,
                (true, _) => 2,
            };
            seen[outcome] += 1;
        }
        println!("{ending:?}: not ended, ended with none, some, all of the batches: {seen:?}");
        assert!(seen[2] > 0 || ending == Forget, "{ending:?} beside the batches: {seen:?}");
        assert!(seen[3] > 0 || ending == Forget, "{ending:?} after the batches: {seen:?}");
        assert!(seen[1] > 0 || matches!(ending, Commit | Timeout), "{ending:?} before the batches: {seen:?}");
    }
}

/// An agent does not see what others add at the same time, if it is little.
#[tokio::test(start_paused = true)]
async fn what_they_add_beyond_the_limit_together_is_ended_too() {
    let world = slow().await;
    let (agents, each) = (6, TRANSACTION_MEMBERS_UNSEEN_MAX / 2);
    let partitions = i32::try_from(agents * each).unwrap();
    let topic = fixtures::topic(&world.metastore, "wide", partitions, NOW).await;
    let by = world.init("a", FRESH).await;
    let added = added(&world, by, &topic, agents as usize).await;
    assert_eq!(added, agents * each, "more than {TRANSACTION_MEMBERS_MAX}");
    world.end("a", by, Verdict::Abort, V2).await.unwrap();
    for partition in topic.all_partitions() {
        assert_eq!(world.metastore.log.head(partition).await.unwrap().unwrap().stable, Offset(3));
    }
}

#[tokio::test(start_paused = true)]
async fn if_each_adds_much_they_keep_to_the_limit() {
    let world = slow().await;
    let (agents, each) = (4, TRANSACTION_MEMBERS_UNSEEN_MAX + 1);
    let topic = fixtures::topic(&world.metastore, "wide", i32::try_from(agents * each).unwrap(), NOW).await;
    let by = world.init("a", FRESH).await;
    assert_eq!(added(&world, by, &topic, agents as usize).await, TRANSACTION_MEMBERS_MAX);
}

/// Partitions in which a batch is appended, if `agents` share those of `topic`.
async fn added(world: &World, by: TransactionalProducer, topic: &Topic, agents: usize) -> u32 {
    let partitions: Vec<_> = topic.all_partitions().collect();
    let parts = partitions.chunks(partitions.len() / agents).enumerate();
    let appended = join_all(parts.map(async |(agent, partitions)| {
        let segment = segment(by, agent, partitions);
        let outcomes = world.metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
        outcomes[0].runs.iter().filter(|run| run.batches[0].is_ok()).count()
    }))
    .await;
    u32::try_from(appended.into_iter().sum::<usize>()).unwrap()
}
