//! A producer of version 2 sends the first batches of its transaction to several agents at once, which commit them at the
//! same time.

use std::sync::atomic::Ordering;

use futures::future::join_all;

use super::*;
use crate::topics::Topic;

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
    assert!(!transactions.expire(by.id, OTHER, NOW.plus(TIMEOUT - Duration::from_millis(1))).await.unwrap());
    assert!(transactions.expire(by.id, OTHER, NOW.plus(TIMEOUT)).await.unwrap());
    assert_eq!(transactions.due(None, NOW.plus(2 * TIMEOUT)).await.unwrap(), []);
    for partition in topic.all_partitions() {
        assert_eq!(world.metastore.log.head(partition).await.unwrap().unwrap().stable, Offset(3));
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_beside_them_ends_all_of_it_or_nothing() {
    for delay in 0..20 {
        let world = slow().await;
        let topic = fixtures::topic(&world.metastore, "wide", 4, NOW).await;
        let by = world.init("a", FRESH).await;
        let end = async {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            world.end("a", by, Verdict::Commit, V2).await
        };
        let partitions: Vec<_> = topic.all_partitions().collect();
        let writes = join_all(partitions.iter().enumerate().map(async |(agent, partition)| {
            let segment = segment(by, agent, &[*partition]);
            let outcomes = world.metastore.log.commit(&[segment], || NOW, &CommitLimits::default()).await.unwrap();
            outcomes[0].runs[0].batches[0].is_ok()
        }));
        let (ended, written) = tokio::join!(end, writes);
        let state = world.metastore.transactions.find(&id("a")).await.unwrap().unwrap().state;
        assert_eq!(state.open_since().is_some(), ended.is_err() && written.contains(&true), "{delay}: {state:?}");
        for (partition, written) in partitions.iter().zip(written) {
            let head = world.metastore.log.head(*partition).await.unwrap().unwrap();
            let expected = match (written, ended.is_ok()) {
                (true, true) => (3, 3),
                (true, false) => (0, 2),
                (false, _) => (0, 0),
            };
            assert_eq!((head.stable.0, head.next.0), expected, "{delay}");
        }
    }
}

/// An agent does not see what others add at the same time.
#[tokio::test(start_paused = true)]
async fn what_they_add_beyond_the_limit_together_is_ended_too() {
    let world = slow().await;
    let partitions = i32::try_from(TRANSACTION_MEMBERS_MAX as usize / 2 * AGENTS).unwrap();
    let topic = fixtures::topic(&world.metastore, "wide", partitions, NOW).await;
    let by = world.init("a", FRESH).await;
    write(&world, by, &topic, Duration::ZERO).await;
    world.end("a", by, Verdict::Abort, V2).await.unwrap();
    for partition in topic.all_partitions() {
        assert_eq!(world.metastore.log.head(partition).await.unwrap().unwrap().stable, Offset(3));
    }
}
