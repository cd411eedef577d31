use std::time::Duration;

use alluvium_model::{
    Offset, PartitionIndex, Timestamp, TopicId, TopicPartition,
    group::{Generation, GroupId, MemberId, Protocol, SavedMember, SavedState, Snapshot},
};
use bytes::Bytes;
use proptest::prelude::*;
use uuid::Uuid;

use super::row::{decode, encode};
use super::*;
use crate::{
    Metastore, fixtures,
    groups::{Fence, SaveError},
    keyspace::RowProblem,
    kv::Faults,
    leases::{Lease, LeaseKey, Role},
    topics::NewTopic,
};

const NOW: Timestamp = Timestamp(1_790_000_000_000);
const WEEK: Duration = Duration::from_secs(7 * 24 * 3_600);

fn group(name: &str) -> GroupId {
    GroupId::new(name).expect("a short name")
}

fn topic(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(number))
}

fn at(topic_number: u128, partition: i32) -> TopicPartition {
    TopicPartition::new(topic(topic_number), PartitionIndex(partition))
}

fn row(offset: i64) -> CommittedOffset {
    let metadata = format!("read to {offset}");
    CommittedOffset { offset: Offset(offset), leader_epoch: None, committed: NOW, expires: None, metadata }
}

fn simple() -> Snapshot {
    Snapshot {
        state: SavedState::Empty,
        generation: Generation(0),
        protocol_type: None,
        protocol: None,
        leader: None,
        members: Vec::new(),
    }
}

fn consumers(members: usize) -> Snapshot {
    let member = |n| SavedMember {
        id: MemberId::new(&format!("m{n}")).expect("not empty"),
        instance: None,
        client_id: String::new(),
        client_host: String::new(),
        session_timeout: Duration::ZERO,
        rebalance_timeout: Duration::ZERO,
        protocols: Vec::new(),
        assignment: Bytes::new(),
    };
    let state = if members == 0 { SavedState::Empty } else { SavedState::Stable };
    Snapshot { state, protocol_type: Some("consumer".into()), members: (0..members).map(member).collect(), ..simple() }
}

/// The lease of a group.
async fn lease(metastore: &Metastore, name: &str) -> Lease {
    fixtures::lease(metastore, LeaseKey::Group(group(name))).await
}

async fn saved(metastore: &Metastore, name: &str, snapshot: &Snapshot) -> Fence {
    metastore.groups.save(&lease(metastore, name).await, &group(name), None, 1, snapshot, NOW).await.expect("saved")
}

#[tokio::test]
async fn what_was_committed_is_fetched() {
    let metastore = fixtures::memory().await;
    let (offsets, g) = (&metastore.offsets, group("g"));
    let fence = saved(&metastore, "g", &simple()).await;
    let rows = [(at(1, 0), row(5)), (at(1, 1), row(6)), (at(2, 0), row(7))];
    offsets.commit(&lease(&metastore, "g").await, &g, fence, &rows).await.expect("committed");
    offsets.commit(&lease(&metastore, "g").await, &g, fence, &[(at(1, 0), row(9))]).await.expect("committed");
    let found = offsets.fetch(&g, &[at(2, 0), at(3, 0), at(1, 0)]).await.expect("read");
    assert_eq!(found, [Some(row(7)), None, Some(row(9))]);
    let all = offsets.fetch_all(&g).await.expect("read");
    assert_eq!(all, [(at(1, 0), row(9)), (at(1, 1), row(6)), (at(2, 0), row(7))]);
    assert_eq!(offsets.fetch_all(&group("gg")).await.expect("read"), []);
}

