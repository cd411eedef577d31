//! A fault affects only what it hits, is reported, and loses nothing that was acknowledged.

use std::time::Duration;

use alluvium_metastore::kv::KvFaults;
use alluvium_model::Offset;
use alluvium_objects::Operation;
use alluvium_objects::faults::{Fault, FaultRule};
use proptest::prelude::*;

use super::world::{World, append, batch, fetch, plan, produce, read_all, records, sequenced};
use crate::config::AgentConfig;
use crate::fetch::FetchError;
use crate::produce::ProduceError;

#[tokio::test(start_paused = true)]
async fn a_failed_upload_fails_its_batches_only() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable));
    let failed = produce(&agent, partition, batch(&["lost"])).await.expect_err("the store is down");
    assert!(failed.is_retryable());
    assert!(matches!(failed, ProduceError::Upload(_)));
    world.faults.heal();
    let ack = produce(&agent, partition, batch(&["kept"])).await.expect("the store is back");
    assert_eq!(ack.base_offset, Offset(0));
    assert_eq!(read_all(&agent, partition).await, [(0, "kept".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_new_producers_later_batches_do_not_overtake_the_one_that_failed() {
    let world = World::new().await;
    let agent = world.agent_with(AgentConfig { segment_bytes_max: 1, ..AgentConfig::default() }).await;
    let partition = world.topic("orders", 1).await[0];
    // Every attempt to upload the first segment fails; later segments would succeed.
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable).times(1));
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Delay(Duration::from_millis(50))).times(2));
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable).times(2));
    let first = append(&agent, partition, sequenced(5, 0, &["a"])).await;
    let second = append(&agent, partition, sequenced(5, 1, &["b"])).await;
    let third = append(&agent, partition, sequenced(6, 0, &["other"])).await;
    assert!(first.await[0].as_ref().is_err_and(ProduceError::is_retryable));
    assert!(second.await[0].as_ref().is_err_and(ProduceError::is_retryable));
    assert!(third.await[0].is_ok());
    produce(&agent, partition, sequenced(5, 0, &["a"])).await.expect("sent again");
    produce(&agent, partition, sequenced(5, 1, &["b"])).await.expect("sent again");
    let values: Vec<String> = read_all(&agent, partition).await.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["other", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_put_that_was_done_but_not_answered_duplicates_no_record() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    world.faults.inject(FaultRule::on(Operation::Put, Fault::DoneButUnavailable).times(1));
    produce(&agent, partition, batch(&["once"])).await.expect("the second attempt succeeds");
    assert_eq!(read_all(&agent, partition).await, [(0, "once".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_minute_without_the_store_loses_nothing_acknowledged() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Hang));
    let outage = {
        let faults = world.faults.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(60)).await;
            faults.heal();
        }
    };
    let producer = async {
        let mut acknowledged = Vec::new();
        for n in 0..200 {
            let value = format!("value {n}");
            if let Ok(ack) = produce(&agent, partition, batch(&[&value])).await {
                acknowledged.push((ack.base_offset.0, value));
            }
        }
        acknowledged
    };
    let ((), acknowledged) = tokio::join!(outage, producer);
    assert!(acknowledged.len() > 150);
    assert_eq!(read_all(&agent, partition).await, acknowledged);
}

