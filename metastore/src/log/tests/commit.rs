use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use alluvium_model::{
    ObjectId, Offset, ProducerEpoch, ProducerId, Sequence, Timestamp,
    limits::{COMMIT_AGE_MAX, TRANSACTION_BYTES_TARGET},
    log::{BatchAck, BatchRejection, CommitLimits, ProducerBatch, SegmentCommit, SegmentOutcome},
};

use super::{NOW, store, unknown};
use crate::{
    Metastore,
    feed::{FeedEntry, FeedPosition},
    fixtures::{self, lease, segment},
    kv::KvFaults,
    leases::{LeaseKey, MaintenanceRole},
    log::LogError,
};

async fn commit(metastore: &Metastore, segments: &[SegmentCommit]) -> Result<Vec<SegmentOutcome>, LogError> {
    metastore.log.commit(segments, || NOW, &CommitLimits::default()).await
}

fn appended(base: i64) -> Result<BatchAck, BatchRejection> {
    Ok(BatchAck { base: Offset(base), duplicate: false, timestamp: NOW })
}

#[tokio::test]
async fn a_repeated_commit_answers_the_first_outcome_even_beside_new_segments() {
    let (metastore, partitions) = store(1).await;
    let (first, second) = (segment(&partitions, 1, NOW), segment(&partitions, 2, NOW));
    let outcome = commit(&metastore, std::slice::from_ref(&first)).await.unwrap();
    let again = commit(&metastore, &[first, second]).await.unwrap();
    assert_eq!(again[0], outcome[0]);
    assert_eq!(again[1].runs[0].batches, [appended(1)]);
    assert_eq!(metastore.log.head(partitions[0]).await.unwrap().unwrap().next, Offset(2));
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_result_is_unknown_happens_once() {
    for seed in 0..30 {
        let faults = KvFaults { seed, unknown_per_mille: 600, ..KvFaults::default() };
        let metastore = fixtures::open(faults).await;
        let topic = fixtures::topic(&metastore, "topic", 2, NOW).await;
        let partitions: Vec<_> = topic.all_partitions().collect();
        for n in 0..5 {
            let outcomes = commit(&metastore, &[segment(&partitions, n, NOW)]).await.unwrap();
            assert_eq!(outcomes[0].runs[1].batches, [appended(n as i64)], "seed {seed}");
        }
        assert_eq!(metastore.feed.read(&FeedPosition::START, 100).await.unwrap().len(), 6, "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_age_of_a_segment_is_that_at_the_last_attempt_of_its_commit() {
    let metastore = fixtures::open(KvFaults { seed: 1, conflict_per_mille: 900, ..KvFaults::none() }).await;
    let topic = fixtures::topic(&metastore, "topic", 1, NOW).await;
    let partitions: Vec<_> = topic.all_partitions().collect();
    let attempts = AtomicI64::new(0);
    // The first attempt reads a time at which the segment is young, every later one a time at which it is too old.
    let late = NOW.plus(COMMIT_AGE_MAX).plus_ms(1);
    let clock = || if attempts.fetch_add(1, Ordering::Relaxed) == 0 { NOW } else { late };
    let outcomes =
        metastore.log.commit(&[segment(&partitions, 1, NOW)], clock, &CommitLimits::default()).await.unwrap();
    assert!(attempts.load(Ordering::Relaxed) > 1, "nine of ten attempts conflict");
    let too_old = BatchRejection::SegmentTooOld { created: NOW, now: late };
    assert_eq!(outcomes[0].runs[0].batches, [Err(too_old)]);
    assert_eq!(metastore.log.find(partitions[0], Offset(0), 9).await, Ok(vec![]));
}

#[tokio::test]
async fn commits_at_the_same_time_to_the_same_partition_give_each_record_its_own_offset() {
    let (metastore, partitions) = store(3).await;
    let commits = (0..20).map(|n| {
        let (metastore, segment) = (metastore.clone(), segment(&partitions, n, NOW));
        tokio::spawn(async move { commit(&metastore, &[segment]).await.unwrap() })
    });
    let mut bases = Vec::new();
    for outcome in futures::future::join_all(commits).await {
        bases.push(outcome.unwrap()[0].runs[2].batches[0].unwrap().base.0);
    }
    bases.sort_unstable();
    assert_eq!(bases, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_thousand_partitions_commit_in_one_small_transaction() {
    let (metastore, partitions) = store(1_000).await;
    let before = metastore.db.metrics().bytes_written.load(std::sync::atomic::Ordering::Relaxed);
    let outcomes = commit(&metastore, &[segment(&partitions, 1, NOW)]).await.unwrap();
    let bytes = metastore.db.metrics().bytes_written.load(std::sync::atomic::Ordering::Relaxed) - before;
    assert!(outcomes[0].runs.iter().all(|run| run.batches == [appended(0)]));
    assert!(bytes < TRANSACTION_BYTES_TARGET as u64 / 3, "{bytes}");
    let entries = metastore.feed.read(&FeedPosition::START, 100).await.unwrap();
    let entries = entries.iter().map(|(_, entry)| match entry {
        FeedEntry::Commit { extents, .. } => extents.len(),
        _ => 0,
    });
    assert_eq!(entries.sum::<usize>(), 1_000);
}

#[tokio::test]
async fn one_partition_commits_in_a_handful_of_rows() {
    let (metastore, partitions) = store(1).await;
    let rows = || metastore.db.metrics().rows_written.load(std::sync::atomic::Ordering::Relaxed);
    let before = rows();
    commit(&metastore, &[segment(&partitions, 1, NOW)]).await.unwrap();
    // Head, extent, object, outcome, feed entry, feed end.
    assert_eq!(rows() - before, 6);
}

#[tokio::test]
async fn an_outcome_larger_than_a_value_is_read_back() {
    let (metastore, partitions) = store(1).await;
    let producer = ProducerBatch { id: ProducerId(1), epoch: ProducerEpoch(0), first: Sequence(0), last: Sequence(0) };
    let mut large = segment(&partitions, 1, NOW);
    let run = &mut large.runs[0];
    run.batches[0].producer = Some(producer);
    run.batches = vec![run.batches[0].clone(); 9_000];
    run.position = 0..9_000 * 100;
    let outcome = commit(&metastore, std::slice::from_ref(&large)).await.unwrap();
    assert_eq!(outcome[0].runs[0].batches[0], appended(0));
    assert_eq!(outcome[0].runs[0].batches[8_999].map(|ack| ack.duplicate), Ok(true));
    assert_eq!(commit(&metastore, &[large]).await.unwrap(), outcome);
}

#[tokio::test]
async fn a_segment_that_nothing_references_is_retired_by_its_own_commit() {
    let (metastore, partitions) = store(1).await;
    let refused = segment(&[unknown(partitions[0])], 1, NOW);
    commit(&metastore, std::slice::from_ref(&refused)).await.unwrap();
    let grace = CommitLimits::default().retire_grace;
    let retired = metastore.objects.retired_due(NOW.plus(grace), 10).await.unwrap();
    assert_eq!(retired.iter().map(|retired| retired.id).collect::<Vec<_>>(), [refused.object]);
    assert_eq!(metastore.objects.retired_due(NOW.plus(grace).plus_ms(-1), 10).await, Ok(vec![]));
}

#[tokio::test]
async fn a_segment_that_comes_late_is_not_made_known() {
    let (metastore, partitions) = store(1).await;
    let late = segment(&partitions, 1, NOW.minus(COMMIT_AGE_MAX + Duration::from_millis(1)));
    let outcomes = commit(&metastore, std::slice::from_ref(&late)).await.unwrap();
    assert!(matches!(outcomes[0].runs[0].batches[0], Err(BatchRejection::SegmentTooOld { .. })));
    assert_eq!(metastore.objects.known(&[late.object]).await, Ok(vec![false]));
}

#[tokio::test]
async fn an_object_that_is_known_without_an_outcome_is_not_committed_again() {
    let (metastore, partitions) = store(1).await;
    let segment = segment(&partitions, 1, NOW);
    commit(&metastore, std::slice::from_ref(&segment)).await.unwrap();
    // A clock far ahead trims the outcome too early.
    let lease = lease(&metastore, LeaseKey::Role(MaintenanceRole::Feed)).await;
    metastore.feed.trim(&lease, Timestamp(i64::MAX), Duration::ZERO, 100).await.unwrap();
    assert_eq!(commit(&metastore, std::slice::from_ref(&segment)).await, Err(LogError::Known(segment.object)));
    assert_eq!(metastore.log.find(partitions[0], Offset(0), 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn malformed_calls_write_nothing() {
    let (metastore, partitions) = store(1).await;
    let whole = segment(&partitions, 1, NOW);
    let mut malformed = segment(&partitions, 2, NOW);
    malformed.runs[0].batches[0].records = 0;
    assert!(matches!(commit(&metastore, &[whole.clone(), malformed]).await, Err(LogError::Invalid(_))));
    let repeated = commit(&metastore, &[whole.clone(), whole.clone()]).await;
    assert_eq!(repeated, Err(LogError::Repeated(whole.object)));
    assert_eq!(metastore.objects.known(&[whole.object, ObjectId::default()]).await, Ok(vec![false; 2]));
}