#[tokio::test]
async fn a_commit_admitted_under_an_earlier_save_is_refused() {
    let metastore = fixtures::memory().await;
    let (offsets, g) = (&metastore.offsets, group("g"));
    let first = saved(&metastore, "g", &consumers(1)).await;
    let second = metastore
        .groups
        .save(&lease(&metastore, "g").await, &g, Some(first), 2, &consumers(2), NOW)
        .await
        .expect("saved");
    assert_eq!(
        offsets.commit(&lease(&metastore, "g").await, &g, first, &[(at(1, 0), row(5))]).await,
        Err(SaveError::Fenced)
    );
    assert_eq!(offsets.delete(&lease(&metastore, "g").await, &g, first, &[at(1, 0)]).await, Err(SaveError::Fenced));
    offsets.commit(&lease(&metastore, "g").await, &g, second, &[(at(1, 0), row(5))]).await.expect("committed");
    assert_eq!(
        offsets.commit(&lease(&metastore, "none").await, &group("none"), second, &[(at(1, 0), row(5))]).await,
        Err(SaveError::Fenced)
    );
}

#[tokio::test]
async fn a_large_commit_is_read_back_whole() {
    let metastore = fixtures::open(Faults { seed: 3, unknown_per_mille: 100, ..Faults::default() }).await;
    let g = group("g");
    let fence = saved(&metastore, "g", &simple()).await;
    let long = |n: i32| CommittedOffset { metadata: "x".repeat(4_000), ..row(i64::from(n)) };
    let rows: Vec<_> = (0..1_500).map(|n| (at(1, n), if n < 300 { long(n) } else { row(i64::from(n)) })).collect();
    metastore.offsets.commit(&lease(&metastore, "g").await, &g, fence, &rows).await.expect("committed");
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), rows);
    let partitions: Vec<_> = rows.iter().map(|(partition, _)| *partition).collect();
    let found = metastore.offsets.fetch(&g, &partitions).await.expect("read");
    assert!(found.into_iter().eq(rows.into_iter().map(|(_, row)| Some(row))));
}

#[tokio::test]
async fn single_offsets_are_deleted() {
    let metastore = fixtures::memory().await;
    let (offsets, g) = (&metastore.offsets, group("g"));
    let fence = saved(&metastore, "g", &simple()).await;
    offsets
        .commit(&lease(&metastore, "g").await, &g, fence, &[(at(1, 0), row(5)), (at(1, 1), row(6))])
        .await
        .expect("committed");
    offsets.delete(&lease(&metastore, "g").await, &g, fence, &[at(1, 0), at(9, 9)]).await.expect("deleted");
    assert_eq!(offsets.fetch_all(&g).await.expect("read"), [(at(1, 1), row(6))]);
}

#[tokio::test]
async fn a_deleted_group_leaves_nothing_behind() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    let fence = saved(&metastore, "g", &simple()).await;
    let rows: Vec<_> = (0..600).map(|n| (at(1, n), row(1))).chain([(at(2, 0), row(1))]).collect();
    metastore.offsets.commit(&lease(&metastore, "g").await, &g, fence, &rows).await.expect("committed");
    metastore.groups.delete(&lease(&metastore, "g").await, &g, Some(fence)).await.expect("deleted");
    assert_eq!(metastore.groups.load(&g).await.expect("read"), None);
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), []);
    let left =
        metastore.db.read("all", |tx| async move { tx.range(crate::kv::Range::new(vec![0x50], vec![0x6f])).await });
    assert_eq!(left.await.expect("read"), []);
}

#[tokio::test]
async fn a_purged_topic_takes_its_offsets_out_of_all_groups() {
    let metastore = fixtures::memory().await;
    for name in ["a", "b", "c"] {
        let fence = saved(&metastore, name, &simple()).await;
        let rows = [(at(1, 0), row(5)), (at(1, 1), row(6)), (at(2, 0), row(7))];
        metastore.offsets.commit(&lease(&metastore, name).await, &group(name), fence, &rows).await.expect("committed");
    }
    let mut steps = 1;
    while !metastore.offsets.purge(topic(1), 2).await.expect("purged") {
        steps += 1;
    }
    assert_eq!(steps, 2);
    for name in ["a", "b", "c"] {
        assert_eq!(metastore.offsets.fetch_all(&group(name)).await.expect("read"), [(at(2, 0), row(7))]);
    }
}