#[tokio::test(start_paused = true)]
async fn a_corrupt_segment_fails_its_partition_only() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partitions = world.topic("orders", 2).await;
    produce(&writer, partitions[0], batch(&["bad"])).await.expect("acknowledged");
    produce(&writer, partitions[1], batch(&["good"])).await.expect("acknowledged");
    let reader = world.agent().await;
    let key = world.metastore.log.find(partitions[0], Offset(0), 1).await.expect("found")[0].object.to_string();
    world.faults.inject(FaultRule::on(Operation::Get, Fault::Flipped(80)).key_contains(key));
    let fetched = reader.fetch.fetch(plan(&[(partitions[0], 0), (partitions[1], 0)])).await;
    assert!(matches!(fetched[0].error, Some(FetchError::Corrupt { .. })), "{:?}", fetched[0].error);
    assert_eq!(fetched[0].high_watermark, Offset(1));
    assert_eq!(records(&fetched[1]), [(0, "good".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_lost_segment_fails_its_partition_only() {
    let world = World::new().await;
    let writer = world.agent().await;
    let partitions = world.topic("orders", 2).await;
    produce(&writer, partitions[0], batch(&["lost"])).await.expect("acknowledged");
    produce(&writer, partitions[1], batch(&["good"])).await.expect("acknowledged");
    let reader = world.agent().await;
    let key = world.metastore.log.find(partitions[0], Offset(0), 1).await.expect("found")[0].object.to_string();
    world.faults.inject(FaultRule::on(Operation::Get, Fault::NotFound).key_contains(key));
    let fetched = reader.fetch.fetch(plan(&[(partitions[0], 0), (partitions[1], 0)])).await;
    assert!(matches!(fetched[0].error, Some(FetchError::Storage(_))), "{:?}", fetched[0].error);
    assert_eq!(records(&fetched[1]), [(0, "good".into())]);
}

#[tokio::test(start_paused = true)]
async fn commits_to_a_deleted_topic_are_rejected_and_others_succeed() {
    let world = World::new().await;
    let agent = world.agent().await;
    let gone = world.topic("gone", 1).await[0];
    let kept = world.topic("kept", 1).await[0];
    world.metastore.topics.delete(gone.topic, world.clock.now(), Duration::ZERO).await.expect("it exists");
    let refused = append(&agent, gone, batch(&["x"])).await;
    let accepted = append(&agent, kept, batch(&["y"])).await;
    assert!(matches!(refused.await[0], Err(ProduceError::Rejected(_))));
    assert!(accepted.await[0].is_ok());
    assert!(matches!(fetch(&agent, gone, 0).await.error, Some(FetchError::UnknownPartition(_))));
}

#[tokio::test(start_paused = true)]
async fn a_draining_agent_answers_what_it_admitted_and_admits_no_more() {
    let world = World::new().await;
    let agent = world.agent().await;
    let partition = world.topic("orders", 1).await[0];
    let mut outcomes = Vec::new();
    for n in 0..50 {
        outcomes.push(append(&agent, partition, batch(&[&format!("value {n}")])).await);
    }
    assert!(agent.drain(Duration::from_secs(10)).await);
    for outcome in outcomes {
        assert!(outcome.await[0].is_ok());
    }
    assert!(agent.produce.admit(1).await.is_err());
    let next = world.agent().await;
    assert_eq!(read_all(&next, partition).await.len(), 50);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// With conflicts, reads that are too old, commits whose result is unknown and failed uploads, every acknowledged
    /// record is stored once, at its offset, in the order of sending.
    #[test]
    fn nothing_acknowledged_is_lost_or_doubled(seed in any::<u64>(), failing_puts in 0_u64..6) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime starts");
        runtime.block_on(check_acknowledged_records(seed, failing_puts));
    }
}

async fn check_acknowledged_records(seed: u64, failing_puts: u64) {
    let faults = KvFaults {
        seed,
        conflict_per_mille: 150,
        unknown_per_mille: 150,
        too_old_per_mille: 50,
        latency_max: Duration::from_millis(20),
        ..KvFaults::none()
    };
    let world = World::with_metastore_faults(faults).await;
    let agent = world.agent_with(AgentConfig { segment_bytes_max: 400, ..AgentConfig::default() }).await;
    let partitions = world.topic("orders", 3).await;
    world.faults.inject(FaultRule::on(Operation::Put, Fault::Unavailable).skip(seed % 7).times(failing_puts));
    let mut sent = Vec::new();
    for n in 0..60_i32 {
        let partition = partitions[usize::try_from(n % 3).expect("small")];
        let value = format!("{n:03}");
        sent.push((partition, value.clone(), append(&agent, partition, batch(&[&value])).await));
    }
    let mut acknowledged = Vec::new();
    for (partition, value, outcome) in sent {
        match &outcome.await[0] {
            Ok(ack) => acknowledged.push((partition, ack.base_offset.0, value)),
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    // A new agent knows only what is stored.
    for reader in [agent, world.agent().await] {
        for partition in &partitions {
            let expected: Vec<(i64, String)> = acknowledged
                .iter()
                .filter(|(of, _, _)| of == partition)
                .map(|(_, offset, value)| (*offset, value.clone()))
                .collect();
            let read = read_all(&reader, *partition).await;
            assert!(read.windows(2).all(|pair| pair[0].1 < pair[1].1), "seed {seed}: {read:?}");
            assert!(expected.iter().all(|record| read.contains(record)), "seed {seed}: {expected:?} {read:?}");
        }
    }
}
