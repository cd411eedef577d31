//! The transactions of offsets. Their helpers serve the tests of what spans groups and offsets, too.

use std::time::Duration;

use alluvium_model::{
    Offset, PartitionIndex, Timestamp, TopicId, TopicPartition,
    group::{Generation, GroupId, MemberId, SavedMember, SavedState, Snapshot},
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
    kv::KvFaults,
    leases::{Lease, LeaseKey},
};

pub(crate) const NOW: Timestamp = Timestamp(1_790_000_000_000);

/// The group called `name`.
pub(crate) fn group(name: &str) -> GroupId {
    GroupId::new(name).expect("a short name")
}

/// The id of topic `number`.
pub(crate) fn topic(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(number))
}

/// A partition of topic `topic_number`.
pub(crate) fn at(topic_number: u128, partition: i32) -> TopicPartition {
    TopicPartition::new(topic(topic_number), PartitionIndex(partition))
}

/// A committed offset.
pub(crate) fn row(offset: i64) -> CommittedOffset {
    let metadata = format!("read to {offset}");
    CommittedOffset { offset: Offset(offset), leader_epoch: None, committed: NOW, expires: None, metadata }
}

/// A group that never had members.
pub(crate) fn simple() -> Snapshot {
    Snapshot {
        state: SavedState::Empty,
        generation: Generation(0),
        protocol_type: None,
        protocol: None,
        leader: None,
        members: Vec::new(),
    }
}

/// A group of consumers that say nothing about their subscriptions.
pub(crate) fn consumers(members: usize) -> Snapshot {
    let member = |n| SavedMember {
        id: MemberId::new(&format!("m{n}")).expect("not empty"),
        instance: None,
        client_id: String::new(),
        client_host: String::new(),
        session_timeout: Duration::ZERO,
        rebalance_timeout: Duration::ZERO,
        protocols: Vec::new(),
        assignment: Bytes::new(),
        silent_for: Duration::ZERO,
    };
    let state = if members == 0 { SavedState::Empty } else { SavedState::Stable };
    Snapshot { state, protocol_type: Some("consumer".into()), members: (0..members).map(member).collect(), ..simple() }
}

/// The lease of a group.
pub(crate) async fn lease(metastore: &Metastore, name: &str) -> Lease {
    fixtures::lease(metastore, LeaseKey::Group(group(name))).await
}

/// Saves the group called `name` for the first time.
pub(crate) async fn saved(metastore: &Metastore, name: &str, snapshot: &Snapshot) -> Fence {
    metastore.groups.save(&lease(metastore, name).await, &group(name), None, 1, snapshot, NOW).await.expect("saved")
}

#[tokio::test]
async fn committed_offsets_are_fetched() {
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
    let metastore = fixtures::open(KvFaults { seed: 3, unknown_per_mille: 100, ..KvFaults::default() }).await;
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
async fn the_offsets_of_a_purged_topic_are_deleted_from_all_groups() {
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