async fn sweep(metastore: &Metastore, now: Timestamp) -> (usize, usize) {
    let (mut after, mut total) = (None, (0, 0));
    let lease = fixtures::lease(metastore, LeaseKey::Role(Role::Offsets)).await;
    loop {
        let step = metastore.offsets.expire(&lease, now, WEEK, after.as_ref(), 2).await.expect("swept");
        total = (total.0 + step.expired, total.1 + step.deleted);
        match step.next {
            Some(next) => after = Some(next),
            None => return total,
        }
    }
}

#[tokio::test]
async fn offsets_of_a_group_whose_members_do_not_say_what_they_read_never_expire() {
    let metastore = fixtures::memory().await;
    let connect = Snapshot { protocol_type: Some("connect".into()), ..subscribed(&["orders"]) };
    let rebalancing = Snapshot { state: SavedState::CompletingRebalance, ..subscribed(&["orders"]) };
    for (name, snapshot) in [("mute", consumers(1)), ("connect", connect), ("rebalancing", rebalancing)] {
        let fence = saved(&metastore, name, &snapshot).await;
        metastore
            .offsets
            .commit(&lease(&metastore, name).await, &group(name), fence, &[(at(1, 0), row(5))])
            .await
            .expect("committed");
    }
    assert_eq!(sweep(&metastore, NOW.plus(WEEK * 100)).await, (0, 0));
}

/// A stable group of one consumer of `topics`.
fn subscribed(topics: &[&str]) -> Snapshot {
    let mut metadata = [&[0, 1][..], &u32::try_from(topics.len()).expect("few").to_be_bytes()].concat();
    for topic in topics {
        metadata.extend(u16::try_from(topic.len()).expect("short").to_be_bytes());
        metadata.extend(topic.as_bytes());
    }
    let mut snapshot = Snapshot { protocol: Some("range".into()), ..consumers(1) };
    snapshot.members[0].protocols = vec![Protocol { name: "range".into(), metadata: metadata.into() }];
    snapshot
}

#[tokio::test]
async fn offsets_of_topics_that_members_no_longer_subscribe_to_expire_a_week_after_their_commit() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    for (number, name) in [(1, "orders"), (2, "payments")] {
        let new = NewTopic {
            id: topic(number),
            name: name.to_owned(),
            partitions: 1,
            replication_factor: 1,
            configs: std::collections::BTreeMap::new(),
        };
        metastore.topics.create(new, NOW).await.expect("created");
    }
    let fence = saved(&metastore, "g", &subscribed(&["payments", "orders", "absent"])).await;
    let later = CommittedOffset { committed: NOW.plus(WEEK), ..row(6) };
    let rows = [(at(1, 0), row(5)), (at(2, 0), row(5)), (at(2, 1), later.clone())];
    metastore.offsets.commit(&lease(&metastore, "g").await, &g, fence, &rows).await.expect("committed");
    assert_eq!(sweep(&metastore, NOW.plus(WEEK * 100)).await, (0, 0));
    metastore
        .groups
        .save(&lease(&metastore, "g").await, &g, Some(fence), 2, &subscribed(&["orders"]), NOW.plus(WEEK))
        .await
        .expect("saved");
    assert_eq!(sweep(&metastore, NOW.plus(WEEK).plus_ms(-1)).await, (0, 0));
    assert_eq!(sweep(&metastore, NOW.plus(WEEK)).await, (1, 0));
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), [(at(1, 0), row(5)), (at(2, 1), later)]);
    assert_eq!(sweep(&metastore, NOW.plus(WEEK * 100)).await, (1, 0));
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), [(at(1, 0), row(5))]);
}

#[tokio::test]
async fn offsets_of_an_empty_group_expire_together_a_week_after_it_became_empty() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    let first = saved(&metastore, "g", &consumers(1)).await;
    metastore
        .offsets
        .commit(&lease(&metastore, "g").await, &g, first, &[(at(1, 0), row(5)), (at(2, 0), row(5))])
        .await
        .expect("committed");
    let emptied = NOW.plus(WEEK * 3);
    metastore
        .groups
        .save(&lease(&metastore, "g").await, &g, Some(first), 2, &consumers(0), emptied)
        .await
        .expect("saved");
    assert_eq!(sweep(&metastore, emptied.plus(WEEK).plus_ms(-1)).await, (0, 0));
    assert_eq!(sweep(&metastore, emptied.plus(WEEK)).await, (2, 1));
    assert_eq!(metastore.groups.load(&g).await.expect("read"), None);
}

#[tokio::test]
async fn offsets_of_a_simple_consumer_expire_one_by_one_a_week_after_their_commit() {
    let metastore = fixtures::memory().await;
    let g = group("g");
    let fence = saved(&metastore, "g", &simple()).await;
    let later = CommittedOffset { committed: NOW.plus(WEEK), ..row(6) };
    metastore
        .offsets
        .commit(&lease(&metastore, "g").await, &g, fence, &[(at(1, 0), row(5)), (at(1, 1), later.clone())])
        .await
        .expect("committed");
    assert_eq!(sweep(&metastore, NOW.plus(WEEK)).await, (1, 0));
    assert_eq!(metastore.offsets.fetch_all(&g).await.expect("read"), [(at(1, 1), later)]);
    assert_eq!(sweep(&metastore, NOW.plus(WEEK * 2)).await, (1, 1));
}

#[tokio::test]
async fn an_expiry_that_the_consumer_gave_goes_first() {
    let metastore = fixtures::memory().await;
    let fence = saved(&metastore, "g", &simple()).await;
    let short = CommittedOffset { expires: Some(NOW.plus_ms(1_000)), ..row(5) };
    let long = CommittedOffset { expires: Some(NOW.plus(WEEK * 9)), ..row(5) };
    metastore
        .offsets
        .commit(&lease(&metastore, "g").await, &group("g"), fence, &[(at(1, 0), short), (at(1, 1), long)])
        .await
        .expect("committed");
    assert_eq!(sweep(&metastore, NOW.plus_ms(1_000)).await, (1, 0));
    assert_eq!(sweep(&metastore, NOW.plus(WEEK * 8)).await, (0, 0));
}

#[tokio::test]
async fn an_empty_group_without_offsets_goes_only_when_its_coordinator_has_forgotten_it() {
    let metastore = fixtures::memory().await;
    for name in ["a", "b", "c"] {
        saved(&metastore, name, &consumers(0)).await;
    }
    assert_eq!(sweep(&metastore, NOW.plus_ms(1)).await, (0, 0));
    assert_eq!(sweep(&metastore, NOW.plus(Duration::from_secs(600))).await, (0, 3));
}

#[test]
fn the_offset_row_of_version_1_is_these_bytes() {
    let whole = CommittedOffset {
        offset: Offset(258),
        leader_epoch: Some(3),
        committed: Timestamp(4),
        expires: None,
        metadata: "hi".to_owned(),
    };
    let bytes =
        [&[1][..], &[0, 0, 0, 0, 0, 0, 1, 2], &[0, 0, 0, 3], &[0, 0, 0, 0, 0, 0, 0, 4], &[255; 8], b"\x01\x02hi"]
            .concat();
    assert_eq!(encode(&whole), bytes);
    assert_eq!(decode(&bytes), Ok(whole));
    assert_eq!(decode(&[2]).map_err(|error| error.problem), Err(RowProblem::UnknownVersion(2)));
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were(
        offset in any::<i64>(), epoch in proptest::option::of(0i32..), committed in any::<i64>(),
        expires in proptest::option::of(0i64..), metadata in ".{0,20}",
    ) {
        let whole = CommittedOffset {
            offset: Offset(offset),
            leader_epoch: epoch,
            committed: Timestamp(committed),
            expires: expires.map(Timestamp),
            metadata,
        };
        prop_assert_eq!(decode(&encode(&whole)), Ok(whole));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = decode(&bytes);
        let _ = decode(&std::iter::once(1).chain(bytes).collect::<Vec<_>>());
    }
}
